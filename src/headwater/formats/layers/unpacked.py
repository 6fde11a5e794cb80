"""What a compression holds, as `Ranges`: unpacked anew for each stream, in fixed memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from headwater.formats.budget import Budget
from headwater.formats.finding import Layer, Problem, Wholeness
from headwater.formats.format import HEAD_BYTES, TAIL_BYTES, Opened
from headwater.formats.layers.pull import Pull, root_bytes
from headwater.ports.ranges import Broken, Ranges
from headwater.terms import Completeness

FEED_BYTES: Final = 64 * 1024
OUT_BYTES: Final = 256 * 1024
BOMB_BYTES: Final = 100 * 1024 * 1024
BOMB_RATIO: Final = 200
EMPTY_PARTS_MAX: Final = 10_000
"""Parts without contents one after another; more are no data but a trap for whoever walks them."""


@dataclass
class Trace:
    """What one pass over a compression learnt.

    `parts` are members, streams or frames. `proof` is the sentence of a whole end; `junk_at` the packed offset of
    what stands behind it, `junk_is_zeros` whether that is padding.
    """

    unpacked_bytes: int = 0
    packed_bytes: int = 0
    parts: int = 0
    empty_parts: int = 0
    has_ended: bool = False
    proof: str = ""
    junk_at: int | None = None
    junk_is_zeros: bool = True
    problems: list[Problem] = field(default_factory=list)

    def part_ended(self, unpacked_before: int) -> None:
        """Counts a part that ended. Raises Broken where too many of them hold nothing."""
        self.parts += 1
        self.empty_parts = self.empty_parts + 1 if self.unpacked_bytes == unpacked_before else 0
        if self.empty_parts > EMPTY_PARTS_MAX:
            raise Broken(
                f"More than {EMPTY_PARTS_MAX:,} empty parts follow one another.", self.unpacked_bytes, is_cut=False
            )


Unpack = Callable[[Pull, Trace], Iterator[bytes]]
"""Unpacks all of it in pieces of at most 1 MiB; raises Broken where that ends too early."""


class Decompressor(Protocol):
    """What bz2 and lzma make."""

    @property
    def eof(self) -> bool:
        """Whether the end mark was read."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether more must be fed."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What was fed behind the end mark."""
        ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """The next bytes."""
        ...


class Unpacked:
    """The contents of `packed`, a `Ranges`. Head and tail (64 KiB each) are kept once they were seen.

    Attributes:
        trace: what the latest pass learnt.
        limit_bytes: where a bomb is given up; Broken there.
    """

    is_cheap: Final = False

    def __init__(self, packed: Ranges, unpack: Unpack) -> None:
        self._packed = packed
        self._unpack = unpack
        self._size_bytes: int | None = None
        self._head = b""
        self._tail = b""
        self._cursor: Pull | None = None
        self.root_bytes = root_bytes(packed)
        self.limit_bytes: int | None = None
        self.trace = Trace()

    @property
    def size_bytes(self) -> int | None:
        """Known once a pass came to the end."""
        return self._size_bytes

    @property
    def path(self) -> Path | None:
        """None."""
        return None

    def read(self, offset: int, size_bytes: int) -> bytes:
        """A range. Cheap in head and tail, and where it lies behind the range that was read before."""
        if self._size_bytes is not None:
            size_bytes = min(size_bytes, self._size_bytes - offset)
        if size_bytes <= 0:
            return b""
        if offset + size_bytes <= len(self._head):
            return self._head[offset : offset + size_bytes]
        if self._size_bytes is not None and offset >= self._size_bytes - len(self._tail):
            start = offset - (self._size_bytes - len(self._tail))
            return self._tail[start : start + size_bytes]
        cursor, self._cursor = self._cursor, None
        if cursor is None or cursor.position > offset:
            cursor = Pull(self)
        cursor.skip(offset - cursor.position)
        data = cursor.exactly(size_bytes)
        if len(data) == size_bytes:
            self._cursor = cursor
        return data

    def stream(self, offset: int = 0) -> Iterator[bytes]:
        """Unpacks from the beginning; gives what lies behind `offset`. Raises Broken, Unavailable."""
        skip = offset
        for piece in self._pass():
            if skip >= len(piece):
                skip -= len(piece)
                continue
            yield piece[skip:] if skip else piece
            skip = 0

    def _pass(self) -> Iterator[bytes]:
        trace = self.trace = Trace()
        packed = Pull(self._packed)
        tail = b""
        try:
            for piece in self._unpack(packed, trace):
                if not piece:
                    continue
                if self.limit_bytes is not None and trace.unpacked_bytes >= self.limit_bytes:
                    raise Broken("It is not unpacked any further.", trace.unpacked_bytes, is_cut=False)  # noqa: TRY301
                if len(self._head) < HEAD_BYTES and trace.unpacked_bytes == len(self._head):
                    self._head += piece[: HEAD_BYTES - len(self._head)]
                tail = piece[-TAIL_BYTES:] if len(piece) >= TAIL_BYTES else (tail + piece)[-TAIL_BYTES:]
                trace.unpacked_bytes += len(piece)
                trace.packed_bytes = packed.position
                yield piece
        except Broken as broken:
            raise Broken(broken.sentence, trace.unpacked_bytes, is_cut=broken.is_cut) from None
        trace.has_ended = True
        trace.packed_bytes = packed.position
        self._size_bytes, self._tail = trace.unpacked_bytes, tail


def take_off(name: str, ranges: Ranges, budget: Budget, unpack: Unpack) -> Opened:
    """What `Wrapping.open` does for a compression: one pass over it, as far as the budget goes."""
    contents = Unpacked(ranges, unpack)
    problems: list[Problem] = []
    broken: Broken | None = None
    try:
        for _ in budget.stream(contents):
            if is_bomb(contents.trace.unpacked_bytes, contents.trace.packed_bytes, contents.root_bytes):
                contents.limit_bytes = contents.trace.unpacked_bytes
                problems.append(_bomb(name, contents.trace))
                break
    except Broken as caught:
        broken = caught
    trace = contents.trace
    problems += trace.problems
    if trace.junk_at is not None:
        problems.append(_junk(name, trace, ranges.size_bytes))
    wholeness = _wholeness(name, trace, broken)
    layer = Layer(name, ranges.size_bytes, contents.size_bytes)
    return Opened(layer, wholeness, contents, problems=tuple(problems))


def is_bomb(unpacked_bytes: int, packed_bytes: int, outermost_bytes: int | None) -> bool:
    """Whether so much came out of so little that no data is like this; nested layers count together."""
    least = packed_bytes if outermost_bytes is None else min(packed_bytes, outermost_bytes)
    return unpacked_bytes > BOMB_BYTES and unpacked_bytes > BOMB_RATIO * max(least, 1)


def drained(
    decompressor: Decompressor, packed: Pull, feed_bytes: int, errors: type[Exception] | tuple[type[Exception], ...]
) -> Iterator[bytes]:
    """The contents of one stream. Raises Broken with an empty sentence for damage and for an end that came too early.

    Of a damaged stream, what came out of the last `feed_bytes` before the damage may be lost: bz2 and lzma keep it.
    """
    while not decompressor.eof:
        data = packed.some(feed_bytes) if decompressor.needs_input else b""
        is_end = decompressor.needs_input and not data
        if is_end:
            raise Broken("", 0, is_cut=True)
        try:
            piece = decompressor.decompress(data, OUT_BYTES)
        except errors:
            raise Broken("", 0, is_cut=False) from None
        if piece:
            yield piece
    packed.give_back(decompressor.unused_data)


def skip_zeros(packed: Pull) -> bool:
    """Goes over zero bytes; whether the end was reached with them."""
    while data := packed.some(FEED_BYTES):
        rest = data.lstrip(b"\x00")
        if rest:
            packed.give_back(rest)
            return False
    return True


def note_junk(packed: Pull, trace: Trace) -> None:
    """Writes down what stands behind the end, if anything does."""
    if packed.peek(1):
        trace.junk_at = packed.position
        trace.junk_is_zeros = skip_zeros(packed)


def said(trace: Trace, name: str, *, is_cut: bool, before: str) -> Broken:
    """The Broken of a compression, in the words of a person."""
    if is_cut:
        sentence = f"The {name} stream ends after {trace.unpacked_bytes:,} unpacked bytes, before {before}."
    else:
        sentence = f"The {name} stream is damaged after {trace.unpacked_bytes:,} unpacked bytes."
    return Broken(sentence, trace.unpacked_bytes, is_cut=is_cut)


def _wholeness(name: str, trace: Trace, broken: Broken | None) -> Wholeness:
    if broken is not None:
        return Wholeness(Completeness.SUSPECT, (broken.sentence,))
    if not trace.has_ended:
        return Wholeness(
            Completeness.PRESUMED,
            (f"Only the first {trace.unpacked_bytes:,} bytes of the {name} were unpacked; its end was not checked.",),
        )
    if trace.junk_at is not None and not trace.junk_is_zeros:
        return Wholeness(
            Completeness.SUSPECT,
            (f"Behind the end of the {name} stream stand bytes that are no {name}: a further part may be damaged.",),
        )
    return Wholeness(Completeness.PROVEN, (trace.proof,))


def _junk(name: str, trace: Trace, size_bytes: int | None) -> Problem:
    count = f"{size_bytes - (trace.junk_at or 0):,} " if size_bytes is not None else ""
    kind = "zero bytes (padding)" if trace.junk_is_zeros else f"bytes that are no {name}"
    return Problem("junk_after_end", f"Behind the end of the {name} stream stand {count}{kind}.", at=trace.junk_at)


def _bomb(name: str, trace: Trace) -> Problem:
    ratio = trace.unpacked_bytes // max(trace.packed_bytes, 1)
    return Problem(
        "bomb",
        f"The {name} unpacks to more than {ratio:,} times its size; unpacking stopped after "
        f"{trace.unpacked_bytes:,} bytes.",
    )
