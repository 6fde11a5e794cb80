from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from headwater.care.findings import Progress, Trouble, Unexplained
from headwater.care.verify import verify
from headwater.errors import Unavailable
from headwater.layout import held_key
from headwater.ledger.entries import Erased, ErasureOrdered, Found, Held, decode
from headwater.ports.books import Attempt
from headwater.terms import Door, FeedName, Key, Offer, Outcome, Position, SenderRef, Time
from tests.unit.care.looking import fill, look, touch, troubles

DAY = 86_400.0
ZONE = "0" * 31 + "1"
OTHER = FeedName("acme-crm", "orders")


@pytest.mark.parametrize("quick", [False, True])
async def test_a_whole_zone_verifies(zone, quick):
    """Every receipt's object is counted, the ledger is re-read, and nothing is wrong."""
    await fill(zone, 300)
    await zone.checkpoint()
    await fill(zone, 5)
    report, problems, _ = await look(zone, quick=quick)
    assert problems == []
    assert report.ok
    assert (report.entries, report.objects, report.logs) == (306, 305, {zone.signer.name: 306})
    assert report.size_bytes == (0 if quick else 305 * 100)


@pytest.mark.parametrize("local", [True, False])
async def test_every_bad_object_is_named(zone, local):
    """Flipped, cut, gone: each is told with its own trouble, and the good ones between are not."""
    receipts = await fill(zone, 10)
    zone.flip(receipts[2].key)
    zone.file(receipts[4].key).write_bytes(b"short")
    zone.file(receipts[6].key).unlink()
    zone.flip(receipts[8].key, -1)
    seen = zone.seen() if local else zone.seen(local_path=lambda _: None)
    _, problems, _ = await look(zone, seen=seen)
    assert {(problem.trouble, problem.subject) for problem in problems} == {
        (Trouble.DIGEST, receipts[2].key),
        (Trouble.SIZE, receipts[4].key),
        (Trouble.MISSING, receipts[6].key),
        (Trouble.DIGEST, receipts[8].key),
    }


async def test_quick_sees_what_the_store_tells(zone):
    """Size and presence without reading; a flipped byte stays unseen, as is said of it."""
    receipts = await fill(zone, 4)
    zone.flip(receipts[0].key)
    zone.file(receipts[1].key).write_bytes(b"short")
    zone.file(receipts[2].key).unlink()
    _, problems, _ = await look(zone, quick=True)
    assert {problem.trouble for problem in problems} == {Trouble.SIZE, Trouble.MISSING}


async def test_quick_compares_checksums_where_the_store_has_them(zone):
    """A store that knows an object's CRC is asked for it."""
    receipt = await zone.land(b"data")
    wrong = zone.seen(objects=Changed(zone.store.reader, receipt.key, crc64nvme="0" * 16))
    _, problems, _ = await look(zone, seen=wrong, quick=True)
    assert [problem.trouble for problem in problems] == [Trouble.DIGEST]


async def test_one_feed_can_be_verified(zone):
    """Objects of other feeds are not read, the ledger is re-read whole."""
    ours = await zone.land(b"ours")
    theirs = zone.receipt(b"theirs", feed=OTHER)
    await zone.put(theirs.key, b"theirs")
    await zone.enter(theirs)
    zone.flip(theirs.key)
    report, problems, _ = await look(zone, feed=FeedName(ours.source, ours.feed))
    assert (report.objects, problems) == (1, [])
    assert await troubles(zone, feed=OTHER) == [Trouble.DIGEST]


# --- the second look --------------------------------------------------------------------------------------------------


