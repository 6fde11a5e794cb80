"""Who holds an upload, a key or the server itself, and what becomes of it when that changes."""

from __future__ import annotations

import asyncio

import pytest

from headwater.errors import Refused, Unavailable
from headwater.landing import Rules, landing
from headwater.landing.upload import REORDER_BYTES_MAX
from headwater.terms import Declared, FeedName, Outcome, Time
from headwater.testing.faulty import Failure
from headwater.testing.manual_clock import ManualClock
from tests.unit.landing.conftest import FEED, SENDER, Site, offer
from tests.unit.landing.test_recover import failing, sealed_in_vain

MIB = 1024 * 1024


async def taken_by_another(site: Site, upload) -> None:
    """Another node takes the attempt."""
    await site.landing.means.attempts.take(upload.id, site.clock.now(), Time(2**62), force=True)


@pytest.mark.parametrize("end", ["seal", "drop", "park"])
async def test_an_old_holder_ends_nothing(site: Site, end):
    """Whoever lost an attempt to another holder can neither land, hold nor park it."""
    upload = await site.landing.open(offer(resumable=True))
    await upload.write(0, b"abc")
    await taken_by_another(site, upload)
    with pytest.raises(Refused) as caught:
        await (upload.drop("cut") if end == "drop" else getattr(upload, end)())

    assert caught.value.reason == "overtaken"
    assert (site.objects(), site.objects("held"), await site.entries()) == ([], [], [])
    assert site.landing.open_uploads == 0


async def test_an_old_holder_begins_nothing(site: Site):
    """Nor does a byte of its go to the store."""
    upload = await site.landing.open(offer())
    await taken_by_another(site, upload)
    upload.take(0, bytes(3 * MIB))
    await upload.flush()
    with pytest.raises(Refused, match="holder"):
        await upload.stored()

    assert list((site.folder / "zone").glob("incoming/*")) == []


async def test_what_ended_takes_no_bytes_and_ends_no_more(site: Site):
    """After its end an upload takes nothing, and dropping or parking it again changes nothing."""
    upload = await site.landing.open(offer(resumable=True))
    await upload.write(0, b"abc")
    await upload.seal()
    with pytest.raises(Refused):
        await upload.write(3, b"d")

    await upload.drop("cut")
    await upload.park()
    assert (await site.attempt(upload.id)).outcome is Outcome.LANDED
    with pytest.raises(Refused) as caught:
        await site.landing.resume(upload.id)
    assert caught.value.reason == "not_found"


class _Slow:
    """A staging whose `park` takes a moment, and which accuses whoever does not let it end."""

    def __init__(self, staging):
        self._staging = staging
        self._is_parking = False

    def __getattr__(self, name):
        return getattr(self._staging, name)

    async def park(self):
        assert not self._is_parking
        self._is_parking = True
        for _ in range(10):
            await asyncio.sleep(0)
        await self._staging.park()
        self._is_parking = False


class _SlowIntake:
    def __init__(self, intake):
        self._intake = intake

    async def begin(self, *what):
        return _Slow(await self._intake.begin(*what))

    async def resume(self, *what):
        return _Slow(await self._intake.resume(*what))


async def test_an_upload_that_is_parked_while_it_is_taken_over_keeps_its_bytes(site: Site):
    """While its holder parks it another takes the upload over: the second waits for the first, and nothing is lost."""
    await site.restart(intake=_SlowIntake)
    upload = await site.landing.open(offer(resumable=True))
    upload.take(0, bytes(3 * MIB))
    _, resumed = await asyncio.gather(upload.park(), site.landing.resume(upload.id))

    assert resumed.size_bytes == 3 * MIB
    assert (await resumed.seal()).entry.size_bytes == 3 * MIB


async def test_an_upload_that_is_being_landed_is_taken_over_by_nobody(site: Site):
    """Who would take an upload over whose end came before hears that there is none, and it lands."""
    upload = await site.landing.open(offer(resumable=True))
    await upload.write(0, bytes(4 * MIB))
    entered, late = await asyncio.gather(upload.seal(), site.landing.resume(upload.id), return_exceptions=True)

    assert late.reason == "not_found"
    assert entered.entry.size_bytes == 4 * MIB


