"""Arrow IPC, file format (also called Feather version 2) and stream format: schema, batches, and their end marks."""

from __future__ import annotations

from typing import Final

import msgspec

from headwater.formats.budget import Budget
from headwater.formats.columnar.arrow_messages import (
    BATCH,
    CONTINUATION,
    SCHEMA,
    Block,
    Cut,
    Message,
    Wrong,
    blocks_of,
    message_of,
    next_message,
    schema_of,
)
from headwater.formats.columnar.arrow_schema import columns_of, schema_problems
from headwater.formats.finding import Column, Columnar, Description, Guess, Problem, Table, Wholeness
from headwater.formats.format import Ends
from headwater.formats.layers.pull import Pull
from headwater.ports.ranges import Broken, Ranges
from headwater.terms import Completeness

MAGIC: Final = b"ARROW1"
FOOTER_BYTES_MAX: Final = 64 * 1024 * 1024
BATCHES_COUNTED_MAX: Final = 1000
"""Batches of a file whose rows are counted: each costs a request."""

_HEAD_BYTES: Final = 8
_END_BYTES: Final = 10
_UNREAD: Final = "The values were not read, only the messages that hold them were counted."


class _Schema(msgspec.Struct, frozen=True):
    columns: tuple[Column, ...]
    problems: tuple[Problem, ...]


def recognise(ends: Ends) -> Guess | None:
    """By the magic number of the file format, or a schema message at the beginning of a stream."""
    head = ends.head
    if head.startswith(MAGIC):
        return Guess("arrow", 1.0, ("It begins with the mark of Arrow's file format.",))
    if head.startswith(CONTINUATION):
        length = int.from_bytes(head[4:8], "little", signed=True)
        if 8 <= length <= len(head) - 8 and length % 8 == 0:  # noqa: PLR2004  (marks; messages are padded to 8)
            try:
                if message_of(head[8 : 8 + length]).kind == SCHEMA:
                    return Guess("arrow", 1.0, ("It begins with the schema of an Arrow stream.",))
            except Wrong:
                return None
        elif length > 0 and length % 8 == 0 and length < FOOTER_BYTES_MAX:
            return Guess("arrow", 0.7, ("It begins as an Arrow stream does.",))
    return None


def describe(ranges: Ranges, budget: Budget) -> Description:
    """See `Format.describe`."""
    try:
        head = budget.read(ranges, 0, _HEAD_BYTES)
        return _file(ranges, budget) if head.startswith(MAGIC) else _stream(ranges, budget)
    except Broken as broken:
        return _suspect(broken.sentence, is_stream=False)


def _stream(ranges: Ranges, budget: Budget) -> Description:
    walk = _Walk(Pull(ranges, budget=budget), budget)
    wholeness = walk.wholeness()
    return _description(wholeness, walk.schema, walk.batches, walk.rows, budget, is_stream=True)


def _file(ranges: Ranges, budget: Budget) -> Description:  # noqa: PLR0911  (each fault ends it)
    size_bytes = ranges.size_bytes
    if size_bytes is None:
        return _suspect("The end of the Arrow file, where its footer stands, cannot be reached.", is_stream=False)
    tail = budget.read(ranges, max(size_bytes - _END_BYTES, 0), _END_BYTES)
    if not tail.endswith(MAGIC) or size_bytes < _HEAD_BYTES + _END_BYTES:
        return _without_footer(ranges, budget, "The Arrow file ends without its mark and its footer: it is cut.")
    footer_bytes = int.from_bytes(tail[:4], "little", signed=True)
    footer_at = size_bytes - _END_BYTES - footer_bytes
    if not 0 < footer_bytes <= FOOTER_BYTES_MAX or footer_at < _HEAD_BYTES:
        return _without_footer(ranges, budget, "The footer of the Arrow file states a length that cannot be.")
    try:
        footer = budget.read(ranges, footer_at, footer_bytes)
        dictionaries, batches = blocks_of(footer)
        schema = _schema(schema_of(footer))
    except Wrong:
        return _without_footer(ranges, budget, "The footer of the Arrow file is damaged.")
    outside = [block for block in (*dictionaries, *batches) if not _lies_inside(block, footer_at)]
    if outside:
        sentence = f"{len(outside):,} parts that the footer of the Arrow file names would lie outside of the file."
        return _without_footer(ranges, budget, sentence)
    try:
        rows = _rows(ranges, budget, batches)
    except Wrong:
        return _without_footer(ranges, budget, "A part that the footer of the Arrow file names is damaged.")
    sentence = "The Arrow file has its marks at both ends, and all parts that its footer names lie inside."
    wholeness = Wholeness(Completeness.PROVEN, (sentence,))
    return _description(wholeness, schema, len(batches), rows, budget, is_stream=False)


