"""`headwater show`: one delivery, or one try, with what its client did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec

from headwater.cli.letter import problem_text, summary
from headwater.cli.ls import standing, tell_deliveries
from headwater.cli.output import DOUBTFUL, as_json, coloured, emit, facts, say, shown, table, when
from headwater.cli.session import open_zone
from headwater.errors import Refused
from headwater.terms import Evidence
from headwater.web.shapes import AttemptView, EntryView, FindingView
from headwater.zone.delivery import Delivery, NoDelivery, size_text
from headwater.zone.zone import Zone, literal

HISTORY = 10
PROBLEMS = 8


def show(id: str, /) -> None:
    """Shows one delivery: its receipt, what is known now, where its bytes are, what its client did, its name's history.

    Of a try that did not land: how it ended, and what its client did. Tries are kept for 90 days.

    Parameters
    ----------
    id
        Its id, an ending of it of 6 characters or more, or its object's key or URL; or the id of a try.
    """
    with open_zone() as zone:
        try:
            found = zone.delivery(id)
        except NoDelivery as missing:
            attempt = _attempt(zone, id)
            if attempt is None:
                raise missing from None
            emit(attempt) if as_json() else _tell_attempt(attempt)
            return
        attempt = _attempt(zone, found.id)
        if as_json():
            known = {field: getattr(found.known, field) for field in found.known.__struct_fields__}
            known["findings"] = found.findings
            emit(known if attempt is None else known | {"attempt": attempt})
            return
        _tell(found, zone.name)
        _tell_finding(found)
        if found.now.amended_by:
            _tell_later(zone.entries(found.id))
        if attempt is not None:
            _tell_client(attempt)
        same_name = zone.deliveries(found.feed, name=literal(found.name), limit=HISTORY)
        if len(same_name) > 1:
            say()
            say(f"Deliveries of this name in {found.feed}", style="bold")
            tell_deliveries(same_name, one_feed=True)


def _tell(delivery: Delivery, where: str) -> None:
    receipt, known = delivery.receipt, delivery.known
    facts(
        [
            ("Delivery", delivery.id),
            ("Name", delivery.name),
            ("Feed", delivery.feed),
            ("State", standing(delivery)),
            ("Landed", receipt.landed_at),
            ("Opened", receipt.opened_at),
            ("By", f"{receipt.sender.name} ({receipt.sender.credential}), door {receipt.door}"),
            ("Put at", receipt.path),
            ("Idempotency key", receipt.idempotency_key),
        ]
    )
    say()
    say("Bytes", style="bold")
    facts(
        [
            ("Size", f"{size_text(delivery.size_bytes)} ({delivery.size_bytes:,} bytes)"),
            ("SHA-256", delivery.sha256),
            ("CRC-64/NVME", receipt.crc64nvme),
            ("Content type", receipt.declared.content_type),
            ("Key", receipt.key),
            ("In", where),
            ("Version", receipt.version),
        ]
    )
    say()
    say("Whole", style="bold")
    facts([("Now", coloured(delivery.completeness.value)), *_evidence(receipt.evidence)])
    facts(
        [
            ("Fidelity", receipt.fidelity.value),
            ("Durability", receipt.durability.value),
            ("Repeat of", receipt.repeat_of),
            ("Previous", receipt.previous),
        ]
    )
    say()
    say("Ledger", style="bold")
    facts([("Position", known.position), ("Entry", f"{known.index} of {known.log}")])


def _tell_finding(delivery: Delivery) -> None:
    """What inspection found, a sentence each."""
    if not delivery.receipt.key.startswith("raw/"):
        return
    say()
    say("Finding", style="bold")
    found: list[FindingView] = []
    with suppress(Refused):  # a server of before there were findings
        found = delivery.findings
    if not found:
        say(f"It was not inspected yet. `headwater inspect {delivery.id[-8:]}` looks at it now.")
        return
    newest = found[0]
    facts([("Whole", coloured(newest.finding.wholeness.verdict.value))])
    for sentence in summary(newest.finding):
        say(shown(sentence))
    for problem in newest.finding.problems[:PROBLEMS]:
        say(f"! {shown(problem_text(problem))}", style=DOUBTFUL)
    if len(newest.finding.problems) > PROBLEMS:
        say(f"and {len(newest.finding.problems) - PROBLEMS} more")
    runs = f", {len(found)} findings in all" if len(found) > 1 else ""
    say(f"Inspected {when(newest.made_at)}{runs}. `headwater inspect {delivery.id[-8:]}` tells all.")


def _tell_later(entries: Sequence[EntryView]) -> None:
    """What the ledger says of it after its receipt."""
    say()
    say("Known later", style="bold")
    rows = []
    for one in entries[1:]:
        entry = msgspec.json.decode(one.entry)
        said = [entry.get("completeness"), entry.get("reason"), entry.get("name", entry.get("name_b64"))]
        evidence = _evidence(msgspec.convert(entry.get("evidence", []), list[Evidence]))
        said += [f"{kind} {value}" for kind, value in evidence]
        rows.append((one.position, when(entry["at"]), entry["kind"], ", ".join(filter(None, said))))
    table(("position", "at (UTC)", "entry", "what"), rows, right=("position",), fold="what")


def _evidence(evidence: Sequence[Evidence]) -> list[tuple[str, str]]:
    """What the sender said beside what came."""
    found = []
    for one in evidence:
        agrees = "as declared" if one.declared == one.observed else f"but {one.declared} was declared"
        found.append((one.kind, f"{one.observed} {agrees}" if one.declared else one.observed))
    return found


# --- tries ------------------------------------------------------------------------------------------------------------


def _attempt(zone: Zone, id: str) -> AttemptView | None:
    """The try; None if it is forgotten, or not to be seen."""
    try:
        return zone.attempt(id)
    except Refused as refused:
        if refused.reason in {"not_found", "not_allowed"}:
            return None
        raise


def _tell_attempt(attempt: AttemptView) -> None:
    declared = attempt.declared
    facts(
        [
            ("Try", attempt.id),
            ("Name", attempt.name or attempt.name_b64),
            ("Feed", attempt.feed),
            ("Outcome", coloured(attempt.outcome.value)),
            ("Reason", attempt.reason),
            ("", attempt.sentence),
            ("Delivery", attempt.delivery),
            ("Opened", attempt.opened_at),
            ("Ended", attempt.ended_at),
            ("By", f"{attempt.sender.name} ({attempt.sender.credential}), door {attempt.door}"),
            ("Idempotency key", attempt.idempotency_key),
            ("Size", f"{size_text(attempt.size_bytes)} ({attempt.size_bytes:,} bytes)"),
            ("Declared size", None if declared.size_bytes is None else f"{declared.size_bytes:,} bytes"),
        ]
    )
    _tell_client(attempt)


def _tell_client(attempt: AttemptView) -> None:
    """Who it was, and the steps."""
    say()
    say("Client", style="bold")
    facts([("From", attempt.peer), ("Says it is", attempt.agent)])
    if attempt.transcript:
        table(("seconds", "step", "bytes", "what"), _steps(attempt), right=("seconds", "bytes"), fold="what")


def _steps(attempt: AttemptView) -> Iterator[tuple[str, str, str, str]]:
    """The transcript in order of time, the end of the try among it: what a sender does with its file can come later."""
    end = {"event": attempt.outcome.value, "size_bytes": attempt.size_bytes, "reason": attempt.reason}
    rows: list[dict[str, Any]] = list(attempt.transcript)
    before = sum(attempt.ended_at is None or row.get("at", "") <= attempt.ended_at for row in rows)
    rows.insert(before, end if attempt.ended_at is None else {"at": attempt.ended_at, **end})
    first = rows[0].get("at", attempt.opened_at)
    for row in rows:
        at = row.get("at")
        seconds = "" if at is None else f"{_seconds(first, at):.3f}"
        size_bytes = row.get("size_bytes", row.get("received_bytes"))
        yield (
            seconds,
            row["event"],
            "" if size_bytes is None else f"{size_bytes:,}",
            ", ".join(_said(row, {attempt.agent, attempt.sender.credential, None, ""})),
        )


def _said(row: dict[str, Any], stated: set[Any]) -> Iterator[str]:
    """What was said in a step, but for what stands above already."""
    if "new" in row:
        yield f"{row.get('old', '')} → {row['new']}".strip()
    for name, value in row.items():
        if name == "path":
            yield str(value)
        elif name not in {"at", "event", "size_bytes", "received_bytes", "old", "new"} and value not in stated:
            yield f"{name.replace('_', ' ')} {value}"


def _seconds(first: str, at: str) -> float:
    return (datetime.fromisoformat(at) - datetime.fromisoformat(first)).total_seconds()