async def test_an_outage_of_the_store_is_the_reason(site: Site):
    """An upload that ends because the store failed is kept for that reason, not as if its sender had gone."""
    upload = await site.landing.open(offer())
    with pytest.raises(Unavailable):
        async with upload:
            await upload.write(0, b"abc")
            raise Unavailable("store_unavailable")

    assert (await site.attempt(upload.id)).reason == "store_unavailable"


async def test_a_park_that_failed_is_done_by_recovery(site: Site):
    """The store could not make the bytes durable: the row stays unfinished, and recovery parks it when it can."""
    await site.restart(**failing("intake", "begin"))
    upload = await site.landing.open(offer(resumable=True))
    await upload.write(0, b"abc")
    with pytest.raises(Unavailable):
        await upload.park()

    assert (await site.attempt(upload.id)).outcome is Outcome.OPEN
    assert await site.landing.recover() == {Outcome.PARKED: 1}
    assert (await site.landing.resume(upload.id)).size_bytes == 0


async def test_more_hash_states_than_are_kept_are_read_back(site: Site, monkeypatch):
    """Of many parked uploads the oldest hash states go; what lands is the same."""
    monkeypatch.setattr(landing, "DIGESTERS_MAX", 1)
    parked = []
    for number in range(3):
        upload = await site.landing.open(offer(f"{number}", resumable=True))
        await upload.write(0, bytes([number]) * 100)
        await upload.park()
        parked.append(upload.id)
    for number, id_ in enumerate(parked):
        again = await site.landing.resume(id_)
        assert (again.digester is None) == (number < 2)
        assert await site.bytes_of((await again.seal()).entry.key) == bytes([number]) * 100


# --- keys -------------------------------------------------------------------------------------------------------------


async def test_a_key_whose_holder_landed_unknown_to_it_is_answered(site: Site):
    """The answer of the ledger was lost: the same bytes again under the key are that delivery, other bytes refused."""
    await site.restart(**failing("ledger", "append", Failure.ANSWER_LOST))
    first = await sealed_in_vain(site, idempotency_key="k")
    again = await site.landing.open(offer(idempotency_key="k"))
    await again.write(0, b"abc")
    entered = await again.seal()

    assert (entered.entry.id, entered.fresh) == (first.id, False)
    other = await site.landing.open(offer(idempotency_key="k"))
    await other.write(0, b"abd")
    with pytest.raises(Refused) as caught:
        await other.seal()
    assert caught.value.reason == "key_reused"


async def test_a_key_whose_holder_may_still_land_is_in_progress(site: Site):
    """While nobody knows what became of its holder nothing else lands under the key; once it landed, it is a repeat."""
    await site.restart(**failing("ledger", "append"))
    first = await sealed_in_vain(site, idempotency_key="k")
    with pytest.raises(Refused) as caught:
        await site.landing.open(offer(idempotency_key="k"))

    assert caught.value.reason == "in_progress"
    await site.landing.recover()
    again = await site.landing.open(offer(idempotency_key="k"))
    await again.write(0, b"abc")
    assert (await again.seal()).entry.id == first.id


async def test_a_key_whose_holder_came_to_nothing_is_free(site: Site):
    """A key that a dead try still holds is taken by the next one."""
    nobody = site.ids.new(site.clock.now())
    await site.books.keys.claim(SENDER.name, FEED, "k", nobody, site.clock.now())
    upload = await site.landing.open(offer(idempotency_key="k"))
    await upload.write(0, b"abc")

    assert (await upload.seal()).fresh


# --- bytes in ---------------------------------------------------------------------------------------------------------


async def test_what_runs_ahead_is_bounded_and_never_changed(site: Site):
    """Bytes ahead of a gap may come again, and longer, but not others, and not too many."""
    upload = await site.landing.open(offer())
    await upload.write(0, b"")
    await upload.write(2, b"cd")
    await upload.write(2, b"c")
    await upload.write(2, b"cde")
    for at, data, reason in ((2, b"xx", "wrong_offset"), (9, bytes(REORDER_BYTES_MAX), "gap")):
        with pytest.raises(Refused) as caught:
            await upload.write(at, data)
        assert caught.value.reason == reason
    await upload.write(0, b"abc")
    await upload.write(0, b"abcde")

    assert await site.bytes_of((await upload.seal()).entry.key) == b"abcde"
    assert site.budget.memory_used == 0


