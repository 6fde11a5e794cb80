from __future__ import annotations

import asyncio

import msgspec
import pytest

from headwater.formats.finding import Column, Finding, Problem, Table, Wholeness
from headwater.ports.findings import Inspected, Unwritten
from headwater.terms import Completeness, Position, Time
from tests.contract.books.samples import DAILY, HOURLY, an_id, at

DAY = "2026-11-23"


def a_finding(name="sales.csv", **changes):
    """A finding with a value in each place that may hold one."""
    column = Column("customer", samples=("Ann", "Bob"), min="Ann", max="Zoe", null_texts=("-",))
    fields = {
        "format": "csv",
        "confidence": 0.9,
        "name": name,
        "evidence": ("It begins with Ann.",),
        "schema": (Table(columns=(column,), rows=3),),
        "rows": 3,
        "wholeness": Wholeness(Completeness.PRESUMED, ("The last row says Ann.",)),
        "problems": (Problem("column_new", "Ann is odd.", examples=("Ann",)),),
    }
    return Finding(**fields | changes)


def inspected(n, *, feed=DAILY, finding=None, **changes):
    """The finding of the n-th delivery, which stands at position n."""
    fields = {
        "id": an_id(n),
        "position": Position(n),
        "feed": feed,
        "sender": "acme",
        "day": DAY,
        "detector": "1",
        "made_at": at(n),
        "finding": finding or a_finding(f"{n}.csv"),
    }
    return Inspected(**fields | changes)


async def names(books, feed=DAILY, before=100, limit=10):
    """What later findings are compared with, by name."""
    return [each.name for each in await books.findings.earlier(feed, Position(before), limit)]


async def test_a_finding_comes_back_as_it_was(books):
    """All of it, with when it was made; of a delivery without one there is nothing."""
    kept = inspected(1)
    assert await books.findings.add(kept) == kept
    assert await books.findings.of(an_id(1)) == [kept]
    assert await books.findings.of(an_id(2)) == []
    assert await books.findings.have([an_id(1), an_id(2)], "1") == {an_id(1)}
    assert await books.findings.have([an_id(1)], "2") == set()


async def test_a_name_that_is_no_text_is_kept(books):
    """Surrogate escapes survive, as everywhere in the books."""
    odd = inspected(1, finding=a_finding("caf\udce9.csv"))
    await books.findings.add(odd)
    assert await books.findings.of(an_id(1)) == [odd]


async def test_the_first_run_stands_once(books):
    """Whoever comes second, after a crash or beside the first, gets what stands there already."""
    first = await books.findings.add(inspected(1))
    assert await books.findings.add(inspected(1, made_at=Time(7), finding=a_finding("other"))) == first
    many = await asyncio.gather(*(books.findings.add(inspected(2, made_at=Time(n))) for n in range(20)))
    assert len({each.made_at for each in many}) == 1
    assert len(await books.findings.of(an_id(2))) == 1


async def test_a_run_that_was_asked_for_is_added(books):
    """Each gets the next number of its detector, nothing is replaced, and the newest comes first."""
    await books.findings.add(inspected(1))
    runs = await asyncio.gather(*(books.findings.add(inspected(1, run=2)) for _ in range(3)))
    newer = await books.findings.add(inspected(1, run=2, detector="2"))
    assert [each.run for each in runs] == [2, 3, 4]
    assert newer.run == 1
    found = await books.findings.of(an_id(1))
    assert [(each.detector, each.run) for each in found] == [("2", 1), ("1", 4), ("1", 3), ("1", 2), ("1", 1)]


async def test_earlier_findings_are_those_of_the_feed_below(books):
    """Newest delivery first, each by its newest finding, none of another feed or of what came later, a few at most."""
    for n in (1, 2, 3, 5):
        await books.findings.add(inspected(n))
    await books.findings.add(inspected(4, feed=HOURLY))
    await books.findings.add(inspected(2, run=2, finding=a_finding("2 again")))
    assert await names(books) == ["5.csv", "3.csv", "2 again", "1.csv"]
    assert await names(books, before=3) == ["2 again", "1.csv"]
    assert await names(books, limit=2) == ["5.csv", "3.csv"]
    assert await names(books, HOURLY) == ["4.csv"]


