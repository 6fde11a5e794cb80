"""Accepting connections here rather than in the event loop: so that a proxy's preamble is read, and a connection is
counted and maybe turned away, before any protocol begins.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from headwater.logs import note
from headwater.web.preamble import NONE, PREAMBLE_BYTES_MAX, read_preamble

T = TypeVar("T")
log = logging.getLogger("headwater.web")

BACKLOG: Final = 1024
_ACCEPTED_AT_ONCE: Final = 64
_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Acceptor(Generic[T]):
    """Accepts on bound sockets, each with a `T` that says what holds for who comes there.

    `arrive` gets each connection in a task of its own, with the address of its other end; the socket is then its own to
    close.
    """

    def __init__(self, arrive: Callable[[T, socket.socket, str], Awaitable[None]]) -> None:
        self._arrive = arrive
        self._sockets: list[socket.socket] = []
        self._stopped = False
        self.arriving: set[asyncio.Task[None]] = set()

    def start(self, bound: socket.socket, holds: T) -> None:
        """Begins to accept. The socket is the acceptor's from now on."""
        bound.setblocking(False)  # noqa: FBT003
        bound.listen(BACKLOG)
        self._sockets.append(bound)
        self._listen(bound, holds)

    def stop(self) -> None:
        """Accepts no more; who is just arriving is turned away."""
        self._stopped = True
        for task in self.arriving:
            task.cancel()
        loop = asyncio.get_running_loop()
        for bound in self._sockets:
            loop.remove_reader(bound)
            bound.close()
        self._sockets.clear()

    def _listen(self, bound: socket.socket, holds: T) -> None:
        if not self._stopped:
            asyncio.get_running_loop().add_reader(bound, self._accept, bound, holds)

    def _accept(self, bound: socket.socket, holds: T) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                accepted, address = bound.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    raise
                note(log, "no_room_to_accept", level=logging.ERROR, error=error.strerror)
                loop.remove_reader(bound)
                loop.call_later(1.0, self._listen, bound, holds)
                return
            accepted.setblocking(False)  # noqa: FBT003
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = loop.create_task(self._arrived(holds, accepted, address[0]))
            self.arriving.add(task)
            task.add_done_callback(self.arriving.discard)

    async def _arrived(self, holds: T, accepted: socket.socket, address: str) -> None:
        await self._arrive(holds, accepted, address)


async def past_preamble(accepted: socket.socket) -> str | None:
    """Takes the PROXY preamble off a connection and returns the address in it; None where there is none."""
    while True:
        await _readable(accepted)
        data = accepted.recv(PREAMBLE_BYTES_MAX, socket.MSG_PEEK)
        preamble = read_preamble(data) if data else NONE
        if preamble is not None:
            if preamble.size_bytes:
                accepted.recv(preamble.size_bytes)
            return preamble.address
        await asyncio.sleep(0.01)  # a part of it came and stays unread: the socket is readable all the time


async def _readable(waited_for: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    came = asyncio.Event()
    loop.add_reader(waited_for, came.set)
    try:
        await came.wait()
    finally:
        loop.remove_reader(waited_for)
