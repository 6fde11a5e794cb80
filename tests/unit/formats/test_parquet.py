from __future__ import annotations

import datetime as dt
import decimal
import io
import random

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.formats.budget import Budget
from headwater.formats.columnar import parquet
from headwater.formats.detect import detect
from headwater.formats.examine import ends_of
from headwater.formats.finding import Type
from headwater.terms import Completeness
from headwater.testing.memory_ranges import MemoryRanges

ROWS = 600
WHEN = dt.datetime(2026, 1, 2, 3, 4, 5, 600_000)  # noqa: DTZ001  (a timestamp without zone)


def table(**more):
    """A table of many types."""
    return pa.table(
        {
            "id": pa.array(range(ROWS), pa.int32()),
            "name": [None if n % 7 == 0 else f"n{n:04}" for n in range(ROWS)],
            "price": [decimal.Decimal(n) / 100 for n in range(ROWS)],
            "day": [dt.date(2026, 1, 1) + dt.timedelta(days=n) for n in range(ROWS)],
            "at": pa.array([WHEN] * ROWS, pa.timestamp("us")),
            "there": pa.array([WHEN] * ROWS, pa.timestamp("ms", tz="UTC")),
            "clock": pa.array([WHEN.time()] * ROWS, pa.time64("us")),
            "big": pa.array([2**63 + n for n in range(ROWS)], pa.uint64()),
            "share": [float(n) / 3 for n in range(ROWS)],
            "yes": [n % 2 == 0 for n in range(ROWS)],
            "raw": [bytes([n % 256]) for n in range(ROWS)],
            "list": [[n, n] for n in range(ROWS)],
            "struct": [{"a": n, "b": "x"} for n in range(ROWS)],
            **more,
        }
    )


def written(data, **options):
    """A Parquet file of this table."""
    sink = io.BytesIO()
    pq.write_table(data, sink, **{"row_group_size": 250, **options})
    return sink.getvalue()


DATA = written(table())


def described(data):
    """What is said of these bytes."""
    return parquet.describe(MemoryRanges(data), Budget(1 << 30, 60, lambda: 0.0))


def columns(data):
    """The columns by name."""
    return {column.name: column for column in described(data).tables[0].columns}


def test_footer():
    """Rows, row groups, writer and compression are as the footer says, in a handful of requests."""
    ranges = MemoryRanges(DATA)
    found = parquet.describe(ranges, Budget(1 << 30, 60, lambda: 0.0))
    assert detect(ends_of(MemoryRanges(DATA)))[0].value == "parquet"
    assert found.wholeness.verdict is Completeness.PROVEN
    assert (found.tables[0].rows, found.dialect.groups, found.dialect.compression) == (ROWS, 3, ("snappy",))
    assert found.dialect.created_by.startswith("parquet-cpp-arrow")
    assert found.problems == ()
    assert ranges.reads <= 5


def test_types_and_bounds():
    """Types, nulls, least and greatest values come from the schema and the statistics of all row groups."""
    found = columns(DATA)
    got = {name: (column.type, column.nulls, column.min, column.max) for name, column in found.items()}
    assert got == {
        "id": (Type.INTEGER, 0, "0", "599"),
        "name": (Type.TEXT, 86, "n0001", "n0599"),
        "price": (Type.DECIMAL, 0, "0.00", "5.99"),
        "day": (Type.DATE, 0, "2026-01-01", "2027-08-23"),
        "at": (Type.TIMESTAMP, 0, "2026-01-02 03:04:05.600000", "2026-01-02 03:04:05.600000"),
        "there": (Type.TIMESTAMPTZ, 0, "2026-01-02 03:04:05.600000+00:00", "2026-01-02 03:04:05.600000+00:00"),
        "clock": (Type.TIME, 0, "03:04:05.600000", "03:04:05.600000"),
        "big": (Type.DECIMAL, 0, str(2**63), str(2**63 + 599)),
        "share": (Type.FLOAT, 0, "0.0", str(599 / 3)),
        "yes": (Type.BOOLEAN, 0, "false", "true"),
        "raw": (Type.BINARY, 0, "00", "ff"),
        "list": (Type.LIST, None, None, None),
        "struct": (Type.STRUCT, None, None, None),
    }
    assert found["price"].written.endswith("DECIMAL(3, 2)")
    assert found["list"].written == "list<INT64>"


def test_cut_anywhere():
    """Cut at 200 places, a Parquet file is suspect each time."""
    for place in random.Random(1).sample(range(4, len(DATA)), 200):
        assert described(DATA[:place]).wholeness.verdict is Completeness.SUSPECT, place


def test_bytes_missing_in_the_middle():
    """A file that lost bytes in the middle is suspect: its parts no longer lie where the footer says."""
    footer = int.from_bytes(DATA[-8:-4], "little")
    lost = DATA[:1000] + DATA[len(DATA) - footer - 8 :]
    assert described(lost).wholeness.verdict is Completeness.SUSPECT


