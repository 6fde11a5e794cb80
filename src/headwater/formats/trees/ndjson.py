"""NDJSON: one JSON value a line. Each line is decoded, so that counts and validity are of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from headwater.formats.budget import Budget
from headwater.formats.encodings.text_source import Source
from headwater.formats.finding import Description, Guess, Json, Wholeness
from headwater.formats.format import Ends
from headwater.formats.trees.json_gather import Runs
from headwater.formats.trees.json_looks import looks
from headwater.formats.trees.json_records import Records
from headwater.formats.trees.json_repair import TooDeep, Unreadable, leniently
from headwater.formats.trees.json_rows import batches_of, lines_of
from headwater.formats.trees.json_scan import VALUE_BYTES_MAX
from headwater.formats.values.complaints import Complaints
from headwater.ports.ranges import Ranges
from headwater.terms import Completeness

if TYPE_CHECKING:
    import pyarrow as pa

_RUN_LINES: Final = 5_000


def recognise(ends: Ends) -> Guess | None:
    """As `Format.recognise`."""
    return looks(ends).lines


def describe(ranges: Ranges, budget: Budget) -> Description:
    """As `Format.describe`."""
    source = Source(ranges, budget)
    complaints = Complaints()
    reading = _Lines(source, complaints)
    reading.read()
    source.complain(complaints, must_be_unicode=True)
    table = reading.records.table()
    return Description(
        wholeness=reading.wholeness(),
        dialect=Json("lines", depth_max=reading.records.depth_max),
        encoding=source.encoding(),
        tables=(table,),
        problems=complaints.problems(),
        is_all=source.is_all,
        unread="" if source.is_all else f"Of the lines only those in the first {source.read_bytes:,} bytes were read.",
    )


def batches(ranges: Ranges, described: Description, table: str, budget: Budget) -> Iterator[pa.RecordBatch]:
    """As `Rows.batches`: the good lines."""
    del table
    source = Source(ranges, budget)
    yield from batches_of(lines_of(source.pieces()), described)


class _Lines:
    """A pass over the lines."""

    def __init__(self, source: Source, complaints: Complaints) -> None:
        self._source = source
        self._complaints = complaints
        self.records = Records(complaints, "Line")
        self._runs = Runs(self.records)
        self._line = 0
        self._last = b""
        self._is_endless = False

    def read(self) -> None:
        rest, is_skipping = b"", False
        for piece in self._source.pieces():
            head, found, tail = piece.rpartition(b"\n")
            if not found:
                rest = b"" if is_skipping else rest + piece
            else:
                lines = rest + head
                if is_skipping:
                    _, found, lines = head.partition(b"\n")
                if found:
                    self._block(lines)
                rest, is_skipping = tail, False
            if len(rest) > VALUE_BYTES_MAX:
                rest, is_skipping = b"", True
                self._too_long()
        self._last = rest
        self._is_endless = is_skipping
        if self._source.is_all and rest.strip():
            self._block(rest)

    def _too_long(self) -> None:
        self._line += 1
        sentence = (
            f"Line {self._line:,} is longer than {VALUE_BYTES_MAX:,} bytes; it was not looked into, and is not counted."
        )
        self._complaints.note("row_too_long", sentence, row=self._line)

    def _block(self, block: bytes) -> None:
        """Whole lines, without the last line end."""
        ends = block.count(b"\n")
        between = b"}\r\n{" if block.endswith(b"\r") else b"}\n{"
        if ends < _RUN_LINES and ends == block.count(between):  # so no object goes over an end
            numbers = range(self._line + 1, self._line + 2 + ends)
            if self.records.add_lines(block, numbers):
                self._line += len(numbers)
                return
        lines = block.split(b"\n")
        for begin in range(0, len(lines), _RUN_LINES):
            self._run(lines[begin : begin + _RUN_LINES])

    def _run(self, lines: list[bytes]) -> None:
        numbers = range(self._line + 1, self._line + 1 + len(lines))
        self._line += len(lines)
        kept = [(line, number) for line, number in zip(lines, numbers, strict=True) if line and not line.isspace()]
        blanks = len(lines) - len(kept)
        if blanks:
            first = next(number for line, number in zip(lines, numbers, strict=True) if not line or line.isspace())
            sentence = f"There are blank lines between the records, the first is line {first:,}."
            self._complaints.note("blank_lines", sentence, row=first, count=blanks)
        if kept:
            raws = [line for line, _ in kept]
            self._runs.add_all(raws, b"\n".join(raws), [number for _, number in kept])

    def wholeness(self) -> Wholeness:
        """Whether the last line is whole, as far as it tells."""
        source, last = self._source, self._last
        if source.broken is not None:
            return Wholeness(Completeness.SUSPECT, (source.broken.sentence, *self._about_last(last)))
        if not source.is_all:
            return Wholeness(Completeness.PRESUMED, ("The last lines were not looked at.",))
        signs = self._about_last(last)
        if signs:
            return Wholeness(Completeness.SUSPECT, tuple(signs))
        if last.strip():
            reason = "The last line has no line end, but it is a whole record; nothing tells that it is the last."
            return Wholeness(Completeness.PRESUMED, (reason,))
        return Wholeness(Completeness.PRESUMED, ("It ends after a whole line; nothing tells that it is the last.",))

    def _about_last(self, last: bytes) -> list[str]:
        """Signs in the last line that it is cut."""
        if self._is_endless:
            return [f"The last line is longer than {VALUE_BYTES_MAX:,} bytes, and has no line end."]
        if not last.strip(b"\0 \t\r"):
            return [f"The last {len(last):,} bytes are zero: the file was not written to its end."] * (b"\0" in last)
        try:
            value, _ = leniently(last)
        except Unreadable as error:
            return [f"The last line, {self._line:,}, is cut: {error.sentence}."]
        except TooDeep:
            return [f"The last line, {self._line:,}, is nested too deep to be followed, and it has no line end."]
        if self.records.objects and not isinstance(value, dict):
            return [f"The last line, {self._line:,}, is no object, though the others are, and it has no line end."]
        return []
