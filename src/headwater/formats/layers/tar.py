"""tar archives: old (v7), ustar, pax (POSIX.1-2024, pax) and GNU's long names; links and sparse files are listed."""

from __future__ import annotations

from typing import Final

from headwater.formats.budget import Budget
from headwater.formats.finding import SAMPLES_MAX, Guess, Layer, Problem, Wholeness
from headwater.formats.format import Ends, Held, Opened
from headwater.formats.layers.member_names import is_unsafe, unsafe_names
from headwater.formats.layers.pull import Pull, Window, is_cheap
from headwater.formats.layers.tar_header import BLOCK_BYTES, Header, extended, header_of, text_of
from headwater.formats.layers.unpacked import FEED_BYTES
from headwater.ports.ranges import Broken, Ranges
from headwater.terms import Completeness

MEMBERS_MAX: Final = 10_000
EXTENSION_BYTES_MAX: Final = 1024 * 1024
RECORD_BYTES: Final = 10_240
"""What most writers fill up with zeros: 20 blocks."""

_KEPT_BYTES_MAX: Final = 256 * 1024
_KEPT_BYTES_TOTAL_MAX: Final = 32 * 1024 * 1024
_ZEROS: Final = b"\x00" * BLOCK_BYTES
_KINDS: Final = {
    b"1": "It is a link to another member; links are not followed.",
    b"2": "It is a symbolic link; links are not followed.",
    b"3": "It is a device.",
    b"4": "It is a device.",
    b"5": "It is a folder.",
    b"6": "It is a pipe.",
    b"S": "It is a sparse file, which is not put together here.",
    b"M": "It is the rest of a file that began in another archive.",
    b"V": "It is the label of the archive.",
    b"D": "It is a folder.",
}
_WITHOUT_DATA: Final = frozenset({b"1", b"2", b"3", b"4", b"5", b"6"})
_FOLDERS: Final = frozenset({b"5", b"D", b"V"})


def recognise(ends: Ends) -> Guess | None:
    """By the checksum of its first header."""
    header = header_of(ends.head[:BLOCK_BYTES])
    if header is None:
        return None
    if header.is_old:
        plain = header.name and all(character.isprintable() for character in header.name)
        return Guess("tar", 0.9, ("Its first block is a tar header whose checksum holds.",)) if plain else None
    if header.name == "toc.dat":
        return Guess("tar", 0.5, ("It is a tar whose first member is toc.dat, as pg_dump writes it.",))
    return Guess("tar", 0.98, ("Its first block is a tar header whose checksum holds.",))


def open(ranges: Ranges, budget: Budget) -> Opened:  # noqa: A001  (the word of format.Wrapping)
    """See `Wrapping.open`. An archive of one file gives that file's contents."""
    return _Walk(ranges, budget).opened()


