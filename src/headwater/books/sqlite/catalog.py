"""The catalog's writer: what the entries mean, as rows. One entry after the other, so that batches leave no trace."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headwater.books.queries import named_queries
from headwater.books.sqlite.columns import json_array, name_bytes, name_text, positions
from headwater.books.sqlite.counts import advance, cursor
from headwater.books.sqlite.endings import ending_number
from headwater.books.sqlite.threads import Readers, Writer
from headwater.errors import Damaged
from headwater.followers.catalog import CHANGES, Standing, amended, begins, landed, read_entry, state_of, subject_of
from headwater.ledger.entries import Entry
from headwater.terms import Completeness, Id, Place, Position, Receipt, State, time_value

_SQL = named_queries(Path(__file__).with_name("catalog.sql"))
_CURSOR = "catalog"
_TABLES = ("feeds", "shelves", "deliveries", "entries", "changes")


class SqliteCatalogWriter:
    """CatalogWriter."""

    def __init__(self, writer: Writer, quick: Readers) -> None:
        self._writer = writer
        self._quick = quick

    def apply(self, entries: Sequence[tuple[Place, bytes]]) -> asyncio.Future[None]:
        """Applies the next entries. The future raises Damaged when they leave a gap after the cursor."""
        return self._writer.put(lambda connection: _apply(connection, entries))

    def applied(self) -> asyncio.Future[Position]:
        """The cursor."""
        return self._quick.ask(lambda connection: cursor(connection, _CURSOR))

    def clear(self) -> asyncio.Future[None]:
        """Empties the catalog's tables and sets its cursor to 0."""

        def run(connection: sqlite3.Connection) -> None:
            for table in _TABLES:
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names from the table above
            advance(connection, _CURSOR, 0)

        return self._writer.put(run)


def _apply(connection: sqlite3.Connection, entries: Sequence[tuple[Place, bytes]]) -> None:
    position = cursor(connection, _CURSOR)
    tables = _Tables(connection)
    for place, data in entries:
        if place.position <= position:
            continue
        if place.position != position + 1:
            raise Damaged(f"The catalog stands at entry {position} of the zone and was given {place.position} next.")
        tables.add(place, data)
        position = place.position
    tables.count_feeds()
    advance(connection, _CURSOR, position)


class _Tables:
    """The tables within one transaction; what it remembers is true until that ends."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        self._feeds: dict[tuple[str, str], int] = {}
        self._shelves: dict[tuple[Any, ...], int] = {}
        self._counts: dict[int, dict[str, Any]] = {}

    def add(self, place: Place, data: bytes) -> None:
        """Applies one entry."""
        entry = read_entry(place, data)
        subject = None if entry is None else subject_of(entry)
        if entry is None or subject is None:
            return
        ending = ending_number(subject) if begins(entry) else None
        self._execute(_SQL["entry"], (place.position, place.log, place.index, subject, ending, data))
        if isinstance(entry, Receipt):
            self._land(entry, place.position)
        elif type(entry) in CHANGES and (position := self._position(subject)):
            self._amend(entry, place.position, position)

    def count_feeds(self) -> None:
        """Adds what has landed to the feeds' sums."""
        for count in self._counts.values():
            self._execute(_SQL["count"], count)

    def _land(self, receipt: Receipt, position: Position) -> None:
        feed = self._feed(receipt.source, receipt.feed)
        at = time_value(receipt.landed_at)
        count = self._counts.setdefault(feed, {"feed": feed, "deliveries": 0, "size_bytes": 0, "first_at": at})
        count["deliveries"] += 1
        count["size_bytes"] += receipt.size_bytes
        count |= {"last_at": at, "last_id": receipt.id}

        standing = landed(receipt)
        repeats = self._join_repeats(receipt.repeat_of)
        state = state_of(None, first=repeats is None or self._first_left(repeats) is None)
        shelf = self._shelf(feed, receipt.sender.name, receipt.door, standing.completeness, state)
        digest, name = bytes.fromhex(receipt.sha256), name_bytes(standing.name)
        self._execute(_SQL["add_delivery"], (position, shelf, feed, at, repeats, digest, name))
        self._execute(_SQL["change"], (position, feed, CHANGES[Receipt], position))

    def _amend(self, entry: Entry, at: Position, position: Position) -> None:
        name, completeness, mark, amended_by, repeats = self._execute(_SQL["standing"], (position,)).fetchone()
        before = Standing(name_text(name), Completeness(completeness), mark and State(mark), positions(amended_by))
        after = amended(before, entry, at)
        self._execute(
            _SQL["amend"],
            {
                "position": position,
                "name": name_bytes(after.name),
                "mark": after.mark,
                "amended_by": json_array(after.amended_by),
            },
        )
        feed, _ = self._reshelve(position, after.completeness)
        self._execute(_SQL["change"], (at, feed, CHANGES[type(entry)], position))
        if (first := self._first_left(repeats)) is not None:
            feed, counts_now = self._reshelve(first)
            if counts_now:
                self._execute(_SQL["change"], (at, feed, CHANGES[Receipt], first))

    def _reshelve(self, position: Position, completeness: Completeness | None = None) -> tuple[int, bool]:
        """Puts a delivery where it now belongs; returns its feed, and whether it counts now and did not before."""
        row = self._execute(_SQL["delivery_on_shelf"], (position,)).fetchone()
        feed: int
        mark, repeats, feed, sender, door, known, state = row
        now = state_of(mark and State(mark), first=repeats is None or self._first_left(repeats) == position)
        if (now, completeness or known) != (state, known):
            shelf = self._shelf(feed, sender, door, completeness or known, now)
            self._execute(_SQL["put_on_shelf"], (shelf, position))
        return feed, now == State.EFFECTIVE != state

    def _join_repeats(self, repeat_of: Id | None) -> Position | None:
        """The set that a repeat joins, by the position of its first delivery; None for what repeats nothing known."""
        position = self._position(repeat_of) if repeat_of else None
        if position is None:
            return None
        (repeats,) = self._execute(_SQL["repeats"], (position,)).fetchone()
        if repeats is None:
            self._execute(_SQL["repeated"], (position,))
            return position
        return Position(repeats)

    def _position(self, id: Id) -> Position | None:
        found: Position | None = self._one("position", (id,))
        return found

    def _first_left(self, repeats: Position | None) -> Position | None:
        left: Position | None = None if repeats is None else self._one("first_left", (repeats,))
        return left

    def _feed(self, source: str, feed: str) -> int:
        key = (source, feed)
        if key not in self._feeds:
            self._feeds[key] = self._number("feed", key)
        return self._feeds[key]

    def _shelf(self, *key: Any) -> int:
        if key not in self._shelves:
            self._shelves[key] = self._number("shelf", key)
        return self._shelves[key]

    def _number(self, table: str, key: tuple[Any, ...]) -> int:
        known: int | None = self._one(table, key)
        return known if known is not None else int(self._execute(_SQL[f"add_{table}"], key).lastrowid or 0)

    def _one(self, query: str, values: tuple[Any, ...]) -> Any:
        row = self._execute(_SQL[query], values).fetchone()
        return row[0] if row else None
