"""LZ4's block format (lz4_Block_format.md), for the small blocks of ORC's footers, whose size nobody states."""

from __future__ import annotations


def unpacked(data: bytes, size_bytes_max: int) -> bytes:
    """The contents of a block. Raises ValueError where it is damaged or larger than the limit."""
    out = bytearray()
    at = 0
    try:
        while at < len(data):
            token = data[at]
            literals, at = _length(data, at + 1, token >> 4)
            if literals > len(data) - at:
                raise ValueError("a block of LZ4 is cut")
            out += data[at : at + literals]
            at += literals
            if at == len(data):
                break
            back = int.from_bytes(data[at : at + 2], "little")
            matched, at = _length(data, at + 2, token & 15)
            matched += 4
            if not 0 < back <= len(out) or len(out) + matched > size_bytes_max:
                raise ValueError("a block of LZ4 is damaged")
            start = len(out) - back
            pattern = bytes(out[start:])
            out += (pattern * (matched // back + 1))[:matched]
    except IndexError:
        raise ValueError("a block of LZ4 is cut") from None
    return bytes(out)


def _length(data: bytes, at: int, nibble: int) -> tuple[int, int]:
    length = nibble
    if nibble == 15:  # noqa: PLR2004  (more follows)
        while data[at] == 255:  # noqa: PLR2004  (the same)
            length += 255
            at += 1
        length += data[at]
        at += 1
    return length, at
