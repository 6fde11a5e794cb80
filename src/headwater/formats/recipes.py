"""How each engine reads a delivery as it is: the exact calls that a finding implies, as text to paste. Pure.

`plans` has them as values too, which `readers.prove` runs; nothing else stands between a text and what was run.
"""

from __future__ import annotations

from typing import Final

import msgspec

from headwater.formats.duckdb_select import Select, compression_of, encoding_of, select_of, unpacked_bytes
from headwater.formats.duckdb_select import without_blanks as duckdb_without_blanks
from headwater.formats.finding import Csv, Finding, Json, Layer, Recipe, Table
from headwater.formats.recipe_text import PATH, Call, Value, call, python
from headwater.formats.recipes_csv import Text, pandas_csv, polars_csv, pyarrow_csv
from headwater.formats.recipes_csv import without_blanks as polars_without_blanks
from headwater.formats.recipes_json import pandas_json, polars_json, pyarrow_json
from headwater.formats.recipes_more import pandas_more, polars_more, pyarrow_more
from headwater.formats.recipes_spark import spark_text

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
    found: list[Plan] = []
    for table in finding.schema[:TABLES_MAX]:
        if table.columns:
            found += [_plan(engine, finding, table) for engine in ENGINES]
    return tuple(found)


def code_of(reads: Select | Call) -> str:
    """What a person pastes."""
    return reads.text("'{path}'") if isinstance(reads, Select) else python(reads)


def _plan(engine: str, finding: Finding, table: Table) -> Plan:
    if engine == "spark":
        code, why = spark_text(finding, table)
        return Plan(engine, table, None, code, _sentences(_of(table), why, "" if why else "Spark was not run."))
    is_csv = isinstance(finding.dialect, Csv)
    reads: Select | Call | None
    other: Select | Call | None = None
    if engine == "duckdb":
        reads = select = _select(finding, table)
        if select is not None and is_csv and len(table.columns) == 1:
            other = duckdb_without_blanks(select)
    else:
        reads = made = _python(engine, finding, table)
        if made is not None and is_csv and engine == "polars":
            other = polars_without_blanks(made)
    if reads is not None:
        return Plan(engine, table, reads, code_of(reads), _of(table), other=other)
    ours = call("headwater.read", PATH).then(_METHODS[engine], *([table.name] if table.name else []))
    why = f"{_SPOKEN[engine]} has no reader for this; Headwater reads it and hands it over."
    return Plan(engine, table, ours, python(ours), _sentences(_of(table), why), is_ours=True)


_SPOKEN: Final = {"duckdb": "DuckDB", "polars": "Polars", "pandas": "pandas", "pyarrow": "PyArrow"}


def _of(table: Table) -> str:
    return f"Table {table.name}." if table.name else ""


def _sentences(*texts: str) -> str:
    return " ".join(filter(None, texts))


def _select(finding: Finding, table: Table) -> Select | None:
    compression = compression_of(finding.layers)
    is_text = isinstance(finding.dialect, Csv | Json)
    encoding = encoding_of(finding.encoding) if is_text else "utf-8"
    if compression is None or encoding is None:
        return None
    return select_of(
        finding.dialect,
        finding.format,
        table,
        compression=compression,
        encoding=encoding,
        size_bytes=unpacked_bytes(finding.size_bytes, finding.layers),
    )


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
    if source is None:
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
