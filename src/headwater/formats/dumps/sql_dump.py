"""Dumps of databases: SQL text (`sql_plain`), and the archives of pg_dump (`pg_archive`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from headwater.formats.budget import Budget
from headwater.formats.dumps import pg_archive, sql_plain
from headwater.formats.dumps.sql_writers import head_of, identified
from headwater.formats.finding import Description, Guess
from headwater.formats.format import Ends
from headwater.ports.ranges import Ranges

if TYPE_CHECKING:
    import pyarrow as pa


def recognise(ends: Ends) -> Guess | None:
    """By pg_dump's magic, by what a writer's first lines are, or by statements of SQL."""
    kind = pg_archive.kind_of(ends.head)
    if kind is not None:
        return Guess("sql_dump", 1.0, (kind.evidence,))
    writer = identified(head_of(ends.head)[0])
    if writer is None:
        return None
    return Guess("sql_dump", writer.confidence, (writer.evidence,))


def describe(ranges: Ranges, budget: Budget) -> Description:
    """See `Format.describe`."""
    if pg_archive.kind_of(sql_plain.head_bytes(ranges)) is not None:
        return pg_archive.describe(ranges, budget)
    return sql_plain.describe(ranges, budget)


def batches(ranges: Ranges, described: Description, table: str, budget: Budget) -> Iterator[pa.RecordBatch]:
    """See `Rows.batches`. Every column is text."""
    known = next((each for each in described.tables if each.name == table), None)
    if known is None:
        return
    if pg_archive.kind_of(sql_plain.head_bytes(ranges)) is not None:
        found = pg_archive.rows(ranges, known, budget)
    else:
        found = sql_plain.rows(ranges, described.encoding, known, budget)
    yield from sql_plain.batched(found, tuple(column.name for column in known.columns))
