"""The bytes of a job, as the side that has them hands them to a worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self


class Bytes(Protocol):
    """The bytes of one job: a descriptor of a file that holds them and nothing else, or ranges of an object."""

    @property
    def fd(self) -> int | None:
        """The descriptor, if there is one; it stays its owner's."""
        ...

    def read(self, offset: int, size_bytes: int) -> Iterator[bytes]:
        """A range, in pieces of at most some MiB. Raises Unavailable, and Refused where there is nothing any more."""
        ...


class OpenFile:
    """The bytes of a job in a local file; a context manager."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self.size_bytes = os.fstat(self._fd).st_size

    @property
    def fd(self) -> int | None:
        """The descriptor."""
        return self._fd

    def read(self, offset: int, size_bytes: int) -> Iterator[bytes]:
        """A range."""
        yield os.pread(self._fd, size_bytes, offset)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)


def safe_name(name: str) -> str:
    """A file name for a folder of ours that ends as this one does."""
    last = name.rpartition("/")[2][-80:]
    return "file-" + "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in last)
