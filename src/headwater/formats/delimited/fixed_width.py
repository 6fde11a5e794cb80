"""Text in columns of fixed width: fields stand at the same places in every line, with blanks between, or none."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from headwater.formats.budget import Budget
from headwater.formats.counted import counted
from headwater.formats.delimited.csv import line_end_of, lines_of
from headwater.formats.delimited.csv_columns import unique_names
from headwater.formats.delimited.csv_footer import is_trailer
from headwater.formats.delimited.csv_header import class_of, header_rows, names_of
from headwater.formats.delimited.csv_rows import Row
from headwater.formats.delimited.fixed_layout import LINES_MIN, Layout, cut, layout_of
from headwater.formats.delimited.text_batches import batches_of, texts, without_last
from headwater.formats.encodings.glimpse import glimpse
from headwater.formats.encodings.passages import Passages, read_passages
from headwater.formats.finding import Column, Description, Encoding, FixedWidth, Guess, Problem, Table, Wholeness
from headwater.formats.format import Ends
from headwater.formats.values.types import typed, uncounted
from headwater.ports.ranges import Ranges
from headwater.terms import Completeness

if TYPE_CHECKING:
    import pyarrow as pa

_LINES: Final = 200
_ROWS_KEPT: Final = 10_000
_MOST: Final = 0.9
_ALIGNED_MAX: Final = 0.2


def recognise(ends: Ends) -> Guess | None:
    """As `Format.recognise`."""
    text = glimpse(ends.head)
    if text is None:
        return None
    confidence = _judged(text)
    return (
        Guess("fixed_width", confidence, ("Its fields stand at the same places in all lines.",)) if confidence else None
    )


@lru_cache(maxsize=4)
def _judged(text: str) -> float:
    lines = lines_of(text)[:_LINES]
    filled = [line for line in lines if line.strip()]
    if len(filled) < LINES_MIN or any("\t" in line for line in filled):
        return 0.0
    if any(_delimits(mark, filled) for mark in ",;|"):
        return 0.0
    if not any("  " in line.strip() for line in filled) and len({line.count(" ") for line in filled}) == 1:
        return 0.0  # one blank between all fields delimits them
    layout = layout_of(lines)
    if layout is None:
        return 0.0
    rows = [cut(line, layout.fields) for line in lines[layout.first : layout.end] if line.strip()]
    cells = [cell for row in rows for cell in row]
    typed_share = sum(1 for cell in cells if class_of(cell) in "nd") / max(1, len(cells))
    confidence = 0.35 + 0.1 * min(3, len(layout.fields) - 1) + 0.2 * layout.is_even + 0.25 * min(1.0, typed_share * 2)
    if len(rows) < 6:  # noqa: PLR2004
        confidence *= 0.8
    wide = sum(1 for line in filled if "  " in line.strip() or layout.is_even)
    return round(min(0.93, confidence) * wide / len(filled), 3)


def describe(ranges: Ranges, budget: Budget) -> Description:
    """As `Format.describe`. Texts up to 8 MiB are read whole and counted; of larger ones passages."""
    passages = read_passages(ranges, budget)
    lines = lines_of(passages.head)
    layout = layout_of(lines[:_LINES]) or _one_field(lines)
    body = [line for line in lines[layout.first :] if line.strip("\x00 ")]
    rows = [cut(line, layout.fields) for line in body[:_ROWS_KEPT]]
    width = len(layout.fields)
    headers = header_rows(rows, width)[0]
    names = unique_names(names_of(rows[:headers], width), width)
    footer_rows = _footer_rows(lines, layout) if passages.is_whole else 0
    count = max(0, len(body) - headers - footer_rows)
    kept = rows[headers : headers + count]
    columns = _columns(names, kept)
    if not passages.is_whole or len(kept) < count:
        columns = tuple(uncounted(column) for column in columns)
    dialect = FixedWidth(
        fields=layout.fields,
        skip_lines=layout.first,
        header_rows=headers,
        footer_rows=footer_rows,
        line_end=line_end_of(passages.texts()),
    )
    usual = len(body[-1]) if body else 0
    odd = [(number, len(line)) for number, line in enumerate(body[headers:][:count], 1) if len(line) != usual]
    return Description(
        wholeness=_wholeness(passages, body, layout, footer_rows),
        dialect=dialect,
        encoding=passages.encoding,
        tables=(Table("", columns, count if passages.is_whole else None),),
        problems=(*passages.problems, *_problems(odd, layout, count)),
        is_all=passages.is_whole,
        unread=passages.unread,
    )


def _delimits(mark: str, lines: Sequence[str]) -> bool:
    """Whether a mark stands in all lines, and between fields, not inside one of several that blanks align."""
    if any(mark not in line for line in lines[1:]):
        return False
    cells = [cell.strip() for line in lines for cell in line.split(mark)]
    return sum(1 for cell in cells if "   " in cell) < len(cells) * _ALIGNED_MAX


def _one_field(lines: Sequence[str]) -> Layout:
    """Where no layout is found, each line is one field."""
    width = max((len(line) for line in lines), default=0)
    return Layout(((0, width),), first=0, end=len(lines), is_even=False)


def batches(ranges: Ranges, described: Description, table: str, budget: Budget) -> Iterator[pa.RecordBatch]:
    """As `Rows.batches`: every column is text, without the blanks around it."""
    dialect, encoding = described.dialect, described.encoding
    if table or not isinstance(dialect, FixedWidth) or not described.tables:
        return
    names = [column.name for column in described.tables[0].columns]
    lines = _lines(texts(ranges, encoding or Encoding("utf-8", 1.0), budget))
    body = (line for line in itertools.islice(lines, dialect.skip_lines, None) if line.strip("\x00 "))
    data = (cut(line, dialect.fields) for line in itertools.islice(body, dialect.header_rows, None))
    yield from batches_of(without_last(data, dialect.footer_rows), names)


def _lines(pieces: Iterator[str]) -> Iterator[str]:
    held = ""
    for piece in pieces:
        *lines, held = lines_of(held + piece)
        yield from lines
    if held:
        yield held


def _columns(names: Sequence[str], rows: Sequence[Row]) -> tuple[Column, ...]:
    cells: list[Sequence[str]] = list(zip(*rows, strict=True)) if rows else [() for _ in names]
    return tuple(typed(name, column) for name, column in zip(names, cells, strict=True))


def _footer_rows(lines: Sequence[str], layout: Layout) -> int:
    """Lines after the table: those outside its layout, or, of a long one, those that say themselves that it ends."""
    if len(lines) > _LINES:
        last = (line for line in reversed(lines) if line.strip("\x00 "))
        return sum(1 for _ in itertools.takewhile(is_trailer, last))
    return sum(1 for line in lines[layout.end :] if line.strip("\x00 "))


def _problems(odd: Sequence[tuple[int, int]], layout: Layout, count: int) -> Iterator[Problem]:
    if layout.is_even and odd and len(odd) < count:
        yield Problem(
            "ragged_rows",
            f"{counted(len(odd), 'row is', 'rows are')} of another length than all others.",
            count=len(odd),
            row=odd[0][0],
            examples=tuple(f"row {row:,}: {length:,} characters" for row, length in odd[:5]),
        )


def _wholeness(passages: Passages, body: Sequence[str], layout: Layout, footer_rows: int) -> Wholeness:
    signs = []
    if passages.broken is not None:
        signs.append(passages.broken.sentence)
    if passages.is_half:
        signs.append("The file ends in the middle of a character.")
    lines = [line for line in lines_of(passages.tail) if line.strip("\x00 ")]
    is_open = passages.is_end_read and not passages.tail.endswith(("\n", "\r"))
    if is_open and len(body) > LINES_MIN and lines and not (footer_rows and is_trailer(lines[-1])):
        lengths = Counter(len(line) for line in lines[:-1])
        usual, times = lengths.most_common(1)[0] if lengths else (0, 0)
        if len(lines[-1]) < usual and times >= (len(lines) - 1) * _MOST:
            signs.append(f"The last line has {len(lines[-1]):,} of {usual:,} characters, and no line end.")
        elif len(lines[-1]) <= layout.fields[-1][0]:
            signs.append("The last line ends before its last field, and has no line end.")
    if signs:
        return Wholeness(Completeness.SUSPECT, tuple(signs))
    return Wholeness(
        Completeness.PRESUMED,
        ("The last line is as long as it should be. Nothing in the file tells how many rows there should be.",),
    )


__all__ = ["batches", "cut", "describe", "recognise"]
