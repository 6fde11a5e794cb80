"""`headwater ls`: what landed, or every try."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from cyclopts import Parameter

from headwater.cli.output import as_json, coloured, emit, remark, shown, table, when
from headwater.cli.session import open_zone
from headwater.cli.words import Feed, Flag
from headwater.errors import Refused
from headwater.terms import State
from headwater.web.shapes import AttemptView
from headwater.zone.delivery import Delivery, size_text
from headwater.zone.zone import Zone


@Parameter(name="*")
@dataclass(frozen=True)
class Query:
    """What is asked for."""

    since: str | None = None
    "Landed at this time or later: 2026-11-23, 2026-11-23T06:00:00Z, 2d, yesterday."
    until: str | None = None
    "Landed before this time."
    name: str | None = None
    "A glob over the names as they are now."
    door: str | None = None
    "How it came: http, sftp, ftp …"
    sender: str | None = None
    "Who sent it."
    completeness: str | None = None
    "proven, presumed, suspect or partial."
    state: str | None = None
    "effective, repeat, superseded, withdrawn, void or erased."
    limit: int = 50
    "At most so many."


def ls(
    feed: Feed | None = None,
    /,
    *,
    query: Query = Query(),
    attempts: Flag = False,
    outcome: Annotated[str | None, Parameter(help="Of tries: parked,held,refused,repeated or some of them.")] = None,
) -> None:
    """Lists deliveries, newest first.

    Parameters
    ----------
    attempts
        List every try to deliver, also those that did not land.
    """
    with open_zone() as zone:
        if attempts or outcome:
            _tell_attempts(_attempts(zone, feed, query, outcome))
            return
        deliveries = zone.deliveries(feed, **asdict(query))
    if as_json():
        for one in deliveries:
            emit(one.known)
    elif deliveries:
        tell_deliveries(deliveries, one_feed=feed is not None and "/" in feed)
    else:
        remark("Nothing has landed yet." if feed is None and query == Query() else "Nothing landed here that matches.")


def tell_deliveries(deliveries: Any, *, one_feed: bool = False) -> None:
    """A table of deliveries; their feed is left out where it is the same for all."""
    head = ["landed (UTC)", "feed", "name", "size", "state", "id"]
    rows = [
        [
            when(one.receipt.landed_at),
            str(one.feed),
            one.name,
            size_text(one.size_bytes),
            standing(one),
            one.id[-8:],
        ]
        for one in deliveries
    ]
    if one_feed:
        head.remove("feed")
        for row in rows:
            del row[1]
    table(head, rows, right=("size",), fold="name")


def standing(delivery: Delivery) -> Any:
    """What it counts for, in one word: how whole it is while it counts, else why it does not."""
    effective = delivery.state is State.EFFECTIVE
    return coloured(delivery.completeness.value if effective else delivery.state.value)


def _attempts(zone: Zone, feed: str | None, query: Query, outcome: str | None) -> list[AttemptView]:
    if query.name or query.door or query.completeness or query.state:
        raise Refused("bad_request", "Tries are found by feed, --sender, --outcome, --since and --until.")
    return zone.attempts(
        feed, since=query.since, until=query.until, sender=query.sender, outcome=outcome, limit=query.limit
    )


def _tell_attempts(attempts: list[AttemptView]) -> None:
    if as_json():
        for one in attempts:
            emit(one)
        return
    if not attempts:
        remark("There was no such try.")
        return
    rows = [
        (
            when(one.opened_at),
            one.feed,
            one.name or one.name_b64 or "",
            size_text(one.size_bytes),
            coloured(one.outcome.value),
            shown(one.reason or ""),
            one.id[-8:],
        )
        for one in attempts
    ]
    table(("opened (UTC)", "feed", "name", "size", "outcome", "reason", "id"), rows, right=("size",), fold="name")
