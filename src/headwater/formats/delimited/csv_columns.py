"""The columns of delimited text, and what looks wrong with its rows, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest
from typing import Final

from headwater.formats.counted import counted
from headwater.formats.delimited.csv_footer import Footer
from headwater.formats.delimited.csv_rows import ROW_CHARS_MAX, Row
from headwater.formats.delimited.csv_shape import Shape
from headwater.formats.delimited.csv_table import Pass
from headwater.formats.encodings.passages import Passages
from headwater.formats.finding import COLUMNS_MAX, Column, Csv, Problem
from headwater.formats.values.types import clipped, typed, uncounted

_EXAMPLES_MAX: Final = 5
_HEADER_SURE: Final = 0.56


def columns_of(found: Pass, names: Row, footer_rows: int, *, is_all: bool) -> tuple[Column, ...]:
    """A column for each field, typed by the rows that were kept. What counts values is there if all rows were kept."""
    kept = found.kept[: max(0, found.rows - footer_rows)]
    width = min(found.width, COLUMNS_MAX)
    values: list[Sequence[str | None]] = list(islice(zip_longest(*kept), width)) if kept else []
    values += [()] * (width - len(values))
    columns = [typed(name, cells) for name, cells in zip(unique_names(names[:width], width), values, strict=True)]
    is_counted = is_all and found.is_all_kept
    return tuple(column if is_counted else uncounted(column) for column in columns)


def unique_names(names: Sequence[str], width: int) -> list[str]:
    """Names that differ, also from each other's small letters: `a`, `a_1`; `column2` for the third without a name."""
    digits = len(str(max(0, width - 1)))
    taken: set[str] = set()
    unique = []
    for number in range(width):
        name = names[number] if number < len(names) else ""
        name = name or f"column{number:0{digits}d}"
        made, again = name, 0
        while made.lower() in taken:
            again += 1
            made = f"{name}_{again}"
        taken.add(made.lower())
        unique.append(made)
    return unique


def problems_of(found: Pass, dialect: Csv, shape: Shape, footer: Footer, passages: Passages) -> list[Problem]:
    """What looks wrong, one sentence each."""
    problems = list(_ragged(found, dialect, footer))
    if shape.confidence < _HEADER_SURE and found.rows:
        told = "names the columns" if dialect.header_rows else "is data"
        sentence = f"Nothing but custom says that the first row {told}."
        problems.append(Problem("header_unsure", sentence))
    problems += _names(shape, dialect)
    problems += _text(found, dialect, passages)
    if found.reader.too_long:
        count = found.reader.too_long
        sentence = f"{counted(count, 'row is', 'rows are')} longer than {ROW_CHARS_MAX:,} characters, and left out."
        problems.append(Problem("row_too_long", sentence, count=count))
    elif not passages.is_whole and "\n" not in passages.head and "\r" not in passages.head:
        sentence = f"The first line does not end within {len(passages.head):,} characters."
        problems.append(Problem("row_too_long", sentence))
    if found.reader.too_wide or shape.width >= COLUMNS_MAX:
        sentence = f"There are more than {COLUMNS_MAX:,} columns; the further ones were left out."
        problems.append(Problem("too_many_columns", sentence))
    return problems


def _ragged(found: Pass, dialect: Csv, footer: Footer) -> Iterator[Problem]:
    total = dialect.short_rows + dialect.long_rows
    if not total:
        return
    odd = [(row, fields) for row, fields in found.odd if row <= found.rows - footer.rows][:_EXAMPLES_MAX]
    fields = Counter(fields for _, fields in odd)
    kinds = []
    if dialect.short_rows:
        kinds.append(f"{counted(dialect.short_rows, 'has', 'have')} fewer")
    if dialect.long_rows:
        kinds.append(f"{counted(dialect.long_rows, 'has', 'have')} more")
    yield Problem(
        "ragged_rows",
        f"Not all rows have {found.width:,} fields: {' and '.join(kinds)}. Strict readers stop at the first of them.",
        count=total,
        row=odd[0][0] if odd else None,
        examples=tuple(f"row {row:,}: {count:,} fields" for row, count in odd) if fields else (),
    )


def _names(shape: Shape, dialect: Csv) -> Iterator[Problem]:
    if not dialect.header_rows:
        return
    counted = Counter(name.lower() for name in shape.names if name)
    twice = [name for name in dict.fromkeys(shape.names) if name and counted[name.lower()] > 1]
    if twice:
        named = ", ".join(clipped(name) for name in twice[:_EXAMPLES_MAX])
        sentence = f"More than one column is called: {named}. Readers rename or refuse them; here a number is added."
        yield Problem(
            "duplicate_names", sentence, count=len(twice), examples=tuple(map(clipped, twice[:_EXAMPLES_MAX]))
        )
    empty = [number for number, name in enumerate(shape.names, 1) if not name]
    if empty and len(empty) < len(shape.names):
        places = ", ".join(map(str, empty[:_EXAMPLES_MAX]))
        yield Problem("empty_names", f"Columns without a name: number {places}.", count=len(empty))


def _text(found: Pass, dialect: Csv, passages: Passages) -> Iterator[Problem]:
    reader = found.reader
    if dialect.line_end == "mixed":
        yield Problem("mixed_line_ends", "Lines end in more than one way; some readers then see rows that are none.")
    if reader.strays:
        places = counted(reader.strays, "place")
        sentence = f"In {places} quotes open or close where they should not; they were read as characters."
        yield Problem("stray_quotes", sentence, count=reader.strays)
    if passages.is_whole and reader.blanks:
        sentence = f"{counted(reader.blanks, 'line is', 'lines are')} blank, and not counted as rows."
        yield Problem("blank_lines", sentence, count=reader.blanks)
