"""A directory zone with a ledger, into which tests put deliveries as landing would, at any time they like."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from awscrt.checksums import crc64nvme

from headwater.care.verify import Zone
from headwater.layout import raw_key
from headwater.ledger.entries import Entry, Held
from headwater.ledger.note import Signer
from headwater.ports.store import Stored
from headwater.ports.zone import ZoneStore
from headwater.sequencer import LogReader, Sequencer
from headwater.sequencer.founding import found_log
from headwater.sequencer.writer import Pace
from headwater.stores.directory_zone import open_directory_zone
from headwater.system import SystemIds
from headwater.terms import (
    Completeness,
    Digests,
    Door,
    Durability,
    FeedName,
    Fidelity,
    Id,
    Key,
    Receipt,
    SenderRef,
    time_text,
)
from headwater.testing.manual_clock import ManualClock
from headwater.testing.memory_log import MemoryClaims

ZONE = "0" * 31 + "1"
LOG = f"{ZONE}-1"
FEED = FeedName("acme-crm", "daily_sales")
SENDER = SenderRef("acme", "SHA256:abc")
NO_TIMER = Pace(publish_seconds=3600, heartbeat_seconds=10**9)


def digests_of(data: bytes) -> Digests:
    """What landing would compute."""
    return Digests(len(data), hashlib.sha256(data).hexdigest(), f"{crc64nvme(data):016x}")


class LiveZone:
    """The zone, its writer, and what a test does to it. Nothing is tiled or published until `checkpoint`."""

    def __init__(self, folder: Path, store: ZoneStore | None = None) -> None:
        self.folder = folder
        self.store: ZoneStore = store or open_directory_zone(folder)
        self.files = self.store.files
        self.clock = ManualClock()
        self.ids = SystemIds()
        self.signer = Signer.generate(LOG)
        self.claims = MemoryClaims()
        self.threads = ThreadPoolExecutor(2)

    async def start(self) -> None:
        head = self.store.heads(LOG)
        await found_log(head, self.files, self.signer, self.clock.now(), zone_id=ZONE)
        self.reader = LogReader(self.store.heads, self.files, ZONE)
        await self.reader.refresh()
        self.sequencer = await Sequencer.open(
            self.reader, head, self.files, self.claims, self.signer, self.clock, writer="node process 1", pace=NO_TIMER
        )

    async def stop(self) -> None:
        for task in self.sequencer._tasks:
            task.cancel()
        self.threads.shutdown()
        await self.store.close()

    async def enter(self, *entries: Entry) -> None:
        await self.sequencer.append(*entries)

    async def checkpoint(self) -> str:
        """Moves everything into tiles, and returns the signed checkpoint."""
        await self.sequencer.checkpoint()
        log = self.reader.heads[-1].log
        return (await self.files.read(f"ledger/{log}/checkpoint") or b"").decode()

    async def rotate(self) -> Signer:
        number = len(self.reader.heads) + 1
        signer = Signer.generate(f"{ZONE}-{number}")
        await self.sequencer.rotate(self.store.heads(signer.name), self.files, signer, "yearly")
        return signer

    async def put(self, key: Key, data: bytes) -> Stored:
        return await self.store.creator.create(key, [data], digests_of(data))

    async def land(self, data: bytes, name: str = "a.csv", **more: Any) -> Receipt:
        """An object and its receipt."""
        receipt = self.receipt(data, name, **more)
        stored = await self.put(receipt.key, data)
        receipt = msgspec.structs.replace(receipt, version=stored.version)
        (entered,) = await self.sequencer.append(receipt)
        assert isinstance(entered.entry, Receipt)
        return entered.entry

    def receipt(self, data: bytes, name: str = "a.csv", feed: FeedName = FEED, **more: Any) -> Receipt:
        at = self.clock.now()
        id_ = self.ids.new(at)
        digests = digests_of(data)
        return Receipt(
            v=1,
            id=id_,
            source=feed.source,
            feed=feed.feed,
            door=Door.HTTP,
            sender=SENDER,
            name=name,
            opened_at=time_text(at),
            key=raw_key(feed, at, id_, "x.csv"),
            size_bytes=digests.size_bytes,
            sha256=digests.sha256,
            crc64nvme=digests.crc64nvme,
            fidelity=Fidelity.VERBATIM,
            completeness=Completeness.PRESUMED,
            durability=Durability.ZONE,
            **more,
        )

    def held(self, id: Id, key: Key, data: bytes, **more: Any) -> Held:
        return Held(
            v=1,
            id=id,
            source=FEED.source,
            feed=FEED.feed,
            door="http",
            sender=SENDER,
            name="a.csv",
            reason="cut",
            key=key,
            size_bytes=len(data),
            kept_bytes=len(data),
            sha256=digests_of(data).sha256,
            **more,
        )

    def file(self, key: str) -> Path:
        """An object's file, made writable so that a test can harm it."""
        path = self.folder / key
        path.chmod(0o640)
        return path

    def flip(self, key: str, at: int = 0) -> None:
        """Changes one bit."""
        path = self.file(key)
        data = bytearray(path.read_bytes())
        data[at] ^= 1
        path.write_bytes(data)

    def seen(self, **more: Any) -> Zone:
        """The zone as a verification takes it."""
        facts: dict[str, Any] = {
            "logs": self.reader,
            "files": self.files,
            "objects": self.store.reader,
            "now": self.clock.now(),
            "threads": self.threads,
            "workers": 2,
            "local_path": lambda key: self.folder / key,
        }
        return Zone(**(facts | more))


@pytest.fixture
async def zone(tmp_path: Path) -> AsyncIterator[LiveZone]:
    """An empty zone with its writer."""
    made = LiveZone(tmp_path / "zone")
    await made.start()
    yield made
    await made.stop()
