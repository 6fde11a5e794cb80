"""One XML document: its records, its columns, and whether it is whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from headwater.formats.budget import Budget
from headwater.formats.finding import Description, Table, Wholeness, Xml
from headwater.formats.trees.xml_known import Known
from headwater.formats.trees.xml_past import Past
from headwater.formats.trees.xml_paths import Paths
from headwater.formats.trees.xml_reader import Reader, local
from headwater.formats.trees.xml_records import Counted
from headwater.formats.trees.xml_source import text_of
from headwater.formats.trees.xml_tree import Tree
from headwater.formats.values.complaints import Complaints
from headwater.ports.ranges import Ranges
from headwater.terms import Completeness

_HEAD_BYTES: Final = 1024 * 1024


class Choice(msgspec.Struct, frozen=True):
    """Which elements are the records, and how the document is to be read."""

    path: tuple[str, ...] = ()
    others: tuple[tuple[tuple[str, ...], int], ...] = ()
    has_namespaces: bool = True
    is_unbound: bool = False
    root: str = ""


def describe(ranges: Ranges, budget: Budget) -> Description:
    """As `Format.describe`: the records are chosen by the first MiB, then all of it is gone through."""
    choice = _choose(ranges, budget, _HEAD_BYTES, Choice())
    if choice.is_unbound:
        choice = _choose(ranges, budget, _HEAD_BYTES, Choice(has_namespaces=False))
    look = _Look(ranges, budget, choice)
    if look.reader.is_unbound and budget.has():
        choice = _choose(ranges, budget, _HEAD_BYTES, Choice(has_namespaces=False))
        look = _Look(ranges, budget, choice)
    size_bytes = ranges.size_bytes
    if look.is_wrong_choice and (size_bytes is None or size_bytes > _HEAD_BYTES) and budget.has():
        choice = _choose(ranges, budget, look.source.read_bytes, choice)
        look = _Look(ranges, budget, choice)
    return look.description()


def _choose(ranges: Ranges, budget: Budget, size_bytes: int, how: Choice) -> Choice:
    """Chooses the records by the first bytes."""
    paths = Paths()
    reader = Reader(paths, Complaints(), has_namespaces=how.has_namespaces)
    for _ in reader.read(_first(text_of(ranges, budget, Complaints()).pieces(), size_bytes), is_all=False):
        pass
    path, others = paths.records()
    return Choice(path, tuple(others), how.has_namespaces, reader.is_unbound, reader.root)


def _first(pieces: Iterable[bytes], size_bytes: int) -> Iterator[bytes]:
    for piece in pieces:
        yield piece
        size_bytes -= len(piece)
        if size_bytes <= 0:
            return


class _Look:
    """A pass over a whole document, with the records chosen."""

    def __init__(self, ranges: Ranges, budget: Budget, choice: Choice) -> None:
        self._choice = choice
        self._complaints = Complaints()
        self.source = text_of(ranges, budget, self._complaints)
        self._records = Tree(choice.path or (choice.root,), self._complaints)
        self.reader = Reader(self._records, self._complaints, has_namespaces=choice.has_namespaces)
        known = Known(self.reader.written)
        self._counted = Counted(self._complaints, known)
        self.reader.past = Past(known, self._records)
        for _ in self.reader.read(self.source.pieces(), is_all=True):
            self._counted.add(self._records.take())
        if not self.reader.has_ended_badly:
            self._records.finish()
        self._counted.add(self._records.take())

    @property
    def is_wrong_choice(self) -> bool:
        """Whether most of the document lies outside of the records."""
        return self._records.outside > self._counted.cells + self._records.rows

    def description(self) -> Description:
        """What was found."""
        source, reader, complaints = self.source, self.reader, self._complaints
        if not self._choice.has_namespaces:
            sentence = "Prefixes are used that no namespace is declared for; strict readers stop at the first."
            complaints.note("unbound_prefix", sentence)
        self._tell_others()
        source.complain(complaints, must_be_unicode=False)
        is_all = source.is_all and not reader.is_stopped
        return Description(
            wholeness=self._wholeness(),
            dialect=Xml(reader.root, self._choice.path, reader.namespaces, reader.version, reader.has_dtd),
            encoding=source.encoding(),
            tables=self._tables(),
            problems=complaints.problems(),
            is_all=is_all,
            unread="" if is_all else self._unread(),
        )

    def _unread(self) -> str:
        if self.reader.is_refused:
            return "The XML was not looked at to its end, because of what is dangerous in it."
        if self.reader.is_stopped:
            return "What stands behind the place where it stops being one XML document was not looked at."
        return f"Of the XML only the first {self.source.read_bytes:,} bytes were looked at."

    def _tables(self) -> tuple[Table, ...]:
        rows = self._records.rows
        if not self._choice.path and not self._counted.is_any:
            rows = 0
        return (self._counted.table(rows),) if self.reader.root else ()

    def _tell_others(self) -> None:
        others = self._choice.others
        if others:
            named = ", ".join(f"{_spoken(path)} ({count:,} times)" for path, count in others)
            chosen = _spoken(self._choice.path)
            sentence = f"The records were taken from {chosen}; what repeats too: {named}."
            self._complaints.note("other_records", sentence, count=len(others))

    def _wholeness(self) -> Wholeness:
        source = self.source
        whole = self.reader.wholeness()
        if source.broken is not None:
            return Wholeness(Completeness.SUSPECT, (source.broken.sentence, *whole.reasons))
        if not source.is_all and self.reader.is_cut:
            return Wholeness(Completeness.PRESUMED, ("Its end was not looked at.",))
        if self.reader.is_cut and self._choice.path and self._records.rows:
            name = local(self._choice.path[-1])
            reasons = (*whole.reasons, f"The last whole record is <{name}> number {self._records.rows:,}.")
            return Wholeness(Completeness.SUSPECT, reasons)
        return whole


def _spoken(path: tuple[str, ...]) -> str:
    return "/" + "/".join(local(name) for name in path)
