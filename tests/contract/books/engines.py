"""The engines that keep books. Another one is one more class here and one more line in `ENGINES`."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Protocol

from headwater.books.sqlite import SqliteBooks


class Engine(Protocol):
    def open(self, name: str = "books") -> SqliteBooks:
        """Opens the books of this name; those that were closed are found again as they were."""
        ...

    def dump(self, name: str = "books") -> dict[str, list[Any]]:
        """Every row of the books, by table."""
        ...


class SqliteEngine:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, name: str = "books") -> SqliteBooks:
        return SqliteBooks(self._folder / f"{name}.sqlite3")

    def dump(self, name: str = "books") -> dict[str, list[Any]]:
        connection = sqlite3.connect(self._folder / f"{name}.sqlite3")
        try:
            tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
            return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for (table,) in tables}
        finally:
            connection.close()


ENGINES = {"sqlite": SqliteEngine}
