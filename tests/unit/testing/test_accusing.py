"""The store that accuses, around a store that is made to lie."""

from __future__ import annotations

import pytest

from headwater.stores.directory_zone import open_directory_zone
from headwater.terms import Id, Key
from headwater.testing.accusing import Accused, AccusingZoneStore
from tests.contract.stores.samples import digests, key, upload_id, whole

DATA = b"what was sent"
TILE = "ledger/log/tile/0/000"


@pytest.fixture
async def inner(tmp_path):
    """The store that is accused."""
    store = open_directory_zone(tmp_path / "zone")
    yield store
    await store.close()


@pytest.fixture
async def accusing(inner):
    """The accusing store, with an object, an upload's object and a file of the ledger."""
    store = AccusingZoneStore(inner)
    await store.creator.create(key(1), [DATA], digests(DATA))
    await _uploaded(store, upload_id(2), key(2))
    await store.files.create([(TILE, DATA), (f"{TILE}.p/3", DATA)])
    return store


async def _uploaded(store, upload, at, data=DATA):
    staging = await store.intake.begin(upload, at, None)
    await staging.write([data])
    await staging.commit(digests(data))


def _forge(inner, at, data):
    path = inner.root / at
    path.chmod(0o640)
    path.write_bytes(data)


async def _asked(store, at):
    await store.reader.head(at)
    await whole(store.reader.read(at))
    async for _ in store.reader.list("raw/"):
        pass


async def test_an_honest_store_is_not_accused(accusing):
    """A store that keeps what it was given passes, whatever is asked of it, also after it forgot on demand."""
    for at in (key(1), key(2)):
        await _asked(accusing, at)
    await accusing.creator.create(key(1), [DATA], digests(DATA))
    await accusing.eraser.erase(key(2))
    assert await accusing.reader.head(key(2)) is None
    await accusing.files.prune([f"{TILE}.p/3"])
    assert await accusing.files.read(f"{TILE}.p/3") is None
    await accusing.files.publish("ledger/log/checkpoint", b"1")
    await accusing.files.publish("ledger/log/checkpoint", b"2")
    await accusing.verify()


@pytest.mark.parametrize("at", [key(1), key(2), TILE])
@pytest.mark.parametrize("data", [b"", DATA.upper(), DATA + b"!"])
async def test_what_changed_is_found(accusing, inner, at, data):
    """An object or file whose bytes are not those that were created is found by verify."""
    _forge(inner, at, data)
    with pytest.raises(Accused, match="changed"):
        await accusing.verify()


@pytest.mark.parametrize("at", [key(1), key(2), TILE])
async def test_what_vanished_is_found(accusing, inner, at):
    """An object or file that is gone though nobody erased it is found by verify."""
    (inner.root / at).unlink()
    with pytest.raises(Accused, match="vanished"):
        await accusing.verify()


@pytest.mark.parametrize("change", ["vanished", "changed"])
async def test_it_is_found_where_it_is_met(accusing, inner, change):
    """Head, a whole read and a listing accuse at once; verify says it again, though the first was caught."""
    if change == "vanished":
        (inner.root / key(1)).unlink()
    else:
        _forge(inner, key(1), b"short")

    async def listed():
        return [stored async for stored in accusing.reader.list("raw/")]

    for call in (accusing.reader.head(key(1)), listed()):
        with pytest.raises(Accused, match=change):
            await call
    assert len(accusing.witness.accusations) == 2
    _forge(inner, key(1), DATA) if change == "changed" else (inner.root / key(1)).write_bytes(DATA)
    with pytest.raises(Accused, match=change):
        await accusing.verify()


async def test_one_key_has_one_creator(accusing, inner):
    """Two uploads that both got a yes for one key are an accusation, though their bytes be the same."""
    (inner.root / key(2)).unlink()
    with pytest.raises(Accused, match="twice"):
        await _uploaded(accusing, Id("3"), key(2))


async def test_evidence_counts_too(accusing, inner):
    """What abandon kept as evidence may not change either."""
    held = Key("held/x")
    staging = await accusing.intake.begin(Id("3"), key(3), None)
    await staging.write([DATA])
    await staging.park()
    staging = await accusing.intake.resume(Id("3"), key(3))
    assert staging.size_bytes == await staging.abandon(held) == len(DATA)
    await accusing.verify()
    _forge(inner, held, b"other")
    with pytest.raises(Accused, match="changed"):
        await accusing.verify()
