from __future__ import annotations

import asyncio
import hashlib
import os

import pytest

from headwater.errors import Refused
from headwater.ledger.entries import Held
from headwater.terms import Completeness, Declared, Evidence, Outcome, Receipt
from tests.unit.landing.conftest import FEED, Site, offer

MIB = 1024 * 1024


@pytest.mark.parametrize("size", [0, 1, 65_536, MIB, MIB + 1, 2 * MIB - 100, 5 * MIB + 3])
@pytest.mark.parametrize("chunk", [10_000, 300_000, MIB + 5])
async def test_what_was_sent_is_what_lands(site: Site, size, chunk):
    """Bytes of any size, in pieces of any size, land byte for byte under the key of the receipt, with its digests."""
    data = os.urandom(size)
    upload = await site.landing.open(offer())
    for at in range(0, size, chunk):
        await upload.write(at, data[at : at + chunk])
    entered = await upload.seal()

    receipt = entered.entry
    assert isinstance(receipt, Receipt)
    assert await site.bytes_of(receipt.key) == data
    assert receipt.sha256 == hashlib.sha256(data).hexdigest()
    assert receipt.size_bytes == size
    assert (await site.attempt(upload.id)).outcome is Outcome.LANDED
    assert await site.entries() == [receipt]


async def test_a_declared_number_that_agrees_proves(site: Site):
    """A size or digest that the sender gave and that agrees makes the delivery proven, and stands as evidence."""
    digest = hashlib.md5(b"abc").hexdigest()
    upload = await site.landing.open(offer(declared=Declared(size_bytes=3, digests={"md5": digest, "odd": "x"})))
    await upload.write(0, b"abc")
    receipt = (await upload.seal()).entry

    assert receipt.completeness is Completeness.PROVEN
    assert receipt.evidence == (Evidence("size", "3", "3"), Evidence("md5", digest, digest))


async def test_an_end_alone_presumes(site: Site):
    """Without a number of the sender's, an explicit end is presumed to be one."""
    upload = await site.landing.open(offer())
    await upload.write(0, b"abc")

    assert (await upload.seal()).entry.completeness is Completeness.PRESUMED


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        (Declared(size_bytes=4), "size_mismatch"),
        (Declared(digests={"sha256": "0" * 64}), "digest_mismatch"),
    ],
)
async def test_a_declared_number_that_disagrees_is_held(site: Site, declared, reason):
    """A mismatch never lands: the sender is refused with the reason, the bytes are held, an entry says so."""
    upload = await site.landing.open(offer(declared=declared))
    await upload.write(0, b"abc")
    with pytest.raises(Refused) as caught:
        await upload.seal()

    (held,) = await site.entries()
    assert caught.value.reason == reason
    assert isinstance(held, Held)
    assert (held.reason, held.size_bytes, held.kept_bytes) == (reason, 3, 3)
    assert await site.bytes_of(held.key) == b"abc"
    assert site.objects() == []


@pytest.mark.parametrize("size", [100, 3 * MIB])
async def test_a_cut_line_is_not_an_end(site: Site, size):
    """An upload that is left without an end is held as cut, partial, with what came of it; nothing is in raw/."""
    upload = await site.landing.open(offer())
    with pytest.raises(ConnectionError):
        async with upload:
            await upload.write(0, bytes(size))
            raise ConnectionError

    attempt = await site.attempt(upload.id)
    (held,) = await site.entries()
    assert (attempt.outcome, attempt.reason, attempt.completeness) == (Outcome.HELD, "cut", Completeness.PARTIAL)
    assert held.kept_bytes == size
    assert site.objects() == []


async def test_nothing_came_nothing_is_held(site: Site):
    """An attempt of which no byte came is refused; its row is the only trace."""
    upload = await site.landing.open(offer())
    await upload.drop("cut")

    assert (await site.attempt(upload.id)).outcome is Outcome.REFUSED
    assert await site.entries() == []


async def test_a_limit_is_kept(site: Site):
    """More bytes than allowed are refused while they come, not after."""
    upload = await site.landing.open(offer(size_bytes_max=10))
    await upload.write(0, b"12345")
    with pytest.raises(Refused) as caught:
        await upload.write(5, b"678901")

    assert caught.value.reason == "too_large"


