"""An ASGI app in this process, called directly: no listeners, no sockets.

It runs on an event loop in a thread of its own; a request comes from any other thread, and both bodies stream.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import Any
from urllib.parse import unquote

from headwater.errors import HeadwaterError
from headwater.web.answers import App
from headwater.zone.transport import PIECE_BYTES, Reply

PIECES_AHEAD = 4
CUT_SECONDS_MAX = 5.0
_LOOPBACK = ("127.0.0.1", 0)

Opening = Callable[[], AbstractAsyncContextManager[tuple[App, str]]]
"""Opens an app, and gives it with the token that it is to be shown."""


class _Cut(Enum):
    """Stands in a body for the end of a line that was cut."""

    CUT = 0


class InProcessTransport:
    """Implements `Transport` over what `opening` opens, until `close`. Raises what that raises."""

    def __init__(self, name: str, opening: Opening) -> None:
        self.name = name
        self._opening = opening
        self._opened: Future[tuple[App, str]] = Future()
        self._loop = asyncio.new_event_loop()
        self._closing = asyncio.Event()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="headwater-zone", daemon=True)
        self._thread.start()
        self._app, self._token = self._opened.result()

    def request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | Iterable[bytes] | None = None
    ) -> Reply:
        """As `Transport.request`."""
        framing = {} if body is None or "content-length" in headers else {"transfer-encoding": "chunked"}
        exchange = _Exchange(self._loop, self._app, self._scope(method, target, {**headers, **framing}))
        return exchange.reply([body] if isinstance(body, bytes) else body or ())

    def close(self) -> None:
        """Ends what was opened, in order. Repeatable."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._closing.set)
            self._thread.join()

    # --- the loop's thread -------------------------------------------------------------------------------------------

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._live())

    async def _live(self) -> None:
        try:
            async with self._opening() as opened:
                self._opened.set_result(opened)
                await self._closing.wait()
                self._stopping.set()
        except BaseException as error:
            if self._opened.done():
                raise
            self._opened.set_exception(error)
            if not isinstance(error, HeadwaterError | OSError):
                raise

    def _scope(self, method: str, target: str, headers: Mapping[str, str]) -> dict[str, Any]:
        path, _, query = target.partition("?")
        pairs = {**headers, "authorization": f"Bearer {self._token}", "user-agent": "headwater"}
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": _LOOPBACK,
            "client": _LOOPBACK,
            "scheme": "http",
            "method": method,
            "root_path": "",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs.items()],
            "state": {"admin": True, "stopping": self._stopping, "certificate": None},
        }


class _Exchange:
    """One request and its answer: the caller's thread gives the body and takes the answer, the loop's runs the app."""

    def __init__(self, loop: asyncio.AbstractEventLoop, app: Any, scope: dict[str, Any]) -> None:
        self._loop = loop
        self._given: asyncio.Queue[bytes | _Cut | None] = asyncio.Queue(PIECES_AHEAD)
        self._head: Future[tuple[int, Mapping[str, str]]] = Future()
        self._answer: asyncio.Queue[bytes | None] = asyncio.Queue(PIECES_AHEAD)
        self._running = asyncio.run_coroutine_threadsafe(self._serve(app, scope), loop)

    # --- the caller's thread -----------------------------------------------------------------------------------------

    def reply(self, body: Iterable[bytes]) -> Reply:
        """Gives the body until it ends or is answered; returns when the head of the answer is there."""
        try:
            for piece in body:
                if not self._give(piece):
                    self._loop.call_soon_threadsafe(self._cut)
                    break
            else:
                self._give(None)
            return Reply(*self._head.result(), self._taken())
        except BaseException:  # the line is cut; what came is kept as evidence, and that is waited for
            self._loop.call_soon_threadsafe(self._cut)
            wait([self._running], CUT_SECONDS_MAX)
            self._running.cancel()
            raise

    def _give(self, piece: bytes | None) -> bool:
        """Hands a piece over; False when the answer came first."""
        putting = asyncio.run_coroutine_threadsafe(self._given.put(piece), self._loop)
        either: list[Future[Any]] = [putting, self._head]
        wait(either, return_when=FIRST_COMPLETED)
        if not putting.done():
            putting.cancel()
        return not self._head.done()

    def _taken(self) -> Iterator[bytes]:
        try:
            while (piece := asyncio.run_coroutine_threadsafe(self._answer.get(), self._loop).result()) is not None:
                yield piece
        finally:
            self._running.cancel()

    # --- the loop's thread -------------------------------------------------------------------------------------------

    async def _serve(self, app: Any, scope: dict[str, Any]) -> None:
        try:
            await app(scope, self._receive, self._send)
        except Exception as error:
            if not self._head.done():
                self._head.set_exception(error)
            raise
        finally:
            if not self._head.done():
                self._head.set_exception(RuntimeError("the request got no answer"))
        await self._answer.put(None)

    def _cut(self) -> None:
        while not self._given.empty():
            self._given.get_nowait()
        self._given.put_nowait(_Cut.CUT)

    async def _receive(self) -> dict[str, Any]:
        piece = await self._given.get()
        if isinstance(piece, _Cut):
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            headers = {name.decode().lower(): value.decode("latin-1") for name, value in message["headers"]}
            self._head.set_result((message["status"], headers))
        elif body := message.get("body"):
            for at in range(0, len(body), PIECE_BYTES):
                await self._answer.put(body[at : at + PIECE_BYTES])
