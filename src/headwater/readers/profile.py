"""Statistics over every value of a delivery, in one pass of DuckDB over each table: the last word on rows and types.

All values are read as text and tried to be read as their type, so that one pass counts what fits and what does not; it
takes about as long as reading them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from headwater.errors import Refused
from headwater.formats.budget import Budget
from headwater.formats.examine import Examined, rows_of
from headwater.formats.finding import Column, Csv, Finding, Json, Table
from headwater.formats.recipes.duckdb_casts import cast_of, literal
from headwater.ports.ranges import Broken, Ranges
from headwater.readers.contents import Chosen
from headwater.readers.engine import Engine
from headwater.readers.ragged import Ragged, forget_rejects, read_rejects
from headwater.readers.relation import Part, Place, part_of
from headwater.readers.statistics import statistics

CONVERTED_BYTES_MAX: Final = 64 * 1024 * 1024
"""What must be written out anew before DuckDB can read it is counted up to this size; its rows are counted already."""

LARGE_BYTES_MIN: Final = 64 * 1024 * 1024
"""From this size on values are read as their types at once, which is faster, and as text only if some do not fit."""

SPOOLED_BYTES_MAX: Final = 8 * 1024 * 1024 * 1024
"""What DuckDB cannot open where it lies is counted up to this size, unpacked."""

CSV_BUFFER_BYTES: Final = 4 * 1024 * 1024
"""How much of a CSV DuckDB reads at a time: its own 32 MiB leave the processor's caches, and keep the kernel busy for
longer than a landing takes. Twice the longest line that it reads.
"""

REJECTS_MAX: Final = 100_000
JSON_COLUMNS_MAX: Final = 1_000
TABLES_MAX: Final = 100
_BUFFER: Final = {"buffer_size": str(CSV_BUFFER_BYTES)}


def profile(examined: Examined, ranges: Ranges, engine: Engine, budget: Budget) -> Finding:
    """The finding with statistics over all rows, where it had them of a part alone; `ranges` are the delivery's bytes.

    What cannot be counted stays as it was found. Raises Unavailable.
    """
    finding = examined.finding
    if examined.described is not None:
        return _profiled(finding, examined, ranges, engine, budget)
    members = []
    for member, inner in zip(finding.members, examined.members, strict=False):
        if member.finding is None or inner is None:
            members.append(member)
        else:
            members.append(msgspec.structs.replace(member, finding=profile(inner, inner.contents, engine, budget)))
    found = [member.finding for member in members]
    return (
        msgspec.structs.replace(
            finding, members=tuple(members), rows=rows_of(each.rows if each else None for each in found)
        )
        if members
        else finding
    )


def is_counted(table: Table) -> bool:
    """Whether all values of a table were counted already."""
    return table.rows is not None and all(
        column.nulls is not None and column.misfits is not None for column in table.columns
    )


def _profiled(finding: Finding, examined: Examined, ranges: Ranges, engine: Engine, budget: Budget) -> Finding:
    tables = []
    problems = list(finding.problems)
    dialect, was_all = finding.dialect, finding.is_all
    for number, table in enumerate(finding.schema):
        is_wide = isinstance(finding.dialect, Json) and len(table.columns) > JSON_COLUMNS_MAX
        is_worth = table.columns and not is_wide and not is_counted(table) and number < TABLES_MAX and budget.has()
        counted = (
            _counted(finding, table, examined, ranges, engine, budget)
            if is_worth and _is_cheap(finding, examined)
            else None
        )
        tables.append(table if counted is None else counted.table)
        if counted is not None and counted.ragged is not None and isinstance(dialect, Csv):
            dialect = counted.ragged.dialect(dialect)
            problems = counted.ragged.problems(problems)
        if counted is not None and isinstance(dialect, Csv):
            was_all = True
    unread = finding.unread
    if was_all and not finding.is_all and examined.described is not None:
        unread = unread.replace(examined.described.unread, "").strip()
    return msgspec.structs.replace(
        finding,
        schema=tuple(tables),
        rows=rows_of(table.rows for table in tables),
        dialect=dialect,
        problems=tuple(problems),
        is_all=was_all and not unread,
        unread=unread,
    )


def _is_cheap(finding: Finding, examined: Examined) -> bool:
    size_bytes = examined.contents.size_bytes
    if isinstance(finding.dialect, Csv | Json):
        return True
    return size_bytes is not None and size_bytes <= CONVERTED_BYTES_MAX


class _Counted(msgspec.Struct, frozen=True):
    table: Table
    ragged: Ragged | None = None


def _counted(
    finding: Finding, table: Table, examined: Examined, ranges: Ranges, engine: Engine, budget: Budget
) -> _Counted | None:
    import duckdb  # noqa: PLC0415 - heavy

    is_large = (examined.contents.size_bytes or 0) > LARGE_BYTES_MIN and isinstance(finding.dialect, Csv)
    place = Place(ranges, examined.contents)

    def read(columns: Iterable[Column]) -> Part:
        chosen = Chosen(table.name, finding, msgspec.structs.replace(table, columns=tuple(columns)))
        part = part_of(finding, chosen, place, engine, budgets=lambda: budget, spool_bytes_max=SPOOLED_BYTES_MAX)
        if budget.is_spent:
            raise Refused("too_large", "There was no time to read all of it.")
        return part

    try:
        with engine.within(budget):
            if is_large and isinstance(finding.dialect, Csv):
                typed = read(column if cast_of(column).is_plain else _unsure(column) for column in table.columns)
                if (counted := _typed(finding.dialect, table, typed, engine)) is not None:
                    return counted
            texts = read(map(_unsure, table.columns))
            if isinstance(finding.dialect, Csv):
                return _csv(finding.dialect, table, texts, engine)
            return _Counted(statistics(table, texts.text(), engine))
    except (duckdb.Error, Refused, Broken, OSError):
        return None


def _unsure(column: Column) -> Column:
    """The column as one that is read as text."""
    return msgspec.structs.replace(column, confidence=0.0)


def _typed(csv: Csv, table: Table, part: Part, engine: Engine) -> _Counted | None:
    """All values read as their types; None where any does not fit, which the first such row tells at once.

    What is odd about such a row is told by the pass over texts. A footer may be odd, so that rows are told there.
    """
    import duckdb  # noqa: PLC0415 - heavy

    if csv.footer_rows:
        counted = _strictly(csv, table, part, engine)
        return None if counted is None or counted[1].any else _Counted(*counted)
    try:
        return _Counted(statistics(table, _strict(part), engine, has_nulls=not csv.pads), Ragged(0, 0, 0, 0))
    except (duckdb.InvalidInputException, duckdb.ConversionException):
        return None


def _csv(csv: Csv, table: Table, part: Part, engine: Engine) -> _Counted:
    """Strictly first, so that each row that is none of this table is told; again, leniently, only where any is."""
    counted = None if csv.footer_rows else _strictly(csv, table, part, engine)
    if counted is not None and not counted[1].any:
        return _Counted(*counted)
    lenient = {"strict_mode": "false", "null_padding": "true", "parallel": "false", **_BUFFER}
    fewer = csv.footer_rows if part.select.limit is None else 0
    text = part.select.text(literal(str(part.source)), more=lenient)
    told = statistics(table, text, engine, fewer=fewer, has_nulls=not csv.pads)
    return _Counted(told, counted[1] if counted else None)


def _strictly(csv: Csv, table: Table, part: Part, engine: Engine) -> tuple[Table, Ragged] | None:
    """The rows that are rows of this table, and what the others are; None where not even these can be told apart."""
    import duckdb  # noqa: PLC0415 - heavy

    text = _strict(part, {"store_rejects": "true", "rejects_limit": str(REJECTS_MAX)})
    forget_rejects(engine)
    try:
        counted = statistics(table, text, engine, has_nulls=not csv.pads)
    except duckdb.InvalidInputException:
        return None
    return counted, read_rejects(engine, csv)


def _strict(part: Part, more: Mapping[str, str] = {}) -> str:
    options = {key: value for key, value in part.select.options.items() if key not in {"null_padding", "parallel"}}
    select = msgspec.structs.replace(part.select, options=options, limit=None)
    return select.text(literal(str(part.source)), more={"strict_mode": "true", **_BUFFER, **more})