async def test_a_name_that_was_sent_before_is_a_new_delivery(site: Site):
    """The same name and bytes again is a second delivery; its receipt names the first as previous and as repeated."""
    ids = []
    for data in (b"one", b"one", b"two"):
        upload = await site.landing.open(offer())
        await upload.write(0, data)
        ids.append((await upload.seal()).entry)

    assert (ids[0].previous, ids[0].repeat_of) == (None, None)
    assert (ids[1].previous, ids[1].repeat_of) == (ids[0].id, ids[0].id)
    assert (ids[2].previous, ids[2].repeat_of) == (ids[1].id, None)


async def test_precedents_are_found_in_the_catalog_after_a_restart(site: Site):
    """A repeat of what landed in an earlier process is known as one."""
    upload = await site.landing.open(offer())
    await upload.write(0, b"one")
    first = (await upload.seal()).entry
    await site.crash()
    await site.start()
    await site.follower.catch_up()

    upload = await site.landing.open(offer())
    await upload.write(0, b"one")

    assert (await upload.seal()).entry.repeat_of == first.id


async def send(site: Site, data: bytes, key: str):
    """Lands bytes under an idempotency key."""
    upload = await site.landing.open(offer(idempotency_key=key))
    await upload.write(0, data)
    return await upload.seal()


async def test_the_same_key_and_bytes_land_once(site: Site):
    """Under an idempotency key the same bytes again land nothing, and are answered with the first receipt."""
    first = await send(site, b"abc", "k")
    second = await send(site, b"abc", "k")

    assert second.entry == first.entry
    assert not second.fresh
    assert len(site.objects()) == 1
    assert len(await site.entries()) == 1


async def test_the_same_key_with_other_bytes_is_refused(site: Site):
    """Other bytes under a used key are refused, and land nothing."""
    await send(site, b"abc", "k")
    with pytest.raises(Refused) as caught:
        await send(site, b"xyz", "k")

    assert caught.value.reason == "key_reused"
    assert len(await site.entries()) == 1


async def test_a_key_in_use_waits(site: Site):
    """While an upload with a key is open, another with the same key is refused, to be tried again."""
    upload = await site.landing.open(offer(idempotency_key="k"))
    with pytest.raises(Refused) as caught:
        await site.landing.open(offer(idempotency_key="k"))
    await upload.drop("cut")
    await send(site, b"abc", "k")

    assert caught.value.reason == "in_progress"


async def test_writes_may_come_out_of_order(site: Site):
    """Pieces that run ahead are put in order; what lands has no gap."""
    upload = await site.landing.open(offer())
    for at in (2, 4, 0, 6):
        await upload.write(at, b"0123456789"[at : at + 2])
    receipt = (await upload.seal()).entry

    assert await site.bytes_of(receipt.key) == b"01234567"


async def test_a_gap_is_never_filled(site: Site):
    """An end before a missing piece is refused and held: no zeros are invented."""
    upload = await site.landing.open(offer())
    await upload.write(0, b"01")
    await upload.write(4, b"45")
    with pytest.raises(Refused) as caught:
        await upload.seal()

    assert caught.value.reason == "gap"
    assert site.objects() == []


async def test_taken_bytes_cannot_be_rewritten(site: Site):
    """A write below what was taken is refused."""
    upload = await site.landing.open(offer())
    await upload.write(0, b"0123")
    with pytest.raises(Refused) as caught:
        await upload.write(2, b"xx")

    assert caught.value.reason == "wrong_offset"


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("size", [10, 3 * MIB])
async def test_a_parked_upload_goes_on(site: Site, restart, size):
    """Parked bytes are durable; another holder, also in another process, goes on where they end, and it lands whole."""
    data = os.urandom(2 * size)
    upload = await site.landing.open(offer(resumable=True))
    await upload.write(0, data[:size])
    await upload.park()
    if restart:
        await site.crash()
        await site.start()
        await site.landing.recover(after_crash=True)

    again = await site.landing.resume(upload.id)
    assert again.size_bytes == size
    await again.write(size, data[size:])
    receipt = (await again.seal(name="final.csv")).entry

    assert await site.bytes_of(receipt.key) == data
    assert receipt.sha256 == hashlib.sha256(data).hexdigest()
    assert receipt.name == "final.csv"


