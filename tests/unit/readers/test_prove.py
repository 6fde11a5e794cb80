from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
from pathlib import Path

import msgspec
import openpyxl
import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet
import pytest
import zstandard

from headwater.formats.finding import (
    Column,
    Columnar,
    Csv,
    Encoding,
    Finding,
    FixedWidth,
    Json,
    Layer,
    Table,
    Type,
    Workbook,
)
from headwater.formats.recipes.recipe_text import Name, call
from headwater.readers.contents import choose
from headwater.readers.engine import Engine
from headwater.readers.local import LocalFile
from headwater.readers.prove import prove, run
from headwater.readers.relation import Place, part_of
from tests.findings import csv_text, finding, table

NAMES = ["id", "name", "amount", "day", "ok", "at"]
ROWS = [
    ["1", "Ann", "1,5", "01.02.2024", "ja", "2024-01-01T10:00:00"],
    ["2", "Bob", "2.000,25", "13.02.2024", "nein", "2024-01-02T10:00:00"],
    ["3", "", "", "14.02.2024", "ja", ""],
]
DATA = csv_text(NAMES, ROWS, ";")
ENGINES = ("duckdb", "polars", "pandas", "pyarrow")


@pytest.fixture(scope="module")
def engine():
    """One DuckDB for all."""
    with Engine() as opened:
        yield opened


def proved(engine: Engine, folder: Path, data: bytes, found: Finding) -> dict[str, bool | None]:
    """Which engine's recipe came out as found."""
    path = folder / "file"
    path.write_bytes(data)
    told = prove(msgspec.structs.replace(found, size_bytes=len(data)), path, engine)
    return {recipe.engine: recipe.proved for recipe in told.recipes if recipe.engine != "spark"}


def sales(*rows: list[str], **dialect) -> Finding:
    """The finding of DATA, in some dialect, with more rows."""
    return finding("csv", Csv(";", **dialect), table(NAMES, [*ROWS, *rows]))


