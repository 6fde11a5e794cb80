"""The loop in which a projection follows the ledger: read after the cursor, apply, wait for more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Protocol

from headwater.errors import Unavailable
from headwater.ports.clock import Clock
from headwater.ports.ledger import LedgerReader
from headwater.terms import Place, Position

BATCH_ENTRIES = 256
"""Small enough that the rows of a batch keep the books' writer from others for a few milliseconds only."""

WAIT_SECONDS = 30.0
BACKOFF_SECONDS_MIN = 0.1
BACKOFF_SECONDS_MAX = 30.0


class Projection(Protocol):
    """What follows: a pure function of the entries, with its own cursor. `ports.catalog.CatalogWriter` is one."""

    def applied(self) -> Awaitable[Position]:
        """The cursor: up to which position entries were applied."""
        ...

    def apply(self, entries: Sequence[tuple[Place, bytes]]) -> Awaitable[None]:
        """Applies the next entries and moves the cursor, both or neither. Entries at or below it MUST be ignored."""
        ...


class Follower:
    """Keeps one projection close behind the ledger.

    `gather_seconds` is how far it stays behind, so that a stream of single entries becomes a few transactions.
    `problem` is the sentence of what keeps it from following just now, None while it follows.
    """

    def __init__(
        self,
        reader: LedgerReader,
        projection: Projection,
        clock: Clock,
        *,
        batch_entries: int = BATCH_ENTRIES,
        gather_seconds: float = 0.0,
    ) -> None:
        self._reader = reader
        self._projection = projection
        self._clock = clock
        self._batch_entries = batch_entries
        self._gather_seconds = gather_seconds
        self._moved = asyncio.Event()
        self.position = Position(0)
        self.problem: str | None = None

    @property
    def lag(self) -> int:
        """How many committed entries are not applied yet."""
        return max(0, self._reader.position - self.position)

    async def follow(self) -> None:
        """Follows until it is cancelled, which may happen anywhere: what was applied twice is ignored.

        What is unavailable is tried again, at longer and longer intervals; any other failure is raised.
        """
        backoff_seconds = BACKOFF_SECONDS_MIN
        while True:
            try:
                await self.catch_up()
                backoff_seconds = BACKOFF_SECONDS_MIN
                while True:
                    await self._reader.wait(self.position, WAIT_SECONDS)
                    await self._clock.sleep(self._gather_seconds)
                    await self._apply_committed()
            except Unavailable as unavailable:
                self.problem = unavailable.sentence
                await self._clock.sleep(backoff_seconds)
                backoff_seconds = min(2 * backoff_seconds, BACKOFF_SECONDS_MAX)

    async def catch_up(self) -> Position:
        """Applies all that is committed by now, and returns the position. Raises Unavailable, and what apply raises."""
        self._move_to(await self._projection.applied())
        await self._apply_committed()
        return self.position

    async def reached(self, position: Position) -> None:
        """Returns once everything up to a position is applied; how long to wait is the caller's to limit."""
        while self.position < position:
            await self._moved.wait()

    async def _apply_committed(self) -> None:
        while self.position < self._reader.position:
            entries = [entry async for entry in self._reader.read(self.position, self._batch_entries)]
            if not entries:
                raise Unavailable("ledger_unavailable", "The ledger does not give the entries that it says it has.")
            await self._projection.apply(entries)
            self._move_to(entries[-1][0].position)
        self.problem = None

    def _move_to(self, position: Position) -> None:
        self.position = position
        self._moved.set()
        self._moved = asyncio.Event()
