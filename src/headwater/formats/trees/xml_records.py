"""The records of an XML document: the elements of one path, each as columns.

An attribute is `@name`, what lies deeper `a/b`, the record's own text `#text`. What comes more than once in any record
is a list. An element without text and without anything in it is null.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from operator import attrgetter, methodcaller
from typing import TYPE_CHECKING, Final

import msgspec

from headwater.formats.finding import COLUMNS_MAX, Column, Table
from headwater.formats.trees.xml_known import SCHEMA, Known, Run, elements_of
from headwater.formats.trees.xml_reader import clark, local
from headwater.formats.values.complaints import Complaints
from headwater.formats.values.tally import Tally, runs_of

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

OWN_TEXT: Final = "#text"

_LEVELS_MAX: Final = 60  # of elements within a record; what lies deeper is left out

_PLANS_MAX: Final = 1_000
_TAG: Final = attrgetter("tag")
_TEXT: Final = attrgetter("text")
_KEYS: Final = methodcaller("keys")

_encode: Final = msgspec.json.Encoder().encode

Shown = str | None | list["Shown"] | dict[str, "Shown"]
Row = dict[str, Shown]


class Shape:
    """How records become columns: names as they are shown, and which elements are lists.

    Attributes:
        repeated: the paths of lists.
    """

    def __init__(self, repeated: Iterable[str] = ()) -> None:
        self.repeated = set(repeated)
        self._plans: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._taken: dict[str, str] = {}
        self._paths: dict[str, tuple[str, ...]] = {"": ()}

    def path(self, name: str) -> tuple[str, ...]:
        """Where a column lies, in Clark's notation."""
        return self._paths.get(name, ())

    def rows(self, records: Sequence[Element]) -> list[Row]:
        """Records as columns."""
        rows: list[Row] = []
        for record in records:
            names = self._plans.get(tuple(map(_TAG, record)))
            if names is None or any(map(len, record)) or any(map(_KEYS, record)):
                rows.append(self._row(record))
                continue
            row: Row = dict(zip(names, map(_TEXT, record), strict=True))
            if items := record.items():
                row = {**self._attributes(items, ""), **row}
            if _is_mixed(record) and (text := _text(record)) is not None:
                row[OWN_TEXT] = text
            rows.append(row)
        return rows

    def _row(self, record: Element) -> Row:
        """A record as columns, of a kind that did not come before, or that has more in it than texts."""
        row: Row = {}
        repeated = len(self.repeated)
        self._add(record, "", row, 0)
        text = _text(record)
        if text is not None:
            row[OWN_TEXT] = text
        if len(self.repeated) > repeated:
            self._plans.clear()
        tags = tuple(map(_TAG, record))
        names = tuple(self.name("", tag) for tag in tags)
        if len(set(names)) == len(names) and not self.repeated.intersection(names) and len(self._plans) < _PLANS_MAX:
            self._plans[tags] = names
        return row

    def _attributes(self, items: Iterable[tuple[str, str]], path: str) -> Row:
        return {self.name(path, name, "@"): value for name, value in items if not name.startswith(SCHEMA)}

    def _add(self, element: Element, path: str, row: Row, level: int) -> None:
        row.update(self._attributes(element.items(), path))
        tags = [child.tag for child in element]
        for child, tag in zip(element, tags, strict=True):
            name = self._names.get((path, tag)) or self.name(path, tag)
            if name in self.repeated:
                listed = row.setdefault(name, [])
                if isinstance(listed, list):
                    listed.append(_value(child, level))
            elif name in row:
                self.repeated.add(name)
            elif len(child) or child.keys():
                text = _text(child)
                if text is not None:
                    row[name] = text
                if level < _LEVELS_MAX:
                    self._add(child, name, row, level + 1)
            else:
                row[name] = child.text

    def name(self, path: str, tag: str, mark: str = "") -> str:
        """What a column is called: an element below a path, or with the mark "@" an attribute."""
        name = clark(tag)
        known = self._names.get((path, mark + tag))
        if known is not None:
            return known
        prefix = path + "/" if path else ""
        shown = prefix + mark + local(name)
        if self._taken.setdefault(shown, name) != name:
            shown = prefix + mark + name
        if len(self._names) < 2 * COLUMNS_MAX:
            self._names[path, mark + tag] = shown
            self._paths[shown] = (*self._paths.get(path, ()), mark + name)
        return shown


