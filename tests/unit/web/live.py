"""A world behind a server in a thread with uvloop, as in production, so that a test can be a plain client."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec
import uvloop

from headwater.doors.http.door import ROUTES, HttpDoor
from headwater.web.app import Web
from headwater.web.server import Listener, Server
from headwater.web.tls import ServerTls
from tests.unit.web.world import World

T = TypeVar("T")


class Answered(msgspec.Struct):
    """An answer as a client saw it."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Live:
    """A world behind a server. Calls are blocking; `run` does something in the server's loop."""

    def __init__(
        self,
        folder: Path,
        *,
        tls: ServerTls | None = None,
        trusted_proxies: Sequence[str] = (),
        admin_apart: bool = False,
        loop_factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop,
        **world: Any,
    ) -> None:
        settings = {**world.pop("settings", {}), "admin_apart": admin_apart}
        self.world = World(folder, settings=settings, **world)
        self._tls = tls
        self._trusted_proxies = trusted_proxies
        self._listeners = [_bound()] + ([_bound()] if admin_apart else [])
        self._factory = loop_factory
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._main)
        self._stop: asyncio.Event
        self._failed: BaseException | None = None
        self.port, *rest = [bound.getsockname()[1] for bound in self._listeners]
        self.admin_port: int = rest[0] if rest else self.port
        self.cut = -1

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        if self._failed:
            raise self._failed
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        if self._failed:
            raise self._failed

    def _main(self) -> None:
        try:
            with asyncio.Runner(loop_factory=self._factory) as runner:
                runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001  (raised again in the test's thread)
            self._failed = error
        self._started.set()

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        await self.world.start()
        web = Web(self.world.services, HttpDoor(self.world.services), ROUTES)
        self.server = Server(web, self.world.services, trusted_proxies=self._trusted_proxies)
        apart = len(self._listeners) > 1
        await self.server.start(
            [Listener(bound, self._tls, admin=not apart or number == 1) for number, bound in enumerate(self._listeners)]
        )
        self._started.set()
        await self._stop.wait()
        self.cut = await self.server.stop(2.0)
        await self.world.stop()

    def run(self, work: Callable[[], Awaitable[T]]) -> T:
        async def awaited() -> T:
            return await work()

        return asyncio.run_coroutine_threadsafe(awaited(), self.loop).result(30)

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def auth(self, name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.world.tokens[name]}"}

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        who: str | None = "acme",
        headers: Mapping[str, str] = {},
        port: int | None = None,
        context: ssl.SSLContext | None = None,
    ) -> Answered:
        """One request on a connection of its own."""
        connection: http.client.HTTPConnection
        if context is None:
            connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=30)
        else:
            connection = http.client.HTTPSConnection("127.0.0.1", port or self.port, timeout=30, context=context)
        every = {**(self.auth(who) if who else {}), **headers}
        if isinstance(body, dict):
            body = json.dumps(body)
            every = {"Content-Type": "application/json", **every}
        connection.request(method, path, body, every)
        answer = connection.getresponse()
        found = Answered(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        connection.close()
        return found

    def raw(self, *pieces: bytes, seconds: float = 10.0) -> bytes:
        """What comes back for these bytes, sent piece by piece, until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            with contextlib.suppress(ConnectionError):  # it may have answered, and closed, already
                for piece in pieces:
                    connection.sendall(piece)
            return until_closed(connection)

    def head(self, method: str, path: str, *fields: str, who: str | None = "acme") -> bytes:
        """A request's head."""
        lines = [f"{method} {path} HTTP/1.1", "Host: x", *fields]
        if who:
            lines.append(f"Authorization: Bearer {self.world.tokens[who]}")
        return "\r\n".join([*lines, "", ""]).encode()


def until_closed(connection: socket.socket) -> bytes:
    """All that comes until the other end closes."""
    came = b""
    while True:
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            return came
        if not piece:
            return came
        came += piece


def _bound() -> socket.socket:
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    return bound
