"""Records of JSON as they stream by: decoded in runs, counted column by column, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from headwater.formats.finding import COLUMNS_MAX, Column, Table, Type
from headwater.formats.trees.json_columns import NO_VALUE, Columns
from headwater.formats.trees.json_repair import Sign, TooDeep, Unreadable, depth_of, duplicates, leniently
from headwater.formats.values.complaints import Complaints
from headwater.formats.values.tally import Tally, runs_of

NO_NAME: Final = "json"
"""The column of values that are no objects, as DuckDB calls it."""

_DUPLICATES_FULLY: Final = 20_000  # so many records are looked through for keys that come twice, then
_DUPLICATES_A_RUN: Final = 20  # so many of each run
_DEPTHS: Final = 2_000
_BIG: Final = re.compile(rb"[:\[,]\s*-?(\d{16,})\s*[,\]}\r\n]")
_DIGITS: Final = bytes.maketrans(b"123456789", b"000000000")
_INT53_MAX: Final = 2**53
_INT64_MAX: Final = 2**63 - 1
_SENTENCES: Final = {
    Sign.NUMBERS: "{where} holds NaN or Infinity, which JSON does not know; strict readers refuse it.",
    Sign.COMMENTS: "{where} holds a comment, which JSON does not know; most readers refuse it.",
    Sign.SINGLE_QUOTES: "{where} has texts in single quotes; JSON wants double quotes, and most readers refuse it.",
    Sign.WORDS: "{where} says None, True, False or undefined as a programming language does; JSON does not know them.",
    Sign.TRAILING_COMMA: "{where} has a comma after the last value of a list or object; strict readers refuse it.",
    Sign.SURROGATES: "{where} holds half of a character that is written in two parts; most readers refuse it.",
    Sign.UNQUOTED_KEYS: "{where} has keys without quotes; JSON wants them quoted, and most readers refuse it.",
}

_encode: Final = msgspec.json.Encoder().encode


class Records:
    """The records of one list (or of all lines).

    `word` is what a record is called in sentences (“Line”, “Record”).

    Attributes:
        rows: how many values could be read.
        objects: how many of them are objects.
        seen: how many there were, also those that cannot be read; `row` of a problem is counted by it.
        size_bytes: how long they are together.
        depth_max: how deep they are nested, of those that were looked at for it.
    """

    def __init__(self, complaints: Complaints, word: str = "Record") -> None:
        self._complaints = complaints
        self._word = word
        self._tallies: dict[str, Tally] = {}
        self._plain = Tally(NO_NAME)
        self._columns = Columns()
        self._looked = 0
        self._is_sampled = False
        self.rows = 0
        self.objects = 0
        self.seen = 0
        self.size_bytes = 0
        self.depth_max = 0

    def add_run(self, values: Sequence[object], raws: Sequence[bytes], joined: bytes, numbers: Sequence[int]) -> None:
        """A run of values that were decoded, their bytes one by one and together, and which ones they are from 1 on."""
        objects = [value for value in values if isinstance(value, dict)]
        self.rows += len(values)
        if len(objects) < len(values):
            self._add_plain([value for value in values if not isinstance(value, dict)])
        self.objects += len(objects)
        self._add_objects(objects)
        self._look(values, raws, joined, numbers)

    def add_lines(self, lines: bytes, numbers: Sequence[int]) -> bool:
        """A run of objects after each other, told apart by line ends; false, and nothing done, where it is not quickly
        told that they are as many and have no keys that did not come before.
        """
        columns = None
        if self._looked >= _DEPTHS:
            columns = self._columns.decode(lines, len(numbers), tuple(self._tallies))
        if columns is None:
            return False
        count = len(numbers)
        missing = 0
        self.rows += count
        self.objects += count
        for tally, column in zip(self._tallies.values(), columns, strict=True):
            values: Sequence[object] = column
            kinds = set(map(type, values))
            if type(NO_VALUE) in kinds:
                kinds.discard(type(NO_VALUE))
                values = [value for value in values if value is not NO_VALUE]
                missing += count - len(values)
            tally.add_of(kinds, values, shown)
        self._columns.tell_missing(missing, count * len(columns))
        if lines.count(b'":') != count * len(columns) - missing:
            sizes = (sum(value is not NO_VALUE for value in row) for row in zip(*columns, strict=True))
            self._look_for_duplicates(sizes, lines.split(b"\n"), numbers)
        self._looked += count
        if b"0" * 16 in lines.translate(_DIGITS):
            self._look_for_big(lines)
        return True

    def add_each(self, raws: Sequence[bytes], numbers: Sequence[int]) -> None:
        """Records one by one, for some of them may be no JSON."""
        values: list[object] = []
        good: list[tuple[bytes, int]] = []
        for raw, number in zip(raws, numbers, strict=True):
            try:
                value, signs = leniently(raw)
            except (TooDeep, Unreadable) as error:
                self._refuse(raw, number, error)
                continue
            for sign in sorted(signs):
                self._complaints.note(sign, _SENTENCES[sign].format(where=f"{self._word} {number:,}"), row=number)
            values.append(value)
            good.append((raw, number))
        if good:
            kept = [raw for raw, _ in good]
            self.add_run(values, kept, b"\n".join(kept), [number for _, number in good])

    def _refuse(self, raw: bytes, number: int, error: TooDeep | Unreadable) -> None:
        where = f"{self._word} {number:,}"
        if isinstance(error, Unreadable):
            sentence = f"{where} is no valid JSON: {error.sentence}."
            self._complaints.note("bad_record", sentence, row=number, example=raw.decode("utf-8", "replace"))
            return
        depth = depth_of(raw)
        self.depth_max = max(self.depth_max, depth)
        sentence = f"{where} is nested {depth:,} levels deep; most readers give up before."
        self._complaints.note("deep_nesting", sentence, row=number)

    def add_unread(self) -> None:
        """A record that is too long to be looked into; it counts as an object."""
        self.rows += 1
        self.objects += 1

    def _look(self, values: Sequence[object], raws: Sequence[bytes], joined: bytes, numbers: Sequence[int]) -> None:
        if self._looked < _DEPTHS:
            self.depth_max = max(self.depth_max, *map(depth_of, raws[:_DEPTHS]))
        keys = sum(len(value) for value in values if isinstance(value, dict))
        if joined.count(b'":') != keys:
            sizes = (len(value) if isinstance(value, dict) else -1 for value in values)
            self._look_for_duplicates(sizes, raws, numbers)
        self._looked += len(values)
        if b"0" * 16 in joined.translate(_DIGITS):
            self._look_for_big(joined)

    def _look_for_duplicates(self, sizes: Iterable[int], raws: Sequence[bytes], numbers: Sequence[int]) -> None:
        left = max(_DUPLICATES_A_RUN, _DUPLICATES_FULLY - self._looked)
        for size, raw, number in zip(sizes, raws, numbers, strict=True):
            if raw.count(b'":') == size:
                continue
            left -= 1
            if left < 0:
                self._is_sampled = True
                return
            for key in duplicates(raw):
                sentence = f"{self._word} {number:,} names “{key[:80]}” twice; readers keep only one of its values."
                self._complaints.note("duplicate_keys", sentence, row=number, example=key)

    def _look_for_big(self, joined: bytes) -> None:
        """Integers within lists and objects; those of the columns themselves are counted by their tallies."""
        if any(tally.is_beyond_53 for tally in self._tallies.values()):
            return
        big = [digits for digits in _BIG.findall(joined) if int(digits[:400]) > _INT53_MAX]
        if big:
            sentence = f"There are integers beyond {_INT53_MAX:,}; readers that use floating point lose digits."
            self._complaints.note("big_integers", sentence, example=big[0].decode(), count=len(big))

    def _add_plain(self, values: Sequence[object]) -> None:
        self._plain.add(values, shown)

    def _add_objects(self, objects: Sequence[dict[str, object]]) -> None:
        if not objects:
            return
        for name, run in runs_of(objects).items():
            tally = self._tally(name)
            if tally is not None:
                tally.add(run, shown)

    def _tally(self, name: str) -> Tally | None:
        tally = self._tallies.get(name)
        if tally is None:
            if len(self._tallies) >= COLUMNS_MAX:
                sentence = f"There are more than {COLUMNS_MAX:,} different keys; those after that are left out."
                self._complaints.note("too_many_columns", sentence)
                return None
            tally = self._tallies[name] = Tally(name, len(self._tallies))
        return tally

    def table(self) -> Table:
        """The table of these records, and what is to be said of them all."""
        if self._is_sampled:
            self._complaints.add_to("duplicate_keys", "Not every record was looked through for that.")
        if not self.objects:
            columns: tuple[Column, ...] = (self._plain.column(self.rows),) if self.rows else ()
            return Table(columns=columns, rows=self.rows)
        others = self.rows - self.objects
        if others:
            sentence = (
                f"{others:,} of {self.rows:,} values are no objects, though the others are; "
                "they have no columns, and many readers stop at them."
            )
            self._complaints.note("mixed_shapes", sentence, count=others, example=", ".join(sorted(self._plain.shapes)))
        columns = tuple(tally.column(self.objects) for tally in self._tallies.values())
        for tally, column in zip(self._tallies.values(), columns, strict=True):
            self._judge(tally, column)
        return Table(columns=columns, rows=self.objects)

    def _judge(self, tally: Tally, column: Column) -> None:
        name = column.name[:80]
        if tally.is_beyond_53:
            is_beyond_64 = column.type is Type.DECIMAL
            most = _INT64_MAX if is_beyond_64 else _INT53_MAX
            sentence = f"“{name}” holds integers beyond {most:,}; " + (
                "readers with 64 bits refuse them." if is_beyond_64 else "readers that use floating point lose digits."
            )
            self._complaints.note("big_integers", sentence, column=column.name, example=str(column.max))
        if column.type is Type.JSON:
            sentence = f"“{name}” is not always of the same kind: {', '.join(sorted(tally.shapes))}."
            self._complaints.note("mixed_types", sentence, column=column.name)


def shown(value: object) -> str:
    """A list or an object as JSON, for people."""
    return _encode(value).decode()
