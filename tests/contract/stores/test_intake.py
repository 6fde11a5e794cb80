"""`Intake` and `Staging`, on every store."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from headwater.errors import HeadwaterError
from headwater.ports.store import KeyTaken
from tests.contract.stores.samples import HELD, MIB, body, cut, digests, key, upload_id, whole

DATA = body(20 * MIB + 4321)
ID, KEY = upload_id(1), key(1)


async def _written(store, data, *, declared=None, upload=ID, at=KEY):
    staging = await store.intake.begin(upload, at, declared)
    for piece in cut(data, MIB):
        await staging.write([piece])
    return staging


@pytest.mark.parametrize("declared", [None, len(DATA)])
async def test_an_upload_becomes_an_object(zone_store, declared):
    """What was written is, after commit, the object, whether or not its size was declared."""
    staging = await _written(zone_store, DATA, declared=declared)
    assert staging.size_bytes == len(DATA)
    assert await zone_store.reader.head(KEY) is None
    stored = await staging.commit(digests(DATA))
    assert (stored.key, stored.size_bytes) == (KEY, len(DATA))
    assert await whole((await zone_store.reopen()).reader.read(KEY)) == DATA


async def test_pieces_of_any_size_are_taken_in_order(zone_store):
    """Empty, tiny and large pieces, many to a call, make up the object in their order."""
    staging = await zone_store.intake.begin(ID, KEY, None)
    at = 0
    for sizes in ([0], [1, 0, 2], [1] * 3000, [5 * MIB, 7], [], [9 * MIB]):
        pieces = []
        for size in sizes:
            pieces.append(DATA[at : at + size])
            at += size
        await staging.write(pieces)
        assert staging.size_bytes == at
    await staging.commit(digests(DATA[:at]))
    assert await whole(zone_store.reader.read(KEY)) == DATA[:at]


@pytest.mark.parametrize("size_bytes", [3 * MIB, len(DATA)])
async def test_an_upload_that_moves_is_under_its_new_key_alone(zone_store, size_bytes):
    """Before anything is bound to a key an upload can be given another; where not, it says so and stays."""
    staging = await _written(zone_store, DATA[:size_bytes])
    await staging.park()
    resumed = await zone_store.intake.resume(ID, KEY)
    moved = await resumed.move(key(2))
    await resumed.commit(digests(DATA[:size_bytes]))
    there, other = (key(2), KEY) if moved else (KEY, key(2))
    assert await whole(zone_store.reader.read(there)) == DATA[:size_bytes]
    assert await zone_store.reader.head(other) is None
    assert moved or size_bytes > 8 * MIB


async def test_a_commit_is_repeatable(zone_store):
    """A commit whose answer was lost succeeds again, from the same staging and from one resumed elsewhere."""
    staging = await _written(zone_store, DATA)
    first = await staging.commit(digests(DATA))
    assert (await staging.commit(digests(DATA))).size_bytes == first.size_bytes
    resumed = await (await zone_store.reopen()).intake.resume(ID, KEY)
    assert (await resumed.commit(digests(DATA))).version == first.version
    assert await whole(zone_store.reader.read(KEY)) == DATA


async def test_a_taken_key_stays_what_it_was(zone_store):
    """A commit onto another object raises KeyTaken, changes nothing, and the bytes can still be kept as evidence."""
    await zone_store.creator.create(KEY, [b"first"], digests(b"first"))
    staging = await _written(zone_store, DATA)
    with pytest.raises(KeyTaken):
        await staging.commit(digests(DATA))
    assert await whole(zone_store.reader.read(KEY)) == b"first"
    assert await staging.abandon(key(1, HELD)) > 0


@pytest.mark.parametrize("off", [-1, 1])
async def test_another_size_is_no_object(zone_store, off):
    """A commit with a size that is not that of the bytes fails, and nothing is under the key."""
    staging = await _written(zone_store, DATA)
    with pytest.raises(HeadwaterError):
        await staging.commit(msgspec.structs.replace(digests(DATA), size_bytes=len(DATA) + off))
    assert await zone_store.reader.head(KEY) is None
    await staging.abandon(None)


async def test_what_was_parked_goes_on_elsewhere(zone_store):
    """Another process goes on at or behind what was parked; the object is then whole."""
    staging = await _written(zone_store, DATA[: 12 * MIB + 99])
    await staging.park()
    store = await zone_store.reopen()
    resumed = await store.intake.resume(ID, KEY)
    assert resumed.size_bytes >= 12 * MIB + 99
    back = await whole(store.intake.read_back(ID, KEY))
    assert back in {b"", DATA[: resumed.size_bytes]}
    for piece in cut(DATA[resumed.size_bytes :], MIB):
        await resumed.write([piece])
    await resumed.commit(digests(DATA))
    assert await whole(store.reader.read(KEY)) == DATA


async def test_without_digests_the_bytes_are_still_whole(zone_store):
    """An upload resumed where the hash state was lost can be committed without digests, byte for byte."""
    staging = await _written(zone_store, DATA[: 12 * MIB])
    await staging.park()
    store = await zone_store.reopen()
    resumed = await store.intake.resume(ID, KEY)
    for piece in cut(DATA[resumed.size_bytes :], MIB):
        await resumed.write([piece])
    assert (await resumed.commit(None)).size_bytes == len(DATA)
    assert await whole(store.reader.read(KEY)) == DATA


async def test_parking_again_and_again_loses_nothing(zone_store):
    """An upload that is parked after every piece, and written on through the same staging, is whole."""
    staging = await zone_store.intake.begin(ID, KEY, None)
    for piece in cut(DATA, 3 * MIB):
        await staging.write([piece])
        await staging.park()
        await staging.park()
    await staging.commit(digests(DATA))
    assert await whole(zone_store.reader.read(KEY)) == DATA


async def test_a_killed_upload_offers_no_more_than_it_took(zone_store):
    """Resuming what was never parked offers a part of what was written, and going on there makes it whole."""
    await _written(zone_store, DATA[: 10 * MIB])
    store = await zone_store.reopen()
    resumed = await store.intake.resume(ID, KEY)
    assert 0 <= resumed.size_bytes <= 10 * MIB
    for piece in cut(DATA[resumed.size_bytes :], MIB):
        await resumed.write([piece])
    await resumed.commit(digests(DATA))
    assert await whole(store.reader.read(KEY)) == DATA


async def test_what_was_resumed_is_as_good_as_parked(zone_store):
    """An offset that resume gave once is given again, at least, after another kill."""
    staging = await _written(zone_store, DATA[: 10 * MIB])
    await staging.park()
    first = await (await zone_store.reopen()).intake.resume(ID, KEY)
    second = await (await zone_store.reopen()).intake.resume(ID, KEY)
    assert second.size_bytes >= first.size_bytes
    await second.abandon(None)


async def test_resuming_nothing_begins(zone_store):
    """Resuming an upload of which nothing is left begins at 0, and can be used like a new one."""
    staging = await zone_store.intake.resume(ID, KEY)
    assert staging.size_bytes == 0
    assert await whole(zone_store.intake.read_back(ID, KEY)) == b""
    await staging.write([DATA])
    await staging.commit(digests(DATA))
    assert await whole(zone_store.reader.read(KEY)) == DATA


async def test_an_abandoned_upload_never_lands(zone_store):
    """After abandon nothing is under the key, and nothing is left to resume."""
    staging = await _written(zone_store, DATA)
    await staging.park()
    assert await staging.abandon(None) == 0
    store = await zone_store.reopen()
    assert await store.reader.head(KEY) is None
    resumed = await store.intake.resume(ID, KEY)
    assert resumed.size_bytes == 0
    await resumed.abandon(None)


async def test_evidence_is_the_beginning_of_the_bytes(zone_store):
    """Abandon with a held key keeps there at least the first 64 KiB, exact, and says how many bytes stand."""
    held = key(1, HELD)
    staging = await _written(zone_store, DATA[: 9 * MIB])
    kept = await staging.abandon(held)
    assert 64 * 1024 <= kept <= 9 * MIB
    assert await whole(zone_store.reader.read(held)) == DATA[:kept]
    assert await zone_store.reader.head(KEY) is None


async def test_abandoning_is_repeatable(zone_store):
    """Abandoning again, here or from a staging resumed elsewhere, tells of the same evidence."""
    held = key(1, HELD)
    staging = await _written(zone_store, DATA[: 9 * MIB])
    kept = await staging.abandon(held)
    assert await staging.abandon(held) == kept
    resumed = await (await zone_store.reopen()).intake.resume(ID, KEY)
    assert await resumed.abandon(held) == kept


async def test_abandoning_nothing_keeps_nothing(zone_store):
    """An upload that took no byte leaves no evidence."""
    staging = await zone_store.intake.begin(ID, KEY, None)
    assert await staging.abandon(key(1, HELD)) == 0
    assert await zone_store.reader.head(KEY) is None


async def test_uploads_do_not_mix(zone_store):
    """Uploads that run at the same time land each its own bytes."""
    bodies = {n: body(6 * MIB + n, n) for n in range(2, 6)}

    async def upload(n, data):
        staging = await _written(zone_store, data, upload=upload_id(n), at=key(n))
        await staging.commit(digests(data))

    await asyncio.gather(*(upload(n, data) for n, data in bodies.items()))
    for n, data in bodies.items():
        assert await whole(zone_store.reader.read(key(n))) == data


async def test_a_cancelled_write_can_be_followed(zone_store):
    """After a write whose caller was cancelled, the bytes that count as taken are exact, and abandon still works."""
    staging = await _written(zone_store, DATA[: 8 * MIB])
    task = asyncio.create_task(staging.write([DATA[8 * MIB : 9 * MIB]]))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert staging.size_bytes in {8 * MIB, 9 * MIB}
    kept = await staging.abandon(key(1, HELD))
    assert await whole(zone_store.reader.read(key(1, HELD))) == DATA[:kept]
