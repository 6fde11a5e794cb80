"""Rows of formats that DuckDB does not read, written to a Parquet file: dumps, databases, XML, Avro, ORC, Arrow,
workbooks, odd text.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from headwater.errors import Refused
from headwater.formats.budget import Budget
from headwater.formats.finding import Columnar, Finding, Table
from headwater.formats.table import ROWS
from headwater.formats.values.columns import names_of, unique_names
from headwater.ports.ranges import Broken, Ranges
from headwater.readers.contents import Unreadable, described_of

if TYPE_CHECKING:
    import pyarrow as pa

REASON_CHARS_MAX: Final = 200
GROUP_BYTES: Final = 32 * 1024 * 1024
"""Batches are gathered up to here before they are written."""


class Converted(msgspec.Struct, frozen=True):
    """A Parquet file with what could be read; `texts` are its columns of text, by their unique names."""

    path: Path
    rows: int
    texts: frozenset[str]
    types: tuple[str, ...] = ()
    why: str = ""


class AsFile(io.RawIOBase):
    """Ranges as a file that can be sought in; made for one reader."""

    def __init__(self, ranges: Ranges) -> None:
        self._ranges = ranges
        self._at = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Any place; the end is found by reading to it where nobody knows it."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at}.get(whence)
        self._at = max(0, (self._size_bytes() if start is None else start) + offset)
        return self._at

    def tell(self) -> int:
        """The place."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """A range."""
        data = self._ranges.read(self._at, len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _size_bytes(self) -> int:
        size_bytes = self._ranges.size_bytes
        return sum(map(len, self._ranges.stream())) if size_bytes is None else size_bytes


def convert(
    finding: Finding, table: Table, contents: Ranges, path: Path, budget: Budget, size_bytes_max: int
) -> Converted:
    """Writes a table's rows to a new file at `path`, in fixed memory.

    Raises Unreadable where the format gives no rows, Refused("too_large") beyond `size_bytes_max`, Unavailable.
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    names = names_of(table)
    rows, why = 0, ""
    schema = pa.schema([pa.field(name, pa.string()) for name in names])
    writer: pq.ParquetWriter | None = None
    try:
        for batch in _batches(finding, table, contents, budget):
            own = names if len(names) == batch.num_columns else unique_names(batch.schema.names)
            named = batch.rename_columns(list(own))
            if writer is None:
                schema = named.schema
                writer = pq.ParquetWriter(path, schema, compression="zstd", compression_level=1)
            writer.write_batch(named, row_group_size=max(1, named.num_rows))
            rows += named.num_rows
            _check_size(path, size_bytes_max)
    except Broken as broken:
        why = broken.sentence
    except (pa.ArrowException, OSError, ValueError) as error:
        sentence = " ".join(str(error).split())[:REASON_CHARS_MAX]
        if writer is None:
            raise Unreadable(f"Its rows cannot be read: {sentence}.") from error
        why = f"After {rows:,} rows it cannot be read on: {sentence}."
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        pq.write_table(schema.empty_table(), path)
    texts = frozenset(
        each.name for each in schema if pa.types.is_string(each.type) or pa.types.is_large_string(each.type)
    )
    types = tuple(str(each.type) for each in schema)
    return Converted(path, rows, texts, types, why or ("Not all of it was read." if budget.is_spent else ""))


def _check_size(path: Path, size_bytes_max: int) -> None:
    if path.stat().st_size > size_bytes_max:
        raise Refused("too_large", f"Its rows take more than the {size_bytes_max:,} bytes that may be spooled.")


def _batches(finding: Finding, table: Table, contents: Ranges, budget: Budget) -> Iterator[pa.RecordBatch]:
    if finding.format in ROWS:
        return _gathered(ROWS[finding.format].batches(contents, described_of(finding), table.name, budget))
    if isinstance(finding.dialect, Columnar) and finding.format in {"arrow", "orc", "parquet"}:
        return _columnar(finding.format, finding.dialect, contents)
    raise Unreadable(f"There is no reader for the rows of {finding.format}.")


def _gathered(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Fewer and larger batches: a row group each would be slow to read again."""
    import pyarrow as pa  # noqa: PLC0415 - heavy

    held: list[pa.RecordBatch] = []
    size_bytes = 0
    broken: Broken | None = None
    try:
        for batch in batches:
            held.append(batch)
            size_bytes += batch.nbytes
            if size_bytes > GROUP_BYTES:
                yield from pa.Table.from_batches(held).combine_chunks().to_batches()
                held, size_bytes = [], 0
    except Broken as error:
        broken = error
    if held:
        yield from pa.Table.from_batches(held).combine_chunks().to_batches()
    if broken is not None:
        raise broken


def _columnar(format_name: str, dialect: Columnar, contents: Ranges) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa  # noqa: PLC0415 - heavy

    file = cast("Any", pa.PythonFile(AsFile(contents), mode="r"))
    if format_name == "arrow":
        opened = pa.ipc.open_stream(file) if dialect.is_stream else pa.ipc.open_file(file)
        if dialect.is_stream:
            yield from opened
        else:
            yield from (opened.get_batch(number) for number in range(opened.num_record_batches))
    elif format_name == "orc":
        from pyarrow import orc  # noqa: PLC0415 - heavy

        stripes = orc.ORCFile(file)
        yield from (stripes.read_stripe(number) for number in range(stripes.nstripes))
    else:
        import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

        yield from pq.ParquetFile(file).iter_batches()