def _is_mixed(record: Element) -> bool:
    """Whether there is text around the elements of a record: before the first or after the last of them."""
    first = record.text
    last = record[-1].tail if len(record) else None
    return bool(first and not first.isspace()) or bool(last and not last.isspace())


def _text(element: Element) -> str | None:
    """The text of an element; None for blank space around or instead of other elements."""
    if not len(element):
        return element.text
    texts = [element.text or "", *(child.tail or "" for child in element)]
    return "".join(texts).strip() or None


def _value(element: Element, level: int) -> Shown:
    """An element of a list: its text, or what lies in it by name."""
    text = _text(element)
    members: dict[str, Shown] = {"@" + local(name): value for name, value in element.items()}
    if (not len(element) and not members) or level > _LEVELS_MAX:
        return text
    for child in element:
        name = local(child.tag)
        value = _value(child, level + 1)
        known = members.get(name)
        if name not in members:
            members[name] = value
        elif isinstance(known, list):
            known.append(value)
        else:
            members[name] = [known, value]
    if text is not None:
        members[OWN_TEXT] = text
    return members


def shown(value: object) -> str:
    """A list as JSON."""
    return _encode(value).decode()


class Counted:
    """Counts records column by column.

    Attributes:
        shape: how they become columns.
        known: how they are written, learnt from those that come as elements.
        cells: how many values there were.
    """

    def __init__(self, complaints: Complaints, known: Known) -> None:
        self._complaints = complaints
        self.known = known
        self._tallies: dict[str, Tally] = {}
        self.shape = Shape()
        self.cells = 0

    @property
    def is_any(self) -> bool:
        """Whether anything was in any record."""
        return bool(self._tallies)

    def add(self, parts: Sequence[list[Element] | Run]) -> None:
        """A run of records."""
        repeated = len(self.shape.repeated)
        rows = [part if isinstance(part, Run) else self.shape.rows(part) for part in parts]
        if len(self.shape.repeated) > repeated:
            self.known.forget()
            self._merge()
            rows = [self.shape.rows(elements_of(part) if isinstance(part, Run) else part) for part in parts]
        self.cells += sum(part.cells if isinstance(part, Run) else sum(map(len, part)) for part in rows)
        runs: dict[str, tuple[set[type], list[Sequence[object]]]] = {}
        for part in rows:
            for name, values in (part.values if isinstance(part, Run) else runs_of(part)).items():
                kinds, several = runs.setdefault(name, (set(), []))
                kinds.update({str} if isinstance(part, Run) else map(type, values))
                several.append(values)
        for name, (kinds, several) in runs.items():
            tally = self._tally(name)
            if tally is not None:
                tally.add_of(kinds, several[0] if len(several) == 1 else list(chain.from_iterable(several)), shown)
        for each in parts:
            if not isinstance(each, Run):
                self.known.learn(each, self.shape, self._tallies)

    def _tally(self, name: str) -> Tally | None:
        tally = self._tallies.get(name)
        if tally is None:
            if len(self._tallies) >= COLUMNS_MAX:
                sentence = f"There are more than {COLUMNS_MAX:,} different columns; those after that are left out."
                self._complaints.note("too_many_columns", sentence)
                return None
            tally = self._tallies[name] = Tally(name, len(self._tallies), self.shape.path(name))
        return tally

    def _merge(self) -> None:
        """Makes lists of the columns that turned out to be some."""
        merged: dict[str, Tally] = {}
        for name, tally in self._tallies.items():
            above = next((path for path in _ups(name) if path in self.shape.repeated), None)
            if above is None or tally.kinds == {list}:
                merged[name] = tally
                continue
            whole = merged.setdefault(above, Tally(above, len(merged), self.shape.path(above)))
            whole.values = max(whole.values, tally.values)
            whole.kinds = {list}
        self._tallies = merged

    def table(self, rows: int) -> Table:
        """The table, of so many rows."""
        columns: list[Column] = []
        for name, tally in self._tallies.items():
            column = tally.column(rows)
            path = tally.path if tally.path != (name,) else ()
            columns.append(msgspec.structs.replace(column, path=path))
        return Table(columns=tuple(columns), rows=rows)


def _ups(name: str) -> list[str]:
    """A path and all above it, from the top."""
    steps = name.split("/")
    return ["/".join(steps[: number + 1]) for number in range(len(steps))]
