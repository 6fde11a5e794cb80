"""The parts of unsealed multipart uploads."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

from headwater.books.queries import named_queries
from headwater.books.sqlite.threads import Readers, Writer
from headwater.ports.books import Part
from headwater.terms import Id

_SQL = named_queries(Path(__file__).with_name("parts.sql"))


class SqliteParts:
    """PartBook."""

    def __init__(self, writer: Writer, quick: Readers) -> None:
        self._writer = writer
        self._quick = quick

    def begin(self, upload: Id, store_upload: str) -> asyncio.Future[None]:
        """The store's own id of an upload; its earlier parts are forgotten."""

        def run(connection: sqlite3.Connection) -> None:
            connection.execute(_SQL["begin"], {"upload": upload, "store_upload": store_upload})
            connection.execute(_SQL["forget_parts"], {"upload": upload})

        return self._writer.put(run)

    def take(self, upload: Id, part: Part) -> asyncio.Future[bool]:
        """Takes a part number; False if it is taken."""
        row = _row(upload, part)
        return self._writer.put(lambda connection: connection.execute(_SQL["take"], row).rowcount == 1)

    def commit(self, upload: Id, part: Part) -> asyncio.Future[None]:
        """The store has this part."""
        row = _row(upload, part)

        def run(connection: sqlite3.Connection) -> None:
            connection.execute(_SQL["commit"], row)

        return self._writer.put(run)

    def parts(self, upload: Id) -> asyncio.Future[tuple[str | None, list[Part]]]:
        """The store's id and the parts in order."""

        def run(connection: sqlite3.Connection) -> tuple[str | None, list[Part]]:
            row = connection.execute(_SQL["upload"], {"upload": upload}).fetchone()
            parts = [Part(*part) for part in connection.execute(_SQL["parts"], {"upload": upload})]
            return row[0] if row else None, parts

        return self._quick.ask(run)

    def end(self, upload: Id) -> asyncio.Future[None]:
        """Forgets an upload and its parts."""

        def run(connection: sqlite3.Connection) -> None:
            connection.execute(_SQL["forget_upload"], {"upload": upload})
            connection.execute(_SQL["forget_parts"], {"upload": upload})

        return self._writer.put(run)


def _row(upload: Id, part: Part) -> dict[str, Any]:
    return {
        "upload": upload,
        "number": part.number,
        "place": part.offset,
        "size_bytes": part.size_bytes,
        "etag": part.etag,
        "crc64nvme": part.crc64nvme,
    }
