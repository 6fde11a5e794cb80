"""The names that senders see in their own folders."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

from headwater.books.queries import named_queries
from headwater.books.sqlite.columns import name_bytes, name_text
from headwater.books.sqlite.failures import failure
from headwater.books.sqlite.schema import connect_for_reading
from headwater.books.sqlite.threads import Readers, Writer
from headwater.ports.books import ShownName
from headwater.terms import Time

_SQL = named_queries(Path(__file__).with_name("names.sql"))
_PRUNE_ROWS = 1000


class SqliteNames:
    """NameBook. One name is looked up at once, over a connection of its own: a client that sends thousands of small
    files would wait longer for a hop to a thread than for the row.
    """

    def __init__(self, writer: Writer, quick: Readers, path: Path) -> None:
        self._writer = writer
        self._quick = quick
        self._connection = connect_for_reading(path)

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def show(self, sender: str, shown: ShownName) -> asyncio.Future[None]:
        """Shows a name, in the place of what it showed before."""
        row = _place(sender, shown.folder, shown.name) | {
            "id": shown.id,
            "size_bytes": shown.size_bytes,
            "shown_at": shown.shown_at,
            "modified_at": shown.modified_at,
            "mode": shown.mode,
        }

        def run(connection: sqlite3.Connection) -> None:
            connection.execute(_SQL["show"], row)

        return self._writer.put(run, soon=False)

    def hide(self, sender: str, folder: str, name: str) -> asyncio.Future[None]:
        """Shows it no more."""
        row = _place(sender, folder, name)

        def run(connection: sqlite3.Connection) -> None:
            connection.execute(_SQL["hide"], row)

        return self._writer.put(run, soon=False)

    async def shown(self, sender: str, folder: str, name: str) -> ShownName | None:
        """What a name shows."""
        found = self._one("shown", _place(sender, folder, name))
        return _shown(found) if found else None

    async def holds(self, sender: str, folder: str) -> bool:
        """Whether a folder, or one below it, holds a name."""
        return self._one("holds", _below(sender, folder)) is not None

    def _one(self, query: str, row: dict[str, Any]) -> tuple[Any, ...] | None:
        try:
            found: tuple[Any, ...] | None = self._connection.execute(_SQL[query], row).fetchone()
        except sqlite3.Error as error:
            raise failure(error) from error
        return found

    def listed(self, sender: str, folder: str, after: str, limit: int) -> asyncio.Future[list[ShownName]]:
        """The names of a folder after one of them, in order of their bytes."""
        row = _place(sender, folder, "") | {"after": name_bytes(after), "limit": limit}
        return self._quick.ask(lambda connection: [_shown(found) for found in connection.execute(_SQL["listed"], row)])

    def folders(self, sender: str, folder: str, limit: int) -> asyncio.Future[list[str]]:
        """The folders below one: those that hold names, at any depth, and those that were made in it."""
        row = _below(sender, folder) | {"limit": limit}
        above = folder.rstrip("/")

        def run(connection: sqlite3.Connection) -> list[str]:
            holding = [name_text(found[0]) for found in connection.execute(_SQL["folders"], row)]
            made = [f"{above}/{name_text(found[0])}" for found in connection.execute(_SQL["made"], row)]
            return holding + made

        return self._quick.ask(run)

    async def prune(self, before: Time) -> None:
        """Forgets names that were shown before this, in steps that keep nobody waiting."""
        row = {"before": before, "limit": _PRUNE_ROWS}
        while await self._writer.put(lambda connection: connection.execute(_SQL["prune"], row).rowcount) == _PRUNE_ROWS:
            pass


def _place(sender: str, folder: str, name: str) -> dict[str, Any]:
    return {"sender": sender, "folder": name_bytes(folder), "name": name_bytes(name)}


def _below(sender: str, folder: str) -> dict[str, Any]:
    above = name_bytes(folder.rstrip("/"))
    return {"sender": sender, "folder": name_bytes(folder), "first": above + b"/", "last": above + b"0"}  # 0 follows /


def _shown(row: tuple[Any, ...]) -> ShownName:
    folder, name, id, size_bytes, shown_at, modified_at, mode = row
    return ShownName(
        folder=name_text(folder),
        name=name_text(name),
        id=id,
        size_bytes=size_bytes,
        shown_at=shown_at,
        modified_at=modified_at,
        mode=mode,
    )
