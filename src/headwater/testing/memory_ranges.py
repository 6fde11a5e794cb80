"""Ranges over bytes in memory, in pieces as small as a test wants, which may break off at a place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from headwater.ports.ranges import PIECE_BYTES, Broken


class MemoryRanges:
    """A `ports.ranges.Ranges`. With `breaks_at` nothing beyond that offset can be had; `reads` counts the requests."""

    def __init__(self, data: bytes, *, piece_bytes: int = PIECE_BYTES, breaks_at: int | None = None) -> None:
        self._data = data
        self._piece_bytes = piece_bytes
        self._breaks_at = breaks_at
        self.reads = 0

    @property
    def size_bytes(self) -> int | None:
        """All of them; None where the end cannot be reached."""
        return len(self._data) if self._breaks_at is None else None

    @property
    def path(self) -> Path | None:
        """None."""
        return None

    def read(self, offset: int, size_bytes: int) -> bytes:
        """A slice."""
        self.reads += 1
        end = offset + size_bytes
        if self._breaks_at is not None and min(end, len(self._data)) > self._breaks_at:
            raise self._broken(self._breaks_at)
        return self._data[offset:end]

    def stream(self, offset: int = 0) -> Iterator[bytes]:
        """Slices."""
        self.reads += 1
        end = len(self._data) if self._breaks_at is None else self._breaks_at
        for start in range(offset, end, self._piece_bytes):
            yield self._data[start : min(start + self._piece_bytes, end)]
        if self._breaks_at is not None:
            raise self._broken(self._breaks_at)

    @staticmethod
    def _broken(offset: int) -> Broken:
        return Broken(f"What holds these bytes is cut at {offset}.", offset, is_cut=True)
