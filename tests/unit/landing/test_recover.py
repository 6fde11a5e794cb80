"""What a fault, a crash or a silent sender left is ended by the steps that a delivery takes, and never as a lie."""

from __future__ import annotations

import hashlib
from functools import partial

import pytest

from headwater.errors import Damaged, Refused, Unavailable
from headwater.landing import Rules
from headwater.terms import Completeness, Declared, Follows, Outcome, Receipt, Time
from headwater.testing.faulty import Failure, Plan, faulty
from tests.unit.landing.conftest import SENDER, Site, offer

MIB = 1024 * 1024


def failing(port: str, method: str, failure: Failure = Failure.BEFORE, **more):
    """Wraps a port so that one call of it fails."""
    return {port: partial(faulty, plan=Plan(f"{port}.{method}", failure, **more), name=port)}


async def sealed_in_vain(site: Site, data: bytes = b"abc", **more):
    """An upload whose seal met a fault."""
    upload = await site.landing.open(offer(**more))
    await upload.write(0, data)
    with pytest.raises(Unavailable):
        await upload.seal()
    return upload


@pytest.mark.parametrize("failure", [Failure.BEFORE, Failure.ANSWER_LOST])
@pytest.mark.parametrize("size", [3, 3 * MIB])
async def test_what_stands_is_entered_once_the_fault_ends(site: Site, failure, size):
    """Bytes that were committed before the ledger failed land by recovery, once, whether their entry stood or not."""
    await site.restart(**failing("ledger", "append", failure))
    upload = await sealed_in_vain(site, bytes(size))
    assert (await site.attempt(upload.id)).outcome is Outcome.SEALING

    assert await site.landing.recover() == {Outcome.LANDED: 1}
    (receipt,) = await site.entries()
    assert (receipt.id, receipt.size_bytes) == (upload.id, size)
    assert receipt.sha256 == hashlib.sha256(bytes(size)).hexdigest()
    assert (await site.attempt(upload.id)).outcome is Outcome.LANDED
    assert await site.landing.recover() == {}


@pytest.mark.parametrize("after_crash", [False, True])
async def test_what_was_never_committed_does_not_land(site: Site, after_crash):
    """Where the store took nothing, recovery refuses the try: its row says why and how much came, and nothing lands."""
    await site.restart(**failing("creator", "create"))
    upload = await sealed_in_vain(site)
    if after_crash:
        await site.restart()

    assert await site.landing.recover(after_crash=after_crash) == {Outcome.REFUSED: 1}
    attempt = await site.attempt(upload.id)
    assert (attempt.outcome, attempt.reason, attempt.size_bytes) == (Outcome.REFUSED, "store_unavailable", 3)
    assert (await site.entries(), site.objects()) == ([], [])


@pytest.mark.parametrize("other", [b"other size", b"abd"])
async def test_another_object_under_its_key_is_never_entered(site: Site, other):
    """Bytes that were changed before their receipt was entered are damage: kept as they are, told, and not landed."""
    await site.restart(**failing("ledger", "append"))
    upload = await sealed_in_vain(site)
    (path,) = site.objects()
    path.chmod(0o640)
    path.write_bytes(other)

    assert await site.landing.recover() == {}
    assert isinstance(site.landing.damage, Damaged)
    assert await site.entries() == []
    assert path.read_bytes() == other
    assert (await site.attempt(upload.id)).outcome is Outcome.SEALING


async def test_what_cannot_be_told_yet_waits(site: Site):
    """While the store does not answer, recovery decides nothing; the next one does."""
    await site.restart(**failing("ledger", "append"), **failing("reader", "head"))
    await sealed_in_vain(site)

    assert await site.landing.recover() == {}
    assert await site.entries() == []
    assert await site.landing.recover() == {Outcome.LANDED: 1}


@pytest.mark.parametrize(("resumable", "outcome"), [(False, Outcome.HELD), (True, Outcome.PARKED)])
async def test_an_upload_that_a_crash_cut_off(site: Site, resumable, outcome):
    """What its sender can go on with is parked; anything else is held as cut, with what the store had of it."""
    upload = await site.landing.open(offer(resumable=resumable))
    await upload.write(0, bytes(3 * MIB))
    await upload.stored()
    await site.restart()

    assert await site.landing.recover(after_crash=True) == {outcome: 1}
    attempt = await site.attempt(upload.id)
    assert (attempt.outcome, attempt.reason) == (outcome, None if resumable else "cut")
    assert [entry.kept_bytes for entry in await site.entries()] == ([] if resumable else [3 * MIB])
    assert site.objects() == []


@pytest.mark.parametrize(("temporary", "reason"), [(False, "abandoned"), (True, "never_renamed")])
async def test_a_parked_upload_that_nobody_goes_on_with_is_held(site: Site, temporary, reason):
    """After its time it is held, whole: as abandoned or, under a temporary name, as never renamed; not before."""
    site.rules = Rules(resume_seconds=0.0, park_seconds=0.0)
    await site.restart()
    upload = await site.landing.open(offer(resumable=True))
    await upload.write(0, bytes(3 * MIB))
    await upload.park(temporary=temporary)

    assert await site.landing.recover() == {Outcome.HELD: 1}
    (held,) = await site.entries()
    assert (held.reason, held.kept_bytes) == (reason, 3 * MIB)
    with pytest.raises(Refused):
        await site.landing.resume(upload.id)