async def test_a_new_holder_fences_the_old_one(site: Site):
    """Once an upload was resumed, whoever held it before can neither write nor seal."""
    upload = await site.landing.open(offer(resumable=True))
    await upload.write(0, b"abc")
    again = await site.landing.resume(upload.id)

    with pytest.raises(Refused):
        await upload.write(3, b"x")
    await again.write(3, b"def")
    assert await site.bytes_of((await again.seal()).entry.key) == b"abcdef"


async def test_a_resumable_upload_parks_when_the_line_is_cut(site: Site):
    """At a door that can resume, a cut line parks the upload and holds nothing."""
    upload = await site.landing.open(offer(resumable=True))
    with pytest.raises(ConnectionError):
        async with upload:
            await upload.write(0, b"abc")
            raise ConnectionError

    assert (await site.attempt(upload.id)).outcome is Outcome.PARKED
    assert await site.entries() == []


async def test_nobody_cancels_a_seal(site: Site):
    """A door that goes away during the seal changes nothing: the delivery lands."""
    upload = await site.landing.open(offer())
    await upload.write(0, b"abc")
    task = asyncio.create_task(upload.seal())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await site.landing.drain(5)

    assert len(await site.entries()) == 1


async def test_many_at_once(site: Site):
    """Two hundred senders at once land two hundred deliveries, each its own."""

    async def one(number: int):
        upload = await site.landing.open(offer(f"{number}.csv"))
        await upload.write(0, str(number).encode() * 1000)
        return (await upload.seal()).entry

    receipts = await asyncio.gather(*(one(number) for number in range(200)))

    assert len({receipt.id for receipt in receipts}) == 200
    for number, receipt in enumerate(receipts):
        assert await site.bytes_of(receipt.key) == str(number).encode() * 1000


async def test_evidence_is_bounded(site: Site):
    """Beyond a day's allowance, dropped uploads of one sender leave their rows only."""
    site.landing.means.allowance._per_day_max = 3
    for _ in range(5):
        upload = await site.landing.open(offer())
        await upload.write(0, b"abc")
        await upload.drop("cut")

    assert len(await site.entries()) == 3
    assert len(site.objects("held")) == 3


async def test_bad_names_are_refused_before_anything_is_kept(site: Site):
    """A name that is a path out of the feed opens no attempt."""
    with pytest.raises(Refused) as caught:
        await site.landing.open(offer("../x"))

    assert caught.value.reason == "bad_name"
    assert FEED.source == "acme-crm"


async def test_wrong_from_the_start_goes_to_held(site: Site):
    """Bytes that are known to be wrong at the open go to held/ from the first one, and are refused at the end."""
    upload = await site.landing.open(offer(wrong="bad_feed"))
    await upload.write(0, bytes(2 * MIB))
    with pytest.raises(Refused):
        await upload.seal()

    (held,) = await site.entries()
    assert (held.reason, held.kept_bytes) == ("bad_feed", 2 * MIB)
    assert site.objects() == []


async def test_drain_parks_what_can_go_on(site: Site):
    """A server that stops parks resumable uploads and holds the others; no new one begins."""
    going = await site.landing.open(offer(resumable=True))
    await going.write(0, b"abc")
    other = await site.landing.open(offer())
    await other.write(0, b"abc")

    assert await site.landing.drain(0.01) == 2
    assert (await site.attempt(going.id)).outcome is Outcome.PARKED
    assert (await site.attempt(other.id)).outcome is Outcome.HELD


@pytest.mark.parametrize("more", [{"path": "/x/\udcff"}, {"cursor": "c" * 32_000}])
async def test_what_the_ledger_cannot_take_is_refused_before_its_bytes_are_committed(site: Site, more):
    """A receipt that cannot be entered (not UTF-8, too large) never leaves an object in raw/ without a receipt."""
    upload = await site.landing.open(offer(**more))
    await upload.write(0, b"abc")
    with pytest.raises(Refused) as caught:
        await upload.seal()

    assert caught.value.reason == "bad_request"
    assert site.objects() == []
