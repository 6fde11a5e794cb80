"""The bytes of one upload that are in hand: each part in a room of the one budget that all uploads share."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress

from headwater.errors import Unavailable
from headwater.ports.books import Part
from headwater.ports.store import PartBuffer, PartBuffers
from headwater.stores.threads import Threads

_SLOW_SECONDS = 10.0
_SLOW_BYTES_PER_SECOND = 1 << 20


class PartInHand:
    """A part that is being filled, is full, or is being sent; `row` once the store has it.

    It gets its `number` when it is first sent, and never before the part `before` it.
    """

    def __init__(self, before: PartInHand | None, offset: int, size_bytes_max: int) -> None:
        self.before = before
        self.number = 0
        self.offset = offset
        self.size_bytes_max = size_bytes_max
        self.size_bytes = 0
        self.room: PartBuffer
        self.room_bytes = 0
        self.sending: asyncio.Task[None] | None = None
        self.row: Part | None = None

    @property
    def is_full(self) -> bool:
        """Whether the next byte belongs to the next part."""
        return self.size_bytes == self.size_bytes_max

    def body(self) -> bytes | memoryview:
        """All its bytes; blocking."""
        body = self.room.body()
        if len(body) != self.size_bytes:
            raise Unavailable("busy", f"The spool gives {len(body)} bytes for the {self.size_bytes} that it took.")
        return body


class Rooms:
    """Takes and gives back the rooms of one upload; what is left when nobody knows the upload any more goes back too.

    An upload that fills a room slower than 1 MiB/s, for 10 s at least, gets the next one in the spool.
    """

    def __init__(self, buffers: PartBuffers, threads: Threads, monotonic: Callable[[], float]) -> None:
        self._buffers = buffers
        self._threads = threads
        self._monotonic = monotonic
        self._since: float | None = None
        self._since_bytes = 0
        self._taken: list[PartBuffer] = []
        weakref.finalize(self, _release, asyncio.get_running_loop(), self._taken).atexit = False

    async def open(self, part: PartInHand, room_bytes: int) -> None:
        """Gives a part its room, or a larger one, with the bytes that it has. Raises Unavailable("busy")."""
        room = await self._buffers.take(room_bytes, slow=self._is_slow())
        self._taken.append(room)
        if part.size_bytes:
            try:
                await self._run(lambda: room.extend([bytes(part.body())]))
            except BaseException:
                self.close(room)
                raise
            self.close(part.room)
        part.room, part.room_bytes = room, room_bytes

    async def extend(self, part: PartInHand, pieces: Sequence[bytes]) -> None:
        """Adds bytes to a part; they count as taken as soon as they are, whether or not the caller is cancelled."""

        def extend() -> None:
            part.room.extend(pieces)
            part.size_bytes += size_bytes

        size_bytes = sum(map(len, pieces))
        await self._run(extend)
        self._since_bytes += size_bytes

    def close(self, room: PartBuffer) -> None:
        """Gives a room back."""
        self._taken.remove(room)
        room.release()

    async def _run(self, work: Callable[[], None]) -> None:
        try:
            await self._threads.run(work)
        except OSError as error:
            raise Unavailable("busy", f"The spool cannot be written: {error.strerror}.") from error

    def _is_slow(self) -> bool:
        now = self._monotonic()
        seconds = 0.0 if self._since is None else now - self._since
        slow = seconds >= _SLOW_SECONDS and self._since_bytes < seconds * _SLOW_BYTES_PER_SECOND
        self._since, self._since_bytes = now, 0
        return slow


def _release(loop: asyncio.AbstractEventLoop, rooms: list[PartBuffer]) -> None:
    with suppress(RuntimeError):  # the loop is closed, and the budget with it
        for room in rooms:
            loop.call_soon_threadsafe(room.release)
