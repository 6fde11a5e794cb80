"""`ObjectCreator`, on every store."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from headwater.errors import HeadwaterError
from headwater.ports.store import KeyTaken
from tests.contract.stores.samples import DAY, body, digests, key, whole


async def test_what_was_created_is_there(zone_store):
    """The object's bytes are the body's pieces in their order."""
    data = body(100_000)
    stored = await zone_store.creator.create(key(1), [data[:1], data[1:70_000], b"", data[70_000:]], digests(data))
    assert (stored.key, stored.size_bytes) == (key(1), len(data))
    assert await whole(zone_store.reader.read(key(1))) == data


async def test_an_empty_body_is_an_object(zone_store):
    """An object of no bytes can be created, found and read."""
    await zone_store.creator.create(key(1), [], digests(b""))
    stored = await zone_store.reader.head(key(1))
    assert stored is not None
    assert stored.size_bytes == 0
    assert await whole(zone_store.reader.read(key(1))) == b""


async def test_another_process_sees_it(zone_store):
    """What was created is there for a process that opens the zone afterwards."""
    await zone_store.creator.create(key(1), [b"abc"], digests(b"abc"))
    again = await zone_store.reopen()
    assert await whole(again.reader.read(key(1))) == b"abc"


async def test_the_same_again_is_a_yes(zone_store):
    """Creating what stands already succeeds: the first answer may have been lost."""
    first = await zone_store.creator.create(key(1), [b"abc"], digests(b"abc"))
    again = await (await zone_store.reopen()).creator.create(key(1), [b"abc"], digests(b"abc"))
    assert (again.key, again.size_bytes, again.version) == (first.key, first.size_bytes, first.version)


@pytest.mark.parametrize("other", [b"abd", b"abcd", b""])
async def test_a_taken_key_stays_what_it_was(zone_store, other):
    """Creating other bytes under a taken key raises KeyTaken and changes nothing."""
    await zone_store.creator.create(key(1), [b"abc"], digests(b"abc"))
    with pytest.raises(KeyTaken):
        await zone_store.creator.create(key(1), [other], digests(other))
    assert await whole(zone_store.reader.read(key(1))) == b"abc"


async def test_one_of_many_wins_a_key(zone_store):
    """Of creates racing for one key with different bodies one succeeds, and the object is that one's body."""
    bodies = [body(1000, seed) for seed in range(8)]
    answers = await asyncio.gather(
        *(zone_store.creator.create(key(1), [data], digests(data)) for data in bodies), return_exceptions=True
    )
    won = [data for data, answer in zip(bodies, answers, strict=True) if not isinstance(answer, BaseException)]
    assert [type(answer) for answer in answers if isinstance(answer, BaseException)] == [KeyTaken] * 7
    assert [await whole(zone_store.reader.read(key(1)))] == won


async def test_many_at_once_are_all_there(zone_store):
    """Creates that run at the same time in several folders all succeed, each with its own bytes."""
    bodies = {key(n, f"{DAY[:-1]}{n % 3}"): body(2000, n) for n in range(100)}
    await asyncio.gather(*(zone_store.creator.create(at, [data], digests(data)) for at, data in bodies.items()))
    assert {at: await whole(zone_store.reader.read(at)) for at in bodies} == bodies


async def test_one_failure_is_not_the_others(zone_store):
    """Of creates that run at the same time, those beside one that fails succeed."""
    await zone_store.creator.create(key(0), [b"taken"], digests(b"taken"))
    answers = await asyncio.gather(
        *(zone_store.creator.create(key(n), [b"other"], digests(b"other")) for n in range(20)), return_exceptions=True
    )
    assert isinstance(answers[0], KeyTaken)
    assert [answer.size_bytes for answer in answers[1:]] == [5] * 19


@pytest.mark.parametrize("wrong", [{"crc64nvme": "0" * 16}, {"size_bytes": 2}, {"size_bytes": 4}])
async def test_bytes_that_are_not_ours_are_no_object(zone_store, wrong):
    """A body that does not have the size or checksum of its digests is refused, and nothing is under the key."""
    with pytest.raises(HeadwaterError):
        await zone_store.creator.create(key(1), [b"abc"], msgspec.structs.replace(digests(b"abc"), **wrong))
    assert await zone_store.reader.head(key(1)) is None


async def test_a_cancelled_create_hurts_nobody(zone_store):
    """A create whose caller went away leaves the key whole or free, and the next creates go on."""
    data = body(500_000)
    task = asyncio.create_task(zone_store.creator.create(key(1), [data], digests(data)))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await zone_store.creator.create(key(2), [b"abc"], digests(b"abc"))
    await zone_store.creator.create(key(1), [data], digests(data))
    assert await whole(zone_store.reader.read(key(1))) == data
