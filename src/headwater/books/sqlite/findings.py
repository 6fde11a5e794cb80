"""Findings, each a compressed JSON in a row."""

from __future__ import annotations

import asyncio
import sqlite3
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from headwater.books.queries import named_queries
from headwater.books.sqlite.columns import Column, json_array
from headwater.books.sqlite.threads import Readers, Writer
from headwater.formats.finding import Finding
from headwater.formats.redact import of_erased
from headwater.ports.findings import FIRST_RUN, Inspected, Unwritten
from headwater.terms import FeedName, Id, Position, Time

_COLUMNS: Final = "f.id, f.position, f.source, f.feed, f.sender, f.day, f.detector, f.run, f.made_at, f.finding"
_SQL: Final = {
    name: sql.replace("{columns}", _COLUMNS)
    for name, sql in named_queries(Path(__file__).with_name("findings.sql")).items()
}
_HISTORY_BYTES_MAX: Final = 4 * 1024 * 1024  # compressed
_WRITTEN_TOGETHER: Final = 5000
_POSITION_MAX: Final = 2**63 - 1
_LEVEL: Final = 3

_column: Final = Column(Finding)


class SqliteFindings:
    """FindingBook."""

    def __init__(self, writer: Writer, quick: Readers, pages: Readers) -> None:
        self._writer = writer
        self._quick = quick
        self._pages = pages

    def add(self, inspected: Inspected) -> asyncio.Future[Inspected]:
        """Adds one; the first run once for each detector, another under the next free number."""
        packed = _pack(inspected.finding)
        return self._writer.put(lambda connection: _add(connection, inspected, packed))

    def have(self, ids: Sequence[Id], detector: str) -> asyncio.Future[set[Id]]:
        """Which of these have a finding of this detector."""
        values = {"ids": json_array(ids), "detector": detector}
        return self._quick.ask(lambda connection: {id for (id,) in connection.execute(_SQL["have"], values)})

    def of(self, id: Id) -> asyncio.Future[list[Inspected]]:
        """Every finding of a delivery, the newest first."""
        return self._quick.ask(lambda connection: _all(connection, "of", {"id": id}))

    def earlier(self, feed: FeedName, before: Position, limit: int) -> asyncio.Future[list[Finding]]:
        """What later findings of a feed are compared with, newest delivery first."""
        values = {"source": feed.source, "feed": feed.feed, "before": before, "limit": limit}

        def run(connection: sqlite3.Connection) -> list[Finding]:
            found: list[Finding] = []
            size_bytes = 0
            for (packed,) in connection.execute(_SQL["earlier"], values):
                size_bytes += len(packed)
                if found and size_bytes > _HISTORY_BYTES_MAX:
                    break
                found.append(_unpack(packed))
            return found

        return self._quick.ask(run)

    def of_feed(
        self, feed: FeedName, before: Position | None, limit: int, sender: str | None = None
    ) -> asyncio.Future[list[Inspected]]:
        """The newest finding of each delivery of a feed, newest delivery first."""
        values = {
            "source": feed.source,
            "feed": feed.feed,
            "before": _POSITION_MAX if before is None else before,
            "limit": limit,
            "sender": sender,
        }
        return self._pages.ask(lambda connection: _all(connection, "of_feed", values))

    def leave_out(self, id: Id) -> asyncio.Future[None]:
        """Later deliveries are not compared with this one."""

        def run(connection: sqlite3.Connection) -> None:
            connection.execute(_SQL["leave_out"], {"id": id, "erased": 0})

        return self._writer.put(run)

    def erase(self, id: Id) -> asyncio.Future[None]:
        """Forgets every value in the findings of a delivery, synced."""

        def run(connection: sqlite3.Connection) -> None:
            connection.execute(_SQL["leave_out"], {"id": id, "erased": 1})
            for n, packed in connection.execute(_SQL["values_of"], {"id": id}).fetchall():
                connection.execute(_SQL["replace"], {"n": n, "finding": _pack(of_erased(_unpack(packed)))})

        return self._writer.put(run, durable=True)

    def unwritten(self, before_day: str) -> asyncio.Future[Unwritten | None]:
        """The oldest feed and day with findings that stand in no file of the zone."""

        def run(connection: sqlite3.Connection) -> Unwritten | None:
            row = connection.execute(_SQL["unwritten_day"], {"before_day": before_day}).fetchone()
            if row is None:
                return None
            day, source, feed = row
            values = {"day": day, "source": source, "feed": feed, "limit": _WRITTEN_TOGETHER}
            found = tuple(_all(connection, "unwritten", values))
            (last,) = connection.execute(_SQL["last_file"], values).fetchone()
            return Unwritten(FeedName(source, feed), day, found, last + 1)

        return self._pages.ask(run)

    def written(self, batch: Unwritten) -> asyncio.Future[None]:
        """These stand in a file now."""
        rows = [
            {"file": batch.number, "position": each.position, "detector": each.detector, "run": each.run}
            for each in batch.findings
        ]

        def run(connection: sqlite3.Connection) -> None:
            connection.executemany(_SQL["written"], rows)

        return self._writer.put(run)


def _add(connection: sqlite3.Connection, inspected: Inspected, packed: bytes) -> Inspected:
    key: dict[str, Any] = {"position": inspected.position, "detector": inspected.detector}
    run = inspected.run
    if run == FIRST_RUN:
        if found := _all(connection, "first", key):
            return found[0]
    else:
        (run,) = connection.execute(_SQL["next_run"], key).fetchone()
    finding = inspected.finding
    erased = connection.execute(_SQL["is_erased"], {"id": inspected.id}).fetchone()
    if erased and erased[0]:
        finding = of_erased(finding)
        packed = _pack(finding)
    row = {
        "id": inspected.id,
        "run": run,
        "source": inspected.feed.source,
        "feed": inspected.feed.feed,
        "sender": inspected.sender,
        "day": inspected.day,
        "made_at": inspected.made_at,
        "finding": packed,
    }
    connection.execute(_SQL["add"], key | row)
    return msgspec.structs.replace(inspected, run=run, finding=finding)


def _all(connection: sqlite3.Connection, query: str, values: dict[str, Any]) -> list[Inspected]:
    return [_inspected(*row) for row in connection.execute(_SQL[query], values)]


def _inspected(  # noqa: PLR0913, PLR0917 - a row
    id: Id,
    position: int,
    source: str,
    feed: str,
    sender: str,
    day: str,
    detector: str,
    run: int,
    made_at: int,
    packed: bytes,
) -> Inspected:
    return Inspected(
        id=id,
        position=Position(position),
        feed=FeedName(source, feed),
        sender=sender,
        day=day,
        detector=detector,
        run=run,
        made_at=Time(made_at),
        finding=_unpack(packed),
    )


def _pack(finding: Finding) -> bytes:
    return zlib.compress(_column.encode(finding), _LEVEL)


def _unpack(packed: bytes) -> Finding:
    return _column.decode(zlib.decompress(packed))
