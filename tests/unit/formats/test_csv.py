from __future__ import annotations

import csv as reference
import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.formats.budget import Budget
from headwater.formats.delimited import csv
from headwater.formats.finding import COLUMNS_MAX, Type
from headwater.formats.format import Ends
from headwater.terms import Completeness
from headwater.testing.memory_ranges import MemoryRanges


def budget(size_bytes=1 << 40):
    """A budget that is not spent."""
    return Budget(size_bytes, 1e9, lambda: 0.0)


def described(data, **broken):
    """What is said of these bytes."""
    return csv.describe(MemoryRanges(data if isinstance(data, bytes) else data.encode(), **broken), budget())


def confidence(text, name=""):
    """How much a text is taken for delimited."""
    data = text.encode()
    guess = csv.recognise(Ends(data, data, len(data), name))
    return guess.confidence if guess else 0.0


# text, delimiter, skip_lines, header_rows, footer_rows, columns, rows
SHAPES = {
    "plain": ("id,name,v\n1,a,2\n2,b,3\n", ",", 0, 1, 0, 3, 2),
    "no header": ("1,Anna,2024-01-01\n2,Bob,2024-01-02\n3,Carl,2024-01-03\n", ",", 0, 0, 0, 3, 3),
    "only a header": ("id;name;city\n", ";", 0, 1, 0, 3, 0),
    "preamble": ("Report, made by Ann\nFrom: 2024\n\nid\tv\tw\n1\t2\t3\n2\t3\t4\n", "\t", 3, 1, 0, 3, 2),
    "padded preamble": ("Sales,,,\nNorth,,,\nid,a,b,c\n1,x,2.5,3\n2,y,3.5,4\n3,z,4.5,5\n", ",", 2, 1, 0, 4, 3),
    "sep": ("sep=;\nid;name;v\n1;a,b;2\n2;b;3\n", ";", 1, 1, 0, 3, 2),
    "units": ("time,temp\ns,degC\n0,20.5\n1,20.6\n2,20.7\n", ",", 0, 2, 0, 2, 3),
    "merged": ("Store,2023,,2024,\n,Units,Rev,Units,Rev\nN,1,2.5,3,4.5\nS,2,3.5,4,5.5\n", ",", 0, 2, 0, 5, 2),
    "years": ("land;2019;2020\nDE;1,5;2,5\nFR;2,5;3,5\nIT;3,5;1,5\n", ";", 0, 1, 0, 3, 3),
    "total": ("item;qty;price\na;1;2,50\nb;2;3,50\nTotal;;6,00\n", ";", 0, 1, 1, 3, 2),
    "notes": ("nr,name,h\n1,Ann,8\n2,Bob,7.5\n3,Cy,8\n\nApproved by: J. Miller\n", ",", 0, 1, 1, 3, 3),
    "records": ("H|20240131|X\nD|1|a|2.50\nD|2|b|3.50\nD|3|c|4.50\nT|3|10.50\n", "|", 1, 0, 1, 4, 3),
    "comments": ("# by x\nid,a,b\n1,2,3\n# mid\n2,3,4\n", ",", 0, 1, 0, 3, 2),
    "header as comment": ("#chrom\tpos\tref\nc1\t100\tA\nc1\t200\tC\nc2\t5\tG\n", "\t", 0, 1, 0, 3, 3),
    "two bars": ("id||name||city\n1||Ann||Ulm\n2||Bob||\n3||||Hof\n", "||", 0, 1, 0, 3, 3),
    "colons in times": ("t,u\n10:00:01,a\n10:00:02,b\n10:00:05,c\n", ",", 0, 1, 0, 2, 3),
    "decimal commas": ("a;b;c\n1,5;x;2,5\n2,5;y;3,5\n4,5;z;1,0\n", ";", 0, 1, 0, 3, 3),
    "one column": ("12\n15\n18\n22\n", ",", 0, 0, 0, 1, 4),
    "blank lines": ("a,b\n1,2\n\n3,4\n\n", ",", 0, 1, 0, 2, 2),
}


@pytest.mark.parametrize("name", SHAPES)
def test_the_shape_of_a_table(name):
    """What stands before the table, names its columns and stands behind it is told from its rows."""
    text, *shape = SHAPES[name]
    found = described(text)
    dialect, table = found.dialect, found.tables[0]
    told = [dialect.delimiter, dialect.skip_lines, dialect.header_rows, dialect.footer_rows]
    assert [*told, len(table.columns), table.rows] == shape
    assert found.wholeness.verdict is not Completeness.SUSPECT


