"""Values as they stand in dumps: rows of INSERT and lines of COPY, taken apart and read as texts.

What is no text in SQL becomes one: numbers as written, bytes as hex digits, NULL as None. Functions that writers put
around a text (TO_DATE, CAST, replace, unistr) give the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Final

from headwater.formats.dumps.sql_lexer import Grammar, Tongue, name_pattern, nested_pattern, text_pattern

Value = str | None

_MYSQL_ESCAPES: Final = {
    b"0": b"\0",
    b"b": b"\b",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"Z": b"\x1a",
    b"%": b"\\%",
    b"_": b"\\_",
}
_C_ESCAPES: Final = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_BACKSLASH: Final = re.compile(rb"\\(.)|''", re.DOTALL)
_C_BACKSLASH: Final = re.compile(rb"\\([0-7]{1,3}|x[0-9A-Fa-f]{1,2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)|''", re.DOTALL)
_COPY_BACKSLASH: Final = re.compile(rb"\\([0-7]{1,3}|x[0-9A-Fa-f]{1,2}|.)", re.DOTALL)
_COPY_PLAIN: Final = re.compile(r"\\(.)", re.DOTALL)
_COPY_NUMBERED: Final = re.compile(r"(?<!\\)(?:\\\\)*+\\[0-7x]")
_COPY_CHARS: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_HEX: Final = re.compile(rb"(?:0[xX]([0-9A-Fa-f]*)|[xX]'([0-9A-Fa-f]*)')\Z")
_BITS: Final = re.compile(rb"[bB]'([01]*)'\Z")
_TYPED: Final = re.compile(
    rb"(?:DATE|TIME|TIMESTAMP|TIMESTAMPTZ|INTERVAL|JSON|UUID|_[A-Za-z0-9]+)\s*(?=')", re.IGNORECASE
)
_CAST: Final = re.compile(rb"::\s*[\w\s\"\[\](),.]+\Z")
_CALL: Final = re.compile(rb"([A-Za-z_][\w.]*)\s*\((.*)\)\Z", re.DOTALL)
_WRAPS: Final = frozenset(
    (
        *("cast", "convert", "try_cast", "to_date", "to_timestamp", "to_timestamp_tz", "to_dsinterval"),
        *("to_yminterval", "to_clob", "to_nclob", "to_number", "to_char", "nullif", "hextoraw", "unhex"),
        *("xmltype", "json_object_t", "n"),
    )
)
_UNISTR: Final = re.compile(r"\\(\\|u?[0-9A-Fa-f]{4}|\+[0-9A-Fa-f]{6}|U[0-9A-Fa-f]{8})")
_CHAR: Final = re.compile(rb"(?:char|chr|nchar)\s*\(\s*(\d{1,7})\s*\)\Z", re.IGNORECASE)
_DEPTH_MAX: Final = 8
_NULLS: Final = frozenset({"NULL", "null", "Null"})
_NUMBER: Final = re.compile(r"-?[0-9][0-9.]*+\Z").match
_LAST: Final = 0x10FFFF  # of Unicode


class Reading:
    """Reads values in one grammar and encoding."""

    def __init__(self, grammar: Grammar, encoding: str) -> None:
        self._grammar = grammar
        self.is_mysql = grammar.tongue is Tongue.MYSQL
        self._encoding = encoding
        self._split = _values_pattern(grammar)
        self._parts = _parts_pattern(grammar)
        self._simple = _simple_pattern(grammar)

    def text(self, data: bytes) -> str:
        r"""Bytes of the file as text; what cannot be read stands in it as `\xff`."""
        return data.decode(self._encoding, "backslashreplace")

    def row(self, row: bytes, of_bytes: frozenset[int] = frozenset()) -> list[Value]:
        """The values of `(…)`; `of_bytes` are the places of columns whose texts are bytes."""
        if of_bytes:
            raw = self.raw_values(row[1:-1])
            return [self._bytes(each) if place in of_bytes else self.value(each) for place, each in enumerate(raw)]
        try:
            text = row[1:-1].decode(self._encoding)
        except UnicodeDecodeError:
            return [self.value(each) for each in self.raw_values(row[1:-1])]
        return [
            quoted
            if not plain
            else None
            if plain in _NULLS
            else plain
            if _NUMBER(plain)
            else self.value(plain.encode(self._encoding))
            for quoted, plain in self._simple.findall(text + ",")
        ]

    def _bytes(self, raw: bytes) -> Value:
        """A value of a column of bytes, which MySQL writes as a text."""
        raw = raw.strip()
        return self._unescaped(raw).hex() if raw[:1] == b"'" and raw[-1:] == b"'" else self.value(raw)

    def raw_values(self, inner: bytes) -> list[bytes]:
        """What stands between the commas."""
        return self._split.findall(inner + b",")

    def value(self, raw: bytes, depth: int = 0) -> Value:
        """One value as text."""
        raw = raw.strip()
        first = raw[:1]
        if first == b"'":
            if raw.find(b"'", 1) == len(raw) - 1 and not (self._grammar.has_backslash and b"\\" in raw):
                return self.text(raw[1:-1])
            return self._quoted(raw, depth)
        if raw[:4].upper() == b"NULL" and len(raw) == len(b"NULL"):
            return None
        if raw[first == b"-" :][:1].isdigit() and not raw.startswith((b"0x", b"0X")) and b"|" not in raw:
            return self.text(raw)
        return self._joined(raw, depth) or self._odd(raw, depth)

    def _joined(self, raw: bytes, depth: int) -> Value:
        """Texts put together with `||`; None where it is but one value."""
        if b"||" not in raw or self._grammar.tongue is Tongue.MYSQL or depth >= _DEPTH_MAX:
            return None
        parts = self._parts.findall(raw + b"||")
        return "".join(self.value(part, depth + 1) or "" for part in parts) if len(parts) > 1 else None

    def _quoted(self, raw: bytes, depth: int) -> Value:
        """What starts with a quote: one text, or one with something behind it."""
        found = _text_only(self._grammar).match(raw)
        if found is None:
            return self.text(raw)
        text = self.text(self._unescaped(found[0]))
        rest = raw[found.end() :].strip()
        if not rest or _CAST.match(rest):
            return text
        if rest.startswith(b"||"):
            joined = self._joined(raw, depth)
            return self.text(raw) if joined is None else joined
        return self.text(raw)

    def _unescaped(self, quoted: bytes) -> bytes:
        inner = quoted[1:-1]
        if not self._grammar.has_backslash:
            return inner.replace(b"''", b"'")
        return _BACKSLASH.sub(_mysql_escape, inner) if b"\\" in inner or b"''" in inner else inner

    def _odd(self, raw: bytes, depth: int) -> Value:  # noqa: PLR0911 - one for each kind
        """Neither NULL, nor a plain text, nor a number."""
        found = _HEX.match(raw)
        if found:
            return (found[1] or found[2] or b"").decode("ascii").lower()
        bits = _BITS.match(raw)
        if bits:
            return bits[1].decode("ascii")
        small = raw[:12].lower()
        if small.startswith(b"_binary "):
            inner = raw[8:].strip()
            return self._unescaped(inner).hex() if inner[:1] == b"'" else self.value(inner, depth + 1)
        if small.startswith(b"n'") or _TYPED.match(raw):
            return self.value(raw[raw.index(b"'") :], depth)
        if small.startswith(b"e'") and raw[-1:] == b"'":
            return self.text(_C_BACKSLASH.sub(_c_escape, raw[2:-1]))
        if small.startswith((b"q'", b"nq'")) and self._grammar.tongue is Tongue.ORACLE:
            return self.text(raw[raw.index(b"'") + 2 : -2])
        found = _CALL.match(raw) if depth < _DEPTH_MAX else None
        return self._call(raw, found[1].lower().decode("ascii"), found[2], depth) if found else self.text(raw)

    def _call(self, raw: bytes, name: str, inner: bytes, depth: int) -> Value:  # noqa: PLR0911 - one for each
        """A function around values."""
        char = _CHAR.match(raw)
        if char:
            code = int(char[1])
            return _paired(chr(code)) if code <= _LAST else None
        arguments = self.raw_values(inner)
        if not arguments:
            return self.text(raw)
        if name == "replace" and len(arguments) == 3:  # noqa: PLR2004 – text, old, new
            text, old, new = (self.value(each, depth + 1) for each in arguments)
            return text.replace(old, new or "") if text and old else text
        if name == "unistr":
            text = self.value(arguments[0], depth + 1)
            return _paired(_UNISTR.sub(_unistr_escape, text)) if text else text
        if name == "cast":
            return self.value(re.sub(rb"(?is)\s+AS\s+[\w\s.(),\[\]]+\Z", b"", inner), depth + 1)
        if name == "convert":  # SQL Server: type, value, style; MySQL: value, type
            place = 0 if self.is_mysql else min(1, len(arguments) - 1)
            return self.value(arguments[place], depth + 1)
        return self.value(arguments[0], depth + 1) if name in _WRAPS else self.text(raw)

    def copied(self, lines: Sequence[bytes]) -> list[list[Value]]:
        """The fields of lines of COPY."""
        if not lines:
            return []
        text = b"\n".join(lines).decode(self._encoding, "backslashreplace")
        return [self._fields(line) if "\\" in line else [*line.split("\t")] for line in text.split("\n")]

    def _fields(self, line: str) -> list[Value]:
        """The fields of a line with escapes."""
        return [
            None if field == "\\N" else self._copied(field) if "\\" in field else field for field in line.split("\t")
        ]

    def _copied(self, field: str) -> str:
        """A field without its escapes."""
        if _COPY_NUMBERED.search(field) is None:
            return _COPY_PLAIN.sub(_copy_plain, field)
        return self.text(_COPY_BACKSLASH.sub(_copy_escape, field.encode(self._encoding, "replace")))


def copy_lines(lines: bytes) -> list[bytes]:
    """The lines of a COPY block, without their ends; only whole lines count."""
    found = lines.split(b"\n")
    found.pop()
    return [line.removesuffix(b"\r") for line in found] if b"\r\n" in lines else found


def _copy_plain(found: re.Match[str]) -> str:
    return _COPY_CHARS.get(found[1], found[1])


def _mysql_escape(found: re.Match[bytes]) -> bytes:
    char = found[1]
    return b"'" if char is None else _MYSQL_ESCAPES.get(char, char)


def _c_escape(found: re.Match[bytes]) -> bytes:
    code = found[1]
    if code is None:
        return b"'"
    if code[:1] in b"uU" and len(code) > 1:
        number = int(code[1:], 16)
        return chr(number).encode("utf-8", "replace") if number <= _LAST else b"?"
    return _numbered(code) or _C_ESCAPES.get(code, code)


def _copy_escape(found: re.Match[bytes]) -> bytes:
    return _numbered(found[1]) or _C_ESCAPES.get(found[1], found[1])


def _numbered(code: bytes) -> bytes:
    """A byte by its octal or hex number."""
    if code.isdigit() and code[:1] in b"01234567":
        return bytes([int(code, 8) & 0xFF])
    return bytes([int(code[1:], 16)]) if code[:1] == b"x" and len(code) > 1 else b""


def _unistr_escape(found: re.Match[str]) -> str:
    code = found[1]
    if code == "\\":
        return code
    number = int(code.lstrip("uU+"), 16)
    return chr(number) if number <= _LAST else "\ufffd"


def _paired(text: str) -> str:
    """Halves of UTF-16 put together."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@cache
