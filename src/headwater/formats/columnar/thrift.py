"""Thrift's compact protocol (apache/thrift, thrift-compact-protocol.md), as Parquet's footers are written in it.

Every length is held against the bytes that are left before anything is made of it.
"""

from __future__ import annotations

import struct
from typing import Final

DEPTH_MAX: Final = 32
ELEMENTS_MAX: Final = 100_000

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)

Value = bool | int | float | bytes | list["Value"] | dict[int, "Value"]


class Malformed(ValueError):
    """These bytes are not what they should be; `at` is where."""

    def __init__(self, at: int) -> None:
        super().__init__(f"byte {at:,} of it is not what should stand there")
        self.at = at


class Compact:
    """Reads from `data` on. Every method raises Malformed."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def field(self, before: int) -> tuple[int, int]:
        """The id and the type of the next field of a struct; (0, 0) at its end."""
        head = self._byte()
        if head == 0:
            return 0, 0
        return (before + (head >> 4) if head >> 4 else self.integer()), head & 0x0F

    def elements(self) -> tuple[int, int]:
        """How many elements a list has, and their type."""
        head = self._byte()
        size = head >> 4
        if size == 15:  # noqa: PLR2004  (a longer one follows)
            size = self._varint()
        if size > len(self._data) - self.at:
            raise Malformed(self.at)
        return size, head & 0x0F

    def struct(self, depth: int = 0) -> dict[int, Value]:
        """A struct by the ids of its fields."""
        if depth > DEPTH_MAX:
            raise Malformed(self.at)
        found: dict[int, Value] = {}
        field = 0
        while True:
            field, kind = self.field(field)
            if not kind:
                return found
            found[field] = kind == TRUE if kind in {TRUE, FALSE} else self.value(kind, depth + 1)

    def value(self, kind: int, depth: int = 0) -> Value:
        """A value of a type, outside of a struct's own booleans."""
        if kind in {I16, I32, I64}:
            return self.integer()
        if kind == BINARY:
            return self._take(self._varint())
        if kind == STRUCT:
            return self.struct(depth)
        if kind in {LIST, SET}:
            return self._list(depth)
        return self._rare(kind, depth)

    def integer(self) -> int:
        """A number in zigzag."""
        number = self._varint()
        return number >> 1 ^ -(number & 1)

    def _rare(self, kind: int, depth: int) -> Value:
        if kind in {BYTE, TRUE, FALSE}:
            return self._byte()
        if kind == DOUBLE:
            return float(struct.unpack("<d", self._take(8))[0])
        if kind == MAP:
            return self._map(depth)
        raise Malformed(self.at)

    def _list(self, depth: int) -> list[Value]:
        size, kind = self.elements()
        if size > ELEMENTS_MAX or depth > DEPTH_MAX:
            raise Malformed(self.at)
        return [self.value(kind, depth + 1) for _ in range(size)]

    def _map(self, depth: int) -> list[Value]:
        size = self._varint()
        if not size:
            return []
        if size > min(ELEMENTS_MAX, len(self._data) - self.at) or depth > DEPTH_MAX:
            raise Malformed(self.at)
        kinds = self._byte()
        return [[self.value(kinds >> 4, depth + 1), self.value(kinds & 15, depth + 1)] for _ in range(size)]

    def _varint(self) -> int:
        data, at = self._data, self.at
        number, shift = 0, 0
        while at < len(data) and shift < 70:  # noqa: PLR2004  (64 bits, seven a byte)
            byte = data[at]
            at += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004  (the last)
                self.at = at
                return number
            shift += 7
        raise Malformed(self.at)

    def _byte(self) -> int:
        if self.at >= len(self._data):
            raise Malformed(self.at)
        self.at += 1
        return self._data[self.at - 1]

    def _take(self, size_bytes: int) -> bytes:
        if size_bytes > len(self._data) - self.at:
            raise Malformed(self.at)
        self.at += size_bytes
        return self._data[self.at - size_bytes : self.at]