ALIEN = {
    "prose": "This is a text, and it goes on, like that.\nIt has more lines, of course; no table.\nThe end.\n",
    "json": '{"a": 1, "b": [1, 2]}\n{"a": 2, "b": []}\n',
    "xml": '<?xml version="1.0"?>\n<a>\n  <b>1, 2</b>\n  <b>3, 4</b>\n</a>\n',
    "python": "import os\n\ndef f(a, b):\n    return a, b\n\nx = f(1, 2)\nprint(x, 3)\n",
    "log": "2024-01-01 10:00:00 INFO started, ok\n2024-01-01 10:00:05 WARN slow, very\n2024-01-01 10:00:09 INFO done\n",
    "sql": "CREATE TABLE t (a int, b int);\nINSERT INTO t VALUES (1, 2);\nINSERT INTO t VALUES (3, 4);\nCOMMIT;\n",
    "c": "#include <x.h>\nint main(void) {\n  int a, b;\n  a = f(1, 2);\n  return 0;\n}\n",
    "ini": "[main]\na = 1\nb = x, y\n\n[other]\nc = 2\n",
    "words": "alpha\nbeta\ngamma\n",
}


@pytest.mark.parametrize("name", ALIEN)
def test_what_is_no_table_is_not_taken_for_one(name):
    """Prose, logs, source and the languages of computers are delimited text with little confidence."""
    assert confidence(ALIEN[name]) < 0.5


def test_tables_are_recognised():
    """Each of the shapes above is delimited text, and a name that says so helps."""
    for name, (text, *_) in SHAPES.items():
        assert confidence(text) > 0.4, name
    assert confidence("alpha\nbeta\n", "list.csv") > confidence("alpha\nbeta\n")
    noise = random.Random(1).randbytes(3000)
    assert csv.recognise(Ends(noise, noise, len(noise))) is None


def test_columns_are_named_and_typed():
    """Names are made unique as DuckDB makes them, and types come from all rows."""
    found = described("id,v,V,\n1,2.5,x,2024-01-01\n2,3,y,2024-01-02\n3,1,z,2024-01-05\n")
    columns = found.tables[0].columns
    assert [column.name for column in columns] == ["id", "v", "V_1", "column3"]
    assert [column.type for column in columns] == [Type.INTEGER, Type.DECIMAL, Type.TEXT, Type.DATE]
    assert {problem.code for problem in found.problems} == {"duplicate_names", "empty_names"}
    assert (columns[0].is_unique, columns[1].max, columns[0].nulls) == (True, "3", 0)


def test_what_looks_wrong_is_told():
    """Ragged rows, bad bytes, NULs, stray quotes, blank lines and mixed line ends are problems with counts."""
    rows = b"".join(b'%d,"a, b",b\n' % number for number in range(40))
    data = (
        b"id,x,y\n"
        + rows
        + b'40,a\n41,a,b,c\r\n\n42,\x00,\xff\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa4\n43,"a"b,c\n44,c,d\n'
    )
    problems = {problem.code: problem for problem in described(data).problems}
    assert set(problems) == {
        "ragged_rows",
        "bad_encoding",
        "nul_bytes",
        "stray_quotes",
        "blank_lines",
        "mixed_line_ends",
    }
    assert (problems["ragged_rows"].count, problems["ragged_rows"].row) == (2, 41)
    assert data[problems["bad_encoding"].at] == 0xFF


WHOLE = "id,name,city,amount\n" + "".join(f"{n},Person {n},Town {n % 7},{n * 1.25:.2f}\n" for n in range(60))


def test_every_cut_that_leaves_a_sign_is_suspect():
    """A table that ends inside a row is suspect wherever it is cut before the last field; a sound one is not."""
    assert described(WHOLE).wholeness.verdict is Completeness.PRESUMED
    for cut in range(400, len(WHOLE), 3):
        last = WHOLE[:cut].rpartition("\n")[2]
        if last and last.count(",") < 3:
            assert described(WHOLE[:cut]).wholeness.verdict is Completeness.SUSPECT, last


def test_a_missing_last_line_end_alone_is_no_sign():
    """Many programs write none: the last row is whole, and the finding says what it saw."""
    assert described(WHOLE[:-1]).wholeness.verdict is Completeness.PRESUMED
    assert "no line end" in described(WHOLE[:-1]).wholeness.reasons[0]


