from __future__ import annotations

import msgspec
import pytest
from awscrt.checksums import crc64nvme

from headwater.books.sqlite import SqliteBooks
from headwater.errors import Unavailable
from headwater.followers.finding_files import SETTLE_SECONDS, FindingFiles
from headwater.layout import findings_key
from headwater.stores.directory_zone import open_directory_zone
from headwater.terms import time_value
from headwater.testing.manual_clock import ManualClock
from tests.contract.books.samples import DAILY, HOURLY
from tests.contract.books.test_findings import DAY, inspected

MIDNIGHT = time_value("2026-11-24T00:00:00Z")


class World:
    """A zone, books, and a clock that stands on the end of the day whose findings there are."""

    def __init__(self, folder):
        self.store = open_directory_zone(folder / "zone")
        self.books = SqliteBooks(folder / "books.sqlite3")
        self.clock = ManualClock(MIDNIGHT)
        self.files = FindingFiles(self.books.findings, self.store.creator, self.rendered, self.clock, crc64nvme)
        self.fails = False

    async def rendered(self, findings):
        if self.fails:
            raise Unavailable("busy")
        return msgspec.json.encode([(each.position, each.run) for each in findings])

    async def later(self, seconds=SETTLE_SECONDS):
        """Writes what is to be written after so long."""
        self.clock.advance(seconds)
        return await self.files.write_days_that_are_over()

    async def written(self):
        """Every file under findings/, by its key."""
        return {
            each.key: msgspec.json.decode(b"".join([piece async for piece in self.store.reader.read(each.key)]))
            async for each in self.store.reader.list("findings/")
        }

    async def close(self):
        await self.books.close()
        await self.store.close()


@pytest.fixture
async def world(tmp_path):
    """A world with two findings of one feed and one of another."""
    made = World(tmp_path)
    for n, feed in enumerate((DAILY, HOURLY, DAILY), start=1):
        await made.books.findings.add(inspected(n, feed=feed))
    yield made
    await made.close()


async def test_a_day_is_written_when_it_is_over(world):
    """One file a feed and day, once, some hours after its end."""
    assert await world.later(SETTLE_SECONDS - 1) == 0
    assert await world.later(1 + 86_400) == 2
    assert await world.written() == {
        findings_key(DAILY, DAY, 1): [[1, 1], [3, 1]],
        findings_key(HOURLY, DAY, 1): [[2, 1]],
    }
    assert await world.later() == 0


async def test_what_comes_later_makes_another_file(world):
    """A new run, or an upload that ended late, stands beside the first file: no file is ever changed."""
    await world.later(2 * 86_400)
    await world.books.findings.add(inspected(1, run=2))
    await world.books.findings.add(inspected(9))
    assert await world.later() == 1
    assert (await world.written())[findings_key(DAILY, DAY, 2)] == [[1, 2], [9, 1]]


async def test_a_crash_before_the_books_know_writes_nothing_twice(world, monkeypatch):
    """The same findings find their own file; where more have come meanwhile, the next number is taken."""
    marks = world.books.findings.written

    async def crash(_batch):
        raise Unavailable("books_unavailable")

    for more in (False, True):
        monkeypatch.setattr(world.books.findings, "written", crash)
        with pytest.raises(Unavailable):
            await world.later(2 * 86_400)
        if more:
            await world.books.findings.add(inspected(2, feed=HOURLY, run=2))
        monkeypatch.setattr(world.books.findings, "written", marks)
        await world.later()
        await world.books.findings.add(inspected(4, feed=HOURLY))
    assert await world.written() == {
        findings_key(DAILY, DAY, 1): [[1, 1], [3, 1]],
        findings_key(HOURLY, DAY, 1): [[2, 1]],
        findings_key(HOURLY, DAY, 2): [[4, 1]],
        findings_key(HOURLY, DAY, 3): [[4, 1], [2, 2]],
    }


async def test_what_cannot_be_made_just_now_is_made_later(world):
    """No worker: nothing is written and nothing marked."""
    world.fails = True
    with pytest.raises(Unavailable):
        await world.later(2 * 86_400)
    world.fails = False
    assert await world.later() == 2
