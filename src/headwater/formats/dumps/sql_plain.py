"""Dumps that are SQL text: of pg_dump, mysqldump, mariadb-dump, SQLite, SQL Server, Oracle, or of anybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from headwater.formats.budget import Budget
from headwater.formats.dumps.sql_ends import Judged, judge
from headwater.formats.dumps.sql_events import Command, CopyRows, Event, Rows, Statement
from headwater.formats.dumps.sql_gather import Gathering
from headwater.formats.dumps.sql_lexer import Grammar
from headwater.formats.dumps.sql_places import Places
from headwater.formats.dumps.sql_scan import Scanner
from headwater.formats.dumps.sql_tables import of_bytes, placed
from headwater.formats.dumps.sql_text import TAIL_BYTES, SqlText
from headwater.formats.dumps.sql_values import Reading, copy_lines
from headwater.formats.dumps.sql_writers import HEAD_BYTES, Writer, head_of, identified
from headwater.formats.encodings.encoding import encoding_of
from headwater.formats.encodings.transcode import Utf8
from headwater.formats.finding import Description, Dump, Encoding, Problem, Table, Wholeness
from headwater.ports.ranges import Broken, Ranges
from headwater.terms import Completeness

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS: Final = 10_000
_CLUSTER: Final = re.compile(rb"\A\s*--\r?\n-- PostgreSQL database cluster dump")
_NOBODY: Final = Writer("sql", Grammar(), 0.0, "")

Row = list[str | None]
Portion = tuple[tuple[str, ...], list[Row], int]
"""Rows, the columns they were given for (none: all of them), and their size in bytes."""


def opened(ranges: Ranges, pieces: Iterator[bytes]) -> tuple[Writer, SqlText, bool]:
    """Who wrote it, its text, and whether it is of several databases."""
    head, how = head_of(head_bytes(ranges))
    writer = identified(head) or _NOBODY
    return writer, SqlText(pieces, how, writer), _CLUSTER.match(head) is not None


def head_bytes(ranges: Ranges) -> bytes:
    """The first bytes, as far as they can be had."""
    try:
        return ranges.read(0, HEAD_BYTES)
    except Broken as broken:
        return ranges.read(0, min(broken.offset, HEAD_BYTES)) if broken.offset else b""


def describe(ranges: Ranges, budget: Budget) -> Description:
    """See `Format.describe`."""
    writer, text, is_cluster = opened(ranges, budget.stream(ranges))
    gathering = Gathering(writer, text.codec, is_cluster=is_cluster)
    scanner = Scanner(text.pieces(), writer.grammar)
    for event in scanner.events():
        gathering.take(event)
    is_all, read_bytes = not budget.is_spent, budget.read_bytes
    gathering.ended(scanner, is_all=is_all)
    tail = text.tail if is_all else _far_tail(ranges, text, budget)
    judged = judge(msgspec.structs.replace(gathering.ending, tail=tail))
    encoding, codec = _encoding(ranges, text)
    tables = gathering.described(codec)
    unread = "" if is_all else f"Only the first {read_bytes:,} bytes were read; rows behind them are not counted."
    problems = [*judged.problems, *gathering.problems(), *_text_problems(text, writer, gathering)]
    return Description(
        _broken_or(judged, text.broken, unread),
        Dump(writer.name, writer.version, writer.database, judged.mark),
        encoding,
        tables,
        tuple(problems),
        is_all=is_all and text.broken is None,
        unread=unread,
    )


def rows(ranges: Ranges, encoding: Encoding | None, table: Table, budget: Budget) -> Iterator[Portion]:
    """The rows of a table, each with the columns it was given for (none: all of them)."""
    writer, text, is_cluster = opened(ranges, budget.stream(ranges))
    codec = text.codec if text.declared or encoding is None else encoding.name
    places = Places(writer.grammar.tongue, text.codec, is_cluster=is_cluster)
    reading = Reading(writer.grammar, codec)
    for event in Scanner(text.pieces(), writer.grammar).events():
        yield from event_rows(event, places, reading, table)


def event_rows(event: Event, places: Places, reading: Reading, table: Table) -> Iterator[Portion]:
    """The rows that an event brings for a table."""
    if isinstance(event, Rows):
        name, columns = places.head(event.head)
        if name == table.name:
            kinds = {column.name: (column.type, column.written) for column in table.columns}
            bytes_at = of_bytes(columns, kinds, tuple(kinds)) if reading.is_mysql else frozenset()
            yield columns, [reading.row(row, bytes_at) for row in event.rows], sum(map(len, event.rows))
    elif isinstance(event, CopyRows):
        name, columns = places.head(event.head)
        if name == table.name:
            yield columns, reading.copied(copy_lines(event.lines)), len(event.lines)
    elif isinstance(event, Command):
        places.command(event.text)
    elif isinstance(event, Statement):
        places.statement(event.text)


def batched(found: Iterator[Portion], names: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    """Rows as batches of texts under these names; those whose number of fields does not fit are left out."""
    kept: list[Row] = []
    size_bytes = 0
    for columns, rows, portion_bytes in found:
        size_bytes += portion_bytes
        if columns in {(), names}:
            kept += [row for row in rows if len(row) == len(names)]
        else:
            kept += [values for row in rows if (values := placed(row, columns, names) or placed(row, (), names))]
        start = 0
        while len(kept) - start >= BATCH_ROWS or (size_bytes > _BATCH_BYTES_MAX and start < len(kept)):
            yield batch_of(kept[start : start + BATCH_ROWS], names)
            start += BATCH_ROWS
        if start:
            kept, size_bytes = kept[start:], 0
    if kept:
        yield batch_of(kept, names)


_BATCH_BYTES_MAX: Final = 4 * 1024 * 1024


def batch_of(kept: list[Row], names: tuple[str, ...]) -> pa.RecordBatch:
    """One batch of text columns."""
    import pyarrow as pa  # noqa: PLC0415 – heavy

    arrays = [pa.array(values, type=pa.string()) for values in zip(*kept, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, names=list(names))


def _broken_or(judged: Judged, broken: Broken | None, unread: str) -> Wholeness:
    """The verdict; what was not read is not proven, and what broke off is suspect."""
    if broken is None:
        is_presumed = unread and judged.wholeness.verdict is Completeness.PROVEN
        return (
            Wholeness(Completeness.PRESUMED, (*judged.wholeness.reasons, unread)) if is_presumed else judged.wholeness
        )
    reasons = judged.wholeness.reasons if judged.wholeness.verdict is Completeness.SUSPECT else ()
    return Wholeness(Completeness.SUSPECT, (broken.sentence, *reasons))


def _far_tail(ranges: Ranges, text: SqlText, budget: Budget) -> bytes:
    """The last bytes of a text that was not read to its end, where they can be had."""
    if ranges.size_bytes is None:
        return b""
    start = max(0, ranges.size_bytes - TAIL_BYTES) & ~3
    try:
        tail = budget.read(ranges, start, TAIL_BYTES + 3)
    except Broken:
        return b""
    return b"".join(Utf8(text.how).pieces([tail])) if text.how.codec != "utf-8" else tail


def _encoding(ranges: Ranges, text: SqlText) -> tuple[Encoding, str]:
    """How the text is written, and the codec for what `SqlText` gives."""
    if text.is_recoded and text.how.codec != "utf-8":
        evidence = (
            "It begins with the mark of this encoding." if text.is_marked else "NULs lie where this encoding has them."
        )
        return Encoding(text.how.codec, 1.0, (evidence,), (), text.how.bom_bytes, is_certain=text.is_marked), text.codec
    if text.declared:
        name = text.writer_codec or text.declared
        is_borne_out = name != "utf-8" or not text.bad_count
        evidence = "The dump itself names this encoding." if text.writer_codec else "It begins with the mark of UTF-8."
        confidence = 1.0 if is_borne_out else 0.8
        certain = is_borne_out and name == "utf-8"
        return Encoding(name, confidence, (evidence,), (), text.how.bom_bytes, is_certain=certain), text.codec
    if not text.bad_count:
        return Encoding("utf-8", 1.0, ("All of it is strict UTF-8.",), is_certain=text.broken is None), "utf-8"
    try:
        window = ranges.read(max(0, (text.bad_at or 0) - _WINDOW_BYTES), 2 * _WINDOW_BYTES)
    except Broken:
        window = b""
    found = encoding_of([head_bytes(ranges), window], is_whole=False)
    return found, found.name if not found.name.startswith("utf-16") else "utf-8"


_WINDOW_BYTES: Final = 16 * 1024


def _text_problems(text: SqlText, writer: Writer, gathering: Gathering) -> list[Problem]:
    """Bytes that are no text, unless they are values of columns of bytes, which MySQL writes as they are."""
    if not text.bad_count or not (text.declared or text.is_recoded):
        return []
    if writer.grammar.has_backslash and gathering.holds_bytes:
        return []
    name = text.writer_codec or text.how.codec
    sentence = f"The dump says that it is written in {name}, but some of its bytes cannot be read so."
    return [Problem("bad_encoding", sentence, at=text.bad_at)]
