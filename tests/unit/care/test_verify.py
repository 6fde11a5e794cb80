from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from headwater.care.findings import Problem, Progress, Report, Trouble, Unexplained
from headwater.care.verify import verify
from headwater.errors import Unavailable
from headwater.layout import held_key
from headwater.ledger.entries import Erased, ErasureOrdered, Found, Held
from headwater.ledger.note import Checkpoint, Signer, sign_note
from headwater.ports.books import Attempt
from headwater.sequencer import LogReader
from headwater.terms import Door, FeedName, Key, Offer, Outcome, Receipt, SenderRef, Time

DAY = 86_400.0
ZONE = "0" * 31 + "1"
OTHER = FeedName("acme-crm", "orders")


async def look(zone, *, seen=None, **how):
    """Everything a verification gives out, by kind."""
    items = [each async for each in verify(seen or zone.seen(), **how)]
    assert isinstance(items[-1], Report)
    problems = [each for each in items if isinstance(each, Problem)]
    assert items[-1].problems == len(problems)
    return items[-1], problems, items


async def troubles(zone, **how) -> list[Trouble]:
    """What is wrong."""
    return [problem.trouble for problem in (await look(zone, **how))[1]]


def see(zone, head) -> None:
    """Has the zone's reader take this head for the stored one."""

    async def refresh() -> None:
        zone.reader.see(head)

    zone.reader.refresh = refresh


async def fill(zone, count: int, size: int = 100) -> list[Receipt]:
    """Deliveries with their receipts, many in one batch."""
    receipts = [zone.receipt(bytes([at % 256]) * size) for at in range(count)]
    await asyncio.gather(*(zone.put(each.key, bytes([at % 256]) * size) for at, each in enumerate(receipts)))
    await zone.enter(*receipts)
    return receipts


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
        folder.key: Trouble.UNREADABLE if (zone.folder / folder.key).stat().st_size == 4 else Trouble.SIZE,
    }


# --- the ledger -------------------------------------------------------------------------------------------------------


B, T, H, C = Trouble.BUNDLE, Trouble.TILE, Trouble.HEAD, Trouble.CHECKPOINT


@pytest.mark.parametrize(
    ("path", "flipped", "gone"),
    [
        ("tile/entries/000", {B}, {B}),
        ("tile/entries/001", {B}, {B}),
        ("tile/entries/002.p/89", {B, H, C}, {B, H, C}),
        ("tile/0/000", {B, T}, {T}),
        ("tile/0/002.p/89", {B, H, C}, {T, H, C}),
        ("tile/1/000.p/2", {T, H, C}, {T, H, C}),
    ],
)
@pytest.mark.parametrize("lost", [False, True])
async def test_each_file_of_the_ledger_is_checked(zone, path, flipped, gone, lost):
    """A flipped bit in any tile or bundle, or its loss, is told of that file; the rest of the ledger is still read."""
    await fill(zone, 600)
    await zone.checkpoint()
    await fill(zone, 1)  # with this commit the head learns of its tiles
    name = f"ledger/{zone.signer.name}/{path}"
    if lost:
        zone.file(name).unlink()
    else:
        zone.flip(name, 40)
    _, problems, _ = await look(zone)
    assert {problem.trouble for problem in problems} == (gone if lost else flipped)
    assert (path == "tile/1/000.p/2" and not lost) or name in {problem.subject for problem in problems} | {
        problem.subject.replace("entries", "0") for problem in problems
    }


async def test_a_changed_entry_is_named(zone):
    """The one entry that is not what was entered is told by its index; the others of its bundle count."""
    await fill(zone, 300)
    await zone.checkpoint()
    name = f"ledger/{zone.signer.name}/tile/entries/000"
    data = zone.file(name).read_bytes()
    zone.file(name).write_bytes(data.replace(b'"http"', b'"sftp"', 1))
    report, problems, _ = await look(zone)
    assert [problem.trouble for problem in problems if problem.trouble is Trouble.BUNDLE] == [Trouble.BUNDLE]
    assert "Entry 1 of" in problems[0].sentence
    assert report.entries == 300


async def test_an_entry_that_is_none_is_named(zone):
    """What is in the tree but is no entry is told, and do not stop the rest. A newer version's kind is fine."""
    await zone.land(b"data")
    head = zone.reader.heads[-1]
    see(zone, head.appended([b'{"kind":"poem"}', b'{"kind":"void"}', b"?"], head.time))
    _, problems, _ = await look(zone)
    assert [(problem.trouble, problem.sentence[:10]) for problem in problems] == [
        (Trouble.ENTRY, "Entry 3 of"),
        (Trouble.ENTRY, "Entry 4 of"),
    ]


async def test_a_head_of_another_tree_is_found(zone):
    """Tiles that are whole in themselves, but not those of the head, contradict it."""
    await fill(zone, 300)
    await zone.checkpoint()
    head = zone.reader.heads[-1]
    other = head.appended([b"x"], head.time)
    see(zone, type(head)(**{name: getattr(head, name) for name in head.__struct_fields__} | {"edge": other.edge}))
    assert Trouble.HEAD in await troubles(zone)


