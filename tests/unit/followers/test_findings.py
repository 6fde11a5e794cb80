from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from headwater.errors import Refused, Unavailable
from headwater.followers import findings as following
from headwater.followers.findings import FOLLOWER, Findings
from headwater.followers.follow import Follower
from headwater.formats.finding import DETECTOR
from headwater.ledger.entries import Amended, Erased, Void
from headwater.terms import Completeness, Id, Position, Receipt
from tests.unit.followers.looks import Looks
from tests.unit.landing.conftest import FEED, Site, offer

PLAIN, WIDER = b"id,amount\n1,2\n", b"id,amount,colour\n1,2,3\n"


class World(Site):
    """A landing whose deliveries are inspected when a test says so."""

    def begin(self, **more: Any) -> None:
        """A process begins to follow."""
        self.looks = Looks(self.store.reader)
        self.findings = Findings(self.looks, self.books.findings, self.books.cursors, self.clock, **more)

    async def land(self, name: str, body: bytes = PLAIN, *, companion: bool = False) -> Receipt:
        upload = await self.landing.open(offer(name, companion=companion))
        await upload.write(0, body)
        receipt = (await upload.seal()).entry
        assert isinstance(receipt, Receipt)
        return receipt

    async def follow(self) -> None:
        """Follows to the end of the ledger."""
        await Follower(self.reader, self.findings, self.clock).catch_up()

    async def told(self) -> dict[str, list[str]]:
        """The sentences of the problems of every finding, by name."""
        found = await self.books.findings.of_feed(FEED, None, 1000)
        return {each.finding.name: [problem.sentence for problem in each.finding.problems] for each in found}

    async def kept(self) -> list[Any]:
        """Every finding but for when it was made, in the ledger's order."""
        found = await self.books.findings.of_feed(FEED, None, 10_000)
        return [msgspec.structs.replace(each, made_at=0) for each in reversed(found)]


@pytest.fixture
async def world(tmp_path):
    """A world that runs."""
    made = World(tmp_path)
    await made.start()
    made.begin()
    yield made
    await made.crash()


async def test_each_delivery_gets_a_finding(world):
    """Once, of the present detector, with the delivery's own place, feed, sender and day."""
    receipt = await world.land("a.csv")
    await world.follow()
    await world.follow()
    (kept,) = await world.books.findings.of(receipt.id)
    assert (kept.detector, kept.run, kept.sender, str(kept.feed)) == (DETECTOR, 1, "acme", "acme-crm/daily_sales")
    assert f"lz_date={kept.day}/" in receipt.key
    assert kept.finding.rows == 1
    assert world.looks.looked == ["a.csv"]
    assert await world.books.cursors.cursor(FOLLOWER) == world.reader.position


async def test_companions_are_not_inspected(world):
    """What goes with data is no data."""
    companion = await world.land("a.csv.md5", companion=True)
    await world.follow()
    assert world.looks.looked == []
    assert await world.books.findings.of(companion.id) == []


async def test_a_finding_is_compared_with_those_before_it(world):
    """In the ledger's order, however long each took to be looked at."""
    world.looks.slow = {"day1.csv"}
    for name, body in (("day1.csv", PLAIN), ("day2.csv", WIDER), ("day3.csv", WIDER), ("day4.csv", PLAIN)):
        await world.land(name, body)
    await world.follow()
    told = await world.told()
    assert told["day1.csv"] == told["day3.csv"] == []
    assert told["day2.csv"] == ["Column colour is new: number 3 of 3."]
    assert told["day4.csv"] == ["Column colour is gone."]


@pytest.mark.parametrize("by", ["void", "withdrawn", "prefix_of", "erased"])
async def test_a_delivery_that_counts_no_more_is_not_compared_with(world, by):
    """A wrong file that was taken out in between does not make the next right one look wrong."""
    await world.land("day1.csv")
    wrong = await world.land("day2.csv", WIDER)
    match by:
        case "void":
            await world.sequencer.append(Void(v=1, id=wrong.id, by="anna", reason="wrong file"))
        case "erased":
            await world.sequencer.append(Erased(v=1, id=wrong.id, versions=1))
        case _:
            await world.sequencer.append(Amended(v=1, id=wrong.id, completeness=Completeness.SUSPECT, reason=by))
    await world.land("day3.csv")
    await world.follow()
    assert (await world.told())["day3.csv"] == []


async def test_another_amendment_takes_nothing_out(world):
    """A checksum file that disagrees makes a delivery suspect; it is compared with all the same."""
    await world.land("day1.csv")
    await world.sequencer.append(
        Amended(v=1, id=Id("0" * 32), completeness=Completeness.SUSPECT, reason="companion_mismatch")
    )
    await world.land("day2.csv", WIDER)
    await world.follow()
    assert len((await world.told())["day2.csv"]) == 1


