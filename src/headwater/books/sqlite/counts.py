"""Numbers that are kept: how far each follower has come, and how often what was turned away."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec

from headwater.books.queries import named_queries
from headwater.books.sqlite.threads import Readers, Writer
from headwater.ports.books import Count
from headwater.terms import Position, Time

_SQL = named_queries(Path(__file__).with_name("counts.sql"))


class SqliteCursors:
    """CursorBook."""

    def __init__(self, writer: Writer, quick: Readers) -> None:
        self._writer = writer
        self._quick = quick

    def cursor(self, follower: str) -> asyncio.Future[int]:
        """The position up to which a follower has worked; 0 at first."""
        return self._quick.ask(lambda connection: cursor(connection, follower))

    def advance(self, follower: str, position: int) -> asyncio.Future[None]:
        """Moves it; never back but to 0."""
        return self._writer.put(lambda connection: advance(connection, follower, position))


class SqliteCounters:
    """CounterBook."""

    def __init__(self, writer: Writer, pages: Readers) -> None:
        self._writer = writer
        self._pages = pages

    def add(self, counts: Sequence[Count]) -> asyncio.Future[None]:
        """Adds to the counts."""
        rows = [msgspec.structs.astuple(count) for count in counts]

        def run(connection: sqlite3.Connection) -> None:
            connection.executemany(_SQL["add"], rows)

        return self._writer.put(run)

    def counts(self, sender: str | None, since: Time) -> asyncio.Future[list[Count]]:
        """What was counted, newest first: of a sender, of no known one (`""`), or of all (None)."""
        values = {"sender": sender, "since": since}
        return self._pages.ask(lambda connection: [Count(*row) for row in connection.execute(_SQL["counts"], values)])

    def prune(self, before: Time, rows_max: int) -> asyncio.Future[None]:
        """Forgets what is older, and the oldest above `rows_max` rows."""

        def run(connection: sqlite3.Connection) -> None:
            connection.execute(_SQL["prune_old"], {"before": before})
            connection.execute(_SQL["prune_many"], {"rows_max": rows_max})

        return self._writer.put(run)


def cursor(connection: sqlite3.Connection, follower: str) -> Position:
    """How far a follower has come."""
    row = connection.execute(_SQL["cursor"], {"follower": follower}).fetchone()
    return Position(row[0] if row else 0)


def advance(connection: sqlite3.Connection, follower: str, position: int) -> None:
    """Moves a follower on, or back to 0."""
    connection.execute(_SQL["advance"], {"follower": follower, "position": position})
