"""A wrapper around any port that fails one call, as told: before it, after it, for ever, or with the whole process."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import AsyncIterator, Callable
from enum import StrEnum
from typing import Any, TypeVar, cast

from headwater.errors import Unavailable
from headwater.ports.ledger import Unclear

T = TypeVar("T")


class Failure(StrEnum):
    """How a call fails. `read` and its like give one piece before an answer is lost or the process is killed after."""

    BEFORE = "before"
    ANSWER_LOST = "answer lost"
    HANG = "hang"
    KILL_BEFORE = "kill before"
    KILL_AFTER = "kill after"


class Plan:
    """Which call fails, and the calls that were made. One plan may serve several wrapped ports.

    `method` is `port.method` as in `head.commit`, for the staging that an intake gave `staging.write`; the `nth` call
    of it (from 1) fails, no other. `error` is what the caller then gets, by default Unavailable, or Unclear from a head
    that was to be written. `kill` is what ends the process. `reached` is set when the call has come.
    """

    def __init__(
        self,
        method: str = "",
        failure: Failure = Failure.BEFORE,
        *,
        nth: int = 1,
        error: Exception | None = None,
        kill: Callable[[], Any] = lambda: os._exit(9),
    ) -> None:
        self.method = method
        self.failure = failure
        self.nth = nth
        self.error = error
        self.kill = kill
        self.calls: list[str] = []
        self.reached = asyncio.Event()

    def called(self, name: str) -> bool:
        """Notes a call; whether it is the one to fail."""
        self.calls.append(name)
        return name == self.method and self.calls.count(name) == self.nth

    async def before(self) -> None:
        """Fails before the call, if so planned."""
        self.reached.set()
        if self.failure is Failure.HANG:
            await asyncio.Event().wait()
        if self.failure is Failure.KILL_BEFORE:
            self.kill()
        if self.failure is Failure.BEFORE:
            raise self._error()

    def after(self) -> None:
        """Fails after it was done."""
        if self.failure is Failure.KILL_AFTER:
            self.kill()
        raise self._error()

    def _error(self) -> Exception:
        if self.error is not None:
            return self.error
        text = f"{self.method} failed {self.failure}, as planned."
        return Unclear(text) if self.method in {"head.commit", "head.found"} else Unavailable("store_unavailable", text)


def faulty(port: T, plan: Plan, name: str) -> T:
    """The port, except for the call that the plan names: its methods are called `name.method` there."""
    return cast("T", _Faulty(port, plan, name))


class _Faulty:
    def __init__(self, inner: Any, plan: Plan, name: str) -> None:
        self._inner = inner
        self._plan = plan
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self._inner, attribute)
        if not callable(value):
            return value
        name = f"{self._name}.{attribute}"
        return self._call(name, value) if inspect.iscoroutinefunction(value) else self._other(name, value)

    def _call(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*args: Any, **more: Any) -> Any:
            fails = self._plan.called(name)
            if fails:
                await self._plan.before()
            result = await method(*args, **more)
            if fails:
                self._plan.after()
            return faulty(result, self._plan, "staging") if hasattr(result, "abandon") else result

        return call

    def _other(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            result = method(*args, **more)
            return self._stream(result, fails=self._plan.called(name)) if hasattr(result, "__anext__") else result

        return call

    async def _stream(self, stream: AsyncIterator[Any], *, fails: bool) -> AsyncIterator[Any]:
        if fails:
            await self._plan.before()
        async for piece in stream:
            yield piece
            if fails:
                self._plan.after()
