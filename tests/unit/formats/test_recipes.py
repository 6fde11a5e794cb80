from __future__ import annotations

import ast

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.formats.finding import Column, Columnar, Csv, Encoding, Json, Layer, Table, Type, Xml
from headwater.formats.recipes.duckdb_casts import cast_of, expression, identifier, literal
from headwater.formats.recipes.recipe_text import NONE, PATH, Name, call, python
from headwater.formats.recipes.recipes import recipes
from headwater.formats.values.columns import unique_names
from headwater.formats.values.types import typed
from tests.findings import csv, finding, ndjson, table


def code(found, engine: str) -> str:
    """The text of an engine's recipe."""
    return next(each.code for each in recipes(found) if each.engine == engine)


def test_a_call_reads_as_a_person_writes_it():
    """Imports first, usual short names, the path as a placeholder, one argument a line where it is long."""
    made = call("polars.read_csv", PATH, separator=";", quote_char=NONE, has_header=None).then("head", 3)
    assert python(made) == 'import polars as pl\npl.read_csv("{path}", separator=";", quote_char=None).head(3)'
    long = python(call("pandas.read_csv", PATH, names=[f"column {at}" for at in range(20)]))
    assert long.splitlines()[1:4] == ["pd.read_csv(", '    "{path}",', "    names=["]


def test_what_is_long_is_broken_from_the_outside():
    """A part stands in one line where it fits there, however its surroundings are laid out."""
    short = call("polars.col", "a").then("cast", Name("polars.Int64"))
    made = call("polars.read_csv", PATH, schema={"x" * 60: Name("polars.String"), "y" * 60: NONE})
    made = made.then("with_columns", short).then("__getitem__", "a").then("read")
    assert python(made).splitlines() == [
        "import polars as pl",
        "pl.read_csv(",
        '    "{path}",',
        "    schema={",
        f'        "{"x" * 60}": pl.String,',
        f'        "{"y" * 60}": None,',
        "    },",
        ").with_columns(",
        '    pl.col("a").cast(pl.Int64),',
        ')["a"].read(',
        ")",
    ]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_what_is_printed_is_what_is_meant(value):
    """Whatever value stands in a call, the text of it is a literal of that value and nothing else."""
    text = python(call("pandas.read_csv", value))
    parsed = ast.parse(text.splitlines()[0] + "\n" + "\n".join(text.splitlines()[1:]))
    (last,) = parsed.body[-1:]
    assert isinstance(last, ast.Expr)
    assert isinstance(last.value, ast.Call)
    assert ast.literal_eval(last.value.args[0]) == value


@given(st.lists(st.text(max_size=5), max_size=30))
def test_names_are_made_unique(names):
    """No name is empty, and none is there twice, whatever its letters."""
    made = unique_names(names)
    assert len(made) == len(names)
    assert all(made)
    assert len({name.lower() for name in made}) == len(names)


@given(st.text())
def test_sql_quotes_whatever_a_file_says(text):
    """A name or text of a file cannot leave its quotes."""
    for quoted, mark in ((literal(text), "'"), (identifier(text), '"')):
        assert quoted[0] == quoted[-1] == mark
        assert mark not in quoted[1:-1].replace(mark * 2, "")


def test_every_engine_has_a_word_for_every_table():
    """Five recipes for each table with columns; of a table with a name they say which."""
    found = finding("sql_dump", None, table(["a"], [["1"]], "orders"), Table("empty"))
    told = recipes(found)
    assert [each.engine for each in told] == ["duckdb", "polars", "pandas", "pyarrow", "spark"]
    assert all(each.why.startswith("Table orders.") for each in told)
    assert code(found, "polars") == 'import headwater\nheadwater.read("{path}").polars("orders")'
    assert recipes(finding("pdf", None)) == ()


def test_duckdb_reads_csv_with_the_dialect_given():
    """Nothing is left to be guessed: names, types, delimiter; what a cast must do is said."""
    found = csv(["id", "day"], [["1", "31.01.2024"]], ";", skip_lines=2)
    text = " ".join(code(found, "duckdb").split())
    assert text == (
        """SELECT * REPLACE (CAST(strptime("day", '%d.%m.%Y') AS DATE) AS "day") FROM read_csv( '{path}', """
        """auto_detect=false, delim=';', quote='"', escape='"', header=true, """
        """columns={'id': 'BIGINT', 'day': 'VARCHAR'}, skip=2, hive_partitioning=false )"""
    )


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (
            csv(["id", "day"], [["1", "31.01.2024"]], "||"),
            """spark.read.csv(
    "{path}",
    schema="`id` BIGINT, `day` DATE",
    sep="||",
    header=True,
    enforceSchema=True,
    escape='"',
    multiLine=True,
    dateFormat="dd.MM.yyyy",
)""",
        ),
        (ndjson(["a"], [["1"]]), 'spark.read.json("{path}")'),
        (
            finding("json", Json("wrapped", ("d", "rows")), table(["a"], [["1"]])),
            'spark.read.json("{path}", multiLine=True).selectExpr("explode(`d`.`rows`) AS record").select("record.*")',
        ),
        (finding("parquet", Columnar(), table(["a"], [["1"]])), 'spark.read.parquet("{path}")'),
        (
            finding("xml", Xml("r", ("r", "{urn:x}row")), table(["a"], [["1"]])),
            'spark.read.format("xml").options(rowTag="row").load("{path}")',
        ),
    ],
)
def test_spark_is_told_by_text(found, expected):
    """Spark's calls carry schema, dialect and date patterns in Java's letters."""
    assert code(found, "spark") == expected


