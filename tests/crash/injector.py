"""Every port of a running system, wrapped: each call is a step, and one step of a run can fail or be the last.

A child process wraps what it is assembled from, so `KILLED_…` ends a real process: nothing is flushed, closed or
unwound, and what its threads had under way is cut off wherever it was.
"""

from __future__ import annotations

import asyncio
import inspect
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from headwater.books.sqlite import SqliteBooks
from headwater.errors import Unavailable
from headwater.ports.ledger import HeadStore, Unclear
from headwater.ports.zone import ZoneStore

T = TypeVar("T")
KILLED = 9
"""How a killed child exits."""

REACHED = "reached"

QUICK = frozenset({"claims.position", "claims.holders", "claims.newest", "claims.stream"})
"""What answers at once, without a hop."""

STREAMS = frozenset({"reader.read", "reader.list", "intake.read_back"})
"""What gives one piece after the other; a step up to its end."""


class Mode(StrEnum):
    """What becomes of a step."""

    FAILED = "failed before"
    LOST = "done but answer lost"
    KILLED_BEFORE = "killed before"
    KILLED_AFTER = "killed after"


class Step(NamedTuple):
    """The `nth` call (from 1) of a port's method, such as `head.commit`."""

    call: str
    nth: int

    def __str__(self) -> str:
        return f"{self.call} {self.nth}"


class Injector:
    """Notes every step in the file `steps`, and lets `planned` end as `mode` says."""

    def __init__(self, steps: Path, planned: Step | None = None, mode: Mode | None = None) -> None:
        self._steps = os.open(steps, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._planned = planned
        self._mode = mode
        self._counts: Counter[str] = Counter()

    def store(self, store: ZoneStore) -> ZoneStore:
        """The store's ports, wrapped; its ways around them stay as they are."""
        return cast("ZoneStore", _WrappedStore(store, self))

    def books(self, books: SqliteBooks) -> SqliteBooks:
        """The same books, whose ports are wrapped."""
        for name in ("attempts", "keys", "parts", "claims", "catalog", "identities", "facts", "cursors", "counters"):
            setattr(books, name, self.wrap(getattr(books, name), name))
        return books

    def wrap(self, port: T, name: str) -> T:
        """The port, each of whose calls is a step."""
        return cast("T", _Wrapped(port, name, self))

    def note(self, line: str) -> None:
        """Adds a line to the steps."""
        os.write(self._steps, f"{line}\n".encode())

    def begins(self, call: str) -> Mode | None:
        """Notes a step; how it is to end, None for well."""
        self._counts[call] += 1
        step = Step(call, self._counts[call])
        self.note(str(step))
        if step != self._planned:
            return None
        self.note(REACHED)
        if self._mode is Mode.KILLED_BEFORE:
            os._exit(KILLED)
        return self._mode

    def ends(self, call: str, mode: Mode) -> Exception:
        """After the deed: what its caller is told of it."""
        if mode is Mode.KILLED_AFTER:
            os._exit(KILLED)
        text = f"{call}: {mode}, as planned"
        if call == "head.commit":
            return Unclear(text)
        port = call.partition(".")[0]
        of_zone = port in {"creator", "reader", "intake", "staging", "files", "head"}
        return Unavailable("store_unavailable" if of_zone else "books_unavailable", text)


class _WrappedStore:
    def __init__(self, inner: ZoneStore, injector: Injector) -> None:
        self._inner = inner
        self._injector = injector
        for name in ("reader", "creator", "intake", "eraser", "files"):
            setattr(self, name, injector.wrap(getattr(inner, name), name))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def heads(self, log: str) -> HeadStore:
        return self._injector.wrap(self._inner.heads(log), "head")


class _Wrapped:
    def __init__(self, inner: Any, name: str, injector: Injector) -> None:
        self._inner = inner
        self._name = name
        self._injector = injector

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self._inner, attribute)
        if not inspect.ismethod(value) or attribute == "close":
            return value
        call = f"{self._name}.{attribute}"
        if call in STREAMS:
            return lambda *args, **more: self._stream(call, value(*args, **more))
        return lambda *args, **more: self._call(call, lambda: value(*args, **more))

    def _call(self, call: str, do: Callable[[], Any]) -> Any:
        """A step of a plain method, a coroutine, or one that queues at once and gives a future."""
        mode = self._injector.begins(call)
        result = None if mode is Mode.FAILED else do()
        if call in QUICK:
            if mode is not None:
                raise self._injector.ends(call, mode)
            return result
        if mode is Mode.FAILED:
            return _seen(asyncio.ensure_future(_raise(self._injector.ends(call, mode))))
        return self._awaited(call, result, mode)

    def _awaited(self, call: str, result: Any, mode: Mode | None) -> Awaitable[Any]:
        if isinstance(result, asyncio.Future) and mode is None:
            return result
        ending = self._end(call, result, mode)
        return _seen(asyncio.ensure_future(ending)) if isinstance(result, asyncio.Future) else ending

    async def _end(self, call: str, result: Awaitable[Any], mode: Mode | None) -> Any:
        value = await result
        if mode is not None:
            raise self._injector.ends(call, mode)
        return self._injector.wrap(value, "staging") if hasattr(value, "abandon") else value

    async def _stream(self, call: str, stream: AsyncIterator[Any]) -> AsyncIterator[Any]:
        mode = self._injector.begins(call)
        if mode is Mode.FAILED:
            raise self._injector.ends(call, mode)
        async for piece in stream:
            yield piece
        if mode is not None:
            raise self._injector.ends(call, mode)


async def _raise(failure: Exception) -> None:
    raise failure


def _seen(task: asyncio.Task[T]) -> asyncio.Task[T]:
    """Rows that nobody waits for may fail unseen."""
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
