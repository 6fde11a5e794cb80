"""The table of contents of pg_dump's archives (custom, tar and directory), versions 1.10 to 1.16: PostgreSQL 8 to 18.

Source: PostgreSQL, src/bin/pg_dump/pg_backup_archiver.c, ReadHead and ReadToc. Every length is checked before use.
"""

from __future__ import annotations

from typing import Final

import msgspec

from headwater.formats.layers.pull import Pull
from headwater.ports.ranges import Broken

MAGIC: Final = b"PGDMP"
CUSTOM: Final = 1
TAR: Final = 3
DIRECTORY: Final = 5

_OLDEST: Final = (1, 10)
_NEWEST: Final = (1, 16)
_ENTRIES_MAX: Final = 200_000
_STRING_BYTES_MAX: Final = 16 * 1024 * 1024
_TOTAL_BYTES_MAX: Final = 256 * 1024 * 1024
_KEPT_BYTES_MAX: Final = 64 * 1024
_DEPENDENCIES_MAX: Final = 100_000
_INT_BYTES_MAX: Final = 8
_COMPRESSIONS: Final = {0: "", 1: "gzip", 2: "lz4", 3: "zstd"}
_POSITION_SET: Final = 2
_NO_DATA: Final = 3
_KEEPS_DEFINITION: Final = frozenset({"TABLE", "FOREIGN TABLE", "ENCODING", "STDSTRINGS"})


class Entry(msgspec.Struct, frozen=True):
    """A line of the table of contents. `offset` is where its data lie in a custom archive, if it says so;
    `file` is the member that holds them in a tar or directory.
    """

    id: int
    has_data: bool
    tag: str
    kind: str
    definition: bytes
    copy: bytes
    schema: str
    offset: int | None = None
    file: str = ""


class Toc(msgspec.Struct, frozen=True):
    """The table of contents."""

    format: int
    version: tuple[int, int]
    int_bytes: int
    compression: str
    database: str
    server_version: str
    dump_version: str
    entries: tuple[Entry, ...]

    def definition(self, kind: str) -> bytes:
        """The first definition of this kind."""
        return next((entry.definition for entry in self.entries if entry.kind == kind), b"")


class TocReader:
    """Reads the integers and strings of an archive from `pull`. Raises Broken where they end or make no sense."""

    def __init__(self, pull: Pull) -> None:
        self._pull = pull
        self._left_bytes = _TOTAL_BYTES_MAX
        self.int_bytes = 4
        self._offset_bytes = 8

    def toc(self) -> Toc:
        """All of it."""
        if self._take(len(MAGIC)) != MAGIC:
            raise self.wrong("does not begin as pg_dump's archives do")
        major, minor, _ = self._take(3)
        version = (major, minor)
        if not version >= _OLDEST or major != _OLDEST[0]:
            raise self.wrong(f"is of version {major}.{minor}, which is not known")
        self.int_bytes, self._offset_bytes, kind = self._take(3)
        if not (1 <= self.int_bytes <= _INT_BYTES_MAX and 1 <= self._offset_bytes <= _INT_BYTES_MAX):
            raise self.wrong("states sizes of numbers that cannot be")
        compression = self._compression(version)
        for _ in range(7):  # when it was made: seconds to the flag of summer time
            self.integer()
        database, server, dump = self._text(), self._text(), self._text()
        count = self.integer()
        if not 0 <= count <= _ENTRIES_MAX:
            raise self.wrong(f"states {count:,} entries")
        entries = tuple(self._entry(version, kind) for _ in range(count))
        return Toc(kind, version, self.int_bytes, compression, database, server, dump, entries)

    def integer(self) -> int:
        """A number with its sign before it."""
        data = self._take(1 + self.int_bytes)
        number = int.from_bytes(data[1:], "little")
        return -number if data[0] else number

    def wrong(self, what: str) -> Broken:
        """The Broken for what makes no sense."""
        return Broken(f"The archive {what}: it is damaged.", self._pull.position, is_cut=False)

    def _compression(self, version: tuple[int, int]) -> str:
        if version < (1, 15):
            return "gzip" if self.integer() else ""
        number = self._take(1)[0]
        if number not in _COMPRESSIONS:
            raise self.wrong(f"names a compression, {number}, that is not known")
        return _COMPRESSIONS[number]

    def _entry(self, version: tuple[int, int], kind: int) -> Entry:
        number = self.integer()
        has_data = self.integer() != 0
        self._string()  # the object's table
        self._string()  # and number
        tag, what = self._text(), self._text()
        if version >= (1, 11):
            self.integer()  # section
        definition = self._string()
        self._string()  # how it is dropped
        copy = self._string()
        schema = self._text()
        self._string()  # table space
        if version >= (1, 14):
            self._string()  # access method
        if version >= _NEWEST:
            self.integer()  # kind of relation
        self._string()  # owner
        self._string()  # with object numbers
        for _ in range(_DEPENDENCIES_MAX):
            if self._optional() is None:
                break
        else:
            raise self.wrong("lists too many dependencies")
        offset, file = self._place(kind)
        kept = definition[:_KEPT_BYTES_MAX] if what not in _KEEPS_DEFINITION else definition
        return Entry(number, has_data and offset != -1, tag, what, kept, copy, schema, offset, file)

    def _place(self, kind: int) -> tuple[int | None, str]:
        """Where an entry's data lie; -1 where it has none."""
        if kind != CUSTOM:
            return None, self._text()
        data = self._take(1 + self._offset_bytes)
        if data[0] == _NO_DATA:
            return -1, ""
        return (int.from_bytes(data[1:], "little") if data[0] == _POSITION_SET else None), ""

    def _text(self) -> str:
        return self._string().decode("utf-8", "replace")

    def _string(self) -> bytes:
        return self._optional() or b""

    def _optional(self) -> bytes | None:
        size_bytes = self.integer()
        if size_bytes < 0:
            return None
        if size_bytes > _STRING_BYTES_MAX:
            raise self.wrong(f"states a text of {size_bytes:,} bytes")
        self._left_bytes -= size_bytes
        if self._left_bytes < 0:
            raise self.wrong("has a table of contents beyond all measure")
        return self._take(size_bytes)

    def _take(self, size_bytes: int) -> bytes:
        data = self._pull.exactly(size_bytes)
        if len(data) < size_bytes:
            raise Broken("The file ends inside the table of contents.", self._pull.position, is_cut=True)
        return data
