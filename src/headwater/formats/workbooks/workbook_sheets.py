"""The sheets of a workbook as tables: where the header stands, what the columns hold."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

import msgspec

from headwater.formats.finding import COLUMNS_MAX, Column, Table, Type
from headwater.formats.values.types import typed, uncounted

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

SAMPLE_ROWS: Final = 10_000
LOOK_ROWS: Final = 50
"""How far down a header is looked for."""

Cell = int | float | str | bool | dt.time | dt.date | dt.datetime | dt.timedelta
Row = Sequence[Cell]


class Sheet(msgspec.Struct, frozen=True):
    """A sheet as a table, with the rows above its header."""

    table: Table
    skip_rows: int
    header_rows: int


def sheet_of(sheet: CalamineSheet) -> Sheet:
    """Looks at all rows of a sheet; types are of the first SAMPLE_ROWS."""
    rows = iter(sheet.iter_rows())
    first = list(islice(rows, LOOK_ROWS))
    skip_rows, header_rows = _header_at(first)
    body = chain(first[skip_rows + header_rows :], rows)
    sample: list[Row] = []
    count = 0
    for row in body:
        if all(cell == "" for cell in row):
            continue
        count += 1
        if len(sample) < SAMPLE_ROWS:
            sample.append(row)
    width = min(max((len(row) for row in (*first, *sample)), default=0), COLUMNS_MAX)
    names = [str(cell) for cell in first[skip_rows]] if header_rows else []
    columns = [_column(number, names, sample, is_all=count == len(sample)) for number in range(width)]
    return Sheet(Table(sheet.name, tuple(columns), count), skip_rows, header_rows)


def rows_of(sheet: CalamineSheet, skip_rows: int) -> Iterator[list[str | None]]:
    """The rows behind the header as texts, empty ones left out."""
    for row in islice(sheet.iter_rows(), skip_rows, None):
        texts = [text_of(cell) for cell in row]
        if any(text is not None for text in texts):
            yield texts


def text_of(cell: Cell) -> str | None:
    """A cell as text; None for an empty one."""
    if cell == "" or cell is None:
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)  # noqa: PLR2004  (a double's digits)
    if isinstance(cell, dt.datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, dt.date | dt.time):
        return cell.isoformat()
    return str(cell)


def _header_at(rows: Sequence[Row]) -> tuple[int, int]:
    """How many rows stand above the header, and whether there is one.

    It is the first row that is as full as those below it: all texts, and none twice unless numbers stand below.
    """
    filled = [sum(cell != "" for cell in row) for row in rows]
    if not any(filled):
        return 0, 0
    usual = sorted(filled)[len(filled) * 3 // 4]
    start = next(number for number, count in enumerate(filled) if count and count >= max(1, usual * 0.6))
    cells = [cell for cell in rows[start] if cell != ""]
    below = rows[start + 1 :]
    if not all(isinstance(cell, str) for cell in cells):
        return start, 0
    names = {str(cell).strip() for cell in cells}
    is_typed_below = any(not isinstance(cell, str) for row in below for cell in row)
    if len(names) < len(cells) and not (is_typed_below and len(names) * 2 > len(cells)):
        return start, 0
    if below and not is_typed_below and any(name.replace(".", "").isdigit() for name in names):
        return start, 0
    return start, 1


def _column(number: int, names: Sequence[str], sample: Sequence[Row], *, is_all: bool) -> Column:
    cells = [row[number] if number < len(row) else "" for row in sample]
    name = names[number].strip() if number < len(names) else ""
    column = typed(name, [text_of(cell) for cell in cells])
    kinds = {_written(cell) for cell in cells if cell != ""}
    written = kinds.pop() if len(kinds) == 1 else "mixed" if kinds else "empty"
    if written == "text" and column.type in {Type.TIMESTAMP, Type.DATE, Type.TIME}:
        column = msgspec.structs.replace(column, written=written)
    else:
        column = msgspec.structs.replace(column, written=written, format="" if written != "text" else column.format)
    return column if is_all else uncounted(column)


def _written(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "boolean"
    if isinstance(cell, int | float):
        return "number"
    if isinstance(cell, str):
        return "text"
    return "duration" if isinstance(cell, dt.timedelta) else "date"
