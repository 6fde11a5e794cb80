"""A clock that only moves when it is told to."""

from __future__ import annotations

import asyncio

from headwater.terms import Time

START = Time(1_795_000_000_000_000)


class ManualClock:
    """Implements `ports.clock.Clock`: `sleep` ends when `advance` has moved the time far enough."""

    def __init__(self, start: Time = START) -> None:
        self._now = start
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> Time:
        """The time it was set to."""
        return self._now

    def monotonic(self) -> float:
        """How far it was moved."""
        return self._elapsed

    def set(self, at: Time) -> None:
        """Sets the wall clock, also backwards."""
        self._now = at

    def advance(self, seconds: float) -> None:
        """Moves both times on, and wakes who slept until then."""
        self._elapsed += seconds
        self._now = Time(self._now + int(seconds * 1_000_000))
        for until, sleeper in self._sleepers:
            if until <= self._elapsed and not sleeper.done():
                sleeper.set_result(None)
        self._sleepers = [each for each in self._sleepers if not each[1].done()]

    async def sleep(self, seconds: float) -> None:
        """Waits until the clock was moved."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._elapsed + seconds, sleeper))
        await sleeper
