"""Large uploads into a bucket: one PUT while there is one part, a multipart upload beyond.

Bytes wait in rooms of the shared budget until a part is full; two parts are on their way while the next is filled. The
parts in hand always follow the ones in the store without a gap: a room is given back when every part before it is in
the store as well, so that whatever fails, what is in hand is what `park` must make durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

from headwater.errors import Damaged, Refused, Unavailable
from headwater.ports.store import KeyTaken, Stored
from headwater.stores.s3_calls import S3Calls
from headwater.stores.s3_incoming import FIRST_BYTES, Incoming
from headwater.stores.s3_multipart import Multipart
from headwater.stores.s3_objects import checksum, create, expect_ours, look
from headwater.stores.s3_parts import PART_BYTES, PART_NUMBER_MAX, declared_part_bytes, is_closed, part_bytes
from headwater.stores.s3_rooms import PartInHand, Rooms
from headwater.terms import Digests, Key

_SENT_AT_ONCE = 2


class S3Staging:
    """`Staging` in a bucket."""

    def __init__(
        self,
        calls: S3Calls,
        key: Key,
        rooms: Rooms,
        multipart: Multipart,
        incoming: Incoming,
        declared_bytes: int | None = None,
    ) -> None:
        self._calls = calls
        self._key = key
        self._rooms = rooms
        self._multipart = multipart
        self._incoming = incoming
        self._declared_bytes = declared_bytes
        self._part_bytes = declared_part_bytes(declared_bytes)
        self._hand: list[PartInHand] = []
        self._stored: Stored | None = None

    async def resume(self) -> None:
        """Takes up what an earlier holder left. Raises Unavailable."""
        await self._multipart.resume()
        await self._incoming.load(self._multipart.size_bytes)
        tail, chain = self._incoming.tail, self._multipart.chain
        known = chain[0].size_bytes if chain else tail.part_bytes if tail else 0
        self._part_bytes = known if known > PART_BYTES else None  # of a declared size, which only its parts tell now

    @property
    def size_bytes(self) -> int:
        """As `Staging.size_bytes`."""
        tail = self._incoming.tail
        return max(self._end, tail.end if tail else 0)

    @property
    def _end(self) -> int:
        """The offset behind the last byte that is in the store's parts or in hand."""
        if self._hand:
            return self._hand[-1].offset + self._hand[-1].size_bytes
        return self._multipart.size_bytes

    # --- bytes in -----------------------------------------------------------------------------------------------------

    async def write(self, pieces: Sequence[bytes]) -> None:
        """As `Staging.write`. Refused("exists") once a commit has sent the last part."""
        if self._stored is not None or is_closed(self._multipart.chain):
            raise Refused("exists", f"The bytes of {self._key} are being sealed; none can be added.")
        await self._restore()
        await self._take(pieces)

    async def _restore(self) -> None:
        """Takes the tail's bytes into hand again; where that failed half-way it goes on."""
        tail = self._incoming.tail
        if tail is not None and tail.end > self._end:
            async with aclosing(self._incoming.read_tail(self._end)) as pieces:
                async for piece in pieces:
                    await self._take([piece])

    async def _take(self, pieces: Sequence[bytes]) -> None:
        rest = [piece for piece in pieces if piece]
        while rest:
            part = await self._open_part()
            some, rest = _cut(rest, part.room_bytes - part.size_bytes)
            await self._rooms.extend(part, some)
            if self._multipart.is_begun:
                self._start()

    async def _open_part(self) -> PartInHand:
        """The part that the next byte belongs to, with room for it."""
        if not self._hand or self._hand[-1].is_full:
            await self._send(left_max=_SENT_AT_ONCE)
            number = self._multipart.last_number + sum(part.number == 0 for part in self._hand) + 1
            if number > PART_NUMBER_MAX:
                raise Refused("too_large", f"More than {self._end} bytes can only be taken when they are declared.")
            before = self._hand[-1] if self._hand else None
            part = PartInHand(before, self._end, self._part_bytes or part_bytes(number))
            left_bytes = max((self._declared_bytes or 0) - part.offset, 0)
            await self._rooms.open(part, min(part.size_bytes_max, left_bytes or part.size_bytes_max))
            self._hand.append(part)
        part = self._hand[-1]
        if part.size_bytes == part.room_bytes:  # more has come than was declared
            await self._rooms.open(part, part.size_bytes_max)
        return part

    # --- parts out ----------------------------------------------------------------------------------------------------

    def _start(self, *, last: bool = False) -> list[asyncio.Task[None]]:
        """Begins to send parts that are full, and the `last` one in any case; at most two are under way."""
        under_way = [part.sending for part in self._hand if part.sending]
        for part in self._hand:
            if len(under_way) < _SENT_AT_ONCE and not part.sending and not part.row and (part.is_full or last):
                part.sending = asyncio.create_task(self._multipart.send(part))
                part.sending.add_done_callback(_look_at)
                under_way.append(part.sending)
        return under_way

    def _collect(self) -> BaseException | None:
        """Lets go of parts that are in the store behind all those before them; the first failure, if there was one.

        A part whose sending failed stays in hand, and is sent again by the next call that wants it sent.
        """
        failures = []
        for part in self._hand:
            if part.sending is not None and part.sending.done():
                failures.append(part.sending.exception())
                part.sending = None
        while self._hand and (row := self._hand[0].row) is not None and self._hand[0].sending is None:
            self._rooms.close(self._hand.pop(0).room)
            self._multipart.chain.append(row)
        return next((failure for failure in failures if failure is not None), None)

    async def _send(self, *, left_max: int, last: bool = False) -> None:
        """Sends parts until at most so many are in hand. Raises what one of them failed with."""
        while True:
            failure = self._collect()
            if failure is not None:
                raise failure
            under_way = self._start(last=last)
            if len(self._hand) <= left_max:
                return
            await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)

    async def _quiet(self) -> None:
        """Waits for what is under way. Its failures change nothing: those parts are still in hand."""
        under_way = [part.sending for part in self._hand if part.sending]
        if under_way:
            await asyncio.wait(under_way)
        self._collect()

    async def _bodies(self) -> list[bytes | memoryview]:
        return await self._calls.threads.run(lambda: [part.body() for part in self._hand if part.size_bytes])

    def _let_go(self) -> None:
        for part in self._hand:
            self._rooms.close(part.room)
        self._hand = []

    # --- the three ends -----------------------------------------------------------------------------------------------

    async def park(self) -> None:
        """As `Staging.park`. What is in no part goes into the tail; nothing is in hand afterwards."""
        await self._quiet()
        tail = self._incoming.tail
        if self._end > max(self._multipart.size_bytes, tail.end if tail else 0):
            first = self._hand[0]
            await self._incoming.put_tail(first.offset, first.size_bytes_max, await self._bodies())
        self._let_go()

    async def move(self, key: Key) -> bool:
        """As `Staging.move`; False once there are parts: S3 binds them to their key."""
        if self._multipart.is_begun or self._stored is not None:
            return False
        self._key = self._multipart.key = key
        return True

    async def commit(self, digests: Digests | None) -> Stored:
        """As `Staging.commit`."""
        if self._stored is None:
            self._stored = await self._commit(digests)
            self._let_go()
            await self._forget()
        return self._stored

    async def _commit(self, digests: Digests | None) -> Stored:
        if digests is not None and digests.size_bytes != self.size_bytes:
            stored = await look(self._calls, self._key)
            if stored is not None:  # committed by an earlier holder, who left nothing else
                return await expect_ours(self._calls, stored, digests.size_bytes, digests.crc64nvme)
            raise Damaged(f"{self._key} has {self.size_bytes} bytes, not {digests.size_bytes}.")
        await self._restore()
        if self._hand and not self._hand[-1].size_bytes:
            self._rooms.close(self._hand.pop().room)
        is_single = len(self._hand) <= 1 and not any(part.sending for part in self._hand)
        if is_single and not self._multipart.is_begun:
            bodies = await self._bodies()
            crc = digests.crc64nvme if digests else await self._calls.threads.run(checksum, bodies)
            return await create(self._calls, self._key, bodies, crc)
        await self._send(left_max=0, last=True)
        return await self._multipart.complete(digests)

    async def abandon(self, held: Key | None) -> int:
        """As `Staging.abandon`. The whole is kept while no multipart upload was begun and it fits one part."""
        await self._quiet()
        kept = 0 if held is None else await self._keep(held)
        await self._multipart.abort()
        self._let_go()
        await self._forget()
        return kept

    async def _keep(self, held: Key) -> int:
        evidence = await self._evidence()
        if evidence:
            crc = await self._calls.threads.run(checksum, evidence)
            try:
                return (await create(self._calls, held, evidence, crc)).size_bytes
            except KeyTaken:  # it was kept before, of more bytes or fewer
                pass
        stored = await look(self._calls, held)
        return 0 if stored is None else stored.size_bytes

    async def _evidence(self) -> Sequence[bytes | memoryview]:
        tail = self._incoming.tail
        if self._multipart.is_begun:
            first = await self._incoming.first()
            return [first] if first else []
        if tail is not None and tail.end > tail.part_bytes:
            return [piece async for piece in self._incoming.read_tail(0, FIRST_BYTES)]
        await self._restore()
        return await self._bodies()

    async def _forget(self) -> None:
        """Removes what the upload leaves behind once it has ended; what cannot be now, a lifecycle rule does."""
        for ended in await asyncio.gather(self._incoming.clear(), self._multipart.end(), return_exceptions=True):
            if ended is not None and not isinstance(ended, Unavailable):
                raise ended


def _look_at(sending: asyncio.Task[None]) -> None:
    """A failure counts as looked at even if nobody comes to ask: then the upload is given up as it is."""
    if not sending.cancelled():
        sending.exception()


def _cut(pieces: list[bytes], size_bytes: int) -> tuple[list[bytes], list[bytes]]:
    """The pieces up to a size, and the rest."""
    for index, piece in enumerate(pieces):
        if len(piece) > size_bytes:
            head = [piece[:size_bytes]] if size_bytes else []
            return pieces[:index] + head, [piece[size_bytes:], *pieces[index + 1 :]]
        size_bytes -= len(piece)
    return pieces, []
