"""Which positions stand on a page: bounded by what the page holds, not by how much the catalog has.

Without a filter a page is a walk over positions. Under any filter but a name it is a merge: of the shelves that match
(or of feeds, for changes) only the nearest can have part in the page. A name is looked for in the index of names
by its fixed beginning; without one, or when more than a few match, first among the nearest positions, then along the
merge. So only a name that is rare can cost a walk over what else matches. A page of changes has whole positions.
"""

from __future__ import annotations

import bisect
import re
import sqlite3
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from headwater.books.queries import named_queries
from headwater.books.sqlite.columns import json_array, name_bytes
from headwater.layout import NAME_BYTES_MAX
from headwater.ports.catalog import DeliveryQuery
from headwater.terms import FeedName, Position, Time

_SQL = named_queries(Path(__file__).with_name("deliveries.sql"))
_POSITION_MAX = 2**63 - 1
_NAMES_MAX = 2000
_NEAR_POSITIONS = 10_000
_ORDERS = ("ASC", "DESC")
_PAGE = {order: _SQL["page"].format(order=order) for order in _ORDERS}
_MERGE = {order: _SQL["merge"].format(order=order) for order in _ORDERS}
_MERGE_GLOB = {order: _SQL["merge_glob"].format(order=order) for order in _ORDERS}


def delivery_page(connection: sqlite3.Connection, query: DeliveryQuery) -> list[Position]:
    """The positions of a page of deliveries, in its order."""
    feeds = feed_numbers(connection, query.feeds, query.source, query.feed)
    shelves = _shelves(connection, query, feeds)
    glob = None if query.name_glob is None else sqlite_glob(query.name_glob)
    order = "DESC" if query.after is None else "ASC"
    members = None if shelves is None else json_array(shelves)
    values = _bounds(connection, query) | {"limit": query.limit, "glob": glob, "members": members}
    if glob is not None and (found := _by_names(connection, glob, feeds, shelves, values)) is not None:
        return sorted(found, reverse=order == "DESC")[: query.limit]
    if shelves is None:
        return _positions(connection, _PAGE[order], values)
    if glob is None:
        return _positions(connection, _MERGE[order], values)
    near = _positions(connection, _PAGE[order], values | _near(connection, values, order))
    return near if len(near) == query.limit else _positions(connection, _MERGE_GLOB[order], values)


def change_page(
    connection: sqlite3.Connection, feeds: Sequence[int] | None, after: Position, limit: int
) -> list[tuple[Position, str, Position]]:
    """A page of changes, in their order: position, kind, and the position of the delivery."""
    members = None if feeds is None else json_array(feeds)
    page = _SQL["change_page" if feeds is None else "merge_changes"]
    found = _positions(connection, page, {"after": after, "limit": limit, "feeds": members})
    return connection.execute(_SQL["changes"], {"positions": json_array(found), "feeds": members}).fetchall()


def feed_numbers(
    connection: sqlite3.Connection, patterns: tuple[str, ...] | None, source: str | None, feed: FeedName | None
) -> list[int] | None:
    """The feeds that are asked for and match one of the patterns; None for all that there are."""
    if patterns is None and source is None and feed is None:
        return None
    values = {"source": feed.source if feed else source, "feed": feed.feed if feed else None}
    named = connection.execute(_SQL["feed_names"], values)
    if feed is not None and source not in {None, feed.source}:
        return []
    return [n for n, name in named if patterns is None or any(fnmatchcase(name, pattern) for pattern in patterns)]


def sqlite_glob(glob: str) -> bytes:
    """A shell's pattern as SQLite's GLOB has it: `[^…]` for `[!…]`."""
    return name_bytes(glob.replace("[!", "[^"))


def _shelves(connection: sqlite3.Connection, query: DeliveryQuery, feeds: list[int] | None) -> list[int] | None:
    values = {
        "sender": query.sender,
        "door": query.door,
        "completeness": query.completeness,
        "state": query.state,
    }
    if feeds is None and not any(values.values()):
        return None
    sql = _SQL["all_shelves"] if feeds is None else _SQL["shelves"]
    return [n for (n,) in connection.execute(sql, values | {"feeds": json_array(feeds)})]


def _by_names(
    connection: sqlite3.Connection,
    glob: bytes,
    feeds: list[int] | None,
    shelves: list[int] | None,
    values: dict[str, Any],
) -> list[Position] | None:
    """All that match, if the pattern has a fixed beginning and few names fit; else None."""
    beginning = re.split(rb"[*?[]", glob, maxsplit=1)[0]
    if not beginning:
        return None
    if feeds is None:
        feeds = feed_numbers(connection, ("*",), None, None) or []
    among = {
        "feeds": json_array(feeds),
        "first_name": beginning,
        "last_name": beginning + b"\xff" * NAME_BYTES_MAX,
        "limit": _NAMES_MAX + 1,
    }
    found = connection.execute(_SQL["names"], values | among).fetchall()
    if len(found) > _NAMES_MAX:
        return None
    wanted = None if shelves is None else set(shelves)
    return [position for position, shelf in found if wanted is None or shelf in wanted]


def _bounds(connection: sqlite3.Connection, query: DeliveryQuery) -> dict[str, Any]:
    """The positions between which the page lies, exclusive. A ledger's times never go back: they are positions too."""
    after, before = query.after or 0, _POSITION_MAX if query.before is None else query.before
    if query.since is not None:
        after = max(after, _first_since(connection, query.since) - 1)
    if query.until is not None:
        before = min(before, _first_since(connection, query.until))
    return {"after": after, "before": before}


def _near(connection: sqlite3.Connection, values: dict[str, Any], order: str) -> dict[str, Any]:
    """Bounds that leave only the positions where the page begins."""
    if order == "ASC":
        return {"before": min(values["before"], values["after"] + _NEAR_POSITIONS)}
    (last,) = connection.execute(_SQL["last_position"]).fetchone()
    return {"after": max(values["after"], min(values["before"], last + 1) - _NEAR_POSITIONS)}


def _first_since(connection: sqlite3.Connection, time: Time) -> Position:
    """The position of the first delivery that landed at that time or later; the one after all if there is none."""
    (last,) = connection.execute(_SQL["last_position"]).fetchone()

    def landed_at(position: int) -> Time:
        return Time(connection.execute(_SQL["landed_at"], {"position": position}).fetchone()[0])

    return Position(1 + bisect.bisect_left(range(1, last + 1), time, key=landed_at))


def _positions(connection: sqlite3.Connection, sql: str, values: dict[str, Any]) -> list[Position]:
    return [position for (position,) in connection.execute(sql, values)]
