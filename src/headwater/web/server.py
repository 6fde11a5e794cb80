"""Listening: sockets in, connections out. No signal handlers, no reload, no workers: those are the process's own.

Connections are accepted here rather than by the event loop, so that a proxy's preamble is read, and the connection
counted against its true address, before TLS or HTTP begin.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from email.utils import formatdate
from typing import Final

import msgspec
from uvicorn.config import Config
from uvicorn.server import ServerState

from headwater.errors import Misconfigured
from headwater.gate.addresses import networks, within
from headwater.gate.refusals import TryLater
from headwater.logs import note
from headwater.terms import Door
from headwater.web.accepting import Acceptor, past_preamble
from headwater.web.answers import App, problem
from headwater.web.protocol import Arrival, Connection, raw
from headwater.web.services import Services
from headwater.web.tls import ServerTls

log = logging.getLogger("headwater.web")

HEAD_SECONDS_MAX: Final = 30.0
"""How long a head, a preamble or a TLS handshake may take."""

KEEP_ALIVE_SECONDS: Final = 75


class Listener(msgspec.Struct, frozen=True):
    """A bound socket and what holds for who comes there. `upstream`: a proxy in front ends TLS. `admin`: operators'
    calls and /metrics answer here.
    """

    socket: socket.socket
    tls: ServerTls | None = None
    upstream: bool = False
    admin: bool = True


class Server:
    """Serves one ASGI app on bound sockets, from `start` to `stop`."""

    def __init__(self, app: App, services: Services, *, trusted_proxies: Sequence[str] = ()) -> None:
        self._config = Config(
            app,
            lifespan="off",
            ws="none",
            interface="asgi3",
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        self._limits = services.limits
        self._turned_away = services.turned_away
        self._watch = services.watch
        self._clock = services.clock
        self._trusted = networks(trusted_proxies)
        self._state = ServerState()
        self._listeners: list[Listener] = []
        self._acceptor = Acceptor(self._arrive)
        self._ticking: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._state.connections)

    async def start(self, listeners: Sequence[Listener]) -> None:
        """Begins to accept. The sockets belong to the server from now on."""
        self._config.load()
        self._tick()
        self._ticking = asyncio.create_task(self._tick_for_ever(), name="web ticks")
        for listener in listeners:
            self._listeners.append(listener)
            self._acceptor.start(listener.socket, listener)

    async def stop(self, grace_seconds: float) -> int:
        """Accepts no more, lets running requests end, and cuts what is left after the grace; returns how many."""
        self._stopping.set()
        self._acceptor.stop()
        self._listeners.clear()
        deadline = self._clock.monotonic() + grace_seconds
        while self._state.connections or self._state.tasks or self._acceptor.arriving:
            for connection in list(self._state.connections):
                connection.shutdown()
            if self._clock.monotonic() >= deadline:
                break
            await self._clock.sleep(0.02)
        cut = len(self._state.connections)
        for connection in list(self._state.connections):
            connection.transport.abort()
        left = [*self._acceptor.arriving, *self._state.tasks]
        if left:  # who is told that the line is cut ends by itself
            _, left_over = await asyncio.wait(left, timeout=1.0)
            for task in left_over:
                task.cancel()
        if self._ticking is not None:
            self._ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticking
        return cut

    # --- once a second -----------------------------------------------------------------------------------------------

    async def _tick_for_ever(self) -> None:
        while True:
            await self._clock.sleep(1.0)
            self._tick()

    def _tick(self) -> None:
        date = formatdate(self._clock.now() / 1_000_000, usegmt=True).encode()
        self._state.default_headers = [(b"date", date)]
        self._watch.tick()
        now = asyncio.get_running_loop().time()
        for connection in list(self._state.connections):
            since = connection.head_since if isinstance(connection, Connection) else None
            if since is not None and now - since > HEAD_SECONDS_MAX:
                connection.transport.close()
        for tls in {listener.tls for listener in self._listeners if listener.tls}:
            try:
                if tls.reload():
                    note(log, "tls_reloaded")
            except Misconfigured as error:
                note(log, "tls_not_reloaded", level=logging.ERROR, sentence=error.sentence)

    # --- accepting ---------------------------------------------------------------------------------------------------

    async def _arrive(self, listener: Listener, accepted: socket.socket, address: str) -> None:
        with ExitStack() as until_taken:
            until_taken.callback(accepted.close)
            proxied = within(address, self._trusted)
            try:
                if proxied:
                    async with asyncio.timeout(HEAD_SECONDS_MAX):
                        address = await past_preamble(accepted) or address
                place = until_taken.enter_context(ExitStack())
                place.enter_context(self._limits.connect(address))
                arrival = Arrival(address, listener.tls is not None or listener.upstream, proxied, listener.admin)
                await asyncio.get_running_loop().connect_accepted_socket(
                    lambda: Connection(self._config, self._state, arrival, self._trusts, place.close, self._stopping),
                    accepted,
                    ssl=listener.tls.context if listener.tls else None,
                    ssl_handshake_timeout=HEAD_SECONDS_MAX if listener.tls else None,
                )
                until_taken.pop_all()
            except TryLater as refusal:
                self._turned_away.count(Door.HTTP, refusal.reason, address=address)
                if listener.tls is None:
                    accepted.send(raw(problem(refusal, headers=((b"connection", b"close"),))))
            except (OSError, ValueError, TimeoutError) as error:
                note(log, "not_taken", level=logging.DEBUG, address=address, error=str(error))

    def _trusts(self, address: str) -> bool:
        return within(address, self._trusted)
