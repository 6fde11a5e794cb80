"""bzip2, of one stream or many; each block and each stream carries a CRC-32, which the library checks."""

from __future__ import annotations

import bz2
from collections.abc import Iterator
from typing import Final

from headwater.formats.budget import Budget
from headwater.formats.finding import Guess
from headwater.formats.format import Ends, Opened
from headwater.formats.layers.pull import Pull
from headwater.formats.layers.unpacked import Trace, drained, note_junk, said, take_off
from headwater.ports.ranges import Broken, Ranges

_MAGIC: Final = b"BZh"
_BLOCK: Final = b"1AY&SY"  # pi
_END: Final = b"\x17rE8P\x90"  # its square root
_HEADER_BYTES: Final = 10
_FEED_BYTES: Final = 4096


def recognise(ends: Ends) -> Guess | None:
    """By its magic number and that of its first block."""
    head = ends.head[:_HEADER_BYTES]
    if not _is_start(head):
        return None
    return Guess("bzip2", 1.0 if len(head) == _HEADER_BYTES else 0.6, ("It begins with the mark of bzip2.",))


def open(ranges: Ranges, budget: Budget) -> Opened:  # noqa: A001  (the word of format.Wrapping)
    """See `Wrapping.open`."""
    return take_off("bzip2", ranges, budget, unpack)


def unpack(packed: Pull, trace: Trace) -> Iterator[bytes]:
    """All streams one after another. Raises Broken."""
    while True:
        before = trace.unpacked_bytes
        try:
            yield from drained(bz2.BZ2Decompressor(), packed, _FEED_BYTES, (OSError, ValueError))
        except Broken as broken:
            if broken.sentence:
                raise
            raise said(trace, "bzip2", is_cut=broken.is_cut, before="its checksum") from None
        trace.part_ended(before)
        mark = packed.peek(_HEADER_BYTES)
        if not mark or not _is_start(mark):
            break
    note_junk(packed, trace)
    trace.proof = "The checksum at the end of the bzip2 stream agrees with the contents."


def _is_start(head: bytes) -> bool:
    """Whether this is the header of a stream, or as much of it as there is."""
    if not head or not (_MAGIC + b"\0").startswith(head[:3]):
        return False
    if len(head) > 3 and not b"1" <= head[3:4] <= b"9":  # noqa: PLR2004  (the mark has 3 bytes)
        return False
    mark = head[4:]
    return _BLOCK.startswith(mark) or _END.startswith(mark)
