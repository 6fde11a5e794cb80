"""Records of SQLite's database file: the values of a row, and numbers of variable length.

Source: https://sqlite.org/fileformat2.html, §1.6 and §2.1.
"""

from __future__ import annotations

import struct
from typing import Final

_INTEGER_BYTES: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_VARINT_BYTES_MAX: Final = 9
_FIELDS_MAX: Final = 32_768

Value = str | None


class Damaged(Exception):
    """A page says what cannot be. `sentence` tells a person; `page` is its number."""

    def __init__(self, sentence: str, page: int) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.page = page


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of variable length (§1.6), and where it ends. Raises Damaged."""
    number = 0
    for place in range(_VARINT_BYTES_MAX):
        if at >= len(data):
            raise Damaged("A number reaches beyond its page.", 0)
        byte = data[at]
        at += 1
        if place == _VARINT_BYTES_MAX - 1:
            return number << 8 | byte, at
        number = number << 7 | byte & 0x7F
        if byte < 0x80:  # noqa: PLR2004 – the last byte of a number
            break
    return number, at


def record(payload: bytes, encoding: str) -> list[Value]:
    """The values of a record (§2.1) as texts: bytes in hex digits. Raises Damaged."""
    end, at = varint(payload, 0)
    if end > len(payload):
        raise Damaged("A row's header is longer than the row.", 0)
    kinds: list[int] = []
    while at < end and len(kinds) < _FIELDS_MAX:
        kind, at = varint(payload, at)
        kinds.append(kind)
    values: list[Value] = []
    at = end
    for kind in kinds:
        value, at = _value(payload, at, kind, encoding)
        values.append(value)
    return values


def _value(payload: bytes, at: int, kind: int, encoding: str) -> tuple[Value, int]:
    if kind in _INTEGER_BYTES:
        size = _INTEGER_BYTES[kind]
        return str(int.from_bytes(payload[at : at + size], "big", signed=True)), at + size
    if kind == 0:
        return None, at
    if kind == 7:  # noqa: PLR2004 – a float
        data = payload[at : at + 8]
        return (repr(struct.unpack(">d", data)[0]) if len(data) == 8 else None), at + 8  # noqa: PLR2004
    if kind in {8, 9}:
        return str(kind - 8), at
    if kind < 12:  # noqa: PLR2004 – kept for SQLite's own use
        raise Damaged("A value is of a kind that no file may have.", 0)
    size = (kind - 12) // 2
    data = payload[at : at + size]
    if at > len(payload):
        return None, at
    return (data.decode(encoding, "replace") if kind % 2 else data.hex()), at + size