async def test_an_erased_delivery_keeps_no_value(world):
    """Samples go when the ledger says erased; bytes that were gone before they were looked at get no finding."""
    seen, unseen = await world.land("a.csv"), await world.land("b.csv")
    world.looks.raises["b.csv"] = Refused("not_found")
    await world.follow()
    for receipt in (seen, unseen):
        await world.sequencer.append(Erased(v=1, id=receipt.id, versions=1))
    await world.follow()
    (kept,) = await world.books.findings.of(seen.id)
    assert kept.finding.schema[0].columns[0].samples == ()
    assert await world.books.findings.of(unseen.id) == []
    assert await world.books.cursors.cursor(FOLLOWER) == world.reader.position


async def test_values_are_kept_only_where_they_may_be(world):
    """`samples = false`: no value of the bytes is ever in the books."""
    world.begin(samples=False)
    receipt = await world.land("a.csv")
    await world.follow()
    (kept,) = await world.books.findings.of(receipt.id)
    assert kept.finding.schema[0].columns[0].samples == ()
    assert kept.finding.rows == 1


async def test_what_cannot_be_read_just_now_is_waited_for(world):
    """Unavailable moves no cursor past it; what stood before it is not looked at again, and nothing is left out."""
    for name in ("a.csv", "b.csv", "c.csv"):
        await world.land(name)
    world.looks.raises["b.csv"] = Unavailable("store_unavailable")
    with pytest.raises(Unavailable):
        await world.follow()
    assert list(await world.told()) == ["a.csv"]
    assert await world.books.cursors.cursor(FOLLOWER) == 0
    world.looks.raises.clear()
    world.looks.looked.clear()
    await world.follow()
    assert sorted(await world.told()) == ["a.csv", "b.csv", "c.csv"]
    assert "a.csv" not in world.looks.looked


async def test_a_run_that_is_cut_anywhere_ends_as_one_that_is_not(world, monkeypatch):
    """Killed after any step of a batch, and begun again: the same findings, each once."""
    bodies = [PLAIN, WIDER, PLAIN, WIDER]
    landed = [await world.land(f"day{n}.csv", body) for n, body in enumerate(bodies)]
    await world.sequencer.append(Void(v=1, id=landed[1].id, by="anna", reason="wrong"))
    await world.land("day9.csv", WIDER)
    await world.follow()
    undisturbed = await world.kept()

    class Killed(Exception):
        pass

    class Cut:
        """The book of findings of a process that is killed after so many writes."""

        def __init__(self, book, writes):
            self.book, self.left = book, writes

        def __getattr__(self, name):
            if name not in {"add", "leave_out"}:
                return getattr(self.book, name)

            async def write(*args, **how):
                result = await getattr(self.book, name)(*args, **how)
                self.left -= 1
                if not self.left:
                    raise Killed
                return result

            return write

    for writes in range(1, 7):
        await world.crash()
        (world.folder / "books.sqlite3").unlink()
        await world.start()
        world.begin()
        world.findings._book = Cut(world.books.findings, writes)
        with pytest.raises(Killed):
            await world.follow()
        world.begin()
        await world.follow()
        assert await world.kept() == undisturbed, writes


async def test_to_look_again_adds(world):
    """What was asked for is a run of its own, compared with what stood before the delivery."""
    await world.land("day1.csv")
    receipt = await world.land("day2.csv", WIDER)
    await world.land("day3.csv")
    await world.follow()
    again = await world.findings.again(receipt, Position(3))
    assert again.run == 2
    assert [problem.code for problem in again.finding.problems] == ["column_added"]
    assert len(await world.books.findings.of(receipt.id)) == 2


async def test_an_asked_for_finding_may_come_before_the_follower(world):
    """Then it is the first, and the follower makes no other."""
    receipt = await world.land("a.csv")
    assert (await world.findings.again(receipt, Position(2))).run == 1
    await world.follow()
    assert len(await world.books.findings.of(receipt.id)) == 1


async def test_what_stands_already_is_compared_with(world):
    """A finding that was asked for ahead of the follower is the earlier one for the delivery after it."""
    await world.land("day1.csv")
    second = await world.land("day2.csv", WIDER)
    await world.land("day3.csv", WIDER)
    await world.findings.again(second, Position(3))
    await world.follow()
    assert (await world.told())["day3.csv"] == []


async def test_a_batch_is_looked_at_side_by_side(world):
    """All deliveries of a batch are asked for before the first is stored."""
    for n in range(5):
        await world.land(f"{n}.csv")
    world.looks.slow = {"0.csv"}
    await world.follow()
    assert world.looks.looked == [f"{n}.csv" for n in range(5)]
    assert following.FOLLOWER == "findings"


async def test_a_finding_is_stored_once_it_is_quiet(world):
    """While something lands, what was found waits; then it is stored."""
    asked, quiet = asyncio.Event(), asyncio.Event()

    async def until_quiet() -> None:
        asked.set()
        await quiet.wait()

    receipt = await world.land("a.csv")
    world.begin(quiet=until_quiet)
    following_on = asyncio.ensure_future(world.follow())
    await asyncio.wait_for(asked.wait(), 10)
    assert await world.books.findings.of(receipt.id) == []
    quiet.set()
    await asyncio.wait_for(following_on, 10)
    assert len(await world.books.findings.of(receipt.id)) == 1
