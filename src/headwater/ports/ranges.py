"""Bytes that are looked at: a local file, an object of the zone, what a compression or an archive holds.

One port for all of them, so that a parser is written once. It blocks: only inspector workers and commands use it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

PIECE_BYTES: Final = 1024 * 1024


class Broken(Exception):
    """The bytes cannot be had beyond `offset`: what holds them (gzip, zip …) is cut or damaged there.

    `sentence` says it to a person; `is_cut` tells an end that came too early from bytes that are wrong.
    """

    def __init__(self, sentence: str, offset: int, *, is_cut: bool) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.offset = offset
        self.is_cut = is_cut


class Ranges(Protocol):
    """The bytes of one thing, read by range or from an offset on, as often as one likes; they never change."""

    @property
    def size_bytes(self) -> int | None:
        """How many there are; None as long as nobody knows (a compressed stream that was not yet read to its end)."""
        ...

    @property
    def path(self) -> Path | None:
        """A local file that holds exactly these bytes, for engines that open files themselves; None without one."""
        ...

    def read(self, offset: int, size_bytes: int) -> bytes:
        """The bytes from `offset`, exactly `size_bytes` of them; fewer only where the end is.

        MUST be cheap on a file and on an object (one request); inside a compression it may have to unpack all before
        it. Raises Broken, Unavailable.
        """
        ...

    def stream(self, offset: int = 0) -> Iterator[bytes]:
        """The bytes from `offset` to the end, in pieces of at most 1 MiB, in fixed memory.

        MUST have given every byte that can be had before it raises Broken. Raises Unavailable.
        """
        ...
