from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from headwater.errors import Damaged, Unavailable
from headwater.followers.follow import BACKOFF_SECONDS_MAX, Follower
from headwater.ledger.entries import Heartbeat
from headwater.terms import Place, Position
from headwater.testing.manual_clock import ManualClock
from tests.contract.books.samples import placed


class Log:
    """A ledger's reader over a list; `failure` is raised by each read while it is set."""

    def __init__(self) -> None:
        self.entries: list[tuple[Place, bytes]] = []
        self.failure: Exception | None = None
        self._grown = asyncio.Event()

    @property
    def position(self) -> Position:
        return Position(len(self.entries))

    def grow(self, count: int) -> None:
        self.entries += placed(*(Heartbeat(v=1),) * count, after=len(self.entries))
        self._grown.set()

    async def read(self, after, limit=1024):
        if self.failure is not None:
            raise self.failure
        for entry in self.entries[after : after + limit]:
            yield entry

    async def wait(self, after, seconds):
        while self.position <= after:
            self._grown.clear()
            await self._grown.wait()
        return self.position


class Sums:
    """A projection that keeps which positions it was given, in which batches; `failures` are raised first."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.failures: list[Exception] = []
        self.cursor = Position(0)
        self.entered = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()

    async def applied(self):
        return self.cursor

    async def apply(self, entries):
        self.entered.set()
        await self.go.wait()
        if self.failures:
            raise self.failures.pop(0)
        self.batches.append([place.position for place, _ in entries])
        self.cursor = entries[-1][0].position


@pytest.fixture
def log():
    """An empty ledger."""
    return Log()


@pytest.fixture
def sums():
    """What follows it."""
    return Sums()


@pytest.fixture
def clock():
    """A clock that stands still."""
    return ManualClock()


@pytest.fixture
async def follow(log, sums, clock):
    """Starts a follower, and returns it with its task; that is cancelled in the end."""
    tasks = []

    def follow(**more):
        follower = Follower(log, sums, clock, **more)
        tasks.append(asyncio.ensure_future(follower.follow()))
        return follower, tasks[-1]

    yield follow
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def settle():
    """Lets every task run until it waits."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_it_applies_what_is_there_and_what_comes(log, sums, follow):
    """Every entry, once and in order, those of before its start in batches of its size."""
    log.grow(5)
    follower, _ = follow(batch_entries=2)
    await follower.reached(Position(5))
    log.grow(1)
    await follower.reached(Position(6))
    assert sums.batches == [[1, 2], [3, 4], [5], [6]]


async def test_it_goes_on_after_its_cursor(log, sums, follow):
    """What was applied by an earlier follower is not read again."""
    log.grow(5)
    sums.cursor = Position(3)
    await follow()[0].reached(Position(5))
    assert sums.batches == [[4, 5]]


async def test_it_says_how_far_it_has_come(log, sums, follow):
    """Position and lag are those of what is applied, not of what is being applied."""
    log.grow(3)
    sums.go.clear()
    follower, _ = follow()
    await sums.entered.wait()
    assert (follower.position, follower.lag) == (0, 3)
    sums.go.set()
    await follower.reached(Position(3))
    assert (follower.position, follower.lag) == (3, 0)


async def test_it_survives_what_is_unavailable(log, sums, clock, follow):
    """It says what is wrong, waits, twice as long each time, and goes on from its cursor when that has ended."""
    log.grow(2)
    sums.failures = [Unavailable("full"), Unavailable("full"), Unavailable("books_unavailable", "No books.")]
    follower, _ = follow()
    for seconds in (0.1, 0.2, 0.4):
        await settle()
        assert follower.problem
        clock.advance(seconds * 0.9)
        await settle()
        assert sums.batches == []
        clock.advance(seconds * 0.1 + 0.001)
    await follower.reached(Position(2))
    await settle()
    assert sums.batches == [[1, 2]]
    assert follower.problem is None


async def test_it_never_waits_longer_than_half_a_minute(log, sums, clock, follow):
    """After a long outage of the ledger it goes on within its longest wait."""
    log.grow(1)
    log.failure = Unavailable("ledger_unavailable", "The ledger is away.")
    follower, _ = follow()
    for _ in range(20):
        await settle()
        clock.advance(BACKOFF_SECONDS_MAX)
    await settle()
    assert follower.problem == "The ledger is away."
    log.failure = None
    clock.advance(BACKOFF_SECONDS_MAX)
    await asyncio.wait_for(follower.reached(Position(1)), 5)


async def test_damage_ends_it(log, sums, follow):
    """What cannot be mended by waiting is raised to whoever started it."""
    log.grow(1)
    sums.failures = [Damaged("It is broken.")]
    with pytest.raises(Damaged):
        await follow()[1]


async def test_a_reader_that_gives_nothing_is_no_busy_loop(log, sums, follow):
    """A ledger that says it has entries and gives none is unavailable, not asked for ever."""
    log.grow(1)

    async def nothing(after, limit=1024):
        return
        yield

    log.read = nothing
    follower, _ = follow()
    await settle()
    assert "does not give" in follower.problem
    assert follower.lag == 1


async def test_cancelled_anywhere_it_loses_nothing(log, sums, follow):
    """Cancelled while a batch is being applied, the next one that follows begins at the cursor."""
    log.grow(3)
    sums.go.clear()
    _, task = follow()
    await sums.entered.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert sums.batches == []
    sums.go.set()
    await follow()[0].reached(Position(3))
    assert sums.batches == [[1, 2, 3]]


async def test_it_gathers_a_stream_into_few_batches(log, sums, clock, follow):
    """Entries that come one by one within its time to gather are applied together."""
    follower, _ = follow(gather_seconds=0.02)
    await settle()
    for _ in range(5):
        log.grow(1)
        await settle()
    assert sums.batches == []
    clock.advance(0.02)
    await follower.reached(Position(5))
    assert sums.batches == [[1, 2, 3, 4, 5]]


async def test_catching_up_needs_no_loop(log, sums, clock):
    """Once through, for a rebuild: all that is committed by now, and what is unavailable is raised."""
    log.grow(5)
    follower = Follower(log, sums, clock, batch_entries=2)
    assert await follower.catch_up() == 5
    sums.failures = [Unavailable("full")]
    log.grow(1)
    with pytest.raises(Unavailable):
        await follower.catch_up()
    assert follower.lag == 1
