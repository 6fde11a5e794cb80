"""The one seam between the event loop and calls that block on a disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


class Threads:
    """A fixed number of threads, in the order of the calls.

    A hop there and back costs about 30 µs, a third of `loop.run_in_executor`: beside a create of 300 µs that counts.
    The threads start with the first call and are daemons; `close` ends them when their queue is empty.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._started: list[Thread] = []
        self._jobs: SimpleQueue[tuple[asyncio.Future[Any], Callable[..., Any], tuple[Any, ...]] | None] = SimpleQueue()

    def start(self, work: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        """Starts `work(*args)`; cancelling the future does not stop it."""
        if not self._started:
            self._started = [Thread(target=self._work, name=self._name, daemon=True) for _ in range(self._count)]
            for thread in self._started:
                thread.start()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put((future, work, args))
        return future

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        """What `work(*args)` returns or raises. A caller who is cancelled goes on only when the work has ended, so that
        nothing it does next can meet a file still in use.
        """
        future = self.start(work, *args)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            while not future.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([future])
            future.exception()  # looked at: it is nobody's any more
            raise

    def close(self) -> None:
        """Lets the threads end. Nothing may be started afterwards."""
        for _ in self._started:
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, work, args = job
            result, failure = None, None
            try:
                result = work(*args)
            except BaseException as error:  # noqa: BLE001 - the caller's to judge, whatever it is
                failure = error
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                future.get_loop().call_soon_threadsafe(_settle, future, result, failure)
            del job, future, work, args, result, failure  # an idle thread must not keep a body alive


def _settle(future: asyncio.Future[Any], result: Any, failure: BaseException | None) -> None:
    if future.done():
        return
    if failure is None:
        future.set_result(result)
    else:
        future.set_exception(failure)
