"""From an upload to a delivery: the one path, taken by every door and by recovery."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

import msgspec

from headwater.errors import Damaged, Refused, Unavailable
from headwater.landing.digest import Digester
from headwater.landing.drop import drop
from headwater.landing.means import Means
from headwater.landing.upload import HEAD_BYTES, Upload, lease_until
from headwater.landing.wholeness import weigh
from headwater.ledger.entries import ENTRY_BYTES_MAX, encode
from headwater.ports.ledger import Entered
from headwater.ports.store import KeyTaken, Stored
from headwater.terms import (
    Completeness,
    Digests,
    Evidence,
    Id,
    Offer,
    Outcome,
    Receipt,
    Time,
    name_fields,
    name_of,
    time_text,
)

Precedents = tuple[Id | None, Id | None]

INLINE_BYTES_MAX = 64 * 1024
"""Up to here hashing on the loop is quicker than a hop to a thread."""

_STILL_TO_COME_BYTES = 1024

UNKNOWN = Digests(0, "", "")
"""In the draft of an upload whose hash state was lost and whose store cannot be read before the commit."""


async def seal(upload: Upload, evidence: Sequence[Evidence], name: str | None) -> Entered:
    """Lands an upload that its sender ended explicitly.

    attempt row `sealing` with the draft receipt → the bytes, create-only → the receipt in the ledger, which is the
    commit point → row `landed`. Every step is repeatable, and `recover` takes the same ones.
    """
    if name is not None:
        upload.offer = msgspec.structs.replace(upload.offer, name=name)
    try:
        if upload.offer.wrong:
            raise Refused(upload.offer.wrong)  # noqa: TRY301 - dropped below, like every refusal
        await upload.settle()
        digester = await _digested(upload)
        if digester is None:
            return await _seal_unread(upload, evidence)
        completeness, found, refusal = weigh(upload.offer.declared, digester, evidence)
        if refusal:
            raise refusal
        if upload.repeats is not None:
            return await _repeat(upload, digester.digests())
        draft = draft_of(upload, digester.digests(), completeness, found)
        _check_enterable(draft)
    except Refused as refused:
        await drop(upload, refused.reason, refused.sentence)
        raise
    return await _land(upload, draft)


def _check_enterable(draft: Receipt) -> None:
    """What the ledger could not take is refused before its bytes are committed, not after."""
    try:
        size_bytes = len(encode(draft))
    except ValueError as error:  # UnicodeEncodeError is one
        raise Refused("bad_request", f"The receipt cannot be written: {error}.") from error
    if size_bytes > ENTRY_BYTES_MAX - _STILL_TO_COME_BYTES:
        raise Refused("bad_request", f"The receipt would have more than {ENTRY_BYTES_MAX} bytes.")


async def _land(upload: Upload, draft: Receipt) -> Entered:
    try:
        asked = precedents(upload.means, draft, soon=False)  # answered with the row
        await _record(upload, draft)
        stored = await _commit_bytes(upload, draft)
        draft = await preceded(upload.means, msgspec.structs.replace(draft, version=stored.version), asked)
        return await enter(upload.means, upload.fence, draft, upload.offer)
    except Unavailable:
        # Not certain: the row says `sealing`, and recovery ends it one way or the other once the fault ends.
        await upload.means.attempts.move(upload.id, upload.fence, lease_until=Time(0))
        raise
    except Refused as refused:  # the stream went on without it: the object stays, unreceipted, and the row says why
        upload.means.attempts.move(upload.id, upload.fence, outcome=Outcome.REFUSED, reason=refused.reason)
        raise
    finally:
        upload.release()


async def _record(upload: Upload, draft: Receipt) -> None:
    """The row says what is about to happen before it happens."""
    moved = upload.means.attempts.move(
        upload.id,
        upload.fence,
        outcome=Outcome.SEALING,
        key=draft.key,
        size_bytes=draft.size_bytes,
        draft=draft,
        lease_until=lease_until(upload.means),
        **upload.told(),
    )
    if upload.recorded is not None:
        await upload.recorded
    if not await moved:
        raise upload.overtaken()


async def _commit_bytes(upload: Upload, draft: Receipt) -> Stored:
    """Makes the object, create-only. Its key holds the attempt's id, so whatever else lies there is damage."""
    try:
        if upload.staging is not None:
            return await upload.staging.commit(draft.digests)
        return await upload.means.creator.create(draft.key, upload.pieces, draft.digests)
    except KeyTaken:
        raise Damaged(f"Another object lies under {draft.key}.") from None


def precedents(means: Means, draft: Receipt, *, soon: bool = True) -> Awaitable[Precedents]:
    """Asks the catalog for the delivery of this name before, and the first of these bytes."""
    return means.catalog.precedents(draft.feed_name, name_of(draft), draft.sha256, soon=soon)


async def preceded(means: Means, draft: Receipt, asked: Awaitable[Precedents]) -> Receipt:
    """The draft with what went before it: the catalog, that was `asked`, does not know the last few yet."""
    catalog, recent = await asked, means.recent.find(draft.feed_name, name_of(draft), draft.sha256)
    return msgspec.structs.replace(draft, previous=recent[0] or catalog[0], repeat_of=catalog[1] or recent[1])


