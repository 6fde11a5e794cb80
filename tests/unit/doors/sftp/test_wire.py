from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.doors.sftp import wire
from headwater.doors.sftp.wire import Attrs, BadPacket, Flags, Kind, Named, Request
from tests import raw_sftp

NAMES = st.binary(max_size=30).map(lambda data: data.decode(errors="surrogateescape"))
U32, U64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
ATTRS = st.builds(
    Attrs,
    size_bytes=st.none() | U64,
    owner=st.none() | st.tuples(U32, U32),
    mode=st.none() | U32,
    times=st.none() | st.tuples(U32, U32),
)
FLAGS = st.integers(0, 0x3F).map(Flags)

FIELDS = {
    Kind.OPEN: lambda r: raw_sftp.string(r.path) + raw_sftp.u32(r.flags) + wire.encode_attrs(r.attrs),
    Kind.CLOSE: lambda r: raw_sftp.string(r.handle),
    Kind.READ: lambda r: raw_sftp.string(r.handle) + raw_sftp.u64(r.offset) + raw_sftp.u32(r.size_bytes),
    Kind.WRITE: lambda r: raw_sftp.string(r.handle) + raw_sftp.u64(r.offset) + raw_sftp.string(r.data),
    Kind.LSTAT: lambda r: raw_sftp.string(r.path),
    Kind.FSTAT: lambda r: raw_sftp.string(r.handle),
    Kind.SETSTAT: lambda r: raw_sftp.string(r.path) + wire.encode_attrs(r.attrs),
    Kind.FSETSTAT: lambda r: raw_sftp.string(r.handle) + wire.encode_attrs(r.attrs),
    Kind.OPENDIR: lambda r: raw_sftp.string(r.path),
    Kind.READDIR: lambda r: raw_sftp.string(r.handle),
    Kind.REMOVE: lambda r: raw_sftp.string(r.path),
    Kind.MKDIR: lambda r: raw_sftp.string(r.path) + wire.encode_attrs(r.attrs),
    Kind.RMDIR: lambda r: raw_sftp.string(r.path),
    Kind.REALPATH: lambda r: raw_sftp.string(r.path),
    Kind.STAT: lambda r: raw_sftp.string(r.path),
    Kind.RENAME: lambda r: raw_sftp.string(r.path) + raw_sftp.string(r.other),
    Kind.READLINK: lambda r: raw_sftp.string(r.path),
    Kind.SYMLINK: lambda r: raw_sftp.string(r.path) + raw_sftp.string(r.other),
    Kind.EXTENDED: lambda r: raw_sftp.string(r.extension) + r.rest,
}
"""How each request is written, by the draft."""

VALUES = {
    "path": NAMES,
    "other": NAMES,
    "handle": st.binary(max_size=10),
    "offset": U64,
    "size_bytes": U32,
    "data": st.binary(max_size=100),
    "flags": FLAGS,
    "attrs": ATTRS,
    "extension": NAMES,
    "rest": st.binary(max_size=50),
}
USED = {
    Kind.OPEN: ("path", "flags", "attrs"),
    Kind.READ: ("handle", "offset", "size_bytes"),
    Kind.WRITE: ("handle", "offset", "data"),
    Kind.SETSTAT: ("path", "attrs"),
    Kind.FSETSTAT: ("handle", "attrs"),
    Kind.MKDIR: ("path", "attrs"),
    Kind.RENAME: ("path", "other"),
    Kind.SYMLINK: ("path", "other"),
    Kind.EXTENDED: ("extension", "rest"),
    **dict.fromkeys((Kind.CLOSE, Kind.FSTAT, Kind.READDIR), ("handle",)),
}


def packets_of(kind):
    """Requests of a kind, with their packets without the length."""
    fields = {name: VALUES[name] for name in USED.get(kind, ("path",))}
    requests = st.builds(Request, kind=st.just(kind), id=U32, **fields)
    return requests.map(lambda r: (r, bytes([kind]) + raw_sftp.u32(r.id) + FIELDS[kind](r)))


@pytest.mark.parametrize("kind", FIELDS)
@given(data=st.data())
def test_every_request_is_read_as_it_was_written(kind, data):
    """Each kind, with every value its fields can have, names that are no UTF-8 among them."""
    request, packet = data.draw(packets_of(kind))
    assert wire.decode(packet) == request


