"""Pages, b-trees and records of SQLite's database file, read with nothing believed.

Source: https://sqlite.org/fileformat2.html. Every offset is checked against its page, every page number against the
file, the depth of a tree and the number of its pages against what can be.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

import msgspec

from headwater.formats.budget import Budget
from headwater.formats.dumps.sqlite_records import Damaged, varint
from headwater.ports.ranges import Ranges

MAGIC: Final = b"SQLite format 3\0"
HEADER_BYTES: Final = 100
ENCODINGS: Final = {0: "utf-8", 1: "utf-8", 2: "utf-16-le", 3: "utf-16-be"}

_BLOCK_BYTES: Final = 1024 * 1024
_BLOCKS_MAX: Final = 32
_DEPTH_MAX: Final = 40
_PAYLOAD_BYTES_MAX: Final = 16 * 1024 * 1024
_PAGE_BYTES_MIN: Final = 512
_TABLE_LEAF: Final = 13
_TABLE_INNER: Final = 5
_INDEX_LEAF: Final = 10
_INDEX_INNER: Final = 2


class Header(msgspec.Struct, frozen=True):
    """The first 100 bytes (§1.3). `pages` is None where the file does not vouch for its own count."""

    page_bytes: int
    usable_bytes: int
    is_wal: bool
    pages: int | None
    free_pages: int
    encoding: str
    version: str


class Cell(msgspec.Struct, frozen=True):
    """A row as it lies in its page: its number, and its record with what overflowed."""

    row_id: int
    payload: bytes
    is_cut: bool = False  # longer than what is looked into


def header_of(data: bytes) -> Header | None:
    """What the first bytes say; None where they are of no database."""
    if len(data) < HEADER_BYTES or not data.startswith(MAGIC):
        return None
    page_bytes = int.from_bytes(data[16:18], "big")
    page_bytes = 65_536 if page_bytes == 1 else page_bytes
    usable_bytes = page_bytes - data[20]
    if page_bytes < _PAGE_BYTES_MIN or page_bytes & (page_bytes - 1) or usable_bytes < _PAGE_BYTES_MIN - 32:
        return None
    pages = _number(data, 28)
    vouched = pages > 0 and _number(data, 24) == _number(data, 92)
    made = _number(data, 96)
    return Header(
        page_bytes,
        usable_bytes,
        data[18] == 2 or data[19] == 2,  # noqa: PLR2004 – the mark of a write-ahead log
        pages if vouched else None,
        _number(data, 36),
        ENCODINGS.get(_number(data, 56), "utf-8"),
        f"{made // 1_000_000}.{made // 1000 % 1000}.{made % 1000}" if made else "",
    )


class Pages:
    """Pages by number, of a file that may be shorter than it says. Raises Damaged, and as `Ranges`."""

    def __init__(self, ranges: Ranges, budget: Budget, header: Header, size_bytes: int) -> None:
        self._ranges = ranges
        self._budget = budget
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self.header = header
        self.count = size_bytes // header.page_bytes

    def page(self, number: int) -> bytes:
        """The bytes of a page."""
        size = self.header.page_bytes
        if not 1 <= number <= self.count:
            raise Damaged(f"Page {number:,} is not in the file, which has {self.count:,} pages.", number)
        offset = (number - 1) * size
        block = self._block(offset // _BLOCK_BYTES)
        start = offset % _BLOCK_BYTES
        return block[start : start + size]

    def has_budget(self) -> bool:
        """Whether more may be read."""
        return self._budget.has()

    def _block(self, number: int) -> bytes:
        block = self._blocks.get(number)
        if block is None:
            block = self._budget.read(self._ranges, number * _BLOCK_BYTES, _BLOCK_BYTES)
            self._blocks[number] = block
            if len(self._blocks) > _BLOCKS_MAX:
                self._blocks.popitem(last=False)
        else:
            self._blocks.move_to_end(number)
        return block


class Tree:
    """A b-tree of rows: of a table, or of a table WITHOUT ROWID, whose rows lie in inner pages too.

    Attributes:
        is_done: whether the last walk came to the end; not where the budget ended before.
    """

    def __init__(self, pages: Pages, root: int) -> None:
        self._pages = pages
        self._root = root
        self._overflown = 0
        self.is_done = False

    def count(self) -> int:
        """How many rows it has."""
        total = 0
        for data, start, kind, _ in self._leaves_and_rows():
            total += 1 if kind == _INDEX_INNER else int.from_bytes(data[start + 3 : start + 5], "big")
        return total

    def cells(self) -> Iterator[Cell]:
        """Its rows in their order."""
        for data, start, kind, at in self._leaves_and_rows():
            if kind == _INDEX_INNER:
                yield self._cell(data, at + 4, is_table=False)
                continue
            for pointer in _pointers(data, start, 8):
                yield self._cell(data, pointer, is_table=kind == _TABLE_LEAF)

    def _leaves_and_rows(self) -> Iterator[tuple[bytes, int, int, int]]:
        """Each leaf, and each row of an inner page of an index, in order: page, start of its header, kind, row."""
        self.is_done = False
        self._overflown = 0
        visited = 0
        stack: list[Iterator[tuple[bytes, int, int, int] | int]] = [iter([self._root])]
        while stack:
            each = next(stack[-1], None)
            if each is None:
                stack.pop()
            elif isinstance(each, tuple):
                yield each
            else:
                visited += 1
                if visited > self._pages.count or len(stack) > _DEPTH_MAX:
                    raise Damaged(f"The pages of a table run in a circle, at page {each:,}.", each)
                if not self._pages.has_budget():
                    return
                leaf = self._open(each, stack)
                if leaf is not None:
                    yield leaf
        self.is_done = True

    def _open(
        self, number: int, stack: list[Iterator[tuple[bytes, int, int, int] | int]]
    ) -> tuple[bytes, int, int, int] | None:
        data = self._pages.page(number)
        start = HEADER_BYTES if number == 1 else 0
        kind = data[start]
        if kind in {_TABLE_LEAF, _INDEX_LEAF}:
            _check_count(data, start, 8, number)
            return data, start, kind, 0
        if kind not in {_TABLE_INNER, _INDEX_INNER}:
            raise Damaged(f"Page {number:,} should hold rows of a table, and does not.", number)
        _check_count(data, start, 12, number)
        stack.append(_children(data, start, kind))
        return None

    def _cell(self, data: bytes, at: int, *, is_table: bool) -> Cell:
        size_bytes, at = varint(data, at)
        row_id = 0
        if is_table:
            row_id, at = varint(data, at)
            row_id = row_id - (1 << 64) if row_id >= 1 << 63 else row_id
        local = self._local_bytes(size_bytes, is_table=is_table)
        payload = data[at : at + local]
        if len(payload) < local:
            raise Damaged("A row reaches beyond its page.", 0)
        if size_bytes == local:
            return Cell(row_id, payload)
        wanted = min(size_bytes, _PAYLOAD_BYTES_MAX)
        next_page = int.from_bytes(data[at + local : at + local + 4], "big")
        return Cell(row_id, self._overflow(payload, wanted, next_page), is_cut=wanted < size_bytes)

    def _local_bytes(self, size_bytes: int, *, is_table: bool) -> int:
        """How much of a record lies in the page itself (§1.6)."""
        usable = self._pages.header.usable_bytes
        most = usable - 35 if is_table else (usable - 12) * 64 // 255 - 23
        if size_bytes <= most:
            return size_bytes
        least = (usable - 12) * 32 // 255 - 23
        local = least + (size_bytes - least) % (usable - 4)
        return local if local <= most else least

    def _overflow(self, payload: bytes, wanted: int, number: int) -> bytes:
        parts = [payload]
        seen: set[int] = set()
        left = wanted - len(payload)
        usable = self._pages.header.usable_bytes
        while left > 0:
            self._overflown += 1
            if self._overflown > self._pages.count or number in seen:
                raise Damaged(f"The pages of a long row run in a circle, at page {number:,}.", number)
            seen.add(number)
            data = self._pages.page(number)
            part = data[4 : min(usable, 4 + left)]
            parts.append(part)
            left -= len(part)
            number = int.from_bytes(data[:4], "big")
        return b"".join(parts)


def _check_count(data: bytes, start: int, header_bytes: int, number: int) -> None:
    count = int.from_bytes(data[start + 3 : start + 5], "big")
    if start + header_bytes + 2 * count > len(data):
        raise Damaged(f"Page {number:,} states more rows than can be in it.", number)


def _pointers(data: bytes, start: int, header_bytes: int) -> tuple[int, ...]:
    count = int.from_bytes(data[start + 3 : start + 5], "big")
    return struct.unpack_from(f">{count}H", data, start + header_bytes)


def _children(data: bytes, start: int, kind: int) -> Iterator[tuple[bytes, int, int, int] | int]:
    """The pages below an inner page, and between them the rows that an index has in it."""
    for pointer in _pointers(data, start, 12):
        if pointer + 4 > len(data):
            raise Damaged("An inner page points beyond itself.", 0)
        yield int.from_bytes(data[pointer : pointer + 4], "big")
        if kind == _INDEX_INNER:
            yield data, start, kind, pointer
    yield int.from_bytes(data[start + 8 : start + 12], "big")


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")
