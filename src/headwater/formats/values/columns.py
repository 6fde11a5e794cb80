"""What readers of all engines agree on about columns: their names, and whether their types can be relied on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from headwater.formats.finding import Column, Table, Type
from headwater.formats.values.types import NULLS_ALWAYS

SURE: Final = 0.9
"""From this confidence on a type is used; below it values are read as text."""

_PLAIN: Final = frozenset({Type.TEXT, Type.NULL})


def unique_names(names: Iterable[str]) -> tuple[str, ...]:
    """Names as every engine can have them: none empty, none twice, also where only upper and lower case differ.

    The first of equals keeps its name, the next is `name_1`; a column without a name is `column3`, counted from 1.
    """
    taken: set[str] = set()
    unique: list[str] = []
    for number, name in enumerate(names, 1):
        wanted = name.replace("\0", "\ufffd") or f"column{number}"
        free, count = wanted, 0
        while free.lower() in taken:
            count += 1
            free = f"{wanted}_{count}"
        taken.add(free.lower())
        unique.append(free)
    return tuple(unique)


def names_of(table: Table) -> tuple[str, ...]:
    """The names of a table's columns, as engines can have them."""
    return unique_names(column.name for column in table.columns)


def is_sure(column: Column) -> bool:
    """Whether a column's type holds for every value that was looked at; else it is read as text."""
    return column.type not in _PLAIN and column.confidence >= SURE and not column.misfits


def null_texts(columns: Sequence[Column], dialect: Sequence[str]) -> tuple[str, ...]:
    """The texts that stand for null in every column; what only some columns write is in `own_null_texts` of each."""
    seen = [*dialect, *(text for column in columns for text in column.null_texts)]
    return tuple(dict.fromkeys(["", *(text for text in seen if text in NULLS_ALWAYS)]))


def own_null_texts(column: Column, shared: Sequence[str]) -> tuple[str, ...]:
    """The texts that stand for null in this column, beside those that do in all."""
    return tuple(text for text in column.null_texts if text not in shared)
