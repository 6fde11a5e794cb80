"""Frames on a socket between a worker and who started it: a kind, a length, bytes; and file descriptors beside them."""

from __future__ import annotations

import socket
import struct
from enum import IntEnum
from typing import Final

FRAME_BYTES_MAX: Final = 64 * 1024 * 1024
FDS_MAX: Final = 4

_HEAD: Final = struct.Struct("<BI")


class Kind(IntEnum):
    """What a frame holds."""

    READY = 1  # the worker can take jobs
    JOB = 2  # a job, with the descriptors of its socket and, perhaps, its file
    ENDED = 3  # how the child of a job ended
    RANGE = 4  # bytes that are asked for
    BYTES = 5  # some of them; none: that was all
    UNAVAILABLE = 6  # they cannot be had
    FINDING = 7  # what is found so far
    DONE = 8  # what was found is all
    TABLE = 9  # findings, to be made a Parquet file; and the bytes of one
    FAULT = 10  # a fault of the program, in words


class Broken(Exception):
    """The other side is gone, or says what it must not."""


def send(to: socket.socket, kind: Kind, body: bytes = b"", fds: tuple[int, ...] = ()) -> None:
    """Sends a frame. Raises Broken, TimeoutError."""
    data = _HEAD.pack(kind, len(body)) + body
    try:
        sent = socket.send_fds(to, [data], list(fds)) if fds else 0
        to.sendall(data[sent:])
    except TimeoutError:
        raise
    except OSError as error:
        raise Broken(str(error)) from error


def receive(of: socket.socket) -> tuple[Kind, bytes, tuple[int, ...]]:
    """The next frame. Raises Broken, also at the end; TimeoutError."""
    try:
        head, fds, _, _ = socket.recv_fds(of, _HEAD.size, FDS_MAX)
        head += _exactly(of, _HEAD.size - len(head)) if head else b""
        if not head:
            raise Broken("it is gone")
        kind, size_bytes = _HEAD.unpack(head)
        if size_bytes > FRAME_BYTES_MAX:
            raise Broken(f"a frame of {size_bytes} bytes is too large")
        return Kind(kind), _exactly(of, size_bytes), tuple(fds)
    except TimeoutError:
        raise
    except (OSError, ValueError) as error:
        raise Broken(str(error)) from error


def _exactly(of: socket.socket, size_bytes: int) -> bytes:
    data = bytearray()
    while len(data) < size_bytes:
        piece = of.recv(min(size_bytes - len(data), 1 << 20))
        if not piece:
            raise Broken("it is gone")
        data += piece
    return bytes(data)
