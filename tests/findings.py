"""Findings made by hand, for tests of what reads them."""

from __future__ import annotations

from collections.abc import Sequence

from headwater.formats.finding import Csv, Dialect, Finding, Json, Table, Wholeness
from headwater.formats.values.types import typed
from headwater.terms import Completeness


def table(names: Sequence[str], rows: Sequence[Sequence[str | None]], name: str = "") -> Table:
    """A table whose columns are typed by these rows."""
    columns = tuple(typed(each, [row[at] for row in rows]) for at, each in enumerate(names))
    return Table(name, columns, len(rows))


def finding(format_name: str, dialect: Dialect | None, *tables: Table, **more) -> Finding:
    """A finding of a sound file."""
    more = {"wholeness": Wholeness(Completeness.PRESUMED), **more}
    rows = sum(each.rows or 0 for each in tables)
    return Finding(format=format_name, confidence=1.0, dialect=dialect, schema=tables, rows=rows, **more)


def csv_text(names: Sequence[str], rows: Sequence[Sequence[str]], delimiter: str = ",", end: str = "\n") -> bytes:
    """Rows as delimited text; what holds the delimiter is quoted."""
    lines = [delimiter.join(f'"{each}"' if delimiter in each else each for each in row) for row in [names, *rows]]
    return "".join(line + end for line in lines).encode()


def csv(names: Sequence[str], rows: Sequence[Sequence[str]], delimiter: str = ",", **more) -> Finding:
    """The finding of `csv_text`."""
    return finding("csv", Csv(delimiter, **more), table(names, rows))


def ndjson(names: Sequence[str], rows: Sequence[Sequence[str]], shape: str = "lines") -> Finding:
    """The finding of records whose values are written like these texts."""
    return finding("ndjson" if shape == "lines" else "json", Json(shape), table(names, rows))
