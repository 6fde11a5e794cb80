"""The books of one machine: a SQLite file in WAL mode, of one process."""

from __future__ import annotations

import asyncio
from pathlib import Path

from headwater.books.sqlite import truth
from headwater.books.sqlite.attempts import SqliteAttempts
from headwater.books.sqlite.claims import SqliteClaims
from headwater.books.sqlite.counts import SqliteCounters, SqliteCursors
from headwater.books.sqlite.deliveries import SqliteCatalog
from headwater.books.sqlite.findings import SqliteFindings
from headwater.books.sqlite.keys import SqliteKeys
from headwater.books.sqlite.names import SqliteNames
from headwater.books.sqlite.parts import SqliteParts
from headwater.books.sqlite.schema import prepare
from headwater.books.sqlite.threads import Readers, Writer
from headwater.books.sqlite.truth import SqliteFacts, SqliteIdentities

PAGE_THREADS = 2


class SqliteBooks:
    """Every port of the books, each an attribute, over one file; used from one event loop.

    A row whose awaitable completed survives `kill -9`; a durable one (identities, facts, attempts moved so) a power cut
    as well, and with it all rows before it. A full disk or a failing file raises Unavailable to those whose rows were
    not written; the next ones are tried again. Opening raises Misconfigured for a file that cannot be opened or is of a
    newer version than this program can work with, and Damaged for one that is no database.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Opens the file, made if need be; `read_only` writes nothing, as beside a running server."""
        prepare(path, read_only=read_only)
        self._writer = Writer(path)
        if read_only:
            self._writer.close()
        self._quick, self._pages = Readers(path, 1), Readers(path, PAGE_THREADS)
        self.attempts = SqliteAttempts(self._writer, self._quick, self._pages)
        self.keys = SqliteKeys(self._writer)
        self.parts = SqliteParts(self._writer, self._quick)
        self.identities = SqliteIdentities(self._writer, self._quick)
        self.facts = SqliteFacts(self._writer, self._quick)
        self.cursors = SqliteCursors(self._writer, self._quick)
        self.counters = SqliteCounters(self._writer, self._pages)
        self.names = SqliteNames(self._writer, self._quick, path)
        self.claims = SqliteClaims(self._writer, path)
        self.catalog = SqliteCatalog(self._writer, self._quick, self._pages)
        self.findings = SqliteFindings(self._writer, self._quick, self._pages)

    def snapshot(self) -> asyncio.Future[bytes]:
        """What the zone does not hold (identities, facts not of this machine) as lines of canonical JSON. Holds the
        hashes of secrets: encrypt it.
        """
        return self._pages.ask(truth.snapshot)

    def restore(self, snapshot: bytes) -> asyncio.Future[None]:
        """Puts a snapshot in the place of the truth here, synced. Raises Damaged at once for one that is not whole."""
        facts, identities = truth.parsed_snapshot(snapshot)
        return self._writer.put(lambda connection: truth.restore(connection, facts, identities), durable=True)

    async def close(self) -> None:
        """Writes what is queued and closes the file; what is asked after that is Unavailable."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._writer.close()
        self._quick.close()
        self._pages.close()
        self.claims.close()
        self.names.close()
