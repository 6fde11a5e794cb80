"""A landing over real parts: a directory zone, SQLite books, a ledger; it can crash and be opened again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from awscrt.checksums import crc64nvme

from headwater.books.sqlite import SqliteBooks
from headwater.followers.follow import Follower
from headwater.landing import Budget, Landing, Means, Rules
from headwater.ledger.entries import Entry, decode
from headwater.ledger.note import Signer
from headwater.sequencer import LogReader, Sequencer
from headwater.sequencer.founding import found_log
from headwater.stores.directory_zone import DirectoryZoneStore, open_directory_zone
from headwater.system import SystemClock, SystemIds
from headwater.terms import Door, FeedName, Id, Key, Offer, Position, SenderRef

ZONE = "0" * 31 + "1"
LOG = f"{ZONE}-1"
FEED = FeedName("acme-crm", "daily_sales")
SENDER = SenderRef("acme", "SHA256:abc")


def offer(name: str = "a.csv", **more: Any) -> Offer:
    """What a door would say of a file."""
    return Offer(feed=FEED, door=Door.HTTP, sender=SENDER, name=name, **more)


class Site:
    """Everything a landing stands on, in one folder; `start` and `crash` as often as a test likes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.signer = Signer.generate(LOG)
        self.clock = SystemClock()
        self.ids = SystemIds()
        self.rules = Rules()
        self.budget = Budget(64 << 20, 64 << 20, folder)
        self.wrap: dict[str, Any] = {}

    async def start(self) -> Landing:
        self.store: DirectoryZoneStore = open_directory_zone(self.folder / "zone")
        self.books = SqliteBooks(self.folder / "books.sqlite3")
        self.threads = ThreadPoolExecutor(2)
        if await self.store.heads(LOG).load() is None:
            await found_log(self.store.heads(LOG), self.store.files, self.signer, self.clock.now(), zone_id=ZONE)
        self.reader = LogReader(self.store.heads, self.store.files, ZONE)
        await self.reader.refresh()
        self.sequencer = await Sequencer.open(
            self.reader,
            self.store.heads(LOG),
            self.store.files,
            self.books.claims,
            self.signer,
            self.clock,
            writer="node process 1",
        )
        self.follower = Follower(self.reader, self.books.catalog, self.clock, gather_seconds=0.02)
        means: dict[str, Any] = {
            "intake": self.store.intake,
            "creator": self.store.creator,
            "reader": self.store.reader,
            "ledger": self.sequencer,
            "attempts": self.books.attempts,
        }
        means |= {name: wrap(means[name]) for name, wrap in self.wrap.items()}
        self.landing = Landing(
            Means(
                **means,
                keys=self.books.keys,
                catalog=self.books.catalog,
                budget=self.budget,
                clock=self.clock,
                ids=self.ids,
                crc64nvme=crc64nvme,
                threads=self.threads,
                rules=self.rules,
            )
        )
        return self.landing

    async def crash(self) -> None:
        """The process dies: no task of it runs on, nothing is closed properly but what the system would close."""
        for task in (*self.sequencer._tasks, *self.landing._tasks):
            task.cancel()
        await self.books.close()
        self.threads.shutdown()
        await self.store.close()

    async def restart(self, **wrap: Any) -> None:
        """The process dies; in the next one these ports are wrapped."""
        await self.crash()
        self.wrap = wrap
        await self.start()

    async def entries(self) -> list[Entry]:
        """All entries but the first, `opened`."""
        return [decode(data) async for _, data in self.reader.read(Position(1), 10**6)]

    async def bytes_of(self, key: str | None) -> bytes:
        return b"".join([piece async for piece in self.store.reader.read(Key(key or ""))])

    def objects(self, root: str = "raw") -> list[Path]:
        return [path for path in (self.folder / "zone" / root).rglob("*") if path.is_file()]

    async def attempt(self, id: Id):
        await self.books.facts.set_fact("seen", "yes")  # rows are written in order: those before it stand now
        return await self.books.attempts.get(id)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A site that runs."""
    made = Site(tmp_path)
    await made.start()
    yield made
    await made.crash()
