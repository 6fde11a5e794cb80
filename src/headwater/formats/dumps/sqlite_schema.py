"""Tables of SQLite as their CREATE TABLE has them: which value of a record belongs to which column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from headwater.formats.dumps.sql_ddl import Declared, created, parts_of
from headwater.formats.dumps.sql_lexer import Grammar, Tongue
from headwater.formats.dumps.sql_tables import Gathered

_GRAMMAR: Final = Grammar(Tongue.SQLITE)
_KEY: Final = re.compile(r"\bPRIMARY\s+KEY\s*\(([^()]*)\)", re.IGNORECASE)
_WITHOUT_ROWID: Final = re.compile(r"\)[\s\w,]*\bWITHOUT\s+ROWID\b", re.IGNORECASE)
_FLOAT: Final = re.compile(r"REAL|FLOA|DOUB", re.IGNORECASE)


class Source(msgspec.Struct, frozen=True):
    """A table as the schema has it. `order` puts what a record holds into the order of `gathered`."""

    gathered: Gathered
    root: int
    order: tuple[int | None, ...]
    row_id_at: int | None
    floats: frozenset[int]


def source_of(name: str, root: int, sql: str) -> Source:
    """A table of the schema, by its name, the first page of its tree, and its CREATE TABLE."""
    made = created(sql.encode(), _GRAMMAR, "utf-8")
    declared = made[1] if made else ()
    gathered = Gathered(name, declared, is_created=True)
    kept = [place for place, column in enumerate(declared) if not column.is_virtual]
    key = _key_places(sql, declared)
    row_id_at: int | None = None
    if _WITHOUT_ROWID.search(sql):
        kept = key + [place for place in kept if place not in key]
    else:
        row_id_at = next((place for place, column in enumerate(declared) if column.is_row_id), None)
        if row_id_at is None and len(key) == 1 and declared[key[0]].written.upper() == "INTEGER":
            row_id_at = key[0]
    order = tuple(kept.index(place) if place in kept else None for place in range(len(declared)))
    floats = frozenset(place for place, column in enumerate(declared) if _FLOAT.search(column.written))
    return Source(gathered, root, order, row_id_at, floats)


def _key_places(sql: str, declared: Sequence[Declared]) -> list[int]:
    """The columns of the primary key, in its order."""
    names = [column.name.lower() for column in declared]
    found = _KEY.search(sql)
    if found is None:
        return [place for place, column in enumerate(declared) if column.is_key]
    key: list[int] = []
    for part in found[1].split(","):
        word = part.strip()
        if word[:1] not in {'"', "[", "`"}:
            word = word.split(" ")[0]
        name = ".".join(each.decode("utf-8", "replace") for each in parts_of(word.encode())[:1]).lower()
        if name in names and names.index(name) not in key:
            key.append(names.index(name))
    return key