def _values_pattern(grammar: Grammar) -> re.Pattern[bytes]:
    """What stands before each comma."""
    atoms = (
        rb"""[^'"(),]++|""" + text_pattern(grammar) + rb"|" + name_pattern(grammar) + rb"|" + nested_pattern(grammar)
    )
    return re.compile(rb"((?:" + atoms + rb")*+)\s*+,", re.DOTALL)


@cache
def _simple_pattern(grammar: Grammar) -> re.Pattern[str]:
    """What stands before each comma: as group 1 a text in which nothing is escaped, as group 2 anything else."""
    simple = r"'([^'\\]*+)'" if grammar.has_backslash else "'([^']*+)'"
    value = _values_pattern(grammar).pattern.removesuffix(rb"\s*+,").decode("ascii")
    return re.compile(rf"\s*+(?:{simple}|{value})\s*+,", re.DOTALL | re.ASCII)


@cache
def _parts_pattern(grammar: Grammar) -> re.Pattern[bytes]:
    """What stands before each `||`."""
    atoms = rb"""[^'"()|]++|\|(?!\|)|""" + text_pattern(grammar) + rb"|" + name_pattern(grammar)
    return re.compile(rb"((?:" + atoms + rb"|" + nested_pattern(grammar) + rb")*+)\|\|", re.DOTALL)


@cache
def _text_only(grammar: Grammar) -> re.Pattern[bytes]:
    return re.compile(text_pattern(grammar), re.DOTALL)
