"""The names that senders see in their own folders."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

from headwater.books.queries import named_queries
from headwater.books.sqlite.columns import name_bytes, name_text
from headwater.books.sqlite.threads import Readers, Writer
from headwater.ports.books import ShownName
from headwater.terms import Time

_SQL = named_queries(Path(__file__).with_name("names.sql"))
_PRUNE_ROWS = 1000


class SqliteNames:
    """NameBook."""

    def __init__(self, writer: Writer, quick: Readers) -> None:
        self._writer = writer
        self._quick = quick

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

    def shown(self, sender: str, folder: str, name: str) -> asyncio.Future[ShownName | None]:
        """What a name shows."""
        row = _place(sender, folder, name)

        def run(connection: sqlite3.Connection) -> ShownName | None:
            found = connection.execute(_SQL["shown"], row).fetchone()
            return _shown(found) if found else None

        return self._quick.ask(run)

    def listed(self, sender: str, folder: str, after: str, limit: int) -> asyncio.Future[list[ShownName]]:
        """The names of a folder after one of them, in order of their bytes."""
        row = _place(sender, folder, "") | {"after": name_bytes(after), "limit": limit}
        return self._quick.ask(lambda connection: [_shown(found) for found in connection.execute(_SQL["listed"], row)])

    def folders(self, sender: str, folder: str, limit: int) -> asyncio.Future[list[str]]:
        """The folders below one, at any depth, that hold names."""
        above = name_bytes(folder.rstrip("/"))
        row = {"sender": sender, "first": above + b"/", "last": above + b"0", "limit": limit}  # 0 comes after /
        return self._quick.ask(
            lambda connection: [name_text(found[0]) for found in connection.execute(_SQL["folders"], row)]
        )

    async def prune(self, before: Time) -> None:
        """Forgets names that were shown before this, in steps that keep nobody waiting."""
        row = {"before": before, "limit": _PRUNE_ROWS}
        while await self._writer.put(lambda connection: connection.execute(_SQL["prune"], row).rowcount) == _PRUNE_ROWS:
            pass


def _place(sender: str, folder: str, name: str) -> dict[str, Any]:
    return {"sender": sender, "folder": name_bytes(folder), "name": name_bytes(name)}


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
