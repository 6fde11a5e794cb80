"""What is gathered of each table of a dump while its text goes by: columns, counts, and some of its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from headwater.formats.dumps.sql_ddl import Declared
from headwater.formats.finding import COLUMNS_MAX, SAMPLES_MAX, Column, Problem, Table, Type
from headwater.formats.values.types import clipped, typed, uncounted

SAMPLE_ROWS_MAX: Final = 10_000
SAMPLE_BYTES_MAX: Final = 2 * 1024 * 1024
SAMPLE_BYTES_TOTAL_MAX: Final = 16 * 1024 * 1024
TABLES_MAX: Final = 10_000

_NUMBERS: Final = frozenset({Type.INTEGER, Type.DECIMAL, Type.FLOAT})
_OPAQUE: Final = frozenset({Type.TEXT, Type.BINARY, Type.JSON})
_UNSURE: Final = 0.5
_BOOLEANS: Final = (("t", "f"), ("1", "0"), ("true", "false"), ("TRUE", "FALSE"))

Row = Sequence[str | None]


@dataclass
class Gathered:
    """One table. `sample` holds rows as they are written, in the order of the columns of `heads`."""

    name: str
    declared: tuple[Declared, ...] = ()
    is_created: bool = False
    rows: int = 0
    lost: int = 0
    misfits: int = 0
    misfit: str = ""
    misfit_row: int = 0
    inserted: tuple[str, ...] = ()  # the columns that an INSERT or COPY names
    width: int = 0
    sample: list[tuple[tuple[str, ...], bytes, bool]] = field(default_factory=list)  # columns, row, whether of COPY
    sample_bytes: int = 0

    def names(self) -> tuple[str, ...]:
        """The names of its columns: as created, else as inserted, else by number."""
        if self.declared:
            known = tuple(column.name for column in self.declared)
            return known + tuple(name for name in self.inserted if name not in known)
        return self.inserted or tuple(f"column{number}" for number in range(1, min(self.width, COLUMNS_MAX) + 1))


def of_bytes(
    columns: Sequence[str], kinds: Mapping[str, tuple[Type | None, str]], names: Sequence[str]
) -> frozenset[int]:
    """The places of a row whose texts are bytes; `kinds` gives type and written type by column."""
    return frozenset(
        place
        for place, name in enumerate(columns or names)
        if (kind := kinds.get(name)) and (kind[0] is Type.BINARY or kind[1].lower().startswith("bit"))
    )


def placed(row: Row, columns: Sequence[str], names: Sequence[str]) -> list[str | None] | None:
    """The values of a row under `names`; None where their number does not fit. `columns` are those it was given for."""
    if len(row) != (len(columns) or len(names)):
        return None
    if not columns or columns == names:
        return list(row)
    by_name = dict(zip(columns, row, strict=True))
    return [by_name.get(name) for name in names]


def described(table: Gathered, rows: Sequence[Row]) -> Table:
    """A table with what its rows say: `rows` are those that were kept, under `table.names()`."""
    names = table.names()
    by_name = {column.name: column for column in table.declared}
    is_all = len(rows) == table.rows
    columns = []
    for number, name in enumerate(names):
        declared = by_name.get(name) or Declared(name, "", None)
        column = column_of(declared, [row[number] for row in rows])
        columns.append(column if is_all else uncounted(column))
    return Table(table.name, tuple(columns), table.rows)


def column_of(declared: Declared, values: Sequence[str | None]) -> Column:  # noqa: PLR0911 - one for each case
    """A column by its declared type, which its values must bear out, and by the values where the type is open."""
    present = [value for value in values if value is not None]
    seen = typed(declared.name, values)
    distinct = len(set(present))
    lengths = [len(value) for value in present]
    column = msgspec.structs.replace(
        seen,
        written=declared.written or "text",
        null_texts=(),
        nulls=len(values) - len(present),
        distinct=distinct,
        is_unique=distinct == len(present) if present else None,
        length_min=min(lengths, default=None),
        length_max=max(lengths, default=None),
        samples=tuple(clipped(value) for value in list(dict.fromkeys(present))[:SAMPLES_MAX]),
    )
    wanted = declared.type
    if wanted is None or seen.type is wanted:
        return column if present or not declared.written else msgspec.structs.replace(column, type=Type.TEXT)
    if not present:
        return msgspec.structs.replace(column, type=wanted)
    if wanted is Type.BOOLEAN:
        return _boolean(column, present)
    if wanted in _OPAQUE:
        return _plain(column, wanted, present)
    if wanted in _NUMBERS and seen.type in _NUMBERS:
        is_wider = (seen.type, wanted) in {
            (Type.INTEGER, Type.DECIMAL),
            (Type.INTEGER, Type.FLOAT),
            (Type.DECIMAL, Type.FLOAT),
        }
        return msgspec.structs.replace(column, type=wanted if is_wider else seen.type)
    if seen.type is Type.DATE and wanted in {Type.TIMESTAMP, Type.TIMESTAMPTZ}:
        return column
    return msgspec.structs.replace(_plain(column, wanted, present), confidence=_UNSURE, misfits=None)


def _plain(column: Column, kind: Type, present: Sequence[str]) -> Column:
    """A column whose values are not read as numbers or dates, whatever they look like."""
    return Column(
        column.name,
        kind,
        column.written,
        misfits=0,
        nulls=column.nulls,
        distinct=column.distinct,
        min=clipped(min(present)),
        max=clipped(max(present)),
        length_min=column.length_min,
        length_max=column.length_max,
        is_unique=column.is_unique,
        samples=column.samples,
    )


def _boolean(column: Column, present: Sequence[str]) -> Column:
    """Yes and no as this database writes them."""
    found = set(present)
    for true, false in _BOOLEANS:
        if found <= {true, false}:
            plain = _plain(column, Type.BOOLEAN, present)
            return msgspec.structs.replace(plain, true_texts=(true,), false_texts=(false,))
    return column


def row_problems(table: Gathered) -> list[Problem]:
    """What is wrong with the rows of a table."""
    problems = []
    if table.misfits:
        sentence = f"Row {table.misfit_row:,} of table {table.name} {table.misfit}."
        problems.append(Problem("wrong_field_count", sentence, table.misfits, table.name, row=table.misfit_row))
    if table.lost:
        sentence = f"Table {table.name} has rows too long to be looked into; they are counted only."
        problems.append(Problem("row_too_long", sentence, table.lost, table.name))
    return problems
