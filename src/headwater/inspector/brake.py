"""Holds the workers still for the moment in which a delivery ends: its sender waits, and they do not.

A low priority is not enough where the processor is nearly taken: a kernel may let a process that gives way run on until
its next tick, which is longer than a small landing takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

HELD_SECONDS_MAX: Final = 0.02
"""How long workers are held at a stretch. Beside a landing that never pauses they go on."""


class Brake:
    """`halt` stops the workers where they are, `go_on` lets them go on. Used from one event loop."""

    def __init__(self, halt: Callable[[], None], go_on: Callable[[], None]) -> None:
        self._halt = halt
        self._go_on = go_on
        self._holders = 0
        self._since = 0.0
        self._rests_until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """The workers stand still meanwhile, up to the limit, once they ran as long as they last stood still."""
        self._holders += 1
        if self._holders == 1:
            self._hold()
        try:
            yield
        finally:
            self._holders -= 1
            if not self._holders:
                self._release()

    def _hold(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._timer is None and now >= self._rests_until:
            self._halt()
            self._since = now
            self._timer = loop.call_later(HELD_SECONDS_MAX, self._release)

    def _release(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            now = asyncio.get_running_loop().time()
            self._rests_until = now + (now - self._since)
            self._go_on()
