"""The data in pg_dump's archives, entry by entry: blocks of a custom archive, members of a tar."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Protocol

from headwater.formats.budget import Budget
from headwater.formats.dumps.pg_toc import MAGIC, Entry, Toc, TocReader
from headwater.formats.layers import gzip, lz4, zstd
from headwater.formats.layers.pull import Pull
from headwater.formats.layers.tar_header import BLOCK_BYTES, header_of
from headwater.formats.layers.unpacked import FEED_BYTES, Trace
from headwater.ports.ranges import Broken, Ranges

_DATA_BLOCK: Final = 1
_BLOBS_BLOCK: Final = 3
_ZLIB_BITS: Final = 15
_BLOBS: Final = re.compile(r"blobs(_\d+)?\.toc")
_RECORD_BYTES: Final = 10_240
_UNPACK: Final[dict[str, Callable[[Pull, Trace], Iterator[bytes]]]] = {
    "gz": gzip.unpack,
    "lz4": lz4.unpack,
    "zst": zstd.unpack,
}

Part = tuple[Entry, Iterator[bytes]]


class Parts(Protocol):
    """An archive's table of contents, and its data in file order. All raise Broken.

    Attributes:
        toc: the table of contents.
        ended: whether the end was reached, and is as it should be.
    """

    toc: Toc
    ended: bool

    def parts(self) -> Iterator[Part]:
        """Each entry with its data. What was not taken of one is passed over before the next."""
        ...


class Counted:
    """The same bytes, read at the expense of a budget; they end where it does."""

    def __init__(self, ranges: Ranges, budget: Budget) -> None:
        self._ranges = ranges
        self._budget = budget
        self.size_bytes = ranges.size_bytes
        self.path: Path | None = None

    def read(self, offset: int, size_bytes: int) -> bytes:
        """A range."""
        return self._budget.read(self._ranges, offset, size_bytes)

    def stream(self, offset: int = 0) -> Iterator[bytes]:
        """All from an offset on."""
        return self._budget.stream(self._ranges, offset)


class Fed:
    """Bytes that come but once, as something a `Pull` can take them from."""

    size_bytes: int | None = None
    path: Path | None = None

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Nothing: they are not kept."""
        return b""[offset : offset + size_bytes]

    def stream(self, offset: int = 0) -> Iterator[bytes]:
        """All of them, once."""
        return self._pieces if offset == 0 else iter(())


