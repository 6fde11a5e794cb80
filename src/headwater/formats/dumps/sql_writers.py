"""Which program wrote SQL text, by what stands in its first bytes: version, database, dialect, encoding."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from headwater.formats.dumps.sql_lexer import Grammar, Tongue
from headwater.formats.encodings.transcode import Utf8, Written, codec_of, written

HEAD_BYTES: Final = 64 * 1024


class Writer(msgspec.Struct, frozen=True):
    """Who wrote it, with how sure that is. `codec` is the encoding that the text itself declares, "" without one."""

    name: str
    grammar: Grammar
    confidence: float
    evidence: str
    version: str = ""
    database: str = ""
    codec: str = ""


class _Sign(msgspec.Struct, frozen=True):
    pattern: re.Pattern[bytes]
    name: str
    tongue: Tongue
    confidence: float
    evidence: str


def _sign(pattern: bytes, name: str, tongue: Tongue, confidence: float, evidence: str) -> _Sign:
    return _Sign(re.compile(pattern, re.IGNORECASE | re.MULTILINE), name, tongue, confidence, evidence)


_COMMENT_OF: Final = "Its first comment is the one that {} writes."
_SIGNS: Final = (
    _sign(
        rb"\A\s*--\r?\n-- PostgreSQL database (?:cluster )?dump\s*$",
        "pg_dump",
        Tongue.POSTGRES,
        0.99,
        _COMMENT_OF.format("pg_dump"),
    ),
    _sign(rb"^-- MariaDB dump ", "mariadb-dump", Tongue.MYSQL, 0.99, _COMMENT_OF.format("mariadb-dump")),
    _sign(rb"^-- MySQL dump ", "mysqldump", Tongue.MYSQL, 0.99, _COMMENT_OF.format("mysqldump")),
    _sign(rb"\A\s*/\*M!999999\\- ", "mariadb-dump", Tongue.MYSQL, 0.98, "It begins as mariadb-dump writes it."),
    _sign(
        rb"\A\s*-- (?:phpMyAdmin SQL Dump|Adminer [\d.]+ MySQL)"
        rb"|^-- HeidiSQL Version:|^# (?:Sequel (?:Pro|Ace)|phpMyAdmin) ",
        "sql",
        Tongue.MYSQL,
        0.97,
        "A web tool for MySQL wrote it.",
    ),
    _sign(
        rb"\A\s*PRAGMA foreign_keys=OFF;\s*BEGIN TRANSACTION;",
        "sqlite_dump",
        Tongue.SQLITE,
        0.99,
        "It begins as SQLite's .dump does.",
    ),
    _sign(
        rb"\A\s*BEGIN TRANSACTION;\s*(?:CREATE TABLE |INSERT INTO \"|COMMIT;|DELETE FROM \"sqlite_sequence\")",
        "sqlite_dump",
        Tongue.SQLITE,
        0.95,
        "It begins as a dump out of SQLite does.",
    ),
    _sign(
        rb"^/\*{6} Object: |^SET ANSI_NULLS ON|^SET IDENTITY_INSERT |^(?:INSERT(?: INTO)?|CREATE TABLE) \[\w+\]\.\[",
        "tsql",
        Tongue.TSQL,
        0.96,
        "Its names stand in square brackets, as scripts for SQL Server have them.",
    ),
    _sign(
        rb"^REM INSERTING into |^SET DEFINE OFF|\bVARCHAR2\s*\(|\bto_date\('",
        "oracle",
        Tongue.ORACLE,
        0.95,
        "It has words that only Oracle's tools use.",
    ),
    _sign(rb"\A\s*/\*!\d{5} SET ", "mysqldump", Tongue.MYSQL, 0.97, "It begins with MySQL's conditional comments."),
    _sign(rb"^/\*!\d{5} ", "sql", Tongue.MYSQL, 0.93, "It has MySQL's conditional comments."),
    _sign(
        rb"^\) ENGINE=\w+|^(?:CREATE TABLE|INSERT INTO|DROP TABLE)[^\n'\"]{0,40}`\w",
        "sql",
        Tongue.MYSQL,
        0.93,
        "Its names stand in backticks, as MySQL writes them.",
    ),
    _sign(
        rb"^COPY [^\n;]{1,2000} FROM stdin;|^SET client_encoding|\bOWNER TO \w|\bpg_catalog\.",
        "sql",
        Tongue.POSTGRES,
        0.93,
        "It has statements that only PostgreSQL knows.",
    ),
    _sign(rb"^GO[ \t]*\r?$", "tsql", Tongue.TSQL, 0.9, "Its batches end with GO, as scripts for SQL Server have it."),
)
_STATEMENT: Final = re.compile(
    rb"(?:CREATE\s+(?:OR\s+REPLACE\s+|TEMP(?:ORARY)?\s+|UNIQUE\s+|UNLOGGED\s+|GLOBAL\s+)*"
    rb"(?:TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?[^\s(]{1,300}\s*(?:\(|AS\b|LIKE\b|PARTITION\b|USING\b|OF\b)"
    rb"|(?:VIEW|INDEX|DATABASE|SCHEMA|SEQUENCE|TYPE|FUNCTION|PROCEDURE|TRIGGER|USER|ROLE|EXTENSION)\s+\S)"
    rb"|(?:INSERT|REPLACE)\s+(?:INTO\s+)?[^\s(]{1,300}\s*(?:\([^()]*\)\s*)?(?:VALUES|VALUE|SELECT)\b"
    rb"|DROP\s+(?:TABLE|VIEW|INDEX|DATABASE|SCHEMA)\s+\S|ALTER\s+(?:TABLE|DATABASE|SEQUENCE)\s+\S|DELETE\s+FROM\s+\S"
    rb"|UPDATE\s+\S+\s+SET\s|SET\s+(?:NAMES\s|[@\w.]+\s*(?:=|\bTO\b))|USE\s+\S{1,130}\s*;|BEGIN(?:\s+TRANSACTION)?\s*;"
    rb"|START\s+TRANSACTION|SELECT\s[^;]{1,2000}\sFROM\s|COPY\s+\S+.{1,2000}?FROM\s+stdin|PRAGMA\s+\w+|TRUNCATE\s+TABLE\s"
    rb"|LOCK\s+TABLES?\s|GRANT\s+\w+.{1,300}?\sTO\s|WITH\s+\w+\s+AS\s*\(|MERGE\s+INTO\s)",
    re.IGNORECASE | re.DOTALL,
)
_WEAK: Final = re.compile(rb"(?:SELECT|WITH|SET|USE|UPDATE|GRANT|BEGIN|START|TRUNCATE|MERGE)\b", re.IGNORECASE)
_PROSE: Final = re.compile(rb"[a-z]\.\s+[A-Za-z]|[a-z]\.\r?\n")
_TEXT: Final = re.compile(rb"'[^']*+'")
_ESCAPED_QUOTE: Final = re.compile(rb"\w\\'\w")  # O\'Neil
_FIRST_BYTES: Final = 4096
_SIGN_BYTES: Final = 16 * 1024
_MAY_BE: Final = re.compile(
    rb"\s*+(?:--|/\*|# \*{9}|# phpMyAdmin|PRAGMA\b|BEGIN\b|REM\b|SET\b|USE\b|\\)", re.IGNORECASE
)
_GAP: Final = re.compile(rb"(?:[\s;]++|--[^\n]*+(?:\n|\Z)|/\*.*?(?:\*/|\Z))*+", re.DOTALL)
_ROWS: Final = re.compile(
    rb"^\s*INSERT\s+INTO\s[^;]{1,1000}?\bVALUES\s*\(|^\s*CREATE\s+TABLE\s[^;]{1,400}?\(", re.IGNORECASE | re.MULTILINE
)

_PG_VERSION: Final = re.compile(rb"^-- Dumped by pg_dump version ([^\s(]+)", re.MULTILINE)
_PG_CONNECT: Final = re.compile(rb"^\\connect (?:-reuse-previous=on )?\"?(?:dbname=')?([^\s'\"]+)", re.MULTILINE)
_PG_ENCODING: Final = re.compile(rb"^SET client_encoding = '([\w-]+)'", re.MULTILINE)
_PG_ESCAPES: Final = re.compile(rb"^SET standard_conforming_strings = off", re.MULTILINE)
_MY_VERSION: Final = re.compile(rb"^-- (?:MySQL|MariaDB) dump [\w.]+\s+(?:Distrib ([\w.-]+)|for\b)", re.MULTILINE)
_MY_HOST: Final = re.compile(rb"^-- Host: \S*\s+Database: (\S+)", re.MULTILINE)
_MY_USE: Final = re.compile(rb"^USE `([^`]+)`", re.MULTILINE)
_MY_NAMES: Final = re.compile(rb"SET\s+(?:NAMES|character_set_client\s*=)\s*'?(\w+)", re.IGNORECASE)
_TSQL_USE: Final = re.compile(rb"^USE \[([^\]]+)\]", re.MULTILINE | re.IGNORECASE)
_SCRIPT_VERSION: Final = re.compile(rb"^-- (?:version |Adminer )([\w.]+)", re.MULTILINE)
_PG_CODECS: Final = {
    "UTF8": "utf-8",
    "UNICODE": "utf-8",
    "SQL_ASCII": "",
    "LATIN1": "iso8859-1",
    "LATIN2": "iso8859-2",
    "LATIN5": "iso8859-9",
    "LATIN9": "iso8859-15",
    "KOI8R": "koi8-r",
    "KOI8U": "koi8-u",
    "EUC_JP": "euc_jp",
    "EUC_KR": "euc_kr",
    "SJIS": "cp932",
    "BIG5": "big5",
    "GBK": "gbk",
    "GB18030": "gb18030",
    "UHC": "cp949",
    "EUC_CN": "gb2312",
    "WIN866": "cp866",
    "WIN874": "cp874",
    "JOHAB": "johab",
}
_MY_CODECS: Final = {
    "utf8mb4": "utf-8",
    "utf8mb3": "utf-8",
    "utf8": "utf-8",
    "latin1": "cp1252",
    "latin2": "iso8859-2",
    "binary": "",
    "ascii": "utf-8",
    "cp932": "cp932",
    "sjis": "cp932",
    "ujis": "euc_jp",
    "euckr": "euc_kr",
    "gbk": "gbk",
    "gb2312": "gb2312",
    "gb18030": "gb18030",
    "big5": "big5",
    "cp1251": "cp1251",
    "cp1250": "cp1250",
    "latin5": "iso8859-9",
    "koi8r": "koi8-r",
    "greek": "iso8859-7",
    "hebrew": "iso8859-8",
}


def pg_codec(name: str) -> str:
    """Python's name of a PostgreSQL encoding; "" where it is none that is known."""
    if name in _PG_CODECS:
        return _PG_CODECS[name]
    guess = name.replace("ISO_8859_", "iso8859-").replace("WIN", "cp").lower()
    return codec_of(guess) or ""