async def test_too_many_bytes_are_refused_by_their_number(site: Site):
    """A declared size over the limit is refused before the first byte."""
    with pytest.raises(Refused) as caught:
        await site.landing.open(offer(declared=Declared(size_bytes=11), size_bytes_max=10))

    assert caught.value.reason == "too_large"


@pytest.mark.parametrize("size", [0, 3, 3 * MIB])
@pytest.mark.parametrize("companion", [False, True])
async def test_an_unsealed_upload_can_move_to_another_feed(site: Site, size, companion):
    """Its bytes land under the other feed's key, whole; in a directory nothing binds them before the commit."""
    upload = await site.landing.open(offer())
    if size:
        await upload.write(0, bytes(size))
    await upload.sync()
    await upload.move_to(FeedName("acme-crm", "orders"), companion=companion)
    receipt = (await upload.seal()).entry

    assert receipt.feed == "orders"
    assert receipt.key.startswith(f"{'companion' if companion else 'raw'}/lz_source=acme-crm/lz_feed=orders/")
    assert await site.bytes_of(receipt.key) == bytes(size)
    assert (await site.attempt(upload.id)).offer.feed == receipt.feed_name


async def test_bytes_that_are_bound_to_their_feed_stay(site: Site):
    """Where the store has given the bytes their name already, a move is refused and the upload as it was."""
    upload = await site.landing.open(offer())
    await upload.write(0, b"abc")
    await upload.sync()
    assert upload.staging is not None
    await upload.staging.commit(None)
    with pytest.raises(Refused) as caught:
        await upload.move_to(FeedName("acme-crm", "orders"))

    assert (caught.value.reason, upload.offer.feed) == ("bad_feed", FEED)


# --- a stopping and a running server ----------------------------------------------------------------------------------


async def test_a_stopping_server_begins_nothing(site: Site):
    """Neither a new upload nor a parked one is taken up while it drains; what cannot be parked is not waited for."""
    parked = await site.landing.open(offer(resumable=True))
    await parked.park()
    lost = await site.landing.open(offer(resumable=True))
    await taken_by_another(site, lost)

    assert await site.landing.drain(0.01) == 1
    assert (site.landing.draining, site.landing.open_uploads) == (True, 0)
    for begin in (site.landing.open(offer()), site.landing.resume(parked.id)):
        with pytest.raises(Unavailable) as caught:
            await begin
        assert caught.value.reason == "draining"


async def test_bytes_that_were_not_digested_are_no_delivery(site: Site):
    """Should the count of the digests ever differ from what came, nothing lands."""
    upload = await site.landing.open(offer())
    await upload.write(0, b"abc")
    assert upload.digester is not None
    upload.digester.update([b"x"])
    with pytest.raises(Unavailable) as caught:
        await upload.seal()

    assert (caught.value.reason, await site.entries()) == ("internal", [])


class OnceSilent:
    """Books that do not answer the first time they are asked what is unfinished."""

    def __init__(self, inner) -> None:
        self._inner = inner
        self._asked = 0

    def __getattr__(self, name):
        return getattr(self._inner, name)

    async def unfinished(self, before):
        self._asked += 1
        if self._asked == 1:
            raise Unavailable("store_unavailable")
        return await self._inner.unfinished(before)


async def test_leases_are_renewed_and_what_nobody_holds_is_recovered(site: Site):
    """While it runs, an open upload stays its own; one whose lease ran out is ended, and a fault only delays that."""
    clock = ManualClock()
    site.clock = clock  # type: ignore[assignment]
    site.rules = Rules(lease_seconds=12.0)
    await site.restart(attempts=OnceSilent)
    left = await site.landing.open(offer("left"))
    await left.write(0, b"abc")
    await site.attempt(left.id)
    site.landing.forget(left)
    own = await site.landing.open(offer("own"))
    keeping = asyncio.create_task(site.landing.keep())
    while (await site.attempt(left.id)).outcome is Outcome.OPEN:
        clock.advance(landing.KEEP_SECONDS)
        await asyncio.sleep(0.01)
    keeping.cancel()

    assert (await site.attempt(left.id)).outcome is Outcome.REFUSED
    assert clock.now() > own.attempt.lease_until
    assert (await site.attempt(own.id)).lease_until > clock.now()
    assert (await own.seal()).fresh
