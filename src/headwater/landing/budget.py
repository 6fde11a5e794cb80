"""The one budget of memory and spool that all uploads share, so that memory stays flat whatever comes."""

from __future__ import annotations

import asyncio
import mmap
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from headwater.errors import Unavailable

PIECE_BYTES = 2 * 1024 * 1024
"""What a fast upload gathers before it is hashed and stored: few hops between threads."""

SMALL_PIECE_BYTES = 64 * 1024
"""The same for slow ones, and for all when memory is short."""

WAIT_SECONDS_MAX = 30.0


class Budget:
    """Implements `ports.store.PartBuffers`, and tells uploads how much they may gather.

    `memory_bytes` bounds what uploads hold in memory, `spool_bytes` what parts of them may lie in unlinked files in
    `spool_folder`.
    """

    def __init__(self, memory_bytes: int, spool_bytes: int, spool_folder: Path | None = None) -> None:
        self._memory_bytes = memory_bytes
        self._spool_bytes = spool_bytes
        self._spool_folder = spool_folder
        self._memory_used = 0
        self._spool_used = 0
        self._room = asyncio.Condition()
        self._waiting = 0

    @property
    def memory_used(self) -> int:
        """Bytes of memory that are given out."""
        return self._memory_used

    @property
    def spool_used(self) -> int:
        """Bytes of spool that are given out."""
        return self._spool_used

    def grow(self, size_bytes: int) -> bool:
        """Gives out memory if there is some to spare; to be given back by `shrink`."""
        if self._memory_used + size_bytes > self._memory_bytes:
            return False
        self._memory_used += size_bytes
        return True

    def shrink(self, size_bytes: int) -> None:
        """Takes memory back."""
        self._memory_used -= size_bytes

    async def take(self, size_bytes: int, *, slow: bool = False) -> _PartBuffer:
        """Room for one part: memory, or the spool for slow senders and when memory is short. Waits at most 30 s, then
        raises Unavailable("busy").
        """
        if not slow and self.grow(size_bytes):
            return _PartBuffer(self, size_bytes, None)
        try:
            async with asyncio.timeout(WAIT_SECONDS_MAX), self._room:
                self._waiting += 1
                try:
                    await self._room.wait_for(lambda: self._spool_used + size_bytes <= self._spool_bytes)
                finally:
                    self._waiting -= 1
                self._spool_used += size_bytes
        except TimeoutError:
            raise Unavailable("busy", retry_after_seconds=int(WAIT_SECONDS_MAX)) from None
        try:
            descriptor = await asyncio.to_thread(self._spool_file)
        except OSError as error:
            self.give_back(size_bytes, spooled=True)
            raise Unavailable("busy", f"The spool cannot be written: {error.strerror}.") from error
        return _PartBuffer(self, size_bytes, descriptor)

    def give_back(self, size_bytes: int, *, spooled: bool) -> None:
        """Takes the room of one part back."""
        if not spooled:
            self.shrink(size_bytes)
            return
        self._spool_used -= size_bytes
        if self._waiting:
            asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        async with self._room:
            self._room.notify_all()

    def _spool_file(self) -> int:
        descriptor, path = tempfile.mkstemp(prefix="headwater-spool-", dir=self._spool_folder)
        os.unlink(path)  # noqa: PTH108 - nobody else ever sees it, and a crash leaves nothing
        return descriptor


class _PartBuffer:
    """Room for one part: `descriptor` is its spool file, None when it lies in memory."""

    def __init__(self, budget: Budget, size_bytes: int, descriptor: int | None) -> None:
        self._budget = budget
        self._room_bytes = size_bytes
        self._descriptor = descriptor
        self._pieces: list[bytes] = []
        self._size_bytes = 0
        self._mapped: mmap.mmap | None = None

    @property
    def size_bytes(self) -> int:
        """How much it holds."""
        return self._size_bytes

    @property
    def spooled(self) -> bool:
        """Whether it lies in the spool, so that `extend` blocks on a disk."""
        return self._descriptor is not None

    def extend(self, pieces: Sequence[bytes]) -> None:
        """Appends bytes."""
        if self._descriptor is None:
            self._pieces += pieces
        else:
            for piece in pieces:
                view = memoryview(piece)
                while view:
                    view = view[os.write(self._descriptor, view) :]
        self._size_bytes += sum(map(len, pieces))

    def body(self) -> bytes | memoryview:
        """All bytes."""
        if self._descriptor is None:
            self._pieces = [b"".join(self._pieces)]
            return self._pieces[0]
        if self._size_bytes == 0:
            return b""
        self._mapped = self._mapped or mmap.mmap(self._descriptor, self._size_bytes, prot=mmap.PROT_READ)
        return memoryview(self._mapped)

    def release(self) -> None:
        """Gives the room back."""
        self._pieces = []
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._budget.give_back(self._room_bytes, spooled=self._descriptor is not None)
