"""The PROXY protocol's preambles: those of the specification, pieces of them, and broken ones."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.web.preamble import NONE, Preamble, read_preamble

V2 = b"\r\n\r\n\x00\r\nQUIT\n"
TCP4 = b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n"
TCP6 = b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n"
LONGEST = b"PROXY UNKNOWN " + b"f" * 91 + b"\r\n"


def v2(command: int, family: int, body: bytes) -> bytes:
    """A preamble of version 2."""
    return V2 + struct.pack(">BBH", 0x20 | command, family, len(body)) + body


IPV4 = v2(1, 0x11, bytes([192, 0, 2, 1, 198, 51, 100, 7]) + b"\0\1\0\2")
IPV6 = v2(1, 0x21, bytes.fromhex("20010db8" + "0" * 23 + "1" + "20010db8" + "0" * 23 + "2") + b"\0\1\0\2")


@pytest.mark.parametrize(
    ("data", "address"),
    [
        (TCP4, "192.0.2.1"),
        (TCP6, "2001:db8::1"),
        (b"PROXY UNKNOWN\r\n", None),
        (LONGEST, None),
        (IPV4, "192.0.2.1"),
        (IPV6, "2001:db8::1"),
        (v2(1, 0x11, IPV4[16:] + b"\x04\x00\x02ab"), "192.0.2.1"),
        (v2(0, 0, b""), None),
        (v2(1, 0x31, b"\0" * 216), None),
    ],
)
def test_what_a_proxy_says_is_understood(data, address):
    """A whole preamble gives its size and the client's address; a part of it asks for more."""
    assert read_preamble(data + b"GET / HTTP/1.1\r\n") == Preamble(len(data), address)
    assert all(read_preamble(data[:size]) is None for size in range(1, len(data)))


@pytest.mark.parametrize("data", [b"PUT / HTTP/1.1", b"G", b"\x16\x03\x01", b"PROXYX", b"\r\n\r\n\x00\r\nQUIX\n"])
def test_what_is_no_preamble_is_left_alone(data):
    """A connection that begins otherwise has none."""
    assert read_preamble(data) == NONE


@pytest.mark.parametrize(
    "data",
    [
        b"PROXY TCP4 192.0.2.1\r\n",
        b"PROXY TCP4 nobody x 1 2\r\n",
        b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY " + b"x" * 120,
        b"PROXY \xff\r\n",
        V2 + b"\x11\x11\0\0",
        V2 + b"\x22\x11\0\0",
        v2(1, 0x11, b"\0" * 4),
        V2 + b"\x21\x11\xff\xff",
    ],
)
def test_a_broken_preamble_is_refused(data):
    """What begins as a preamble and is none raises ValueError, so that the connection is closed."""
    with pytest.raises(ValueError, match=r"."):
        read_preamble(data)


@given(st.binary(max_size=200), st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", V2, V2 + b"\x21\x11"]))
def test_no_bytes_upset_it(rest, beginning):
    """Whatever comes is a preamble, none, a part of one, or ValueError."""
    try:
        found = read_preamble(beginning + rest)
    except ValueError:
        return
    assert found is None or 0 <= found.size_bytes <= len(beginning + rest)
