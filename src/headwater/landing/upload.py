"""The bytes of one attempt on their way: gathered, hashed, counted, limited and stored as they are."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import msgspec

from headwater.errors import Refused, Unavailable
from headwater.landing.budget import PIECE_BYTES, SMALL_PIECE_BYTES
from headwater.landing.digest import Digester
from headwater.landing.means import Means
from headwater.layout import companion_key, held_key, parse_key, raw_key, slug
from headwater.ports.books import Attempt, KeyClaim
from headwater.ports.ledger import Entered
from headwater.ports.store import Staging
from headwater.terms import Evidence, FeedName, Id, Key, Offer, Outcome, Time

if TYPE_CHECKING:
    from headwater.landing.landing import Landing

GATHER_SECONDS_MAX = 1.0
"""Bytes of a slow sender are stored after this long, so that 1,000 of them hold little memory."""

REORDER_BYTES_MAX = 8 * 1024 * 1024
"""How far ahead of the first missing byte writes may come (SFTP clients pipeline, and may reorder)."""

_AHEAD_COST_BYTES = 256
_CRUMB_BYTES = 4096
"""What it costs to keep a piece, however small; and up to where a piece grows by what follows it: a million writes of a
byte must not take the memory of a million pieces.
"""

HEAD_BYTES = 16
"""How many first bytes the key's ending is decided by."""


Story = Callable[[], tuple[dict[str, Any], ...]]
"""The transcript as far as it has come; it goes into the attempt's row when that changes its state."""


