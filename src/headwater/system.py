"""The real clock and the real ids; the only place that reads time and chance."""

from __future__ import annotations

import asyncio
import os
import time

from headwater.terms import Id, Time


class SystemClock:
    """Implements `ports.clock.Clock`."""

    def now(self) -> Time:
        """The wall clock."""
        return Time(time.time_ns() // 1000)

    def monotonic(self) -> float:
        """Seconds that never go backwards."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)


class SystemIds:
    """Implements `ports.clock.Ids`: UUIDv7, in order within this process by a counter (RFC 9562 §6.2, method 1)."""

    def __init__(self) -> None:
        self._last = 0

    def new(self, at: Time) -> Id:
        """A new id: 48 bits of milliseconds, 12 of a counter, 62 of chance."""
        self._last = max(self._last + 1, (at // 1000) << 12)
        millis, count = self._last >> 12, self._last & 0xFFF
        chance = int.from_bytes(os.urandom(8)) & (2**62 - 1)
        return Id(f"{millis << 80 | 7 << 76 | count << 64 | 2 << 62 | chance:032x}")
