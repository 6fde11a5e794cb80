"""How each engine reads a delivery as it is: the exact calls that a finding implies, as text to paste. Pure.

`plans` has them as values too, which `readers.prove` runs; nothing else stands between a text and what was run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from headwater.formats.finding import Csv, Finding, Json, Layer, Recipe, Table
from headwater.formats.recipes.duckdb_select import Select, compression_of, encoding_of, select_of, unpacked_bytes
from headwater.formats.recipes.duckdb_select import without_blanks as duckdb_without_blanks
from headwater.formats.recipes.recipe_text import PATH, Call, Value, call, python
from headwater.formats.recipes.recipes_csv import Text, pandas_csv, polars_csv, pyarrow_csv
from headwater.formats.recipes.recipes_csv import without_blanks as polars_without_blanks
from headwater.formats.recipes.recipes_json import pandas_json, polars_json, pyarrow_json
from headwater.formats.recipes.recipes_more import pandas_more, polars_more, pyarrow_more
from headwater.formats.recipes.recipes_spark import spark_text
from headwater.terms import Completeness

ENGINES: Final = ("duckdb", "polars", "pandas", "pyarrow", "spark")
TABLES_MAX: Final = 20
"""Of a delivery with more tables recipes are written for the first ones."""

_OPENERS: Final = {"gzip": "gzip.open", "bzip2": "bz2.open", "xz": "lzma.open"}
_METHODS: Final = {"duckdb": "duckdb", "polars": "polars", "pandas": "pandas", "pyarrow": "arrow"}


class Plan(msgspec.Struct, frozen=True):
    """How an engine reads one table: SQL of DuckDB, or a call. `is_ours`: by Headwater, because the engine cannot."""

    engine: str
    table: Table
    reads: Select | Call | None
    code: str
    why: str = ""
    is_ours: bool = False
    other: Select | Call | None = None  # the same for a file with blank lines in it, which the finding does not tell

    @property
    def recipe(self) -> Recipe:
        """What a finding says of it, before anybody has run it."""
        return Recipe(self.engine, self.code, None, self.why)


def recipes(finding: Finding) -> tuple[Recipe, ...]:
    """How each engine reads a delivery; of several tables each of them, its name in `why`."""
    return tuple(plan.recipe for plan in plans(finding))


def plans(finding: Finding) -> tuple[Plan, ...]:
    """The same as values. A delivery without columns has none."""
    tables = [table for table in finding.schema if table.columns][:TABLES_MAX]
    found = [_plan(engine, finding, table) for table in tables for engine in ENGINES]
    inside = list(_inside(finding))[:TABLES_MAX]
    why = "It lies in an archive; Headwater reads it and hands it over."
    found += [ours(engine, table, why) for table in inside for engine in ENGINES if engine in _METHODS]
    return tuple(found)


def _inside(finding: Finding, within: tuple[str, ...] = ()) -> Iterator[Table]:
    """The tables of an archive's members, under the names that they are asked for by."""
    for member in finding.members:
        if member.finding is not None:
            names = (*within, member.name)
            for table in member.finding.schema:
                if table.columns:
                    yield msgspec.structs.replace(table, name="#".join(filter(None, (*names, table.name))))
            yield from _inside(member.finding, names)


def code_of(reads: Select | Call) -> str:
    """What a person pastes."""
    return reads.text("'{path}'") if isinstance(reads, Select) else python(reads)


def _plan(engine: str, finding: Finding, table: Table) -> Plan:
    if engine == "spark":
        code, why = spark_text(finding, table)
        return Plan(engine, table, None, code, _sentences(of_table(table), why, "" if why else "Spark was not run."))
    is_csv = isinstance(finding.dialect, Csv)
    reads: Select | Call | None
    other: Select | Call | None = None
    if engine == "duckdb":
        reads = select = select_in_place(finding, table)
        if select is not None and is_csv and len(table.columns) == 1:
            other = duckdb_without_blanks(select)
    else:
        reads = made = _python(engine, finding, table)
        if made is not None and is_csv and engine == "polars":
            other = polars_without_blanks(made)
    if reads is not None:
        return Plan(engine, table, reads, code_of(reads), of_table(table), other=other)
    why = f"{_SPOKEN[engine]} has no reader for this; Headwater reads it and hands it over."
    if is_cut(finding):
        why = f"The {finding.layers[0].format} is not whole; Headwater reads what can be had, and hands it over."
    return ours(engine, table, why)


def ours(engine: str, table: Table, why: str) -> Plan:
    """How an engine gets a table that it cannot read by itself."""
    made = call("headwater.read", PATH).then(_METHODS[engine], *([table.name] if table.name else []))
    return Plan(engine, table, made, python(made), _sentences(of_table(table), why), is_ours=True)


_SPOKEN: Final = {"duckdb": "DuckDB", "polars": "Polars", "pandas": "pandas", "pyarrow": "PyArrow"}


def of_table(table: Table) -> str:
    """How the recipes of a table that has a name begin their `why`."""
    return f"Table {table.name}." if table.name else ""


def _sentences(*texts: str) -> str:
    return " ".join(filter(None, texts))


def select_in_place(finding: Finding, table: Table) -> Select | None:
    """How DuckDB reads a table of the delivery as it lies there; None where it cannot."""
    compression = compression_of(finding.layers)
    is_text = isinstance(finding.dialect, Csv | Json)
    encoding = encoding_of(finding.encoding) if is_text else "utf-8"
    if compression is None or encoding is None or is_cut(finding):
        return None
    return select_of(
        finding.dialect,
        finding.format,
        table,
        compression=compression,
        encoding=encoding,
        size_bytes=unpacked_bytes(finding.size_bytes, finding.layers),
    )


def is_cut(finding: Finding) -> bool:
    """Whether what is around the contents is cut or damaged: engines then give nothing, and we give what can be had."""
    return bool(finding.layers) and finding.wholeness.verdict is Completeness.SUSPECT


def opened(layers: tuple[Layer, ...]) -> Value:
    """The contents as a file, for engines that take one; None where there is no such call."""
    if not layers:
        return PATH
    if len(layers) > 1:
        return None
    kind = layers[0].format
    if kind in _OPENERS:
        return call(_OPENERS[kind], PATH)
    return call("pyarrow.input_stream", PATH, compression=kind) if kind in {"zstd", "lz4"} else None


def _python(engine: str, finding: Finding, table: Table) -> Call | None:
    source, dialect = opened(finding.layers), finding.dialect
    if source is None or is_cut(finding):
        return None
    if isinstance(dialect, Csv):
        text = Text(dialect, table, source, finding.encoding)
        return {"pandas": pandas_csv, "polars": polars_csv, "pyarrow": pyarrow_csv}[engine](text)
    if isinstance(dialect, Json):
        if any(column.path for column in table.columns):
            return None
        make = {"pandas": pandas_json, "polars": polars_json, "pyarrow": pyarrow_json}[engine]
        return make(dialect, source, finding.encoding)
    more = {"pandas": pandas_more, "polars": polars_more, "pyarrow": pyarrow_more}[engine]
    return more(finding, table, source)
