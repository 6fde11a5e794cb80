"""`headwater ls`: what landed, or every try."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from headwater.cli.output import as_json, coloured, emit, remark, shown, table, when
from headwater.cli.session import open_zone
from headwater.cli.words import Feed, Flag
from headwater.errors import Refused
from headwater.terms import State
from headwater.web.shapes import AttemptView
from headwater.zone.delivery import Delivery, size_text


def ls(  # noqa: PLR0913 - each is one question
    feed: Feed | None = None,
    /,
    *,
    since: str | None = None,
    until: str | None = None,
    name: str | None = None,
    door: str | None = None,
    sender: str | None = None,
    completeness: str | None = None,
    state: str | None = None,
    limit: int = 50,
    attempts: Flag = False,
    outcome: Annotated[str | None, Parameter(help="Of tries: parked,held,refused,repeated or some of them.")] = None,
) -> None:
    """Lists deliveries, newest first.

    Parameters
    ----------
    since
        Landed at this time or later: 2026-11-23, 2026-11-23T06:00:00Z, 2d, yesterday.
    until
        Landed before this time.
    name
        A glob over the names as they are now.
    door
        How it came: http, sftp, ftp …
    sender
        Who sent it.
    completeness
        proven, presumed, suspect or partial.
    state
        effective, repeat, superseded, withdrawn, void or erased.
    limit
        At most so many.
    attempts
        List every try to deliver, also those that did not land.
    """
    with open_zone() as zone:
        if attempts or outcome:
            if name or door or completeness or state:
                raise Refused("bad_request", "Tries are found by feed, --sender, --outcome, --since and --until.")
            found = zone.attempts(feed, since=since, until=until, sender=sender, outcome=outcome, limit=limit)
            _tell_attempts(found)
            return
        deliveries = zone.deliveries(
            feed,
            since=since,
            until=until,
            name=name,
            door=door,
            sender=sender,
            completeness=completeness,
            state=state,
            limit=limit,
        )
    if as_json():
        for one in deliveries:
            emit(one.known)
    elif deliveries:
        tell_deliveries(deliveries, one_feed=feed is not None and "/" in feed)
    else:
        remark("Nothing landed here that matches." if feed or since or name else "Nothing has landed yet.")


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
