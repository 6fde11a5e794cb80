"""The real clock and the real ids; the only place that reads time and chance."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
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


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # mallopt(3)
_KEPT_BYTES = 128 * 1024 * 1024
_MAPPED_BYTES = 8 * 1024 * 1024

_CHANCE_BYTES = 1024
"""Chance is taken in stock: a call of the system for each id costs more than the id."""


class SystemIds:
    """Implements `ports.clock.Ids`: UUIDv7, in order within this process by a counter (RFC 9562 §6.2, method 1)."""

    def __init__(self) -> None:
        self._last = 0
        self._chance = memoryview(b"")

    def new(self, at: Time) -> Id:
        """A new id: 48 bits of milliseconds, 12 of a counter, 62 of chance."""
        self._last = max(self._last + 1, (at // 1000) << 12)
        millis, count = self._last >> 12, self._last & 0xFFF
        if not self._chance:
            self._chance = memoryview(os.urandom(_CHANCE_BYTES))
        chance = int.from_bytes(self._chance[:8]) & (2**62 - 1)
        self._chance = self._chance[8:]
        return Id(f"{millis << 80 | 7 << 76 | count << 64 | 2 << 62 | chance:032x}")


def keep_memory() -> None:
    """Has this process keep what it frees, up to 128 MiB: for a process that serves, and that is not somebody else's.

    The buffers of an upload are taken and given back thousands of times a second; glibc would return each to the kernel
    and fetch it again, zeroed page by page, at a quarter of the speed of a whole upload. Elsewhere nothing happens.
    """
    with contextlib.suppress(AttributeError, OSError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
