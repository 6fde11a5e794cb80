"""`headwater changes`: what a reader must know, in order."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from headwater.cli.ls import standing
from headwater.cli.output import as_json, coloured, emit, remark, table
from headwater.cli.session import open_zone
from headwater.cli.words import Feed
from headwater.zone.delivery import size_text


def changes(
    feed: Feed | None = None,
    /,
    *,
    after: Annotated[int, Parameter(help="The position after which to begin; 0 is all.")] = 0,
) -> None:
    """Lists what a reader must know, oldest first: landed, renamed, amended, void, erased.

    To read exactly once, keep the last position where you keep your result, and give it with --after the next time.
    Two changes can have one position: a delivery is taken out, and one that repeats it has landed in its place.
    """
    with open_zone() as zone:
        found = zone.changes(feed, after=after)
        if as_json():
            for one in found:
                emit({"kind": one.kind, "position": one.position, "delivery": one.delivery.known})
            return
        rows = [
            (
                str(one.position),
                coloured(one.kind),
                str(one.delivery.feed),
                one.delivery.name,
                size_text(one.delivery.size_bytes),
                standing(one.delivery),
                one.delivery.id[-8:],
            )
            for one in found
        ]
    if rows:
        head = ("position", "change", "feed", "name", "size", "state", "id")
        table(head, rows, right=("position", "size"), fold="name")
    else:
        remark(f"Nothing has changed after position {after}.")
