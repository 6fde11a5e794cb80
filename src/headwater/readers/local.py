"""A local file as Ranges."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from headwater.errors import Refused, Unavailable
from headwater.ports.ranges import PIECE_BYTES, Ranges
from headwater.terms import shown


class LocalFile:
    """Implements `ports.ranges.Ranges` over a regular file, by its path or an open descriptor; a context manager.

    It has the size that it had when it was opened: what is appended later is not seen. A descriptor that was handed in
    stays its owner's to close. Raises OSError on opening, Refused("bad_request") for what is no regular file, and
    Unavailable where the disk fails or the file became shorter.
    """

    def __init__(self, file: Path | int) -> None:
        self._owned = not isinstance(file, int)
        self._fd = file if isinstance(file, int) else os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        facts = os.fstat(self._fd)
        self._path = Path(f"/proc/self/fd/{file}") if isinstance(file, int) else file
        if not stat.S_ISREG(facts.st_mode):
            self.close()
            raise Refused("bad_request", f"{shown(str(file))} is no regular file.")
        self._size_bytes = facts.st_size

    @property
    def size_bytes(self) -> int:
        """The size that it had when it was opened."""
        return self._size_bytes

    @property
    def path(self) -> Path:
        """The path; of a descriptor, the name that this process can open it by again."""
        return self._path

    def read(self, offset: int, size_bytes: int) -> bytes:
        """As `Ranges.read`; one system call for each piece of up to 1 MiB or more."""
        wanted = max(0, min(size_bytes, self._size_bytes - offset))
        pieces: list[bytes] = []
        while wanted > 0:
            try:
                piece = os.pread(self._fd, wanted, offset)
            except OSError as error:
                raise Unavailable("store_unavailable", f"The file cannot be read: {error.strerror}.") from error
            if not piece:
                raise Unavailable("store_unavailable", "The file became shorter while it was read.")
            pieces.append(piece)
            offset += len(piece)
            wanted -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def stream(self, offset: int = 0) -> Iterator[bytes]:
        """As `Ranges.stream`."""
        while piece := self.read(offset, PIECE_BYTES):
            yield piece
            offset += len(piece)

    def close(self) -> None:
        """Closes what was opened here. Repeatable."""
        if self._owned and self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def borrowed(opens: Callable[[], Ranges]) -> Iterator[Ranges]:
    """Bytes for as long as they are read: a file is closed after that, so that thousands may be read one by one."""
    ranges = opens()
    try:
        yield ranges
    finally:
        if isinstance(ranges, LocalFile):
            ranges.close()
