"""The rows that a query gives, written out: as a table for people, CSV, JSON lines or Parquet; whole or not at all."""

# ruff: noqa: PLC0415 - what a command does not need is not imported

from __future__ import annotations

import base64
import csv
import json
import math
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from headwater.cli.output import remark, shown, table
from headwater.errors import Refused

if TYPE_CHECKING:
    import duckdb

TABLE_ROWS_MAX: Final = 500
"""More rows are not shown as a table."""

FETCHED_ROWS: Final = 10_000
_INTEGER_MAX: Final = 2**53
_NUMBERS: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DOUBLE", "FLOAT", "DECIMAL", "UBIGINT")


class Results:
    """Takes rows into a file of `folder`, or into memory for a table, and tells them when all have come."""

    def __init__(self, folder: Path, format_name: str, output: Path | None) -> None:
        if format_name == "table" and output is not None:
            raise Refused("bad_request", "A table is for reading. Write csv, json or parquet to a file.")
        if format_name == "parquet" and output is None and sys.stdout.isatty():
            raise Refused("bad_request", "Parquet is nothing for a terminal. Name a file with -o.")
        self._spool = folder / "result"
        self._format = format_name
        self._output = output
        self._head: list[str] = []
        self._right: list[str] = []
        self._rows: Sequence[Sequence[Any]] = ()
        self._count: int | None = None

    def take(self, result: duckdb.DuckDBPyRelation) -> None:
        """Fetches all rows. Called again, it begins anew."""
        self._head = list(result.columns)
        types = zip(result.columns, result.types, strict=True)
        self._right = [name for name, type_ in types if str(type_).startswith(_NUMBERS)]
        if self._format == "table":
            self._rows = next(_fetched(result.limit(TABLE_ROWS_MAX + 1)), ())
            self._count = len(self._rows)
        elif self._format == "parquet":
            self._count = self._to_parquet(result)
        else:
            self._count = self._to_text(result)

    def tell(self) -> None:
        """Gives what was taken; nothing where a statement gave no rows."""
        if self._count is None:
            return
        if self._format == "table":
            self._tell_table()
        elif self._output is not None:
            _move(self._spool, self._output)
            remark(f"{shown(str(self._output))}  {self._count:,} {'row' if self._count == 1 else 'rows'}")
        else:
            sys.stdout.flush()
            with self._spool.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        self._count = None

    def _tell_table(self) -> None:
        rows = [["" if value is None else _text(value) for value in row] for row in self._rows[:TABLE_ROWS_MAX]]
        table(self._head, rows, right=self._right, as_written=True)
        if len(self._rows) > TABLE_ROWS_MAX:
            remark(f"… the first {TABLE_ROWS_MAX} rows. --format csv, json or parquet gives all.")

    def _to_text(self, result: duckdb.DuckDBPyRelation) -> int:
        count = 0
        with self._spool.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if self._format == "csv":
                writer.writerow(self._head)
            for rows in _fetched(result):
                count += len(rows)
                if self._format == "csv":
                    writer.writerows([["" if value is None else _text(value) for value in row] for row in rows])
                else:
                    file.writelines(
                        json.dumps(dict(zip(self._head, map(_plain, row), strict=True)), ensure_ascii=False) + "\n"
                        for row in rows
                    )
        return count

    def _to_parquet(self, result: duckdb.DuckDBPyRelation) -> int:
        import pyarrow.parquet as pq

        reader = result.to_arrow_reader(100_000)
        count = 0
        with pq.ParquetWriter(self._spool, reader.schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(batch)
                count += batch.num_rows
        return count


def _fetched(result: duckdb.DuckDBPyRelation) -> Iterator[Sequence[Sequence[Any]]]:
    for batch in result.to_arrow_reader(FETCHED_ROWS):
        columns = [column.to_pylist() for column in batch.columns]
        if batch.num_rows:
            yield list(zip(*columns, strict=True))


def _move(spool: Path, target: Path) -> None:
    """Whole or not at all, also where the target is on another disk."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        shutil.copyfile(spool, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _text(value: Any) -> str:
    """A value in a cell."""
    plain = _plain(value)
    if isinstance(plain, bool):
        return "true" if plain else "false"
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _plain(value: Any) -> Any:  # noqa: PLR0911 - one for each kind of value
    """A value that JSON can hold: times in RFC 3339, what is no number as text, bytes in base64."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return value if abs(value) <= _INTEGER_MAX else str(value)
        case float():
            return value if math.isfinite(value) else None
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case bytes():
            return base64.b64encode(value).decode()
        case Mapping():
            return {str(key): _plain(each) for key, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case _:
            return value.isoformat() if isinstance(value, date | time) else str(value)
