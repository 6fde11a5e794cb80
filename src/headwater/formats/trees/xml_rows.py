"""The records of an XML document as columns of text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from headwater.formats.budget import Budget
from headwater.formats.finding import Description, Type, Xml
from headwater.formats.trees.xml_known import Run
from headwater.formats.trees.xml_reader import Reader
from headwater.formats.trees.xml_records import Row, Shape, Shown, shown
from headwater.formats.trees.xml_source import text_of
from headwater.formats.trees.xml_tree import Tree
from headwater.formats.values.complaints import Complaints
from headwater.ports.ranges import Ranges

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_MAX: Final = 10_000
"""Rows of a batch."""

BATCH_CHARS: Final = 4 * 1024 * 1024
"""A batch ends after about so much text."""


def batches(ranges: Ranges, described: Description, budget: Budget) -> Iterator[pa.RecordBatch]:
    """As `Rows.batches`: lists as JSON, all else as it is written."""
    if not isinstance(described.dialect, Xml) or not described.tables:
        return
    columns = described.tables[0].columns
    names = [column.name for column in columns]
    if not names:
        return
    dialect = described.dialect
    has_namespaces = all(problem.code != "unbound_prefix" for problem in described.problems)
    records = Tree(dialect.records or (dialect.root,), Complaints())
    shape = Shape(column.name for column in columns if column.type is Type.LIST)
    reader = Reader(records, Complaints(), has_namespaces=has_namespaces)
    waiting: list[Row] = []
    size_chars = 0
    for _ in reader.read(text_of(ranges, budget, Complaints()).pieces(), is_all=True):
        waiting += _rows(shape, records)
        size_chars += reader.piece_bytes
        while len(waiting) >= ROWS_MAX or size_chars >= BATCH_CHARS:
            yield _batch(waiting[:ROWS_MAX], names)
            waiting, size_chars = waiting[ROWS_MAX:], 0
    if not reader.has_ended_badly:
        records.finish()
    waiting += _rows(shape, records)
    if waiting:
        yield _batch(waiting, names)


def _rows(shape: Shape, records: Tree) -> list[Row]:
    return [row for part in records.take() if not isinstance(part, Run) for row in shape.rows(part)]


def _batch(rows: list[Row], names: list[str]) -> pa.RecordBatch:
    import pyarrow as pa  # noqa: PLC0415 - heavy

    columns = [pa.array([_text(row.get(name)) for row in rows], pa.string()) for name in names]
    return pa.RecordBatch.from_arrays(columns, names=names)


def _text(value: Shown) -> str | None:
    return value if value is None or isinstance(value, str) else shown(value)
