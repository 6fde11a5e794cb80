"""Ending what a crash, a lost answer or a silent sender left: by the same steps that a delivery takes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from headwater.errors import Damaged, Unavailable
from headwater.landing.seal import completed, enter, preceded, precedents
from headwater.ports.books import Attempt
from headwater.ports.store import Stored
from headwater.terms import Outcome, Receipt, Time

if TYPE_CHECKING:
    from headwater.landing.landing import Landing


async def recover(landing: Landing, attempt: Attempt) -> Outcome:
    """Ends, or parks, one attempt that was taken over (its fence is ours now). Repeatable.

    Raises Unavailable when store or ledger cannot tell yet: the row keeps its state. Damaged bytes are kept as they
    are, and the row says so.
    """
    if attempt.outcome is Outcome.SEALING and attempt.draft is not None:
        if await _enter_if_there(landing, attempt, attempt.draft):
            return Outcome.LANDED
    elif attempt.outcome is Outcome.PARKED and not _expired(landing, attempt):
        return Outcome.PARKED
    return await _end_unsealed(landing, attempt)


async def _enter_if_there(landing: Landing, attempt: Attempt, draft: Receipt) -> bool:
    """Looks for the object of a draft. Absent: its bytes were never committed. There and equal: it is entered."""
    means = landing.means
    stored = await means.reader.head(draft.key)
    if stored is None:
        return False
    if not _agrees(stored, draft):
        sentence = f"The object {draft.key} is not the one that was written there."
        await means.attempts.move(attempt.id, attempt.fence, reason="damaged", sentence=sentence)
        raise Damaged(sentence)
    draft = await completed(means, draft, stored)
    draft = await preceded(means, draft, precedents(means, draft))
    await enter(means, attempt.fence, draft, attempt.offer)
    with contextlib.suppress(Unavailable):  # it has landed: what its staging may have left is only room
        await (await means.intake.resume(attempt.id, draft.key)).abandon(None)
    return True


def _agrees(stored: Stored, draft: Receipt) -> bool:
    """By what HEAD tells; where the store keeps no checksum, `completed` reads the object."""
    if not draft.sha256:
        return True
    return stored.size_bytes == draft.size_bytes and stored.crc64nvme in {None, draft.crc64nvme}


def _expired(landing: Landing, attempt: Attempt) -> bool:
    return landing.means.clock.now() >= attempt.lease_until


async def _end_unsealed(landing: Landing, attempt: Attempt) -> Outcome:
    """An upload without its explicit end: parked where its sender can go on, held where not."""
    upload = await landing.take_up(attempt)
    if attempt.offer.resumable and not attempt.reason and attempt.outcome is not Outcome.PARKED:
        await landing.park(upload)
        return Outcome.PARKED
    reason = attempt.reason or {
        Outcome.PARKED: "abandoned",
        Outcome.SEALING: "store_unavailable",
    }.get(attempt.outcome, "cut")
    return await landing.drop(upload, reason, attempt.sentence or "")


def resume_until(landing: Landing, now: Time, *, temporary: bool) -> Time:
    """Until when a parked upload waits: for its sender to go on, or (a temporary name) for its final name."""
    rules = landing.means.rules
    seconds = rules.park_seconds if temporary else rules.resume_seconds
    return Time(now + int(seconds * 1_000_000))
