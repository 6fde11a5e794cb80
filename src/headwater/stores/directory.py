"""A zone in a directory: objects are files of the same relative path, create-only, read-only once they stand.

One process writes (`durable_fs.lock`); any number may read beside it. Linux.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import islice
from pathlib import Path

from headwater.errors import Refused, Unavailable
from headwater.ports.store import Staging, Stored
from headwater.stores.directory_create import Creates
from headwater.stores.directory_staging import DirectoryStaging, UploadFolder
from headwater.stores.durable_fs import PIECE_BYTES, Disk, object_facts
from headwater.stores.threads import Threads
from headwater.terms import Digests, Id, Key, Time

_LISTED_TOGETHER = 1000
_NO_OBJECTS = frozenset(("incoming", "lock"))


class DirectoryStore:
    """`ObjectReader`, `ObjectCreator` and `Intake` of the zone at `root`, which must be there.

    `threads` is how many reads and writes wait for the disk at a time; creates have two of their own."""

    create_bytes_max = 1 << 20

    def __init__(self, root: str | Path, threads: int = 16) -> None:
        self.disk = Disk(root)
        self._threads = Threads(threads, "headwater-disk")
        self._creates = Creates(self.disk)

    def close(self) -> None:
        """Lets the threads end; nothing may be under way."""
        self._threads.close()
        self._creates.close()

    async def head(self, key: Key) -> Stored | None:
        """As `ObjectReader.head`; knows no checksum and no version."""
        return await self._threads.run(self._head, key)

    async def read(
        self, key: Key, *, version: str | None = None, offset: int = 0, size_bytes: int | None = None
    ) -> AsyncIterator[bytes]:
        """As `ObjectReader.read`. A small object is one hop."""
        if version is not None:
            raise Refused("not_found", f"There is no version {version!r} of {key}: this zone keeps none.")
        async for piece in self._pieces(self.disk.path(key), key, offset, size_bytes):
            yield piece

    async def list(self, prefix: str, *, after: str = "") -> AsyncIterator[Stored]:
        """As `ObjectReader.list`; the names of one folder are held in memory."""
        walk = self._walk(prefix, after)
        while some := await self._threads.run(self._next, walk):
            for stored in some:
                yield stored

    async def create(self, key: Key, body: Sequence[bytes], digests: Digests) -> Stored:
        """As `ObjectCreator.create`; Damaged when the body is not what its digests say."""
        return await self._creates.create(key, body, digests)

    async def begin(self, upload: Id, key: Key, size_bytes: int | None) -> Staging:
        """As `Intake.begin`. Raises Unavailable("full") when a declared size has no room now."""
        if size_bytes is not None:
            await self._threads.run(self._expect_room, size_bytes)
        return DirectoryStaging(self.disk, self._threads, upload, key)

    async def resume(self, upload: Id, key: Key) -> Staging:
        """As `Intake.resume`."""
        staging = DirectoryStaging(self.disk, self._threads, upload, key)
        await self._threads.run(staging.resume)
        return staging

    async def read_back(self, upload: Id, key: Key) -> AsyncIterator[bytes]:
        """As `Intake.read_back`."""
        folder = UploadFolder(self.disk, upload)
        size_bytes = await self._threads.run(folder.parked_bytes)
        if size_bytes:
            async for piece in self._pieces(folder.data, key, 0, size_bytes):
                yield piece
