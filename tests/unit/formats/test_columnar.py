from __future__ import annotations

import contextlib
import datetime as dt
import decimal
import io
import json
import random
import struct

import fastavro
import polars as pl
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import orc as pyarrow_orc

from headwater.formats.budget import Budget
from headwater.formats.columnar import arrow, arrow_messages, avro, orc
from headwater.formats.detect import detect
from headwater.formats.examine import ends_of
from headwater.formats.finding import Type
from headwater.formats.layers import lz4_block
from headwater.terms import Completeness
from headwater.testing.memory_ranges import MemoryRanges

ROWS = 2000
DAY, WHEN = dt.date(2026, 1, 1), dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC)
TABLE = pa.table(
    {
        "id": pa.array(range(ROWS), pa.int64()),
        "name": [None if n % 5 == 0 else f"n{n:04}" for n in range(ROWS)],
        "price": [decimal.Decimal("1.25")] * ROWS,
        "day": [DAY] * ROWS,
        "at": pa.array([WHEN] * ROWS, pa.timestamp("us", tz="UTC")),
        "share": [n / 4 for n in range(ROWS)],
        "list": [[1, 2]] * ROWS,
        "struct": [{"a": 1, "b": "x"}] * ROWS,
    }
)
TYPES = [
    *(Type.INTEGER, Type.TEXT, Type.DECIMAL, Type.DATE, Type.TIMESTAMPTZ, Type.FLOAT, Type.LIST, Type.STRUCT),
]
AVRO_SCHEMA = {
    "type": "record",
    "name": "order",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "name", "type": ["null", "string"]},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "share", "type": "double"},
        {"name": "list", "type": {"type": "array", "items": "int"}},
        {"name": "struct", "type": {"type": "record", "name": "s", "fields": [{"name": "a", "type": "int"}]}},
        {"name": "again", "type": ["null", "s"]},
        {"name": "either", "type": ["null", "int", "string"]},
    ],
}
RECORDS = [{**row, "struct": {"a": 1}, "again": None, "either": row["id"]} for row in TABLE.to_pylist()]


def budget(size_bytes=1 << 30):
    """A budget whose clock stands still."""
    return Budget(size_bytes, 60, lambda: 0.0)


def arrow_file(data=TABLE, **options):
    """An Arrow file of these rows."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, data.schema, **options) as writer:
        writer.write_table(data, max_chunksize=300)
    return sink.getvalue().to_pybytes()


def arrow_stream():
    """An Arrow stream of the rows."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, TABLE.schema) as writer:
        writer.write_table(TABLE, max_chunksize=300)
    return sink.getvalue().to_pybytes()


def orc_file(compression="zlib"):
    """An ORC file of the rows."""
    sink = io.BytesIO()
    pyarrow_orc.write_table(TABLE, sink, compression=compression, stripe_size=65_536)
    return sink.getvalue()


def avro_file(codec="null", schema=AVRO_SCHEMA, records=RECORDS):
    """An Avro file of these records."""
    sink = io.BytesIO()
    fastavro.writer(sink, schema, records, codec=codec, sync_interval=4000)
    return sink.getvalue()


SAMPLES = {
    "arrow file": (arrow, arrow_file()),
    "arrow stream": (arrow, arrow_stream()),
    "orc": (orc, orc_file()),
    "avro": (avro, avro_file()),
}


def described(name, data=None):
    """What is said of these bytes."""
    module, whole = SAMPLES[name]
    return module.describe(MemoryRanges(whole if data is None else data), budget())


@pytest.mark.parametrize("name", SAMPLES)
def test_whole(name):
    """Each is recognised by its bytes, and its rows and columns are as written."""
    data = SAMPLES[name][1]
    assert detect(ends_of(MemoryRanges(data)))[0].value == name.split()[0]
    found = described(name)
    assert found.wholeness.verdict is (Completeness.PRESUMED if name == "avro" else Completeness.PROVEN)
    table = found.tables[0]
    assert table.rows == ROWS
    assert [column.type for column in table.columns][:8] == TYPES
    assert [column.name for column in table.columns][:8] == TABLE.column_names
    assert found.problems == ()
    assert found.dialect.is_stream is (name == "arrow stream")


