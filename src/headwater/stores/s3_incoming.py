"""What an unsealed upload keeps beside its multipart upload: `incoming/<upload>/` with its first bytes and its tail.

`first` is evidence: the first 64 KiB, written before the first part is sent, for parts cannot be read.
`tail-<number>-<offset>-<part size>` are the bytes from `offset` on that no part holds, written by `park`. The name says
all that resuming needs; the number makes it new. A tail stays until the next one stands or the upload has ended.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from typing import NamedTuple

from headwater.layout import incoming_prefix
from headwater.ports.store import KeyTaken
from headwater.stores.s3_calls import S3Calls
from headwater.stores.s3_objects import checksum, create, fetch, listing, read, remove
from headwater.terms import Id, Key

FIRST_BYTES = 64 * 1024
_TAIL = re.compile(r"tail-(\d+)-(\d+)-(\d+)")


class Tail(NamedTuple):
    """A tail as its name tells it; `part_bytes` is the size of parts that the upload was begun with."""

    number: int
    offset: int
    part_bytes: int
    size_bytes: int

    @property
    def end(self) -> int:
        """The offset behind its last byte."""
        return self.offset + self.size_bytes

    @property
    def file(self) -> str:
        """Its name in the upload's folder."""
        return f"tail-{self.number:06d}-{self.offset}-{self.part_bytes}"


class Incoming:
    """The objects of one upload."""

    def __init__(self, calls: S3Calls, upload: Id) -> None:
        self._calls = calls
        self._prefix = incoming_prefix(upload)
        self._files: set[str] = set()  # what may be there
        self._number = 0
        self.tail: Tail | None = None

    async def load(self, sent_bytes: int) -> None:
        """Finds what an earlier holder left; `sent_bytes` are in parts. The tail that reaches farthest is the newest:
        bytes are only ever added.
        """
        async for stored in listing(self._calls, self._prefix):
            file = stored.key.removeprefix(self._prefix)
            self._files.add(file)
            if found := _TAIL.fullmatch(file):
                tail = Tail(int(found[1]), int(found[2]), int(found[3]), stored.size_bytes)
                self._number = max(self._number, tail.number)
                reach = self.tail.end if self.tail else sent_bytes
                if tail.offset <= sent_bytes and tail.end > reach:
                    self.tail = tail

    async def put_tail(self, offset: int, part_bytes: int, pieces: Sequence[bytes | memoryview]) -> None:
        """Makes these bytes, which lie at `offset`, the tail. Raises Unavailable: the one before still stands then."""
        before = self.tail
        crc = await self._calls.threads.run(checksum, pieces)
        while True:
            self._number += 1
            tail = Tail(self._number, offset, part_bytes, sum(map(len, pieces)))
            self._files.add(tail.file)
            try:
                await create(self._calls, self._key(tail.file), pieces, crc)
                break
            except KeyTaken:  # an earlier holder, slow to die, has this number
                continue
        self.tail = tail
        if before is not None:
            await self._remove(before.file)

    def read_tail(self, offset: int, size_bytes: int | None = None) -> AsyncGenerator[bytes, None]:
        """The bytes of the tail from `offset` of the upload on."""
        tail = self.tail or Tail(0, 0, 0, 0)
        return read(self._calls, self._key(tail.file), offset=offset - tail.offset, size_bytes=size_bytes)

    async def put_first(self, piece: bytes) -> None:
        """Keeps the first bytes of an upload; an earlier holder's, if it did."""
        self._files.add("first")
        try:
            await create(self._calls, self._key("first"), [piece], checksum([piece]))
        except KeyTaken:
            return

    async def first(self) -> bytes:
        """The first bytes; empty if they are not kept."""
        found = await fetch(self._calls, self._key("first"))
        return b"" if found is None else found[0]

    async def clear(self) -> None:
        """Removes all of it. Raises Unavailable; repeatable."""
        for file in sorted(self._files):
            await self._remove(file)
        self.tail = None

    async def _remove(self, file: str) -> None:
        await remove(self._calls, self._key(file))
        self._files.discard(file)

    def _key(self, file: str) -> Key:
        return Key(f"{self._prefix}{file}")