def head_of(data: bytes) -> tuple[bytes, Written]:
    """The first bytes as text in which ASCII stands for itself, and how they were written."""
    how = written(data[:4])
    if how.codec == "utf-8":
        return data[how.bom_bytes :], how
    return b"".join(Utf8(how).pieces([data])), how


def identified(head: bytes) -> Writer | None:
    """Who wrote SQL that begins like this; None where it is no SQL. `head` as `head_of` gives it."""
    if b"\0" in head[:1024]:
        return None
    at = _past_gap(head)
    is_statement = _STATEMENT.match(head, at) is not None
    if not is_statement and not _MAY_BE.match(head):
        return None
    for sign in _SIGNS:
        if (is_statement or sign.confidence >= _BY_A_HEADER) and sign.pattern.search(head, 0, _SIGN_BYTES):
            return _writer(sign, head)
    return _plain(head, at) if is_statement or at >= len(head) else None


_BY_A_HEADER: Final = 0.97


def _past_gap(head: bytes) -> int:
    found = _GAP.match(head)
    at = found.end() if found else 0
    while match := _CLIENT_LINE.match(head, at):
        found = _GAP.match(head, match.end())
        at = found.end() if found else match.end()
    return at


_CLIENT_LINE: Final = re.compile(
    rb"(?:REM\b|PROMPT\b|SET\s+\w+\s+(?:ON|OFF)\b|USE\s+\[|GO\b|\\[a-z]+|/\*!|DELIMITER\b)[^\n]*+(?:\n|\Z)",
    re.IGNORECASE,
)


