"""What is said of lines of JSON."""

from __future__ import annotations

import itertools
from unittest.mock import patch

import pytest

from headwater.formats.budget import Budget
from headwater.formats.finding import Description, Problem, Type
from headwater.formats.trees import ndjson
from headwater.terms import Completeness
from headwater.testing.memory_ranges import MemoryRanges

LINES = b'{"id":1,"name":"Ann","at":"2026-01-01"}\n{"id":2,"name":"B\xc3\xb6b","at":"2026-01-02"}\n'


def budget(size_bytes: int = 1 << 40) -> Budget:
    """A budget that is not spent."""
    return Budget(size_bytes, 1e9, lambda: 0.0)


def described(data: bytes, *, piece_bytes: int = 1 << 20, breaks_at: int | None = None) -> Description:
    """What is said of these bytes."""
    with patch("headwater.formats.encodings.text_source.BLOCK_BYTES", piece_bytes):  # as it comes
        return ndjson.describe(MemoryRanges(data, piece_bytes=piece_bytes, breaks_at=breaks_at), budget())


def rows_of(data: bytes, piece_bytes: int = 1 << 20) -> list[dict[str, str | None]]:
    """The rows of all batches."""
    ranges = MemoryRanges(data, piece_bytes=piece_bytes)
    batches = ndjson.batches(ranges, ndjson.describe(ranges, budget()), "", budget())
    return list(itertools.chain.from_iterable(batch.to_pylist() for batch in batches))


def problem(found: Description, code: str) -> Problem:
    """The problem with a code; there is one."""
    (one,) = [each for each in found.problems if each.code == code]
    return one


@pytest.mark.parametrize("piece_bytes", [1, 13, 1 << 20])
def test_good_lines(piece_bytes):
    """Whole lines of objects are counted and typed, wherever the pieces end; their end is presumed."""
    found = described(LINES, piece_bytes=piece_bytes)
    (table,) = found.tables
    assert [(column.name, column.type) for column in table.columns] == [
        ("id", Type.INTEGER),
        ("name", Type.TEXT),
        ("at", Type.DATE),
    ]
    assert (table.rows, found.problems, found.wholeness.verdict) == (2, (), Completeness.PRESUMED)


def test_windows_line_ends():
    """Lines may end in CR LF."""
    found = described(LINES.replace(b"\n", b"\r\n"))
    assert (found.tables[0].rows, found.problems) == (2, ())


@pytest.mark.parametrize("piece_bytes", [3, 1 << 20])
def test_bad_lines_are_counted_and_placed(piece_bytes):
    """Lines that are no JSON are no rows; the first one is named with the reason, all are counted."""
    found = described(b'{"a":1}\n{"a":}\n\n{"a":2}\noops\n{"a":3} {"a":4}\n', piece_bytes=piece_bytes)
    bad, blank = problem(found, "bad_record"), problem(found, "blank_lines")
    assert (found.tables[0].rows, bad.count, bad.row, blank.count, blank.row) == (2, 3, 2, 1, 3)
    assert bad.sentence.startswith("Line 2 is no valid JSON: at byte 6")
    assert bad.examples == ('{"a":}', "oops", '{"a":3} {"a":4}')


def test_a_value_over_two_lines_is_none():
    """A record that is broken over lines is two bad lines, for readers of lines cannot read it."""
    found = described(b'{"a":1}\n{"a":\n2}\n{"a":3}\n')
    assert (found.tables[0].rows, problem(found, "bad_record").count) == (2, 2)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"a":NaN}', "not_json_numbers"),
        (b"{'a':1}", "single_quotes"),
        (b'{"a":1,}', "trailing_comma"),
        (b'{"a":1} // note', "comments"),
        (b'{"a":1,"b":{"c":1,"c":2}}', "duplicate_keys"),
        (b"[1]", "mixed_shapes"),
        (b'{"a":"' + b"\xff" + b'"}', "bad_encoding"),
        (b'{"a":99999999999999999}', "big_integers"),
    ],
)
def test_lines_with_a_fault_that_can_be_read(line, code):
    """A line that is not quite JSON, or holds what readers stumble over, is told."""
    data = '{"a":"ä"}\n'.encode() * 60_000 + line + b'\n{"a":"x"}\n'
    told = problem(described(data), code)
    assert told.count == 1
    assert told.row in {None, 60_001}


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_last_line_that_is_whole_is_no_sign(end):
    """Without a final line end a whole record of the same kind is no sign of a cut."""
    assert described(LINES.rstrip() + end).wholeness.verdict is Completeness.PRESUMED


def test_every_cut_inside_a_line_is_suspect():
    """A cut within a record is suspect, at a record's end nothing tells; none is ever proven."""
    for size in range(1, len(LINES)):
        verdict = described(LINES[:size]).wholeness.verdict
        is_end = LINES[:size].endswith((b"}", b"\n"))
        assert verdict is (Completeness.PRESUMED if is_end else Completeness.SUSPECT), size


def test_zeros_at_the_end_are_suspect():
    """A file that ends in zero bytes was not written to its end."""
    found = described(LINES + b"\0" * 512)
    assert found.wholeness.verdict is Completeness.SUSPECT
    assert problem(found, "nul_bytes").count == 512