class Upload:
    """One attempt's bytes, under one holder (its `fence`). Ended exactly once, by `seal`, `park` or `drop`.

    Used as a context manager it parks (a resumable door) or drops as `cut` what was not ended inside. Calls must not
    overlap.
    """

    def __init__(
        self, landing: Landing, means: Means, attempt: Attempt, recorded: Awaitable[None] | None = None
    ) -> None:
        self.landing = landing
        self.means = means
        self.attempt = attempt
        self.recorded = recorded
        self.offer: Offer = attempt.offer
        self.size_bytes = 0
        self.staging: Staging | None = None
        self.key: Key | None = attempt.key
        self.digester: Digester | None = self.new_digester()
        self.repeats: KeyClaim | None = None
        self.ended = False
        self.ending = asyncio.Lock()  # who takes it over while it is parked or sealed waits for that
        self.pieces: list[bytes] = []
        self._gathered_bytes = 0
        self._gathering_since = 0.0
        self._grown = False
        self._storing: asyncio.Task[None] | None = None
        self._ahead: dict[int, bytes] = {}
        self._ahead_offsets: list[int] = []  # a heap
        self._ahead_bytes = 0
        self.touched_at = means.clock.now()
        self.story: Story | None = None

    @property
    def id(self) -> Id:
        """The attempt's id, and the delivery's if it lands."""
        return self.attempt.id

    @property
    def fence(self) -> int:
        """Which holder of the attempt this is; an older one can write nothing any more."""
        return self.attempt.fence

    def new_digester(self) -> Digester:
        """A digester for what this sender declared."""
        return Digester(self.means.crc64nvme, self.offer.declared.digests)

    # --- bytes in ----------------------------------------------------------------------------------------------------

    async def write(self, offset: int, data: bytes) -> None:
        """Takes bytes at `offset`; waits when the store is slower than the sender. See `take` and `flush`."""
        if self.take(offset, data):
            await self.flush()

    def take(self, offset: int, data: bytes) -> bool:
        """Takes bytes at `offset` without waiting; True when `flush` is due before more is taken.

        Writes may run ahead of the first missing byte by `REORDER_BYTES_MAX`. Bytes that come again must be those that
        came before, as far as that can still be told. Raises Refused("wrong_offset") for bytes that were taken already,
        "gap" too far ahead, "too_large". Nothing taken before is lost.
        """
        if self.ended:
            raise Refused("overtaken")
        if not data:
            return False
        if offset > self.size_bytes:
            self._put_ahead(offset, data)
            return False
        self._take(data if offset == self.size_bytes else self._beyond(offset, data))
        while self._ahead_offsets and (first := self._ahead_offsets[0]) <= self.size_bytes:
            self._take(self._beyond(first, self._ahead[first]))
            self._pop_ahead()
        return self._gathered_bytes >= SMALL_PIECE_BYTES and self._enough()

    async def flush(self) -> None:
        """Hands what was gathered to the store; one piece is on its way while the next is gathered.

        Raises Unavailable when the store failed: the upload can then be parked or dropped.
        """
        await self.stored()
        pieces, self.pieces, self._gathered_bytes = self.pieces, [], 0
        self._storing = asyncio.create_task(self._store(pieces))

    def _put_ahead(self, offset: int, data: bytes) -> None:
        known = self._ahead.get(offset)
        if known is not None and not known.startswith(data) and not data.startswith(known):
            raise Refused("wrong_offset", f"Other bytes came for {offset} before.")
        if known is not None and len(known) >= len(data):
            return
        more = len(data) + _AHEAD_COST_BYTES if known is None else len(data) - len(known)
        far = offset + len(data) - self.size_bytes > REORDER_BYTES_MAX
        if far or self._ahead_bytes + more > REORDER_BYTES_MAX or not self.means.budget.grow(more):
            raise Refused(
                "gap", f"Bytes from {self.size_bytes} on are missing, and those for {offset} run too far ahead."
            )
        if known is None:
            heapq.heappush(self._ahead_offsets, offset)
        self._ahead[offset] = data
        self._ahead_bytes += more

    def _pop_ahead(self) -> None:
        """Lets go of the first piece that ran ahead."""
        cost = len(self._ahead.pop(heapq.heappop(self._ahead_offsets))) + _AHEAD_COST_BYTES
        self._ahead_bytes -= cost
        self.means.budget.shrink(cost)

    def _beyond(self, offset: int, data: bytes) -> bytes:
        """What of these bytes is new; those that came before must be the same, and still at hand."""
        again = data[: self.size_bytes - offset]
        if again and self._gathered(offset, len(again)) != again:
            raise Refused("wrong_offset", f"Bytes up to {self.size_bytes} were taken already; these are for {offset}.")
        return data[len(again) :]

    def _gathered(self, offset: int, size_bytes: int) -> bytes:
        """Bytes that were taken, as far as they are still at hand."""
        begin, found = self.size_bytes, list[bytes]()
        for piece in reversed(self.pieces):
            if begin <= offset:
                break
            begin -= len(piece)
            if begin < offset + size_bytes:
                found.append(piece)
        return b"".join(reversed(found))[offset - begin :][:size_bytes] if begin <= offset else b""

    def _take(self, data: bytes) -> None:
        limit = min(self.offer.size_bytes_max or self.means.rules.size_bytes_max, self.means.rules.size_bytes_max)
        if self.size_bytes + len(data) > limit:
            raise Refused("too_large", f"At most {limit} bytes can be landed here as one file.")
        if not data:
            return
        if not self.pieces:
            self._gathering_since = self.means.clock.monotonic()
        if self.pieces and len(self.pieces[-1]) + len(data) <= _CRUMB_BYTES:
            self.pieces[-1] += data
        else:
            self.pieces.append(data)
        self._gathered_bytes += len(data)
        self.size_bytes += len(data)

    def _enough(self) -> bool:
        if not self._grown:
            self._grown = self.means.budget.grow(2 * PIECE_BYTES)
        if not self._grown or self._gathered_bytes >= PIECE_BYTES:
            return True
        return self.means.clock.monotonic() - self._gathering_since > GATHER_SECONDS_MAX

    async def _store(self, pieces: list[bytes]) -> None:
        if self.staging is None and self.repeats is None:
            await self._begin(pieces)
        hashing = None
        if self.digester is not None:
            loop = asyncio.get_running_loop()
            hashing = loop.run_in_executor(self.means.threads, self.digester.update, pieces)
        try:
            if self.staging is not None:
                await self.staging.write(pieces)
        finally:
            if hashing is not None:
                await hashing
        self.touched_at = self.means.clock.now()

    async def _begin(self, pieces: list[bytes]) -> None:
        """The attempt's row stands before its first byte does."""
        head = pieces[0] if len(pieces[0]) >= HEAD_BYTES else b"".join(pieces)
        key = self.fix_key(head[:HEAD_BYTES])
        moved = self.means.attempts.move(self.id, self.fence, key=key)
        if self.recorded is not None:
            await self.recorded
        if not await moved:
            raise self.overtaken()
        self.staging = await self.means.intake.begin(self.id, key, self.offer.declared.size_bytes)

    def fix_key(self, head: bytes) -> Key:
        """The key, decided once, by the name as it is known now and the first bytes."""
        if self.key is None:
            place = held_key if self.offer.wrong else companion_key if self.offer.companion else raw_key
            name = self.offer.expected_name or self.offer.name
            self.key = place(self.offer.feed, self.attempt.opened_at, self.id, slug(name, head))
        return self.key

    async def move_to(self, feed: FeedName, *, path: str | None = None, companion: bool = False) -> None:
        """Gives an unsealed upload another feed. Raises Refused("bad_feed") where its bytes are bound to this one."""
        offer = msgspec.structs.replace(self.offer, feed=feed, path=path, companion=companion)
        if self.key is not None:
            place = companion_key if companion else raw_key
            key = place(feed, self.attempt.opened_at, self.id, parse_key(self.key).slug)
            if self.staging is not None and key != self.key and not await self.staging.move(key):
                raise Refused("bad_feed", f"Its bytes lie in {self.offer.feed} already; rename it within that feed.")
            self.key = key
        self.offer = offer
        await self.means.attempts.move(self.id, self.fence, offer=offer, key=self.key)

    def told(self) -> dict[str, Any]:
        """The transcript, as a column of the attempt's row."""
        return {} if self.story is None else {"transcript": self.story()}

    async def stored(self) -> None:
        """Waits until what was handed to the store is taken; raises what went wrong there, from then on each time."""
        while (storing := self._storing) is not None:
            await asyncio.shield(storing)
            if self._storing is storing:  # who takes it over may have handed on the next meanwhile
                self._storing = None

    async def settle(self) -> None:
        """Brings every byte into staging, if staging was begun. Raises Refused("gap") if some are missing."""
        if self._ahead:
            raise Refused("gap", f"Bytes from {self.size_bytes} on are missing.")
        await self.stored()  # or staging may still be on its way, and the last pieces would stay behind
        if self.staging is not None and self.pieces:
            await self.flush()
            await self.stored()

    def overtaken(self) -> Refused:
        """The refusal for a holder whose fence is no longer the row's."""
        self.release()
        return Refused("overtaken")

    # --- the three ends ----------------------------------------------------------------------------------------------

    async def sync(self) -> None:
        """Makes what was taken without a gap durable, and goes on (SFTP's fsync)."""
        if self.pieces:
            await self.flush()
        await self.stored()
        if self.staging is not None:
            await self.staging.park()

    async def park(self, *, temporary: bool = False) -> None:
        """Makes what was taken durable and resumable, not landed; another holder goes on by `Landing.resume`.

        `temporary`: it waits for its final name, for a shorter time.
        """
        await self.landing.shielded(self.landing.park(self, temporary=temporary))

    async def seal(self, *evidence: Evidence, name: str | None = None) -> Entered:
        """Makes the delivery: returns only when its bytes are durable and its receipt is in the ledger.

        `name` is the final name where it came late (a rename). Raises Refused with what the sender's own numbers say
        (the bytes are then held as evidence), Unavailable when it is not certain yet: recovery goes on by itself.
        """
        return await self.landing.shielded(self.landing.seal(self, evidence, name))

    async def drop(self, reason: str, sentence: str = "") -> Outcome:
        """Ends the attempt without a delivery: `held` with evidence if bytes came, else `refused`."""
        return await self.landing.shielded(self.landing.drop(self, reason, sentence))

    def release(self) -> None:
        """Gives memory back; nothing can be written any more."""
        if not self.ended:
            self.ended = True
            self.pieces = []
            while self._ahead:
                self._pop_ahead()
            if self._grown:
                self.means.budget.shrink(2 * PIECE_BYTES)
            self.landing.forget(self)

    async def __aenter__(self) -> Self:
        """The upload itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """A dropped connection is not an end: what was not ended inside is parked, or held as `cut`."""
        if self.ended:
            return
        if isinstance(error, Refused):
            await self.drop(error.reason, error.sentence)
        elif self.offer.resumable:
            await self.park()
        elif isinstance(error, Unavailable):
            await self.drop(error.reason, error.sentence)
        else:
            await self.drop("cut")


def lease_until(means: Means) -> Time:
    """When a lease taken now ends."""
    return Time(means.clock.now() + int(means.rules.lease_seconds * 1_000_000))