def _plain(head: bytes, at: int) -> Writer | None:
    """SQL that nobody signed; its first statement starts at `at`."""
    if at >= len(head):
        is_comment = head.lstrip().startswith(b"--") and b"sql" in head.lower()
        evidence = "It begins with comments alone, as SQL writes them."
        return Writer("sql", Grammar(), 0.4, evidence) if is_comment else None
    first, end, _ = head[at : at + _FIRST_BYTES].partition(b";")
    if _PROSE.search(_TEXT.sub(b"''", first)):
        return None
    evidence = "It begins with a statement of SQL."
    grammar = Grammar(has_backslash=_ESCAPED_QUOTE.search(head) is not None)
    if not end and len(head) < HEAD_BYTES:
        return Writer("sql", grammar, 0.3, evidence)
    if _ROWS.search(head, 0, _SIGN_BYTES):
        return Writer("sql", grammar, 0.92, "It begins with statements of SQL.")
    return Writer("sql", grammar, 0.6 if _WEAK.match(first) else 0.8, evidence)


def _writer(sign: _Sign, head: bytes) -> Writer:
    version, database, codec, has_backslash = b"", b"", "", False
    if sign.tongue is Tongue.POSTGRES:
        version, database = _first(_PG_VERSION, head), _first(_PG_CONNECT, head)
        codec = pg_codec(_first(_PG_ENCODING, head).decode("ascii", "replace"))
        has_backslash = _PG_ESCAPES.search(head) is not None
    elif sign.tongue is Tongue.MYSQL:
        version = _first(_MY_VERSION, head) or _first(_SCRIPT_VERSION, head)
        database = _first(_MY_USE, head) or _first(_MY_HOST, head)
        names = _first(_MY_NAMES, head).decode("ascii", "replace").lower()
        codec, has_backslash = _MY_CODECS.get(names, ""), True
    elif sign.tongue is Tongue.TSQL:
        database = _first(_TSQL_USE, head)
    return Writer(
        sign.name,
        Grammar(sign.tongue, has_backslash),
        sign.confidence,
        sign.evidence,
        version.decode("utf-8", "replace"),
        database.decode("utf-8", "replace"),
        codec,
    )


def _first(pattern: re.Pattern[bytes], head: bytes) -> bytes:
    found = pattern.search(head)
    return (found[1] or b"")[:128] if found else b""
