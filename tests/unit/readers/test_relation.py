from __future__ import annotations

import csv
import io
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.formats.finding import Csv, Json, Type
from headwater.formats.values.columns import names_of
from headwater.readers.contents import choose
from headwater.readers.engine import Engine
from headwater.readers.local import LocalFile
from headwater.readers.relation import Place, part_of
from headwater.readers.union import widened, wider
from tests.findings import finding, table

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=8)
WORDS = st.sampled_from(
    ["", "1", "2.5", "007", "NA", "null", "x", "'", '"', "{}", "{path}", "--", "2024-01-31", "ja", "%"]
)


@pytest.fixture(scope="module")
def engine():
    """One DuckDB for all."""
    with Engine() as opened:
        yield opened


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_in_a_file_stands_in_its_relation(engine, tmp_path: Path, data):
    """Names and values that are SQL, quotes or braces are names and values: nothing of a file is ever a command."""
    width = data.draw(st.integers(2, 4))
    names = data.draw(st.lists(TEXTS | WORDS, min_size=width, max_size=width))
    rows = data.draw(st.lists(st.lists(TEXTS | WORDS, min_size=width, max_size=width), min_size=1, max_size=5))
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([names, *rows])
    path = tmp_path / "f"
    path.write_text(out.getvalue(), newline="")
    found = finding("csv", Csv(","), table(names, rows))
    with LocalFile(path) as file:
        part = part_of(found, choose(found), Place(file), engine)
    got = engine.rows(part.text())
    assert [name for name, _ in engine.columns(part.text())] == list(names_of(found.schema[0]))
    assert len(got) == len(rows)
    for at, column in enumerate(found.schema[0].columns):
        if column.type is Type.TEXT:
            nulls = {"", *column.null_texts}
            assert [row[at] for row in got] == [None if row[at] in nulls else row[at] for row in rows]


def test_json_keys_of_any_kind_are_columns(engine, tmp_path):
    """Keys with quotes, dots, dollars and braces, also on the way to a list inside of a document."""
    records = [{"a'b": 1, 'c"d': "x", "$.e": "{call}", "f.g": None}]
    path = tmp_path / "f"
    path.write_bytes(msgspec.json.encode({"da/ta": {"it~'ems": records}}))
    columns = table(list(records[0]), [["1", "x", "{call}", None]])
    found = finding("json", Json("wrapped", ("da/ta", "it~'ems")), columns, size_bytes=path.stat().st_size)
    with LocalFile(path) as file:
        part = part_of(found, choose(found), Place(file), engine)
    assert part.source.read_bytes() == path.read_bytes()
    assert [name for name, _ in engine.columns(part.text())] == list(records[0])
    assert engine.rows(part.text()) == [(1, "x", "{call}", None)]


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("BIGINT", "BIGINT", "BIGINT"),
        ("INTEGER", "BIGINT", "BIGINT"),
        ("BIGINT", "DOUBLE", "DOUBLE"),
        ("BIGINT", "FLOAT", "DOUBLE"),
        ("UINTEGER", "INTEGER", "BIGINT"),
        ("UBIGINT", "BIGINT", "HUGEINT"),
        ("BIGINT", "HUGEINT", "HUGEINT"),
        ("DECIMAL(9,2)", "INTEGER", "DECIMAL(12,2)"),
        ("DECIMAL(9,2)", "DECIMAL(9,4)", "DECIMAL(11,4)"),
        ("DECIMAL(38,2)", "DECIMAL(9,4)", "DOUBLE"),
        ("DECIMAL(9,2)", "DOUBLE", "DOUBLE"),
        ("DATE", "TIMESTAMP", "TIMESTAMP"),
        ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE"),
        ("DATE", "BIGINT", "VARCHAR"),
        ("TIME", "TIMESTAMP", "VARCHAR"),
        ("BOOLEAN", "BIGINT", "VARCHAR"),
        ("STRUCT(a BIGINT)", "JSON", "VARCHAR"),
    ],
)
def test_types_widen_within_numbers_and_times(one, other, both):
    """Whichever comes first; whatever else meets becomes text."""
    assert wider(one, other) == wider(other, one) == both


def test_columns_keep_the_order_and_the_letters_of_first_sight():
    """Names that differ in upper and lower case are one column."""
    assert widened([{"Id": "BIGINT", "b": "DATE"}, {"c": "DATE", "ID": "DOUBLE"}]) == {
        "Id": "DOUBLE",
        "b": "DATE",
        "c": "DATE",
    }