CASES = {
    "plain": (DATA, sales()),
    "gzip": (gzip.compress(DATA), msgspec.structs.replace(sales(), layers=(Layer("gzip"),))),
    "zstd": (zstandard.compress(DATA), msgspec.structs.replace(sales(), layers=(Layer("zstd"),))),
    "bzip2": (bz2.compress(DATA), msgspec.structs.replace(sales(), layers=(Layer("bzip2"),))),
    "xz": (lzma.compress(DATA), msgspec.structs.replace(sales(), layers=(Layer("xz"),))),
    "cp1252": (DATA.replace(b"Ann", b"\x80nn"), msgspec.structs.replace(sales(), encoding=Encoding("cp1252", 0.9))),
    "latin-1": (DATA.replace(b"Ann", b"\xe4nn"), msgspec.structs.replace(sales(), encoding=Encoding("latin-1", 0.9))),
    "UTF-16 with a mark": (
        DATA.decode().encode("utf-16"),
        msgspec.structs.replace(sales(), encoding=Encoding("utf-16", 1, bom_bytes=2)),
    ),
    "UTF-16 the other way round": (
        DATA.decode().encode("utf-16-be"),
        msgspec.structs.replace(sales(), encoding=Encoding("utf-16-be", 1)),
    ),
    "shift-jis": (
        DATA.decode().replace("Ann", "注文").encode("shift_jis"),
        msgspec.structs.replace(sales(), encoding=Encoding("shift_jis", 1)),
    ),
    "a byte order mark": (
        b"\xef\xbb\xbf" + DATA,
        msgspec.structs.replace(sales(), encoding=Encoding("utf-8", 1, bom_bytes=3)),
    ),
    "a mark and no header": (
        b"\xef\xbb\xbf" + DATA.partition(b"\n")[2],
        msgspec.structs.replace(sales(header_rows=0), encoding=Encoding("utf-8", 1, bom_bytes=3)),
    ),
    "a preamble": (b"Report; of\n\nmore\n" + DATA, sales(skip_lines=3)),
    "two header rows": (b"a;b;c;d;e;f\n" + DATA, sales(header_rows=2)),
    "a footer": (DATA + b"TOTAL;3\n", sales(footer_rows=1, footer_count=3)),
    "CRLF": (DATA.replace(b"\n", b"\r\n"), sales(line_end="\r\n")),
    "CRLF and a lone line feed in a text": (
        b'a;b\r\n1;"x\ny"\r\n2;z\r\n',
        finding("csv", Csv(";", line_end="\r\n"), table(["a", "b"], [["1", "x\ny"], ["2", "z"]])),
    ),
    "CR": (DATA.replace(b"\n", b"\r"), sales(line_end="\r")),
    "two pipes": (
        DATA.replace(b";", b"||").replace(b'"', b""),
        msgspec.structs.replace(sales(), dialect=Csv("||", quote="")),
    ),
    "two pipes and quotes": (DATA.replace(b";", b"||"), msgspec.structs.replace(sales(), dialect=Csv("||"))),
    "rows that are short": (DATA + b"4\n", sales(["4", *[""] * 5], short_rows=1)),
    "rows that are short and long": (
        DATA + b"4\n5;x;;;;;zzz\n",
        sales(["4", *[""] * 5], ["5", "x", *[""] * 4], short_rows=1, long_rows=1),
    ),
    "blank lines": (DATA.replace(b"\n2;", b"\n\n2;") + b"\n\n", sales()),
    "blank lines in one column": (b"a\n1\n\n2\n", finding("csv", Csv(","), table(["a"], [["1"], ["2"]]))),
    "an escape": (
        b'a,b\n1,"x \\"y\\", z"\n2,w\n',
        finding("csv", Csv(",", escape="\\"), table(["a", "b"], [["1", 'x "y", z'], ["2", "w"]])),
    ),
    "comments": (b"#x\n" + DATA + b"#end\n", sales(comment="#")),
    "nulls of a column's own": (
        b"a,b,c\n1,NA,x\nN/A,2,NA\n3,4,NULL\n",
        finding("csv", Csv(","), table(["a", "b", "c"], [["1", "NA", "x"], ["N/A", "2", "NA"], ["3", "4", "NULL"]])),
    ),
    "blanks after the delimiter": (
        b'a, b\n1, "x y"\n2, z\n',
        finding("csv", Csv(",", pads=True), table(["a", "b"], [["1", "x y"], ["2", "z"]])),
    ),
    "no quotes": (
        b'a,b\n1,x"y\n2,"z\n',
        finding("csv", Csv(",", quote=""), table(["a", "b"], [["1", 'x"y'], ["2", '"z']])),
    ),
    "names twice, alike and missing": (
        DATA.replace(b"id;name;amount;day;ok;at", b"id;ID;id;;x;y"),
        finding("csv", Csv(";"), table(["id", "ID", "id", "", "x", "y"], ROWS)),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_every_engine_reads_delimited_text_as_found(engine, tmp_path, case):
    """Each recipe, or our reading where the engine has none, gives rows, columns and names as found."""
    data, found = CASES[case]
    assert proved(engine, tmp_path, data, found) == dict.fromkeys(ENGINES, True)


RECORDS = [
    {"id": 1, "name": "Ann", "at": "2024-01-31", "x": {"a": 1}, "l": [1, 2]},
    {"id": 2, "name": None, "at": "2024-02-01", "x": None, "l": [], "late": 1.5},
]
COLUMNS = (
    Column("id", Type.INTEGER),
    Column("name"),
    Column("at", Type.DATE, format="%Y-%m-%d"),
    Column("x", Type.STRUCT),
    Column("l", Type.LIST),
    Column("late", Type.DECIMAL),
)
LINES = "".join(json.dumps(record) + "\n" for record in RECORDS).encode()


def records(shape: str, *path: str, **more) -> Finding:
    """The finding of RECORDS."""
    return finding("ndjson" if shape == "lines" else "json", Json(shape, path), Table("", COLUMNS, 2), **more)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (LINES, records("lines")),
        (gzip.compress(LINES), records("lines", layers=(Layer("gzip"),))),
        (json.dumps(RECORDS, indent=1).encode(), records("array")),
        (gzip.compress(json.dumps(RECORDS).encode()), records("array", layers=(Layer("gzip"),))),
        (json.dumps({"meta": 1, "data": {"it/ems": RECORDS}}).encode(), records("wrapped", "data", "it/ems")),
    ],
    ids=["lines", "lines in gzip", "a list", "a list in gzip", "a list in a document"],
)
def test_every_engine_reads_json_as_found(engine, tmp_path, data, found):
    """Lines, a list, and a list inside of a document, also packed, by each engine."""
    assert proved(engine, tmp_path, data, found) == dict.fromkeys(ENGINES, True)


def _columnar(format_name: str) -> bytes:
    rows = pa.table({"a": [1, 2], "b": ["x", None]})
    sink = io.BytesIO()
    if format_name == "parquet":
        pyarrow.parquet.write_table(rows, sink)
    elif format_name == "orc":
        pyarrow.orc.write_table(rows, sink)
    else:
        writer = (pa.ipc.new_stream if format_name == "arrow stream" else pa.ipc.new_file)(sink, rows.schema)
        writer.write(rows)
        writer.close()
    return sink.getvalue()


