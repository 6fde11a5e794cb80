"""What CREATE TABLE says: names, columns and their types, as written and as Headwater's types."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

import msgspec

from headwater.formats.dumps.sql_events import IDENTIFIER, NAME
from headwater.formats.dumps.sql_lexer import Grammar, Tongue, name_pattern, text_pattern
from headwater.formats.finding import COLUMNS_MAX, Type

WRITTEN_CHARS_MAX: Final = 80


class Declared(msgspec.Struct, frozen=True):
    """A column of a CREATE TABLE. `type` is None where the values must tell."""

    name: str
    written: str
    type: Type | None
    is_row_id: bool = False  # INTEGER PRIMARY KEY, which in SQLite is the number of the row
    is_key: bool = False  # its own definition says PRIMARY KEY
    is_virtual: bool = False  # computed when it is read, and never stored


_CREATE: Final = re.compile(
    rb"CREATE\s+(?:OR\s+REPLACE\s+)?(?:(?:GLOBAL|LOCAL|TEMPORARY|TEMP|UNLOGGED|FOREIGN|COLUMN)\s+)*TABLE\s+"
    rb"(?:IF\s+NOT\s+EXISTS\s+)?(?P<table>" + NAME + rb")\s*(?=\()",
    re.IGNORECASE,
)
_IDENTIFIER: Final = re.compile(IDENTIFIER)
_CONSTRAINTS: Final = frozenset({"PRIMARY", "UNIQUE", "CONSTRAINT", "FOREIGN", "CHECK"})
_CONSTRAINTS_MORE: Final = {
    Tongue.POSTGRES: frozenset({"EXCLUDE", "LIKE"}),
    Tongue.MYSQL: frozenset({"KEY", "INDEX", "FULLTEXT", "SPATIAL", "PERIOD"}),
    Tongue.TSQL: frozenset({"INDEX", "PERIOD"}),
    Tongue.ORACLE: frozenset({"SUPPLEMENTAL"}),
}
_AFTER_TYPE: Final = frozenset(
    (
        *("NOT", "NULL", "DEFAULT", "PRIMARY", "UNIQUE", "REFERENCES", "CHECK", "CONSTRAINT", "COLLATE"),
        *("AUTO_INCREMENT", "AUTOINCREMENT", "COMMENT", "GENERATED", "IDENTITY", "ON", "AS", "KEY", "STORAGE"),
        *("COMPRESSION", "SPARSE", "ROWGUIDCOL", "ENABLE", "DISABLE", "INVISIBLE", "VIRTUAL", "STORED"),
        *("CHARSET", "MASKED", "OPTIONS"),
    )
)
_TYPES: Final[dict[str, Type]] = {
    word: kind
    for kind, words in {
        Type.INTEGER: "int integer bigint smallint tinyint mediumint serial bigserial smallserial int2 int4 int8 year"
        " oid",
        Type.DECIMAL: "decimal numeric number money smallmoney dec fixed",
        Type.FLOAT: "real double float float4 float8 binary_float binary_double",
        Type.BOOLEAN: "boolean bool",
        Type.DATE: "date",
        Type.TIME: "time",
        Type.TIMESTAMP: "timestamp datetime datetime2 smalldatetime",
        Type.TIMESTAMPTZ: "timestamptz datetimeoffset",
        Type.JSON: "json jsonb",
        Type.BINARY: "bytea blob tinyblob mediumblob longblob binary varbinary image raw bfile rowversion geometry",
        Type.TEXT: "text varchar char character nvarchar nchar varchar2 nvarchar2 clob nclob tinytext mediumtext"
        " longtext ntext string bpchar name uuid uniqueidentifier xml citext enum set inet cidr macaddr tsvector"
        " interval bit long timetz sysname hierarchyid xmltype",
    }.items()
    for word in words.split()
}
_BY_TONGUE: Final[dict[tuple[Tongue, str], Type]] = {
    (Tongue.TSQL, "bit"): Type.BOOLEAN,
    (Tongue.TSQL, "timestamp"): Type.BINARY,
    (Tongue.ORACLE, "date"): Type.TIMESTAMP,
    (Tongue.POSTGRES, "money"): Type.TEXT,
}
_SQLITE_OPEN: Final = frozenset({Type.DATE, Type.TIME, Type.TIMESTAMP, Type.BOOLEAN, Type.DECIMAL, Type.JSON})
_SCALE: Final = re.compile(r"\((\d{1,4})\s*(?:,\s*(-?\d{1,4}))?\)")
_DIGITS_OF_64_BITS: Final = 18


def parts_of(name: bytes) -> tuple[bytes, ...]:
    """The parts of a dotted name, without their quotes."""
    return tuple(_unquoted(part[0]) for part in _IDENTIFIER.finditer(name))


def name_of(name: bytes, encoding: str) -> str:
    """A dotted name as people write it: `public.orders`."""
    return ".".join(part.decode(encoding, "replace") for part in parts_of(name))


def columns_of(bracket: bytes | None, encoding: str) -> tuple[str, ...]:
    """The names in the brackets behind a table's name."""
    return tuple(part.decode(encoding, "replace") for part in parts_of(bracket or b"")[:COLUMNS_MAX])


