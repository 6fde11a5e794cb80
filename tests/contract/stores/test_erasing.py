"""`ObjectEraser`, on every store."""

from __future__ import annotations

import pytest

from headwater.errors import Refused
from tests.contract.stores.samples import body, digests, key, upload_id, whole


async def test_what_is_erased_is_gone(zone_store):
    """An erased object is not found, in another process either, and its neighbour stays."""
    for n in (1, 2):
        await zone_store.creator.create(key(n), [b"abc"], digests(b"abc"))
    assert await zone_store.eraser.erase(key(1)) == 1
    again = await zone_store.reopen()
    assert await again.reader.head(key(1)) is None
    with pytest.raises(Refused, match="There is no"):
        await whole(again.reader.read(key(1)))
    assert [stored.key async for stored in again.reader.list("raw/")] == [key(2)]


async def test_erasing_is_repeatable(zone_store):
    """Erasing what is gone, or never was, finds nothing and succeeds."""
    await zone_store.creator.create(key(1), [b"abc"], digests(b"abc"))
    assert await zone_store.eraser.erase(key(1)) == 1
    assert await zone_store.eraser.erase(key(1)) == 0
    assert await zone_store.eraser.erase(key(2)) == 0


async def test_an_upload_leaves_nothing_behind_to_erase(zone_store):
    """After an upload was sealed and its object erased, resuming it finds no byte."""
    data = body(6 << 20)
    staging = await zone_store.intake.begin(upload_id(1), key(1), len(data))
    await staging.write([data])
    await staging.commit(digests(data))
    await zone_store.eraser.erase(key(1))
    left = await (await zone_store.reopen()).intake.resume(upload_id(1), key(1))
    assert left.size_bytes == 0
    await left.abandon(None)
