"""A home's zone and books, opened for reading alone: beside a running server, or without one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from headwater.books.sqlite import SqliteBooks
from headwater.config_schema import Config
from headwater.config_values import DirectoryZone
from headwater.config_values import SqliteBooks as SqliteFile
from headwater.errors import Misconfigured
from headwater.founding import ZoneFile, read_zone
from headwater.home import Home
from headwater.landing import Budget
from headwater.ports.zone import ZoneStore
from headwater.sequencer import LogReader
from headwater.stores.directory_zone import open_directory_zone
from headwater.zone.local import read_config


@dataclass(frozen=True)
class Ground:
    """What is read: `logs` were refreshed just now; `books` are None where there are none yet."""

    home: Home
    config: Config
    store: ZoneStore
    zone: ZoneFile
    logs: LogReader
    books: SqliteBooks | None

    @property
    def root(self) -> Path | None:
        """The folder of the zone, where it is one."""
        return self.config.zone.path if isinstance(self.config.zone, DirectoryZone) else None


@asynccontextmanager
async def opened(home: Home) -> AsyncIterator[Ground]:
    """Opens them. Raises Misconfigured where there is no zone."""
    config = read_config(home).config
    async with AsyncExitStack() as stack:
        books = None
        if isinstance(config.books, SqliteFile) and config.books.path.exists():
            books = SqliteBooks(config.books.path, read_only=True)
            stack.push_async_callback(books.close)
        store = await _store(config, books)
        stack.push_async_callback(store.close)
        zone = await read_zone(store.reader)
        if zone is None:
            raise Misconfigured(f"There is no zone in {store.name}. `headwater init` founds one.")
        logs = LogReader(store.heads, store.files, zone.zone)
        await logs.refresh()
        yield Ground(home, config, store, zone, logs, books)


async def _store(config: Config, books: SqliteBooks | None) -> ZoneStore:
    if isinstance(config.zone, DirectoryZone):
        return open_directory_zone(config.zone.path, read_only=True)
    from headwater.stores.s3_zone import open_s3_zone  # noqa: PLC0415 - brings the SDK

    if books is None:
        raise Misconfigured("This home has no books yet. `headwater init` makes them.")
    budget = Budget(config.limits.memory_bytes, config.limits.spool_bytes)
    return await open_s3_zone(config.zone.bucket, config.zone.prefix, config.s3, buffers=budget, parts=books.parts)
