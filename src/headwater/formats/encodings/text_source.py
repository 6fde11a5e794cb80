"""The text of a file as UTF-8, for one pass: read within a budget, its encoding told from its first bytes."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from headwater.formats.budget import Budget
from headwater.formats.counted import counted
from headwater.formats.encodings.encoding import encoding_of
from headwater.formats.encodings.transcode import Utf8, Written, codec_of, written
from headwater.formats.finding import Encoding
from headwater.formats.values.complaints import Complaints
from headwater.ports.ranges import Broken, Ranges

BLOCK_BYTES = 256 * 1024
"""Text is handed on in blocks of so many bytes, however the bytes came: what is found in it depends on them alone."""

_HEAD_BYTES: Final = 256 * 1024


class Source:
    """One pass over the bytes.

    Attributes:
        head: the first 256 KiB, as they are.
        written: how they are written, as far as they tell.
        broken: where the bytes could not be had any more, once it came to that.
        nul_bytes: how many bytes of the text were zero.
    """

    def __init__(self, ranges: Ranges, budget: Budget) -> None:
        self._budget = budget
        self._pieces = self._guarded(budget.stream(ranges))
        self.size_bytes = ranges.size_bytes
        self.broken: Broken | None = None
        self.nul_bytes = 0
        first: list[bytes] = []
        while sum(map(len, first)) < _HEAD_BYTES and (piece := next(self._pieces, None)) is not None:
            first.append(piece)
        self._held = b"".join(first)
        self.head = self._held[:_HEAD_BYTES]
        self._guess: Encoding | None = None
        self._is_declared = False
        self.written = self._told()
        self.utf8 = Utf8(self.written)

    def use(self, codec: str) -> None:
        """Reads the text in the encoding that it declares. Only before `pieces`."""
        self._is_declared = True
        self.written = Written(codec, self.written.bom_bytes)
        self.utf8 = Utf8(self.written)

    def _guarded(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        try:
            yield from pieces
        except Broken as broken:
            self.broken = broken

    def _told(self) -> Written:
        how = written(self.head)
        if how.is_certain or how.codec != "utf-8":
            return how
        try:
            codecs.utf_8_decode(self.head, "strict", False)  # noqa: FBT003 - takes no keywords
        except UnicodeDecodeError:
            self._guess = encoding_of([self.head], is_whole=len(self.head) < _HEAD_BYTES)
            return Written(codec_of(self._guess.name) or "utf-8")
        return how

    @property
    def is_all(self) -> bool:
        """Whether the budget reached to the end."""
        return not self._budget.is_spent

    @property
    def read_bytes(self) -> int:
        """How many bytes were read."""
        return self._budget.read_bytes

    def pieces(self) -> Iterator[bytes]:
        """The text as UTF-8, without its mark, to where it ends, breaks off, or the budget does."""
        blocks = _even(chain([self._held], self._pieces), BLOCK_BYTES)
        for piece in self.utf8.pieces(blocks):
            self.nul_bytes += piece.count(0)
            yield piece

    def encoding(self) -> Encoding:
        """How the text is written, after all was read."""
        how = self.written
        if self._guess is not None and codec_of(self._guess.name) == how.codec:
            return self._guess
        if self._is_declared:
            return Encoding(how.codec, 0.6 if self.utf8.bad_count else 0.95, ("The text itself declares it.",))
        if how.bom_bytes:
            return Encoding(how.codec, 1.0, ("A byte order mark says so.",), bom_bytes=how.bom_bytes, is_certain=True)
        if how.codec != "utf-8":
            return Encoding(how.codec, 0.98, ("Every other byte of the beginning is zero.",), is_certain=how.is_certain)
        if self.utf8.bad_count:
            return Encoding("utf-8", 0.6, ("Most of it is UTF-8, but not all.",))
        return Encoding("utf-8", 1.0, ("All that was read is valid UTF-8.",), is_certain=True)

    def complain(self, complaints: Complaints, *, must_be_unicode: bool) -> None:
        """Says what is wrong with the text itself."""
        utf8 = self.utf8
        if self._guess is not None and must_be_unicode and self.written.codec not in {"utf-8", "ascii"}:
            sentence = f"It is written in {self.written.codec}, but JSON has to be UTF-8; most readers will refuse it."
            complaints.note("bad_encoding", sentence)
        elif utf8.bad_count:
            place = "" if utf8.bad_at is None else f", the first at byte {utf8.bad_at + 1:,}"
            sentence = f"In {counted(utf8.bad_count, 'place')} the bytes are no {self.written.codec.upper()}{place}."
            complaints.note("bad_encoding", sentence, at=utf8.bad_at, count=utf8.bad_count)
        if self.nul_bytes:
            sentence = f"{counted(self.nul_bytes, 'byte is', 'bytes are')} zero; in text there should be none."
            complaints.note("nul_bytes", sentence, count=self.nul_bytes)


def _even(pieces: Iterable[bytes], size_bytes: int) -> Iterator[bytes]:
    """Pieces of the same size; the last one may be smaller."""
    waiting: list[bytes] = []
    held_bytes = 0
    for piece in pieces:
        waiting.append(piece)
        held_bytes += len(piece)
        if held_bytes >= size_bytes:
            joined = b"".join(waiting)
            end = held_bytes - held_bytes % size_bytes
            for begin in range(0, end, size_bytes):
                yield joined[begin : begin + size_bytes]
            waiting, held_bytes = [joined[end:]], held_bytes - end
    if held_bytes:
        yield b"".join(waiting)
