"""Through one JSON document from its first byte to its last: which lists of records it holds, and how it ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from headwater.formats.trees.json_repair import TooDeep, Unreadable, leniently
from headwater.formats.trees.json_scan import DEPTH_MAX, Cursor, Found
from headwater.formats.values.complaints import Complaints

SPINE_LEVELS_MAX: Final = 6
"""A list that lies deeper than this is not looked for."""

SHOWN_BYTES: Final = 40
"""So much of a place that is wrong is shown."""

_LEAF_BYTES_MAX: Final = 64 * 1024
_KEYS_MAX: Final = 10_000
_LIST_OF_OBJECTS: Final = re.compile(rb"\[\s*[{\[]")
_TEXTS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_CLOSERS: Final = {b"[": b"]", b"{": b"}"}


class Run(NamedTuple):
    """Values after each other: which one the first is, where it begins, and how long they are together."""

    number: int
    offset: int
    size_bytes: int


class Sink(Protocol):
    """What takes up what is found on the way."""

    def element(self, path: tuple[str, ...], found: Found, number: int) -> None:
        """A value of the list under `path`, the `number`-th from 1 on."""

    def elements(self, path: tuple[str, ...], raws: list[bytes], run: Run) -> None:
        """As `element`, for values after each other."""

    def member(self, key: str, first: bytes, raw: bytes) -> None:
        """A value of the outermost object: its first byte, and all of it where it is short and has no list in it."""

    def opened(self, path: tuple[str, ...]) -> None:
        """A list begins."""


class Stopped(Exception):
    """The document cannot be followed to its end. `sentence` says why; `is_cut` tells that the bytes are over."""

    def __init__(self, sentence: str, at: int, *, is_cut: bool = False, is_deep: bool = False) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.at = at
        self.is_cut = is_cut
        self.is_deep = is_deep


@dataclass
class _Frame:
    """A list or object that is open."""

    closer: bytes
    path: tuple[str, ...]
    count: int = 0
    keys: set[str] = field(default_factory=set)


class Walker:
    """Goes through one value. The bytes of records are handed to the sink, and not decoded here."""

    def __init__(self, cursor: Cursor, sink: Sink, complaints: Complaints) -> None:
        self._cursor = cursor
        self._sink = sink
        self._complaints = complaints
        self._stack: list[_Frame] = []
        self.depth_max = 0

    def walk(self) -> None:
        """From a byte that `peek` gave, which opens a list or an object, to its end. Raises Stopped."""
        for _ in self.steps():
            pass

    def steps(self) -> Iterator[None]:
        """As `walk`, value by value."""
        self._open(())
        while self._stack:
            frame = self._stack[-1]
            byte = self._next()
            if byte != frame.closer and frame.count:
                byte = self._after_comma(frame, byte)
            if byte == frame.closer:
                self._cursor.take()
                self._stack.pop()
                continue
            frame.count += 1
            if frame.closer == b"}":
                self._member(frame, byte)
            else:
                self._element(frame)
            yield

    def _open(self, path: tuple[str, ...]) -> None:
        cursor = self._cursor
        closer = _CLOSERS[cursor.data[cursor.at : cursor.at + 1]]
        cursor.take()
        self._stack.append(_Frame(closer, path))
        self.depth_max = max(self.depth_max, len(self._stack))
        if closer == b"]":
            self._sink.opened(path)

    def _next(self) -> bytes:
        byte = self._cursor.peek()
        if not byte:
            raise self._cut()
        return byte

    def _after_comma(self, frame: _Frame, byte: bytes) -> bytes:
        """The byte that begins the next value, or ends the list."""
        if byte != b",":
            raise self._wrong(f"a comma or “{frame.closer.decode()}” is missing")
        at = self._cursor.offset
        self._cursor.take()
        byte = self._next()
        if byte == frame.closer:
            sentence = "There is a comma after the last value of a list or object; strict readers refuse it."
            self._complaints.note("trailing_comma", sentence, at=at)
        return byte

    def _element(self, frame: _Frame) -> None:
        offset = self._cursor.offset
        raws, size_bytes = self._cursor.elements()
        if raws:
            self._sink.elements(frame.path, raws, Run(frame.count, offset, size_bytes))
            frame.count += len(raws) - 1
            return
        found = self._value(f"record {frame.count:,}")
        self._sink.element(frame.path, found, frame.count)

    def _member(self, frame: _Frame, byte: bytes) -> None:
        key = self._key(frame, byte)
        if self._next() != b":":
            raise self._wrong("a colon after the name of a key is missing")
        self._cursor.take()
        byte = self._next()
        if byte in _CLOSERS and len(self._stack) <= SPINE_LEVELS_MAX and not self._is_leaf():
            if len(self._stack) == 1:
                self._sink.member(key, byte, b"")
            self._open((*frame.path, key))
            return
        found = self._value(f"the value of “{key[:80]}”")
        raw = self._checked(found) if found.raw is not None and found.size_bytes <= _LEAF_BYTES_MAX else b""
        if len(self._stack) == 1:
            self._sink.member(key, byte, raw)

    def _is_leaf(self) -> bool:
        """Whether what is in these brackets is short, and holds no list of records."""
        cursor = self._cursor
        match = cursor.grammar.container.match(cursor.data, cursor.at, cursor.at + _LEAF_BYTES_MAX)
        if match is None:
            return False
        raw = match[0]
        return not raw.startswith(b"[") and not _LIST_OF_OBJECTS.search(raw)

    def _key(self, frame: _Frame, byte: bytes) -> str:
        if byte in _CLOSERS:
            raise self._wrong("the name of a key is missing")
        found = self._value("the name of a key")
        raw = found.raw
        if raw is None:
            raise self._wrong("the name of a key is too long")
        try:
            key, signs = leniently(raw) if byte in self._cursor.grammar.quotes else (None, frozenset())
        except Unreadable as error:
            raise self._wrong(f"in the name of a key {error.sentence}", found) from None
        for sign in signs:
            self._complaints.note(sign, "Keys are in single quotes; JSON wants double quotes, and most readers refuse.")
        if not isinstance(key, str):
            key = raw.decode("utf-8", "replace")
            sentence = f"The key {key[:80]} is not in quotes; JSON wants it quoted, and most readers refuse it."
            self._complaints.note("unquoted_keys", sentence, at=found.offset)
        if key in frame.keys:
            sentence = f"The key “{key[:80]}” stands twice in one object; readers keep only one of its values."
            self._complaints.note("duplicate_keys", sentence, at=found.offset, example=key)
        elif len(frame.keys) < _KEYS_MAX:
            frame.keys.add(key)
        return key

    def _value(self, what: str) -> Found:
        found = self._cursor.value()
        if found.is_deep:
            sentence = f"It is nested more than {DEPTH_MAX:,} levels deep; most readers give up before."
            raise Stopped(sentence, found.offset, is_deep=True)
        if not found.is_whole:
            raise self._cut(what, found)
        if not found.size_bytes:
            raise self._wrong("a value is missing")
        return found

    def _checked(self, found: Found) -> bytes:
        raw = found.raw or b""
        try:
            _, signs = leniently(raw)
        except Unreadable as error:
            raise self._wrong(error.sentence, found) from None
        except TooDeep:
            raise Stopped("It is nested deeper than can be followed.", found.offset, is_deep=True) from None
        for sign in sorted(signs):
            self._complaints.note(sign, f"At byte {found.offset + 1:,} is what JSON does not know.", at=found.offset)
        return raw

    def _wrong(self, why: str, found: Found | None = None) -> Stopped:
        at = self._cursor.offset if found is None else found.offset
        raw = None if found is None else found.raw
        near = self._cursor.ahead(SHOWN_BYTES) if raw is None else raw[:SHOWN_BYTES].decode("utf-8", "replace")
        return Stopped(f"At byte {at + 1:,} it stops being JSON: {why}, near {near!r}.", at)

    def _cut(self, what: str = "", found: Found | None = None) -> Stopped:
        end = self._cursor.base + len(self._cursor.data)
        frame = self._stack[-1]
        inside = f" of “{'.'.join(frame.path)[:200]}”" if frame.path else ""
        if what:
            is_in_text = found is not None and (found.raw is None or b'"' in _TEXTS.sub(b"", found.raw))
            return Stopped(f"The file ends inside {what}{inside}{', in a text' * is_in_text}.", end, is_cut=True)
        kind = "list" if frame.closer == b"]" else "object"
        after = f", after {'record' if frame.closer == b']' else 'key'} {frame.count:,}" if frame.count else ""
        return Stopped(f"The file ends inside the {kind}{inside}{after}.", end, is_cut=True)
