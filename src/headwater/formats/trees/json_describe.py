"""One JSON document, or several after each other: what it is, what it holds, and whether it is whole."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from headwater.formats.budget import Budget
from headwater.formats.encodings.text_source import Source
from headwater.formats.finding import Description, Json, Table, Wholeness
from headwater.formats.trees.json_gather import Gather
from headwater.formats.trees.json_scan import DEPTH_MAX, RELAXED, STRICT, Cursor, Found, Grammar
from headwater.formats.trees.json_walk import SHOWN_BYTES, Stopped, Walker
from headwater.formats.values.complaints import Complaints
from headwater.ports.ranges import Ranges
from headwater.terms import Completeness

WHOLE_BYTES_MAX: Final = 4 * 1024 * 1024
"""A first value up to this size is held, to see whether another one follows before it is looked into."""

_TEXTS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+("|\Z)', re.DOTALL)
_ADDED: Final = re.compile(rb"'|//|/\*")
_LIST: Final = b"["
_OBJECT: Final = b"{"
_CLOSED: Final = frozenset(b'"el')  # what closed texts, true, false and null end with
_SCALARS: Final = frozenset(bytes([each]) for each in b"\"'-0123456789tfnNIuT")


def grammar_of(head: bytes) -> Grammar:
    """Whether a document, by its first bytes, has comments or texts in single quotes."""
    return RELAXED if _ADDED.search(_TEXTS.sub(b"", head)) else STRICT


@dataclass
class Told:
    """What a pass over a document told.

    `ending` are reasons against an end, `is_closed` whether an end was seen, `is_row_of_many` whether other lines may
    have followed it, `stopped_at` where it could not be followed any more.
    """

    shape: str = "document"
    path: tuple[str, ...] = ()
    table: Table | None = None
    depth_max: int = 0
    is_closed: bool = False
    is_row_of_many: bool = False
    stopped_at: int | None = None
    ending: list[str] = field(default_factory=list)


def describe(ranges: Ranges, budget: Budget) -> Description:
    """As `Format.describe`, for what is no NDJSON."""
    source = Source(ranges, budget)
    complaints = Complaints()
    cursor = Cursor(source.pieces(), grammar_of(source.head[:WHOLE_BYTES_MAX]))
    told = _Reading(cursor, complaints).read()
    source.complain(complaints, must_be_unicode=True)
    return Description(
        wholeness=_wholeness(told, source),
        dialect=Json(told.shape, told.path, told.depth_max),
        encoding=source.encoding(),
        tables=(told.table,) if told.table is not None else (),
        problems=complaints.problems(),
        is_all=source.is_all and told.stopped_at is None,
        unread=_unread(source, told),
    )


def _unread(source: Source, told: Told) -> str:
    if told.stopped_at is not None:
        return (
            f"Of the JSON what stands behind byte {told.stopped_at + 1:,} was not looked at, for it cannot be followed."
        )
    if not source.is_all:
        return f"Of the JSON only the first {source.read_bytes:,} bytes were looked at."
    return ""


def _wholeness(told: Told, source: Source) -> Wholeness:
    if source.broken is not None:
        return Wholeness(Completeness.SUSPECT, (source.broken.sentence, *told.ending))
    if not source.is_all:
        return Wholeness(Completeness.PRESUMED, ("Its end was not looked at.",))
    if told.ending:
        return Wholeness(Completeness.SUSPECT, tuple(told.ending))
    if not told.is_closed:
        return Wholeness(
            Completeness.PRESUMED, ("It ends after a whole value, but nothing tells that it is the last.",)
        )
    if told.is_row_of_many:
        reason = "It is one closed object on one line; were it the first of many lines, nothing would tell."
        return Wholeness(Completeness.PRESUMED, (reason,))
    kind = {"array": "list", "wrapped": "object"}.get(told.shape, "value")
    return Wholeness(Completeness.PROVEN, (f"The outermost {kind} is closed, and nothing follows.",))


class _Reading:
    """A pass over a document."""

    def __init__(self, cursor: Cursor, complaints: Complaints) -> None:
        self._cursor = cursor
        self._complaints = complaints
        self._gather = Gather(complaints)
        self._told = Told()
        self._size_bytes = 0

    def read(self) -> Told:
        told, cursor = self._told, self._cursor
        byte = cursor.peek()
        begin = cursor.offset
        try:
            if not byte:
                told.ending.append("There is nothing but blank space.")
                return told
            if byte == _OBJECT and (raw := self._whole()) is not None:
                self._one_or_many(raw, begin)
            elif byte in {_LIST, _OBJECT}:
                told.shape = "array" if byte == _LIST else "document"
                self._walk(cursor)
                self._behind(byte)
            else:
                self._scalar()
        except Stopped as stopped:
            self._stopped(stopped)
        self._size_bytes = self._size_bytes or cursor.offset - begin
        self._gather.finish()
        self._settle(is_object=byte == _OBJECT)
        return told

    def _walk(self, cursor: Cursor) -> None:
        walker = Walker(cursor, self._gather, self._complaints)
        try:
            walker.walk()
        finally:
            self._told.depth_max = walker.depth_max
        self._told.is_closed = True

    def _stopped(self, stopped: Stopped) -> None:
        self._told.is_closed = False
        self._told.ending.append(stopped.sentence)
        if not stopped.is_cut:
            self._told.stopped_at = stopped.at
        if stopped.is_deep:
            self._told.depth_max = DEPTH_MAX
            self._complaints.note("deep_nesting", stopped.sentence, at=stopped.at)
        elif not stopped.is_cut:
            self._complaints.note("bad_json", stopped.sentence, at=stopped.at)

    def _whole(self) -> bytes | None:
        """The object that begins here, if it is short; the cursor stays."""
        cursor = self._cursor
        while True:
            match = cursor.grammar.container.match(cursor.data, cursor.at)
            if match is not None:
                return match[0]
            if len(cursor.data) - cursor.at > WHOLE_BYTES_MAX or not cursor.more():
                return None

    def _one_or_many(self, raw: bytes, begin: int) -> None:
        """A short object, and what follows it: nothing, or other values."""
        cursor = self._cursor
        cursor.at += len(raw)
        byte = cursor.peek()
        if byte and (byte in {_OBJECT, _LIST} or (byte == b"," and self._comma_then_object())):
            self._many(Found(raw, begin, len(raw)))
            return
        self._size_bytes = len(raw)
        inner = Cursor(iter([raw]), cursor.grammar)
        inner.more()
        inner.base = begin
        self._told.is_row_of_many = b"\n" not in raw
        self._walk(inner)
        self._behind(_OBJECT)

    def _comma_then_object(self) -> bool:
        cursor = self._cursor
        cursor.take()
        if cursor.peek() in {_OBJECT, _LIST}:
            self._complaints.note("commas_between", "Commas stand between the values, but no list holds them together.")
            return True
        cursor.at -= 1
        return False

    def _many(self, first: Found) -> None:
        """Values after each other."""
        told, cursor, gather = self._told, self._cursor, self._gather
        told.shape = "concatenated"
        gather.opened(())
        gather.element((), first, 1)
        number = 1
        while byte := cursor.peek():
            if byte == b",":
                cursor.take()
                continue
            number += 1
            found = cursor.value()
            if found.is_deep:
                sentence = f"Record {number:,} is nested more than {DEPTH_MAX:,} levels deep; most readers give up."
                raise Stopped(sentence, found.offset, is_deep=True)
            if not found.is_whole and byte not in cursor.grammar.quotes + b"[{" and found.size_bytes:
                found = Found(found.raw, found.offset, found.size_bytes)
            if not found.is_whole:
                raise Stopped(f"The file ends inside record {number:,}.", found.offset, is_cut=True)
            if not found.size_bytes:
                shown = cursor.ahead(SHOWN_BYTES)
                raise Stopped(f"After record {number - 1:,} it stops being JSON: {shown!r}.", found.offset)
            gather.element((), found, number)

    def _scalar(self) -> None:
        """A single value that is no list and no object."""
        cursor, gather = self._cursor, self._gather
        begins_well = cursor.peek() in _SCALARS
        found = cursor.value()
        if (
            not begins_well
            or not found.size_bytes
            or (not found.is_whole and found.raw is not None and found.raw[:1] in {b'"', b"'"})
        ):
            is_cut = begins_well and bool(found.size_bytes)
            sentence = "The file ends inside a text." if is_cut else "It does not begin like JSON."
            raise Stopped(sentence, found.offset, is_cut=is_cut)
        gather.opened(())
        gather.element((), found, 1)
        gather.finish()
        self._told.is_closed = found.raw is not None and found.raw[-1] in _CLOSED
        if not gather.records(()).rows:
            self._told.ending.append("The only value is cut, or no JSON.")
        self._behind(b"")

    def _behind(self, opener: bytes) -> None:
        """What lies behind the end: nothing, or it is said."""
        cursor = self._cursor
        if not cursor.peek():
            return
        at = cursor.offset
        shown = cursor.ahead(SHOWN_BYTES)
        kind = {_LIST: "list", _OBJECT: "object"}.get(opener, "value")
        if not shown.strip("\0"):
            sentence = f"After the end of the {kind}, from byte {at + 1:,} on, there are zero bytes."
        else:
            sentence = f"After the end of the {kind}, at byte {at + 1:,}, something else follows: {shown!r}."
        self._complaints.note("junk_after_end", sentence, at=at)
        self._told.ending.append(sentence)
        cursor.at = len(cursor.data)
        while cursor.more():  # so that the counts of the text are of all of it
            cursor.at = len(cursor.data)

    def _settle(self, *, is_object: bool) -> None:
        """Which list is the table."""
        told, gather = self._told, self._gather
        told.depth_max = max(told.depth_max, gather.depth_max)
        if told.shape in {"array", "concatenated"} or not is_object:
            told.table = gather.records(()).table()
            return
        best = gather.largest(self._size_bytes)
        if best is None:
            told.table = gather.as_row()
            return
        told.shape, told.path, told.is_row_of_many = "wrapped", best, False
        told.table = gather.records(best).table()
        others = gather.others(best)
        if others:
            named = ", ".join(f"“{'.'.join(path)[:80]}”" for path in others[:5])
            sentence = f"Besides the records under “{'.'.join(best)[:80]}” there are others under {named}."
            self._complaints.note("other_records", sentence, count=len(others))
