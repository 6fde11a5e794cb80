"""The rows of JSON as columns of text: numbers as they are written, lists and objects as JSON.

For what query engines cannot read in place: lists inside of documents, values after each other, lines some of which
are no JSON.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from headwater.formats.finding import Description, Json
from headwater.formats.trees.json_records import NO_NAME
from headwater.formats.trees.json_repair import TooDeep, Unreadable, leniently
from headwater.formats.trees.json_scan import VALUE_BYTES_MAX, Cursor, Found
from headwater.formats.trees.json_walk import Run, Stopped, Walker
from headwater.formats.values.complaints import Complaints

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_MAX: Final = 10_000
"""Rows of a batch."""

BATCH_BYTES: Final = 4 * 1024 * 1024
"""A batch ends after this many bytes of JSON."""

_decode: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_any: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode


def lines_of(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The lines that are not blank and not too long."""
    rest, is_skipping = b"", False
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        if lines and is_skipping:
            lines, is_skipping = lines[1:], False
        yield from (line for line in lines if line and not line.isspace())
        if is_skipping or len(rest) > VALUE_BYTES_MAX:
            rest, is_skipping = b"", True
    if rest.strip() and not is_skipping:
        yield rest


def values_of(cursor: Cursor, json: Json) -> Iterator[bytes]:
    """The records of a document, in its order, as far as it can be followed."""
    if json.shape in {"lines", "concatenated"}:
        while byte := cursor.peek():
            if byte == b",":
                cursor.take()
                continue
            found = cursor.value()
            if not found.size_bytes or found.is_deep:
                return
            if found.raw is not None:
                yield found.raw
        return
    if json.shape == "document":
        byte = cursor.peek()
        found = cursor.value()
        if found.raw and byte:
            yield found.raw
        return
    yield from _walked(cursor, json.path)


def _walked(cursor: Cursor, path: tuple[str, ...]) -> Iterator[bytes]:
    taken = _Taken(path)
    if cursor.peek() not in {b"[", b"{"}:
        return
    steps = Walker(cursor, taken, Complaints()).steps()
    while True:
        try:
            next(steps)
        except (Stopped, StopIteration):
            yield from taken.take()
            return
        if taken.raws:
            yield from taken.take()


class _Taken:
    """A `json_walk.Sink` that keeps the records of one list."""

    def __init__(self, path: tuple[str, ...]) -> None:
        self._path = path
        self.raws: list[bytes] = []

    def take(self) -> list[bytes]:
        """Those that came since the last time."""
        raws, self.raws = self.raws, []
        return raws

    def opened(self, path: tuple[str, ...]) -> None:
        """A list begins."""

    def element(self, path: tuple[str, ...], found: Found, number: int) -> None:
        """A value of a list."""
        del number
        if path == self._path and found.raw is not None:
            self.raws.append(found.raw)

    def elements(self, path: tuple[str, ...], raws: list[bytes], run: Run) -> None:
        """Values of a list."""
        del run
        if path == self._path:
            self.raws += raws

    def member(self, key: str, first: bytes, raw: bytes) -> None:
        """A value of the outermost object."""


def batches_of(raws: Iterator[bytes], described: Description) -> Iterator[pa.RecordBatch]:
    """Records as rows under the columns that were described. What is no record is left out."""
    names = [column.name for table in described.tables[:1] for column in table.columns]
    if not names:
        return
    row_of = _plain_row if names == [NO_NAME] else _row
    waiting: list[dict[str, str | None]] = []
    size_bytes = 0
    for raw in raws:
        row = row_of(raw)
        if row is None:
            continue
        waiting.append(row)
        size_bytes += len(raw)
        if len(waiting) >= ROWS_MAX or size_bytes >= BATCH_BYTES:
            yield _batch(waiting, names)
            waiting, size_bytes = [], 0
    if waiting:
        yield _batch(waiting, names)


def _batch(rows: Sequence[dict[str, str | None]], names: Sequence[str]) -> pa.RecordBatch:
    import pyarrow as pa  # noqa: PLC0415 - heavy

    columns = [pa.array([row.get(name) for row in rows], pa.string()) for name in names]
    return pa.RecordBatch.from_arrays(columns, names=list(names))


def _row(raw: bytes) -> dict[str, str | None] | None:
    """A record as texts; None if it is none."""
    try:
        return {name: _text(bytes(value)) for name, value in _decode(raw).items()}
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    try:
        value, _ = leniently(raw)
    except (Unreadable, TooDeep):
        return None
    return {name: _shown(each) for name, each in value.items()} if isinstance(value, dict) else None


def _plain_row(raw: bytes) -> dict[str, str | None] | None:
    """A value that is no object, under the one name that such values have; or an object that has it."""
    if raw.lstrip().startswith(b"{"):
        return _row(raw)
    try:
        _decode_any(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        try:
            return {NO_NAME: _shown(leniently(raw)[0])}
        except (Unreadable, TooDeep):
            return None
    return {NO_NAME: _text(raw.strip())}


def _text(raw: bytes) -> str | None:
    if raw.startswith(b'"'):
        return str(_decode_any(raw))
    return None if raw == b"null" else raw.decode("utf-8", "replace")


def _shown(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return _encode(value).decode()
