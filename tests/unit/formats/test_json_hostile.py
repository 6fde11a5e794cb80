"""JSON against what chance makes: no exception, no cut that is proven, rows as described, wherever pieces end."""

from __future__ import annotations

import json as plain_json
import math
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headwater.formats.budget import Budget
from headwater.formats.finding import Description, Json
from headwater.formats.format import Format
from headwater.formats.trees import json, ndjson
from headwater.terms import Completeness
from headwater.testing.memory_ranges import MemoryRanges

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
RECORDS = st.lists(st.dictionaries(st.sampled_from('abcä"{'), VALUES, max_size=4), max_size=6)
NOISE = st.binary(max_size=200) | st.text("{}[]\",:\\\n 01ea/*'-.\x1e\0nutl", max_size=200).map(str.encode)
PIECES = st.integers(1, 64)


def described(module: Format, data: bytes, piece_bytes: int, breaks_at: int | None = None) -> Description:
    """What is said of these bytes."""
    ranges = MemoryRanges(data, piece_bytes=piece_bytes, breaks_at=breaks_at)
    with patch("headwater.formats.encodings.text_source.BLOCK_BYTES", piece_bytes):  # as it comes
        return module.describe(ranges, Budget(1 << 40, 1e9, lambda: 0.0))


def but_bytes(found: Description) -> Description:
    """Without what is counted in the bytes alone: where the look ends early, that is of the blocks that were read. Of
    problems in one block those of blank lines come first.
    """
    problems = [each for each in found.problems if each.code not in {"nul_bytes", "bad_encoding"}]
    problems.sort(key=lambda problem: problem.code)
    return msgspec.structs.replace(found, problems=tuple(problems), encoding=None)


def row_count(module, data: bytes, found: Description) -> int:
    """How many rows the batches have."""
    batches = module.batches(MemoryRanges(data), found, "", Budget(1 << 40, 1e9, lambda: 0.0))
    return sum(batch.num_rows for batch in batches)


@settings(max_examples=60)
@example(b"{\x00:0\t", 1)
@given(NOISE, PIECES)
def test_noise_has_a_description(data, piece_bytes):
    """Any bytes are described, in pieces of any size alike, and have the rows that are said; one document that is cut,
    or no JSON, is a row that cannot be read.
    """
    for module in (json, ndjson):
        found = described(module, data, piece_bytes)
        assert but_bytes(found) == but_bytes(described(module, data, 1 << 20))
        rows = row_count(module, data, found)
        said = found.tables[0].rows or 0 if found.tables and found.tables[0].columns else rows
        is_document = isinstance(found.dialect, Json) and found.dialect.shape == "document"
        assert rows == said or (is_document and rows < said == 1)


@settings(max_examples=60)
@given(RECORDS, PIECES, st.booleans())
def test_lists_are_read_as_python_reads_them(records, piece_bytes, is_indented):
    """A list of objects has as many rows and the same columns as Python's own reader finds, and is proven."""
    data = plain_json.dumps(records, indent=1 if is_indented else None, ensure_ascii=is_indented).encode("utf-8")
    found = described(json, data, piece_bytes)
    names = list(dict.fromkeys(name for record in records for name in record))
    assert found.tables[0].rows == len(records)
    assert [column.name for column in found.tables[0].columns] == names
    assert found.wholeness.verdict is Completeness.PROVEN
    for column in found.tables[0].columns:
        assert column.nulls == sum(record.get(column.name) is None for record in records)


@settings(max_examples=60)
@given(RECORDS.filter(bool), st.data(), PIECES)
def test_a_cut_list_is_suspect(records, data, piece_bytes):
    """A list that is cut anywhere is suspect, also where it is wrapped."""
    for whole in (records, {"meta": 1, "data": records}):
        raw = plain_json.dumps(whole).encode()
        cut = raw[: data.draw(st.integers(1, len(raw) - 1))]
        assert described(json, cut, piece_bytes).wholeness.verdict is Completeness.SUSPECT


@settings(max_examples=60)
@given(st.lists(st.dictionaries(st.text(max_size=3), VALUES, max_size=3), min_size=1, max_size=8), PIECES)
def test_lines_are_read_as_python_reads_them(records, piece_bytes):
    """Each line is a row; none is bad."""
    raw = b"".join(plain_json.dumps(record).encode() + b"\n" for record in records)
    found = described(ndjson, raw, piece_bytes)
    assert found.tables[0].rows == len(records)
    assert "bad_record" not in {problem.code for problem in found.problems}
    assert row_count(ndjson, raw, found) in {len(records), 0 if not found.tables[0].columns else len(records)}


@given(RECORDS, st.data())
@settings(max_examples=50)
def test_bytes_that_break_off_are_suspect(records, data):
    """Where the bytes cannot be had any more, the verdict is suspect, whatever was there before."""
    raw = plain_json.dumps(records).encode()
    at = data.draw(st.integers(0, len(raw) - 1))
    for module in (json, ndjson):
        assert described(module, raw, 16, breaks_at=at).wholeness.verdict is Completeness.SUSPECT


def test_floats_that_are_no_numbers_keep_the_other_ends():
    """NaN is neither the smallest nor the largest value."""
    found = described(json, b'[{"a":NaN},{"a":2.5},{"a":-1.5}]', 1 << 20)
    assert (found.tables[0].columns[0].min, found.tables[0].columns[0].max) == ("-1.5", "2.5")
    assert not math.isnan(float(found.tables[0].columns[0].samples[1]))


@pytest.mark.parametrize("marks", [(b"[", b"/*(1),"), (b"[//", b"//,"), (b"[/*", b"//,"), (b"{a:[", b"{/*,")])
def test_a_comment_that_never_ends_is_looked_for_once(marks):
    """A hundred thousand take no longer than as many values: each looked through to the end would take minutes."""
    begin, again = marks
    found = described(json, begin + again * 100_000, 1 << 20)
    assert found.wholeness.verdict is Completeness.SUSPECT
