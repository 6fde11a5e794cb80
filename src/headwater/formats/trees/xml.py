"""XML 1.0: what it holds, whether it is whole, and its records as rows. Entities are never expanded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from headwater.formats.budget import Budget
from headwater.formats.finding import Description, Guess
from headwater.formats.format import Ends
from headwater.formats.trees import xml_describe, xml_rows
from headwater.formats.trees.xml_looks import looks
from headwater.ports.ranges import Ranges

if TYPE_CHECKING:
    import pyarrow as pa


def recognise(ends: Ends) -> Guess | None:
    """As `Format.recognise`."""
    return looks(ends)


def describe(ranges: Ranges, budget: Budget) -> Description:
    """As `Format.describe`."""
    return xml_describe.describe(ranges, budget)


def batches(ranges: Ranges, described: Description, table: str, budget: Budget) -> Iterator[pa.RecordBatch]:
    """As `Rows.batches`."""
    del table
    yield from xml_rows.batches(ranges, described, budget)