class Changed:
    """A reader that lies about one object, `times` times: other facts, other bytes, or a failure."""

    def __init__(self, reader, key, *, times: int = 10**9, failure=None, data=None, crc64nvme=None) -> None:
        self._reader, self._key, self._times = reader, key, times
        self._failure, self._data, self._crc64nvme = failure, data, crc64nvme

    def _lies(self, key: Key) -> bool:
        if key != self._key or self._times <= 0:
            return False
        self._times -= 1
        if self._failure is not None:
            raise self._failure
        return True

    async def head(self, key: Key):
        stored = await self._reader.head(key)
        if self._lies(key):
            return type(stored)(stored.key, stored.size_bytes, crc64nvme=self._crc64nvme)
        return stored

    async def read(self, key: Key, **where) -> AsyncIterator[bytes]:
        if self._lies(key):
            yield self._data
            return
        async for piece in self._reader.read(key, **where):
            yield piece

    def list(self, prefix: str, **where):
        return self._reader.list(prefix, **where)


@pytest.mark.parametrize("lie", [{"failure": Unavailable("store_unavailable")}, {"data": b"dat?"}])
async def test_what_looks_wrong_once_is_read_again(zone, lie):
    """A failure, or other bytes, that are gone at the second look are no damage, but are counted."""
    receipt = await zone.land(b"data")
    once = zone.seen(objects=Changed(zone.store.reader, receipt.key, times=1, **lie), local_path=lambda _: None)
    report, problems, _ = await look(zone, seen=once)
    assert (report.reread, problems) == (1, [])


async def test_what_cannot_be_read_twice_is_a_problem(zone):
    """It is called unreadable, not damaged, with the store's own sentence."""
    receipt = await zone.land(b"data")
    broken = Changed(zone.store.reader, receipt.key, failure=Unavailable("store_unavailable", "The disk is away."))
    _, problems, _ = await look(zone, seen=zone.seen(objects=broken, local_path=lambda _: None))
    assert [(problem.trouble, problem.subject) for problem in problems] == [(Trouble.UNREADABLE, receipt.key)]
    assert "The disk is away" in problems[0].sentence


async def test_an_object_that_is_a_link_or_a_folder_is_not_followed(zone):
    """Whoever put a link in an object's place does not get its target verified."""
    linked, folder = await zone.land(b"data"), await zone.land(b"data")
    path = zone.file(linked.key)
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")
    zone.file(folder.key).unlink()
    (zone.folder / folder.key).mkdir()
    _, problems, _ = await look(zone)
    assert {problem.subject: problem.trouble for problem in problems} == {
        linked.key: Trouble.UNREADABLE,
        folder.key: Trouble.UNREADABLE,
    }


# --- evidence and erasure ---------------------------------------------------------------------------------------------


async def test_held_evidence_is_kept_for_30_days(zone):
    """Within them its bytes must be there and right; afterwards they may be gone."""
    entries = []
    for data in (b"good", b"flipped", b"gone"):
        now = zone.clock.now()
        id_ = zone.ids.new(now)
        entries.append(zone.held(id_, held_key(FeedName("acme-crm", "daily_sales"), now, id_, "x.csv"), data))
        await zone.put(entries[-1].key, data)
    await zone.enter(*entries)
    zone.flip(entries[1].key)
    zone.file(entries[2].key).unlink()
    assert sorted(await troubles(zone)) == [Trouble.DIGEST, Trouble.MISSING]
    zone.clock.advance(31 * DAY)
    report, problems, _ = await look(zone)
    assert (report.held, problems) == (0, [])


async def test_a_held_entry_without_evidence_is_fine(zone):
    """Nothing was kept, so nothing is missed; of a first part only the size is known."""
    now = zone.clock.now()
    bare, part = zone.ids.new(now), zone.ids.new(now)
    key = held_key(FeedName("acme-crm", "daily_sales"), now, part, "x.csv")
    await zone.put(key, b"part")
    held = zone.held(part, key, b"part")
    held = Held(**{name: getattr(held, name) for name in held.__struct_fields__} | {"sha256": None})
    nothing = Held(**{name: getattr(held, name) for name in held.__struct_fields__} | {"id": bare, "key": None})
    await zone.enter(nothing, held)
    assert await troubles(zone) == []
    zone.file(key).write_bytes(b"other size")
    assert await troubles(zone) == [Trouble.SIZE]


