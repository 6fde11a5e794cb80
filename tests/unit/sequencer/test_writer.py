from __future__ import annotations

import asyncio

import pytest

from headwater.errors import Damaged, Misconfigured, Refused, Unavailable
from headwater.ledger.entries import Found, decode
from headwater.ledger.note import Checkpoint, Signer, Verifier, open_note
from headwater.ports.ledger import Unclear
from headwater.terms import (
    Completeness,
    Door,
    Durability,
    Fidelity,
    Follows,
    Id,
    Key,
    Position,
    Receipt,
    SenderRef,
    Time,
)
from headwater.testing.manual_clock import ManualClock
from tests.unit.sequencer.conftest import LOG, World, act


def found(name: str) -> Found:
    """An entry with a claim."""
    return Found(v=1, key=Key(f"raw/{name}"), size_bytes=1)


def receipt(number: int, follows: Follows | None = None) -> Receipt:
    """A receipt that may follow a stream."""
    return Receipt(
        v=1,
        id=Id(f"{number:032x}"),
        source="shop",
        feed="orders",
        door=Door.KAFKA,
        sender=SenderRef("kafka", "SHA256:x"),
        name="orders",
        opened_at="2026-11-23T00:00:00.000000Z",
        key=Key("raw/x"),
        size_bytes=0,
        sha256="",
        crc64nvme="",
        fidelity=Fidelity.FRAMED,
        completeness=Completeness.PROVEN,
        durability=Durability.ZONE,
        follows=follows,
    )


async def test_an_entry_gets_the_next_place(world: World):
    """Entries stand one after the other, counted from 1 across the zone; the first is `opened`."""
    sequencer = await world.open()

    (first,) = await sequencer.append(act(1))
    (second, third) = await sequencer.append(act(2), act(3))

    assert [each.place.position for each in (first, second, third)] == [2, 3, 4]
    assert [each.place.index for each in (first, second, third)] == [1, 2, 3]


async def test_what_waits_becomes_one_commit(world: World):
    """A thousand callers at once cost a handful of commits, not a thousand."""
    sequencer = await world.open()
    before = world.head().commits

    await asyncio.gather(*(sequencer.append(act(number)) for number in range(1000)))

    assert world.head().commits - before <= 3


async def test_entries_survive_the_writer(world: World):
    """What was appended is read by whoever opens the log after the writer died."""
    sequencer = await world.open()
    await asyncio.gather(*(sequencer.append(act(number)) for number in range(700)))
    await world.crash(sequencer)

    again = await world.open()

    assert again.head.size == 701
    assert len(await world.entries()) == 701


async def test_time_never_goes_backwards(world: World):
    """An entry's time is that of the one before when the clock was set back."""
    clock = ManualClock()
    world.clock = clock  # type: ignore[assignment]
    sequencer = await world.open()
    (first,) = await sequencer.append(act(1))
    clock.set(Time(clock.now() - 3_600_000_000))

    (second,) = await sequencer.append(act(2))

    assert second.entry.at == first.entry.at


@pytest.mark.parametrize("times", [1, 2, 5])
async def test_a_commit_that_failed_is_sent_again(world: World, times):
    """Unclear and not stored: the same batch is committed once, by sending the same bytes again."""
    sequencer = await world.open()
    failures = iter(range(times))

    def fail(head) -> None:
        if next(failures, None) is not None:
            raise Unclear

    world.head().before_commit = fail
    (entered,) = await sequencer.append(act(1))

    assert entered.place.position == 2
    assert len(await world.entries()) == 2


async def test_a_lost_answer_is_not_a_no(world: World):
    """Unclear but stored: the entry is not entered a second time, and the caller gets its place."""
    sequencer = await world.open()
    losses = iter([None])

    def lose(head) -> None:
        if next(losses, True) is None:
            raise Unclear

    world.head().after_commit = lose
    (entered,) = await sequencer.append(act(1))
    (second,) = await sequencer.append(act(2))

    assert (entered.place.position, second.place.position) == (2, 3)
    assert len(await world.entries()) == 3