@pytest.mark.parametrize("format_name", ["parquet", "orc", "arrow", "arrow stream"])
def test_every_engine_reads_columnar_files_as_found(engine, tmp_path, format_name):
    """Parquet, ORC and both kinds of Arrow: by the engine itself, or handed over by us."""
    columns = (Column("a", Type.INTEGER, "int64"), Column("b", Type.TEXT, "string"))
    dialect = Columnar(is_stream=format_name == "arrow stream")
    found = finding(format_name.partition(" ")[0], dialect, Table("", columns, 2))
    assert proved(engine, tmp_path, _columnar(format_name), found) == dict.fromkeys(ENGINES, True)


def test_pandas_reads_fixed_width_and_workbooks(engine, tmp_path):
    """Both have readers of their own in pandas."""
    columns = (Column("a", Type.INTEGER), Column("b"))
    found = finding("fixed_width", FixedWidth(((0, 1), (2, 5)), header_rows=1), Table("", columns, 2))
    assert proved(engine, tmp_path, b"a b  \n1 xyz\n2    \n", found)["pandas"] is True
    book = openpyxl.Workbook()
    book.active.title = "S"
    for row in (["a", "b"], [1, "x"], [2, None]):
        book.active.append(row)
    sink = io.BytesIO()
    book.save(sink)
    found = finding("xlsx", Workbook("xlsx", {"S": 1}), Table("S", columns, 2))
    assert proved(engine, tmp_path, sink.getvalue(), found)["pandas"] is True


def test_a_recipe_that_comes_out_otherwise_says_so(engine, tmp_path):
    """Another number of rows than found, or a value that does not fit, is told with the recipe."""
    path = tmp_path / "file"
    path.write_bytes(b"a\n1\n2\nx\n")
    told = {
        each.engine: each
        for each in prove(finding("csv", Csv(","), table(["a"], [["1"], ["2"]])), path, engine).recipes
    }
    assert told["duckdb"].proved is False
    assert told["duckdb"].why.startswith("It fails: ")
    path.write_bytes(b"a,b\n1,2\n2,3\n3,4\n")
    told = {
        each.engine: each
        for each in prove(finding("csv", Csv(","), table(["a", "b"], [["1", "2"]])), path, engine).recipes
    }
    assert [told[each].why for each in ENGINES] == ["It gives 3 rows, not 1."] * 4


def test_columns_may_be_called_anything(engine, tmp_path):
    """Names are compared as they are, whatever signs of SQL or of patterns are in them."""
    names = ["\\0", "\\1 \\", 'x"y', "it's", "count_star()", "*", ".*", "a\tb", "rowid", " "]
    data = csv_text(names, [["1"] * len(names)], ",")
    assert proved(engine, tmp_path, data, finding("csv", Csv(","), table(names, [["1"] * len(names)])))["duckdb"]


def test_a_large_file_is_not_read_by_every_engine(engine, tmp_path):
    """Beyond the limit nothing is run, and each recipe says why."""
    path = tmp_path / "file"
    path.write_bytes(DATA)
    told = prove(sales(), path, engine, size_bytes_max=10)
    assert {each.proved for each in told.recipes} == {None}
    assert all("It was not run" in each.why for each in told.recipes if each.engine != "spark")


@pytest.mark.parametrize(
    "value",
    [
        call("builtins.eval", "1"),
        call("builtins.open", "x").then("close"),
        Name("os.system"),
        call("polars.scan_csv", "x"),
        call("pandas.io.common.os.system", "true"),
    ],
)
def test_nothing_runs_that_is_not_in_the_list(tmp_path, value):
    """A call of any other function or method is an error, not a call."""
    (tmp_path / "x").write_bytes(b"")
    with pytest.raises((ValueError, FileNotFoundError)):
        run(value, tmp_path / "x")


def test_where_an_engine_fails_the_rows_come_from_us(engine, tmp_path):
    """A line that is no JSON stops every engine; each is told how to get the others from us, and where it failed."""
    path = tmp_path / "file"
    path.write_bytes(LINES + b'{"id" 3}\n')
    told = prove(records("lines"), path, engine).recipes
    for recipe in told[:4]:
        assert (recipe.proved, recipe.code.splitlines()[0]) == (True, "import headwater")
        assert recipe.why.startswith("The engine's own reader does not read it as found: ")
        assert str(tmp_path) not in recipe.why
        assert str(engine.folder) not in recipe.why
    refuted = msgspec.structs.replace(records("lines"), recipes=told)
    part = part_of(refuted, choose(refuted), Place(LocalFile(path)), engine)
    assert engine.rows(f"SELECT id, name FROM ({part.text()})") == [(1, "Ann"), (2, None)]
