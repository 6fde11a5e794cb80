"""The actor on administrative entries: what was ordered but did not happen, because its process died, is done again."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from headwater.ledger.entries import Admin, decode
from headwater.ports.books import CursorBook
from headwater.terms import Place, Position

FOLLOWER = "admin"


class Redo(Protocol):
    """Carrying out what an entry orders, wherever the books do not show it yet; see `gate.senders`."""

    def redo(self, entry: Admin) -> Awaitable[bool]:
        """True if there was anything to do."""
        ...


class AdminActs:
    """A `follow.Projection` over the books of identities."""

    def __init__(self, acts: Redo, cursors: CursorBook) -> None:
        self._acts = acts
        self._cursors = cursors

    async def applied(self) -> Position:
        """The cursor."""
        return Position(await self._cursors.cursor(FOLLOWER))

    async def apply(self, entries: Sequence[tuple[Place, bytes]]) -> None:
        """Does again what these entries order. Repeatable."""
        for _, data in entries:
            if b'"kind":"admin"' in data and isinstance(entry := decode(data), Admin):
                await self._acts.redo(entry)
        await self._cursors.advance(FOLLOWER, entries[-1][0].position)
