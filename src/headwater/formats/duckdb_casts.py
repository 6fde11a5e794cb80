"""How DuckDB turns the texts of a column into its values: by its readers' own casts, or by an expression. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from headwater.formats.columns import is_sure
from headwater.formats.finding import Column, Type

ISO_FORMATS: Final = {
    Type.DATE: {"", "%Y-%m-%d"},
    Type.TIME: {"", "%H:%M:%S", "%H:%M", "%H:%M:%S.%f"},
    Type.TIMESTAMP: {"", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S.%f"},
    Type.TIMESTAMPTZ: {
        "",
        *(
            f"%Y-%m-%d{between}%H:%M:%S{fraction}{zone}"
            for between in "T "
            for fraction in ("", ".%f")
            for zone in ("Z", "%z")
        ),
    },
}
"""The formats that a plain cast reads."""

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

    `is_plain`: the reader's own cast does it. `pads`: blanks before the text are no part of it.
    """

    column: Column
    type: str = "VARCHAR"
    nulls: tuple[str, ...] = ()
    is_plain: bool = True
    pads: bool = False


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
        return Cast(column, _MOMENTS[kind], nulls, column.format in ISO_FORMATS[kind] and not nulls)
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
        return f"CASE {whens} ELSE {cast_word}({text} AS BOOLEAN) END"
    elif column.type in _MOMENTS and column.format not in ISO_FORMATS[column.type]:
        text = f"{'try_strptime' if tries else 'strptime'}({text}, {literal(column.format)})"
    return f"{cast_word}({text} AS {cast.type})"


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