@pytest.mark.parametrize("step", ["creator.create", "ledger.append"])
@pytest.mark.parametrize("failure", [Failure.BEFORE, Failure.ANSWER_LOST])
async def test_a_drop_that_failed_is_done_again_for_the_same_reason(site: Site, step, failure):
    """Evidence that could not be kept, or entered, at first: recovery ends the try as held, with the first reason."""
    port, method = step.split(".")
    await site.restart(**failing(port, method, failure))
    upload = await site.landing.open(offer())
    await upload.write(0, b"abc")
    with pytest.raises(Unavailable):
        await upload.drop("too_slow", "It came too slowly.")

    assert await site.landing.recover() == {Outcome.HELD: 1}
    attempt = await site.attempt(upload.id)
    assert (attempt.outcome, attempt.reason, attempt.sentence) == (Outcome.HELD, "too_slow", "It came too slowly.")
    (held,) = await site.entries()
    stood = step == "ledger.append" or failure is Failure.ANSWER_LOST
    assert (held.reason, held.size_bytes, held.kept_bytes) == ("too_slow", 3, 3 if stood else 0)
    assert len(site.objects("held")) == stood


async def test_a_stream_that_went_on_refuses(site: Site):
    """A delivery whose stream has moved is refused after its bytes stood: no receipt, and the row says why."""
    upload = await site.landing.open(offer(follows=Follows("kafka:c/t/0", 5, 6)))
    await upload.write(0, b"abc")
    with pytest.raises(Refused) as caught:
        await upload.seal()

    attempt = await site.attempt(upload.id)
    assert (caught.value.reason, attempt.outcome, attempt.reason) == ("stream_moved", Outcome.REFUSED, "stream_moved")
    assert (len(site.objects()), await site.entries()) == (1, [])
    assert await site.landing.recover() == {}


async def test_a_key_that_is_taken_is_damage(site: Site):
    """Its key holds the attempt's id: whatever else lies there is kept, and nothing is entered."""
    upload = await site.landing.open(offer())
    await upload.write(0, b"abc")
    path = site.folder / "zone" / upload.fix_key(b"abc")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"another")
    with pytest.raises(Damaged):
        await upload.seal()

    assert (path.read_bytes(), await site.entries()) == (b"another", [])
    assert site.landing.damage is not None


async def test_another_receipt_of_the_same_id_is_damage(site: Site):
    """What the ledger holds for an id counts: a seal that would say otherwise is no yes."""
    other = await site.landing.open(offer())
    await other.write(0, b"other")
    receipt = (await other.seal()).entry
    upload = await site.landing.open(offer())
    await upload.write(0, b"abc")
    await site.sequencer.append(
        Receipt(**{**{f: getattr(receipt, f) for f in Receipt.__struct_fields__}, "id": upload.id})
    )
    with pytest.raises(Damaged):
        await upload.seal()


async def test_books_that_say_more_than_the_ledger_are_damaged(site: Site):
    """A landed delivery without an entry is no delivery."""
    with pytest.raises(Damaged):
        await site.landing.entered(site.ids.new(Time(1)))


# --- bytes that can be read only once they are committed --------------------------------------------------------------


class Unread:
    """An intake that gives parked bytes only after the commit, as S3 does; `shown` of them before."""

    def __init__(self, inner, shown: int = 0) -> None:
        self._inner = inner
        self._shown = shown

    def __getattr__(self, name):
        return getattr(self._inner, name)

    async def read_back(self, upload, key):
        async for piece in self._inner.read_back(upload, key):
            if self._shown:
                yield piece[: self._shown]


async def parked(site: Site, data: bytes, intake=Unread, **more):
    """An upload that an earlier process parked: its hash state is lost."""
    upload = await site.landing.open(offer(resumable=True, **more))
    await upload.write(0, data)
    await upload.park()
    await site.restart(intake=intake)
    return await site.landing.resume(upload.id)


async def test_an_unread_upload_is_read_before_it_is_entered(site: Site):
    """Its receipt has the digest of the object as it stands, and what the sender declared is weighed."""
    data = bytes(2 * MIB) + b"x"
    digest = hashlib.sha256(data).hexdigest()
    upload = await parked(site, data, declared=Declared(digests={"sha256": digest}))
    receipt = (await upload.seal()).entry

    assert (receipt.sha256, receipt.size_bytes, receipt.completeness) == (digest, len(data), Completeness.PROVEN)
    assert await site.bytes_of(receipt.key) == data


async def test_an_unread_upload_that_is_wrong_is_suspect_and_refused(site: Site):
    """Bytes that stand already, and are not what was declared, are entered as suspect; their sender gets no yes."""
    upload = await parked(site, b"abc", declared=Declared(digests={"sha256": "0" * 64}))
    with pytest.raises(Refused) as caught:
        await upload.seal()

    (receipt,) = await site.entries()
    assert (caught.value.reason, receipt.completeness) == ("digest_mismatch", Completeness.SUSPECT)


@pytest.mark.parametrize("after_crash", [False, True])
async def test_an_unread_upload_is_recovered(site: Site, after_crash):
    """Its draft knows no digest yet: whoever goes on reads the object, and enters what it finds."""
    upload = await parked(site, b"abc")
    await site.restart(intake=Unread, **failing("ledger", "append"))
    upload = await site.landing.resume(upload.id)
    with pytest.raises(Unavailable):
        await upload.seal()
    if after_crash:
        await site.restart(intake=Unread)

    assert await site.landing.recover(after_crash=after_crash) == {Outcome.LANDED: 1}
    (receipt,) = await site.entries()
    assert receipt.sha256 == hashlib.sha256(b"abc").hexdigest()


async def test_a_store_that_gives_back_less_lands_nothing(site: Site):
    """Parked bytes that cannot be read back whole are no delivery, but wait for a store that has them."""
    upload = await parked(site, b"abc", intake=partial(Unread, shown=2))
    with pytest.raises(Unavailable, match="read back"):
        await upload.seal()

    assert await site.entries() == []
    again = await site.landing.resume(upload.id)
    assert again.size_bytes == 3
    assert SENDER.name == again.offer.sender.name