@pytest.mark.parametrize("length", [0, 1, 100, 2**31, 2**32 - 1])
def test_lying_length(length):
    """A footer that states another length than it has is damage, and nothing of that size is read."""
    found = described(DATA[:-8] + length.to_bytes(4, "little") + DATA[-4:])
    assert found.wholeness.verdict is Completeness.SUSPECT
    assert [problem.code for problem in found.problems] == ["damaged_footer"]


def test_damaged_footer():
    """Bytes of zeros in the footer make it unreadable, which is said."""
    footer = int.from_bytes(DATA[-8:-4], "little")
    at = len(DATA) - 8 - footer // 2
    found = described(DATA[:at] + bytes(200) + DATA[at + 200 :])
    assert found.wholeness.verdict is Completeness.SUSPECT
    assert "damaged_footer" in [problem.code for problem in found.problems]


def test_no_columns_and_no_rows():
    """A file without rows, and one without columns, are whole."""
    assert described(written(table().slice(0, 0))).wholeness.verdict is Completeness.PROVEN
    assert described(written(pa.table({}))).wholeness.verdict is Completeness.PROVEN


def test_problems():
    """Times in nanoseconds, INT96, names that occur twice and empty row groups are said."""
    moments = pa.table({"t": pa.array([WHEN], pa.timestamp("ns"))})
    assert [each.code for each in described(written(moments)).problems] == ["nanosecond_timestamps"]
    old = written(moments, use_deprecated_int96_timestamps=True)
    assert [each.code for each in described(old).problems] == ["nanosecond_timestamps"]
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    assert [each.code for each in described(written(twice)).problems] == ["duplicate_names"]
    sink = io.BytesIO()
    few = pa.table({"a": [1]})
    with pq.ParquetWriter(sink, few.schema) as writer:
        writer.write_table(few.slice(0, 0))
        writer.write_table(few)
    assert [each.code for each in described(sink.getvalue()).problems] == ["empty_row_groups"]


def test_page_checksums():
    """Checksums of pages are seen in the header of the first page."""
    assert "carry checksums" in described(written(table(), write_page_checksum=True)).wholeness.reasons[0]
    assert "carry checksums" not in described(DATA).wholeness.reasons[0]


def test_encrypted():
    """An encrypted footer is said, and nothing more is claimed."""
    data = b"PARE" + bytes(200) + (100).to_bytes(4, "little") + b"PARE"
    found = described(data)
    assert found.dialect.is_encrypted
    assert found.wholeness.verdict is Completeness.PRESUMED
    assert [problem.code for problem in found.problems] == ["encrypted"]


def test_wide():
    """A thousand columns in a footer larger than the tail that is read first are all described."""
    data = written(pa.table({f"column {n}": [n] for n in range(1000)}))
    assert int.from_bytes(data[-8:-4], "little") > 64 * 1024
    assert len(columns(data)) == 1000


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_hostile_footers_never_raise(data):
    """Whatever bytes of the footer are changed, there is a verdict."""
    footer = int.from_bytes(DATA[-8:-4], "little")
    wrong = bytearray(DATA)
    for _ in range(data.draw(st.integers(1, 5))):
        wrong[data.draw(st.integers(len(DATA) - footer - 8, len(DATA) - 1))] = data.draw(st.integers(0, 255))
    assert described(bytes(wrong)).wholeness.reasons


@settings(max_examples=100, deadline=None)
@given(footer=st.binary(max_size=200))
def test_any_footer_never_raises(footer):
    """Any bytes in the place of a footer give a verdict."""
    data = b"PAR1" + bytes(50) + footer + len(footer).to_bytes(4, "little") + b"PAR1"
    assert described(data).wholeness.reasons


def test_other_writers(tmp_path):
    """Files of DuckDB and Polars are whole too, with rows, types and bounds."""
    with duckdb.connect() as connection:
        connection.execute(
            "copy (select i as n, (i % 200)::utinyint as small, date '2026-01-01' + i::int as day, [i] as l,"
            " map {'k': i} as m, uuid() as u, interval 1 day as iv, null as nothing, '{}'::json as j"
            " from range(50_000) t(i))"
            f" to '{tmp_path}/d.parquet' (format parquet, row_group_size 2048)"
        )
    found = described((tmp_path / "d.parquet").read_bytes())
    assert found.wholeness.verdict is Completeness.PROVEN
    assert found.tables[0].rows == 50_000
    first = {column.name: (column.type, column.min, column.max) for column in found.tables[0].columns}
    assert first["n"] == (Type.INTEGER, "0", "49999")
    assert first["day"] == (Type.DATE, "2026-01-01", "2162-11-23")
    assert first["m"][0] is Type.STRUCT
    sink = io.BytesIO()
    pl.DataFrame({"a": [1, None], "at": [WHEN, WHEN], "l": [[1], []], "t": [WHEN.time()] * 2}).write_parquet(sink)
    found = described(sink.getvalue())
    assert found.wholeness.verdict is Completeness.PROVEN
    assert found.problems == ()
    assert found.tables[0].columns[0].nulls == 1
