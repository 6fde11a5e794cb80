"""JSON (RFC 8259): a document, a list of records, a list in a document, or values after each other (RFC 7464)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from headwater.formats.budget import Budget
from headwater.formats.encodings.text_source import Source
from headwater.formats.finding import Description, Guess, Json
from headwater.formats.format import Ends
from headwater.formats.trees import json_describe
from headwater.formats.trees.json_looks import looks
from headwater.formats.trees.json_rows import batches_of, values_of
from headwater.formats.trees.json_scan import Cursor
from headwater.ports.ranges import Ranges

if TYPE_CHECKING:
    import pyarrow as pa


def recognise(ends: Ends) -> Guess | None:
    """As `Format.recognise`."""
    return looks(ends).document


def describe(ranges: Ranges, budget: Budget) -> Description:
    """As `Format.describe`."""
    return json_describe.describe(ranges, budget)


def batches(ranges: Ranges, described: Description, table: str, budget: Budget) -> Iterator[pa.RecordBatch]:
    """As `Rows.batches`."""
    del table
    if not isinstance(described.dialect, Json):
        return
    source = Source(ranges, budget)
    cursor = Cursor(source.pieces(), json_describe.grammar_of(source.head[: json_describe.WHOLE_BYTES_MAX]))
    yield from batches_of(values_of(cursor, described.dialect), described)