async def test_what_is_being_erased_may_stand_or_not(zone):
    """Between the order and its confirmation the object is there, or gone already."""
    receipts = await fill(zone, 2)
    await zone.enter(*(ErasureOrdered(v=1, id=receipt.id, by="dpo", basis="request") for receipt in receipts))
    zone.file(receipts[0].key).unlink()
    assert await troubles(zone) == []
    zone.flip(receipts[1].key)
    assert await troubles(zone) == [Trouble.DIGEST]


async def test_what_was_erased_is_explained(zone):
    """An erased delivery is not missed; one that still stands is a problem."""
    receipts = await fill(zone, 3)
    await zone.enter(*(Erased(v=1, id=receipt.id, versions=1) for receipt in receipts[:2]))
    zone.file(receipts[0].key).unlink()
    report, problems, _ = await look(zone)
    assert report.erased == 2
    assert [(problem.trouble, problem.subject) for problem in problems] == [(Trouble.NOT_ERASED, receipts[1].key)]
    seen = zone.seen(local_path=lambda _: None)
    assert [problem.trouble for problem in (await look(zone, seen=seen))[1]] == [Trouble.NOT_ERASED]


# --- objects without a receipt ----------------------------------------------------------------------------------------


async def stray(zone, key: str | None = None) -> Key:
    """An object without a receipt; its file is as old as the test's clock says now."""
    made = Key(key or zone.receipt(b"stray").key)
    await zone.put(made, b"stray")
    touch(zone, made)
    return made


async def test_an_old_object_without_receipt_is_unexplained(zone):
    """After 24 hours it is a problem, and is given out for whoever wants to enter it as found."""
    key = await stray(zone)
    odd = await stray(zone, "companion/left-by-somebody.txt")
    zone.clock.advance(DAY + 1)
    _, problems, items = await look(zone)
    assert [(problem.trouble, problem.subject) for problem in problems] == [
        (Trouble.UNEXPLAINED, key),
        (Trouble.UNEXPLAINED, odd),
    ]
    assert [each for each in items if isinstance(each, Unexplained)] == [Unexplained(key, 5), Unexplained(odd, 5)]


async def test_a_young_object_without_receipt_is_in_flight(zone):
    """A delivery may be between its object and its receipt."""
    await stray(zone)
    zone.clock.advance(DAY - 1)
    report, problems, _ = await look(zone)
    assert (report.in_flight, problems) == (1, [])


async def test_a_found_object_is_explained(zone):
    """Once its entry stands it is counted and named, and no problem any more."""
    key = await stray(zone)
    await zone.enter(Found(v=1, key=key, size_bytes=5))
    zone.clock.advance(DAY + 1)
    report, problems, _ = await look(zone)
    assert (report.found, report.found_keys, problems) == (1, (key,), [])
    zone.file(key).unlink()
    report, problems, _ = await look(zone)
    assert (report.found, problems) == (0, [])


async def test_what_nothing_explains_is_entered_once(zone):
    """Who holds the ledger enters it as found, claiming nothing but its key and size; the next time it is explained."""
    keys = [await stray(zone), await stray(zone, "companion/left-by-somebody.txt")]
    zone.clock.advance(DAY + 1)
    seen = zone.seen(ledger=zone.sequencer)
    first, again = (await look(zone, seen=seen))[0], (await look(zone, seen=seen))[0]
    assert (first.problems, first.entered, first.found) == (2, 2, 0)
    assert (again.problems, again.entered, again.found_keys) == (0, 0, tuple(keys))
    entries = [decode(data) async for _, data in zone.reader.read(Position(1))]
    assert [msgspec.structs.replace(entry, at="") for entry in entries] == [
        Found(v=1, key=key, size_bytes=5) for key in keys
    ]


async def test_many_are_entered_and_the_first_are_named(zone):
    """However many nothing explains, each gets its entry; the report stays short."""
    for number in range(300):
        await stray(zone, f"raw/strange/{number:03}")
    zone.clock.advance(DAY + 1)
    seen = zone.seen(ledger=zone.sequencer)
    assert (await look(zone, seen=seen))[0].entered == 300
    report, problems, _ = await look(zone, seen=seen)
    assert (report.found, problems) == (300, [])
    assert report.found_keys == tuple(f"raw/strange/{number:03}" for number in range(20))


