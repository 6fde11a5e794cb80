"""A log in memory, and writers that can be opened on it again and again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from headwater.ledger.entries import Admin, Entry
from headwater.ledger.note import Signer
from headwater.sequencer import LogReader, Sequencer
from headwater.sequencer.founding import found_log
from headwater.sequencer.writer import Pace
from headwater.system import SystemClock
from headwater.terms import Position
from headwater.testing.memory_log import MemoryClaims, MemoryFiles, MemoryHead

ZONE = "0" * 31 + "1"
LOG = f"{ZONE}-1"
FAST = Pace(publish_seconds=0.02, heartbeat_seconds=3600, retry_seconds=0.001)


class World:
    """What outlives a writer: heads, files, claims, the key; `opened` writers are crashed at the end."""

    def __init__(self, *, lease_seconds: float | None = None) -> None:
        self.lease_seconds = lease_seconds
        self.heads: dict[str, MemoryHead] = {}
        self.files = MemoryFiles()
        self.claims = MemoryClaims()
        self.signer = Signer.generate(LOG)
        self.clock = SystemClock()
        self.opened: list[Sequencer] = []

    def head(self, log: str = LOG) -> MemoryHead:
        return self.heads.setdefault(log, MemoryHead(lease_seconds=self.lease_seconds))

    async def open(
        self, writer: str = "node process 1", claims: MemoryClaims | None = None, pace: Pace = FAST
    ) -> Sequencer:
        if self.head().stored is None:
            await found_log(self.head(), self.files, self.signer, self.clock.now(), zone_id=ZONE)
        reader = LogReader(self.head, self.files, ZONE)
        await reader.refresh()
        sequencer = await Sequencer.open(
            reader,
            self.head(reader.heads[-1].log),
            self.files,
            claims or self.claims,
            self.signer,
            self.clock,
            writer=writer,
            pace=pace,
        )
        self.opened.append(sequencer)
        return sequencer

    async def crash(self, sequencer: Sequencer) -> None:
        """Its process dies: no task of it runs on."""
        self.opened.remove(sequencer)
        for task in sequencer._tasks:
            task.cancel()

    async def entries(self) -> list[bytes]:
        """All entries, as a fresh reader sees them."""
        reader = LogReader(self.head, self.files, ZONE)
        await reader.refresh()
        return [data async for _, data in reader.read(Position(0), 10**6)]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A log that nobody has opened yet."""
    made = World()
    yield made
    for sequencer in list(made.opened):
        await made.crash(sequencer)


def act(number: int) -> Entry:
    """An entry without claims."""
    return Admin(v=1, by="test", act="counted", subject=str(number))