@pytest.mark.parametrize("kind", FIELDS)
@given(data=st.data())
def test_a_request_that_is_cut_short_is_a_bad_packet(kind, data):
    """Wherever it ends too early; but attributes at the end of OPEN and MKDIR, and what an extension has, may be left
    out.
    """
    request, packet = data.draw(packets_of(kind))
    end = data.draw(st.integers(0, len(packet) - 1))
    try:
        read = wire.decode(packet[:end])
    except BadPacket:
        return
    may_lack = {Kind.OPEN: ("attrs", Attrs()), Kind.MKDIR: ("attrs", Attrs()), Kind.EXTENDED: ("rest", read.rest)}
    left_out: dict[str, Any] = dict([may_lack[kind]])
    assert read == Request(**{name: getattr(request, name) for name in request.__struct_fields__} | left_out)


@given(st.binary(max_size=300))
def test_whatever_comes_is_a_request_or_a_bad_packet(packet):
    """Nothing else is raised, for any bytes."""
    try:
        request = wire.decode(packet)
    except BadPacket:
        return
    assert 0 <= request.id < 2**32


CORPUS = [
    b"",
    b"\x06",
    b"\x06\0\0\0\x01\xff\xff\xff\xff",
    b"\x06\0\0\0\x01\0\0\0\x04abcd\0\0\0\0\0\0\0\0\x80\0\0\0",
    b"\x03\0\0\0\x01\0\0\0\x01a\0\0\0\x1a\x80\0\0\0\xff\xff\xff\xff",  # four milliard extended attributes
    b"\x03\0\0\0\x01\0\0\0\x01a\0\0\0\x1a\x80\0\0\0\0\0\0\x01\0\0\0\0\xff\xff\xff\xff",
    b"\x09\0\0\0\x01\0\0\0\x01a",
    b"\xc8\0\0\0\x01\0\0\0\x09check",
]


@pytest.mark.parametrize("packet", CORPUS)
def test_packets_that_lie_about_their_lengths_are_bad(packet):
    """What runs beyond its packet, by a byte or by gigabytes, is refused at once."""
    with pytest.raises(BadPacket):
        wire.decode(packet)


@pytest.mark.parametrize("kind", [0, 1, 2, 21, 100, 101, 105, 199, 201, 255])
def test_an_unknown_kind_is_a_request_that_can_be_answered(kind):
    """It is told apart by its number, and its id is known."""
    request = wire.decode(bytes([kind]) + raw_sftp.u32(7))
    assert (request.kind, request.id, request.extension) == (Kind.EXTENDED, 7, f"packet {kind}")


def test_the_first_packet_is_init():
    """Its version is read; anything else is a bad packet."""
    assert wire.version_of(b"\x01" + raw_sftp.u32(6)) == 6
    for packet in (b"", b"\x01", b"\x01\0\0", b"\x03" + raw_sftp.u32(3), b"GET / HTTP/1.1\r\n"):
        with pytest.raises(BadPacket):
            wire.version_of(packet)


@given(ATTRS)
def test_attributes_come_back_as_they_went(attrs):
    """What was said and what was not."""
    assert wire.Reader(wire.encode_attrs(attrs)).attrs() == attrs


@given(NAMES, ATTRS)
def test_a_listing_is_read_by_a_client(name, attrs):
    """A NAME holds each name, its line as `ls -l` has it, and its attributes."""
    packet = wire.names(7, [Named(name, attrs), Named("b", Attrs())])
    assert int.from_bytes(packet[:4]) == len(packet) - 4
    reader = wire.Reader(packet, 5)
    assert (reader.u32(), reader.u32(), reader.text()) == (7, 2, name)
    assert reader.text().endswith(name)
    assert reader.attrs() == attrs
    assert (reader.text(), reader.text()[-2:], reader.attrs(), reader.rest()) == ("b", " b", Attrs(), b"")


def test_ok_is_a_status_like_any_other():
    """The one that is made in one step is what the other way makes, without its sentence."""
    answer = raw_sftp.Answer(wire.ok(9)[4], wire.ok(9)[9:])
    assert (answer.is_ok, answer.sentence) == (True, "")
    assert wire.ok(9)[:4] == raw_sftp.u32(len(wire.ok(9)) - 4)
    said = wire.status(9, wire.Code.FAILURE, "No.")
    assert raw_sftp.Answer(said[4], said[9:]).sentence == "No."


def test_a_long_name_is_as_wide_as_clients_read_it():
    """Mode, links, owner, group, size, day, name."""
    line = Named("a b.csv", Attrs(size_bytes=12, mode=0o100644, times=(0, 1_795_000_000)))
    assert wire.long_name(line) == "-rw-r--r-- 1 owner    group              12 Nov 18  2026 a b.csv"
