"""Idempotency keys: claimed in the writer's thread, so that two claims are never judged at once."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from headwater.books.queries import named_queries
from headwater.books.sqlite.threads import Writer
from headwater.ports.books import KeyClaim
from headwater.terms import FeedName, Id, Time

_SQL = named_queries(Path(__file__).with_name("keys.sql"))
KEY_LIVES_MICROSECONDS = 7 * 24 * 60 * 60 * 1_000_000
_EXPIRE_ROWS = 2  # forgotten at each claim: more than one, so that the table shrinks


class SqliteKeys:
    """IdempotencyBook."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def claim(self, sender: str, feed: FeedName, key: str, id: Id, now: Time) -> asyncio.Future[KeyClaim | None]:
        """Takes the key, or says who has it. A key claimed again by the attempt that has it stays its own."""
        values = _key(sender, feed, key, id) | {
            "now": now,
            "expired": now - KEY_LIVES_MICROSECONDS,
            "limit": _EXPIRE_ROWS,
        }

        def run(connection: sqlite3.Connection) -> KeyClaim | None:
            connection.execute(_SQL["expire"], values)
            row = connection.execute(_SQL["holder"], values).fetchone()
            if row is None:
                connection.execute(_SQL["claim"], values)
                return None
            holder = KeyClaim(*row)
            return None if holder.id == id and holder.sha256 is None else holder

        return self._writer.put(run)

    def fulfil(self, sender: str, feed: FeedName, key: str, id: Id, sha256: str) -> asyncio.Future[None]:
        """The attempt landed these bytes."""
        return self._run("fulfil", _key(sender, feed, key, id) | {"sha256": sha256})

    def release(self, sender: str, feed: FeedName, key: str, id: Id) -> asyncio.Future[None]:
        """The key is free again, unless its attempt has landed."""
        return self._run("release", _key(sender, feed, key, id))

    def _run(self, name: str, values: dict[str, str | int]) -> asyncio.Future[None]:
        def run(connection: sqlite3.Connection) -> None:
            connection.execute(_SQL[name], values)

        return self._writer.put(run)


def _key(sender: str, feed: FeedName, key: str, id: Id) -> dict[str, str | int]:
    return {"sender": sender, "source": feed.source, "feed": feed.feed, "key": key, "id": id}