async def test_large_findings_make_a_short_history(books):
    """However large findings are, what is read of them is bounded; the newest is always there."""
    wide = tuple(Column(f"{n:032x}{n * 7919:032x}", samples=(f"{n * 31:064x}",)) for n in range(9000))
    for n in range(1, 40):
        await books.findings.add(inspected(n, finding=a_finding(f"{n}", schema=(Table(columns=wide),))))
    found = await names(books, limit=40)
    assert found[0] == "39"
    assert 1 <= len(found) < 39


async def test_what_was_taken_out_is_not_compared_with(books):
    """A delivery that counts no more is left out of the history, whether that was told before its finding or after."""
    await books.findings.leave_out(an_id(2))
    for n in (1, 2, 3):
        await books.findings.add(inspected(n))
    await books.findings.leave_out(an_id(3))
    await books.findings.leave_out(an_id(3))
    assert await names(books) == ["1.csv"]
    assert [each.finding.name for each in await books.findings.of_feed(DAILY, None, 10)] == ["3.csv", "2.csv", "1.csv"]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_an_erased_delivery_leaves_no_value(books, engine, when):
    """Whether its finding stood already or comes later: counts and types stay, words that were made of bytes go."""
    if when == "before":
        await books.findings.erase(an_id(1))
    await books.findings.add(inspected(1))
    if when == "after":
        await books.findings.erase(an_id(1))
        await books.findings.leave_out(an_id(1))
    (found,) = await books.findings.of(an_id(1))
    assert b"Ann" not in msgspec.json.encode(found.finding)
    assert (found.finding.rows, found.finding.format) == (3, "csv")
    assert [problem.code for problem in found.finding.problems] == ["column_new"]
    again = await books.findings.add(inspected(1, run=2))
    assert b"Ann" not in msgspec.json.encode(again.finding)
    assert await names(books) == []


async def test_a_page_of_a_feed(books):
    """Newest delivery first, below a position, of one sender where only its own are wanted."""
    for n in range(1, 6):
        await books.findings.add(inspected(n, sender="acme" if n % 2 else "beta"))
    page = books.findings.of_feed
    assert [each.position for each in await page(DAILY, None, 2)] == [5, 4]
    assert [each.position for each in await page(DAILY, Position(4), 10)] == [3, 2, 1]
    assert [each.position for each in await page(DAILY, None, 10, "beta")] == [4, 2]


async def test_findings_are_written_a_feed_and_day_at_a_time(books):
    """The oldest day that is over comes first; what was written does not come again; later ones make another file."""
    for n, (feed, day) in enumerate([(DAILY, "2026-11-24"), (HOURLY, DAY), (DAILY, DAY), (DAILY, DAY)], start=1):
        await books.findings.add(inspected(n, feed=feed, day=day))
    seen = []
    while batch := await books.findings.unwritten("2026-11-24"):
        seen.append((batch.feed, [each.position for each in batch.findings], batch.number))
        await books.findings.written(batch)
    assert seen == [(DAILY, [3, 4], 1), (HOURLY, [2], 1)]
    await books.findings.add(inspected(3, run=2))
    batch = await books.findings.unwritten("2026-11-24")
    assert isinstance(batch, Unwritten)
    assert [(each.position, each.run) for each in batch.findings] == [(3, 2)]
    assert batch.number == 2


async def test_findings_survive_a_close(books, engine):
    """What was added is there when the books are opened again; a catalog made anew leaves it."""
    await books.findings.add(inspected(1))
    await books.catalog.clear()
    await books.close()
    again = engine.open()
    assert [each.id for each in await again.findings.of(an_id(1))] == [an_id(1)]
    await again.close()