async def enter(means: Means, fence: int, draft: Receipt, offer: Offer) -> Entered:
    """Enters the receipt of bytes that stand in the zone, and closes the row."""
    # The commit point. Before it nothing has landed, after it nothing can take it back; the claim `delivery:<id>`
    # makes a slow owner and a recoverer end with the same entry.
    (entered,) = await means.ledger.append(draft)
    receipt = entered.entry
    if not isinstance(receipt, Receipt) or receipt.sha256 != draft.sha256:
        raise Damaged(f"The ledger holds another receipt for {draft.id}.")
    means.recent.add(receipt)
    if receipt.idempotency_key is not None:
        means.keys.fulfil(receipt.sender.name, receipt.feed_name, receipt.idempotency_key, receipt.id, receipt.sha256)
    means.landed(offer, receipt)
    means.attempts.move(
        draft.id,
        fence,
        soon=False,
        outcome=Outcome.LANDED,
        delivery=draft.id,
        completeness=receipt.completeness,
        draft=None,
        ended_at=means.clock.now(),
    )
    return entered


async def _repeat(upload: Upload, digests: Digests) -> Entered:
    """The same bytes again under an idempotency key: nothing lands, the first receipt is the answer."""
    first = upload.repeats
    if first is None or first.sha256 != digests.sha256:
        raise Refused("key_reused")
    means = upload.means
    await means.attempts.move(
        upload.id,
        upload.fence,
        outcome=Outcome.REPEATED,
        delivery=first.id,
        size_bytes=digests.size_bytes,
        ended_at=means.clock.now(),
    )
    upload.release()
    return await upload.landing.entered(first.id)


# --- uploads whose hash state was lost -------------------------------------------------------------------------------


async def _digested(upload: Upload) -> Digester | None:
    """The digests of all bytes: as they passed, or read back; None if they can only be read once they are committed."""
    digester = upload.digester
    if digester is None:
        digester = upload.new_digester()
        await upload.sync()
        async for piece in upload.means.intake.read_back(upload.id, upload.fix_key(b"")):
            await _update(upload.means, digester, [piece])
        if digester.size_bytes == 0 < upload.size_bytes:
            return None
        if digester.size_bytes != upload.size_bytes:
            raise Unavailable("store_unavailable", "The parked bytes could not be read back whole.")
        upload.digester = digester
    elif upload.staging is None:
        await _update(upload.means, digester, upload.pieces)
    if digester.size_bytes != upload.size_bytes:  # a fault of ours, and never a delivery
        raise Unavailable("internal", f"{upload.size_bytes} bytes came, {digester.size_bytes} of them were stored.")
    return digester


async def _update(means: Means, digester: Digester, pieces: Sequence[bytes]) -> None:
    if sum(map(len, pieces)) <= INLINE_BYTES_MAX:
        digester.update(pieces)
    else:
        await asyncio.get_running_loop().run_in_executor(means.threads, digester.update, pieces)


async def _seal_unread(upload: Upload, evidence: Sequence[Evidence]) -> Entered:
    """Commits first, by the checksums of the parts, and reads the object before anything is entered.

    Bytes that turn out wrong then stand in `raw/` already: they are entered as `suspect`, and refused to the sender.
    """
    found = tuple(evidence)
    draft = draft_of(upload, UNKNOWN, Completeness.PRESUMED, found)
    means = upload.means
    await _record(upload, draft)
    try:
        if upload.staging is None:
            raise Unavailable("store_unavailable")  # noqa: TRY301 - recovered, like every such failure
        draft = await completed(means, draft, await upload.staging.commit(None))
        draft = await preceded(means, draft, precedents(means, draft))
        entered = await enter(means, upload.fence, draft, upload.offer)
    except Unavailable:
        await means.attempts.move(upload.id, upload.fence, lease_until=Time(0))
        raise
    finally:
        upload.release()
    if draft.completeness is Completeness.SUSPECT:
        raise Refused("digest_mismatch")
    return entered


async def completed(means: Means, draft: Receipt, stored: Stored) -> Receipt:
    """A draft made whole by reading the object that stands under its key. Raises Damaged if it is another one."""
    digester = Digester(means.crc64nvme, draft.declared.digests)
    async for piece in means.reader.read(stored.key, version=stored.version):
        await _update(means, digester, [piece])
    digests = digester.digests()
    if draft.sha256 and draft.digests != digests:
        raise Damaged(f"The object {draft.key} is not the one that was written there.")
    if draft.sha256:
        return msgspec.structs.replace(draft, version=stored.version)
    completeness, found, _ = weigh(draft.declared, digester, draft.evidence)
    return msgspec.structs.replace(
        draft,
        version=stored.version,
        size_bytes=digests.size_bytes,
        sha256=digests.sha256,
        crc64nvme=digests.crc64nvme,
        completeness=completeness,
        evidence=found,
    )


def draft_of(upload: Upload, digests: Digests, completeness: Completeness, evidence: tuple[Evidence, ...]) -> Receipt:
    """The receipt as far as it is known before the bytes are committed."""
    offer = upload.offer
    return Receipt(
        v=1,
        id=upload.id,
        source=offer.feed.source,
        feed=offer.feed.feed,
        door=offer.door,
        sender=offer.sender,
        path=offer.path,
        declared=offer.declared,
        opened_at=time_text(upload.attempt.opened_at),
        key=upload.fix_key(b"".join(upload.pieces)[:HEAD_BYTES]),
        size_bytes=digests.size_bytes,
        sha256=digests.sha256,
        crc64nvme=digests.crc64nvme,
        fidelity=offer.fidelity,
        completeness=completeness,
        evidence=evidence,
        durability=offer.durability,
        continues=offer.continues,
        segment=offer.segment,
        cursor=offer.cursor,
        idempotency_key=offer.idempotency_key,
        claims=offer.claims,
        follows=offer.follows,
        **name_fields(offer.name),
    )
