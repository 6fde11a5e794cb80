"""What the writer of a log does when its store lies still, lies, or is somebody else's."""

from __future__ import annotations

import asyncio

import pytest

from headwater.errors import Damaged, Misconfigured, Unavailable
from headwater.ledger.entries import decode
from headwater.ledger.note import Checkpoint, Signer, sign_note
from headwater.ports.ledger import Overtaken, Unclear
from headwater.sequencer import LogReader, Sequencer, claims
from headwater.sequencer.claims import Claims
from headwater.sequencer.founding import found_log, take_over
from headwater.sequencer.writer import Pace
from headwater.terms import Position
from headwater.testing.memory_log import MemoryHead
from tests.unit.sequencer.conftest import LOG, ZONE, World, act
from tests.unit.sequencer.test_writer import found

SOON = 5.0
SLOW = Pace(publish_seconds=3600.0, heartbeat_seconds=3600.0)


def once(error: Exception):
    """Raises the first time it is called."""
    errors = iter([error])

    def fail(*_args) -> None:
        if (raised := next(errors, None)) is not None:
            raise raised

    return fail


async def until(true) -> None:
    """Waits until it is so."""
    async with asyncio.timeout(SOON):
        while not true():  # noqa: ASYNC110 - what is waited for is the writer's own, and tells nobody
            await asyncio.sleep(0.005)


# --- the head ---------------------------------------------------------------------------------------------------------


async def test_a_log_without_a_head_is_not_opened(world: World):
    """A log whose head is gone is damaged: nothing is founded in its place."""
    store = MemoryHead()
    with pytest.raises(Damaged, match="gone"):
        await Sequencer.open(
            LogReader(lambda _: store, world.files, ZONE),
            store,
            world.files,
            world.claims,
            world.signer,
            world.clock,
            writer="node process 1",
        )
    assert store.stored is None


async def test_a_damaged_head_stops_the_writer(world: World):
    """Who waits and who comes later is told so; closing such a writer writes nothing more."""
    sequencer = await world.open()
    stored = world.head().stored
    world.head().before_commit = once(Damaged("The head has other bytes."))
    answers = await asyncio.gather(*(sequencer.append(act(number)) for number in range(2000)), return_exceptions=True)

    assert {type(answer) for answer in answers} == {Damaged}
    assert isinstance(sequencer.failure, Damaged)
    with pytest.raises(Damaged):
        await sequencer.append(act(1))
    await sequencer.close()
    assert world.head().stored == stored


@pytest.mark.parametrize("vanished", [False, True])
async def test_a_head_that_is_damaged_after_an_unclear_answer_stops_the_writer(world: World, vanished):
    """When it cannot be told what became of a commit because the head is broken or gone, that is damage, and no no."""
    sequencer = await world.open()

    def lose(_head) -> None:
        if vanished:
            world.head().stored = None
        else:
            world.head().before_load = once(Damaged("The head has other bytes."))
        raise Unclear

    world.head().after_commit = lose
    with pytest.raises(Damaged):
        await sequencer.append(act(1))
    assert isinstance(sequencer.failure, Damaged)


async def test_who_stopped_waiting_is_not_answered(world: World):
    """Cancelling the caller does not cancel the append, and hurts no other, whatever comes of it."""
    sequencer = await world.open()
    for error in (None, Damaged("The head has other bytes.")):
        world.head().before_commit = once(error) if error else lambda _head: None
        gone = asyncio.create_task(sequencer.append(act(1)))
        stays = asyncio.create_task(sequencer.append(act(2)))
        await asyncio.sleep(0)
        gone.cancel()
        (answer,) = await asyncio.gather(stays, return_exceptions=True)
        assert isinstance(answer, Damaged) == (error is not None)
    assert len(await world.entries()) == 3


# --- taking over ------------------------------------------------------------------------------------------------------


async def test_a_log_is_taken_over_whatever_answers_get_lost(world: World):
    """The commit that takes it over is sent again if it was not stored, and known again if it was."""
    await (await world.open()).append(act(1))
    for place in ("before_commit", "after_commit"):
        setattr(world.head(), place, once(Unclear()))
        sequencer = await world.open()
        await sequencer.append(act(2))
    assert len(await world.entries()) == 4


async def test_who_comes_second_does_not_take_over(world: World):
    """Of two who take a log over at once, the one who was slower is told who has it."""
    await world.open()
    stored = await world.head().load()
    assert stored is not None
    await world.head().commit(stored.head.taken_over("quick process 1"), stored)
    with pytest.raises(Misconfigured, match="quick") as caught:
        await take_over(world.head(), stored, "slow process 1", world.clock, 0.001)
    assert caught.value.reason == "in_use"


async def test_a_head_that_vanishes_while_it_is_taken_over_is_damage(world: World):
    """Nothing is founded in its place."""
    await world.open()
    stored = await world.head().load()
    assert stored is not None
    world.head().stored = None
    world.head().before_commit = once(Overtaken())
    with pytest.raises(Damaged, match="vanished"):
        await take_over(world.head(), stored, "node process 2", world.clock, 0.001)


