"""Landing: opening, resuming and ending attempts, and keeping those that nobody holds any more moving."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from headwater.errors import Damaged, HeadwaterError, Refused, Unavailable
from headwater.landing import drop as dropping
from headwater.landing import recover as recovering
from headwater.landing import seal as sealing
from headwater.landing.digest import Digester
from headwater.landing.means import Means
from headwater.landing.upload import Upload, lease_until
from headwater.layout import check_name
from headwater.ports.books import Attempt, KeyClaim
from headwater.ports.ledger import Entered
from headwater.terms import Evidence, Id, Offer, Outcome, Receipt, Time

T = TypeVar("T")
KEEP_SECONDS = 5.0
DIGESTERS_MAX = 10_000
"""Hash states of parked uploads kept in memory; the others are read back."""


class Landing:
    """The waist. One a process; made with `Means`, started by `recover` and `keep`, ended by `drain`."""

    def __init__(self, means: Means) -> None:
        self.means = means
        self._live: dict[Id, Upload] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._digesters: OrderedDict[Id, Digester] = OrderedDict()
        self._draining = False
        self.damage: Damaged | None = None

    @property
    def draining(self) -> bool:
        """Whether it takes no new uploads any more."""
        return self._draining

    @property
    def open_uploads(self) -> int:
        """How many uploads are open."""
        return len(self._live)

    # --- beginning ---------------------------------------------------------------------------------------------------

    async def open(self, offer: Offer, *, soon: bool = False) -> Upload:
        """Begins an attempt. Its row is written before its first byte is; `soon`, at once: its bytes are still to come.

        Raises Refused("bad_name" | "in_progress" | "too_large") before anything is kept; Unavailable("draining").
        """
        if self._draining:
            raise Unavailable("draining")
        check_name(offer.name)
        with self.means.first():
            return await self._begin(offer, soon=soon)

    async def _begin(self, offer: Offer, *, soon: bool) -> Upload:
        means = self.means
        limit = min(offer.size_bytes_max or means.rules.size_bytes_max, means.rules.size_bytes_max)
        if (offer.declared.size_bytes or 0) > limit:
            raise Refused("too_large", f"At most {limit} bytes can be landed here as one file.")
        now = means.clock.now()
        id_ = means.ids.new(now)
        repeats = None
        if offer.idempotency_key is not None:
            repeats = await self._claim(offer, offer.idempotency_key, id_, now)
        attempt = Attempt(id=id_, outcome=Outcome.OPEN, offer=offer, opened_at=now, lease_until=lease_until(means))
        upload = Upload(self, means, attempt, asyncio.ensure_future(means.attempts.open(attempt, soon=soon)))
        upload.repeats = repeats
        self._live[id_] = upload
        return upload

    async def _claim(self, offer: Offer, key: str, id: Id, now: Time) -> KeyClaim | None:
        """Takes an idempotency key for an attempt: None if it is now ours, else who landed under it.

        The ledger and the row of a holder that has not landed as far as the key's row knows say what it came to: it may
        have died before or after its end. Raises Refused("in_progress") while it is on its way.
        """
        means, sender = self.means, offer.sender.name
        while (claim := await means.keys.claim(sender, offer.feed, key, id, now)) and claim.sha256 is None:
            holder = claim.id
            if holder in self._live:
                raise Refused("in_progress")
            landed = await means.ledger.holder(f"delivery:{holder}")
            if landed is not None and isinstance(landed.entry, Receipt):
                means.keys.fulfil(sender, offer.feed, key, holder, landed.entry.sha256)
                return KeyClaim(holder, landed.entry.sha256)
            attempt = await means.attempts.get(holder)
            if attempt is not None and attempt.outcome in {Outcome.OPEN, Outcome.PARKED, Outcome.SEALING}:
                raise Refused("in_progress")
            await means.keys.release(sender, offer.feed, key, holder)
        return claim

    async def resume(self, id: Id) -> Upload:
        """Takes an unsealed upload over, whoever held it, to go on at its `size_bytes`.

        Raises Refused("not_found") if there is none to resume.
        """
        if self._draining:
            raise Unavailable("draining")
        if (live := self._live.get(id)) is not None:
            await self.shielded(self.park(live))
        now = self.means.clock.now()
        attempt = await self.means.attempts.take(id, now, lease_until(self.means), force=True)
        if attempt is None or attempt.outcome not in {Outcome.OPEN, Outcome.PARKED}:
            raise Refused("not_found", "There is no upload to go on with.")
        upload = await self.take_up(attempt)
        await self.means.attempts.move(id, attempt.fence, outcome=Outcome.OPEN, reason=None)
        return upload

    async def take_up(self, attempt: Attempt) -> Upload:
        """An `Upload` over what an earlier holder left, under the fence of `attempt`."""
        upload = Upload(self, self.means, attempt)
        if attempt.key is not None:
            upload.staging = await self.means.intake.resume(attempt.id, attempt.key)
            upload.size_bytes = upload.staging.size_bytes
            upload.digester = self._digester_of(upload)
        self._live[attempt.id] = upload
        return upload

    def _digester_of(self, upload: Upload) -> Digester | None:
        """The hash state of a parked upload if this process still has it; None: it must be read back at the seal."""
        kept = self._digesters.pop(upload.id, None)
        if upload.size_bytes == 0:
            return upload.new_digester()
        return kept if kept is not None and kept.size_bytes == upload.size_bytes else None

    # --- ending: called through Upload, in tasks of our own ----------------------------------------------------------

    async def shielded(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs work that nobody may cancel half-way: in landing's own task, which `drain` waits for."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and isinstance(error := task.exception(), Damaged):
            self.damage = self.damage or error

    async def seal(self, upload: Upload, evidence: Sequence[Evidence], name: str | None) -> Entered:
        """See `Upload.seal`."""
        async with upload.ending:
            if upload.ended:
                raise Refused("overtaken")
            with self.means.first():
                return await sealing.seal(upload, evidence, name)

    async def drop(self, upload: Upload, reason: str, sentence: str) -> Outcome:
        """See `Upload.drop`."""
        async with upload.ending:
            return await dropping.drop(upload, reason, sentence)

    async def park(self, upload: Upload, *, temporary: bool = False) -> None:
        """See `Upload.park`. The row is durable too: the upload can go on after a power cut."""
        async with upload.ending:
            if not upload.ended:
                await self._park(upload, temporary=temporary)

    async def _park(self, upload: Upload, *, temporary: bool) -> None:
        means = self.means
        try:
            await upload.sync()
            until = recovering.resume_until(self, means.clock.now(), temporary=temporary)
            parked = await means.attempts.move(
                upload.id,
                upload.fence,
                durable=True,
                outcome=Outcome.PARKED,
                key=upload.key,
                size_bytes=upload.size_bytes,
                lease_until=until,
                reason="never_renamed" if temporary else None,  # what it ends by, if nobody goes on
                **upload.told(),
            )
        except Unavailable:  # the row stays unfinished: recovery parks what the store has when it is back
            await means.attempts.move(upload.id, upload.fence, lease_until=Time(0))
            raise
        finally:
            upload.release()
        if not parked:
            raise Refused("overtaken")
        if upload.digester is not None:
            self._digesters[upload.id] = upload.digester
            if len(self._digesters) > DIGESTERS_MAX:
                self._digesters.popitem(last=False)

    def forget(self, upload: Upload) -> None:
        """The upload has ended."""
        if self._live.get(upload.id) is upload:
            del self._live[upload.id]

    async def entered(self, id: Id) -> Entered:
        """The receipt of a landed delivery, by the claim it holds in the ledger."""
        if (entered := await self.means.ledger.holder(f"delivery:{id}")) is None:
            raise Damaged(f"The books say that {id} landed, but the ledger does not hold it.")
        return entered

    # --- keeping on --------------------------------------------------------------------------------------------------

    async def recover(self, *, after_crash: bool = False) -> dict[Outcome, int]:
        """Takes every attempt whose lease has expired (after a crash: every unfinished one) and ends or parks it.

        Returns how many ended how. What cannot be told yet keeps its row, for the next call.
        """
        means = self.means
        tally: dict[Outcome, int] = {}
        horizon = Time(2**62) if after_crash else means.clock.now()
        for left in await means.attempts.unfinished(horizon):
            parked = left.outcome is Outcome.PARKED
            if left.id in self._live or (parked and left.lease_until > means.clock.now()):
                continue
            until = left.lease_until if parked else lease_until(means)
            attempt = await means.attempts.take(left.id, means.clock.now(), until, force=after_crash)
            if attempt is None:
                continue
            try:
                outcome = await self.shielded(recovering.recover(self, attempt))
            except Unavailable:  # the next call takes it again
                await means.attempts.move(attempt.id, attempt.fence, lease_until=Time(0))
                continue
            except (Refused, Damaged):
                await means.attempts.move(attempt.id, attempt.fence, lease_until=lease_until(means))
                continue
            tally[outcome] = tally.get(outcome, 0) + 1
        return tally

    async def keep(self) -> None:
        """For ever: renews the leases of live uploads, and recovers what nobody holds."""
        while True:
            await self.means.clock.sleep(KEEP_SECONDS)
            until = lease_until(self.means)
            for upload in list(self._live.values()):
                self.means.attempts.move(upload.id, upload.fence, lease_until=until)
            try:
                await self.recover()
            except HeadwaterError:
                continue

    async def drain(self, seconds: float) -> int:
        """Refuses new uploads, waits for the open ones, then parks or drops them; returns how many were cut short."""
        self._draining = True
        clock = self.means.clock
        deadline = clock.monotonic() + seconds
        while (self._live or self._tasks) and clock.monotonic() < deadline:
            await clock.sleep(0.05)
        left = list(self._live.values())
        for upload in left:
            end = self.park(upload) if upload.offer.resumable else self.drop(upload, "cut", "The server stopped.")
            try:
                await self.shielded(end)
            except HeadwaterError:
                continue
        return len(left)
