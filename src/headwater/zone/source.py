"""What is to be landed: a file, bytes, or a stream, with what can be declared of it beforehand."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self, runtime_checkable

from headwater.errors import Refused
from headwater.terms import shown
from headwater.zone.transport import PIECE_BYTES

WHOLE_BYTES_MAX = 1024 * 1024
"""A file up to this size is read once."""


@runtime_checkable
class Readable(Protocol):
    """A binary file object, as far as it is needed."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""
        ...


class Source:
    """Bytes under a name. `size_bytes` and `sha256` are declared where they are known before the bytes are sent."""

    def __init__(self, name: str, size_bytes: int | None = None, sha256: str | None = None) -> None:
        self.name = name
        self.size_bytes = size_bytes
        self.sha256 = sha256

    def pieces(self) -> Iterator[bytes]:
        """The bytes, in order. Raises OSError, and Refused("changed_while_read") before the last of them."""
        raise NotImplementedError

    def headers(self) -> dict[str, str]:
        """What is declared: Content-Length, and Content-Digest (RFC 9530)."""
        declared = {}
        if self.size_bytes is not None:
            declared["content-length"] = str(self.size_bytes)
        if self.sha256 is not None:
            declared["content-digest"] = f"sha-256=:{base64.b64encode(bytes.fromhex(self.sha256)).decode()}:"
        return declared

    def close(self) -> None:
        """Gives what was opened here back."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class FileSource(Source):
    """A regular file. It is read twice, first for its digest: the receipt then says `proven`, and a change shows."""

    def __init__(self, path: Path, name: str | None = None) -> None:
        self._path = path
        self._file = path.open("rb")
        self._facts = os.fstat(self._file.fileno())
        if not stat.S_ISREG(self._facts.st_mode):
            self._file.close()
            raise Refused("bad_request", f"{shown(str(path))} is no regular file. To land a stream, pipe it into `-`.")
        digest = hashlib.sha256()
        self._whole: list[bytes] = []
        for piece in self._read():
            digest.update(piece)
            if self._facts.st_size <= WHOLE_BYTES_MAX:
                self._whole.append(piece)
        super().__init__(path.name if name is None else name, self._facts.st_size, digest.hexdigest())

    def pieces(self) -> Iterator[bytes]:
        """As `Source.pieces`; the last piece goes out only if nothing changed since the file was opened."""
        held: bytes | None = None
        for piece in self._whole or self._read():
            if held is not None:
                yield held
            held = piece
        if _version(os.fstat(self._file.fileno())) != _version(self._facts):
            raise Refused(
                "changed_while_read", f"{shown(str(self._path))} changed while it was read; it is not landed."
            )
        if held is not None:
            yield held

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _read(self) -> Iterator[bytes]:
        self._file.seek(0)
        while piece := self._file.read(PIECE_BYTES):
            yield piece


class BytesSource(Source):
    """Bytes in memory."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(name, len(data), hashlib.sha256(data).hexdigest())
        self._data = data

    def pieces(self) -> Iterator[bytes]:
        """As `Source.pieces`."""
        view = memoryview(self._data)
        for at in range(0, len(view), PIECE_BYTES):
            yield bytes(view[at : at + PIECE_BYTES])


class StreamSource(Source):
    """A stream of unknown length: its end is not proof that all of it came, and the receipt says `presumed`."""

    def __init__(self, stream: Readable, name: str) -> None:
        super().__init__(name)
        self._stream = stream

    def pieces(self) -> Iterator[bytes]:
        """As `Source.pieces`."""
        while piece := self._stream.read(PIECE_BYTES):
            yield piece


def source_of(what: str | Path | bytes | bytearray | memoryview | BinaryIO | Any, name: str | None = None) -> Source:
    """A path, bytes (which need a name), or a binary file object. Raises OSError, Refused("bad_name"), TypeError."""
    if isinstance(what, str | os.PathLike):
        return FileSource(Path(what), name)
    if isinstance(what, bytes | bytearray | memoryview):
        return BytesSource(bytes(what), _named(name))
    if isinstance(what, Readable):
        own = getattr(what, "name", None)
        return StreamSource(what, _named(name or (Path(own).name if isinstance(own, str) else None)))
    raise TypeError(f"cannot land a {type(what).__name__}: give a path, bytes, or a binary file object")


def _named(name: str | None) -> str:
    if not name:
        raise Refused("bad_name", "What has no name of its own needs one: name='sales.csv'.")
    return name


def _version(facts: os.stat_result) -> tuple[int, int, int]:
    return facts.st_size, facts.st_mtime_ns, facts.st_ino
