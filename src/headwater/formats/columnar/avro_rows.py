"""The rows of an Avro file, block by block, each unpacked within a limit."""

from __future__ import annotations

import bz2
import datetime as dt
import decimal
import io
import json
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from headwater.errors import Unavailable
from headwater.formats.budget import Budget
from headwater.formats.columnar.avro_blocks import SYNC_BYTES, next_block, read_header
from headwater.formats.finding import Column, Description, Type
from headwater.formats.layers.pull import Pull
from headwater.ports.ranges import Ranges

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_MAX: Final = 10_000
BLOCK_BYTES_MAX: Final = 64 * 1024 * 1024
"""A block may unpack to so much; writers make them of some 64 KiB."""


def batches(ranges: Ranges, described: Description, table: str, budget: Budget) -> Iterator[pa.RecordBatch]:  # noqa: ARG001  (see Rows)
    """See `Rows.batches`; numbers, times and booleans have their types, what is nested is JSON text."""
    import fastavro  # noqa: PLC0415  (heavy)

    pull = Pull(ranges, budget=budget)
    rows: list[object] = []
    columns = described.tables[0].columns if described.tables else ()
    schema = _schema(columns)
    try:
        header = read_header(pull)
        parsed = fastavro.parse_schema(json.loads(header.metadata.get("avro.schema", b"null")))
        codec = header.metadata.get("avro.codec", b"null").decode("utf-8", "replace")
        while (block := next_block(pull)) is not None:
            count, size_bytes = block
            if size_bytes > BLOCK_BYTES_MAX:
                break
            data = io.BytesIO(_unpacked(codec, pull.exactly(size_bytes)))
            if pull.exactly(SYNC_BYTES) != header.sync:
                break
            for _ in range(count):
                rows.append(fastavro.schemaless_reader(data, parsed, None))
                if len(rows) >= ROWS_MAX:
                    yield _batch(rows, columns, schema)
                    rows = []
                    if not budget.has():
                        return
    except Unavailable:
        raise
    except Exception:  # noqa: BLE001, S110  (of hostile bytes the library raises what it likes; the rows end there)
        pass
    if rows:
        yield _batch(rows, columns, schema)


def _unpacked(codec: str, data: bytes) -> bytes:
    """A block without its codec. Raises ValueError where it cannot be, or is larger than the limit."""
    unpack = _CODECS.get(codec)
    if unpack is None:
        raise ValueError(codec)
    try:
        unpacked = unpack(data)
    except (zlib.error, OSError, EOFError, lzma.LZMAError, MemoryError) as error:
        raise ValueError(str(error)) from None
    if len(unpacked) > BLOCK_BYTES_MAX:
        raise ValueError("the block is too large")
    return unpacked


def _snappy(data: bytes) -> bytes:
    """Without the checksum that Avro puts behind it."""
    return snappy(data[:-4])


def snappy(data: bytes) -> bytes:
    """A block of Snappy. Raises ValueError where it states more than the limit, or is damaged."""
    import pyarrow as pa  # noqa: PLC0415  (heavy)

    size_bytes = 0
    for place, byte in enumerate(data[:5]):
        size_bytes |= (byte & 0x7F) << 7 * place
        if byte < 0x80:  # noqa: PLR2004  (the last)
            break
    if size_bytes > BLOCK_BYTES_MAX:
        raise ValueError("the block is too large")
    try:
        return bytes(pa.Codec("snappy").decompress(data, size_bytes, asbytes=True))
    except (pa.ArrowException, OSError) as error:
        raise ValueError(str(error)) from None


def _zstandard(data: bytes) -> bytes:
    import zstandard  # noqa: PLC0415  (heavy)

    try:
        reader = zstandard.ZstdDecompressor(max_window_size=BLOCK_BYTES_MAX).stream_reader(data)
        return reader.read(BLOCK_BYTES_MAX + 1)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from None


_CODECS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "null": bytes,
    "deflate": lambda data: zlib.decompressobj(-15).decompress(data, BLOCK_BYTES_MAX + 1),
    "bzip2": lambda data: bz2.BZ2Decompressor().decompress(data, BLOCK_BYTES_MAX + 1),
    "xz": lambda data: lzma.LZMADecompressor().decompress(data, BLOCK_BYTES_MAX + 1),
    "snappy": _snappy,
    "zstandard": _zstandard,
}


def _schema(columns: tuple[Column, ...]) -> pa.Schema:
    import pyarrow as pa  # noqa: PLC0415  (heavy)

    kinds = {
        Type.BOOLEAN: pa.bool_(),
        Type.INTEGER: pa.int64(),
        Type.FLOAT: pa.float64(),
        Type.DATE: pa.date32(),
        Type.TIME: pa.time64("us"),
        Type.TIMESTAMP: pa.timestamp("us"),
        Type.TIMESTAMPTZ: pa.timestamp("us", tz="UTC"),
        Type.BINARY: pa.binary(),
    }
    return pa.schema([pa.field(column.name, kinds.get(column.type, pa.string())) for column in columns])


def _batch(rows: list[object], columns: tuple[Column, ...], schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa  # noqa: PLC0415  (heavy)

    arrays = []
    for number, column in enumerate(columns):
        values = [row.get(column.name) if isinstance(row, dict) else row for row in rows]
        kind = schema.field(number).type
        if kind == pa.string():
            values = [_text(value) for value in values]
        try:
            arrays.append(pa.array(values, kind))
        except (pa.ArrowException, ValueError, TypeError, OverflowError):
            arrays.append(pa.array([_fitting(value, kind) for value in values], kind))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _fitting(value: object, kind: pa.DataType) -> object:
    """A value, or null where it does not fit its column."""
    import pyarrow as pa  # noqa: PLC0415  (heavy)

    try:
        pa.scalar(value, kind)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        return None
    return value


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, default=_plain, ensure_ascii=False)
    return _plain(value)


def _plain(value: object) -> str:
    """A value that JSON has no form for."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    return f"{value:f}" if isinstance(value, decimal.Decimal) else str(value)