@pytest.mark.parametrize("name", SAMPLES)
def test_cut_anywhere(name):
    """Cut at 200 places, none is proven, and each is suspect where the format leaves a sign."""
    data = SAMPLES[name][1]
    missed = 0
    for place in random.Random(2).sample(range(8, len(data)), 200):
        verdict = described(name, data[:place]).wholeness.verdict
        assert verdict is not Completeness.PROVEN, place
        missed += verdict is not Completeness.SUSPECT
    assert missed <= 2


@pytest.mark.parametrize("name", SAMPLES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_hostile_bytes_never_raise(name, data):
    """Whatever bytes at the ends are changed, there is a verdict."""
    wrong = bytearray(SAMPLES[name][1])
    edge = min(3000, len(wrong) // 2)
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, 2 * edge - 1))
        wrong[place if place < edge else place - 2 * edge] = data.draw(st.integers(0, 255))
    detect(ends_of(MemoryRanges(bytes(wrong))))
    assert described(name, bytes(wrong)).wholeness.reasons


@pytest.mark.parametrize("compression", ["uncompressed", "zlib", "snappy", "zstd", "lz4"])
def test_orc_compressions(compression):
    """An ORC footer is read whatever it is compressed with; statistics give nulls and bounds."""
    found = orc.describe(MemoryRanges(orc_file(compression)), budget())
    assert found.wholeness.verdict is Completeness.PROVEN
    got = {column.name: (column.nulls, column.min, column.max) for column in found.tables[0].columns}
    assert got["id"] == (0, "0", "1999")
    assert got["name"] == (400, "n0001", "n1999")
    assert got["day"] == (0, "2026-01-01", "2026-01-01")
    assert got["price"] == (0, "1.25", "1.25")


def test_orc_in_few_requests():
    """ORC and Parquet alike are described from their ends."""
    ranges = MemoryRanges(SAMPLES["orc"][1])
    orc.describe(ranges, budget())
    assert ranges.reads <= 4


def test_orc_is_not_any_text():
    """A text that begins with ORC is no ORC file."""
    guesses = detect(ends_of(MemoryRanges(b"ORC,ELF,MAN\n1,2,3\n4,5,6\n")))
    assert guesses[0].value != "orc"


def test_arrow_without_end_mark():
    """An Arrow stream that ends behind a batch without the end mark is presumed, never proven."""
    found = described("arrow stream", SAMPLES["arrow stream"][1][:-8])
    assert found.wholeness.verdict is Completeness.PRESUMED


