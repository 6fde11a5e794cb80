"""zip archives: the directory first, then every member against its checksum; what is no archive to its makers
(workbooks, documents, books, programs) is told apart by the names in it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final

from headwater.formats.budget import Budget
from headwater.formats.finding import Guess, Layer, Problem, Wholeness
from headwater.formats.format import Ends, Held, Opened
from headwater.formats.layers import bzip2, xz, zstd
from headwater.formats.layers.gzip import inflated
from headwater.formats.layers.member_names import unsafe_names
from headwater.formats.layers.pull import Pull, Window, root_bytes
from headwater.formats.layers.unpacked import FEED_BYTES, Trace, Unpack, Unpacked, is_bomb
from headwater.formats.layers.zip_directory import (
    END,
    ENTRIES_MAX,
    LOCAL,
    LOCAL_BYTES,
    Directory,
    Entry,
    contents_at,
    read_directory,
    walk,
)
from headwater.formats.layers.zip_kinds import kind_of
from headwater.ports.ranges import Broken, Ranges
from headwater.terms import Completeness

KEPT_MAX: Final = 100
"""Members that keep their head and tail after they were checked; see `examine.MEMBERS_MAX`."""

_STORED: Final = 0
_RAW_BITS: Final = -15


def _inflate(packed: Pull, trace: Trace) -> Iterator[bytes]:
    yield from inflated(packed, trace, _RAW_BITS, "deflate", "its end")


def _copy(packed: Pull, trace: Trace) -> Iterator[bytes]:  # noqa: ARG001  (an Unpack)
    while piece := packed.some(FEED_BYTES):
        yield piece


_METHODS: Final[dict[int, Unpack]] = {
    _STORED: _copy,
    8: _inflate,
    12: bzip2.unpack,
    93: zstd.unpack,
    95: xz.unpack,
}


def recognise(ends: Ends) -> Guess | None:
    """By its magic number; the end record alone where something stands before the archive."""
    if ends.head.startswith((LOCAL, END, b"PK\x07\x08" + LOCAL)):
        kind = kind_of(ends)
        if kind not in {"zip", ""}:
            return Guess("zip", 0.5, ("It begins with the mark of zip, as this kind always does.",))
        return Guess("zip", 1.0, ("It begins with the mark of zip.",))
    at = ends.tail.rfind(END)
    if at >= 0 and len(ends.tail) >= at + 22 and b"PK\x01\x02" in ends.tail:
        return Guess("zip", 0.8, ("Its end is that of a zip; something else stands before the archive.",))
    return None


def open(ranges: Ranges, budget: Budget) -> Opened:  # noqa: A001  (the word of format.Wrapping)
    """See `Wrapping.open`. An archive of one file gives that file's contents."""
    directory = None
    sentence = "Its directory, which stands at the end of a zip, is missing: the archive is cut."
    try:
        if ranges.size_bytes is not None:
            directory = read_directory(ranges, ranges.size_bytes)
    except Broken as broken:
        sentence = broken.sentence
    if directory is None:
        return _salvaged(ranges, budget, sentence)
    return _Archive(ranges, budget, directory).opened()