async def test_a_log_is_founded_once(world: World):
    """Founded again, the log that stands there is the answer, as it is."""
    await (await world.open()).append(act(1))
    again = await found_log(world.head(), world.files, world.signer, world.clock.now(), zone_id=ZONE)
    assert again.head.size == 2


async def test_a_log_that_vanishes_while_it_is_founded_is_refused(world: World):
    """A store that says both that there is a head and that there is none is not written to."""

    class Lying(MemoryHead):
        async def found(self, _head):
            raise Overtaken

    with pytest.raises(Misconfigured, match="vanished"):
        await found_log(Lying(), world.files, world.signer, world.clock.now(), zone_id=ZONE)


# --- the next log -----------------------------------------------------------------------------------------------------


async def test_a_rotation_goes_on_where_a_fault_stopped_it(world: World):
    """What is unavailable is tried again until the next log stands; the old one is closed once."""
    sequencer = await world.open()
    signer = Signer.generate(LOG[:-1] + "2")
    failures = {"ledger/" + signer.name + "/vkey": once(Unavailable("store_unavailable"))}
    world.files.before = lambda path: failures.get(path, lambda: None)()
    await sequencer.rotate(world.head(signer.name), world.files, signer, "yearly")

    assert await sequencer.closed() is False
    kinds = [type(decode(data)).__name__ for data in await world.entries()]
    assert kinds == ["Opened", "Closed", "Opened"]


async def test_a_rotation_that_a_crash_cut_off_is_finished(world: World):
    """Whoever opens the closed log goes on in the next one, and does not close it a second time."""
    sequencer = await world.open()
    signer = Signer.generate(LOG[:-1] + "2")
    hold = asyncio.Event()

    class Gone(MemoryHead):
        async def found(self, _head):
            hold.set()
            await asyncio.Event().wait()

    rotating = asyncio.create_task(sequencer.rotate(Gone(), world.files, signer, "yearly"))
    await hold.wait()
    rotating.cancel()
    await world.crash(sequencer)
    again = await world.open()
    assert await again.closed()
    await again.rotate(world.head(signer.name), world.files, signer, "recovered")
    await again.append(act(1))

    kinds = [type(decode(data)).__name__ for data in await world.entries()]
    assert kinds == ["Opened", "Closed", "Opened", "Admin"]


async def test_a_rotation_ends_with_its_writer(world: World):
    """A writer that lost the log in the middle of a rotation does not try for ever."""
    sequencer = await world.open("node process 1")
    signer = Signer.generate(LOG[:-1] + "2")

    class Slow(MemoryHead):
        async def found(self, head):
            await world.open("node process 2")
            return await super().found(head)

    with pytest.raises(Unavailable, match="taken over"):
        await sequencer.rotate(Slow(), world.files, signer, "yearly")


# --- off the answer's path --------------------------------------------------------------------------------------------


async def test_tiles_that_cannot_be_written_wait(world: World):
    """A store that fails delays the checkpoint, and no answer."""
    sequencer = await world.open()
    world.files.before = once(Unavailable("store_unavailable"))
    await sequencer.append(act(1))
    await until(lambda: f"ledger/{LOG}/checkpoint" in world.files.stored)

    assert sequencer.failure is None


async def test_tiles_that_contradict_stop_the_writer(world: World):
    """A tile that stands there with other bytes is damage: nothing more is entered."""
    sequencer = await world.open()
    world.files.before = once(Damaged("It exists with other bytes."))
    await sequencer.append(act(1))
    await until(lambda: sequencer.failure is not None)

    with pytest.raises(Damaged):
        await sequencer.append(act(2))


async def test_a_quiet_log_shows_that_it_lives(world: World):
    """With nothing else to say a heartbeat is entered, again and again."""
    sequencer = await world.open(pace=Pace(publish_seconds=0.02, heartbeat_seconds=0.01, retry_seconds=0.001))
    await until(lambda: sequencer.head.size >= 3)

    assert {type(decode(data)).__name__ for data in await world.entries()} == {"Opened", "Heartbeat"}


async def test_a_writer_that_lost_the_log_beats_no_more(world: World):
    """On a store without locks it finds out by its own next beat, also when nothing is appended."""
    world = World(lease_seconds=0.06)
    old = await world.open("node process 1")
    await world.open("node process 2")
    await until(lambda: old.failure is not None)

    with pytest.raises(Unavailable, match="taken over"):
        await old.append(act(1))
    for sequencer in list(world.opened):
        await world.crash(sequencer)


# --- claims -----------------------------------------------------------------------------------------------------------


async def test_a_claim_that_nothing_holds_is_damage(world: World):
    """A book that says that an entry holds a claim where none stands is not believed, either way."""
    sequencer = await world.open()
    await world.claims.record(Position(1), [("found:raw/a", Position(1000))], [])
    with pytest.raises(Damaged, match="1000"):
        await sequencer.append(found("a"))