def test_a_last_line_of_another_kind_is_suspect():
    """A number at the end of a file of objects, without a line end, may be the begin of anything."""
    assert described(LINES + b"4").wholeness.verdict is Completeness.SUSPECT


def test_a_line_without_end_is_not_held(monkeypatch):
    """A line longer than is held is told and left out; the lines after it are read."""
    monkeypatch.setattr(ndjson, "VALUE_BYTES_MAX", 1000)
    monkeypatch.setattr("headwater.formats.trees.json_rows.VALUE_BYTES_MAX", 1000)
    data = b'{"a":1}\n{"a":"' + b"x" * 600_000 + b'"}\n{"a":3}\n{"a":}\n'
    found = described(data, piece_bytes=300)
    assert (found.tables[0].rows, problem(found, "row_too_long").row, problem(found, "bad_record").row) == (2, 2, 4)
    assert rows_of(data, 300) == [{"a": "1"}, {"a": "3"}]


def test_counts_are_of_all_lines():
    """Nulls, ends and lengths are of every line, also of many."""
    data = b"".join(b'{"n":%d,"t":"%s"}\n' % (number, b"x" * (number % 7)) for number in range(30_000)) + b'{"m":1}\n'
    columns = {column.name: column for column in described(data).tables[0].columns}
    assert (columns["n"].min, columns["n"].max, columns["n"].nulls, columns["m"].nulls) == ("0", "29999", 1, 30_000)
    assert (columns["t"].length_min, columns["t"].length_max, columns["t"].distinct) == (0, 6, 7)
    assert columns["n"].distinct is not None
    assert abs(columns["n"].distinct - 30_000) < 1_500


def test_rows_are_the_good_lines():
    """The batches hold the lines that can be read, in order."""
    data = b'{"a":1.0,"b":{"c":[1]}}\nnope\n\n{"b":"x","a":NaN}\n[1]\n{"a":2'
    assert rows_of(data) == [{"a": "1.0", "b": '{"c":[1]}'}, {"a": "nan", "b": "x"}]


def test_broken_bytes_are_suspect():
    """Where the bytes break off, the lines before are told."""
    found = described(LINES * 10, breaks_at=len(LINES) * 3 + 5)
    assert (found.tables[0].rows, found.wholeness.verdict) == (6, Completeness.SUSPECT)


def test_a_spent_budget_is_said():
    """Where the budget ends, what was not read is said, and nothing is claimed of the end."""
    found = ndjson.describe(MemoryRanges(LINES * 9_000, piece_bytes=1000), budget(400_000))
    assert (found.is_all, found.wholeness.verdict) == (False, Completeness.PRESUMED)
    assert "first 400,000 bytes" in found.unread


def test_a_last_line_without_end_is_suspect(monkeypatch):
    """A last line longer than is held, with no line end, is a sign of a cut or of no lines at all."""
    monkeypatch.setattr(ndjson, "VALUE_BYTES_MAX", 1000)
    assert described(LINES + b"x" * 600_000, piece_bytes=300).wholeness.verdict is Completeness.SUSPECT


def test_duplicates_are_looked_for_as_far_as_is_cheap():
    """In a long file not every record is looked through for keys that come twice, and that is said."""
    told = problem(described(b'{"a":1,"b":{"c":1},"a":2}\n' * 40_000), "duplicate_keys")
    assert told.count >= 20_000
    assert told.sentence.endswith("Not every record was looked through for that.")


@pytest.mark.parametrize(
    "odd",
    [
        *('{"id":1}{"id":2}', '{"id":1,\n"name":2}', '{"id":1}{"id":2}\n{"id":\n3}', '{"id":1,"id":2}', "[1]", "", " "),
        *('{"id":null}', '{"id":1.5,"new":[{"a":1,"a":2}]}', '{"id":12345678901234567890}', '{"\\u0069d":1}', "{}"),
        *('{"id":"x"', "{'id':1}", '{"id":1e-7}', '{"id":NaN}', '{"name":"say \\":"}'),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_lines_with_the_keys_of_those_before_them(odd, line_end):
    """What is told of lines that are decoded straight into columns is what is told of them one by one."""
    lines = [f'{{"id":{number},"name":"n{number % 90}"}}' for number in range(6_000)]
    lines[5_500:5_500] = odd.split("\n")
    data = (line_end.join(lines) + line_end).encode()
    found = described(data, piece_bytes=16_000)
    with patch("headwater.formats.trees.json_columns._COLUMNS_MAX", 0):
        assert found == described(data, piece_bytes=16_000)
    assert found.tables[0].rows in range(6_000, 6_004)


def test_lines_are_told_apart_where_they_do_not_hold_one_object_each():
    """Two objects on one line and one on two are three lines that are no JSON, though as many objects as lines."""
    lines = ['{"id":1}'] * 3_000 + ['{"id":1}{"id":2}', '{"id":', "1}"] + ['{"id":1}'] * 500
    found = described("\n".join([*lines, ""]).encode(), piece_bytes=8_000)
    assert (found.tables[0].rows, problem(found, "bad_record").count) == (3_500, 3)
