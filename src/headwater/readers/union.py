"""Deliveries of one feed as one relation: columns meet by name, types widen within numbers and times, else to text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from headwater.formats.recipes.duckdb_casts import identifier, literal
from headwater.formats.values.columns import unique_names
from headwater.readers.engine import Engine
from headwater.readers.relation import Part

LZ_COLUMNS: Final = {
    "lz_id": "VARCHAR",
    "lz_name": "VARCHAR",
    "lz_row": "BIGINT",
    "lz_landed_at": "TIMESTAMPTZ",
    "lz_date": "DATE",
}
"""What every row has beside its own columns."""

FILES: Final = "headwater_files"
"""The table that says which delivery a file is."""

_NARROW: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE")
_UNSIGNED: Final = {"UTINYINT": "SMALLINT", "USMALLINT": "INTEGER", "UINTEGER": "BIGINT", "UBIGINT": "HUGEINT"}
_NOTHING: Final = '"NULL"'
_DAYS: Final = ("DATE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
_INTEGER_DIGITS: Final = {"TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19}
_DECIMAL_DIGITS: Final = 38


class Lying(msgspec.Struct, frozen=True):
    """A part with the delivery that it is of. Times are RFC 3339, the date is that of the key."""

    part: Part
    id: str
    name: str
    landed_at: str
    date: str


def union(engine: Engine, lying: Sequence[Lying]) -> str:
    """The SQL that gives the rows of all. Files that are read alike are read together. Raises duckdb.Error."""
    groups: dict[object, list[Lying]] = {}
    for number, each in enumerate(lying):
        groups.setdefault(alike(each.part, number), []).append(each)
    texts = [(_together(engine, group), _columns(engine, group[0])) for group in groups.values()]
    columns = widened(columns for _, columns in texts)
    selects = [_select(text, own, columns) for text, own in texts]
    if not selects:
        nothing = ", ".join(f"CAST(NULL AS {type_}) AS {name}" for name, type_ in LZ_COLUMNS.items())
        return f"SELECT {nothing} WHERE false"
    return " UNION ALL ".join(selects)


def widened(tables: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Names and types of columns that hold the values of all, in the order of first sight."""
    names: dict[str, str] = {}
    types: dict[str, str] = {}
    for table in tables:
        for name, type_ in table.items():
            key = name.lower()
            names.setdefault(key, name)
            types[key] = wider(types[key], type_) if key in types else type_
    return {names[key]: types[key] for key in names}


def wider(one: str, other: str) -> str:
    """The type that holds the values of two: as they are, or else as text."""
    if other in {one, _NOTHING}:
        return one
    if one == _NOTHING:
        return other
    one, other = _UNSIGNED.get(one, one), _UNSIGNED.get(other, other)
    if one in _NARROW and other in _NARROW:
        wide = max(one, other, key=_NARROW.index)
        return "DOUBLE" if wide == "FLOAT" or {one, other} & {"DOUBLE"} else wide
    if one in _DAYS and other in _DAYS:
        return max(one, other, "TIMESTAMP" if one != other else one, key=_DAYS.index)
    if _is_number(one) and _is_number(other):
        return _decimal(one, other)
    return "VARCHAR"


def _is_number(type_: str) -> bool:
    return type_ in _NARROW or type_.startswith("DECIMAL")


def _decimal(one: str, other: str) -> str:
    if {one, other} & {"FLOAT", "DOUBLE", "HUGEINT"}:
        return "DOUBLE"
    (whole, scale), (other_whole, other_scale) = _digits(one), _digits(other)
    whole, scale = max(whole, other_whole), max(scale, other_scale)
    return f"DECIMAL({whole + scale},{scale})" if whole + scale <= _DECIMAL_DIGITS else "DOUBLE"


def _digits(type_: str) -> tuple[int, int]:
    """Digits before and after the point."""
    if type_ in _INTEGER_DIGITS:
        return _INTEGER_DIGITS[type_], 0
    width, scale = (int(digits) for digits in type_.removeprefix("DECIMAL(").rstrip(")").split(","))
    return width - scale, scale


