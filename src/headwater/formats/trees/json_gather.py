"""What a JSON document holds, gathered while it is walked through: its lists of records, and its own members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from headwater.formats.finding import COLUMNS_MAX, Column, Table, Type
from headwater.formats.trees.json_records import Records
from headwater.formats.trees.json_scan import VALUE_BYTES_MAX, Found
from headwater.formats.trees.json_walk import Run
from headwater.formats.values.complaints import Complaints

LISTS_MAX: Final = 64
"""Lists that are looked into, of one document; the others are passed over."""

_RUN_VALUES: Final = 2_000
_RUN_BYTES: Final = 512 * 1024
_SHARE_MIN: Final = 0.5
_NAMES_OF_LISTS: Final = frozenset(
    [
        *("data", "results", "result", "items", "records", "rows", "value", "values", "features", "entries", "list"),
        *("elements", "objects", "hits", "content"),
    ]
)
_SHAPES: Final = {
    b"[": (Type.LIST, "list"),
    b"{": (Type.STRUCT, "struct"),
    b'"': (Type.TEXT, "text"),
    b"n": (Type.NULL, "null"),
    b"t": (Type.BOOLEAN, "boolean"),
    b"f": (Type.BOOLEAN, "boolean"),
}

_decode: Final = msgspec.json.Decoder().decode


class Runs:
    """Hands records on in runs, because a run is counted at the speed of C."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self._raws: list[bytes] = []
        self._numbers: list[int] = []
        self._bytes = 0

    def add(self, raw: bytes, number: int) -> None:
        """One record, and which one it is."""
        self._raws.append(raw)
        self._numbers.append(number)
        self._bytes += len(raw)
        if self._bytes >= _RUN_BYTES or len(self._raws) >= _RUN_VALUES:
            self.flush()

    def add_all(self, raws: list[bytes], joined: bytes, numbers: Sequence[int]) -> None:
        """A run that is one already."""
        try:
            values = list(map(_decode, raws))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            self.records.add_each(raws, numbers)
        else:
            self.records.add_run(values, raws, joined, numbers)

    def flush(self) -> None:
        """Hands on what waits."""
        if self._raws:
            raws, numbers = self._raws, self._numbers
            self._raws, self._numbers, self._bytes = [], [], 0
            self.add_all(raws, b"\n".join(raws), numbers)


class Gather:
    """A `json_walk.Sink`. `word` is what a record is called in sentences."""

    def __init__(self, complaints: Complaints) -> None:
        self._complaints = complaints
        self._lists: dict[tuple[str, ...], Runs] = {}
        self._sizes: dict[tuple[str, ...], int] = {}
        self._members: dict[str, tuple[bytes, bytes]] = {}

    def opened(self, path: tuple[str, ...]) -> None:
        """A list begins."""
        if len(self._lists) < LISTS_MAX and path not in self._lists:
            self._lists[path] = Runs(Records(self._complaints))
            self._sizes[path] = 0

    def element(self, path: tuple[str, ...], found: Found, number: int) -> None:
        """A value of a list."""
        runs = self._lists.get(path)
        if runs is None:
            return
        self._sizes[path] += found.size_bytes
        runs.records.seen = max(runs.records.seen, number)
        if found.raw is None:
            sentence = (
                f"Record {number:,} is longer than {VALUE_BYTES_MAX:,} bytes; it is counted, but not looked into."
            )
            self._complaints.note("row_too_long", sentence, row=number, at=found.offset)
            runs.records.add_unread()
        else:
            runs.add(found.raw, number)

    def elements(self, path: tuple[str, ...], raws: list[bytes], run: Run) -> None:
        """Values of a list, one after the other."""
        runs = self._lists.get(path)
        if runs is None:
            return
        self._sizes[path] += run.size_bytes
        runs.records.seen = max(runs.records.seen, run.number + len(raws) - 1)
        runs.flush()
        for begin in range(0, len(raws), _RUN_VALUES):
            some = raws[begin : begin + _RUN_VALUES]
            first = run.number + begin
            runs.add_all(some, b"\n".join(some), range(first, first + len(some)))

    def member(self, key: str, first: bytes, raw: bytes) -> None:
        """A value of the outermost object."""
        if len(self._members) < COLUMNS_MAX:
            self._members[key] = (first, raw)

    def finish(self) -> None:
        """Nothing more comes."""
        for runs in self._lists.values():
            runs.flush()

    @property
    def depth_max(self) -> int:
        """How deep records are nested, together with the lists that they lie in."""
        return max((runs.records.depth_max + len(path) + 1 for path, runs in self._lists.items()), default=0)

    def records(self, path: tuple[str, ...]) -> Records:
        """Those of one list."""
        return self._lists[path].records if path in self._lists else Records(self._complaints)

    def largest(self, size_bytes: int) -> tuple[str, ...] | None:
        """The list that a document of this size is made of, if it is: most of its bytes, or at least two objects."""
        whole = [path for path, runs in self._lists.items() if runs.records.objects]
        if whole:
            best = max(whole, key=lambda path: (self._sizes[path], -len(path)))
            is_most = self._sizes[best] >= size_bytes * _SHARE_MIN
            return best if is_most or self.records(best).objects > 1 else None
        empty = [path for path, runs in self._lists.items() if not runs.records.seen]
        named = [path for path in empty if path and path[-1].lower() in _NAMES_OF_LISTS]
        return named[0] if len(named) == 1 and len(self._lists) == 1 else None

    def others(self, path: tuple[str, ...]) -> list[tuple[str, ...]]:
        """The other lists of objects."""
        return [each for each, runs in self._lists.items() if each != path and runs.records.objects > 1]

    def as_row(self) -> Table:
        """The outermost object itself as the only row."""
        columns = []
        for key, (first, raw) in self._members.items():
            kind, said = _SHAPES.get(first, (Type.DECIMAL, "number"))
            column = Column(key, kind, said)
            if raw and kind not in {Type.LIST, Type.STRUCT}:
                records = Records(Complaints())
                records.add_each([raw], [1])
                column = msgspec.structs.replace(records.table().columns[0], name=key) if records.rows else column
            columns.append(column)
        return Table(columns=tuple(columns), rows=1)
