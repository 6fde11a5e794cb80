"""`ObjectReader`, on every store."""

from __future__ import annotations

import pytest

from headwater.errors import Refused
from headwater.terms import Key
from tests.contract.stores.samples import DAY, MIB, body, cut, digests, key, upload_id, whole

DATA = body(3 * MIB + 17)


@pytest.fixture
async def large(zone_store):
    """A key with an object of a little over 3 MiB."""
    staging = await zone_store.intake.begin(upload_id(1), key(1), None)
    for piece in cut(DATA, MIB):
        await staging.write([piece])
    await staging.commit(digests(DATA))
    return key(1)


async def test_nothing_is_nothing(zone_store):
    """The head of a key that was never created is None, and reading it is refused as not found."""
    await zone_store.creator.create(key(1), [b"abc"], digests(b"abc"))
    assert await zone_store.reader.head(key(2)) is None
    assert await zone_store.reader.head(Key(f"{key(1)}/x")) is None
    assert await zone_store.reader.head(Key(DAY)) is None
    for missing in (key(2), Key(f"{key(1)}/x"), Key(DAY)):
        with pytest.raises(Refused) as refused:
            await whole(zone_store.reader.read(missing))
        assert refused.value.reason == "not_found"


async def test_head_tells_key_and_size(zone_store, large):
    """The head of an object tells its key, its size and, where it has one, our checksum."""
    stored = await zone_store.reader.head(large)
    assert stored is not None
    assert (stored.key, stored.size_bytes) == (large, len(DATA))
    assert stored.crc64nvme in {None, digests(DATA).crc64nvme}


async def test_pieces_are_small(zone_store, large):
    """A large object is read in pieces of at most 1 MiB, none empty."""
    pieces = [piece async for piece in zone_store.reader.read(large)]
    assert b"".join(pieces) == DATA
    assert all(0 < len(piece) <= MIB for piece in pieces)


@pytest.mark.parametrize(
    ("offset", "size_bytes"),
    [(0, 1), (0, MIB), (0, MIB + 1), (1, None), (MIB - 1, 2), (2 * MIB, None), (3 * MIB, 17), (3 * MIB, 1000), (5, 0)],
)
async def test_a_range_is_those_bytes(zone_store, large, offset, size_bytes):
    """Offset and size cut exactly those bytes out; what goes beyond the end is not there."""
    end = None if size_bytes is None else offset + size_bytes
    assert await whole(zone_store.reader.read(large, offset=offset, size_bytes=size_bytes)) == DATA[offset:end]


@pytest.mark.parametrize("beyond", [0, 1, MIB])
async def test_nothing_lies_behind_the_end(zone_store, large, beyond):
    """Reading from the end on, or from beyond it, gives no bytes and no failure."""
    assert await whole(zone_store.reader.read(large, offset=len(DATA) + beyond)) == b""


async def test_a_reader_may_stop_early(zone_store, large):
    """A reader that takes one piece and goes leaves nothing open that would disturb the next."""
    reading = zone_store.reader.read(large)
    first = await anext(reading)
    await reading.aclose()
    assert first == DATA[: len(first)]
    assert await whole(zone_store.reader.read(large)) == DATA


NAMES = ["a-b/x", "a.b", "a/b/c", "a/b0", "a/x", "a0", "b/a", "b/a-", "b/b/a"]


@pytest.fixture
async def names(zone_store):
    """Keys whose order tells code points from folders."""
    for name in reversed(NAMES):
        await zone_store.creator.create(Key(f"raw/{name}"), [name.encode()], digests(name.encode()))


async def _listed(zone_store, prefix, after=""):
    return [stored.key.removeprefix("raw/") async for stored in zone_store.reader.list(prefix, after=after)]


async def test_a_listing_is_in_the_order_of_code_points(zone_store, names):
    """Keys are listed in the order of their code points, however folders cut them."""
    assert sorted(NAMES) == NAMES
    assert await _listed(zone_store, "raw/") == NAMES


@pytest.mark.parametrize("prefix", ["raw/a", "raw/a/", "raw/a/b", "raw/b/a", "raw/a/b/c", "raw/c", "raw/a/b/c/d", ""])
async def test_a_prefix_may_end_anywhere(zone_store, names, prefix):
    """A prefix picks the keys that begin with it, whether or not it ends with a folder."""
    wanted = [name for name in NAMES if f"raw/{name}".startswith(prefix)]
    assert await _listed(zone_store, prefix) == wanted


@pytest.mark.parametrize("after", [*NAMES, "", "a", "a/", "a/b", "a/b/c0", "zz"])
async def test_a_listing_goes_on_after_any_text(zone_store, names, after):
    """`after` leaves out what sorts at or before it, whether or not there is such a key."""
    assert await _listed(zone_store, "raw/", after=f"raw/{after}") == [name for name in NAMES if name > after]


async def test_a_listing_tells_sizes(zone_store, names):
    """Each listed object comes with its size."""
    sizes = [stored.size_bytes async for stored in zone_store.reader.list("raw/")]
    assert sizes == [len(name) for name in NAMES]


async def test_a_listing_is_whole(zone_store):
    """More objects than fit one page of any store are listed without a gap."""
    wanted = [Key(f"{DAY}/{n:05d}") for n in range(1100)]
    for at in wanted:
        await zone_store.creator.create(at, [b"x"], digests(b"x"))
    assert [stored.key async for stored in zone_store.reader.list(DAY)] == wanted


async def test_the_unfinished_is_not_listed(zone_store):
    """An upload that is under way or parked shows under no prefix."""
    data = body(MIB)
    staging = await zone_store.intake.begin(upload_id(1), key(1), None)
    await staging.write([data])
    assert [stored async for stored in zone_store.reader.list("")] == []
    await staging.park()
    assert [stored async for stored in zone_store.reader.list("")] == []
    assert await zone_store.reader.head(key(1)) is None
    await staging.abandon(None)
