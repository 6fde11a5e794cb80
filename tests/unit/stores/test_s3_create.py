"""Law 11 for what is created in one call: an unclear answer is looked into, and nothing is sent blindly."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from headwater.errors import Damaged, Refused, Unavailable
from headwater.ports.store import KeyTaken
from headwater.terms import Key
from tests.contract.stores.samples import MIB, body, digests, key, whole
from tests.unit.stores.s3_world import SILENCE_SECONDS, world

KEY, DATA = key(1), body(5000)
DIGESTS = digests(DATA)
HANG = 3 * SILENCE_SECONDS


@pytest.fixture
async def s3(tmp_path):
    """A zone on the double."""
    async with world(tmp_path) as made:
        yield made


def _create(s3, data=DATA, at=KEY):
    return s3.zone.creator.create(at, [data], digests(data))


NOT_DONE: list[dict[str, Any]] = [
    {"status": 400, "code": "BadDigest"},
    {"status": 400, "code": "RequestTimeout"},
    {"status": 500},
    {"status": 503},
    {"status": 429},
    {"status": 409},
    {"status": 412},  # a condition that failed though nothing is there
    {"status": 404},
    {"status": None},
    {"status": 200, "hang_seconds": HANG, "when": "after"},
]
DONE = [{**how, "when": "after"} for how in NOT_DONE]


@pytest.mark.parametrize("how", NOT_DONE[:-1])
async def test_what_was_not_done_is_done_again(s3, how):
    """A create that failed without effect is looked for, not found, and sent once more."""
    s3.fault("PutObject", **how)
    stored = await _create(s3)
    assert (stored.size_bytes, stored.crc64nvme) == (len(DATA), DIGESTS.crc64nvme)
    assert s3.objects() == {KEY: DATA}
    assert (s3.double.calls["PutObject"], s3.double.calls["HeadObject"], s3.versions(KEY)) == (2, 1, 1)


@pytest.mark.parametrize("how", DONE)
async def test_what_was_done_is_not_done_again(s3, how):
    """A create whose answer was lost, late or wrong is looked for, found to be ours, and not sent again."""
    s3.fault("PutObject", **how)
    stored = await _create(s3)
    assert (stored.size_bytes, stored.crc64nvme) == (len(DATA), DIGESTS.crc64nvme)
    assert stored.version is not None
    assert (s3.double.calls["PutObject"], s3.versions(KEY)) == (1, 1)


async def test_a_hang_before_the_deed_ends_in_one_object(s3):
    """A create that hangs, is given up and sent again makes one object, whichever of the two is stored."""
    s3.fault("PutObject", status=200, hang_seconds=HANG)
    await _create(s3)
    await asyncio.sleep(HANG)
    assert s3.objects() == {KEY: DATA}
    assert s3.versions(KEY) == 1


@pytest.mark.parametrize("how", [*NOT_DONE[:-1], *DONE[:-1]])
async def test_another_object_is_another(s3, how):
    """Where another object has the key, no fault turns the answer into a yes or replaces it."""
    await _create(s3, b"first")
    s3.fault("PutObject", **how)
    with pytest.raises(KeyTaken):
        await _create(s3)
    assert s3.objects() == {KEY: b"first"}
    assert s3.versions(KEY) == 1


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (400, "InvalidRequest", "store_unavailable"),
        (403, "AccessDenied", "store_unavailable"),
        (403, "RequestTimeTooSkewed", "store_unavailable"),
        (403, "QuotaExceeded", "full"),
        (405, "MethodNotAllowed", "store_unavailable"),
        (507, "InsufficientStorage", "full"),
    ],
)
async def test_a_refusal_is_final(s3, status, code, reason):
    """What the store certainly refused is not sent again; the reason says whether it is full."""
    s3.fault("PutObject", status=status, code=code)
    with pytest.raises(Unavailable, match=code) as raised:
        await _create(s3)
    assert raised.value.reason == reason
    assert (s3.double.calls["PutObject"], s3.double.calls["HeadObject"]) == (1, 0)
    await _create(s3)
    assert s3.objects() == {KEY: DATA}


@pytest.mark.parametrize("status", [403, 500, 503, None])
async def test_who_cannot_look_cannot_tell(s3, status):
    """A lost answer with a HEAD that tells nothing is Unavailable, also 403; the same call later finds its object."""
    s3.fault("PutObject", status=503, when="after")
    s3.fault("HeadObject", status=status, times=99)
    with pytest.raises(Unavailable):
        await _create(s3)
    s3.double.faults.clear()
    await _create(s3)
    assert s3.versions(KEY) == 1


async def test_a_storm_ends_in_a_bounded_no(s3):
    """While every call is answered 503, a create gives up after a few tries; when the storm is over it succeeds."""
    storm = s3.fault("*", status=503, times=10_000)
    with pytest.raises(Unavailable, match="says: 503"):
        await _create(s3)
    assert storm.hits < 10
    s3.double.faults.clear()
    await _create(s3)
    assert s3.objects() == {KEY: DATA}


async def test_a_storm_that_passes_is_not_noticed(s3):
    """Creates under way in a short storm of 503 all succeed, each once."""
    s3.fault("PutObject", status=503, times=20)
    await asyncio.gather(*(_create(s3, body(100, n), key(n)) for n in range(20)))
    assert s3.objects() == {key(n): body(100, n) for n in range(20)}


def _corrupt(request, **_):
    request.data = b"X" + bytes(request.data.read(1 << 20))[1:]


async def test_bytes_changed_on_the_way_are_not_stored(s3):
    """A body that is changed on its way each time is refused by its checksum: Unavailable, and nothing is there."""
    s3.client.meta.events.register("before-sign.s3.PutObject", _corrupt)
    with pytest.raises(Unavailable, match="BadDigest"):
        await _create(s3)
    s3.client.meta.events.unregister("before-sign.s3.PutObject", _corrupt)
    assert s3.objects() == {}
    await _create(s3)
    assert s3.objects() == {KEY: DATA}


async def test_bytes_changed_in_our_hands_are_damage(s3):
    """A body that does not have the checksum it was received with is Damaged: sending it again would not help."""
    with pytest.raises(Damaged):
        await s3.zone.creator.create(KEY, [b"X" + DATA[1:]], DIGESTS)
    assert s3.objects() == {}


async def test_a_store_without_checksums_is_read(s3):
    """Where HEAD tells no checksum, the object that is there is read before it is called ours."""
    await _create(s3)

    def forget(parsed, **_):
        parsed.pop("ChecksumCRC64NVME", None)

    s3.client.meta.events.register("after-call.s3.HeadObject", forget)
    assert (await _create(s3)).size_bytes == len(DATA)
    with pytest.raises(KeyTaken):
        await _create(s3, b"X" + DATA[1:])


async def test_an_object_says_its_attempt(s3):
    """A delivery's object has the attempt's id in its metadata; files of the zone itself have none."""
    await _create(s3)
    await _create(s3, b"{}", Key("zone.json"))
    client = s3.double.client()
    heads = [client.head_object(Bucket="zones", Key=f"zones/one/{at}")["Metadata"] for at in (KEY, "zone.json")]
    assert heads == [{"hw-v": "1", "hw-attempt": f"{1:032x}"}, {}]


async def test_a_large_body_is_sent_as_it_lies(s3):
    """Pieces of any number and size make up the object in their order."""
    data = body(3 * MIB)
    pieces = [data[:1], b"", data[1 : MIB + 7], data[MIB + 7 : 2 * MIB], data[2 * MIB :]]
    await s3.zone.creator.create(KEY, pieces, digests(data))
    assert await whole(s3.zone.reader.read(KEY)) == data


@pytest.mark.parametrize("bad", ["/raw/x", "raw//x", "raw/../x", "raw/./x", "raw/x/", "", "raw/\0"])
async def test_a_key_cannot_leave_the_zone(s3, bad):
    """A key with empty, `.` or `..` parts is refused before anything is sent: others would read another name."""
    for call in (_create(s3, DATA, Key(bad)), s3.zone.reader.head(Key(bad)), s3.zone.eraser.erase(Key(bad))):
        with pytest.raises(Refused, match="not a key"):
            await call
    with pytest.raises(Refused, match="not a key"):
        await whole(s3.zone.reader.read(Key(bad)))
    assert sum(s3.double.calls.values()) == 0
