"""What a zip says it holds: its central directory (APPNOTE 6.3.10, 4.3.12 to 4.3.16), or the headers that are left."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import msgspec

from headwater.formats.layers.pull import Pull
from headwater.ports.ranges import Broken, Ranges

LOCAL: Final = b"PK\x03\x04"
CENTRAL: Final = b"PK\x01\x02"
END: Final = b"PK\x05\x06"
ENTRIES_MAX: Final = 10_000
LOCAL_BYTES: Final = 30

_END_64: Final = b"PK\x06\x06"
_LOCATOR_64: Final = b"PK\x06\x07"
_END_BYTES: Final = 22
_LOCATOR_BYTES: Final = 20
_END_64_BYTES: Final = 56
_CENTRAL_BYTES: Final = 46
_COMMENT_BYTES_MAX: Final = 65_535
_EXTRA_64: Final = 1
_U32_MAX: Final = 0xFFFF_FFFF
_U16_MAX: Final = 0xFFFF
_UTF_8_FLAG: Final = 0x800
_ENCRYPTED_FLAG: Final = 0x1
_DESCRIPTOR_FLAG: Final = 0x8


class Entry(msgspec.Struct, frozen=True):
    """A member as stated; `at` is where its own header lies. `size_bytes` None: only its end would tell."""

    name: str
    method: int
    flags: int
    crc: int
    packed_bytes: int
    size_bytes: int | None
    at: int

    @property
    def is_folder(self) -> bool:
        """Whether it is only a name."""
        return self.name.endswith("/")

    @property
    def is_encrypted(self) -> bool:
        """Whether its contents need a password."""
        return bool(self.flags & _ENCRYPTED_FLAG)


class Directory(msgspec.Struct, frozen=True):
    """What the end of a zip says. `prefix_bytes` stand before the archive, `behind_bytes` after it."""

    entries: tuple[Entry, ...]
    stated: int
    at: int
    prefix_bytes: int = 0
    behind_bytes: int = 0
    fault: str = ""


class _End(msgspec.Struct, frozen=True):
    stated: int
    size_bytes: int
    offset: int
    at: int  # where the record (the older of two) lies
    ends_at: int


def read_directory(ranges: Ranges, size_bytes: int) -> Directory | None:
    """The central directory; None where its end record is missing. Raises Broken, Unavailable."""
    end = _end(ranges, size_bytes)
    if end is None:
        return None
    at = end.at - end.size_bytes
    prefix_bytes = at - end.offset
    if at < 0 or prefix_bytes < 0:
        return Directory((), end.stated, 0, fault="Its directory would lie before the first byte.")
    entries: list[Entry] = []
    fault = ""
    pull = Pull(ranges, at)
    while pull.position < end.at and len(entries) < ENTRIES_MAX:
        entry = _central(pull, prefix_bytes)
        if entry is None or entry.at >= at:
            fault = f"Its directory is damaged behind {len(entries):,} of {end.stated:,} entries."
            break
        entries.append(entry)
    if not fault and len(entries) != min(end.stated, ENTRIES_MAX):
        fault = f"Its directory states {end.stated:,} entries and has {len(entries):,}."
    return Directory(tuple(entries), end.stated, at, prefix_bytes, size_bytes - end.ends_at, fault)


def walk(ranges: Ranges) -> Iterator[Entry]:
    """The members by their own headers, from the first byte on, as far as they tell their size: for a zip that lost
    its directory. Stops at Broken.
    """
    at = 0
    try:
        for _ in range(ENTRIES_MAX):
            header = ranges.read(at, LOCAL_BYTES)
            if len(header) < LOCAL_BYTES or not header.startswith(LOCAL):
                return
            _, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes = struct.unpack("<5H3I2H", header[4:])
            rest = ranges.read(at + LOCAL_BYTES, name_bytes + extra_bytes)
            name = _name(rest[:name_bytes], flags)
            size, packed, _ = _wide(rest[name_bytes:], size, packed, 0)
            data_at = at + LOCAL_BYTES + name_bytes + extra_bytes
            if flags & _DESCRIPTOR_FLAG and not packed:
                left = (ranges.size_bytes or data_at) - data_at
                yield Entry(name, method, flags, 0, max(left, 0), None, at)
                return
            yield Entry(name, method, flags, crc, packed, size, at)
            at = data_at + packed
    except Broken:
        return


def contents_at(ranges: Ranges, entry: Entry) -> int | None:
    """Where the packed bytes of a member begin; None where its header is no header. Raises Broken, Unavailable."""
    header = ranges.read(entry.at, LOCAL_BYTES)
    if len(header) < LOCAL_BYTES or not header.startswith(LOCAL):
        return None
    name_bytes, extra_bytes = struct.unpack_from("<2H", header, 26)
    return int(entry.at + LOCAL_BYTES + name_bytes + extra_bytes)


def names_in(head: bytes, tail: bytes) -> list[str]:
    """The names that can be read in the first and the last bytes of a zip, for telling what kind of zip it is."""
    found: dict[str, None] = {}
    for data, mark, size_bytes, name_at in ((head, LOCAL, LOCAL_BYTES, 26), (tail, CENTRAL, _CENTRAL_BYTES, 28)):
        at = data.find(mark)
        while at >= 0 and len(found) < ENTRIES_MAX:
            if at + size_bytes <= len(data):
                length = int.from_bytes(data[at + name_at : at + name_at + 2], "little")
                found[data[at + size_bytes : at + size_bytes + length].decode("utf-8", "replace")] = None
            at = data.find(mark, at + 4)
    return list(found)


def _end(ranges: Ranges, size_bytes: int) -> _End | None:
    tail_bytes = min(size_bytes, _END_BYTES + _COMMENT_BYTES_MAX + _LOCATOR_BYTES)
    start = size_bytes - tail_bytes
    tail = ranges.read(start, tail_bytes)
    at = tail.rfind(END)
    while at >= 0:
        record = tail[at : at + _END_BYTES]
        if len(record) == _END_BYTES:
            stated, cd_bytes, cd_at, comment_bytes = struct.unpack("<H2IH", record[10:])
            if at + _END_BYTES + comment_bytes <= len(tail):
                end = _End(stated, cd_bytes, cd_at, start + at, start + at + _END_BYTES + comment_bytes)
                is_wide = stated == _U16_MAX or _U32_MAX in (cd_bytes, cd_at)
                return _end_64(ranges, end, tail[max(at - _LOCATOR_BYTES, 0) : at]) if is_wide else end
        at = tail.rfind(END, 0, at)
    return None


def _end_64(ranges: Ranges, end: _End, locator: bytes) -> _End:
    if len(locator) < _LOCATOR_BYTES or not locator.startswith(_LOCATOR_64):
        return end
    for at in (int.from_bytes(locator[8:16], "little"), end.at - _LOCATOR_BYTES - _END_64_BYTES):
        if not 0 <= at < end.at:
            continue
        record = ranges.read(at, _END_64_BYTES)
        if len(record) == _END_64_BYTES and record.startswith(_END_64):
            stated, cd_bytes, cd_at = struct.unpack("<3Q", record[32:])
            return _End(stated, cd_bytes, cd_at, at, end.ends_at)
    return end


def _central(pull: Pull, prefix_bytes: int) -> Entry | None:
    header = pull.exactly(_CENTRAL_BYTES)
    if len(header) < _CENTRAL_BYTES or not header.startswith(CENTRAL):
        return None
    flags, method, _, _, crc, packed, size, name_bytes, extra_bytes, comment_bytes = struct.unpack(
        "<4H3I3H", header[8:34]
    )
    at = int.from_bytes(header[42:46], "little")
    rest = pull.exactly(name_bytes + extra_bytes + comment_bytes)
    if len(rest) < name_bytes + extra_bytes + comment_bytes:
        return None
    size, packed, at = _wide(rest[name_bytes : name_bytes + extra_bytes], size, packed, at)
    return Entry(_name(rest[:name_bytes], flags), method, flags, crc, packed, size, at + prefix_bytes)


def _wide(extra: bytes, size: int, packed: int, at: int) -> tuple[int, int, int]:
    """The sizes of the zip64 field in place of those that do not fit (4.5.3)."""
    values = [size, packed, at]
    place = 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, place)
        if kind == _EXTRA_64:
            field = extra[place + 4 : place + 4 + length]
            for number, value in enumerate(values):
                if value == _U32_MAX and len(field) >= 8:  # noqa: PLR2004  (64 bits)
                    values[number] = int.from_bytes(field[:8], "little")
                    field = field[8:]
        place += 4 + length
    return values[0], values[1], values[2]


def _name(data: bytes, flags: int) -> str:
    if flags & _UTF_8_FLAG:
        return data.decode("utf-8", "replace")
    try:
        return data.decode("utf-8")  # written so by many that do not set the flag
    except UnicodeDecodeError:
        return data.decode("cp437")
