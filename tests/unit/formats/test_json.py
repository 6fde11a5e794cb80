"""What is said of JSON documents."""

from __future__ import annotations

import itertools
import json as plain_json
from unittest.mock import patch

import pytest

from headwater.formats.budget import Budget
from headwater.formats.finding import Description, Json, Problem, Type
from headwater.formats.trees import json
from headwater.terms import Completeness
from headwater.testing.memory_ranges import MemoryRanges

WRAPPED = {"meta": {"page": 1}, "data": {"rows": [{"id": 1, "tag": ["a"]}, {"id": 2, "tag": []}, {"id": 3}]}}


def budget(size_bytes: int = 1 << 40) -> Budget:
    """A budget that is not spent."""
    return Budget(size_bytes, 1e9, lambda: 0.0)


def described(data: bytes, *, piece_bytes: int = 1 << 20, breaks_at: int | None = None) -> Description:
    """What is said of these bytes."""
    with patch("headwater.formats.encodings.text_source.BLOCK_BYTES", piece_bytes):  # as it comes
        return json.describe(MemoryRanges(data, piece_bytes=piece_bytes, breaks_at=breaks_at), budget())


def rows_of(data: bytes) -> list[dict[str, str | None]]:
    """The rows of all batches."""
    ranges = MemoryRanges(data)
    found = json.describe(ranges, budget())
    batches = json.batches(ranges, found, "", budget())
    return list(itertools.chain.from_iterable(batch.to_pylist() for batch in batches))


def problem(found: Description, code: str) -> Problem:
    """The problem with a code; there is one."""
    (one,) = [each for each in found.problems if each.code == code]
    return one


def dialect(found: Description) -> Json:
    """The dialect, which is Json."""
    assert isinstance(found.dialect, Json)
    return found.dialect


@pytest.mark.parametrize(
    ("data", "shape", "path", "rows", "verdict"),
    [
        (b'[{"a":1},{"a":2}]', "array", (), 2, Completeness.PROVEN),
        (b"[]\n", "array", (), 0, Completeness.PROVEN),
        (b"[1,2,3]", "array", (), 3, Completeness.PROVEN),
        (plain_json.dumps(WRAPPED).encode(), "wrapped", ("data", "rows"), 3, Completeness.PROVEN),
        (b'{"total":0,"items":[]}', "wrapped", ("items",), 0, Completeness.PROVEN),
        (b'{\n"a":1,\n"b":{"c":[1,2]}\n}', "document", (), 1, Completeness.PROVEN),
        (b'{"a":1,"b":{"c":[1,2]}}\n', "document", (), 1, Completeness.PRESUMED),
        (b'{"a":1}{"a":2}\n{"a":3}', "concatenated", (), 3, Completeness.PRESUMED),
        (b'\x1e{"a":1}\n\x1e{"a":2}\n', "concatenated", (), 2, Completeness.PRESUMED),
        (b'{"a":1},\n{"a":2}', "concatenated", (), 2, Completeness.PRESUMED),
        (b'"text"', "document", (), 1, Completeness.PROVEN),
        (b"42", "document", (), 1, Completeness.PRESUMED),
    ],
)
@pytest.mark.parametrize("piece_bytes", [1, 7, 1 << 20])
def test_shapes(data, shape, path, rows, verdict, piece_bytes):
    """The shape, the path to the records, their number and the verdict are right, wherever the pieces end."""
    found = described(data, piece_bytes=piece_bytes)
    assert (dialect(found).shape, dialect(found).path) == (shape, path)
    assert (found.tables[0].rows, found.wholeness.verdict) == (rows, verdict)
    assert found.is_all


def test_columns():
    """Columns are the union of keys in order of first sight, with what their values can be read as."""
    records = [
        {
            "id": 1,
            "price": 1.5,
            "day": "2026-01-31",
            "ok": True,
            "sub": {"x": 1},
            "list": [1],
            "mixed": 1,
            "none": None,
        },
        {"id": 2, "price": 2, "day": "2026-02-01", "ok": False, "sub": {}, "list": [], "mixed": "x", "late": "b"},
    ]
    columns = {column.name: column for column in described(plain_json.dumps(records).encode()).tables[0].columns}
    types = {name: column.type for name, column in columns.items()}
    assert types == {
        "id": Type.INTEGER,
        "price": Type.DECIMAL,
        "day": Type.DATE,
        "ok": Type.BOOLEAN,
        "sub": Type.STRUCT,
        "list": Type.LIST,
        "mixed": Type.JSON,
        "none": Type.NULL,
        "late": Type.TEXT,
    }
    assert (columns["late"].nulls, columns["none"].nulls, columns["id"].nulls) == (1, 2, 0)
    assert (columns["id"].min, columns["id"].max, columns["id"].distinct, columns["id"].is_unique) == (
        "1",
        "2",
        2,
        True,
    )
    assert columns["sub"].samples == ('{"x":1}', "{}")


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("piece_bytes", [3, 1 << 20])
def test_every_encoding_of_json(codec, piece_bytes):
    """JSON in any Unicode encoding, with and without a mark, gives the same values."""
    found = described('[{"a":"Größe 😀"}]'.encode(codec), piece_bytes=piece_bytes)
    assert found.tables[0].columns[0].samples == ("Größe 😀",)
    assert (found.wholeness.verdict, found.problems) == (Completeness.PROVEN, ())
    assert found.encoding is not None
    assert found.encoding.name.startswith(codec[:5])


