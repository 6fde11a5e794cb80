"""Where JSON values begin and end in a stream: the grammar of RFC 8259 as far as brackets, texts and commas go.

Nothing is decoded here. A value that fits into memory is found whole by one regular expression at the speed of C; one
that is nested deeper is followed bracket by bracket, without recursion; one that is too long is followed and not kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

VALUE_BYTES_MAX: Final = 16 * 1024 * 1024
"""A longer record is followed to its end, and counted, but not looked into."""

DEPTH_MAX: Final = 1_000
"""Deeper nesting ends the look: no reader follows it."""

_TEXT: Final = rb'"(?:[^"\\]++|\\.)*+"'
_RELAXED_TEXTS: Final = rb"|'(?:[^'\\]++|\\.)*+'|//[^\n]*+(?=\n)|/\*(?:[^*]++|\*(?!/))*+\*/|/(?![/*])"
_FAST_LEVELS: Final = 4


class Grammar:
    """The expressions for JSON as it is (`strict`), or with what people and JavaScript add to it.

    Relaxed: texts in single quotes and comments are passed over whole, so that brackets in them are no brackets.
    """

    def __init__(self, *, is_strict: bool) -> None:
        plain = rb'[^"\[\]{}]++' if is_strict else rb"[^\"'/\[\]{}]++"
        texts = _TEXT if is_strict else _TEXT + _RELAXED_TEXTS
        blank = (
            rb"[ \t\r\n\x1e]*+" if is_strict else rb"(?:[ \t\r\n\x1e]++|//[^\n]*+(?=\n)|/\*(?:[^*]++|\*(?!/))*+\*/)*+"
        )
        bare = plain if is_strict else rb"[^\"'\[\]{}]++|'(?:[^'\\]++|\\.)*+'"
        inside = flat = rb"(?:" + plain + rb"|" + texts + rb")*+"
        for _ in range(_FAST_LEVELS - 1):
            inside = rb"(?:" + plain + rb"|" + texts + rb"|[\[{]" + inside + rb"[\]}])*+"
        self.is_strict = is_strict
        self.blank = re.compile(blank, re.DOTALL)
        self.container = re.compile(rb"[\[{]" + inside + rb"[\]}]", re.DOTALL)
        self.flat = re.compile(flat, re.DOTALL)
        self.uncommented = re.compile(rb"(?:" + bare + rb"|" + _TEXT + rb")*+", re.DOTALL)
        element = rb"[\[{]" + inside + rb"[\]}]|" + _TEXT + rb"|[-\w.+]++"
        self.element = re.compile(rb"[ \t\r\n]*+(" + element + rb")[ \t\r\n]*+,", re.DOTALL) if is_strict else None
        self.text = re.compile(_TEXT if is_strict else _TEXT + rb"|'(?:[^'\\]++|\\.)*+'", re.DOTALL)
        self.quotes = b'"' if is_strict else b"\"'"


STRICT: Final = Grammar(is_strict=True)
RELAXED: Final = Grammar(is_strict=False)
_INSIDE: Final = {quote: re.compile(rb"(?:[^\\" + quote + rb"]++|\\.)*+", re.DOTALL) for quote in (b'"', b"'")}
_SCALAR: Final = re.compile(rb"[^\s,:\[\]{}\"'\x1e]++")


class Found(msgspec.Struct):
    """A value: its bytes, or None where it is longer than `VALUE_BYTES_MAX`; how many bytes; whether its end was seen.

    A number or word that the stream ends with has none: more of it may be missing.
    """

    raw: bytes | None
    offset: int
    size_bytes: int
    is_whole: bool = True
    is_deep: bool = False


class Cursor:
    """A place in a stream of UTF-8.

    Attributes:
        data: what is held of it.
        at: where in `data` the next byte is.
        base: the offset of `data` in the stream.
        is_over: whether nothing comes after `data`.
    """

    def __init__(self, pieces: Iterator[bytes], grammar: Grammar = STRICT) -> None:
        self._pieces = pieces
        self._blank = grammar.blank
        self.grammar = grammar
        self.data = b""
        self.at = 0
        self.base = 0
        self.is_over = False

    @property
    def offset(self) -> int:
        """The offset of the next byte in the stream."""
        return self.base + self.at

    def more(self) -> bool:
        """Takes up another piece and lets go of what lies before `at`, which is 0 then; false at the end."""
        piece = next(self._pieces, None)
        if piece is None:
            self.is_over = True
            return False
        self.data = self.data[self.at :] + piece
        self.base += self.at
        self.at = 0
        return True

    def peek(self) -> bytes:
        """The next byte that is neither blank nor in a comment; none at the end."""
        while True:
            match = self._blank.match(self.data, self.at)
            self.at = match.end() if match else self.at
            if self.at < len(self.data) and not self._is_open_comment():
                break
            if len(self.data) - self.at > VALUE_BYTES_MAX or not self.more():
                self._end_comment()
                break
        return self.data[self.at : self.at + 1]

    def _is_open_comment(self) -> bool:
        """Whether a comment begins here whose end is not yet there."""
        return self._blank is not STRICT.blank and self.data[self.at : self.at + 2] in {b"/", b"//", b"/*"}

    def _end_comment(self) -> None:
        """At a comment whose end is not to be found. It is none, unless it is the last line; and none comes after it:
        each would be looked through to the end for nothing.
        """
        if self.is_over and self.grammar is not STRICT and self.data.startswith(b"//", self.at):
            self.at = len(self.data)
        self._blank = STRICT.blank

    def ahead(self, size_bytes: int) -> str:
        """The next few bytes, for people; they are not taken."""
        while len(self.data) - self.at < size_bytes and self.more():
            pass
        return self.data[self.at : self.at + size_bytes].decode("utf-8", "replace")

    def take(self) -> None:
        """Goes over one byte."""
        self.at += 1

    def elements(self) -> tuple[list[bytes], int]:
        """Goes over all whole values from here on that are held, and that a comma follows, to the last comma; how long
        they are together. None where the grammar is not strict.
        """
        element = self.grammar.element
        if element is None:
            return [], 0
        raws: list[bytes] = []
        data, begin, end = self.data, self.at, self.at
        while (match := element.match(data, end)) is not None:
            raws.append(match[1])
            end = match.end()
        if raws:
            self.at = end - 1
        return raws, self.at - begin

    def value(self) -> Found:
        """Goes over the value that begins here (at a byte that `peek` gave)."""
        first = self.data[self.at : self.at + 1]
        if first in {b"[", b"{"}:
            return self._container()
        if first in self.grammar.quotes:
            return self._text(first)
        return self._scalar()

    def _found(self, end: int) -> Found:
        found = Found(self.data[self.at : end], self.offset, end - self.at)
        self.at = end
        return found

    def _container(self) -> Found:
        match = self.grammar.container.match(self.data, self.at)
        if match is not None:
            return self._found(match.end())
        return self._followed(_Brackets(self.grammar))

    def _text(self, quote: bytes) -> Found:
        match = self.grammar.text.match(self.data, self.at)
        if match is not None:
            return self._found(match.end())
        return self._followed(_Text(quote))

    def _scalar(self) -> Found:
        return self._followed(_Scalar())

    def _followed(self, follower: _Brackets | _Text | _Scalar) -> Found:
        """Follows a value over as many pieces as it takes; keeps it as long as it is not too long."""
        offset, kept = self.offset, True
        scan = self.at
        while True:
            scan, is_done = follower.feed(self.data, scan)
            kept = kept and scan - self.at <= VALUE_BYTES_MAX
            if is_done:
                break
            if not kept:
                self.at = scan
            passed = scan - self.at
            if not self.more():
                scan = len(self.data)
                break
            scan = self.at + passed
        raw = self.data[self.at : scan] if kept else None
        self.at = scan
        return Found(raw, offset, self.offset - offset, is_done, follower.is_deep)


class _Scalar:
    """Follows what is neither a text nor in brackets: to the first byte that cannot belong to it."""

    is_deep = False

    def feed(self, data: bytes, at: int) -> tuple[int, bool]:
        match = _SCALAR.match(data, at)
        end = match.end() if match else at
        return end, end < len(data)


class _Text:
    """Follows a text to its closing quote."""

    is_deep = False

    def __init__(self, quote: bytes) -> None:
        self._quote = quote
        self._inside = _INSIDE[quote]
        self._begun = False

    def feed(self, data: bytes, at: int) -> tuple[int, bool]:
        if not self._begun:
            self._begun, at = True, at + 1
        match = self._inside.match(data, at)
        at = match.end() if match else at
        if data[at : at + 1] == self._quote:
            return at + 1, True
        return at, False


class _Brackets:
    """Follows what stands in brackets, without keeping more than how deep it is."""

    def __init__(self, grammar: Grammar) -> None:
        self._flat = grammar.flat
        self._uncommented = grammar.uncommented
        self._quotes = grammar.quotes
        self._depth = 0
        self._text: _Text | None = None
        self.is_deep = False

    def feed(self, data: bytes, at: int) -> tuple[int, bool]:
        while True:
            if self._text is not None:
                at, is_done = self._text.feed(data, at)
                if not is_done:
                    return at, False
                self._text = None
            match = self._flat.match(data, at)
            at = match.end() if match else at
            byte = data[at : at + 1]
            if byte in {b"[", b"{"}:
                self._depth += 1
            elif byte in {b"]", b"}"}:
                self._depth -= 1
            elif byte and byte in self._quotes:
                self._text = _Text(byte)
                continue
            elif byte == b"/" and len(data) - at > VALUE_BYTES_MAX:
                self._flat = self._uncommented  # a comment that never ends: it is none
            else:
                return at, False
            at += 1
            self.is_deep = self._depth > DEPTH_MAX
            if self._depth <= 0 or self.is_deep:
                return at, True