class Custom:
    """A custom archive: after the table of contents, blocks of an entry's number and pieces with their lengths."""

    def __init__(self, ranges: Ranges, only: int | None = None) -> None:
        self._pull = Pull(ranges)
        self._reader = TocReader(self._pull)
        self.toc = self._reader.toc()
        self.ended = False
        entry = next((each for each in self.toc.entries if each.id == only), None)
        if entry is not None and entry.offset is not None and entry.offset > self._pull.position:
            self._pull = Pull(ranges, entry.offset)
            self._reader = TocReader(self._pull)
            self._reader.int_bytes = self.toc.int_bytes

    def parts(self) -> Iterator[Part]:
        """See `Parts`."""
        by_id = {entry.id: entry for entry in self.toc.entries}
        while mark := self._pull.some(1):
            number = self._reader.integer()
            entry = by_id.get(number)
            if mark[0] not in {_DATA_BLOCK, _BLOBS_BLOCK} or entry is None:
                raise self._reader.wrong("has something between its blocks that is no block")
            if mark[0] == _BLOBS_BLOCK:
                yield entry, iter(())
                while self._reader.integer():  # the number of a large object; 0 ends them
                    for _ in self._pieces(entry):
                        pass
                continue
            pieces = self._pieces(entry)
            yield entry, self._unpacked(pieces)
            for _ in pieces:
                pass
        self.ended = True

    def _pieces(self, entry: Entry) -> Iterator[bytes]:
        while (left := self._reader.integer()) != 0:
            if left < 0:
                raise self._reader.wrong(f"states a length below zero in the data of {entry.tag}")
            while left:
                data = self._pull.some(left)
                if not data:
                    sentence = f"The file ends inside the data of {entry.tag}."
                    raise Broken(sentence, self._pull.position, is_cut=True)
                left -= len(data)
                yield data

    def _unpacked(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        name = self.toc.compression
        if not name:
            return pieces
        pull = Pull(Fed(pieces))
        if name == "gzip":
            return gzip.inflated(pull, Trace(), _ZLIB_BITS, "zlib", "its checksum")
        return _UNPACK["zst" if name == "zstd" else name](pull, Trace())


class Tarred:
    """A tar of pg_dump, or of the files of its directory format."""

    def __init__(self, ranges: Ranges) -> None:
        self._ranges = ranges
        self.toc = self._find_toc()
        self.ended = False

    def parts(self) -> Iterator[Part]:
        """See `Parts`."""
        by_file = {entry.file: entry for entry in self.toc.entries if entry.file and entry.has_data}
        blobs = [entry for entry in self.toc.entries if entry.kind == "BLOBS" and entry.has_data]
        pull = Pull(self._ranges)
        for name, size_bytes in self._members(pull):
            stem, _, suffix = name.rpartition("/")[2].rpartition(".")
            file = stem if suffix in _UNPACK else f"{stem}.{suffix}"
            entry = by_file.get(file)
            if entry is None and blobs and _BLOBS.fullmatch(file):
                entry = blobs.pop()
            pieces = _member(pull, size_bytes, name)
            if entry is not None:
                is_table = entry.kind == "TABLE DATA"
                unpack = _UNPACK.get(suffix)
                unpacked = unpack(Pull(Fed(pieces)), Trace()) if unpack else pieces
                yield entry, unpacked if is_table else iter(())
            for _ in pieces:
                pass
            if pull.skip(-size_bytes % BLOCK_BYTES) < -size_bytes % BLOCK_BYTES:
                raise Broken(f"The tar ends right behind {name}, before its end mark.", pull.position, is_cut=True)

    def _members(self, pull: Pull) -> Iterator[tuple[str, int]]:
        """Name and size of each member; `pull` then stands on its data, and must stand behind them on return."""
        while True:
            block = pull.exactly(BLOCK_BYTES)
            header = header_of(block)
            if len(block) < BLOCK_BYTES:
                raise Broken("The tar ends before its end mark.", pull.position, is_cut=True)
            if block.count(0) == BLOCK_BYTES:
                self.ended = self._is_end(pull)
                return
            if header is None:
                raise Broken("A header of the tar is damaged.", pull.position, is_cut=False)
            yield header.name, header.size_bytes if header.kind == b"0" else 0

    @staticmethod
    def _is_end(pull: Pull) -> bool:
        """Behind the first block of zeros: whether one more follows, and nothing else but a full record's zeros."""
        size_bytes = 0
        while data := pull.some(FEED_BYTES):
            if data.count(0) != len(data):
                raise Broken("Behind the end mark of the tar stand other bytes.", pull.position, is_cut=False)
            size_bytes += len(data)
        if size_bytes < BLOCK_BYTES:
            raise Broken("The tar ends inside its end mark.", pull.position, is_cut=True)
        if size_bytes > BLOCK_BYTES and pull.position % _RECORD_BYTES:
            raise Broken("The zeros behind the end mark of the tar are cut.", pull.position, is_cut=True)
        return True

    def _find_toc(self) -> Toc:
        pull = Pull(self._ranges)
        for name, size_bytes in self._members(pull):
            if name.rpartition("/")[2] == "toc.dat":
                return TocReader(Pull(Fed(_member(pull, size_bytes, name)))).toc()
            if pull.skip(size_bytes + -size_bytes % BLOCK_BYTES) < size_bytes:
                break
        raise Broken("The table of contents of the dump is not in the tar.", pull.position, is_cut=True)


def _member(pull: Pull, size_bytes: int, name: str) -> Iterator[bytes]:
    left = size_bytes
    while left:
        data = pull.some(left)
        if not data:
            sentence = f"The tar ends after {size_bytes - left:,} of the {size_bytes:,} bytes of {name}."
            raise Broken(sentence, pull.position, is_cut=True)
        left -= len(data)
        yield data


def has_toc(head: bytes) -> bool:
    """Whether a tar that begins like this holds a dump: its table of contents is among the first members."""
    at = 0
    while at + BLOCK_BYTES <= len(head):
        header = header_of(head[at : at + BLOCK_BYTES])
        if header is None:
            return False
        at += BLOCK_BYTES
        if header.name.rpartition("/")[2] == "toc.dat":
            return head.startswith(MAGIC, at)
        size_bytes = header.size_bytes if header.kind == b"0" else 0
        at += size_bytes + -size_bytes % BLOCK_BYTES
    return False
