"""Messages of Protocol Buffers (protobuf.dev, Encoding), as ORC's tail is written in them. Lengths are held against
the bytes that are left.
"""

from __future__ import annotations

from typing import Final

_VARINT, _FIXED_64, _LENGTH, _FIXED_32 = 0, 1, 2, 5
FIELDS_MAX: Final = 1_000_000


class Malformed(ValueError):
    """These bytes are no message."""


Fields = dict[int, list[int | bytes]]


def fields_of(data: bytes) -> Fields:
    """The values of a message by the numbers of their fields, in order. Raises Malformed."""
    found: Fields = {}
    at = 0
    for _ in range(FIELDS_MAX):
        if at >= len(data):
            return found
        key, at = varint(data, at)
        kind = key & 7
        value: int | bytes
        if kind == _VARINT:
            value, at = varint(data, at)
        elif kind == _LENGTH:
            size_bytes, at = varint(data, at)
            if size_bytes > len(data) - at:
                raise Malformed
            value, at = data[at : at + size_bytes], at + size_bytes
        elif kind in {_FIXED_64, _FIXED_32}:
            size_bytes = 8 if kind == _FIXED_64 else 4
            if size_bytes > len(data) - at:
                raise Malformed
            value, at = data[at : at + size_bytes], at + size_bytes
        else:
            raise Malformed
        found.setdefault(key >> 3, []).append(value)
    raise Malformed


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A number and where the next value begins. Raises Malformed."""
    number = 0
    for place, byte in enumerate(data[at : at + 10]):
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:  # noqa: PLR2004  (the last)
            return number, at + place + 1
    raise Malformed


def number(fields: Fields, field: int, default: int = 0) -> int:
    """The last number of a field."""
    values = fields.get(field)
    return values[-1] if values and isinstance(values[-1], int) else default


def texts(fields: Fields, field: int) -> list[bytes]:
    """All byte values of a field."""
    return [value for value in fields.get(field, []) if isinstance(value, bytes)]


def numbers(fields: Fields, field: int) -> list[int]:
    """All numbers of a field, packed or not. Raises Malformed."""
    found: list[int] = []
    for value in fields.get(field, []):
        if isinstance(value, int):
            found.append(value)
            continue
        at = 0
        while at < len(value):
            item, at = varint(value, at)
            found.append(item)
    return found


def signed(value: int) -> int:
    """A number in zigzag."""
    return value >> 1 ^ -(value & 1)