def created(statement: bytes, grammar: Grammar, encoding: str) -> tuple[bytes, tuple[Declared, ...]] | None:
    """Name (as written) and columns of a CREATE TABLE; None where the statement is something else."""
    found = _CREATE.match(statement)
    if found is None:
        return None
    items = _items(statement, found.end(), grammar)
    declared = []
    for item in items:
        words = [token.decode(encoding, "replace") for token in item]
        if words and not _is_constraint(words, grammar.tongue):
            declared.append(_column(_unquoted(item[0]).decode(encoding, "replace"), words[1:], grammar.tongue))
        if len(declared) >= COLUMNS_MAX:
            break
    return found["table"], tuple(declared)


def type_of(written: str, tongue: Tongue) -> Type | None:  # noqa: PLR0911 - one for each family of types
    """The type that a written one stands for; None where the values must tell, as SQLite's may be of any."""
    small = written.lower()
    word = re.match(r"[a-z_0-9]*", small)
    base = word[0] if word else ""
    if small.endswith("]") or " array" in small:
        return Type.TEXT
    found = _BY_TONGUE.get((tongue, base)) or _TYPES.get(base)
    if tongue is Tongue.SQLITE:
        return None if found is None or found in _SQLITE_OPEN else found
    if base in {"time", "timestamp"} and ("with time zone" in small or "with local time zone" in small):
        return Type.TEXT if base == "time" else Type.TIMESTAMPTZ
    if base in {"char", "character", "varchar"} and "for bit data" in small:
        return Type.BINARY
    if base == "long" and "raw" in small:
        return Type.BINARY
    scale = _SCALE.search(small)
    if found is Type.DECIMAL and scale and int(scale[2] or 0) == 0 and int(scale[1]) <= _DIGITS_OF_64_BITS:
        return Type.INTEGER
    return found


def _unquoted(name: bytes) -> bytes:
    if name[:1] == b"[" and name[-1:] == b"]":
        return name[1:-1].replace(b"]]", b"]")
    if name[:1] in {b'"', b"`"} and len(name) > 1:
        return name[1:-1].replace(name[:1] * 2, name[:1])
    return name


@cache
def _tokens(grammar: Grammar) -> re.Pattern[bytes]:
    brackets = rb"|\[(?:[^\]]|\]\])*+\]" if grammar.tongue in {Tongue.TSQL, Tongue.SQLITE} else b""
    return re.compile(
        rb"(?P<gap>\s++|--[^\n]*+|/\*.*?\*/)|"
        + text_pattern(grammar)
        + rb"|"
        + name_pattern(grammar)
        + rb"|`(?:[^`]|``)*+`"
        + brackets
        + rb"|[(),]|[\w$#@.\[\]\x80-\xff]++|.",
        re.DOTALL,
    )


def _items(statement: bytes, start: int, grammar: Grammar) -> Iterator[list[bytes]]:
    """The tokens of each item in the brackets that open at `start`."""
    depth = 0
    item: list[bytes] = []
    for found in _tokens(grammar).finditer(statement, start):
        token = found[0]
        if found["gap"] is not None:
            continue
        depth += (token == b"(") - (token == b")")
        if depth == 1 and token == b",":
            yield item
            item = []
        elif depth == 0:
            break
        elif depth > 1 or token != b"(" or item:
            item.append(token)
    yield item


def _is_constraint(words: Sequence[str], tongue: Tongue) -> bool:
    word = words[0].upper()
    return word in _CONSTRAINTS or word in _CONSTRAINTS_MORE.get(tongue, frozenset())


def _column(name: str, words: Sequence[str], tongue: Tongue) -> Declared:
    kind: list[str] = []
    depth = 0
    for number, word in enumerate(words):
        big = word.upper()
        is_charset = big == "CHARACTER" and [each.upper() for each in words[number + 1 : number + 2]] == ["SET"]
        if depth == 0 and (big in _AFTER_TYPE or is_charset):
            break
        depth += (word == "(") - (word == ")")
        kind.append(word)
    written = re.sub(r"\s*([(),])\s*", r"\1", " ".join(kind))
    written = re.sub(r"\)(?=\w)", ") ", written).replace(" []", "[]").strip()
    written = re.sub(r"[\[\]](?=\w|\(|$)", "", written) if tongue is Tongue.TSQL else written
    said = {word.upper() for word in words}
    is_key = "PRIMARY" in said
    is_virtual = "AS" in said and "STORED" not in said and "PERSISTED" not in said
    is_row_id = is_key and written.upper() == "INTEGER" and "DESC" not in said
    return Declared(name, written[:WRITTEN_CHARS_MAX], type_of(written, tongue), is_row_id, is_key, is_virtual)