async def test_claims_that_could_not_be_recorded_are_recorded_later(world: World):
    """A book that fails once has all claims in the end."""
    sequencer = await world.open(pace=SLOW)
    record, fail = world.claims.record, once(Unavailable("store_unavailable"))

    async def failing(*args):
        fail()
        await record(*args)

    world.claims.record = failing  # type: ignore[method-assign]
    await sequencer.append(found("a"))
    with pytest.raises(Unavailable):
        await sequencer.checkpoint()
    await sequencer.append(found("b"))
    await sequencer.checkpoint()

    assert world.claims.holders(["found:raw/a", "found:raw/b"]) == {"found:raw/a": 2, "found:raw/b": 3}


async def test_claims_that_memory_let_go_are_in_the_book(world: World, monkeypatch):
    """However many there are, the first ones stay taken."""
    monkeypatch.setattr(claims, "KEPT_MAX", 2)
    kept = Claims(world.claims)
    names = [f"delivery:{number}" for number in range(5)]
    kept.take(zip(names, map(Position, range(1, 6)), strict=True), [], Position(5))
    await kept.flush()

    assert len(kept._kept) == 2
    assert [kept.holder(name) for name in names] == [1, 2, 3, 4, 5]
    assert kept.holder("delivery:9") is None


# --- reading and tiling -----------------------------------------------------------------------------------------------


async def test_a_reader_waits_for_news_or_for_its_time(world: World):
    """It is woken by the next entry, and comes back with what there is when none came."""
    sequencer = await world.open()
    reader = sequencer.reader
    assert await reader.wait(Position(1), 0.01) == 1
    waiting = asyncio.create_task(reader.wait(Position(1), SOON))
    await asyncio.sleep(0.01)
    await sequencer.append(act(1))

    assert await waiting == 2
    assert reader.place(Position(2)).index == 1
    with pytest.raises(IndexError):
        reader.place(Position(3))


async def tiled(world: World, count: int) -> None:
    """A closed log with so many entries in tiles."""
    sequencer = await world.open()
    await asyncio.gather(*(sequencer.append(act(number)) for number in range(count - 1)))
    await sequencer.close()
    world.opened.remove(sequencer)


async def test_more_bundles_than_are_kept_are_read_again(world: World, monkeypatch):
    """Old entries are read exactly, however many bundles lie between them."""
    monkeypatch.setattr("headwater.sequencer.reading._BUNDLES_KEPT", 1)
    await tiled(world, 600)
    reader = LogReader(world.head, world.files, ZONE)
    await reader.refresh()
    for _ in range(2):
        read = [place.position async for place, _ in reader.read(Position(0), 600)]
        assert read == list(range(1, 601))


async def test_an_entry_bundle_that_cannot_be_read_is_damage(world: World):
    """Neither a bundle that is gone nor one that was cut is read over."""
    await tiled(world, 300)
    path = f"ledger/{LOG}/tile/entries/000"
    whole = world.files.stored[path]
    for data in (whole[:-1], None):
        world.files.stored.pop(path)
        if data is not None:
            world.files.stored[path] = data
        reader = LogReader(world.head, world.files, ZONE)
        await reader.refresh()
        with pytest.raises(Damaged):
            [entry async for entry in reader.read(Position(0), 1)]
        world.files.stored[path] = whole


async def test_a_tile_that_was_cut_is_damage(world: World):
    """A log whose last tile is too short is not written on."""
    await tiled(world, 10)
    path = f"ledger/{LOG}/tile/0/000.p/10"
    world.files.stored[path] = world.files.stored[path][:-1]
    with pytest.raises(Damaged, match="cannot be read"):
        await world.open()


@pytest.mark.parametrize("what", ["signed by another", "of another tree", "no note"])
async def test_a_checkpoint_that_is_not_of_this_log_is_damage(world: World, what):
    """Whatever was published has to be signed by the log's key, and to be a beginning of the log."""
    await tiled(world, 300)
    path = f"ledger/{LOG}/checkpoint"
    signer = Signer.generate(LOG) if what == "signed by another" else world.signer
    note = sign_note(Checkpoint(LOG, 10, bytes(32)).text(), signer)
    world.files.stored[path] = b"no note" if what == "no note" else note.encode()
    with pytest.raises(Damaged, match="checkpoint"):
        await world.open()


async def test_an_earlier_checkpoint_of_this_log_is_gone_on_from(world: World):
    """Whatever beginning of the log was published last, the next writer knows it for one, and publishes all."""
    sequencer = await world.open(pace=SLOW)
    notes = []
    for count in (1, 254, 1, 40):
        await asyncio.gather(*(sequencer.append(act(number)) for number in range(count)))
        await sequencer.checkpoint()
        notes.append(world.files.stored[f"ledger/{LOG}/checkpoint"])
    await sequencer.close()
    for note in notes:
        world.files.stored[f"ledger/{LOG}/checkpoint"] = note
        again = await world.open(pace=SLOW)
        assert again.tiling.published is not None
        assert f"\n{again.tiling.published.size}\n" in note.decode()
        await again.checkpoint()
        assert world.files.stored[f"ledger/{LOG}/checkpoint"] == notes[-1]
        await world.crash(again)
