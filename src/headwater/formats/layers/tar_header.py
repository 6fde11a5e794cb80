"""The header blocks of tar (POSIX.1-2024, pax: ustar Interchange Format; GNU tar's manual, Basic Tar Format)."""

from __future__ import annotations

from typing import Final

import msgspec

BLOCK_BYTES: Final = 512

_SUM_AT: Final = slice(148, 156)
_MARK_AT: Final = slice(257, 262)
_PREFIX_AT: Final = slice(345, 500)
_BINARY: Final = 0x80
_RECORDS_MAX: Final = 1000


class Header(msgspec.Struct, frozen=True):
    """A header whose checksum holds. `is_old` without the mark of ustar."""

    name: str
    size_bytes: int
    kind: bytes
    is_old: bool


def header_of(block: bytes) -> Header | None:
    """What a block says; None where it is no header."""
    if len(block) < BLOCK_BYTES:
        return None
    stated = _number(block[_SUM_AT])
    plain = block[:148] + b" " * 8 + block[156:]
    if stated is None or stated not in {sum(plain), sum(plain) - 256 * sum(byte > 127 for byte in plain)}:  # noqa: PLR2004  (signed bytes, as old writers summed)
        return None
    size_bytes = _number(block[124:136])
    if size_bytes is None:
        return None
    is_old = block[_MARK_AT] != b"ustar"
    name = text_of(block[:100])
    prefix = text_of(block[_PREFIX_AT]) if block[257:263] == b"ustar\x00" else ""
    kind = block[156:157]
    return Header(f"{prefix}/{name}" if prefix else name, size_bytes, b"0" if kind in b"\x00007" else kind, is_old)


def text_of(data: bytes) -> str:
    """A name up to its NUL."""
    return data.partition(b"\x00")[0].decode("utf-8", "replace")


def extended(data: bytes) -> dict[str, str]:
    """The records of a pax header: `length key=value` and a line end."""
    found: dict[str, str] = {}
    at = 0
    for _ in range(_RECORDS_MAX):
        blank = data.find(b" ", at, at + 20)
        if blank < 0 or not data[at:blank].isdigit():
            break
        end = at + int(data[at:blank])
        key, equals, value = data[blank + 1 : end - 1].partition(b"=")
        if not equals or end <= blank:
            break
        found[key.decode("utf-8", "replace")] = value.decode("utf-8", "replace")
        at = end
    return found


def _number(field: bytes) -> int | None:
    """An octal number, or GNU's binary one; None where it is neither. Never negative."""
    if field[0] & _BINARY:
        value = int.from_bytes(field, "big") & ~(_BINARY << 8 * (len(field) - 1))
        return None if field[0] & 0x40 else value
    text = field.strip(b" \x00")
    if not text:
        return 0
    digits = text.partition(b"\x00")[0]
    return int(digits, 8) if not digits.strip(b"01234567") else None