async def test_a_writer_may_go_on_meanwhile(zone):
    """A zone that grows while it is verified is whole: what landed since the reader looked is read, or in flight."""
    await fill(zone, 300)
    await zone.checkpoint()
    reader = LogReader(zone.store.heads, zone.files, ZONE)
    await reader.refresh()
    await fill(zone, 300)
    await zone.checkpoint()
    seen = []
    async for each in verify(zone.seen(logs=reader)):
        seen.append(each)
        if isinstance(each, Progress) and len(seen) < 10:
            receipts = await fill(zone, 1)
            touch(zone, receipts[0].key)
            await zone.checkpoint()
    assert [each for each in seen if isinstance(each, Problem)] == []


async def test_a_checkpoint_by_another_key_is_found(zone):
    """A published checkpoint must be signed by the log's own key, for its own name."""
    await zone.land(b"data")
    await zone.checkpoint()
    path = zone.file(f"ledger/{zone.signer.name}/checkpoint")
    text = path.read_text().rpartition("\n\n")[0] + "\n"
    path.write_text(sign_note(text, Signer.generate(zone.signer.name)))
    assert await troubles(zone) == [Trouble.CHECKPOINT]
    path.write_bytes(b"\xff")
    assert await troubles(zone) == [Trouble.CHECKPOINT]


async def test_a_lost_key_is_found(zone):
    """Without the public key no checkpoint can be checked, and that is said."""
    await zone.land(b"data")
    await zone.checkpoint()
    zone.file(f"ledger/{zone.signer.name}/vkey").unlink()
    assert await troubles(zone) == [Trouble.CHECKPOINT]


# --- against a checkpoint kept outside --------------------------------------------------------------------------------


async def test_the_ledger_extends_every_checkpoint_it_gave(zone):
    """At whatever size a checkpoint was taken, later also from among the tiles, it still holds."""
    kept = []
    for count in (1, 254, 1, 300):
        await fill(zone, count)
        kept.append(await zone.checkpoint())
    await fill(zone, 2)
    for checkpoint in kept:
        assert await troubles(zone, against=checkpoint) == []


@pytest.mark.parametrize("size", [1, 2, 256, 300, 301, 302, 10_000])
async def test_a_checkpoint_that_the_ledger_does_not_extend_is_found(zone, size):
    """Another root at any size, or more entries than there are: the ledger was rewritten or cut."""
    await fill(zone, 300)
    await zone.checkpoint()
    await fill(zone, 1)
    forked = sign_note(Checkpoint(zone.signer.name, size, bytes(32)).text(), zone.signer)
    assert await troubles(zone, against=forked) == [Trouble.KEPT]


@pytest.mark.parametrize("note", ["", "nonsense", "a\nb\nc\n\n— x y\n"])
async def test_what_is_no_checkpoint_of_this_zone_is_found(zone, note):
    """Another zone's checkpoint, or nonsense, is no proof of anything here."""
    assert await troubles(zone, against=note) == [Trouble.KEPT]


# --- several logs -----------------------------------------------------------------------------------------------------


async def test_all_logs_of_a_zone_are_one_history(zone):
    """After two rotations all entries and objects are verified, and a checkpoint of the first log still holds."""
    await fill(zone, 3)
    kept = await zone.checkpoint()
    await zone.rotate()
    await fill(zone, 300)
    await zone.rotate()
    await fill(zone, 2)
    report, problems, _ = await look(zone, against=kept)
    assert problems == []
    assert (report.objects, len(report.logs)) == (305, 3)


async def test_a_log_that_does_not_follow_is_found(zone):
    """The next log's key, as the closed log names it, must be the one that stands beside it."""
    await zone.rotate()
    zone.file(f"ledger/{zone.reader.heads[-1].log}/vkey").write_text(Signer.generate(zone.reader.heads[-1].log).vkey)
    assert Trouble.CHAIN in await troubles(zone)


async def test_a_chain_that_cannot_be_read_is_found(zone):
    """Where the end of the closed log is gone the chain is broken, and that is said too."""
    await zone.rotate()
    first = zone.reader.heads[0].log
    for path in (zone.folder / "ledger" / first / "tile/entries").rglob("*"):
        if path.is_file():
            path.unlink()
    assert {Trouble.BUNDLE, Trouble.CHAIN} <= set(await troubles(zone))


async def test_a_log_that_quotes_another_checkpoint_is_found(zone):
    """`opened` must quote a checkpoint that the log before it really had."""
    await zone.rotate()
    path = zone.file(f"ledger/{zone.signer.name}/vkey")
    path.write_text(Signer.generate(zone.signer.name).vkey)
    assert await troubles(zone) == [Trouble.CHECKPOINT, Trouble.CHAIN]


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


def touch(zone, key: Key) -> None:
    """Gives a file the age that the test's clock says."""
    seconds = zone.clock.now() / 1_000_000
    os.utime(zone.folder / key, (seconds, seconds))


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
    """Once its entry stands it is counted, and no problem any more."""
    key = await stray(zone)
    await zone.enter(Found(v=1, key=key, size_bytes=5))
    zone.clock.advance(DAY + 1)
    report, problems, _ = await look(zone)
    assert (report.found, problems) == (1, [])


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

    report, problems, items = await look(zone, seen=zone.seen(attempt=attempt))
    assert [each.trouble for each in problems] == ([Trouble.UNEXPLAINED] if problem else [])
    assert report.refused == (not problem)
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