class _Walk:
    """One pass over a tar."""

    def __init__(self, ranges: Ranges, budget: Budget) -> None:
        self._ranges = ranges
        self._budget = budget
        self._pull = Pull(ranges)
        self._held: list[Held] = []
        self._folders = 0
        self._unlisted = 0
        self._name = ""
        self._unsafe_names: list[str] = []
        self._unsafe_count = 0
        self._problems: list[Problem] = []
        self._kept_bytes = 0
        self._unpacked_bytes = 0
        self._long_name = ""
        self._pax: dict[str, str] = {}
        self._wholeness: Wholeness | None = None

    def opened(self) -> Opened:
        try:
            while self._wholeness is None:
                self._step()
        except Broken as broken:
            self._against(broken.sentence)
        self._problems += unsafe_names(self._unsafe_names, self._unsafe_count)
        if self._unlisted:
            sentence = f"The archive has more than {MEMBERS_MAX:,} members; so many are listed."
            self._problems.append(Problem("too_many_members", sentence, self._unlisted))
        files = tuple(self._held)
        real = [each for each in files if not each.name.rpartition("/")[2].startswith("._")]
        one = real[0] if len(real) == 1 and real[0].contents is not None else None
        is_proven = self._wholeness is not None and self._wholeness.verdict is Completeness.PROVEN
        layer = Layer(
            "tar",
            self._ranges.size_bytes,
            self._unpacked_bytes if is_proven else None,
            len(files) + self._folders + self._unlisted,
            one.name if one else "",
        )
        return Opened(
            layer,
            self._wholeness or Wholeness(Completeness.PRESUMED),
            one.contents if one else None,
            () if one else files,
            tuple(self._problems),
        )

    def _against(self, sentence: str) -> None:
        self._wholeness = Wholeness(Completeness.SUSPECT, (sentence,))

    def _step(self) -> None:
        """One header with what belongs to it."""
        if not self._budget.has():
            count = len(self._held)
            self._wholeness = Wholeness(
                Completeness.PRESUMED, (f"The tar was read as far as its first {count:,} members; not to its end.",)
            )
            return
        at = self._pull.position
        block = self._pull.exactly(BLOCK_BYTES)
        if len(block) < BLOCK_BYTES:
            where = "inside a header" if block else "before its end mark"
            self._against(f"The tar ends {where}, after {len(self._held):,} members.")
        elif block == _ZEROS:
            self._end()
        elif (header := header_of(block)) is None:
            self._problems.append(Problem("damaged_member", "A header of the tar is damaged.", at=at))
            self._against(f"The tar is damaged behind its first {len(self._held):,} members.")
        else:
            self._member(header, block)

    def _member(self, header: Header, block: bytes) -> None:
        kind = header.kind
        if kind in {b"L", b"K", b"x", b"g", b"X"}:
            self._extension(header)
            return
        name = self._pax.get("path") or self._long_name or header.name
        size_bytes = self._size_bytes(header)
        why = _KINDS.get(kind, "")
        if any(key.startswith("GNU.sparse.") for key in self._pax):
            name, why = self._pax.get("GNU.sparse.name", name), _KINDS[b"S"]
        if kind == b"S":
            self._skip_sparse_maps(block)
        self._long_name, self._pax = "", {}
        self._name = name
        if is_unsafe(name):
            self._unsafe_count += 1
            self._unsafe_names = [*self._unsafe_names, name][:SAMPLES_MAX]
        if kind in _WITHOUT_DATA:
            size_bytes = 0
        contents = self._contents(size_bytes)
        if kind in _FOLDERS or name.endswith("/"):
            self._folders += 1
        elif len(self._held) < MEMBERS_MAX:
            self._held.append(Held(name, size_bytes, None if why else contents, why))
        else:
            self._unlisted += 1
        self._unpacked_bytes += size_bytes

    def _size_bytes(self, header: Header) -> int:
        stated = self._pax.get("size", "")
        return int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 20 else header.size_bytes  # noqa: PLR2004  (64 bits)

    def _contents(self, size_bytes: int) -> Ranges:
        """Goes over a member. Small ones inside a compression are kept, so that it is not unpacked for each anew."""
        at = self._pull.position
        kept = None
        if not is_cheap(self._ranges) and size_bytes <= min(_KEPT_BYTES_MAX, _KEPT_BYTES_TOTAL_MAX - self._kept_bytes):
            data = self._pull.exactly(size_bytes)
            there = len(data)
            if there == size_bytes:
                kept = data
                self._kept_bytes += size_bytes
        else:
            there = self._skip(size_bytes)
        if there < size_bytes:
            self._against(f"The tar ends after {there:,} of the {size_bytes:,} bytes of {self._name}.")
        elif self._pull.skip(-size_bytes % BLOCK_BYTES) < -size_bytes % BLOCK_BYTES:
            self._against(f"The tar ends right behind {self._name}, before its end mark.")
        return Window(self._ranges, at, size_bytes, kept=kept)

    def _skip(self, size_bytes: int) -> int:
        """Goes over bytes, as long as the budget lasts."""
        if is_cheap(self._ranges):
            return self._pull.skip(size_bytes)
        there = 0
        while there < size_bytes and self._budget.has():
            step = self._pull.skip(min(size_bytes - there, 1024 * 1024))
            there += step
            if not step:
                return there
        if there < size_bytes:
            self._wholeness = Wholeness(Completeness.PRESUMED, ("The tar was not read to its end.",))
        return size_bytes

    def _extension(self, header: Header) -> None:
        """A header that says something of the next one."""
        size_bytes = header.size_bytes
        if size_bytes > EXTENSION_BYTES_MAX:
            self._problems.append(Problem("damaged_member", "A name in the tar has more than a million bytes."))
            self._against("The tar has a name of more than a million bytes; it was not read any further.")
            return
        data = self._pull.exactly(size_bytes)
        if len(data) < size_bytes or self._pull.skip(-size_bytes % BLOCK_BYTES) < -size_bytes % BLOCK_BYTES:
            self._against(f"The tar ends inside a header, after {len(self._held):,} members.")
        if header.kind == b"L":
            self._long_name = text_of(data)
        elif header.kind in {b"x", b"X"}:
            self._pax = extended(data)

    def _skip_sparse_maps(self, block: bytes) -> None:
        has_more = block[482:483] not in {b"\x00", b""}
        while has_more:
            more = self._pull.exactly(BLOCK_BYTES)
            has_more = more[504:505] not in {b"\x00", b""}

    def _end(self) -> None:
        second = self._pull.exactly(BLOCK_BYTES)
        if second != _ZEROS:
            is_lone = not second
            where = "with half of its end mark" if is_lone else "in the middle of its end mark"
            self._wholeness = Wholeness(
                Completeness.PRESUMED if is_lone else Completeness.SUSPECT, (f"The tar ends {where}.",)
            )
            return
        padding_bytes = self._padding()
        if padding_bytes is None:
            return
        size_bytes = self._pull.position
        if size_bytes % BLOCK_BYTES:
            self._against("The zeros behind the end mark of the tar do not fill a block: its last bytes are missing.")
            return
        if padding_bytes and size_bytes % RECORD_BYTES:
            reason = "The tar has its end mark; the zeros behind it are fewer than most programs write."
            self._wholeness = Wholeness(Completeness.PRESUMED, (reason,))
            return
        count = len(self._held) + self._unlisted
        self._wholeness = Wholeness(
            Completeness.PROVEN,
            (f"The tar has its end mark behind {count:,} {'member' if count == 1 else 'members'}.",),
        )

    def _padding(self) -> int | None:
        """The zeros behind the end mark; None where other bytes stand there."""
        start = self._pull.position
        while self._budget.has() and (data := self._pull.some(FEED_BYTES)):
            rest = data.lstrip(b"\x00")
            if rest:
                at = self._pull.position - len(rest)
                sentence = "Behind the end mark of the tar stand other bytes."
                self._problems.append(Problem("junk_after_end", sentence, at=at))
                self._against(f"{sentence} They may be a second archive, which most programs do not read.")
                return None
        return self._pull.position - start