async def test_waits_until_the_head_answers(world: World):
    """After an unclear commit the head is read until it answers, however long that takes."""
    sequencer = await world.open()
    silence = iter(range(5))
    lost = iter([None])

    def lose(head) -> None:
        if next(lost, True) is None:
            raise Unclear

    def silent() -> None:
        if next(silence, None) is not None:
            raise Unavailable("store_unavailable")

    world.head().after_commit = lose
    world.head().before_load = silent

    (entered,) = await sequencer.append(act(1))

    assert entered.place.position == 2


async def test_an_overtaken_writer_steps_down(world: World):
    """When another writer took the log over, the old one enters nothing more, and says so."""
    old = await world.open("node process 1")
    new = await world.open("node process 2")

    with pytest.raises(Unavailable, match="taken over"):
        await old.append(act(1))
    await new.append(act(2))

    assert len(await world.entries()) == 2
    with pytest.raises(Unavailable):
        await old.append(act(3))


async def test_stored_answer_lost_and_another_append_follows(world: World):
    """The old writer's last batch was stored, its answer lost, and a new writer appended: it is committed once."""
    old = await world.open("node process 1")

    def lose(head) -> None:
        world.head().after_commit = lambda head: None
        raise Unclear

    world.head().after_commit = lose
    hold = asyncio.Event()
    load = world.head().load

    async def slow_load():
        world.head().load = load  # type: ignore[method-assign]
        other = await world.open("node process 2")
        await other.append(act(99))
        hold.set()
        return await load()

    world.head().load = slow_load  # type: ignore[method-assign]
    (entered,) = await old.append(act(1))

    subjects = [getattr(decode(data), "subject", None) for data in await world.entries()]
    assert entered.place.position == 2
    assert subjects == [None, "1", "99"]


async def test_an_old_writer_wakes_with_an_old_checkpoint(world: World):
    """A writer paused before it published cannot put a smaller checkpoint over a newer one's, once it was overtaken."""
    old = await world.open("node process 1")
    await old.append(act(1))
    new = await world.open("node process 2")
    await asyncio.gather(*(new.append(act(number)) for number in range(600)))
    await new.checkpoint()
    await old.checkpoint()

    with pytest.raises(Unavailable):
        await old.append(act(2))
    text = open_note(world.files.stored[f"ledger/{LOG}/checkpoint"].decode(), [Verifier.parse(world.signer.vkey)])

    assert Checkpoint.parse(text).size == 602


async def test_a_claim_is_taken_once(world: World):
    """A second entry with a claim that is taken is not entered: the first one's place and bytes are the answer."""
    sequencer = await world.open()
    (first,) = await sequencer.append(found("a"))

    (second,) = await sequencer.append(found("a"))

    assert (first.fresh, second.fresh) == (True, False)
    assert second.place == first.place
    assert second.entry == first.entry


async def test_a_claim_is_taken_once_within_one_batch(world: World):
    """Many callers race for one claim in one batch: one is fresh, all get the same place."""
    sequencer = await world.open()

    answers = await asyncio.gather(*(sequencer.append(found("a")) for _ in range(20)))

    assert sum(each[0].fresh for each in answers) == 1
    assert len({each[0].place for each in answers}) == 1


async def test_claims_are_caught_up_after_a_crash(world: World):
    """A claim taken just before a crash is known to the next writer, though the claim book never heard of it."""
    sequencer = await world.open()
    (first,) = await sequencer.append(found("a"))
    await world.crash(sequencer)

    again = await world.open()
    (second,) = await again.append(found("a"))

    assert not second.fresh
    assert second.place == first.place


async def test_a_stream_is_followed_without_gaps(world: World):
    """A receipt enters only if its stream stands where it says; one that does not is refused and not entered."""
    sequencer = await world.open()
    await sequencer.append(receipt(1, Follows("kafka:c/t/0", 0, 100)))

    with pytest.raises(Refused) as caught:
        await sequencer.append(receipt(2, Follows("kafka:c/t/0", 0, 50)))
    await sequencer.append(receipt(3, Follows("kafka:c/t/0", 100, 150)))

    assert caught.value.reason == "stream_moved"
    assert len(await world.entries()) == 3


