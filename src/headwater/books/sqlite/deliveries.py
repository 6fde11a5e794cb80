"""The catalog's answers: deliveries as they are now, and what happened to them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from headwater.books.queries import named_queries
from headwater.books.sqlite.catalog import SqliteCatalogWriter
from headwater.books.sqlite.columns import json_array, name_bytes, name_text, positions
from headwater.books.sqlite.endings import ending_range
from headwater.books.sqlite.pages import change_page, delivery_page, feed_numbers
from headwater.books.sqlite.threads import Readers, Writer
from headwater.ports.catalog import Change, DeliveryQuery, FeedSummary
from headwater.terms import Completeness, Delivery, FeedName, Id, Now, Place, Position, Receipt, State

_SQL = named_queries(Path(__file__).with_name("deliveries.sql"))
_MATCHES_MAX = 10
_receipt = msgspec.json.Decoder(Receipt)


class SqliteCatalog(SqliteCatalogWriter):
    """Catalog, History and CatalogWriter. Answers by key have a thread of their own, which no page keeps waiting."""

    def __init__(self, writer: Writer, quick: Readers, pages: Readers) -> None:
        super().__init__(writer, quick)
        self._pages = pages

    def deliveries(self, query: DeliveryQuery) -> asyncio.Future[list[Delivery]]:
        """A page."""
        return self._pages.ask(lambda connection: _deliveries(connection, delivery_page(connection, query)))

    def delivery(self, id: Id) -> asyncio.Future[Delivery | None]:
        """One."""

        def run(connection: sqlite3.Connection) -> Delivery | None:
            found = _deliveries(connection, [row[0] for row in connection.execute(_SQL["by_id"], {"id": id})])
            return found[0] if found else None

        return self._quick.ask(run)

    def matching(self, ending: str) -> asyncio.Future[list[Id]]:
        """Ids of deliveries and held tries that end so, or whose object has this key; at most 10."""
        match = _matching_key if "/" in ending else _matching_ending
        return self._quick.ask(lambda connection: match(connection, ending))

    def precedents(
        self, feed: FeedName, name: str, sha256: str, *, soon: bool = True
    ) -> asyncio.Future[tuple[Id | None, Id | None]]:
        """The newest delivery that has this name now, and the first one of these bytes, in the feed.

        Answered in the writer's thread: landing asks just before it writes a row, and is answered with it.
        """

        def run(connection: sqlite3.Connection) -> tuple[Id | None, Id | None]:
            values = {"feed": _feed(connection, feed), "name": name_bytes(name), "sha256": bytes.fromhex(sha256)}
            newest = connection.execute(_SQL["newest_of_name"], values | {"limit": 1}).fetchone()
            first = connection.execute(_SQL["first_of_bytes"], values).fetchone()
            return _id(connection, newest), _id(connection, first)

        return self._writer.put(run, soon=soon)

    def feeds(self) -> asyncio.Future[list[FeedSummary]]:
        """All feeds that ever got a delivery, by name."""

        def run(connection: sqlite3.Connection) -> list[FeedSummary]:
            rows = connection.execute(_SQL["feeds"])
            return [FeedSummary(FeedName(source, feed), *summary) for source, feed, *summary in rows]

        return self._pages.ask(run)

    def changes(
        self, feeds: tuple[str, ...] | None, feed: FeedName | None, after: Position, limit: int
    ) -> asyncio.Future[list[Change]]:
        """What a reader must know after a position, oldest first; what one entry changed is never parted."""

        def run(connection: sqlite3.Connection) -> list[Change]:
            rows = change_page(connection, feed_numbers(connection, feeds, None, feed), after, limit)
            known = {d.position: d for d in _deliveries(connection, {delivery for _, _, delivery in rows})}
            return [Change(kind, position, known[delivery]) for position, kind, delivery in rows]

        return self._pages.ask(run)

    def entries_about(self, id: Id) -> asyncio.Future[list[tuple[Place, bytes]]]:
        """Every entry about this id, oldest first, with its exact bytes."""

        def run(connection: sqlite3.Connection) -> list[tuple[Place, bytes]]:
            rows = connection.execute(_SQL["entries_about"], {"id": id})
            return [(Place(log, index, position), entry) for log, index, position, entry in rows]

        return self._quick.ask(run)

    def same_name(self, feed: FeedName, name: str, limit: int) -> asyncio.Future[list[Delivery]]:
        """The deliveries that have this name now, newest first."""

        def run(connection: sqlite3.Connection) -> list[Delivery]:
            values = {"feed": _feed(connection, feed), "name": name_bytes(name), "limit": limit}
            return _deliveries(connection, [row[0] for row in connection.execute(_SQL["newest_of_name"], values)])

        return self._pages.ask(run)


def _deliveries(connection: sqlite3.Connection, page: Iterable[Position]) -> list[Delivery]:
    """The deliveries at these positions, in their order."""
    order = list(page)
    known = {}
    for row in connection.execute(_SQL["by_position"], {"positions": json_array(order)}):
        position, name, amended_by, completeness, state, log, index, receipt = row
        now = Now(name_text(name), Completeness(completeness), State(state), positions(amended_by))
        known[position] = Delivery(_receipt.decode(receipt), log, index, position, now)
    return [known[position] for position in order]


def _matching_ending(connection: sqlite3.Connection, ending: str) -> list[Id]:
    if (numbers := ending_range(ending)) is None:
        return []
    values = {"ending": ending, "first": numbers[0], "last": numbers[1], "limit": _MATCHES_MAX}
    return [id for (id,) in connection.execute(_SQL["by_ending"], values)]


def _matching_key(connection: sqlite3.Connection, key: str) -> list[Id]:
    """An object's name begins with its id (layout)."""
    id = key.rpartition("/")[2][:32]
    rows: Sequence[tuple[Id, bytes]] = connection.execute(_SQL["by_first_id"], {"id": id}).fetchall()
    return [id for id, entry in rows if _key.decode(entry).key == key][:1]


class _Keyed(msgspec.Struct):
    key: str | None = None


_key = msgspec.json.Decoder(_Keyed)


def _feed(connection: sqlite3.Connection, feed: FeedName) -> int | None:
    row = connection.execute(_SQL["feed"], {"source": feed.source, "feed": feed.feed}).fetchone()
    return row[0] if row else None


def _id(connection: sqlite3.Connection, row: tuple[Position] | None) -> Id | None:
    return None if row is None else connection.execute(_SQL["id"], {"position": row[0]}).fetchone()[0]
