"""From an upload to evidence: what did not land is held with its reason, or refused when nothing of it came."""

from __future__ import annotations

import contextlib

from headwater.errors import Unavailable
from headwater.landing.upload import HEAD_BYTES, Upload
from headwater.ledger.entries import Held
from headwater.ports.store import KeyTaken
from headwater.terms import Completeness, Digests, Key, Outcome, Time, name_fields


async def drop(upload: Upload, reason: str, sentence: str) -> Outcome:
    """Ends an attempt without a delivery.

    Bytes that came are kept under `held/` (whole where that costs nothing, else the first 64 KiB) and a `held` entry
    says so; bounded per sender and day. The attempt's row keeps reason and sentence in any case.
    """
    if upload.ended:
        return Outcome.REFUSED
    means = upload.means
    try:
        await _quiet(upload)
        outcome = Outcome.REFUSED
        if _is_worth_keeping(upload):
            await _record(upload, reason, sentence)
            outcome = await _hold(upload, reason)
        elif upload.staging is not None:
            await upload.staging.abandon(None)
        await _close_row(upload, outcome, reason, sentence)
    except Unavailable:
        # The row stays unfinished: recovery drops it again when the store is back.
        await means.attempts.move(upload.id, upload.fence, lease_until=Time(0), reason=reason, sentence=sentence)
        raise
    finally:
        upload.release()
    return outcome


async def _quiet(upload: Upload) -> None:
    """Waits for what is still on its way to the store; its failure changes nothing now."""
    with contextlib.suppress(Exception):  # the attempt ends with the reason that it was dropped for
        await upload.stored()


def _is_worth_keeping(upload: Upload) -> bool:
    """Whether there is evidence: bytes that came, within the sender's allowance, or what an earlier holder kept."""
    if upload.fence > 1 and upload.attempt.reason:
        return True
    came = upload.size_bytes > 0 and upload.repeats is None
    return came and upload.means.allowance.spend(upload.offer.sender.name, upload.means.clock.now())


async def _record(upload: Upload, reason: str, sentence: str) -> None:
    """The row says why, and by its key where evidence will stand, before any does."""
    if upload.recorded is not None:
        await upload.recorded
    key = upload.fix_key(b"".join(upload.pieces[:HEAD_BYTES])[:HEAD_BYTES])
    size_bytes = upload.size_bytes or upload.attempt.size_bytes
    if not await upload.means.attempts.move(
        upload.id, upload.fence, key=key, size_bytes=size_bytes, reason=reason, sentence=sentence
    ):
        raise upload.overtaken()


async def _hold(upload: Upload, reason: str) -> Outcome:
    """Keeps the evidence and enters it; `refused` if nothing came."""
    means = upload.means
    offer = upload.offer
    key = Key(f"held/{upload.fix_key(b'').partition('/')[2]}")
    kept = await _keep_gathered(upload, key) if upload.staging is None else await upload.staging.abandon(key)
    if not kept and (stored := await means.reader.head(key)) is not None:  # an earlier holder came as far as this
        kept = stored.size_bytes
    whole = kept and upload.digester is not None and upload.digester.size_bytes == kept
    size_bytes = upload.size_bytes or max(upload.attempt.size_bytes, kept)
    if not size_bytes:
        return Outcome.REFUSED
    await means.ledger.append(
        Held(
            v=1,
            id=upload.id,
            source=offer.feed.source,
            feed=offer.feed.feed,
            door=offer.door,
            sender=offer.sender,
            reason=reason,
            key=key if kept else None,
            size_bytes=size_bytes,
            kept_bytes=kept,
            sha256=upload.digester.digests().sha256 if whole and upload.digester else None,
            **name_fields(offer.name),
        )
    )
    return Outcome.HELD


async def _keep_gathered(upload: Upload, key: Key) -> int:
    """Keeps a small upload that never reached the store: all of it, it is at most a few pieces."""
    if not upload.pieces or sum(map(len, upload.pieces)) < upload.size_bytes:  # the first ones were lost with the store
        return 0
    digester = upload.new_digester()
    digester.update(upload.pieces)
    digests: Digests = digester.digests()
    with contextlib.suppress(KeyTaken):  # a recoverer kept it already
        await upload.means.creator.create(key, upload.pieces, digests)
    upload.digester = digester
    return digests.size_bytes


async def _close_row(upload: Upload, outcome: Outcome, reason: str, sentence: str) -> None:
    means = upload.means
    offer = upload.offer
    if offer.idempotency_key is not None and upload.repeats is None:
        means.keys.release(offer.sender.name, offer.feed, offer.idempotency_key, upload.id)
    await means.attempts.move(
        upload.id,
        upload.fence,
        outcome=outcome,
        reason=reason,
        sentence=sentence,
        completeness=Completeness.PARTIAL if reason in {"cut", "too_slow", "abandoned", "gap"} else None,
        size_bytes=upload.size_bytes or upload.attempt.size_bytes,
        ended_at=means.clock.now(),
        **upload.told(),
    )
