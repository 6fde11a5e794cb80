"""From an upload to evidence: what did not land is held with its reason, or refused when nothing of it came."""

from __future__ import annotations

import contextlib

from headwater.errors import Unavailable
from headwater.landing.upload import HEAD_BYTES, Upload
from headwater.layout import held_key, slug
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
    now = means.clock.now()
    try:
        await _quiet(upload)
        outcome = Outcome.REFUSED
        came = upload.size_bytes > 0 and upload.repeats is None
        if came and means.allowance.spend(upload.offer.sender.name, now):
            await _hold(upload, reason)
            outcome = Outcome.HELD
        elif upload.staging is not None:
            await upload.staging.abandon(None)
    except Unavailable:
        # The row stays unfinished: recovery drops it again when the store is back.
        await means.attempts.move(upload.id, upload.fence, lease_until=Time(0), reason=reason, sentence=sentence)
        upload.release()
        raise
    await _close_row(upload, outcome, reason, sentence)
    upload.release()
    return outcome


async def _quiet(upload: Upload) -> None:
    """Waits for what is still on its way to the store; its failure changes nothing now."""
    with contextlib.suppress(Exception):  # the attempt ends with the reason that it was dropped for
        await upload.stored()


async def _hold(upload: Upload, reason: str) -> None:
    """Keeps the evidence and enters it."""
    means = upload.means
    offer = upload.offer
    if upload.recorded is not None:
        await upload.recorded
    key = held_key(offer.feed, upload.attempt.opened_at, upload.id, slug(offer.name, _head(upload)))
    sha256 = None
    if upload.staging is None:
        kept = await _keep_gathered(upload, key)
    else:
        kept = await upload.staging.abandon(key)
        if upload.digester is not None and upload.digester.size_bytes == kept:
            sha256 = upload.digester.digests().sha256
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
            size_bytes=upload.size_bytes,
            kept_bytes=kept,
            sha256=sha256,
            **name_fields(offer.name),
        )
    )


async def _keep_gathered(upload: Upload, key: Key) -> int:
    """Keeps a small upload that never reached the store: all of it, it is at most a few pieces."""
    means = upload.means
    digester = upload.new_digester()
    digester.update(upload.pieces)
    digests: Digests = digester.digests()
    try:
        stored = await means.creator.create(key, upload.pieces, digests)
    except KeyTaken:  # a recoverer kept it already
        return digests.size_bytes
    return stored.size_bytes


def _head(upload: Upload) -> bytes:
    return b"".join(upload.pieces[:HEAD_BYTES])[:HEAD_BYTES]


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
        size_bytes=upload.size_bytes,
        ended_at=means.clock.now(),
    )
