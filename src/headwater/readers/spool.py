"""Bytes that no engine can open where they are, brought into a temporary file: an object of S3, what a compression or
an archive holds, text in an encoding that engines do not know.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from headwater.errors import Refused
from headwater.formats.budget import Budget
from headwater.ports.ranges import Broken, Ranges

SPOOL_BYTES_MAX: Final = 64 * 1024 * 1024 * 1024
"""How much one thing may take, unless the caller says otherwise."""


class Spooled(msgspec.Struct, frozen=True):
    """A file that holds what could be had. `broken` says where and why the rest could not."""

    path: Path
    size_bytes: int
    broken: Broken | None = None


def spool(
    contents: Ranges,
    path: Path,
    *,
    encoding: str | None = None,
    size_bytes_max: int = SPOOL_BYTES_MAX,
    budget: Budget | None = None,
) -> Spooled:
    """Writes the contents to a new file at `path`, in fixed memory; with `encoding` re-encoded from it to UTF-8.

    What cannot be decoded becomes U+FFFD, and a byte order mark is left out. It ends with the budget. Raises
    Refused("too_large") beyond `size_bytes_max`, Unavailable, OSError; the file is then gone.
    """
    pieces = _Pieces(contents.stream() if budget is None else budget.stream(contents))
    written = 0
    try:
        with path.open("xb") as file:
            for piece in pieces if encoding is None else recoded(pieces, encoding):
                written += len(piece)
                _check(written, size_bytes_max)
                file.write(piece)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Spooled(path, written, pieces.broken)


def _check(written: int, size_bytes_max: int) -> None:
    if written > size_bytes_max:
        raise Refused("too_large", f"It unpacks to more than the {size_bytes_max:,} bytes that may be spooled.")


def recoded(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The same text in UTF-8, without its byte order mark; what cannot be decoded becomes U+FFFD."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    is_first = True
    for piece in pieces:
        text = decoder.decode(piece)
        if is_first and text:
            text, is_first = text.removeprefix("\ufeff"), False
        yield text.encode(errors="replace")
    yield decoder.decode(b"", final=True).encode(errors="replace")


class _Pieces:
    """Pieces up to where the bytes break off, which is remembered."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.broken: Broken | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._pieces
        except Broken as broken:
            self.broken = broken
