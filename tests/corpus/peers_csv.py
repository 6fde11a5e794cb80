"""What other tools say of a file of the dialect corpus, in the words of its labels. A question they do not answer is left out."""  # noqa: E501  (one line)

from __future__ import annotations

import contextlib
import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import clevercsv
import duckdb

Answers = dict[str, object]
Peer = Callable[[Path, str], Answers]

LENIENT = ", strict_mode=false, ignore_errors=true, null_padding=true"


def duckdb_sniffer(options: str) -> Peer:
    """DuckDB's `sniff_csv`, and the rows that `read_csv` counts with the same options. It does not guess encodings: UTF-8."""  # noqa: E501
    connection = duckdb.connect()

    def answers(path: Path, _: str) -> Answers:
        try:
            sniffed = connection.execute(f"FROM sniff_csv(?{options})", [str(path)]).fetchone()
            assert sniffed
            counted = connection.execute(f"SELECT count(*) FROM read_csv(?{options})", [str(path)]).fetchone()
        except duckdb.Error:
            return {}
        return {
            "delimiter": sniffed[0],
            "quote": "" if sniffed[1] == "(empty)" else sniffed[1],
            "encoding": "utf-8",
            "skip_lines": sniffed[5],
            "header_rows": int(sniffed[6]),
            "columns": len(sniffed[7]),
            "rows": counted[0] if counted else None,
        }

    return answers


def by_clevercsv(_: Path, text: str) -> Answers:
    """CleverCSV over all of the text, which is decoded for it."""
    dialect, header = None, False
    with contextlib.suppress(Exception):
        dialect = clevercsv.Detector().detect(text)
    with contextlib.suppress(Exception):
        header = bool(clevercsv.Sniffer().has_header(text))
    if dialect is None:
        return {}
    lines = io.StringIO(text, newline="")
    with contextlib.suppress(Exception):
        rows = list(clevercsv.reader(lines, dialect))
        return {"delimiter": dialect.delimiter, "quote": dialect.quotechar, **_shape(rows, header=header)}
    return {"delimiter": dialect.delimiter, "quote": dialect.quotechar}


def by_csv_sniffer(_: Path, text: str) -> Answers:
    """The standard library's `csv.Sniffer` over all of the text, which is decoded for it."""
    sniffer = csv.Sniffer()
    try:
        dialect = sniffer.sniff(text)
        rows = list(csv.reader(io.StringIO(text, newline=""), dialect))
    except csv.Error:
        return {}
    header = False
    with contextlib.suppress(Exception):
        header = sniffer.has_header(text)
    return {"delimiter": dialect.delimiter, "quote": dialect.quotechar or "", **_shape(rows, header=header)}


def _shape(rows: list[list[str]], *, header: bool) -> Answers:
    full = [row for row in rows if any(cell.strip() for cell in row)]
    ((columns, _),) = Counter(map(len, full)).most_common(1) or ((0, 0),)
    return {"skip_lines": 0, "header_rows": int(header), "columns": columns, "rows": len(full) - header}


@contextmanager
def peers() -> Iterator[dict[str, Peer]]:
    """All of them, by name."""
    before = csv.field_size_limit(1 << 30)
    try:
        yield {
            "DuckDB": duckdb_sniffer(""),
            "DuckDB lenient": duckdb_sniffer(LENIENT),
            "CleverCSV": by_clevercsv,
            "csv.Sniffer": by_csv_sniffer,
        }
    finally:
        csv.field_size_limit(before)
