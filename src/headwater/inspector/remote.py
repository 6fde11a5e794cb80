"""Bytes that the worker cannot reach itself: it asks who started it for ranges of the one object that it looks at."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from headwater.errors import Unavailable
from headwater.inspector import frames
from headwater.inspector.frames import Kind
from headwater.inspector.job import PIECE_BYTES, Range

WHOLE_BYTES_MAX: Final = 1024 * 1024
"""An object up to this size is asked for once, and kept."""

KEPT_BYTES_MAX: Final = 64 * 1024
"""The last two reads up to this size are kept: both ends are looked at to recognise a file, and then to describe it."""

STREAM_BYTES_MIN: Final = 1024 * 1024
STREAM_BYTES_MAX: Final = 32 * 1024 * 1024
"""A stream asks for more and more at once: little is fetched in vain where it soon ends, and requests stay few."""


class Remote:
    """Implements `ports.ranges.Ranges` over a socket."""

    def __init__(self, asking: socket.socket, size_bytes: int) -> None:
        self._socket = asking
        self._size_bytes = size_bytes
        self._whole: bytes | None = None
        self._kept: tuple[tuple[int, bytes], ...] = ()

    @property
    def size_bytes(self) -> int:
        """As the receipt says."""
        return self._size_bytes

    @property
    def path(self) -> Path | None:
        """None: it lies elsewhere."""
        return None

    def read(self, offset: int, size_bytes: int) -> bytes:
        """As `Ranges.read`: at most one request."""
        size_bytes = max(0, min(size_bytes, self._size_bytes - offset))
        if self._size_bytes <= WHOLE_BYTES_MAX:
            if self._whole is None:
                self._whole = b"".join(self._ask(0, self._size_bytes))
            return self._whole[offset : offset + size_bytes]
        for start, kept in self._kept:
            if start <= offset and offset + size_bytes <= start + len(kept):
                return kept[offset - start : offset - start + size_bytes]
        data = b"".join(self._ask(offset, size_bytes))
        if size_bytes <= KEPT_BYTES_MAX:
            self._kept = (*self._kept[-1:], (offset, data))
        return data

    def stream(self, offset: int = 0) -> Iterator[bytes]:
        """As `Ranges.stream`."""
        window_bytes = STREAM_BYTES_MIN
        while offset < self._size_bytes:
            if self._size_bytes <= WHOLE_BYTES_MAX:
                yield self.read(offset, self._size_bytes)
                return
            pieces = self._ask(offset, min(window_bytes, self._size_bytes - offset))
            offset += sum(len(piece) for piece in pieces)
            yield from pieces
            window_bytes = min(2 * window_bytes, STREAM_BYTES_MAX)

    def _ask(self, offset: int, size_bytes: int) -> list[bytes]:
        """All pieces of a range: they are taken before they are given, so that no two readers meet on the socket."""
        if not size_bytes:
            return []
        frames.send(self._socket, Kind.RANGE, msgspec.msgpack.encode(Range(offset, size_bytes)))
        pieces = []
        left = size_bytes
        while True:
            kind, data, _ = frames.receive(self._socket)
            if kind is Kind.UNAVAILABLE:
                raise Unavailable("store_unavailable", data.decode())
            if not data:
                break
            pieces.append(data)
            left -= len(data)
        if left:
            raise Unavailable("store_unavailable", f"The object ends {left:,} bytes before the receipt says.")
        return [piece for whole in pieces for piece in _cut(whole)]


def _cut(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), PIECE_BYTES):
        yield data[start : start + PIECE_BYTES]
