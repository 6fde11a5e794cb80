"""The derived tables of claims and streams."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from headwater.books.queries import named_queries
from headwater.books.sqlite.columns import json_array
from headwater.books.sqlite.counts import advance, cursor
from headwater.books.sqlite.failures import failure
from headwater.books.sqlite.schema import connect_for_reading
from headwater.books.sqlite.threads import Run, T, Writer
from headwater.terms import Follows, Position

_SQL = named_queries(Path(__file__).with_name("claims.sql"))
_CURSOR = "claims"


class SqliteClaims:
    """ClaimBook: its questions are answered at once, in the thread that asks, over a connection of its own."""

    def __init__(self, writer: Writer, path: Path) -> None:
        self._writer = writer
        self._connection = connect_for_reading(path)
        self._lock = Lock()

    def position(self) -> Position:
        """Up to which entry the tables are filled."""
        return self._ask(lambda connection: cursor(connection, _CURSOR))

    def holders(self, claims: Sequence[str]) -> dict[str, Position]:
        """Which of these claims are taken, and by which entry."""
        values = {"claims": json_array(claims)}
        return self._ask(lambda connection: dict(connection.execute(_SQL["holders"], values).fetchall()))

    def newest(self, prefix: str) -> str | None:
        """The largest claim that begins with this prefix, None if there is none."""
        values = {"prefix": prefix, "end": prefix + "\U0010ffff"}
        row = self._ask(lambda connection: connection.execute(_SQL["newest"], values).fetchone())
        return row[0] if row else None

    def stream(self, name: str) -> int | None:
        """Where a stream stands, None if it was never followed."""
        row = self._ask(lambda connection: connection.execute(_SQL["stream"], {"stream": name}).fetchone())
        return row[0] if row else None

    def record(
        self, upto: Position, claims: Sequence[tuple[str, Position]], follows: Sequence[Follows]
    ) -> asyncio.Future[None]:
        """Adds claims and moves streams on. Recording the same again, or something older, changes nothing."""
        streams = [(condition.stream, condition.to) for condition in follows]

        def run(connection: sqlite3.Connection) -> None:
            connection.executemany(_SQL["take"], claims)
            connection.executemany(_SQL["follow"], streams)
            advance(connection, _CURSOR, upto)

        return self._writer.put(run)

    def close(self) -> None:
        """Closes the connection."""
        with self._lock:
            self._connection.close()

    def _ask(self, run: Run[T]) -> T:
        try:
            with self._lock:
                return run(self._connection)
        except sqlite3.Error as error:
            raise failure(error) from error