SIGNS = [
    ('a,b\n1,"x\n', "inside a quoted text"),
    ("a,b\r\n1,2\r\n3,4\r\n5,6\r", "middle of a line end"),
    ("a;b\n1;äö\n2;ä".encode()[:-1], "middle of a character"),
    ("d,n\n" + "1,2024-01-01\n" * 9 + "1,2024-0", "has 6 characters"),
    ("n,kind\n" + "1,open\n2,closed\n" * 9 + "3,clo", "only the beginning"),
    ("n,v\n" + "1,5\n" * 9 + "3,", "is empty"),
    (b"a,b\n" + b"1,2\n" * 9 + bytes(64), "NUL bytes"),
]


@pytest.mark.parametrize(("data", "words"), SIGNS)
def test_each_sign_is_said_in_words(data, words):
    """What speaks against a file is a sentence for its sender."""
    wholeness = described(data).wholeness
    assert wholeness.verdict is Completeness.SUSPECT
    assert words in wholeness.reasons[0]


def test_only_a_count_that_agrees_proves():
    """A trailer that states as many rows as there are is a proof, one that states others a sign, one cut is neither."""
    rows = "id|v|w\n" + "".join(f"{n}|a|b\n" for n in range(12))
    proven = described(rows + "TRAILER|12\n")
    assert (proven.wholeness.verdict, proven.dialect.footer_count) == (Completeness.PROVEN, 12)
    assert described(rows + "TRAILER|15\n").wholeness.verdict is Completeness.SUSPECT
    assert described(rows + "TRAILER|12").wholeness.verdict is Completeness.PRESUMED
    assert described("a,b\n1,2\n3,4\nTotal rows: 2\n").wholeness.verdict is Completeness.PROVEN


def test_a_broken_layer_is_suspect_and_what_was_read_is_described():
    """Where the bytes cannot be had further, what came before is described."""
    found = described(WHOLE.encode(), breaks_at=700)
    assert found.wholeness.verdict is Completeness.SUSPECT
    assert len(found.tables[0].columns) == 4
    assert not found.is_all


def test_large_texts_are_looked_at_in_passages():
    """Beyond 8 MiB beginning, end and passages are read; rows are not counted, and this is said."""
    written = io.StringIO(newline="")
    rows = ([n, "more\nthan, one line" if n % 3 else "x", n * 1.5] for n in range(400_000))
    reference.writer(written).writerows([["id", "note", "v"], *rows])
    data = written.getvalue().encode()
    found = described(data)
    assert (found.is_all, found.tables[0].rows, found.dialect.line_end) == (False, None, "\r\n")
    assert [column.type for column in found.tables[0].columns] == [Type.INTEGER, Type.TEXT, Type.DECIMAL]
    assert (found.problems, found.wholeness.verdict) == ((), Completeness.PRESUMED)
    assert "were looked at" in found.unread
    assert described(data[:-9]).wholeness.verdict is Completeness.SUSPECT


def test_the_budget_ends_it():
    """With a budget for less than the bytes, what was not looked at is said."""
    found = csv.describe(MemoryRanges(WHOLE.encode() * 50, piece_bytes=1000), budget(5000))
    assert not found.is_all
    assert found.unread


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\x00" * 5000,
        b'"' * 9000,
        b"," * 30_000,
        b"a\n" * 9,
        b"\r" * 99,
        b'a,b\n1,"' + b"x\n" * 9000,
        b"\xff" * 999,
    ],
    ids=["none", "line", "NULs", "quotes", "commas", "one column", "CR", "open", "FF"],
)
def test_no_bytes_are_too_strange(data):
    """A description comes of anything, within the limits of columns."""
    found = described(data)
    assert all(len(table.columns) <= COLUMNS_MAX for table in found.tables)


@given(st.binary(max_size=400) | st.text(st.sampled_from('ab1,;"\n\r\t |#'), max_size=200).map(str.encode))
def test_no_bytes_make_it_fail(data):
    """Any bytes are recognised and described without an error, and never proven without a count."""
    csv.recognise(Ends(data, data, len(data)))
    found = described(data)
    assert found.wholeness.verdict is not Completeness.PROVEN or found.dialect.footer_count is not None


def test_batches_have_the_rows_as_described():
    """Rows come as text, short ones padded with nulls, long ones cut, without preamble, header and footer."""
    data = 'Title\nid;name\n1;"a;b"\n2\n3;c;d\nTotal;3\n'.encode("utf-16")
    ranges = MemoryRanges(data, piece_bytes=7)
    found = csv.describe(ranges, budget())
    batches = list(csv.batches(ranges, found, "", budget()))
    assert [column.name for column in found.tables[0].columns] == batches[0].schema.names
    rows = [tuple(row.values()) for batch in batches for row in batch.to_pylist()]
    assert rows == [("1", "a;b"), ("2", None), ("3", "c")]
