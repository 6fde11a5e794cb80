"""One look a second at everybody who is being waited for, instead of a timer for each piece of each body."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self

from headwater.ports.clock import Clock


class Wait:
    """One task that waits for a sender's bytes, since `since` (None: it does not wait just now), at most `seconds`.

    When that is over the task is cancelled, with `overdue` set: it is to catch that, and to go on with its refusal.
    """

    __slots__ = ("_watch", "overdue", "seconds", "since", "task")

    def __init__(self, watch: Watch, task: asyncio.Task[Any]) -> None:
        self._watch = watch
        self.task = task
        self.since: float | None = None
        self.seconds = 0.0
        self.overdue = False

    def __enter__(self) -> Self:
        self._watch.waits.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.waits.discard(self)


class Watch:
    """All that wait."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.waits: set[Wait] = set()

    def enter(self) -> Wait:
        """A wait of the running task: `with watch.enter() as wait:`."""
        task = asyncio.current_task()
        if task is None:
            msg = "only a task can be waited for"
            raise RuntimeError(msg)
        return Wait(self, task)

    def tick(self) -> None:
        """Ends what is overdue; to be called about once a second."""
        now = self._clock.monotonic()
        for wait in self.waits:
            if wait.since is not None and now - wait.since > wait.seconds and not wait.overdue:
                wait.overdue = True
                wait.task.cancel()
