"""The messages of Arrow IPC (Arrow Columnar Format 1.5, Serialization and IPC): their places and row counts.

Only what is needed of FlatBuffers is read here, each offset held against the bytes that are there.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from headwater.formats.layers.pull import Pull

CONTINUATION: Final = b"\xff\xff\xff\xff"
MESSAGE_BYTES_MAX: Final = 64 * 1024 * 1024
SCHEMA, DICTIONARY, BATCH = 1, 2, 3

_VERSION_5: Final = 4
_BLOCK_BYTES: Final = 24
_BLOCKS_MAX: Final = 10_000_000


class Cut(Exception):
    """The bytes end inside a message."""


class Wrong(Exception):
    """The bytes are no message."""


class Message(msgspec.Struct, frozen=True):
    """A message as its metadata says: kind, bytes of the body, rows of a batch."""

    kind: int
    body_bytes: int
    rows: int
    data: bytes


class Block(msgspec.Struct, frozen=True):
    """Where a message lies in the file format."""

    at: int
    metadata_bytes: int
    body_bytes: int


def next_message(pull: Pull) -> Message | None:
    """Takes the next message up to its body; None at the mark of the end. Raises Cut, Wrong, Broken."""
    start = pull.exactly(4)
    if start == CONTINUATION:
        start = pull.exactly(4)
    if len(start) < 4:  # noqa: PLR2004  (a length)
        raise Cut
    size_bytes = int.from_bytes(start, "little", signed=True)
    if size_bytes == 0:
        return None
    if not 8 <= size_bytes <= MESSAGE_BYTES_MAX:  # noqa: PLR2004  (the least of FlatBuffers)
        raise Wrong
    data = pull.exactly(size_bytes)
    if len(data) < size_bytes:
        raise Cut
    return message_of(data)


def message_of(data: bytes) -> Message:
    """What a message's metadata says. Raises Wrong."""
    table = _Table.root(data)
    kind = table.number(1, 1)
    body_bytes = table.number(3, 8)
    if kind not in range(1, 6) or body_bytes < 0:
        raise Wrong
    rows = 0
    if kind == BATCH:
        header = table.table(2)
        rows = header.number(0, 8) if header is not None else -1
        if rows < 0:
            raise Wrong
    return Message(kind, body_bytes, rows, data)


def blocks_of(footer: bytes) -> tuple[list[Block], list[Block]]:
    """The dictionaries and the record batches that a footer names. Raises Wrong."""
    table = _Table.root(footer)
    return _blocks(table, 2), _blocks(table, 3)


def schema_of(footer: bytes) -> Message:
    """The schema in a footer, as a message of its own: a table of Message is put before it. Raises Wrong."""
    at = _Table.root(footer).vector(1)
    if at is None or not 0 <= at < len(footer):
        raise Wrong
    header_at, before_bytes = 20, 40
    fields = struct.pack("<HHHHHH", 12, 24, 16, 18, 4, 8)  # sizes, then the places of version, kind, header, body
    table = struct.pack("<iIqhBxxxxx", 12, before_bytes + at - header_at, 0, _VERSION_5, SCHEMA)
    data = struct.pack("<I", 16) + fields + table + footer
    return Message(SCHEMA, 0, 0, data + bytes(-len(data) % 8))


def _blocks(table: _Table, field: int) -> list[Block]:
    at = table.vector(field)
    if at is None:
        return []
    data = table.data
    count = _unpack(data, at, "<I")
    if count > min(_BLOCKS_MAX, (len(data) - at - 4) // _BLOCK_BYTES):
        raise Wrong
    places = struct.iter_unpack("<qi4xq", data[at + 4 : at + 4 + count * _BLOCK_BYTES])
    return [Block(*place) for place in places]


class _Table:
    """A table of FlatBuffers."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data = data
        self._at = at
        self._fields_at = at - _unpack(data, at, "<i")
        if not 0 <= self._fields_at <= len(data) - 4:
            raise Wrong
        self._fields_bytes = _unpack(data, self._fields_at, "<H")

    @classmethod
    def root(cls, data: bytes) -> _Table:
        """The outermost. Raises Wrong."""
        return cls(data, _unpack(data, 0, "<I"))

    def number(self, field: int, size_bytes: int) -> int:
        """A scalar; 0 where it is not written. Raises Wrong."""
        at = self._place(field)
        return 0 if at is None else _unpack(self.data, at, {1: "<B", 2: "<h", 4: "<i", 8: "<q"}[size_bytes])

    def table(self, field: int) -> _Table | None:
        """A table inside. Raises Wrong."""
        at = self.vector(field)
        return None if at is None else _Table(self.data, at)

    def vector(self, field: int) -> int | None:
        """Where what a field refers to lies. Raises Wrong."""
        at = self._place(field)
        return None if at is None else at + _unpack(self.data, at, "<I")

    def _place(self, field: int) -> int | None:
        slot = 4 + 2 * field
        if slot + 2 > self._fields_bytes:
            return None
        offset = _unpack(self.data, self._fields_at + slot, "<H")
        return self._at + offset if offset else None


def _unpack(data: bytes, at: int, layout: str) -> int:
    if not 0 <= at <= len(data) - struct.calcsize(layout):
        raise Wrong
    return int(struct.unpack_from(layout, data, at)[0])
