"""`headwater show`: one delivery."""

from __future__ import annotations

from headwater.cli.ls import standing, tell_deliveries
from headwater.cli.output import as_json, coloured, emit, facts, say
from headwater.cli.session import open_zone
from headwater.terms import Receipt
from headwater.zone.delivery import Delivery, size_text
from headwater.zone.zone import literal

HISTORY = 10


def show(id: str, /) -> None:
    """Shows one delivery: its receipt, what is known now, the history of that name, where its bytes are.

    Parameters
    ----------
    id
        Its id, an ending of it of 6 characters or more, or its object's key or URL.
    """
    with open_zone() as zone:
        found = zone.delivery(id)
        if as_json():
            emit(found.known)
            return
        _tell(found, zone.name)
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
    facts([("Now", coloured(delivery.completeness.value)), *_evidence(receipt)])
    facts(
        [
            ("Fidelity", receipt.fidelity.value),
            ("Durability", receipt.durability.value),
            ("Repeat of", receipt.repeat_of),
            ("Previous", receipt.previous),
            ("Amended by", ", ".join(f"entry {position}" for position in delivery.now.amended_by)),
        ]
    )
    say()
    say("Ledger", style="bold")
    facts([("Position", known.position), ("Entry", f"{known.index} of {known.log}")])


def _evidence(receipt: Receipt) -> list[tuple[str, str]]:
    """What the sender said beside what came."""
    found = []
    for one in receipt.evidence:
        agrees = "as declared" if one.declared == one.observed else f"but {one.declared} was declared"
        found.append((one.kind, f"{one.observed} {agrees}" if one.declared else one.observed))
    return found