def test_an_old_encoding_is_said():
    """JSON in cp1252 is read as that, and the sender is told."""
    found = described('[{"ort":"Köln","straße":"Große Straße 5"},{"ort":"Düsseldorf","straße":"–"}]'.encode("cp1252"))
    assert found.tables[0].columns[0].samples == ("Köln", "Düsseldorf")
    assert "cp1252" in problem(found, "bad_encoding").sentence


def test_bad_utf8_is_placed():
    """A byte that is no UTF-8, far from the beginning, is told with its offset."""
    data = b'[{"a":"' + "ä".encode() * 200_000 + b"\xff" + b'"}]'
    told = problem(described(data), "bad_encoding")
    assert (told.at, told.count) == (400_007, 1)


@pytest.mark.parametrize(
    ("data", "code", "says"),
    [
        (b'[{"a":1,"a":2}]', "duplicate_keys", "“a” twice"),
        (b'[{"x":{"b":1,"c":2,"b":3}}]', "duplicate_keys", "“b” twice"),
        (b'{"k":[{"a":1},{"a":2}],"k":1}', "duplicate_keys", "“k” stands twice"),
        (b'[{"a":NaN},{"a":-Infinity}]', "not_json_numbers", "NaN"),
        (b"[{'a':'x'}]", "single_quotes", "single quotes"),
        (b'[{"a":1},{"a":2},]', "trailing_comma", "comma"),
        (b'[{"a":1,}]', "trailing_comma", "comma"),
        (b'{/* it\'s "odd" */ "rows":[{"a":1 /* ] */},{"a":2}]}', "comments", "comment"),
        (b"[{a:1},{a:2}]", "unquoted_keys", "without quotes"),
        (b'[{"a":None},{"a":True}]', "not_json_words", "None"),
        (b'[{"a":"\\ud800"}]', "lone_surrogates", "half of a character"),
        (b'[{"a":1},7]', "mixed_shapes", "no objects"),
        (b'[{"a":1},{"a":"x"}]', "mixed_types", "numbers, texts"),
        (b'[{"a":9007199254740993}]', "big_integers", "9,007,199,254,740,992"),
        (b'[{"a":[12345678901234567890]}]', "big_integers", "9,007,199,254,740,992"),
        (b'[{"a":"\0"}]', "nul_bytes", "zero"),
        (b'[{"a":1}] extra', "junk_after_end", "'extra'"),
        (b'[{"a":1}][{"a":2}]', "junk_after_end", "something else"),
        (b'[{"a":1} {"a":2}]', "bad_json", "comma"),
        (b'[{"a":1},{"a":tru}]', "bad_record", "Record 2"),
        (b'{"a":1},\n{"a":2}', "commas_between", "Commas"),
        (b'{"x":[{"a":1},{"a":2},{"a":3}],"y":[{"b":1},{"b":2}]}', "other_records", "“y”"),
    ],
)
def test_problems(data, code, says):
    """Each thing that is wrong has its code and a sentence about it."""
    assert says in problem(described(data), code).sentence


def test_integers_beyond_64_bits():
    """An integer that no 64 bits hold makes a decimal, and is said with the larger bound."""
    found = described(b'[{"a":1},{"a":123456789012345678901234567890}]')
    assert found.tables[0].columns[0].type is Type.DECIMAL
    told = [each for each in found.problems if each.code == "big_integers" and each.column == "a"]
    assert "9,223,372,036,854,775,807" in told[0].sentence


def test_what_is_added_to_json_is_still_read():
    """A document in the style of JSON5 gives its rows."""
    data = b"{ // it's a list\n rows: [ {'a': 'x\\'s', b: 1,}, {\"a\": \"//\", b: 2} /* \"end */, ], }\n"
    assert rows_of(data) == [{"a": "x's", "b": "1"}, {"a": "//", "b": "2"}]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'[{"a":1},{"a":"xy', "inside record 2, in a text"),
        (b'[{"a":1},{"a":', "inside record 2."),
        (b'[{"a":1},{"a":2}', "inside the list, after record 2"),
        (b'{"data":[{"a":1},{"a":2}', "inside the list of “data”, after record 2"),
        (b'{"data":[{"a":1}],"na', "the name of a key"),
        (b'{"data":[{"a":1}],', "inside the object, after key 1"),
        (b"[12,345", "inside record 2"),
        (b'{"a":1}{"a"', "inside record 2"),
        (b'"text', "inside a text"),
        (b'[{"a":"\xc3', "inside record 1, in a text"),
    ],
)
def test_a_cut_file_says_where(data, says):
    """A file that is cut is suspect, and the reason says inside of what."""
    found = described(data)
    assert found.wholeness.verdict is Completeness.SUSPECT
    assert says in found.wholeness.reasons[0]


