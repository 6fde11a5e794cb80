"""Zstandard (RFC 8878): frames and skippable frames, walked block by block, so that a cut and a bomb are seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from headwater.formats.budget import Budget
from headwater.formats.finding import Guess, Problem
from headwater.formats.format import Ends, Opened
from headwater.formats.layers.pull import Pull
from headwater.formats.layers.unpacked import Trace, note_junk, said, take_off
from headwater.ports.ranges import Broken, Ranges

_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_SKIPPABLE: Final = range(0x184D2A50, 0x184D2A60)
_BLOCK_BYTES_MAX: Final = 128 * 1024
_WINDOW_BYTES_MAX: Final = 128 * 1024 * 1024
_RLE: Final = 1
_RESERVED: Final = 3


class _Header(msgspec.Struct, frozen=True):
    """A frame's header: its bytes, whether a checksum ends the frame, and how much memory it asks for."""

    data: bytes
    has_checksum: bool
    window_bytes: int
    dictionary: int


def recognise(ends: Ends) -> Guess | None:
    """By its magic number, or that of a skippable frame before a frame."""
    head = ends.head
    if head.startswith(_MAGIC):
        return Guess("zstd", 1.0, ("It begins with the mark of Zstandard.",))
    if _is_skippable(head[:4]) and len(head) >= 8:  # noqa: PLR2004  (mark and length)
        behind = 8 + int.from_bytes(head[4:8], "little")
        if head[behind : behind + 4] == _MAGIC:
            return Guess("zstd", 1.0, ("A skippable frame stands before the mark of Zstandard.",))
    return None


def open(ranges: Ranges, budget: Budget) -> Opened:  # noqa: A001  (the word of format.Wrapping)
    """See `Wrapping.open`."""
    return take_off("zstd", ranges, budget, unpack)


def unpack(packed: Pull, trace: Trace) -> Iterator[bytes]:
    """All frames one after another. Raises Broken."""
    unchecked = 0
    while True:
        mark = packed.peek(4)
        if not mark and trace.parts:
            break
        if _is_skippable(mark):
            _skip(packed, trace)
            trace.part_ended(trace.unpacked_bytes)
            continue
        if mark != _MAGIC:
            if not trace.parts or (len(mark) < len(_MAGIC) and _MAGIC.startswith(mark)):
                raise said(trace, "zstd", is_cut=len(mark) < len(_MAGIC), before="its first block")
            note_junk(packed, trace)
            break
        before = trace.unpacked_bytes
        header = _header(packed, trace)
        yield from _frame(packed, trace, header)
        unchecked += not header.has_checksum
        trace.part_ended(before)
    trace.proof = (
        "The zstd stream ends with its last block; it carries no checksum."
        if unchecked
        else "The checksum at the end of the zstd stream agrees with the contents."
    )


def _frame(packed: Pull, trace: Trace, header: _Header) -> Iterator[bytes]:
    """The contents of one frame, block by block (3.1.1). Raises Broken."""
    import zstandard  # noqa: PLC0415  (heavy)

    _check_limits(header, trace)
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES_MAX).decompressobj()
    is_last = False
    try:
        decompressor.decompress(header.data)
        while not is_last:
            block, is_last, is_whole = _block(packed, trace)
            yield decompressor.decompress(block)
            if not is_whole:
                raise said(trace, "zstd", is_cut=True, before="its last block")
    except zstandard.ZstdError:
        raise said(trace, "zstd", is_cut=False, before="") from None
    if not header.has_checksum:
        return
    end = packed.exactly(4)
    if len(end) < 4:  # noqa: PLR2004  (3.1.1)
        raise said(trace, "zstd", is_cut=True, before="its checksum")
    try:
        yield decompressor.decompress(end)
    except zstandard.ZstdError:
        raise Broken(
            f"The checksum at the end of the zstd stream does not agree with its {trace.unpacked_bytes:,} "
            "unpacked bytes.",
            trace.unpacked_bytes,
            is_cut=False,
        ) from None


def _block(packed: Pull, trace: Trace) -> tuple[bytes, bool, bool]:
    """A block with its header, whether it is the last, and whether all of it is there (3.1.1.2). Raises Broken."""
    start = packed.exactly(3)
    if len(start) < 3:  # noqa: PLR2004  (the header)
        return start, False, False
    word = int.from_bytes(start, "little")
    kind, size_bytes = word >> 1 & 3, word >> 3
    if kind == _RESERVED or size_bytes > _BLOCK_BYTES_MAX:
        raise said(trace, "zstd", is_cut=False, before="")
    stored_bytes = 1 if kind == _RLE else size_bytes
    block = packed.exactly(stored_bytes)
    return start + block, bool(word & 1), len(block) == stored_bytes


def _header(packed: Pull, trace: Trace) -> _Header:
    """RFC 8878, 3.1.1.1. Raises Broken."""
    fixed = packed.peek(5)
    descriptor = fixed[4] if len(fixed) == 5 else 0  # noqa: PLR2004  (magic and descriptor)
    is_single, has_checksum = bool(descriptor & 0x20), bool(descriptor & 0x04)
    dictionary_bytes = (0, 1, 2, 4)[descriptor & 3]
    content_bytes = (1 if is_single else 0, 2, 4, 8)[descriptor >> 6]
    size_bytes = 5 + (not is_single) + dictionary_bytes + content_bytes
    data = packed.exactly(size_bytes)
    if len(data) < size_bytes:
        raise said(trace, "zstd", is_cut=True, before="its first block")
    if is_single:
        window = int.from_bytes(data[-content_bytes:], "little") + (256 if content_bytes == 2 else 0)  # noqa: PLR2004
    else:
        base = 1 << (10 + (data[5] >> 3))
        window = base + (base >> 3) * (data[5] & 7)
    at = 5 + (not is_single)
    return _Header(data, has_checksum, window, int.from_bytes(data[at : at + dictionary_bytes], "little"))


def _check_limits(header: _Header, trace: Trace) -> None:
    """Raises Broken where a frame cannot be unpacked here."""
    if header.window_bytes > _WINDOW_BYTES_MAX:
        sentence = f"Unpacking the zstd stream needs {header.window_bytes:,} bytes of memory; 128 MiB are allowed."
        trace.problems.append(Problem("unpack_limit", sentence))
        raise Broken(sentence, trace.unpacked_bytes, is_cut=False)
    if header.dictionary:
        sentence = f"The zstd stream was packed with dictionary {header.dictionary}, which is not part of it."
        trace.problems.append(Problem("dictionary_missing", sentence))
        raise Broken(sentence, trace.unpacked_bytes, is_cut=False)


def _skip(packed: Pull, trace: Trace) -> None:
    """Goes over a skippable frame (3.1.2). Raises Broken."""
    start = packed.exactly(8)
    size_bytes = int.from_bytes(start[4:], "little")
    if len(start) < 8 or packed.skip(size_bytes) < size_bytes:  # noqa: PLR2004  (mark and length)
        raise said(trace, "zstd", is_cut=True, before="the end of a skippable frame")


def _is_skippable(mark: bytes) -> bool:
    return len(mark) == 4 and int.from_bytes(mark, "little") in _SKIPPABLE  # noqa: PLR2004  (3.1.2)
