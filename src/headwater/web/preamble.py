"""The PROXY protocol, versions 1 and 2: what a proxy says before the first byte of a connection that it passes on.

After the specification of HAProxy ("The PROXY protocol", 2020/03/05), §2.1 and §2.2. Pure: from the bytes seen so far.
"""

from __future__ import annotations

import struct
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address
from typing import Final

import msgspec

_V1: Final = b"PROXY "
_V2: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_V1_BYTES_MAX: Final = 107
_V1_PARTS: Final = 6
_HEADER: Final = struct.Struct(">12sBBH")
_V2_BODY_BYTES_MAX: Final = 4096
_ADDRESSES: Final = {0x11: (IPv4Address, 4, 12), 0x21: (IPv6Address, 16, 36)}
PREAMBLE_BYTES_MAX: Final = _HEADER.size + _V2_BODY_BYTES_MAX
"""The longest preamble that is taken."""


class Preamble(msgspec.Struct, frozen=True):
    """`size_bytes` of the connection are the preamble (0: there is none). `address` is the client's, None where the
    proxy speaks for itself (a health check) or does not know it.
    """

    size_bytes: int
    address: str | None


NONE: Final = Preamble(0, None)


def read_preamble(data: bytes) -> Preamble | None:
    """The preamble at the beginning of `data`; None while more bytes are needed to tell.

    Raises ValueError for one that is broken: the connection is to be closed then.
    """
    if data.startswith(_V2[: len(data)]):
        return _version_2(data)
    if data.startswith(_V1[: len(data)]):
        return _version_1(data)
    return NONE


def _version_1(data: bytes) -> Preamble | None:
    line, end, _ = data[:_V1_BYTES_MAX].partition(b"\r\n")
    if not end:
        if len(data) >= _V1_BYTES_MAX:
            msg = "the PROXY line does not end"
            raise ValueError(msg)
        return None
    size_bytes = len(line) + len(end)
    parts = line.decode("ascii").split(" ")
    if parts[1] == "UNKNOWN":
        return Preamble(size_bytes, None)
    if len(parts) != _V1_PARTS or parts[1] not in {"TCP4", "TCP6"}:
        msg = "the PROXY line has another form"
        raise ValueError(msg)
    return Preamble(size_bytes, str(ip_address(parts[2])))


def _version_2(data: bytes) -> Preamble | None:
    if len(data) < _HEADER.size:
        return None
    _, version_command, family, length = _HEADER.unpack_from(data)
    version, command = version_command >> 4, version_command & 0xF
    if version != 2 or command > 1 or length > _V2_BODY_BYTES_MAX:  # noqa: PLR2004  (the version's own number)
        msg = "the PROXY header has another form"
        raise ValueError(msg)
    size_bytes = _HEADER.size + length
    if len(data) < size_bytes:
        return None
    if command == 0 or family not in _ADDRESSES:
        return Preamble(size_bytes, None)
    kind, address_bytes, block_bytes = _ADDRESSES[family]
    if length < block_bytes:
        msg = "the PROXY header is too short for its addresses"
        raise ValueError(msg)
    try:
        return Preamble(size_bytes, str(kind(data[_HEADER.size : _HEADER.size + address_bytes])))
    except AddressValueError as error:
        raise ValueError(str(error)) from error
