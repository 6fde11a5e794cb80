"""`LedgerFiles`, on every store."""

from __future__ import annotations

import pytest

from headwater.errors import Damaged

LOG = "ledger/zone-1"
TILE = f"{LOG}/tile/0/x001/234"
PARTIAL = f"{TILE}.p/12"


async def test_a_file_that_is_not_there_is_none(zone_store):
    """Reading a file that was never created gives None."""
    assert await zone_store.files.read(TILE) is None


async def test_files_are_what_was_created(zone_store):
    """Files created together are each there, with their bytes, for another process too."""
    files = [(TILE, b"tile"), (f"{LOG}/tile/entries/x001/234", b"entries"), (PARTIAL, b""), ("ledger/keys", b"key\n")]
    await zone_store.files.create(files)
    again = await zone_store.reopen()
    assert [(path, await again.files.read(path)) for path, _ in files] == files


async def test_creating_nothing_is_fine(zone_store):
    """A call without files succeeds."""
    await zone_store.files.create([])


async def test_creating_again_is_fine(zone_store):
    """A file that stands with the same bytes does not hinder the others of a call."""
    await zone_store.files.create([(TILE, b"tile")])
    await zone_store.files.create([(TILE, b"tile"), (PARTIAL, b"part")])
    assert await zone_store.files.read(PARTIAL) == b"part"


@pytest.mark.parametrize("other", [b"til3", b"tile2", b""])
async def test_other_bytes_are_damage(zone_store, other):
    """Creating a file that stands with other bytes raises Damaged and changes nothing."""
    await zone_store.files.create([(TILE, b"tile")])
    with pytest.raises(Damaged):
        await zone_store.files.create([(PARTIAL, b"part"), (TILE, other)])
    assert await zone_store.files.read(TILE) == b"tile"


async def test_a_checkpoint_is_replaced(zone_store):
    """A published checkpoint is the last one, whole, for another process too."""
    for text in (b"first\n", b"a longer second\n", b"3\n"):
        await zone_store.files.publish(f"{LOG}/checkpoint", text)
        assert await zone_store.files.read(f"{LOG}/checkpoint") == text
    assert await (await zone_store.reopen()).files.read(f"{LOG}/checkpoint") == b"3\n"


async def test_partial_tiles_can_be_pruned(zone_store):
    """Pruning removes the named partial tiles, leaves the others, and does not mind what is gone."""
    await zone_store.files.create([(TILE, b"full"), (PARTIAL, b"12"), (f"{TILE}.p/13", b"13")])
    await zone_store.files.prune([PARTIAL, f"{TILE}.p/99"])
    await zone_store.files.prune([PARTIAL])
    assert [await zone_store.files.read(path) for path in (TILE, PARTIAL, f"{TILE}.p/13")] == [b"full", None, b"13"]


async def test_nothing_else_can_be_pruned(zone_store):
    """Pruning refuses a call that names anything but a partial tile, and then removes nothing."""
    await zone_store.files.create([(TILE, b"full"), (PARTIAL, b"12")])
    with pytest.raises(ValueError, match="partial"):
        await zone_store.files.prune([PARTIAL, TILE])
    assert [await zone_store.files.read(path) for path in (TILE, PARTIAL)] == [b"full", b"12"]
