"""Rows of texts as Arrow batches: every column is text, short rows are padded with nulls, further fields left out."""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

from headwater.formats.budget import Budget
from headwater.formats.finding import Encoding
from headwater.ports.ranges import Broken, Ranges

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS: Final = 10_000
_BATCH_CHARS: Final = 8 * 1024 * 1024
_PART_ROWS: Final = 500
_Row = TypeVar("_Row")


def texts(ranges: Ranges, encoding: Encoding, budget: Budget) -> Iterator[str]:
    """The text of all bytes, in pieces that end no line end in its midst; what is no character becomes U+FFFD. Stops at
    Broken, and where the budget ends. Raises Unavailable.
    """
    decoder = codecs.getincrementaldecoder(encoding.name)("replace")
    skipped = encoding.bom_bytes
    held = ""
    try:
        for piece in budget.stream(ranges):
            data = piece[skipped:]
            skipped -= len(piece) - len(data)
            text = held + decoder.decode(data)
            held = text[-1:] if text.endswith("\r") else ""
            yield text[: len(text) - len(held)]
    except Broken:
        pass
    yield held + decoder.decode(b"", final=True)


def batches_of(rows: Iterable[Sequence[str]], names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Rows as batches of at most 10,000 rows and some MiB."""
    rows = iter(rows)
    gathered: list[list[str | None]] = []
    size_chars = 0
    while part := list(islice(rows, _PART_ROWS)):
        for row in part:
            fields: list[str | None] = list(row[: len(names)])
            fields += [None] * (len(names) - len(fields))
            gathered.append(fields)
            size_chars += sum(map(len, row))
            if len(gathered) >= BATCH_ROWS or size_chars > _BATCH_CHARS:
                yield _batch(gathered, names)
                gathered, size_chars = [], 0
    if gathered:
        yield _batch(gathered, names)


def without_last(rows: Iterable[_Row], count: int) -> Iterator[_Row]:
    """All but the last ones."""
    held: deque[_Row] = deque()
    for row in rows:
        held.append(row)
        if len(held) > count:
            yield held.popleft()


def _batch(rows: Sequence[Sequence[str | None]], names: Sequence[str]) -> pa.RecordBatch:
    import pyarrow as pa  # noqa: PLC0415  (heavy)

    arrays = [pa.array([_sound(cell) for cell in cells], pa.string()) for cells in zip(*rows, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, names=list(names))


def _sound(cell: str | None) -> str | None:
    """A text without halves of surrogate pairs, which Arrow cannot hold."""
    return cell if cell is None or cell.isascii() else cell.encode("utf-8", "replace").decode("utf-8")
