"""Senders of small files over HTTP, in a process of their own: each sends its next file when the last was answered.

Cheap enough (15,000 a second and more against the sink, where wrk makes 20,000) not to be what is measured.
`bench/senders.py URL HEADER SENDERS SECONDS` prints how many files a second were answered with 201.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import uvloop
from serve_zone import FEED, Serving

BODY = os.urandom(10 * 1024)


def rate(server: Serving, senders: int, seconds: float) -> float:
    """Files a second by so many senders. Raises RuntimeError if one of them was not landed."""
    command = [sys.executable, __file__, server.url, str(server.header), str(senders), str(seconds)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


class Sender(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, head: bytes, until: float) -> None:
        self._head = head
        self._until = until
        self._names = count()
        self._answer = b""
        self.landed = 0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Sends the first."""
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Sends the next when an answer is whole."""
        self._answer += data
        head, end, body = self._answer.partition(b"\r\n\r\n")
        if not end:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        if not head.startswith(b"HTTP/1.1 201"):
            self.over.set_exception(RuntimeError(self._answer.decode()))
            return
        self.landed += 1
        self._answer = b""
        if time.monotonic() < self._until:
            self._send()
        else:
            self.over.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        """Nobody waits for an answer that cannot come."""
        if not self.over.done():
            self.over.set_exception(error or ConnectionError("cut"))

    def _send(self) -> None:
        name = b"%d-%d" % (id(self), next(self._names))
        self._transport.writelines((b"PUT ", FEED.encode(), b"/", name, self._head, BODY))  # type: ignore[attr-defined]


def head_of(url: str, header: Path, size_bytes: int) -> tuple[str, int, bytes]:
    """Host, port, and what follows the path of a PUT of so many bytes."""
    host, _, port = url.rpartition("/")[2].partition(":")
    fields = f"Host: {host}", header.read_text().strip(), f"Content-Length: {size_bytes}"
    return host, int(port), "\r\n".join((" HTTP/1.1", *fields, "\r\n")).encode()


async def send(host: str, port: int, head: bytes, senders: int, seconds: float) -> float:
    """Files a second."""
    began = time.monotonic()
    loop = asyncio.get_running_loop()
    opened = [await loop.create_connection(lambda: Sender(head, began + seconds), host, port) for _ in range(senders)]
    await asyncio.gather(*(sender.over for _, sender in opened))
    return sum(sender.landed for _, sender in opened) / (time.monotonic() - began)


if __name__ == "__main__":
    there = head_of(sys.argv[1], Path(sys.argv[2]), len(BODY))
    print(uvloop.run(send(*there, int(sys.argv[3]), float(sys.argv[4]))))
