"""Holds the workers still while a delivery begins and while it ends: its sender waits, and they do not.

A low priority is not enough where the processor is nearly taken: a kernel may let a process that gives way run on until
its next tick, which is longer than a small landing takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

HELD_SECONDS_MAX: Final = 0.02
"""How long workers are held at a stretch. Beside a landing that never pauses they go on."""

LINGER_SECONDS: Final = 0.002
"""How long they stay held after it: the answer is still to go out, and what begins is often what ends at once."""


class Brake:
    """`halt` stops the workers where they are, `go_on` lets them go on. Used from one event loop."""

    def __init__(self, halt: Callable[[], None], go_on: Callable[[], None]) -> None:
        self._halt = halt
        self._go_on = go_on
        self._holders = 0
        self._since = 0.0
        self._rests_until = 0.0
        self._limit: asyncio.TimerHandle | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._quiet = asyncio.Event()
        self._quiet.set()

    @contextmanager
    def held(self) -> Iterator[None]:
        """The workers stand still meanwhile, up to the limit, once they ran as long as they last stood still."""
        self._holders += 1
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        if self._limit is None:
            self._hold()
        try:
            yield
        finally:
            self._holders -= 1
            if not self._holders:
                self._linger = asyncio.get_running_loop().call_later(LINGER_SECONDS, self._end)

    async def quiet(self, seconds_max: float) -> None:
        """Returns once nobody holds the workers, or after so long: what else gives way to landing begins then."""
        if not self._quiet.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds_max):
                    await self._quiet.wait()

    def _hold(self) -> None:
        self._quiet.clear()
        loop = asyncio.get_running_loop()
        now = loop.time()
        if now >= self._rests_until:
            self._halt()
            self._since = now
            self._limit = loop.call_later(HELD_SECONDS_MAX, self._release)

    def _end(self) -> None:
        self._linger = None
        self._quiet.set()
        self._release()

    def _release(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
            now = asyncio.get_running_loop().time()
            self._rests_until = now + (now - self._since)
            self._go_on()
