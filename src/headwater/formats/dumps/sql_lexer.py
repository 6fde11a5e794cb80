"""Where quotes, comments, brackets and statements of SQL end, in each dialect, over text that comes in pieces.

Two ways: `row_pattern` takes whole rows at the speed of the regex engine; `Walk` goes through everything else,
remembers where it is from piece to piece, and says at the end what was still open. All of it works on bytes of an
encoding in which ASCII stands for itself.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache, lru_cache
from typing import Final

import msgspec


class Tongue(StrEnum):
    """Whose SQL it is; `ANY` where nothing tells."""

    POSTGRES = "postgres"
    MYSQL = "mysql"
    SQLITE = "sqlite"
    TSQL = "tsql"
    ORACLE = "oracle"
    ANY = "any"


class Grammar(msgspec.Struct, frozen=True):
    """How text is quoted. `has_backslash`: a backslash in '…' escapes (MySQL; PostgreSQL before 9.1)."""

    tongue: Tongue = Tongue.ANY
    has_backslash: bool = False


class Open(StrEnum):
    """What a text can end inside of."""

    NOTHING = ""
    TEXT = "a quoted text"
    NAME = "a quoted name"
    COMMENT = "a comment"
    ROW = "a row"
    STATEMENT = "a statement"


_NESTING: Final = 4
_ESCAPED: Final = rb"'(?:[^'\\]++|\\.|'')*+'"
_PLAIN: Final = rb"'(?:[^']++|'')*+'"
_ORACLE_Q: Final = rb"(?<=\W[qQ])'(?:\[.*?\]'|\{.*?\}'|\(.*?\)'|<.*?>'|!.*?!'|~.*?~'|\^.*?\^'|\|.*?\|')"
_NESTS_COMMENTS: Final = frozenset({Tongue.POSTGRES, Tongue.TSQL})
_HAS_BRACKETS: Final = frozenset({Tongue.TSQL, Tongue.SQLITE})
_HAS_DOLLARS: Final = frozenset({Tongue.POSTGRES, Tongue.ANY})
_HAS_LINES: Final = frozenset({Tongue.TSQL, Tongue.ORACLE})


def text_pattern(grammar: Grammar) -> bytes:
    """A regex, without groups, for one quoted text; it starts at the quote."""
    if grammar.has_backslash:
        return _ESCAPED
    if grammar.tongue in _HAS_DOLLARS:
        return rb"(?:(?<=\W[eE])" + _ESCAPED + rb"|(?<!\W[eE])" + _PLAIN + rb")"
    if grammar.tongue is Tongue.ORACLE:
        return rb"(?:" + _ORACLE_Q + rb"|(?<!\W[qQ])" + _PLAIN + rb")"
    return _PLAIN


def name_pattern(grammar: Grammar) -> bytes:
    """The same for what stands in double quotes."""
    return rb'"(?:[^"\\]++|\\.|"")*+"' if grammar.tongue is Tongue.MYSQL else rb'"(?:[^"]++|"")*+"'


def nested_pattern(grammar: Grammar, plain: bytes = rb"[^'\"();]++") -> bytes:
    """A regex, without groups, for brackets and all in them, some levels deep; it never goes back over what it took.

    `plain` matches what is neither quoted nor a bracket.
    """
    atoms = plain + rb"|" + text_pattern(grammar) + rb"|" + name_pattern(grammar)
    inner = atoms
    for _ in range(_NESTING - 1):
        inner = atoms + rb"|\((?:" + inner + rb")*+\)"
    return rb"\((?:" + inner + rb")*+\)"


def _sure_pattern(tongue: Tongue) -> bytes:
    """What is neither quoted, nor a bracket, nor the start of a comment or of quotes that only `Walk` knows."""
    stops = rb"'\"();`\-/"
    others = rb"|-(?!-)|/(?!\*)"
    if tongue in _HAS_DOLLARS:
        stops, others = stops + rb"$", others + rb"|\$(?!\w*\$)"
    stops += rb"\[" if tongue in _HAS_BRACKETS else b""
    stops += b"#" if tongue is Tongue.MYSQL else b""
    return rb"[^" + stops + rb"]++" + others


@cache
def row_pattern(grammar: Grammar) -> re.Pattern[bytes]:
    """A row `(…)` of VALUES as group 1, and what parts it from the next as group 2: a comma, a semicolon or nothing.

    It takes no row that a `Walk` would end elsewhere.
    """
    row = nested_pattern(grammar, _sure_pattern(grammar.tongue))
    return re.compile(rb"(" + row + rb")\s*+([,;]?)\s*+", re.DOTALL)


class Walk:
    """Goes on through text from piece to piece, to the end of a row or of a statement.

    Attributes:
        is_done: the end was found; `step` has returned the offset behind it.
        is_bad: a row's brackets are broken off by a semicolon, on which `step` stands.
        depth: brackets that are open.
    """

    def __init__(
        self, grammar: Grammar, *, is_row: bool = False, delimiter: bytes = b";", is_block: bool = False
    ) -> None:
        self._grammar = grammar
        self._is_row = is_row
        self._delimiter = b"" if is_block or is_row else delimiter
        self._ends = _BLOCK_ENDS if is_block else _LINE_ENDS
        self._stop = _stop_pattern(grammar.tongue, self._delimiter[:1], is_row=is_row)
        self._inside: re.Pattern[bytes] | None = None  # finds the end of what is quoted
        self._open = Open.NOTHING
        self._quote = b""
        self._keep = 0  # bytes at the end of a text that may be the start of what ends the quotes
        self._nested = 0
        self.depth = 0
        self.is_done = False
        self.is_bad = False

    @property
    def open(self) -> Open:
        """What is open where the walk stands."""
        if self._inside is not None:
            return self._open
        return Open.ROW if self._is_row else Open.STATEMENT

    def step(self, text: bytes, start: int, *, is_end: bool) -> int:
        """Walks on from `start`; returns the offset up to which it came.

        Where it neither is done nor has come to the end of `text`, a few more bytes are needed to tell.
        """
        at = start
        while at < len(text) and not self.is_done and not self.is_bad:
            before = at, self._inside
            at = self._leave(text, at, is_end=is_end) if self._inside is not None else self._go(text, at, is_end=is_end)
            if (at, self._inside) == before:
                break
        return at

    def _leave(self, text: bytes, at: int, *, is_end: bool) -> int:  # noqa: PLR0911 - one for each kind of end
        """Inside of quotes or a comment: to its end, or as far as the text goes."""
        inside = self._inside
        if inside is None:
            return at
        found = inside.search(text, at)
        if found is None:
            return len(text) if is_end else max(at, len(text) - self._keep)
        token, end = found[0], found.end()
        if token == b"\\":
            return end + 1 if end < len(text) else len(text) if is_end else found.start()
        if token in {b"/*", b"*/"} and self._open is Open.COMMENT:
            self._nested += 1 if token == b"/*" else -1
            if self._nested > 0:
                return end
        elif token == self._quote:
            if end == len(text) and not is_end:
                return found.start()
            if text[end : end + 1] == self._quote:
                return end + 1
        self._inside = None
        return found.start() if token == b"\n" else end

    def _go(self, text: bytes, at: int, *, is_end: bool) -> int:
        """Outside of quotes: to the next byte that matters, and past it."""
        found = self._stop.search(text, at)
        if found is None:
            return len(text)
        at = found.start()
        char = text[at : at + 1]
        if len(text) - at < _AHEAD_BYTES and char not in b"()" and not is_end:
            return at
        if self._delimiter and text.startswith(self._delimiter, at):
            self.is_done = True
            return at + len(self._delimiter)
        if char in b"();":
            return self._bracket(char, at)
        return self._enter(text, at, char)

    def _bracket(self, char: bytes, at: int) -> int:
        if char == b";":
            self.is_bad = self._is_row
            return at if self._is_row else at + 1
        self.depth += 1 if char == b"(" else -1
        if self.depth <= 0 and char == b")" and self._is_row:
            self.is_done = True
        return at + 1

    def _enter(self, text: bytes, at: int, char: bytes) -> int:  # noqa: PLR0911 - one for each kind
        """A byte that may open quotes or a comment, or end a line; returns where to go on."""
        tongue = self._grammar.tongue
        if char == b"'":
            return self._enter_text(text, at)
        if char in b'"`[':
            close = b"]" if char == b"[" else char
            slash = rb"|\\" if char == b'"' and tongue is Tongue.MYSQL else b""
            return self._into(Open.NAME, re.escape(close) + slash, at + 1, close)
        if char == b"$":
            tag = _DOLLAR.match(text, at)
            return self._into(Open.TEXT, re.escape(tag[0]), tag.end()) if tag else at + 1
        if char == b"-":
            is_comment = text.startswith(b"--", at) and (tongue is not Tongue.MYSQL or text[at + 2 : at + 3].isspace())
            return self._into(Open.COMMENT, rb"\n", at + 2) if is_comment else at + 1
        if char == b"#":
            return self._into(Open.COMMENT, rb"\n", at + 1)
        if char == b"/" and text.startswith(b"/*", at):
            self._nested = 1
            return self._into(Open.COMMENT, rb"\*/|/\*" if tongue in _NESTS_COMMENTS else rb"\*/", at + 2)
        if char == b"\n" and self.depth <= 0 and not self._is_row and self._ends[tongue].match(text, at + 1):
            self.is_done = True
        return at + 1

    def _enter_text(self, text: bytes, at: int) -> int:
        before = text[max(0, at - 2) : at]
        prefix = before[-1:].lower() if not before[:-1].replace(b"_", b"a").isalnum() else b""
        if prefix == b"q" and self._grammar.tongue is Tongue.ORACLE:
            mark = text[at + 1 : at + 2]
            close = {b"[": b"]", b"(": b")", b"{": b"}", b"<": b">"}.get(mark, mark) + b"'"
            return self._into(Open.TEXT, re.escape(close), at + 2)
        escapes = self._grammar.has_backslash or (prefix == b"e" and self._grammar.tongue in _HAS_DOLLARS)
        return self._into(Open.TEXT, rb"['\\]" if escapes else b"'", at + 1, b"'")

    def _into(self, what: Open, end: bytes, at: int, quote: bytes = b"") -> int:
        self._open, self._inside, self._quote = what, _compiled(end), quote
        self._keep = 0 if quote else _KEEP_BYTES
        return at


_KEEP_BYTES: Final = 66
_AHEAD_BYTES: Final = 72  # a dollar quote's tag, or the first word of a line, must be seen whole
_DOLLAR: Final = re.compile(rb"\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]{0,63})?\$")
_NEVER: Final = re.compile(rb"(?!)")
_LINE_ENDS: Final = dict.fromkeys(Tongue, _NEVER) | {
    Tongue.TSQL: re.compile(
        rb"[ \t]*(?:GO|INSERT|SET|CREATE|ALTER|USE|EXEC|EXECUTE|PRINT|DROP|IF|BEGIN|COMMIT|DECLARE|UPDATE|DELETE)\b",
        re.IGNORECASE,
    ),
    Tongue.ORACLE: re.compile(rb"[ \t]*(?:/[ \t]*\r?$|REM\b|PROMPT\b)", re.IGNORECASE | re.MULTILINE),
}
_BLOCK_ENDS: Final = dict.fromkeys(Tongue, _NEVER) | {
    Tongue.TSQL: re.compile(rb"[ \t]*GO[ \t]*(?:\d+[ \t]*)?\r?$", re.IGNORECASE | re.MULTILINE),
    Tongue.ORACLE: re.compile(rb"[ \t]*/[ \t]*\r?$", re.MULTILINE),
}


@lru_cache(maxsize=256)
def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern)


@cache
def _stop_pattern(tongue: Tongue, delimiter: bytes, *, is_row: bool) -> re.Pattern[bytes]:
    """What a walk outside of quotes looks at."""
    stops = b"'\"`();/-" + delimiter
    stops += b"#" if tongue is Tongue.MYSQL else b""
    stops += b"$" if tongue in _HAS_DOLLARS else b""
    stops += b"[" if tongue in _HAS_BRACKETS else b""
    stops += b"\n" if tongue in _HAS_LINES and not is_row else b""
    return re.compile(b"[" + re.escape(stops) + b"]")
