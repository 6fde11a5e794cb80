"""What is counted of one column while its values stream by: nulls, ends, lengths, distinct values, samples.

Values come in runs, so that each count is one pass at the speed of C. All of it is in fixed memory and without chance:
the same values give the same column.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Final, TypeVar
from zlib import crc32

import msgspec

from headwater.formats.finding import SAMPLES_MAX, Column, Type
from headwater.formats.values.distinct import Distinct
from headwater.formats.values.types import clipped, typed

T = TypeVar("T", int, float, str)

_TEXT_CHARS_MAX: Final = 100  # of a text that is kept; longer ones are told apart by their check sum too
_ROOMS: Final = ((16, 20_000), (64, 4_000), (1_000, 256))  # so many distinct values and texts for the first so many
_ROOM_LEAST: Final = 32
_SPARSE: Final = 8  # names times rows for each value; beyond it most would be None
_INT64: Final = range(-(2**63), 2**63)
_INT53_MAX: Final = 2**53
_FLOAT_PLAIN: Final = (1e-5, 1e16)  # between these Python, and all others, write a float without an exponent
_SHAPES: Final[dict[type, str]] = {
    str: "texts",
    int: "numbers",
    float: "numbers",
    bool: "true and false",
    list: "lists",
    dict: "objects",
}
_OTHERS: Final[dict[type, tuple[Type, str]]] = {
    bool: (Type.BOOLEAN, "boolean"),
    list: (Type.LIST, "list"),
    dict: (Type.STRUCT, "struct"),
}
_SORTABLE: Final = ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d")


def runs_of(rows: Sequence[Mapping[str, object]]) -> dict[str, list[object]]:
    """The values of rows by their names, in order of first sight; a row without one has None, or is left out."""
    names = dict.fromkeys(chain.from_iterable(rows))
    if len(names) * len(rows) <= _SPARSE * sum(map(len, rows)):
        return {name: [row.get(name) for row in rows] for name in names}
    runs: dict[str, list[object]] = {name: [] for name in names}
    for row in rows:
        for name, value in row.items():
            runs[name].append(value)
    return runs


class Tally:
    """The counts of one column. `number` is its place among the columns: the first ones have the most room.

    Attributes:
        values: how many were no nulls.
        kinds: of which Python types they were.
        is_beyond_53: whether there was an integer that a float cannot hold.
    """

    def __init__(self, name: str, number: int = 0, path: tuple[str, ...] = ()) -> None:
        self.name = name
        self.path = path
        self.values = 0
        self.kinds: set[type] = set()
        self.is_beyond_53 = False
        self._room = next((room for most, room in _ROOMS if number < most), _ROOM_LEAST)
        self._distinct = Distinct(self._room)
        self._texts: list[str] = []
        self._text_ends: tuple[str, str] | None = None
        self._number_ends: tuple[float, float] | None = None
        self._int_ends: tuple[int, int] | None = None
        self._lengths: tuple[int, int] | None = None
        self._has_exponent = False
        self._has_long = False
        self._samples: dict[str, None] = {}

    @property
    def shapes(self) -> frozenset[str]:
        """What kinds of values there were, in the words of JSON."""
        return frozenset(_SHAPES.get(kind, "values") for kind in self.kinds)

    def add(self, values: Sequence[object], show: Callable[[object], str] = str) -> None:
        """Takes up a run of values, None for null. `show` writes lists and structs as text, for samples."""
        self.add_of(set(map(type, values)), values, show)

    def add_of(self, kinds: set[type], values: Sequence[Any], show: Callable[[object], str]) -> None:
        """As `add`, of values that are of these types."""
        if type(None) in kinds:
            kinds = kinds - {type(None)}
            values = [value for value in values if value is not None]
        if not values:
            return
        self.values += len(values)
        self.kinds |= kinds
        for kind in sorted(kinds, key=lambda each: each.__name__):
            self._of_kind(kind, values if len(kinds) == 1 else [each for each in values if type(each) is kind], show)

    def _of_kind(self, kind: type, values: Sequence[Any], show: Callable[[object], str]) -> None:
        if kind is str:
            self._add_texts(values)
        elif kind is int:
            self._add_ints(values)
        elif kind is float:
            self._add_floats(values)
        elif kind is bool:
            self._distinct.add([str(value).lower() for value in set(values)])
            self._sample(values, lambda value: str(value).lower())
        else:
            self._sample(values, show)

    def _fresh(self, values: Sequence[T]) -> Collection[T]:
        """The values without those that were there before, as far as that tells: ends and lengths are told by these."""
        is_told = not self._has_long and not self.kinds.issuperset({int, float})
        return self._distinct.fresh(values) if is_told else values

    def _sample(self, values: Sequence[object], show: Callable[[object], str]) -> None:
        if len(self._samples) < SAMPLES_MAX:
            for value in islice(values, 10 * SAMPLES_MAX):
                self._samples[clipped(show(value))] = None
                if len(self._samples) >= SAMPLES_MAX:
                    return

    def _add_texts(self, values: Sequence[str]) -> None:
        fresh = self._fresh(values)
        if fresh:
            lengths = set(map(len, fresh))
            most = max(lengths)
            self._lengths = _wider(self._lengths, min(lengths), most)
            if most > _TEXT_CHARS_MAX:
                self._has_long = True
                fresh = values = [each if len(each) <= _TEXT_CHARS_MAX else _shortened(each) for each in values]
            self._text_ends = _wider(self._text_ends, min(fresh), max(fresh))
            self._distinct.add(fresh)
        self._keep(values)
        self._sample(values, str)

    def _keep(self, values: Sequence[str]) -> None:
        """Texts to tell their type by: the first ones, then every so many."""
        left = self._room - len(self._texts)
        if left <= 0:
            return
        if len(self._texts) + len(values) <= self._room // 2:
            self._texts += values
        else:
            step = max(1, 8 * len(values) // left)
            self._texts += values[::step][:left]

    def _add_ints(self, values: Sequence[int]) -> None:
        fresh = self._fresh(values)
        if fresh:
            least, most = min(fresh), max(fresh)
            self._int_ends = _wider(self._int_ends, least, most)
            self.is_beyond_53 = self.is_beyond_53 or most > _INT53_MAX or least < -_INT53_MAX
            self._distinct.add(fresh)
        self._sample(values, str)

    def _add_floats(self, values: Sequence[float]) -> None:
        fresh = self._fresh(values)
        if fresh:
            finite = fresh if math.isfinite(sum(fresh)) else [value for value in fresh if math.isfinite(value)]
            if finite:
                least, most = min(finite), max(finite)
                self._number_ends = _wider(self._number_ends, least, most)
                smallest, largest = _FLOAT_PLAIN
                self._has_exponent = (
                    self._has_exponent
                    or max(abs(least), abs(most)) >= largest
                    or (least < smallest and any(0 < abs(value) < smallest for value in finite))
                )
            self._has_exponent = self._has_exponent or len(finite) < len(fresh)
            self._distinct.add(fresh)
        self._sample(values, str)

    def column(self, rows: int) -> Column:
        """The column, of so many rows: those without a value count as null."""
        counts = self._distinct
        is_plain = self.kinds <= {str, int, float, bool}
        column = self._read()
        return msgspec.structs.replace(
            column,
            nulls=max(0, rows - self.values) + (column.nulls or 0),
            distinct=counts.count if is_plain else None,
            is_unique=self._is_unique(counts) if is_plain and self.values else None,
            samples=tuple(self._samples),
            path=self.path,
        )

    def _is_unique(self, counts: Distinct) -> bool | None:
        if counts.is_exact:
            return counts.count == self.values
        return False if counts.count < self.values // 2 else None

    def _read(self) -> Column:
        kinds = self.kinds
        if not kinds:
            return Column(self.name, Type.NULL, "null")
        if kinds == {str}:
            return self._read_text()
        if kinds <= {int, float}:
            return self._read_number()
        kind, written = _OTHERS[next(iter(kinds))] if len(kinds) == 1 else (Type.JSON, "mixed")
        return Column(self.name, kind, written, misfits=0 if kind is Type.BOOLEAN else None)

    def _read_number(self) -> Column:
        ends: list[float] = [*(self._int_ends or ()), *(self._number_ends or ())]
        kind = Type.INTEGER
        if float in self.kinds:
            kind = Type.FLOAT if self._has_exponent else Type.DECIMAL
        elif self._int_ends is not None and not all(end in _INT64 for end in self._int_ends):
            kind = Type.DECIMAL
        least, most = (str(min(ends)), str(max(ends))) if ends else (None, None)
        return Column(self.name, kind, "number", misfits=0, min=least, max=most)

    def _read_text(self) -> Column:
        found = typed(self.name, self._texts)
        is_all = len(self._texts) == self.values
        is_text = found.type in {Type.TEXT, Type.NULL}
        least, most = self._text_ends or ("", "")
        if not is_text and not (is_all or found.format.startswith(_SORTABLE)):
            ends: tuple[str | None, str | None] = (None, None)
        elif is_all and not is_text:
            ends = (found.min, found.max)
        else:
            ends = (clipped(least), clipped(most))
        shortest, longest = self._lengths or (0, 0)
        return msgspec.structs.replace(
            found,
            type=Type.TEXT if is_text else found.type,
            null_texts=() if is_text else found.null_texts,
            misfits=found.misfits if is_all else None,
            nulls=found.nulls if is_all and not is_text else 0,
            min=ends[0],
            max=ends[1],
            length_min=shortest,
            length_max=longest,
        )


def _wider(ends: tuple[T, T] | None, least: T, most: T) -> tuple[T, T]:
    return (least, most) if ends is None else (min(ends[0], least), max(ends[1], most))


def _shortened(text: str) -> str:
    """A long text so that it differs from others that begin alike."""
    return f"{text[:_TEXT_CHARS_MAX]}\u2026{crc32(text.encode('utf-8', 'surrogatepass')):08x}"
