"""One pass over all rows of a table: how many values there are, how many differ, what fits, the least, the greatest."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec

from headwater.formats.finding import Column, Table, Type
from headwater.formats.recipes.duckdb_casts import Cast, cast_of, expression, identifier
from headwater.formats.values.columns import SURE, names_of
from headwater.formats.values.types import clipped
from headwater.readers.engine import Engine

COLUMNS_AT_ONCE: Final = 2_000
UNIQUE_ROWS_MAX: Final = 1_000_000
UNIQUE_COLUMNS_MAX: Final = 50
_PROMISING: Final = 0.9
_UNORDERED: Final = frozenset({Type.LIST, Type.STRUCT, Type.JSON, Type.BINARY})


def statistics(table: Table, text: str, engine: Engine, *, fewer: int = 0, has_nulls: bool = False) -> Table:
    """One pass over all rows; of a table with very many columns one for each few hundred.

    `has_nulls`: `text` gives null for every text that stands for it, so that values need not be compared with them.
    """
    names = names_of(table)
    columns: list[Column] = []
    rows, found = 0, dict(engine.columns(text))
    for at in range(0, len(names), COLUMNS_AT_ONCE):
        some = list(zip(names[at : at + COLUMNS_AT_ONCE], table.columns[at : at + COLUMNS_AT_ONCE], strict=True))
        asked = [
            _asked(
                identifier(name),
                msgspec.structs.replace(column, null_texts=()) if has_nulls else column,
                found.get(name, "VARCHAR"),
            )
            for name, column in some
        ]
        sql = f"SELECT count(*), {', '.join(part for parts in asked for part in parts)} FROM ({text})"
        (answer,) = engine.rows(sql)
        rows, values = int(str(answer[0])) - fewer, iter(answer[1:])
        for (_, column), parts in zip(some, asked, strict=True):
            columns.append(_told(column, rows + fewer, [next(values) for _ in parts]))
    columns = _unique(columns, names, rows, text, found, engine)
    return msgspec.structs.replace(table, columns=tuple(columns), rows=rows, rows_by="counted")


def _asked(name: str, column: Column, type_: str) -> list[str]:
    """What is asked of a column: values, distinct values, what fits its type, the least, the greatest, lengths."""
    is_text = type_ == "VARCHAR"
    value = _value(name, column) if is_text else name
    is_ordered = column.type not in _UNORDERED and not type_.endswith("]") and not type_.startswith(("STRUCT", "MAP"))
    present = _present(name, column) if is_text else name
    return [
        f"count({present})",
        f"approx_count_distinct({present})",
        f"count({value})" if value != present else "NULL",
        f"CAST(min({value}) AS VARCHAR)" if is_ordered else "NULL",
        f"CAST(max({value}) AS VARCHAR)" if is_ordered else "NULL",
        f"min(length({present}))" if is_text else "NULL",
        f"max(length({present}))" if is_text else "NULL",
    ]


def _cast(column: Column) -> Cast:
    """As if its type were sure: how many values do not fit is what is asked."""
    return cast_of(msgspec.structs.replace(column, confidence=1.0, misfits=0), column.null_texts)


def _present(name: str, column: Column) -> str:
    return expression(Cast(column, "VARCHAR", column.null_texts, is_plain=not column.null_texts), name)


def _value(name: str, column: Column) -> str:
    return expression(_cast(column), name, tries=True)


def _told(column: Column, rows: int, answer: list[Any]) -> Column:
    count, distinct, fitting, least, greatest, shortest, longest = answer
    type_, confidence = column.type, column.confidence
    misfits = column.misfits if fitting is None else count - fitting
    if type_ is Type.NULL and count:
        type_ = Type.TEXT
    if count and misfits and type_ is not Type.TEXT:
        confidence = min(confidence, round((count - misfits) / count, 4), SURE)
    return msgspec.structs.replace(
        column,
        type=type_,
        confidence=confidence,
        misfits=misfits or 0,
        nulls=rows - count,
        distinct=min(distinct, count),
        min=None if least is None else clipped(str(least)),
        max=None if greatest is None else clipped(str(greatest)),
        length_min=column.length_min if shortest is None else shortest,
        length_max=column.length_max if longest is None else longest,
        is_unique=None if count else column.is_unique,
    )


def _unique(
    columns: list[Column],
    names: tuple[str, ...],
    rows: int,
    text: str,
    types: Mapping[str, str],
    engine: Engine,
) -> list[Column]:
    """Which columns have no value twice. Exactly where all may be held in memory; what surely has some is not asked."""
    import duckdb  # noqa: PLC0415 - heavy

    exact: dict[str, int] = {}
    asked = [
        name
        for name, column in zip(names, columns, strict=True)
        if _is_promising(column, rows) and rows <= UNIQUE_ROWS_MAX and column.type not in _UNORDERED
    ][:UNIQUE_COLUMNS_MAX]
    values = [
        _present(identifier(name), column) if types.get(name, "VARCHAR") == "VARCHAR" else identifier(name)
        for name, column in zip(names, columns, strict=True)
        if name in asked
    ]
    if asked:
        with suppress(duckdb.OutOfMemoryException):
            counts = ", ".join(f"count(DISTINCT {value})" for value in values)
            (answer,) = engine.rows(f"SELECT {counts} FROM ({text})")
            exact = {name: int(str(count)) for name, count in zip(asked, answer, strict=True)}
    done = []
    for name, column in zip(names, columns, strict=True):
        count = rows - (column.nulls or 0)
        is_unique: bool | None = None
        if name in exact:
            column = msgspec.structs.replace(column, distinct=exact[name])  # noqa: PLW2901
            is_unique = exact[name] == count
        elif count and not _is_promising(column, rows):
            is_unique = False
        done.append(msgspec.structs.replace(column, is_unique=is_unique))
    return done


def _is_promising(column: Column, rows: int) -> bool:
    """Whether every value may be there once, as far as an estimate tells."""
    count = rows - (column.nulls or 0)
    return count > 0 and (column.distinct or 0) >= count * _PROMISING
