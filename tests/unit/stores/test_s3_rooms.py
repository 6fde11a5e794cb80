"""Where the bytes of an upload wait."""

from __future__ import annotations

import os

import pytest

from headwater.errors import Unavailable
from headwater.landing import Budget
from headwater.stores.s3_rooms import PartInHand, Rooms
from headwater.stores.threads import Threads
from headwater.testing.manual_clock import ManualClock

MIB = 1 << 20


class Asked:
    """A budget that remembers which rooms were asked for in the spool."""

    def __init__(self, budget):
        self.budget = budget
        self.slow = []

    async def take(self, size_bytes, *, slow=False):
        self.slow.append(slow)
        return await self.budget.take(size_bytes, slow=slow)


@pytest.fixture
def threads():
    """Threads for the spool."""
    threads = Threads(1, "spool")
    yield threads
    threads.close()


@pytest.fixture
def budget(tmp_path):
    """Room for 32 MiB in memory, and 64 in the spool."""
    return Budget(32 * MIB, 64 * MIB, tmp_path)


@pytest.mark.parametrize(
    ("seconds", "size_bytes", "slow"),
    [(9.9, 0, False), (10, 8 * MIB, True), (10, 10 * MIB, False), (3600, 3599 * MIB, True), (8, 8 * MIB, False)],
)
async def test_a_slow_upload_waits_in_the_spool(threads, budget, seconds, size_bytes, slow):
    """An upload that took at least 10 s for what it sent, at less than 1 MiB/s, gets its next room in the spool."""
    clock, asked = ManualClock(), Asked(budget)
    rooms = Rooms(asked, threads, clock.monotonic)
    first, second, third = (PartInHand(None, 0, 8 * MIB) for _ in range(3))
    await rooms.open(first, 8 * MIB)
    piece = bytes(MIB)
    await rooms.extend(first, [piece] * (min(size_bytes, 8 * MIB) // MIB))
    rooms._since_bytes = size_bytes
    clock.advance(seconds)
    await rooms.open(second, 8 * MIB)
    await rooms.open(third, 8 * MIB)
    assert asked.slow == [False, slow, False]
    for part in (first, second, third):
        rooms.close(part.room)
    assert (budget.memory_used, budget.spool_used) == (0, 0)


@pytest.mark.parametrize("memory_bytes", [0, 32 * MIB])
async def test_a_larger_room_has_the_bytes_of_the_smaller(threads, tmp_path, memory_bytes):
    """A part that outgrows its room moves with all its bytes, in memory or in the spool, and gives the old one back."""
    budget = Budget(memory_bytes, 64 * MIB, tmp_path)
    rooms = Rooms(budget, threads, ManualClock().monotonic)
    part = PartInHand(None, 0, 8 * MIB)
    await rooms.open(part, 5)
    await rooms.extend(part, [b"ab", b"cde"])
    await rooms.open(part, 8 * MIB)
    assert budget.memory_used + budget.spool_used == 8 * MIB
    await rooms.extend(part, [b"fg"])
    assert bytes(part.body()) == b"abcdefg"
    rooms.close(part.room)


async def test_a_spool_that_cannot_be_written_is_busy(threads, tmp_path):
    """A full spool disk is Unavailable, and the bytes that did not fit do not count as taken."""
    budget = Budget(0, 64 * MIB, tmp_path)
    rooms = Rooms(budget, threads, ManualClock().monotonic)
    part = PartInHand(None, 0, 8 * MIB)
    await rooms.open(part, 8 * MIB)
    await rooms.extend(part, [b"taken"])
    spool = part.room._descriptor  # type: ignore[attr-defined]
    read_only = os.open(os.devnull, os.O_RDONLY)
    kept = os.dup(spool)
    os.dup2(read_only, spool)
    with pytest.raises(Unavailable) as raised:
        await rooms.extend(part, [b"not taken"])
    assert raised.value.reason == "busy"
    os.dup2(kept, spool)
    assert bytes(part.body()) == b"taken"
    os.close(read_only)
    os.close(kept)
    rooms.close(part.room)


async def test_a_spool_that_lost_bytes_is_found_out(threads, budget):
    """A room that gives back another number of bytes than it took is never sent."""
    rooms = Rooms(budget, threads, ManualClock().monotonic)
    part = PartInHand(None, 0, 8 * MIB)
    await rooms.open(part, 8 * MIB)
    await rooms.extend(part, [b"taken"])
    part.size_bytes += 1
    with pytest.raises(Unavailable):
        part.body()
    rooms.close(part.room)