def test_arrow_footer_outside():
    """Blocks that would lie outside of the file are damage; what stands at the beginning is described still."""
    data = SAMPLES["arrow file"][1]
    lost = data[: len(data) // 2 // 8 * 8] + data[-2000:]
    found = described("arrow file", lost)
    assert found.wholeness.verdict is Completeness.SUSPECT
    assert found.tables[0].columns


def test_arrow_compressed_and_dictionary():
    """Compressed bodies and dictionaries are counted like others."""
    coded = TABLE.set_column(1, "name", TABLE["name"].dictionary_encode())
    data = arrow_file(coded.combine_chunks(), options=pa.ipc.IpcWriteOptions(compression="zstd"))
    found = described("arrow file", data)
    assert found.wholeness.verdict is Completeness.PROVEN
    assert found.tables[0].rows == ROWS
    assert found.tables[0].columns[1].type is Type.TEXT


@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2", "xz"])
def test_avro_rows(codec):
    """Every row of an Avro file comes, typed, in order, whatever its codec."""
    data = avro_file(codec)
    found = avro.describe(MemoryRanges(data), budget())
    assert found.dialect.compression == (() if codec == "null" else (codec,))
    rows = [row for batch in avro.batches(MemoryRanges(data), found, "", budget()) for row in batch.to_pylist()]
    assert len(rows) == ROWS
    assert rows[1] == {
        "id": 1,
        "name": "n0001",
        "price": "1.25",
        "day": DAY,
        "at": WHEN,
        "share": 0.25,
        "list": "[1, 2]",
        "struct": '{"a": 1}',
        "again": None,
        "either": "1",
    }


@pytest.mark.parametrize("codec", ["snappy", "zstandard"])
def test_avro_codecs_by_hand(codec):
    """Blocks of Snappy (with its checksum behind it) and Zstandard are unpacked."""
    plain = avro_file(
        "null", {"type": "record", "name": "r", "fields": [{"name": "n", "type": "string"}]}, [{"n": "x" * 50}] * 9
    )
    sync = plain[-16:]
    header = plain[: plain.index(sync) + 16].replace(b"\x08null", bytes([2 * len(codec)]) + codec.encode())
    block = b"\x02n"[:0] + b"".join(bytes([100]) + b"x" * 50 for _ in range(9))
    block = b"".join(bytes([100]) + b"x" * 50 for _ in range(9))
    packed = (
        pa.Codec("snappy").compress(block, asbytes=True) + b"\0\0\0\0"
        if codec == "snappy"
        else zstandard.ZstdCompressor().compress(block)
    )
    size = len(packed) * 2
    length = bytes([size & 0x7F | 0x80, size >> 7]) if size > 127 else bytes([size])
    data = header + b"\x12" + length + packed + sync
    found = avro.describe(MemoryRanges(data), budget())
    batches = list(avro.batches(MemoryRanges(data), found, "", budget()))
    assert found.dialect.compression == (codec,)
    assert batches[0].to_pylist() == [{"n": "x" * 50}] * 9


def test_avro_stops_where_it_is_cut():
    """Of a cut Avro file the rows of all whole blocks come."""
    data = avro_file()[:-300]
    found = avro.describe(MemoryRanges(data), budget())
    rows = sum(batch.num_rows for batch in avro.batches(MemoryRanges(data), found, "", budget()))
    assert found.wholeness.verdict is Completeness.SUSPECT
    assert f"{rows:,} whole rows" in found.wholeness.reasons[0]


def test_avro_rows_without_bytes():
    """A block that states billions of rows without bytes ends with the budget."""
    data = avro_file("null", {"type": "record", "name": "r", "fields": []}, [{}])
    sync = data[-16:]
    head = data[: data.index(sync) + 16]
    wrong = head + b"\x80\x80\x80\x80\x80\x40" + b"\x00" + sync
    found = avro.describe(MemoryRanges(wrong), budget())
    ticks = iter(range(10_000))
    spent = Budget(1 << 20, 50, lambda: float(next(ticks)))
    assert sum(1 for _ in avro.batches(MemoryRanges(wrong), found, "", spent)) < 100


@pytest.mark.parametrize("schema", [b"", b"{", b'"no such type"', b"[" * 5000, json.dumps({"type": ["a"]}).encode()])
def test_avro_hostile_schemas(schema):
    """A schema that is none gives a verdict."""
    size = len(schema) * 2
    length = bytes([size & 0x7F | 0x80, size >> 7]) if size > 127 else bytes([size])
    data = b"Obj\x01\x02\x16avro.schema" + length + schema + b"\x00" + b"s" * 16
    found = avro.describe(MemoryRanges(data), budget())
    assert found.wholeness.reasons
    assert list(avro.batches(MemoryRanges(data), found, "", budget())) == []


def test_arrow_name_that_is_no_text():
    """A column whose name is not UTF-8 is damage of the schema, not an error."""
    data = SAMPLES["arrow stream"][1].replace(b"price", b"pr\xff\xfee", 1)
    assert described("arrow stream", data).wholeness.verdict is Completeness.SUSPECT


def test_arrow_files_of_polars():
    """Polars puts no schema at the beginning of an Arrow file; the footer has it."""
    data = io.BytesIO()
    pl.from_arrow(TABLE).write_ipc(data)
    found = described("arrow file", data.getvalue())
    assert found.wholeness.verdict is Completeness.PROVEN
    assert [column.name for column in found.tables[0].columns] == TABLE.column_names
    assert found.tables[0].rows == ROWS


@given(data=st.one_of(st.binary(max_size=3000), st.text("ab", max_size=3000).map(str.encode)))
def test_lz4_blocks(data):
    """A block of LZ4 that Arrow packed is unpacked to what it was."""
    assert lz4_block.unpacked(pa.Codec("lz4_raw").compress(data, asbytes=True), 10_000) == data


@given(data=st.binary(max_size=60))
def test_lz4_blocks_of_any_bytes(data):
    """Any bytes are a block or a ValueError, and never more than the limit allows."""
    with contextlib.suppress(ValueError):
        assert len(lz4_block.unpacked(data, 1000)) <= 1000 + len(data)


def test_a_footer_that_points_outside_is_wrong():
    """A schema that would lie four gigabytes further on is none."""
    footer = struct.pack("<IHHHHiI", 12, 8, 8, 0, 4, 8, 0xFFFFFFF0)
    with pytest.raises(arrow_messages.Wrong):
        arrow_messages.schema_of(footer)
