"""xz (the .xz file format 1.2), of one stream or many with stream padding, and the older .lzma."""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from typing import Final

from headwater.formats.budget import Budget
from headwater.formats.finding import Guess, Problem
from headwater.formats.format import Ends, Opened
from headwater.formats.layers.pull import Pull
from headwater.formats.layers.unpacked import Trace, drained, note_junk, said, skip_zeros, take_off
from headwater.ports.ranges import Broken, Ranges

_MAGIC: Final = b"\xfd7zXZ\x00"
_FEED_BYTES: Final = 4096
_MEMORY_BYTES_MAX: Final = 160 * 1024 * 1024  # a window of 128 MiB; xz -9 makes 64 MiB
_CHECKS: Final = {lzma.CHECK_NONE: "", lzma.CHECK_CRC32: "CRC-32", lzma.CHECK_CRC64: "CRC-64", 10: "SHA-256"}


def recognise(ends: Ends) -> Guess | None:
    """By its magic number."""
    if not ends.head.startswith(_MAGIC):
        return None
    return Guess("xz", 1.0, ("It begins with the mark of xz.",))


def open(ranges: Ranges, budget: Budget) -> Opened:  # noqa: A001  (the word of format.Wrapping)
    """See `Wrapping.open`."""
    return take_off("xz", ranges, budget, unpack)


def unpack(packed: Pull, trace: Trace) -> Iterator[bytes]:
    """All streams one after another. Raises Broken."""
    check = ""
    while True:
        before = trace.unpacked_bytes
        decompressor = lzma.LZMADecompressor(lzma.FORMAT_XZ, _MEMORY_BYTES_MAX)
        try:
            yield from drained(decompressor, packed, _FEED_BYTES, (lzma.LZMAError, MemoryError, ValueError))
        except Broken as broken:
            if broken.sentence:
                raise
            if not broken.is_cut and not trace.unpacked_bytes:
                trace.problems.append(_WINDOW)
            raise said(trace, "xz", is_cut=broken.is_cut, before="its index") from None
        check = _CHECKS.get(decompressor.check, "")
        trace.part_ended(before)
        padding_at = packed.position
        if skip_zeros(packed):
            if packed.position > padding_at:
                _padding(packed, trace, padding_at)
            break
        mark = packed.peek(len(_MAGIC))
        if not _MAGIC.startswith(mark):
            note_junk(packed, trace)
            break
        if len(mark) < len(_MAGIC):
            raise Broken(f"The xz stream ends inside its part {trace.parts + 1}.", trace.unpacked_bytes, is_cut=True)
    checked = f", and its {check} checksums agree" if check else ""
    trace.proof = f"The xz stream ends with its index and end mark{checked}."


def _padding(packed: Pull, trace: Trace, padding_at: int) -> None:
    """Zeros at the end: the format allows multiples of four."""
    if (packed.position - padding_at) % 4:
        trace.junk_at = padding_at


_WINDOW: Final = Problem(
    "unpack_limit",
    "The xz stream could not be begun: it is damaged, or unpacking it needs more than 128 MiB of memory.",
)