class _Archive:
    """A zip whose directory was read."""

    def __init__(self, ranges: Ranges, budget: Budget, directory: Directory) -> None:
        self._ranges = ranges
        self._budget = budget
        self._directory = directory
        self._problems = list(unsafe_names(entry.name for entry in directory.entries))
        self._against: list[str] = [directory.fault] if directory.fault else []
        self._unpacked_bytes = 0
        self._unchecked = 0
        self._why_all = ""

    def opened(self) -> Opened:
        entries = self._directory.entries
        self._look_at_layout()
        held = [self._held(number, entry) for number, entry in enumerate(entries)]
        files = [each for each, entry in zip(held, entries, strict=True) if not entry.is_folder]
        real = [each for each in files if not each.name.startswith("__MACOSX/")]
        self._note_encrypted()
        one = real[0] if len(real) == 1 and real[0].contents is not None else None
        unpacked_bytes = None if self._unchecked else self._unpacked_bytes
        layer = Layer("zip", self._ranges.size_bytes, unpacked_bytes, self._directory.stated, one.name if one else "")
        return Opened(
            layer,
            self._wholeness(),
            one.contents if one else None,
            () if one else tuple(files),
            tuple(self._problems),
        )

    def _held(self, number: int, entry: Entry) -> Held:
        if entry.is_folder:
            return Held(entry.name, 0, None, "It is a folder.")
        contents, why = None, self._why_all or _why_not(entry)
        if not why:
            contents, why = self._contents(entry)
        if contents is None:
            self._unchecked += 1
        else:
            self._check(entry, contents)
        if number >= KEPT_MAX and contents is not None:
            contents, _ = self._contents(entry)
        return Held(entry.name, entry.size_bytes, contents, why)

    def _contents(self, entry: Entry) -> tuple[Ranges | None, str]:
        at = contents_at(self._ranges, entry)
        if at is None or at + entry.packed_bytes > self._directory.at:
            self._against.append(f"{entry.name} does not lie where the directory says.")
            return None, "It does not lie where the directory says."
        return _unpacked(self._ranges, entry, at), ""

    def _check(self, entry: Entry, contents: Ranges) -> None:
        """Unpacks a member once, for its checksum."""
        checked = contents if isinstance(contents, Unpacked) else Unpacked(contents, _checked(entry, _copy))
        if not self._budget.has():
            self._unchecked += 1
            return
        before = self._unpacked_bytes
        try:
            for _ in self._budget.stream(checked):
                self._unpacked_bytes = before + checked.trace.unpacked_bytes
                if is_bomb(self._unpacked_bytes, self._ranges.size_bytes or 0, root_bytes(self._ranges)):
                    checked.limit_bytes = checked.trace.unpacked_bytes
                    self._note_bomb()
                    break
        except Broken as broken:
            self._against.append(f"{entry.name}: {broken.sentence}")
            return
        self._unpacked_bytes = before + checked.trace.unpacked_bytes
        self._unchecked += not checked.trace.has_ended

    def _note_bomb(self) -> None:
        ratio = self._unpacked_bytes // max(self._ranges.size_bytes or 0, 1)
        self._why_all = "The archive unpacks to so much that it was given up."
        self._problems.append(
            Problem(
                "bomb",
                f"The zip unpacks to more than {ratio:,} times its size; unpacking stopped after "
                f"{self._unpacked_bytes:,} bytes.",
            )
        )

    def _look_at_layout(self) -> None:
        directory = self._directory
        if directory.stated > ENTRIES_MAX:
            sentence = f"The archive has {directory.stated:,} members; {ENTRIES_MAX:,} are listed."
            self._problems.append(Problem("too_many_members", sentence))
            self._unchecked += directory.stated - len(directory.entries)
        if directory.prefix_bytes:
            sentence = f"{directory.prefix_bytes:,} bytes stand before the archive: it may extract itself."
            self._problems.append(Problem("prefix", sentence))
        if directory.behind_bytes:
            sentence = f"Behind the end of the zip stand {directory.behind_bytes:,} bytes."
            self._problems.append(Problem("junk_after_end", sentence, at=self._ranges.size_bytes))
            self._against.append(sentence)
        ordered = sorted(directory.entries, key=lambda entry: entry.at)
        over = [
            later.name for entry, later in pairwise(ordered) if entry.at + LOCAL_BYTES + entry.packed_bytes > later.at
        ]
        if over:
            self._why_all = "Members of the archive overlap; it is not unpacked."
            sentence = "Members of the zip share the same bytes, as no program writes them."
            self._problems.append(Problem("overlapping_members", sentence, len(over), examples=tuple(over[:5])))
            self._against.append(sentence)

    def _note_encrypted(self) -> None:
        names = [entry.name for entry in self._directory.entries if entry.is_encrypted]
        if names:
            sentence = "Members are encrypted and cannot be looked into without the password."
            self._problems.append(Problem("encrypted", sentence, len(names), examples=tuple(names[:5])))

    def _wholeness(self) -> Wholeness:
        if self._against:
            return Wholeness(Completeness.SUSPECT, tuple(self._against[:10]))
        count = self._directory.stated
        if self._unchecked:
            rest = f"{self._unchecked:,} of its {count:,} members were not checked."
            return Wholeness(Completeness.PROVEN, (f"The zip ends with its directory; {rest}",))
        members = "its member agrees with its checksum" if count == 1 else f"all {count:,} agree with their checksums"
        return Wholeness(Completeness.PROVEN, (f"The zip ends with its directory, and {members}.",))


def _why_not(entry: Entry) -> str:
    if entry.is_encrypted:
        return "It is encrypted."
    if entry.method not in _METHODS:
        return f"It is packed by method {entry.method}, which is not unpacked here."
    return ""


def _unpacked(ranges: Ranges, entry: Entry, at: int) -> Ranges:
    packed = Window(ranges, at, entry.packed_bytes)
    if entry.method == _STORED and entry.size_bytes == entry.packed_bytes:
        return packed
    return Unpacked(packed, _checked(entry, _METHODS[entry.method]))


def _checked(entry: Entry, unpack: Unpack) -> Callable[[Pull, Trace], Iterator[bytes]]:
    """As `unpack`, held against the size and the checksum that the directory states."""

    def checked(packed: Pull, trace: Trace) -> Iterator[bytes]:
        crc, given = 0, 0
        for piece in unpack(packed, trace):
            crc, given = zlib.crc32(piece, crc), given + len(piece)
            if entry.size_bytes is not None and given > entry.size_bytes:
                raise Broken(f"It holds more than the {entry.size_bytes:,} bytes it states.", given, is_cut=False)
            yield piece
        if entry.size_bytes is None:
            return
        if given != entry.size_bytes:
            raise Broken(f"It holds {given:,} of the {entry.size_bytes:,} bytes it states.", given, is_cut=True)
        if crc != entry.crc:
            raise Broken("Its contents do not agree with their checksum.", given, is_cut=False)

    return checked


def _salvaged(ranges: Ranges, budget: Budget, sentence: str) -> Opened:
    """A zip without its directory: what its members' own headers still tell."""
    held: list[Held] = []
    for entry in walk(ranges):
        if not budget.has():
            break
        if entry.is_folder:
            continue
        why = _why_not(entry)
        at = None if why else contents_at(ranges, entry)
        held.append(Held(entry.name, entry.size_bytes, None if at is None else _unpacked(ranges, entry, at), why))
    one = held[0] if len(held) == 1 and held[0].contents is not None else None
    layer = Layer("zip", ranges.size_bytes, None, len(held), one.name if one else "")
    wholeness = Wholeness(Completeness.SUSPECT, (sentence,))
    return Opened(layer, wholeness, one.contents if one else None, () if one else tuple(held))