async def test_refuses_a_zone_behind_its_books(world: World):
    """Books that have seen more entries than the zone holds do not belong to it: nothing is opened."""
    sequencer = await world.open()
    await sequencer.append(act(1))
    await world.crash(sequencer)
    await world.claims.record(Position(50), [], [])

    with pytest.raises(Misconfigured) as caught:
        await world.open()

    assert caught.value.reason == "wrong_zone"


async def test_refuses_an_older_copy(world: World):
    """A head older than the published checkpoint means an older copy was put back: refuses to write."""
    sequencer = await world.open()
    old = world.head().stored
    await sequencer.append(act(1))
    await sequencer.close()
    world.opened.remove(sequencer)
    world.head().stored = old

    with pytest.raises(Damaged):
        await world.open()


async def test_refuses_a_changed_tile(world: World):
    """A tile that was changed gives another tree than the head: refuses to write."""
    sequencer = await world.open()
    await asyncio.gather(*(sequencer.append(act(number)) for number in range(10)))
    await sequencer.close()
    world.opened.remove(sequencer)
    (path,) = [path for path in world.files.stored if "/tile/0/" in path and path.endswith("11")]
    data = bytearray(world.files.stored[path])
    data[0] ^= 1
    world.files.stored[path] = bytes(data)

    with pytest.raises(Damaged):
        await world.open()


async def test_a_crash_after_pruning_is_recovered(world: World):
    """Partial tiles that were pruned before the head moved on are read from the full ones that replaced them."""
    sequencer = await world.open()
    await asyncio.gather(*(sequencer.append(act(number)) for number in range(299)))
    await sequencer.checkpoint()
    await sequencer.append(act(1000))  # the head says tiled = 300
    await asyncio.gather(*(sequencer.append(act(number)) for number in range(300)))
    stored = world.head().stored
    await sequencer.checkpoint()
    await world.crash(sequencer)
    world.head().stored = stored

    again = await world.open()

    assert again.head.size == 601


async def test_another_living_node_is_refused(world: World):
    """On a store without locks a second node is refused as soon as the first shows a sign of life."""
    world = World(lease_seconds=0.3)
    first = await world.open("one process 1")

    with pytest.raises(Misconfigured, match="one process 1"):
        await world.open("two process 1")
    await first.append(act(1))
    await first.close()


async def test_a_silent_node_is_taken_over(world: World):
    """A node that shows no sign of life for a whole lease loses the log, and can write nothing more."""
    world = World(lease_seconds=0.2)
    first = await world.open("one process 1")
    await world.crash(first)

    second = await world.open("two process 1")

    assert second.head.epoch == 3
    await second.append(act(1))
    await world.crash(second)


async def test_rotation_goes_on_in_the_next_log(world: World):
    """The old log ends with `closed`, the next begins with `opened` and the old checkpoint; positions go on."""
    sequencer = await world.open()
    await sequencer.append(found("a"))
    next_log = LOG[:-1] + "2"
    signer = Signer.generate(next_log)

    await sequencer.rotate(world.head(next_log), world.files, signer, "yearly")
    (after,) = await sequencer.append(act(1))
    (again,) = await sequencer.append(found("a"))

    kinds = [type(decode(data)).__name__ for data in await world.entries()]
    assert kinds == ["Opened", "Found", "Closed", "Opened", "Admin"]
    assert (after.place.log, after.place.index, after.place.position) == (next_log, 1, 5)
    assert not again.fresh
    await sequencer.close()
    world.opened.remove(sequencer)


async def test_close_leaves_everything_in_tiles(world: World):
    """After a clean stop nothing is pending, the checkpoint covers all, and the log is free for any node."""
    sequencer = await world.open()
    await asyncio.gather(*(sequencer.append(act(number)) for number in range(300)))

    await sequencer.close()
    world.opened.remove(sequencer)
    tag = await world.head().load()

    assert tag is not None
    assert (tag.head.pending, tag.head.tiled, tag.head.writer) == ((), 301, "")