async def test_a_name_that_no_entry_can_say_stays_a_problem(zone):
    """A file whose name is not UTF-8 is told in readable form, and does not keep others from being entered."""
    odd = Key("raw/caf\udce9.txt")
    (zone.folder / "raw").mkdir(exist_ok=True)
    (zone.folder / odd).write_bytes(b"stray")
    touch(zone, odd)
    await stray(zone)
    zone.clock.advance(DAY + 1)
    seen = zone.seen(ledger=zone.sequencer)
    for entered in (1, 0):
        report, problems, _ = await look(zone, seen=seen)
        assert report.entered == entered
        assert r"raw/caf\xe9.txt" in [problem.subject for problem in problems]


async def test_a_ledger_that_does_not_hold_explains_nothing_away(zone):
    """Where entries cannot be read, an object may well have its receipt: it is told, and not entered as found."""
    await zone.land(b"abc")
    await zone.checkpoint()
    (bundle,) = (zone.folder / "ledger").glob("*/tile/entries/000.p/*")
    bundle.chmod(0o640)
    bundle.write_bytes(b"\x00" * 100)
    key = await stray(zone)
    zone.clock.advance(DAY + 1)
    report, problems, items = await look(zone, seen=zone.seen(ledger=zone.sequencer))
    assert (Trouble.UNEXPLAINED, key) in [(problem.trouble, problem.subject) for problem in problems]
    assert report.entered == 0
    assert not any(isinstance(each, Unexplained) for each in items)


async def test_a_ledger_that_takes_nothing_is_verified_all_the_same(zone):
    """Where the entry cannot be made, the report comes, and says that nothing was entered."""

    class Stopped:
        async def append(self, *_entries):
            raise Unavailable("draining")

    await stray(zone)
    zone.clock.advance(DAY + 1)
    report, problems, _ = await look(zone, seen=zone.seen(ledger=Stopped()))
    assert (report.entered, len(problems)) == (0, 1)


@pytest.mark.parametrize(
    ("outcome", "problem"),
    [(Outcome.REFUSED, False), (Outcome.HELD, False), (Outcome.SEALING, True), (Outcome.LANDED, True)],
)
async def test_the_books_may_explain_an_object(zone, outcome, problem):
    """A refused attempt says why its object stands; one that should have ended long ago is a problem, not a find."""
    await stray(zone)
    zone.clock.advance(DAY + 1)
    offer = Offer(feed=OTHER, door=Door.HTTP, sender=SenderRef("acme", "x"), name="a")

    async def attempt(id):
        return Attempt(id=id, outcome=outcome, offer=offer, opened_at=Time(1))

    report, problems, items = await look(zone, seen=zone.seen(attempt=attempt, ledger=zone.sequencer))
    assert [each.trouble for each in problems] == ([Trouble.UNEXPLAINED] if problem else [])
    assert (report.refused, report.entered) == (not problem, 0)
    assert not any(isinstance(each, Unexplained) for each in items)


# --- how it goes on ---------------------------------------------------------------------------------------------------


async def test_progress_ends_where_it_should(zone):
    """Entries, objects and bytes are counted against what there is, and the last count is all of it."""
    await fill(zone, 300, size=1000)
    _, _, items = await look(zone)
    last = [each for each in items if isinstance(each, Progress)][-1]
    assert (last.entries, last.objects, last.size_bytes) == (last.of_entries, last.of_objects, last.of_bytes)
    assert (last.of_entries, last.of_objects, last.of_bytes) == (301, 300, 300_000)


async def test_a_verification_that_is_given_up_leaves_nothing_behind(zone):
    """Closed in the middle, it stops its own work."""
    await fill(zone, 20)
    before = asyncio.all_tasks()
    running = verify(zone.seen(local_path=lambda _: None))
    async for each in running:
        if isinstance(each, Progress) and each.objects:
            break
    await running.aclose()
    assert asyncio.all_tasks() <= before
