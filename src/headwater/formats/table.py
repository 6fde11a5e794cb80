"""The one table of formats. A new format is one file, one row here, and the contract suite (tests/contract/formats)."""

from __future__ import annotations

from typing import Final

from headwater.formats.columnar import arrow, avro, orc, parquet
from headwater.formats.delimited import csv, fixed_width, text
from headwater.formats.dumps import sql_dump, sqlite
from headwater.formats.format import Format, Rows, Wrapping
from headwater.formats.layers import (
    bzip2,
    gzip,
    lz4,
    tar,
    xz,
    zip,  # noqa: A004  (the name of a format)
    zstd,
)
from headwater.formats.trees import json, ndjson, xml
from headwater.formats.workbooks import workbook

FORMATS: Final[dict[str, Format]] = {
    "csv": csv,
    "fixed_width": fixed_width,
    "text": text,
    "json": json,
    "ndjson": ndjson,
    "xml": xml,
    "parquet": parquet,
    "avro": avro,
    "orc": orc,
    "arrow": arrow,
    "xlsx": workbook,
    "xlsb": workbook,
    "xls": workbook,
    "ods": workbook,
    "sql_dump": sql_dump,
    "sqlite": sqlite,
}
"""What is described, by the name that `detect` gives it."""

ROWS: Final[dict[str, Rows]] = {
    "csv": csv,
    "fixed_width": fixed_width,
    "json": json,
    "ndjson": ndjson,
    "xml": xml,
    "avro": avro,
    "xlsx": workbook,
    "xlsb": workbook,
    "xls": workbook,
    "ods": workbook,
    "sql_dump": sql_dump,
    "sqlite": sqlite,
}
"""Of these, those that query engines cannot read in place."""

WRAPPINGS: Final[dict[str, Wrapping]] = {
    "gzip": gzip,
    "zstd": zstd,
    "bzip2": bzip2,
    "xz": xz,
    "lz4": lz4,
    "zip": zip,
    "tar": tar,
}
"""What is taken off before: compressions and archives."""
