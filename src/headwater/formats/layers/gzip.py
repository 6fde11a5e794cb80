"""gzip (RFC 1952), of one member or many, each with its CRC-32 and length checked."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from headwater.formats.budget import Budget
from headwater.formats.finding import Guess
from headwater.formats.format import Ends, Opened
from headwater.formats.layers.pull import Pull
from headwater.formats.layers.unpacked import FEED_BYTES, OUT_BYTES, Trace, note_junk, said, take_off
from headwater.ports.ranges import Broken, Ranges

_MAGIC: Final = b"\x1f\x8b"
_DEFLATE: Final = 8
_GZIP_BITS: Final = 31
_BLOCKED_AT: Final = slice(12, 14)  # the extra field of BGZF, which ends with an empty member (SAM specification, 4.1)
_RESERVED_FLAGS: Final = 0xE0


def recognise(ends: Ends) -> Guess | None:
    """By its magic number, the method and the flags that must be zero."""
    head = ends.head
    if not head.startswith(_MAGIC) or (len(head) > 2 and head[2] != _DEFLATE):  # noqa: PLR2004  (RFC 1952, 2.3)
        return None
    if len(head) > 3 and head[3] & _RESERVED_FLAGS:  # noqa: PLR2004  (the same)
        return None
    return Guess("gzip", 1.0, ("It begins with the mark of gzip.",))


def open(ranges: Ranges, budget: Budget) -> Opened:  # noqa: A001  (the word of format.Wrapping)
    """See `Wrapping.open`."""
    return take_off("gzip", ranges, budget, unpack)


def unpack(packed: Pull, trace: Trace) -> Iterator[bytes]:
    """All members one after another. Raises Broken."""
    is_blocked = packed.peek(_BLOCKED_AT.stop)[_BLOCKED_AT] == b"BC"
    while True:
        before = trace.unpacked_bytes
        yield from inflated(packed, trace, _GZIP_BITS, "gzip", "its checksum")
        trace.part_ended(before)
        mark = packed.peek(len(_MAGIC))
        if mark != _MAGIC:
            break
    if mark == _MAGIC[:1] and len(packed.peek(2)) == 1:
        raise Broken(f"The gzip stream ends inside its part {trace.parts + 1}.", trace.unpacked_bytes, is_cut=True)
    if is_blocked and not trace.empty_parts:
        raise said(trace, "blocked gzip", is_cut=True, before="the empty block that ends it")
    note_junk(packed, trace)
    many = f" of all {trace.parts:,} parts" if trace.parts > 1 else ""
    trace.proof = f"The checksum and the length at the end of the gzip stream agree with the contents{many}."


def inflated(packed: Pull, trace: Trace, window_bits: int, name: str, before_what: str) -> Iterator[bytes]:
    """One deflate stream (RFC 1951) in the wrapping that `window_bits` names (see zlib). Raises Broken."""
    inflater = zlib.decompressobj(window_bits)
    data = packed.some(FEED_BYTES)
    while True:
        earlier = inflater.copy()
        try:
            piece = inflater.decompress(data, OUT_BYTES)
        except zlib.error as error:
            yield _before_the_damage(earlier, data)
            raise _damaged(trace, name, str(error)) from None
        if piece:
            yield piece
        if inflater.eof:
            packed.give_back(inflater.unused_data)
            return
        data = inflater.unconsumed_tail or packed.some(FEED_BYTES)
        if not data and not piece:
            raise said(trace, name, is_cut=True, before=before_what)


def _before_the_damage(inflater: zlib._Decompress, data: bytes) -> bytes:
    """What can still be unpacked of the data that ended in an error: by smaller steps, then byte by byte."""
    rest = bytearray()
    for step_bytes in (4096, 64):
        while len(rest) < OUT_BYTES:
            earlier = inflater.copy()
            try:
                piece = inflater.decompress(data, step_bytes)
            except zlib.error:
                inflater = earlier
                break
            if not piece:
                break
            rest += piece
            data = inflater.unconsumed_tail
    try:
        for place in range(len(data)):
            rest += inflater.decompress(data[place : place + 1])
    except zlib.error:
        pass
    return bytes(rest)


def _damaged(trace: Trace, name: str, error: str) -> Broken:
    if "incorrect data check" in error or "incorrect length check" in error:
        return Broken(
            f"The checksum at the end of the {name} stream does not agree with its {trace.unpacked_bytes:,} "
            "unpacked bytes.",
            trace.unpacked_bytes,
            is_cut=False,
        )
    return said(trace, name, is_cut=False, before="")
