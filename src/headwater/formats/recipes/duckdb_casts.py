"""How DuckDB turns the texts of a column into its values: by its readers' own casts, or by an expression. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from headwater.formats.finding import Column, Type
from headwater.formats.values.columns import is_sure

_ISO_TIME: Final = r"%H:%M(:%S([.]%f)?)?"
_ISO: Final = {
    Type.DATE: re.compile("(%Y-%m-%d)?"),
    Type.TIME: re.compile(f"({_ISO_TIME})?"),
    Type.TIMESTAMP: re.compile(f"(%Y-%m-%d[T ]{_ISO_TIME})?"),
    Type.TIMESTAMPTZ: re.compile(f"(%Y-%m-%d[T ]{_ISO_TIME}%z)?"),
}
_MOMENTS: Final = {
    Type.DATE: "DATE",
    Type.TIME: "TIME",
    Type.TIMESTAMP: "TIMESTAMP",
    Type.TIMESTAMPTZ: "TIMESTAMPTZ",
}
_NUMBERS: Final = frozenset({Type.INTEGER, Type.DECIMAL, Type.FLOAT})
_TRUE, _FALSE = frozenset({"true", "t", "1"}), frozenset({"false", "f", "0"})
_HUGEINT_DIGITS: Final = 38


class Cast(msgspec.Struct, frozen=True):
    """What a column becomes: DuckDB's `type`, and the texts that are null in it, beside those of the whole file.

    `is_plain`: the reader's own cast does it. `pads`: blanks before the text are no part of it; `trims`: around it.
    """

    column: Column
    type: str = "VARCHAR"
    nulls: tuple[str, ...] = ()
    is_plain: bool = True
    pads: bool = False
    trims: bool = False


def trimmed(column: Column) -> Cast:
    """How texts are read that come as they are written, blanks and all; an empty one is null where it is no text."""
    cast = cast_of(column, column.null_texts)
    if cast.type == "VARCHAR":
        return cast
    nulls = tuple(dict.fromkeys(["", *column.null_texts]))
    return msgspec.structs.replace(cast, nulls=nulls, is_plain=False, trims=True)


def cast_of(column: Column, nulls: tuple[str, ...] = (), *, pads: bool = False) -> Cast:
    """How the texts of a column are read."""
    kind = column.type
    if not is_sure(column):
        return Cast(column, "VARCHAR", nulls, not nulls and not pads, pads)
    if kind in _NUMBERS:
        is_plain = not nulls and not column.thousands_mark and column.decimal_mark == "."
        return Cast(column, number_type(column), nulls, is_plain)
    if kind is Type.BOOLEAN:
        is_known = _lower(column.true_texts) <= _TRUE and _lower(column.false_texts) <= _FALSE
        return Cast(column, "BOOLEAN", nulls, is_known and not nulls)
    if kind in _MOMENTS:
        return Cast(column, _MOMENTS[kind], nulls, is_iso(column) and not nulls)
    return Cast(column, "JSON" if kind in {Type.LIST, Type.STRUCT, Type.JSON} else "VARCHAR", nulls, not nulls)


def number_type(column: Column) -> str:
    """The type of a column of numbers. A fraction is a DOUBLE, as in every engine that guesses; an integer beyond 64
    bits a HUGEINT, as far as that goes, else text.
    """
    if column.type is Type.INTEGER:
        return "BIGINT"
    if column.type is Type.DECIMAL and _is_whole(column):
        digits = max(len((text or "").lstrip("-+")) for text in (column.min, column.max))
        return "HUGEINT" if digits <= _HUGEINT_DIGITS else "VARCHAR"
    return "DOUBLE"


def expression(cast: Cast, text: str, *, tries: bool = False) -> str:
    """The SQL that makes the value of `text`, which is SQL itself; with `tries` null where it is no such value."""
    column, cast_word = cast.column, "TRY_CAST" if tries else "CAST"
    if cast.trims:
        text = f"trim({text})"
    if cast.nulls:
        text = f"CASE WHEN {text} NOT IN ({listed(cast.nulls)}) THEN {text} END"
    if cast.type == "VARCHAR":
        return f"ltrim({text})" if cast.pads else text
    if cast.is_plain:
        return f"{cast_word}({text} AS {cast.type})"
    if column.type in _NUMBERS:
        for mark, stands_for in ((column.thousands_mark, ""), (column.decimal_mark, ".")):
            if mark and mark != stands_for:
                text = f"replace({text}, {literal(mark)}, {literal(stands_for)})"
    elif column.type is Type.BOOLEAN:
        texts = ((column.true_texts, "true"), (column.false_texts, "false"))
        whens = " ".join(f"WHEN {text} IN ({listed(each)}) THEN {word}" for each, word in texts if each)
        return f"CASE {whens} ELSE {cast_word}({text} AS BOOLEAN) END" if whens else f"{cast_word}({text} AS BOOLEAN)"
    elif column.type in _MOMENTS and not is_iso(column):
        text = _parsed(column.format, text, "try_strptime" if tries else "strptime")
    return f"{cast_word}({text} AS {cast.type})"


def is_iso(column: Column) -> bool:
    """Whether dates and times are written as ISO 8601 has them, which every engine reads by itself."""
    return _ISO[column.type].fullmatch(column.format) is not None


def _parsed(pattern: str, text: str, function: str) -> str:
    """Read by a pattern. DuckDB takes a fraction of up to nine digits as %n, and offsets in figures alone."""
    if pattern.endswith("%Z"):
        text, pattern = f"regexp_replace({text}, ' ?(?i)(UTC|GMT)$', '')", pattern.removesuffix("%Z").rstrip()
    elif "%z" in pattern:
        text = f"regexp_replace({text}, '[Zz]$', '+00')"
    return f"{function}({text}, {literal(pattern.replace('%f', '%n'))})"


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def listed(texts: Iterable[str]) -> str:
    """Texts as SQL writes them, with commas between."""
    return ", ".join(literal(text) for text in texts)


def identifier(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def _lower(texts: Iterable[str]) -> set[str]:
    return {text.lower() for text in texts}


def _is_whole(column: Column) -> bool:
    texts = [column.min, column.max, *column.samples]
    return column.max is not None and all((text or "0").strip().lstrip("-+").isdecimal() for text in texts)
