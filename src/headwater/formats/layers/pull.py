"""Bytes taken from the front, as many as a parser asks for, and parts of other bytes as bytes of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from headwater.formats.budget import Budget
from headwater.ports.ranges import PIECE_BYTES, Broken, Ranges

_REOPEN_BYTES: Final = 4 * 1024 * 1024
"""A skip of more than this asks for a new stream instead of reading what nobody wants."""


def is_cheap(ranges: Ranges) -> bool:
    """Whether any range costs one request; false inside a compression, which unpacks all before it."""
    return bool(getattr(ranges, "is_cheap", True))


def root_bytes(ranges: Ranges) -> int | None:
    """How many bytes lie outside of all layers: what a bomb is measured against."""
    found = getattr(ranges, "root_bytes", ranges.size_bytes)
    return found if isinstance(found, int) else None


class Pull:
    """The bytes of `ranges` from an offset on, in fixed memory; with a `budget` they count, and end where it does.

    Attributes:
        position: the offset in `ranges` of the next byte.

    Every method raises as `Ranges.stream`.
    """

    def __init__(self, ranges: Ranges, offset: int = 0, budget: Budget | None = None) -> None:
        self._ranges = ranges
        self._budget = budget
        self._pieces = self._stream(offset)
        self._piece = b""
        self._at = 0
        self.position = offset

    def some(self, size_bytes_max: int) -> bytes:
        """At least one byte and at most `size_bytes_max`; none only at the end."""
        while self._at >= len(self._piece):
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._piece, self._at = piece, 0
        data = self._piece[self._at : self._at + size_bytes_max]
        self._at += len(data)
        self.position += len(data)
        return data

    def exactly(self, size_bytes: int) -> bytes:
        """So many bytes; fewer only at the end. The caller bounds `size_bytes`."""
        data = self.some(size_bytes) if size_bytes > 0 else b""
        if len(data) == size_bytes or not data:
            return data
        parts = [data]
        left = size_bytes - len(data)
        while left:
            data = self.some(left)
            if not data:
                break
            parts.append(data)
            left -= len(data)
        return b"".join(parts)

    def peek(self, size_bytes: int) -> bytes:
        """As `exactly`, without taking them."""
        data = self.exactly(size_bytes)
        self.give_back(data)
        return data

    def give_back(self, data: bytes) -> None:
        """Puts back what was taken last."""
        self.position -= len(data)
        if self._at >= len(data):  # the piece still holds it
            self._at -= len(data)
            return
        self._piece = data + self._piece[self._at :]
        self._at = 0

    def skip(self, size_bytes: int) -> int:
        """Goes over so many bytes; answers how many there were."""
        held = len(self._piece) - self._at
        size = self._ranges.size_bytes
        if size_bytes - held > _REOPEN_BYTES and size is not None and is_cheap(self._ranges):
            there = min(size_bytes, max(size - self.position, 0))
            self.position += there
            self._piece, self._at = b"", 0
            self._pieces = self._stream(self.position)
            return there
        left = size_bytes
        while left:
            data = self.some(left)
            if not data:
                break
            left -= len(data)
        return size_bytes - left

    def _stream(self, offset: int) -> Iterator[bytes]:
        return self._ranges.stream(offset) if self._budget is None else self._budget.stream(self._ranges, offset)


class Window:
    """A part of other bytes. A `Ranges`: what is stored in an archive as it is.

    Where the outer bytes end too early, Broken says so. `kept` are its bytes where they are held in memory already.
    """

    def __init__(self, outer: Ranges, offset: int, size_bytes: int, *, kept: bytes | None = None) -> None:
        self._outer = outer
        self._offset = offset
        self._size_bytes = size_bytes
        self._kept = kept
        self.is_cheap = kept is not None or is_cheap(outer)
        self.root_bytes = root_bytes(outer)

    @property
    def size_bytes(self) -> int | None:
        """As the archive states it."""
        return self._size_bytes

    @property
    def path(self) -> Path | None:
        """None: no file holds exactly these bytes."""
        return None

    def read(self, offset: int, size_bytes: int) -> bytes:
        """A range. Raises as the outer bytes do."""
        size_bytes = max(0, min(size_bytes, self._size_bytes - offset))
        if not size_bytes:
            return b""
        if self._kept is not None:
            return self._kept[offset : offset + size_bytes]
        try:
            data = self._outer.read(self._offset + offset, size_bytes)
        except Broken as broken:
            raise self._broken(broken) from None
        if len(data) < size_bytes:
            raise self._short(offset + len(data))
        return data

    def stream(self, offset: int = 0) -> Iterator[bytes]:
        """All from an offset on. Raises as the outer bytes do."""
        left = self._size_bytes - offset
        if left <= 0:
            return
        if self._kept is not None:
            for start in range(offset, self._size_bytes, PIECE_BYTES):
                yield self._kept[start : start + PIECE_BYTES]
            return
        try:
            for piece in self._outer.stream(self._offset + offset):
                yield piece[:left]
                left -= min(left, len(piece))
                if not left:
                    return
        except Broken as broken:
            raise self._broken(broken) from None
        raise self._short(self._size_bytes - left)

    def _broken(self, broken: Broken) -> Broken:
        return Broken(broken.sentence, max(0, broken.offset - self._offset), is_cut=broken.is_cut)

    def _short(self, offset: int) -> Broken:
        return Broken(
            f"It ends after {offset:,} of {self._size_bytes:,} bytes, where the archive around it ends.",
            offset,
            is_cut=True,
        )
