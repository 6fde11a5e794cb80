"""One HTTP/1.1 connection: uvicorn's own protocol, with what a door to strangers needs besides.

Proxies' headers, client certificates, bounds on the head, answers to broken framing as problems, and no switching to
another protocol.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from enum import Enum
from typing import Any, Final

import httptools
import msgspec
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from headwater.errors import Refused
from headwater.web.answers import Answer, problem
from headwater.web.forwarded import client_of

HEAD_BYTES_MAX: Final = 64 * 1024
"""The longest request line with its headers."""


class _Stage(Enum):
    BETWEEN = 0  # no byte of the next head has come
    HEAD = 1
    BODY = 2


class Arrival(msgspec.Struct, frozen=True):
    """What is known of a connection before it says anything. `secure`: TLS ends here, or in front of us as configured.
    `proxied`: its other end is a trusted proxy, so that headers say whom it speaks for.
    """

    address: str
    secure: bool
    proxied: bool
    admin: bool


class Connection(HttpToolsProtocol):
    """`head_since` is since when the next head is waited for; the server closes who takes too long."""

    cycle: RequestResponseCycle | None  # type: ignore[assignment]  # uvicorn says it is always there; it is not

    def __init__(
        self,
        config: Config,
        state: ServerState,
        arrival: Arrival,
        trusts: Callable[[str], bool],
        leave: Callable[[], None],
        stopping: asyncio.Event,
    ) -> None:
        super().__init__(config, state, {"admin": arrival.admin, "stopping": stopping}, asyncio.get_running_loop())
        self.access_log = False
        self.head_since: float | None = self.loop.time()
        self._arrival = arrival
        self._trusts = trusts
        self._leave = leave
        self._stage = _Stage.BETWEEN
        self._head_bytes = 0
        self._muted = False
        self._upgrading = False
        self._broken = False

    # --- the connection ----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Notes who is there."""
        super().connection_made(transport)
        self.client = (self._arrival.address, self.client[1] if self.client else 0)
        self.scheme = "https" if self._arrival.secure else "http"
        tls = transport.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True) if tls else None
        self.app_state["certificate"] = hashlib.sha256(certificate).hexdigest() if certificate else None

    def connection_lost(self, exc: Exception | None) -> None:
        """Gives the connection's place back."""
        self._leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parses; as uvicorn's, but for heads without end and for upgrades, which are ignored (RFC 9110 §7.8)."""
        if self._broken or self.transport.is_closing():
            return
        if self.head_since is None and (self.cycle is None or self.cycle.response_complete):
            self.head_since = self.loop.time()
        self._unset_keepalive_if_required()
        try:
            self._feed(data)
        except httptools.HttpParserError as error:
            self.send_400_response(f"This is not HTTP/1.1 as it must be: {error}.")
            return
        if self._stage is _Stage.HEAD:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self.send_400_response(f"The head of a request may have {HEAD_BYTES_MAX} bytes.")

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # The parser takes all that follows for another protocol: a new one goes on behind the same head
            framing = [(n, v) for n, v in self.headers if n in {b"content-length", b"transfer-encoding"}]
            head = b"PUT / HTTP/1.1\r\nhost: x\r\n" + b"".join(b"%s: %s\r\n" % field for field in framing) + b"\r\n"
            self._upgrading = False
            self.parser = httptools.HttpRequestParser(self)
            self._muted = True
            self.parser.feed_data(head)
            self._muted = False
            self._feed(data[upgrade.args[0] :])

    def send_400_response(self, msg: str) -> None:
        """What cannot be parsed ends the connection; but first every request that came before it gets its answer.

        A request whose body breaks is told by its scope's state `broken`, and ends with what was whole of it.
        """
        self._broken = True
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.keep_alive = False
            if cycle.more_body:
                cycle.scope["state"]["broken"] = msg
                cycle.more_body = False
                cycle.message_event.set()
        elif self._stage is _Stage.BODY:
            self.transport.close()
        else:
            answer = raw(problem(Refused("bad_request", msg), headers=((b"connection", b"close"),)))
            self.transport.write(answer)
            self.transport.close()

    # --- what the parser calls ---------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A new head begins."""
        if not self._muted:
            self._stage = _Stage.HEAD
            self._head_bytes = 0
            super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        if not self._muted:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head; those of a trailer are not merged into it (RFC 9110 §6.5.1)."""
        if self._stage is _Stage.HEAD and not self._muted:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole: the app begins."""
        if self._muted:
            return
        self._stage = _Stage.BODY
        self.head_since = None
        if self._arrival.proxied:
            self._believe_proxy()
        self._upgrading = self.parser.should_upgrade()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body. As uvicorn's, but a piece that waits alone is handed on as it is, not copied."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return
        waiting: bytes | bytearray = cycle.body
        if not waiting:
            waiting = body
        elif isinstance(waiting, bytearray):
            waiting += body
        else:
            waiting = bytearray(waiting) + body
        cycle.body = waiting  # type: ignore[assignment]  # bytes(…) of bytes, when it is received, is no copy either
        if len(waiting) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        """The body is whole, unless the parser only thinks that another protocol begins."""
        if not self._upgrading:
            self._stage = _Stage.BETWEEN
            super().on_message_complete()

    def _believe_proxy(self) -> None:
        address, scheme = client_of(dict(self.headers), self._trusts)
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        if address is not None:
            scope["client"] = (address, 0)
        if scheme in {"http", "https"}:
            scope["scheme"] = scheme


def raw(answer: Answer) -> bytes:
    """An answer as it goes over the wire, where there is no request that ASGI knows."""
    lines = [b"%s: %s\r\n" % field for field in answer.headers]
    return b"".join([STATUS_LINE[answer.status], *lines, b"\r\n", answer.body])