def _without_footer(ranges: Ranges, budget: Budget, sentence: str) -> Description:
    """What the messages at the beginning still tell."""
    walk = _Walk(Pull(ranges, _HEAD_BYTES, budget), budget)
    walk.wholeness()
    described = _description(
        Wholeness(Completeness.SUSPECT, (sentence,)), walk.schema, walk.batches, walk.rows, budget, is_stream=False
    )
    if "footer" in sentence and "without" not in sentence:
        problem = Problem("damaged_footer", sentence)
        return Description(
            described.wholeness,
            described.dialect,
            tables=described.tables,
            problems=(*described.problems, problem),
            is_all=False,
            unread=described.unread,
        )
    return described


class _Walk:
    """One pass over messages, their bodies left out."""

    def __init__(self, pull: Pull, budget: Budget) -> None:
        self._pull = pull
        self._budget = budget
        self.schema: _Schema | None = None
        self.batches = 0
        self.rows = 0

    def wholeness(self) -> Wholeness:
        """Walks to the end mark, or as far as it goes."""
        count = self.batches
        try:
            while self._budget.has() and (self._pull.peek(1) or not self.schema):
                message = next_message(self._pull)
                if message is None:
                    return self._ended()
                self._take(message)
            count = self.batches
        except Cut:
            sentence = f"The Arrow stream ends inside batch {self.batches + 1:,}, after {self.rows:,} whole rows."
        except Wrong:
            sentence = f"The Arrow stream is damaged behind its first {self.rows:,} rows."
        except Broken as broken:
            sentence = broken.sentence
        else:
            sentence = f"The Arrow stream ends behind batch {count:,}, without the mark that writers put last."
            if self._budget.is_spent:
                sentence = f"Only the first {count:,} batches were counted; the end was not looked at."
            return Wholeness(Completeness.PRESUMED, (sentence,))
        return Wholeness(Completeness.SUSPECT, (sentence,))

    def _ended(self) -> Wholeness:
        if self._pull.peek(1):
            return Wholeness(Completeness.SUSPECT, ("Behind the end mark of the Arrow stream stand other bytes.",))
        return Wholeness(Completeness.PROVEN, (f"The Arrow stream has its end mark behind batch {self.batches:,}.",))

    def _take(self, message: Message) -> None:
        if self.schema is None:
            self.schema = _schema(message)
        if self._pull.skip(message.body_bytes) < message.body_bytes:
            raise Cut
        if message.kind == BATCH:
            self.batches += 1
            self.rows += message.rows


def _schema(message: Message | None) -> _Schema:
    """Raises Wrong."""
    import pyarrow as pa  # noqa: PLC0415  (heavy)

    if message is None or message.kind != SCHEMA:
        raise Wrong
    framed = CONTINUATION + len(message.data).to_bytes(4, "little") + message.data
    try:
        schema = pa.ipc.read_schema(pa.py_buffer(framed))
        return _Schema(columns_of(schema), tuple(schema_problems(schema.names)))
    except (pa.ArrowException, OSError, ValueError, MemoryError, RecursionError) as error:
        raise Wrong(str(error)) from None


def _lies_inside(block: Block, footer_at: int) -> bool:
    end = block.at + block.metadata_bytes + block.body_bytes
    return _HEAD_BYTES <= block.at <= end <= footer_at and block.metadata_bytes > 0 and block.body_bytes >= 0


def _rows(ranges: Ranges, budget: Budget, batches: list[Block]) -> int | None:
    """All rows, by the metadata of each batch; None where there are too many batches. Raises Wrong, Broken."""
    if len(batches) > BATCHES_COUNTED_MAX:
        return None
    rows = 0
    for block in batches:
        if not budget.has() or block.metadata_bytes > FOOTER_BYTES_MAX:
            return None
        data = budget.read(ranges, block.at, block.metadata_bytes)
        start = 8 if data.startswith(CONTINUATION) else 4
        rows += message_of(data[start:]).rows
    return rows


def _description(  # what was found, as it is said
    wholeness: Wholeness, schema: _Schema | None, batches: int, rows: int | None, budget: Budget, *, is_stream: bool
) -> Description:
    rows = None if budget.is_spent and is_stream else rows
    tables = (Table("", schema.columns, rows, "stated"),) if schema is not None else ()
    return Description(
        wholeness,
        Columnar("", "", batches, is_stream=is_stream),
        tables=tables,
        problems=schema.problems if schema is not None else (),
        is_all=False,
        unread=_UNREAD,
    )


def _suspect(sentence: str, *, is_stream: bool) -> Description:
    return Description(
        Wholeness(Completeness.SUSPECT, (sentence,)),
        Columnar(is_stream=is_stream),
        is_all=False,
        unread="Nothing of it was read.",
    )
