"""What SQL text is made of, as `sql_scan` gives it, and the patterns by which it is told apart."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from headwater.formats.dumps.sql_lexer import Tongue


class Comment(msgspec.Struct, frozen=True):
    """A comment between statements, with its marks."""

    text: bytes
    at: int


class Statement(msgspec.Struct, frozen=True):
    """A statement without rows, with what ends it; `is_whole` is false where the text ends inside of it."""

    text: bytes
    at: int
    is_whole: bool = True


class Command(msgspec.Struct, frozen=True):
    r"""A line for the client program: `\connect shop`, `DELIMITER ;;`, `GO`, `SET DEFINE OFF`."""

    text: bytes
    at: int


class Rows(msgspec.Struct, frozen=True):
    """Rows of one table, as written. `head` is what stands before the first bracket of an INSERT.

    `lost` counts rows beside those, which were too long to be held.
    """

    head: bytes
    rows: list[bytes]
    at: int
    lost: int = 0


class CopyRows(msgspec.Struct, frozen=True):
    """Whole lines of a COPY block; `head` is its statement, `is_last` whether its end mark follows."""

    head: bytes
    lines: bytes
    at: int
    is_last: bool = False


class Bad(msgspec.Struct, frozen=True):
    """Where rows were expected after `head` and something else came."""

    head: bytes
    at: int


Event = Comment | Statement | Command | Rows | CopyRows | Bad

IDENTIFIER: Final = rb"(?:\"(?:[^\"]|\"\")*+\"|`(?:[^`]|``)*+`|\[(?:[^\]]|\]\])*+\]|[\w$#@\x80-\xff]++)"
NAME: Final = IDENTIFIER + rb"(?:\s*\.\s*" + IDENTIFIER + rb"){0,3}"
INSERT: Final = re.compile(
    rb"(?:INSERT|REPLACE)\b(?:\s+(?:INTO|IGNORE|LOW_PRIORITY|DELAYED|OR\s+[A-Z]+)\b)*\s*+(?P<table>" + NAME + rb")"
    rb"\s*+(?P<columns>\(\s*" + IDENTIFIER + rb"\s*(?:,\s*" + IDENTIFIER + rb"\s*)*\))?"
    rb"\s*+(?:OVERRIDING\s+\w+\s+VALUE\s+)?(?:VALUES|VALUE)\s*+(?=\()",
    re.IGNORECASE,
)
COPY: Final = re.compile(
    rb"COPY\s+(?P<table>" + NAME + rb")\s*(?P<columns>\([^;]*?\))?\s*FROM\s+stdin\b(?P<with>[^;]*);\s*\Z",
    re.IGNORECASE,
)
STARTS_INSERT: Final = re.compile(rb"(?:INSERT|REPLACE)\b", re.IGNORECASE)
NEXT_STATEMENT: Final = re.compile(
    rb"(?:GO|INSERT|SET|CREATE|ALTER|USE|EXEC|PRINT|DROP|UPDATE|DELETE|COMMIT|REM|PROMPT)\b", re.IGNORECASE
)
"""What may follow a row without a semicolon."""

COMMANDS: Final = {
    Tongue.TSQL: re.compile(rb"(?:GO\b[ \t]*\d*[ \t]*\r?$|:\w+|!!)", re.IGNORECASE | re.MULTILINE),
    Tongue.ORACLE: re.compile(
        rb"(?:/[ \t]*\r?$|(?:REM|REMARK|PROMPT|SPOOL|HOST|START|WHENEVER|CONNECT|CONN|EXIT|QUIT|DEFINE|COLUMN)\b|[@!]"
        rb"|SET\s+(?:DEFINE|SQLBLANKLINES|ECHO|FEEDBACK|VERIFY|SERVEROUTPUT|SCAN|PAGESIZE|HEADING|TERMOUT)\b)",
        re.IGNORECASE | re.MULTILINE,
    ),
    Tongue.MYSQL: re.compile(rb"(?:DELIMITER\s|\\[a-zA-Z!.]|(?:SOURCE|SYSTEM|TEE|PAGER)\s)", re.IGNORECASE),
    Tongue.SQLITE: re.compile(rb"\.[a-z]"),
    Tongue.POSTGRES: re.compile(rb"\\"),
    Tongue.ANY: re.compile(rb"(?:\\[a-zA-Z!]|GO[ \t]*\r?$|DELIMITER\s|\.[a-z]|REM\b)", re.IGNORECASE | re.MULTILINE),
}
"""Lines for the client program, by the program's dialect."""

BLOCKS: Final = {
    Tongue.TSQL: re.compile(
        rb"(?:CREATE|ALTER)\s+(?:OR\s+ALTER\s+)?(?:PROC|PROCEDURE|FUNCTION|TRIGGER|VIEW)\b", re.IGNORECASE
    ),
    Tongue.ORACLE: re.compile(
        rb"(?:CREATE\s+(?:OR\s+REPLACE\s+)?(?:(?:NON)?EDITIONABLE\s+)?(?:PROCEDURE|FUNCTION|TRIGGER|PACKAGE|TYPE)"
        rb"|DECLARE|BEGIN)\b",
        re.IGNORECASE,
    ),
}
"""Statements in which semicolons end nothing; a line of its own does (GO, /)."""

_COMPOUND: Final = re.compile(rb"CREATE\b.*?\b(?:TRIGGER\b.*?\bBEGIN|BEGIN\s+ATOMIC)\b", re.IGNORECASE | re.DOTALL)
_COMPOUND_BYTES: Final = 4096
_COMPOUND_END: Final = re.compile(rb";\s*END\s*;\Z", re.IGNORECASE)


def starts_compound(text: bytes, tongue: Tongue) -> bool:
    """Whether it is a trigger or function whose statements are written out, so that semicolons stand inside of it."""
    if tongue not in {Tongue.SQLITE, Tongue.POSTGRES, Tongue.ANY} or text[:6].upper() != b"CREATE":
        return False
    return _COMPOUND.match(text[:_COMPOUND_BYTES]) is not None


def ends_compound(text: bytes) -> bool:
    """Whether the semicolon at the end of `text` is the one behind its END."""
    return _COMPOUND_END.search(text) is not None


def starts_comment(tongue: Tongue, text: bytes, at: int) -> bool:
    """Whether a comment starts at `at`; MySQL's `/*!…*/` is code."""
    if text.startswith(b"--", at):
        return tongue is not Tongue.MYSQL or text[at + 2 : at + 3].isspace() or text[at + 2 : at + 4] in {b"--", b""}
    if text.startswith(b"/*", at):
        is_code = text.startswith((b"/*!", b"/*M!"), at) and tongue in {Tongue.MYSQL, Tongue.ANY}
        return not is_code or text.startswith(b"/*M!999999", at)
    return tongue is Tongue.MYSQL and text.startswith(b"#", at)


def copy_end(text: bytes, start: int, *, is_end: bool) -> tuple[int, int] | None:
    r"""Where the line `\.` that ends a COPY block starts and ends; `start` is the start of a line."""
    at = start if text.startswith(b"\\.", start) else text.find(b"\n\\.", start) + 1
    if at == 0 and not text.startswith(b"\\.", start):
        return None
    behind = text[at + 2 : at + 4]
    if behind[:1] == b"\n":
        return at, at + 3
    if behind == b"\r\n":
        return at, at + 4
    return (at, len(text)) if is_end and behind in {b"", b"\r"} else None