def alike(part: Part, number: int) -> object:
    """Parts for which this is the same are read together; of parts that cannot be, it is their `number`."""
    select = part.select
    if select.limit is not None or select.around is not None:
        return number
    types = tuple((cast.type, cast.nulls, cast.is_plain, cast.column.format) for cast in select.casts)
    marks = tuple((cast.column.decimal_mark, cast.column.thousands_mark) for cast in select.casts)
    words = tuple((cast.column.true_texts, cast.column.false_texts) for cast in select.casts)
    written = part.shape
    return select.function, tuple(select.options.items()), select.names, select.condition, types, marks, words, written


def _columns(engine: Engine, each: Lying) -> dict[str, str]:
    """The columns of a part, its own names kept apart from ours."""
    found = engine.columns(each.part.text())
    names = unique_names([*LZ_COLUMNS, "lz_file", "lz_at", *(name for name, _ in found)])[len(LZ_COLUMNS) + 2 :]
    return dict(zip(names, (type_ for _, type_ in found), strict=True))


def _together(engine: Engine, group: Sequence[Lying]) -> str:
    """The rows of files that are read alike, under their own names, with ours."""
    first = group[0]
    names = [f"{identifier(name)}" for name in _columns(engine, first)]
    if len(group) == 1:
        told = (
            f"{literal(first.id)} AS lz_id, {literal(first.name)} AS lz_name, row_number() OVER () AS lz_row, "
            f"CAST({literal(first.landed_at)} AS TIMESTAMPTZ) AS lz_landed_at, "
            f"CAST({literal(first.date)} AS DATE) AS lz_date"
        )
        return f"SELECT *, {told} FROM ({first.part.text()}) AS own({', '.join(names)})"
    ((number,),) = engine.rows(f"SELECT count(*) FROM {FILES}")  # so many are there: no number is taken twice
    told = ", ".join(f"({number}, {', '.join(map(literal, (str(each.part.source), *_facts(each))))})" for each in group)
    engine.rows(f"INSERT INTO {FILES} VALUES {told}")
    sources = "[" + ", ".join(literal(str(each.part.source)) for each in group) + "]"
    rows = first.part.select.text(sources, more={"filename": "'lz_file'"})
    numbered = f"SELECT *, row_number() OVER () AS lz_at FROM ({rows}) AS own({', '.join([*names, 'lz_file'])})"
    return (
        "SELECT own.* EXCLUDE (lz_file, lz_at), lz_id, lz_name, "
        "lz_at - min(lz_at) OVER (PARTITION BY lz_file) + 1 AS lz_row, lz_landed_at, lz_date "
        f"FROM ({numbered}) AS own "
        f"JOIN (SELECT * EXCLUDE (lz_set) FROM {FILES} WHERE lz_set = {number}) USING (lz_file)"
    )


def _facts(each: Lying) -> tuple[str, str, str, str]:
    return each.id, each.name, each.landed_at, each.date


def make_files_table(engine: Engine) -> None:
    """The table that `union` needs in the engine."""
    engine.rows(
        f"CREATE TEMP TABLE {FILES} "
        "(lz_set BIGINT, lz_file VARCHAR, lz_id VARCHAR, lz_name VARCHAR, lz_landed_at TIMESTAMPTZ, lz_date DATE)"
    )


def _select(text: str, own: Mapping[str, str], columns: Mapping[str, str]) -> str:
    mine = {name.lower(): (name, type_) for name, type_ in own.items()}
    parts = []
    for name, type_ in columns.items():
        source, source_type = mine.get(name.lower(), ("", ""))
        if not source:
            value = f"CAST(NULL AS {type_})"
        else:
            value = identifier(source) if source_type == type_ else f"CAST({identifier(source)} AS {type_})"
        parts.append(f"{value} AS {identifier(name)}")
    return f"SELECT {', '.join([*parts, *LZ_COLUMNS])} FROM ({text})"
