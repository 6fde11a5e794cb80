"""Packets of SFTP version 3 (draft-ietf-secsh-filexfer-02) and of OpenSSH's extensions: bytes to values and back. Pure.

Paths are text; bytes that are not UTF-8 come and go as surrogate escapes. Everything a client sends is bounded by its
packet; whatever is not a whole packet of its kind raises `BadPacket`, and nothing else.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable
from enum import IntEnum, IntFlag
from struct import Struct, error
from typing import Final

import msgspec

from headwater.terms import time_text

VERSION: Final = 3

PACKET_BYTES_MAX: Final = 256 * 1024
"""The largest packet that is taken, as OpenSSH's server has it; `DATA_BYTES_MAX` is what a read or write may hold."""

DATA_BYTES_MAX: Final = PACKET_BYTES_MAX - 1024

HEADER: Final = Struct(">IB")  # the length of what follows the first four bytes, and the kind
_U32: Final = Struct(">I")
_U64: Final = Struct(">Q")
_STATUS_OK: Final = Struct(">IBIIII")


class BadPacket(Exception):
    """What came is no packet of its kind."""


class Kind(IntEnum):
    """The kinds of packets."""

    INIT = 1
    VERSION = 2
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    LSTAT = 7
    FSTAT = 8
    SETSTAT = 9
    FSETSTAT = 10
    OPENDIR = 11
    READDIR = 12
    REMOVE = 13
    MKDIR = 14
    RMDIR = 15
    REALPATH = 16
    STAT = 17
    RENAME = 18
    READLINK = 19
    SYMLINK = 20
    STATUS = 101
    HANDLE = 102
    DATA = 103
    NAME = 104
    ATTRS = 105
    EXTENDED = 200
    EXTENDED_REPLY = 201


class Code(IntEnum):
    """The codes of a STATUS."""

    OK = 0
    EOF = 1
    NO_SUCH_FILE = 2
    PERMISSION_DENIED = 3
    FAILURE = 4
    BAD_MESSAGE = 5
    OP_UNSUPPORTED = 8


class Flags(IntFlag):
    """How a file is opened."""

    READ = 0x01
    WRITE = 0x02
    APPEND = 0x04
    CREAT = 0x08
    TRUNC = 0x10
    EXCL = 0x20


_SIZE, _OWNER, _MODE, _TIMES, _EXTENDED = 0x01, 0x02, 0x04, 0x08, 0x80000000


class Attrs(msgspec.Struct, frozen=True, omit_defaults=True):
    """Attributes of a file; what is None was not said. Times are seconds since the epoch."""

    size_bytes: int | None = None
    owner: tuple[int, int] | None = None
    mode: int | None = None
    times: tuple[int, int] | None = None  # of the last access and of the last change


class Named(msgspec.Struct, frozen=True):
    """A line of a listing."""

    name: str
    attrs: Attrs
    long: str = ""


class Request(msgspec.Struct, frozen=True):
    """What a client asks; `id` goes back with the answer. Which fields count depends on the kind."""

    kind: Kind
    id: int
    path: str = ""  # or the old name
    other: str = ""  # the new name, or the target of a link
    handle: bytes = b""
    offset: int = 0
    size_bytes: int = 0
    data: bytes = b""
    flags: Flags = Flags(0)
    attrs: Attrs = Attrs()
    extension: str = ""
    rest: bytes = b""  # of an extension


class Reader:
    """Takes the fields of one packet in order."""

    def __init__(self, packet: bytes, offset: int = 0) -> None:
        self._packet = packet
        self._offset = offset

    def u32(self) -> int:
        """A number of 32 bits."""
        return self._number(_U32)

    def u64(self) -> int:
        """A number of 64 bits."""
        return self._number(_U64)

    def blob(self) -> bytes:
        """Bytes with their length before them."""
        size = self.u32()
        end = self._offset + size
        if end > len(self._packet):
            raise BadPacket("a string runs beyond its packet")
        data = self._packet[self._offset : end]
        self._offset = end
        return data

    def text(self) -> str:
        """The same as text."""
        return self.blob().decode(errors="surrogateescape")

    def attrs(self) -> Attrs:
        """Attributes."""
        flags = self.u32()
        size_bytes = self.u64() if flags & _SIZE else None
        owner = (self.u32(), self.u32()) if flags & _OWNER else None
        mode = self.u32() if flags & _MODE else None
        times = (self.u32(), self.u32()) if flags & _TIMES else None
        if flags & _EXTENDED:
            for _ in range(min(self.u32(), PACKET_BYTES_MAX)):
                self.blob(), self.blob()
        return Attrs(size_bytes, owner, mode, times)

    def rest(self) -> bytes:
        """What is left."""
        return self._packet[self._offset :]

    def _number(self, form: Struct) -> int:
        try:
            (value,) = form.unpack_from(self._packet, self._offset)
        except error:
            raise BadPacket("it ends within a number") from None
        self._offset += form.size
        return int(value)


def _attrs_if_any(reader: Reader) -> Attrs:
    return reader.attrs() if reader.rest() else Attrs()