def test_what_spark_cannot_do_is_said():
    """Lines to leave out and unknown compressions have no call, but a sentence."""
    (told,) = [each for each in recipes(csv(["a"], [["1"]], skip_lines=1)) if each.engine == "spark"]
    assert (told.code, told.why) == ("", "Spark cannot leave out lines before the header or after the last row.")
    packed = finding("csv", Csv(","), table(["a"], [["1"]]), layers=(Layer("xz"),))
    (told,) = [each for each in recipes(packed) if each.engine == "spark"]
    assert (told.code, told.why) == ("", "Spark does not unpack xz.")


@pytest.mark.parametrize(
    ("column", "type_"),
    [
        (Column("a", Type.INTEGER), "BIGINT"),
        (Column("a", Type.INTEGER, confidence=0.5), "VARCHAR"),
        (Column("a", Type.INTEGER, misfits=1), "VARCHAR"),
        (Column("a", Type.DECIMAL), "DOUBLE"),
        (Column("a", Type.DECIMAL, min="1", max="9" * 30), "HUGEINT"),
        (Column("a", Type.DECIMAL, min="1", max="9" * 40), "VARCHAR"),
        (Column("a", Type.NULL), "VARCHAR"),
        (Column("a", Type.TIMESTAMPTZ, format="%Y-%m-%dT%H:%M:%S%z"), "TIMESTAMPTZ"),
    ],
)
def test_a_type_is_used_only_where_it_is_sure(column, type_):
    """Types that are unsure, or that not all values fit, are read as text; large integers keep their digits."""
    assert f"columns={{'a': '{type_}'}}" in code(finding("csv", Csv(","), Table("", (column,), 1)), "duckdb")


def test_an_encoding_that_duckdb_does_not_know_is_read_by_us():
    """DuckDB gets the rows from us; engines that know Python's codecs read them by themselves."""
    found = finding("csv", Csv(","), table(["a"], [["1"]]), encoding=Encoding("shift_jis", 1.0))
    assert code(found, "duckdb") == 'import headwater\nheadwater.read("{path}").duckdb()'
    for engine in ("polars", "pandas", "pyarrow", "spark"):
        assert 'encoding="shift_jis"' in code(found, engine)


@pytest.mark.parametrize(
    ("values", "type_", "read"),
    [
        (["2024-01-01 10:00:00.000000000 +01:00"], "TIMESTAMPTZ", "2024-01-01 09:00:00+00"),
        (["13.02.2024 10:00 Z"], "TIMESTAMPTZ", "2024-02-13 10:00:00+00"),
        (["2024-01-02 10:00:00 UTC"], "TIMESTAMPTZ", "2024-01-02 10:00:00+00"),
        (["2024-01-05T10:00:00+0200", "2024-01-05T10:00:00Z"], "TIMESTAMPTZ", "2024-01-05 08:00:00+00"),
        (["13.02.2024 10:00:00,123456000", "01.02.2024 10:00:00,5"], "TIMESTAMP", "2024-02-13 10:00:00.123456"),
        (["2024-01-05T10:00:00.5", "2024-01-05T10:00:00"], "TIMESTAMP", "2024-01-05 10:00:00.5"),
        (["1:05 PM", "12:30 AM"], "TIME", "13:05:00"),
        (["5/13/24", "6/1/24"], "DATE", "2024-05-13"),
        (["Mon, 05 Jan 2026"], "DATE", "2026-01-05"),
        (["1.234,50", "7,00"], "DOUBLE", "1234.5"),
        (["1 234,5", "7,0"], "DOUBLE", "1234.5"),
        (["12345678901234567890", "1"], "HUGEINT", "12345678901234567890"),
        (["ja", "nein"], "BOOLEAN", "true"),
        (["+5", "-6"], "BIGINT", "5"),
        (["007", "008"], "VARCHAR", "007"),
    ],
)
def test_what_types_recognise_duckdb_reads(values, type_, read):
    """Each way of writing that is recognised is read by the expression made for it, to the value that is meant."""
    column = typed("a", values)
    cast = cast_of(column, column.null_texts)
    assert cast.type == type_
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone='UTC'")
        sql = f"SELECT CAST({expression(cast, 'x')} AS VARCHAR) FROM (SELECT unnest(?::VARCHAR[]) AS x)"
        assert connection.execute(sql, [values]).fetchall()[0] == (read,)
