"""LZ4 frames (the frame format 1.6.3): the structure is walked here, the blocks are unpacked by Arrow's codec."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Final

from headwater.formats.budget import Budget
from headwater.formats.finding import Guess
from headwater.formats.format import Ends, Opened
from headwater.formats.layers.pull import Pull
from headwater.formats.layers.unpacked import OUT_BYTES, Trace, note_junk, said, take_off
from headwater.ports.ranges import Broken, Ranges

_MAGIC: Final = b"\x04\x22\x4d\x18"
_LEGACY: Final = b"\x02\x21\x4c\x18"
_SKIPPABLE: Final = range(0x184D2A50, 0x184D2A60)
_BLOCK_BYTES_MAX: Final = 4 * 1024 * 1024


def recognise(ends: Ends) -> Guess | None:
    """By its magic number, and the version in the byte behind it."""
    if ends.head.startswith(_MAGIC) and (len(ends.head) < 5 or ends.head[4] >> 6 == 1):  # noqa: PLR2004  (mark, flags)
        return Guess("lz4", 1.0, ("It begins with the mark of an LZ4 frame.",))
    if ends.head.startswith(_LEGACY):
        return Guess("lz4_legacy", 0.9, ("It begins with the mark of LZ4's legacy frames.",))
    return None


def open(ranges: Ranges, budget: Budget) -> Opened:  # noqa: A001  (the word of format.Wrapping)
    """See `Wrapping.open`."""
    return take_off("lz4", ranges, budget, unpack)


def unpack(packed: Pull, trace: Trace) -> Iterator[bytes]:
    """All frames one after another. Raises Broken."""
    import pyarrow as pa  # noqa: PLC0415  (heavy)

    checked = True
    while True:
        before = trace.unpacked_bytes
        walk = _Walk(packed)
        try:
            with pa.PythonFile(walk, mode="r") as source, pa.CompressedInputStream(source, "lz4") as unpacked:
                while piece := unpacked.read(OUT_BYTES):
                    yield piece
        except (OSError, MemoryError, pa.ArrowException):
            if walk.broken is not None:
                raise walk.broken from None
            raise said(trace, "lz4", is_cut=walk.is_cut, before="its end mark") from None
        if walk.broken is not None:
            raise walk.broken
        if not walk.has_ended:
            raise said(trace, "lz4", is_cut=walk.is_cut, before="its end mark")
        checked = checked and walk.has_checksum
        trace.part_ended(before)
        if not _next_frame(packed, trace):
            break
    trace.proof = (
        "The checksum at the end of the LZ4 stream agrees with the contents."
        if checked
        else "The LZ4 stream ends with its end mark; it carries no checksum."
    )


def _next_frame(packed: Pull, trace: Trace) -> bool:
    """Goes to the next frame; whether there is one. Raises Broken."""
    while True:
        mark = packed.peek(4)
        if mark == _MAGIC:
            return True
        if len(mark) == 4 and int.from_bytes(mark, "little") in _SKIPPABLE:  # noqa: PLR2004  (skippable frames)
            size_bytes = int.from_bytes(packed.exactly(8)[4:], "little")
            if packed.skip(size_bytes) < size_bytes:
                raise said(trace, "lz4", is_cut=True, before="the end of a skippable frame")
            trace.part_ended(trace.unpacked_bytes)
            continue
        if mark and len(mark) < len(_MAGIC) and _MAGIC.startswith(mark):
            raise said(trace, "lz4", is_cut=True, before=f"its part {trace.parts + 1}")
        note_junk(packed, trace)
        return False


class _Walk(io.RawIOBase):
    """A file to Arrow that holds one frame: given out block by block, so that its end is known and its sizes are.

    Attributes:
        has_ended: the end mark was read. has_checksum: a checksum of all contents stands behind it.
        is_cut: the bytes ended inside the frame.
        broken: what the packed bytes raised; Arrow sees an end there.
    """

    def __init__(self, packed: Pull) -> None:
        self._packed = packed
        self._next = self._parts()
        self._pending = b""
        self.has_ended = False
        self.has_checksum = False
        self.is_cut = False
        self.broken: Broken | None = None

    def readable(self) -> bool:
        """Yes."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes."""
        try:
            while not self._pending:
                self._pending = next(self._next)
        except StopIteration:
            return b""
        except Broken as broken:
            self.broken = broken
            return b""
        size = len(self._pending) if size < 0 else size
        data, self._pending = self._pending[:size], self._pending[size:]
        return data

    def _parts(self) -> Iterator[bytes]:
        start = self._packed.exactly(6)
        flags = start[4] if len(start) == 6 else 0  # noqa: PLR2004  (mark, flags, block descriptor)
        self.has_checksum = bool(flags & 0x04)
        block_checksum_bytes = 4 if flags & 0x10 else 0
        rest_bytes = 1 + (8 if flags & 0x08 else 0) + (4 if flags & 0x01 else 0)
        yield self._all(start, 6)
        yield self._all(self._packed.exactly(rest_bytes), rest_bytes)
        while not self.is_cut:
            size = self._packed.exactly(4)
            yield self._all(size, 4)
            word = int.from_bytes(size, "little")
            if len(size) < 4 or word & 0x7FFFFFFF > _BLOCK_BYTES_MAX:  # noqa: PLR2004  (32 bits)
                return
            if word == 0:
                end = self._packed.exactly(4 if self.has_checksum else 0)
                yield self._all(end, 4 if self.has_checksum else 0)
                self.has_ended = not self.is_cut
                return
            block_bytes = (word & 0x7FFFFFFF) + block_checksum_bytes
            yield self._all(self._packed.exactly(block_bytes), block_bytes)

    def _all(self, data: bytes, size_bytes: int) -> bytes:
        self.is_cut = len(data) < size_bytes
        return data
