"""A finding and the bytes it speaks of, made into something that DuckDB reads: all formats alike.

In place where DuckDB knows the format; else its rows are written to a Parquet file in the engine's folder, once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from headwater.formats.budget import Budget
from headwater.formats.finding import Csv, Finding, Json, Table
from headwater.formats.recipes.duckdb_casts import Cast, literal, trimmed
from headwater.formats.recipes.duckdb_select import (
    Select,
    compression_of,
    encoding_of,
    select_of,
    struct_of,
    unpacked_bytes,
)
from headwater.formats.recipes.recipes import is_cut, of_table, select_in_place
from headwater.formats.table import ROWS
from headwater.formats.values.columns import names_of
from headwater.ports.ranges import Ranges
from headwater.readers.contents import Budgets, Chosen, contents_of, patient
from headwater.readers.convert import Converted, convert
from headwater.readers.engine import Engine
from headwater.readers.spool import SPOOL_BYTES_MAX, spool

IN_PLACE: Final = frozenset({"parquet"})
"""Formats whose contents need no encoding."""


class Part(msgspec.Struct, frozen=True):
    """A table of one delivery as DuckDB reads it: `select` over the file at `source`.

    `lost_rows`: how many that the finding counts could not be read; `why` says it. `shape`: what else must be the same
    in files that are read together.
    """

    select: Select
    source: Path
    shape: tuple[str, ...] = ()
    lost_rows: int = 0
    why: str = ""

    def text(self, *, tries: bool = False) -> str:
        """The SQL."""
        return self.select.text(literal(str(self.source)), tries=tries)


class Place(msgspec.Struct, frozen=True):
    """Where the bytes are: the delivery itself, and what a chosen table lies in, if that is at hand already."""

    ranges: Ranges
    contents: Ranges | None = None


def part_of(
    finding: Finding,
    chosen: Chosen,
    place: Place,
    engine: Engine,
    *,
    budgets: Budgets = patient,
    spool_bytes_max: int = SPOOL_BYTES_MAX,
    by_us: bool | None = None,
) -> Part:
    """Makes a chosen table readable; with `by_us` by our own reader of its format, else as its recipes were proved.

    Raises Unreadable, Refused("too_large"), Unavailable, OSError.
    """
    inner = chosen.finding
    by_us = is_refuted(inner, chosen.table) if by_us is None else by_us
    if not by_us:
        native = _in_place(inner, chosen, place, engine) if not chosen.members else None
        if native is not None:
            return native
    contents = place.contents or contents_of(place.ranges, chosen, finding, budgets)
    select = None
    if not by_us:
        select = select_of(inner.dialect, inner.format, chosen.table, size_bytes=contents.size_bytes)
    if select is not None:
        return _spooled(select, chosen, contents, engine, budgets(), spool_bytes_max)
    converted = convert(inner, chosen.table, contents, engine.new_path(), budgets(), spool_bytes_max)
    return _of_converted(converted, chosen)


def is_refuted(finding: Finding, table: Table) -> bool:
    """Whether DuckDB was tried on the file in place, and gave other rows than were found: ours are the right ones."""
    if finding.format not in ROWS or select_in_place(finding, table) is None:
        return False
    mine = [each for each in finding.recipes if each.engine == "duckdb" and each.why.startswith(of_table(table))]
    return any(each.proved is False or each.code.startswith("import headwater") for each in mine)


def _in_place(finding: Finding, chosen: Chosen, place: Place, engine: Engine) -> Part | None:
    """The file itself, where nothing is in the way: a compression that DuckDB takes off is not, if it is whole."""
    path = place.ranges.path
    compression = compression_of(finding.layers)
    if path is None or compression is None or is_cut(finding):
        return None
    encoding = encoding_of(finding.encoding) if isinstance(finding.dialect, Csv | Json) else "utf-8"
    if encoding is None:
        return None
    select = select_of(
        finding.dialect,
        finding.format,
        chosen.table,
        compression=compression,
        encoding=encoding,
        size_bytes=unpacked_bytes(finding.size_bytes, finding.layers),
    )
    return None if select is None else Part(select, engine.hand_in(path), _shape(finding, chosen))


def _shape(finding: Finding, chosen: Chosen) -> tuple[str, ...]:
    """Of Parquet, whose types are in the file."""
    return tuple(column.written for column in chosen.table.columns) if finding.format == "parquet" else ()


def _spooled(
    select: Select, chosen: Chosen, contents: Ranges, engine: Engine, budget: Budget, spool_bytes_max: int
) -> Part:
    finding, shape = chosen.finding, _shape(chosen.finding, chosen)
    is_text = finding.format not in IN_PLACE and encoding_of(finding.encoding) != "utf-8"
    encoding = finding.encoding.name if is_text and finding.encoding is not None else None
    if encoding is None and contents.path is not None:
        return Part(select, engine.hand_in(contents.path), shape)
    spooled = spool(contents, engine.new_path(), encoding=encoding, size_bytes_max=spool_bytes_max, budget=budget)
    return Part(select, spooled.path, shape, 0, spooled.broken.sentence if spooled.broken else "")


def _of_converted(converted: Converted, chosen: Chosen) -> Part:
    """Its columns that are text are cast as the finding says."""
    names = names_of(chosen.table)
    casts = []
    for name, column in zip(names, chosen.table.columns, strict=True):
        is_text = name in converted.texts
        casts.append(trimmed(column) if is_text else Cast(column))
    select = Select("read_parquet", {}, names, tuple(casts), reads_text=True)
    lost = max(0, (chosen.table.rows or 0) - converted.rows) if chosen.table.rows_by == "counted" else 0
    return Part(select, converted.path, converted.types, lost, converted.why)


def as_text(part: Part, _finding: Finding, chosen: Chosen, _place: Place, _engine: Engine) -> Part | None:
    """The same part with every value as text, and lenient towards rows of another length; None of what is no CSV."""
    if part.select.function != "read_csv":
        return None
    unsure = tuple(msgspec.structs.replace(column, confidence=0.0) for column in chosen.table.columns)
    names = dict.fromkeys(part.select.names, "VARCHAR")
    options = {**part.select.options, "columns": struct_of(names), "strict_mode": "false", "null_padding": "true"}
    select = msgspec.structs.replace(
        part.select,
        options={**options, "parallel": "false"},
        casts=tuple(Cast(column) for column in unsure),
    )
    return msgspec.structs.replace(part, select=select)


def as_converted(_part: Part, finding: Finding, chosen: Chosen, place: Place, engine: Engine) -> Part | None:
    """The same rows read by our own reader of the format, as text; None where there is none."""
    if chosen.finding.format not in ROWS:
        return None
    contents = place.contents or contents_of(place.ranges, chosen, finding)
    converted = convert(chosen.finding, chosen.table, contents, engine.new_path(), patient(), SPOOL_BYTES_MAX)
    select = Select("read_parquet", {}, names_of(chosen.table))
    return Part(select, converted.path, converted.types, 0, converted.why)
