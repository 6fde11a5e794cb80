"""The passages of a text that are looked at: all of a small one; of a large one beginning, end, some between."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from headwater.formats.budget import Budget
from headwater.formats.counted import counted
from headwater.formats.encodings.encoding import Decoded, decode, encoding_of
from headwater.formats.finding import Encoding, Problem
from headwater.ports.ranges import Broken, Ranges

WHOLE_BYTES: Final = 8 * 1024 * 1024
"""Texts up to this size are read whole."""

_HEAD_BYTES: Final = 1024 * 1024
_MIDDLE_BYTES: Final = 128 * 1024
_TAIL_BYTES: Final = 256 * 1024
_MIDDLES: Final = 2
_ALIGNED: Final = 4  # so that no character of UTF-16 or UTF-32 is cut


class Passages(NamedTuple):
    """Text that was read. `head` begins the text, `tail` ends it (the same text when all was read), `between` is what
    was read from its midst, from the beginning of a line on.
    """

    head: str
    between: tuple[str, ...]
    tail: str
    encoding: Encoding
    is_whole: bool
    is_end_read: bool  # the tail ends where the text ends
    size_bytes: int | None
    problems: tuple[Problem, ...]
    is_half: bool  # it ends inside a character
    broken: Broken | None
    unread: str

    def texts(self) -> list[str]:
        """All that was read, each once."""
        return [self.head] if self.is_whole or self.tail is self.head else [self.head, *self.between, self.tail]


class _Read(NamedTuple):
    windows: list[bytes]
    is_whole: bool
    is_end_read: bool
    size_bytes: int | None
    broken: Broken | None = None


def read_passages(ranges: Ranges, budget: Budget, encoding: Encoding | None = None) -> Passages:
    """Reads and decodes them, as far as the budget goes; `encoding` if it is known already. Raises Unavailable."""
    size_bytes = ranges.size_bytes
    if size_bytes is None or size_bytes <= WHOLE_BYTES:
        read = _streamed(ranges, budget)
    else:
        read = _sampled(ranges, budget, size_bytes)
    known = encoding or encoding_of(read.windows, is_whole=read.is_whole)
    last = len(read.windows) - 1
    pieces = []
    for number, window in enumerate(read.windows):
        data = window[known.bom_bytes :] if number == 0 else window
        is_end = number == last and read.is_end_read
        pieces.append(decode(data, known.name, is_start=number == 0, is_end=is_end))
    texts = [piece.text if number == 0 else _from_line(piece.text) for number, piece in enumerate(pieces)]
    head, tail = (texts[0], texts[-1]) if texts else ("", "")
    return Passages(
        head=head,
        between=tuple(texts[1:-1]),
        tail=tail,
        encoding=known,
        is_whole=read.is_whole,
        is_end_read=read.is_end_read,
        size_bytes=read.size_bytes,
        problems=tuple(_problems(pieces, known)),
        is_half=bool(pieces) and pieces[-1].is_half,
        broken=read.broken,
        unread="" if read.is_whole else _unread(read),
    )


def _streamed(ranges: Ranges, budget: Budget) -> _Read:
    """From the beginning to the end; what is beyond WHOLE_BYTES is passed by, but for its end."""
    kept: list[bytes] = []
    kept_bytes = 0
    tail = bytearray()
    total = 0
    broken = None
    try:
        for piece in budget.stream(ranges):
            total += len(piece)
            if kept_bytes < WHOLE_BYTES:
                kept.append(piece)
                kept_bytes += len(piece)
            else:
                tail += piece
                if len(tail) > 2 * _TAIL_BYTES:
                    del tail[:-_TAIL_BYTES]
    except Broken as error:
        broken = error
    is_end_read = broken is None and not budget.is_spent
    head = b"".join(kept)
    if total <= kept_bytes:
        return _Read([head], is_end_read, is_end_read, total, broken)
    del tail[: (len(tail) - total) % _ALIGNED]
    return _Read(
        [head[:_HEAD_BYTES], bytes(tail)], is_whole=False, is_end_read=is_end_read, size_bytes=total, broken=broken
    )


def _sampled(ranges: Ranges, budget: Budget, size_bytes: int) -> _Read:
    """The beginning, passages between, and the end."""
    windows: list[bytes] = []
    tail_at = size_bytes - _TAIL_BYTES
    tail_at -= tail_at % _ALIGNED
    middles = [(size_bytes * number // (_MIDDLES + 1)) // _ALIGNED * _ALIGNED for number in range(1, _MIDDLES + 1)]
    places = [(0, _HEAD_BYTES), *((at, _MIDDLE_BYTES) for at in middles), (tail_at, size_bytes - tail_at)]
    try:
        for at, length in places:
            windows.append(budget.read(ranges, at, length))
    except Broken as error:
        return _Read(windows, is_whole=False, is_end_read=False, size_bytes=size_bytes, broken=error)
    return _Read(windows, is_whole=False, is_end_read=True, size_bytes=size_bytes)


def _from_line(text: str) -> str:
    """A passage from the midst, from the beginning of its first line on."""
    begins = re.search(r"\n", text) or re.search(r"\r", text)
    return text[begins.end() :] if begins else ""


def _problems(pieces: Sequence[Decoded], encoding: Encoding) -> list[Problem]:
    problems = []
    bad = sum(piece.bad for piece in pieces)
    if bad:
        at = pieces[0].bad_at
        places = counted(bad, "place is", "places are")
        place = f"; the first at byte {at + encoding.bom_bytes:,}" if at is not None else ""
        problems.append(
            Problem(
                "bad_encoding",
                f"{places} no {spoken_encoding(encoding.name)}{place}. Readers that are strict stop there.",
                count=bad,
                at=None if at is None else at + encoding.bom_bytes,
            )
        )
    nuls = sum(piece.text.count("\x00") for piece in pieces)
    if nuls:
        at = pieces[0].text.find("\x00")
        sentence = f"It has {counted(nuls, 'NUL character')}, which no text holds; many readers stop at the first."
        problems.append(Problem("nul_bytes", sentence, count=nuls, at=at if at >= 0 and bad == 0 else None))
    return problems


def spoken_encoding(name: str) -> str:
    """An encoding as people say it."""
    known = {"cp1252": "Windows-1252", "iso8859-1": "Latin-1", "iso8859-15": "Latin-9", "iso8859-2": "Latin-2"}
    return known.get(name, name.upper())


def _unread(read: _Read) -> str:
    looked_at = sum(len(window) for window in read.windows)
    if read.broken is not None:
        return f"Only the first {looked_at:,} bytes can be had."
    if not read.is_end_read:
        return f"Only the first {looked_at:,} bytes were looked at; the budget ended there."
    return f"Of {read.size_bytes:,} bytes {looked_at:,} were looked at: the beginning, the end, and some between."