_FIELDS: Final[dict[Kind, Callable[[Reader], dict[str, object]]]] = {
    Kind.OPEN: lambda r: {"path": r.text(), "flags": Flags(r.u32() & 0x3F), "attrs": _attrs_if_any(r)},
    Kind.CLOSE: lambda r: {"handle": r.blob()},
    Kind.READ: lambda r: {"handle": r.blob(), "offset": r.u64(), "size_bytes": r.u32()},
    Kind.WRITE: lambda r: {"handle": r.blob(), "offset": r.u64(), "data": r.blob()},
    Kind.LSTAT: lambda r: {"path": r.text()},
    Kind.FSTAT: lambda r: {"handle": r.blob()},
    Kind.SETSTAT: lambda r: {"path": r.text(), "attrs": r.attrs()},
    Kind.FSETSTAT: lambda r: {"handle": r.blob(), "attrs": r.attrs()},
    Kind.OPENDIR: lambda r: {"path": r.text()},
    Kind.READDIR: lambda r: {"handle": r.blob()},
    Kind.REMOVE: lambda r: {"path": r.text()},
    Kind.MKDIR: lambda r: {"path": r.text(), "attrs": _attrs_if_any(r)},
    Kind.RMDIR: lambda r: {"path": r.text()},
    Kind.REALPATH: lambda r: {"path": r.text()},
    Kind.STAT: lambda r: {"path": r.text()},
    Kind.RENAME: lambda r: {"path": r.text(), "other": r.text()},
    Kind.READLINK: lambda r: {"path": r.text()},
    Kind.SYMLINK: lambda r: {"path": r.text(), "other": r.text()},
    Kind.EXTENDED: lambda r: {"extension": r.text(), "rest": r.rest()},
}


def decode(packet: bytes) -> Request:
    """The request in a packet without its length (its kind is the first byte). Raises BadPacket.

    An unknown kind is a request too, of kind EXTENDED and with its number as `extension`: it is to be answered.
    """
    reader = Reader(packet, 1)
    id_ = reader.u32()
    try:
        kind = Kind(packet[0])
        fields = _FIELDS[kind]
    except (ValueError, KeyError):
        return Request(Kind.EXTENDED, id_, extension=f"packet {packet[0]}")
    return Request(kind, id_, **fields(reader))  # type: ignore[arg-type]


def version_of(packet: bytes) -> int:
    """The version that an INIT offers. Raises BadPacket for what is none."""
    if packet[:1] != bytes([Kind.INIT]):
        raise BadPacket("the first packet is no INIT")
    return Reader(packet, 1).u32()


# --- answers ----------------------------------------------------------------------------------------------------------


def blob(data: bytes) -> bytes:
    """Bytes with their length before them."""
    return _U32.pack(len(data)) + data


def text(value: str) -> bytes:
    """The same of text."""
    return blob(value.encode(errors="surrogateescape"))


def packet(kind: Kind, id_: int, *fields: bytes) -> bytes:
    """A packet with its length."""
    body = b"".join(fields)
    return HEADER.pack(5 + len(body), kind) + _U32.pack(id_) + body


def ok(id_: int) -> bytes:
    """STATUS OK: the answer to most of what comes, and so made in one step."""
    return _STATUS_OK.pack(17, Kind.STATUS, id_, 0, 0, 0)


def status(id_: int, code: Code, sentence: str) -> bytes:
    """A STATUS with a sentence for people."""
    return packet(Kind.STATUS, id_, _U32.pack(code), text(sentence), text("en"))


def handle(id_: int, value: bytes) -> bytes:
    """A HANDLE."""
    return packet(Kind.HANDLE, id_, blob(value))


def data(id_: int, value: bytes) -> bytes:
    """DATA that was read."""
    return packet(Kind.DATA, id_, blob(value))


def attrs(id_: int, value: Attrs) -> bytes:
    """ATTRS."""
    return packet(Kind.ATTRS, id_, encode_attrs(value))


def names(id_: int, lines: Iterable[Named]) -> bytes:
    """NAME: lines of a listing."""
    encoded = [text(line.name) + text(line.long or long_name(line)) + encode_attrs(line.attrs) for line in lines]
    return packet(Kind.NAME, id_, _U32.pack(len(encoded)), *encoded)


def extended(id_: int, *fields: bytes) -> bytes:
    """EXTENDED_REPLY."""
    return packet(Kind.EXTENDED_REPLY, id_, *fields)


def u32(value: int) -> bytes:
    """A number of 32 bits."""
    return _U32.pack(value)


def u64(value: int) -> bytes:
    """A number of 64 bits."""
    return _U64.pack(value)


def version(extensions: Iterable[tuple[str, str]]) -> bytes:
    """VERSION, with the extensions that are known here."""
    body = _U32.pack(VERSION) + b"".join(text(name) + text(value) for name, value in extensions)
    return HEADER.pack(1 + len(body), Kind.VERSION) + body


def encode_attrs(value: Attrs) -> bytes:
    """The attributes that are said."""
    flags, fields = 0, []
    if value.size_bytes is not None:
        flags |= _SIZE
        fields.append(_U64.pack(value.size_bytes))
    for flag, pair in ((_OWNER, value.owner), (_MODE, (value.mode,)), (_TIMES, value.times)):
        if pair is not None and None not in pair:
            flags |= flag
            fields += [_U32.pack(number) for number in pair if number is not None]
    return _U32.pack(flags) + b"".join(fields)


def long_name(line: Named) -> str:
    """The line as `ls -l` writes it: what clients show, and some of them read (draft §7)."""
    seen = line.attrs
    day = time_text_of(seen.times[1]) if seen.times else "Jan  1  1970"
    mode = stat.filemode(seen.mode or 0)
    return f"{mode} 1 {'owner':8} {'group':8} {seen.size_bytes or 0:12d} {day} {line.name}"


_MONTHS: Final = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def time_text_of(seconds: int) -> str:
    """`Nov 23 09:30 2026` has no place in a listing that is twelve characters wide: the year stands for the hour."""
    year, month, day = time_text(seconds * 1_000_000)[:10].split("-")  # type: ignore[arg-type]
    return f"{_MONTHS[int(month) - 1]} {int(day):2d}  {year}"