SOUND = [
    b'[{"a":1,"b":"x\\"y"},{"a":-2.5e3,"b":null},\n{"a":[1,{"c":"}"}],"b":"\xc3\xa4"}]\n',
    plain_json.dumps(WRAPPED, indent=1).encode(),
    b'{"a":true,"b":[{"c":1}]}',
    '[{"a":"ä"},{"b":1}]'.encode("utf-16"),
]


@pytest.mark.parametrize("data", SOUND)
@pytest.mark.parametrize("piece_bytes", [5, 1 << 20])
def test_no_cut_is_proven(data, piece_bytes):
    """A list or object that is cut anywhere is suspect; the whole one is proven, or presumed on a single line."""
    end = len(data.rstrip())
    for size in range(1, end):
        assert described(data[:size], piece_bytes=piece_bytes).wholeness.verdict is Completeness.SUSPECT, size
    assert described(data).wholeness.verdict is not Completeness.SUSPECT


def test_broken_bytes_are_suspect():
    """Where the bytes break off, what was learnt before is told, and the verdict is suspect."""
    found = described(b'[{"a":1},{"a":2},{"a":3}]', breaks_at=18)
    assert found.tables[0].rows == 2
    assert found.wholeness.verdict is Completeness.SUSPECT
    assert "cut at 18" in found.wholeness.reasons[0]


def test_a_spent_budget_is_said():
    """Where the budget ends first, nothing is claimed of the end, and what was not read is said."""
    data = b"[" + b",".join(b'{"a":%d}' % number for number in range(1000)) + b"]"
    found = json.describe(MemoryRanges(data, piece_bytes=1000), budget(3000))
    assert (found.is_all, found.wholeness.verdict) == (False, Completeness.PRESUMED)
    assert "only the first" in found.unread


@pytest.mark.parametrize(
    "data", [b"[" * 10_000_000, b'{"a":' * 1_000_000, b'[{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}]"]
)
def test_ten_million_levels_end_quickly(data):
    """Nesting without end is said, and ends the look without recursion."""
    found = described(data)
    assert found.wholeness.verdict is Completeness.SUSPECT
    assert problem(found, "deep_nesting").sentence
    assert not found.is_all


def test_a_record_that_is_too_long(monkeypatch):
    """A record longer than is held is counted, and the ones after it are read."""
    monkeypatch.setattr("headwater.formats.trees.json_scan.VALUE_BYTES_MAX", 1000)
    data = b'[{"a":1},{"a":"' + b"x" * 400_000 + b'","b":[' + b"1," * 200_000 + b'2]},{"a":3}]'
    found = described(data, piece_bytes=500)
    assert (found.tables[0].rows, found.wholeness.verdict) == (3, Completeness.PROVEN)
    assert problem(found, "row_too_long").row == 2


def test_rows_keep_numbers_as_they_are_written():
    """Rows are texts: numbers with all their digits, lists and objects as JSON, null and what is missing as null."""
    data = (
        b'{"data":[{"n":1.50,"big":123456789012345678901,"l":[1, 2.0],"o":{"a":"\\u00e4"},"t":"\\u00e4"},{"n":null}]}'
    )
    assert rows_of(data) == [
        {"n": "1.50", "big": "123456789012345678901", "l": "[1, 2.0]", "o": '{"a":"\\u00e4"}', "t": "ä"},
        {"n": None, "big": None, "l": None, "o": None, "t": None},
    ]


@pytest.mark.parametrize(
    "data", [b'[{"a":1},{"a":tru},{"a":2}]', b'{"a":1}{"a":2}', b'{"a":1,\n"b":[1]}', b"[1,2]", b'[{"a":1},5]']
)
def test_as_many_rows_as_described(data):
    """The batches have as many rows as the description says."""
    assert len(rows_of(data)) == described(data).tables[0].rows


@pytest.mark.parametrize("piece_bytes", [1000, 1 << 20])
def test_long_lists_of_plain_values(piece_bytes):
    """Numbers, texts with commas and words in a long list are all counted, in pieces of any size."""
    values = [number if number % 3 else f'a, "{number}"' if number % 2 else None for number in range(30_000)]
    found = described(plain_json.dumps(values).encode(), piece_bytes=piece_bytes)
    (column,) = found.tables[0].columns
    assert (found.tables[0].rows, column.nulls, column.type) == (30_000, 5_000, Type.JSON)
    assert found.wholeness.verdict is Completeness.PROVEN


def test_what_stands_behind_a_fault_is_not_claimed():
    """Where the document stops being JSON, the rest was not looked at, and that is said."""
    found = described(b'[{"a":1} {"a":2}]')
    assert (found.is_all, found.tables[0].rows) == (False, 1)
    assert "behind byte 10" in found.unread


def test_zeros_are_no_json():
    """A file of nothing but zero bytes is suspect, of any size."""
    for size in (1, 1000, 20_000_000):
        assert described(b"\0" * size).wholeness.verdict is Completeness.SUSPECT
