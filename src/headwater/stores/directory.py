"""A zone in a directory: objects are files of the same relative path, create-only, read-only once they stand.

One process writes (`durable_fs.lock`); any number may read beside it. Linux.
"""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from weakref import WeakValueDictionary

from headwater.errors import Refused, Unavailable
from headwater.ports.store import Staging, Stored
from headwater.stores.directory_create import Creates
from headwater.stores.directory_staging import DirectoryStaging, Hold, UploadFolder
from headwater.stores.durable_fs import NO_OBJECT, PIECE_BYTES, Disk, object_facts
from headwater.stores.threads import Threads
from headwater.terms import Digests, Id, Key, Time

_LISTED_TOGETHER = 1000
_NO_OBJECTS = frozenset(("incoming/", "lock"))


class DirectoryStore:
    """`ObjectReader`, `ObjectCreator` and `Intake` of the zone at `root`, which must be there.

    `threads` is how many reads and writes wait for the disk at a time; creates have two of their own.
    """

    create_bytes_max = 1 << 20

    def __init__(self, root: str | Path, threads: int = 16) -> None:
        self.disk = Disk(root)
        self.threads = Threads(threads, "headwater-disk")
        self._creates = Creates(self.disk)
        self._holds: WeakValueDictionary[Id, Hold] = WeakValueDictionary()

    def close(self) -> None:
        """Lets the threads end; nothing may be under way."""
        self.threads.close()
        self._creates.close()
        self.disk.close()

    async def head(self, key: Key) -> Stored | None:
        """As `ObjectReader.head`; knows no checksum and no version."""
        return await self.threads.run(self._head, key)

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
        folder = prefix.rpartition("/")[0]
        if folder:
            self.disk.path(folder)
        walk = self._walk(f"{folder}/" if folder else "", prefix, after)
        while some := await self.threads.run(self._next, walk):
            for stored in some:
                yield stored

    async def create(self, key: Key, body: Sequence[bytes], digests: Digests) -> Stored:
        """As `ObjectCreator.create`; Damaged when the body is not what its digests say."""
        return await self._creates.create(key, body, digests)

    async def begin(self, upload: Id, key: Key, size_bytes: int | None) -> Staging:
        """As `Intake.begin`. Raises Unavailable("full") when a declared size has no room now."""
        if size_bytes is not None:
            await self.threads.run(self._expect_room, size_bytes)
        return self._staging(upload, key)

    async def resume(self, upload: Id, key: Key) -> Staging:
        """As `Intake.resume`."""
        staging = self._staging(upload, key)
        await self.threads.run(staging.resume)
        return staging

    async def read_back(self, upload: Id, key: Key) -> AsyncIterator[bytes]:
        """As `Intake.read_back`."""
        folder = UploadFolder(self.disk, upload)
        size_bytes = await self.threads.run(folder.parked_bytes)
        if size_bytes:
            async for piece in self._pieces(folder.data, key, 0, size_bytes):
                yield piece

    def _staging(self, upload: Id, key: Key) -> DirectoryStaging:
        hold = self._holds.setdefault(upload, Hold())
        return DirectoryStaging(self.disk, self.threads, hold, upload, key)

    async def _pieces(self, path: str, key: str, offset: int, size_bytes: int | None) -> AsyncIterator[bytes]:
        file = _Reading(self.disk, path, key, offset)
        try:
            piece = await self.threads.run(file.open, size_bytes)
            while piece:
                yield piece
                piece = await self.threads.run(file.next) if file.fd >= 0 else b""
        finally:
            file.close()

    def _head(self, key: Key) -> Stored | None:
        with self.disk:
            facts = object_facts(self.disk.path(key))
            return None if facts is None else _stored(key, facts)

    def _expect_room(self, size_bytes: int) -> None:
        with self.disk:
            free = os.statvfs(self.disk.root)
            if size_bytes > free.f_bavail * free.f_frsize:
                raise Unavailable(
                    "full", f"{size_bytes} bytes were declared; the landing zone's disk has not the room."
                )

    def _next(self, walk: Iterator[Stored]) -> Sequence[Stored]:
        with self.disk:
            return tuple(islice(walk, _LISTED_TOGETHER))

    def _walk(self, folder: str, prefix: str, after: str) -> Iterator[Stored]:
        """Objects in the order of their keys. A folder sorts as its name with the slash that its keys have there."""
        try:
            with os.scandir(f"{self.disk.root}/{folder}") as entries:
                inside = sorted(
                    f"{folder}{entry.name}/" if entry.is_dir(follow_symlinks=False) else f"{folder}{entry.name}"
                    for entry in entries
                )
        except (FileNotFoundError, NotADirectoryError):
            return
        for name in inside:
            if name in _NO_OBJECTS:
                continue
            if name.endswith("/"):
                wanted = name.startswith(prefix) or prefix.startswith(name)
                if wanted and (name > after or after.startswith(name)):
                    yield from self._walk(name, prefix, after)
            elif name.startswith(prefix) and name > after:
                facts = object_facts(f"{self.disk.root}/{name}")
                if facts is not None:
                    yield _stored(Key(name), facts)


class DirectoryEraser:
    """`ObjectEraser` of the zone of a store: a thing apart, so that who serves holds nothing that deletes."""

    def __init__(self, disk: Disk, threads: Threads) -> None:
        self._disk = disk
        self._threads = threads

    async def erase(self, key: Key) -> int:
        """As `ObjectEraser.erase`; 1 or 0."""
        return await self._threads.run(self._erase, key)

    def _erase(self, key: Key) -> int:
        with self._disk:
            path = self._disk.path(key)
            there = object_facts(path) is not None
            if there:
                Path(path).unlink(missing_ok=True)
            with suppress(FileNotFoundError, NotADirectoryError):  # no folder, nothing to make known
                self._disk.sync_folder(key.rpartition("/")[0])  # also when it is gone: who removed it may have died
            return int(there)


class _Reading:
    """A file being read from an offset; closed as soon as its last piece is taken."""

    def __init__(self, disk: Disk, path: str, key: str, offset: int) -> None:
        self._disk = disk
        self._path = path
        self._key = key
        self._offset = offset
        self._end = 0
        self.fd = -1

    def open(self, size_bytes: int | None) -> bytes:
        """The first piece, so that a small object takes one hop."""
        with self._disk:
            try:
                self.fd = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # a FIFO must not hold us
            except OSError as error:
                if error.errno not in NO_OBJECT:
                    raise
                raise _not_found(self._key) from None
            facts = os.fstat(self.fd)
            if not stat.S_ISREG(facts.st_mode):
                raise _not_found(self._key)
            self._end = facts.st_size if size_bytes is None else min(facts.st_size, self._offset + size_bytes)
            return self.next()

    def next(self) -> bytes:
        """The next piece; empty at the end."""
        with self._disk:
            piece = b""
            if self._offset < self._end:
                piece = os.pread(self.fd, min(PIECE_BYTES, self._end - self._offset), self._offset)
                if not piece:
                    raise Unavailable("store_unavailable", f"{self._key} ends at byte {self._offset} of {self._end}.")
            self._offset += len(piece)
            if self._offset >= self._end:
                self.close()
            return piece

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def _stored(key: Key, facts: os.stat_result) -> Stored:
    return Stored(key, facts.st_size, modified_at=Time(facts.st_mtime_ns // 1000))


def _not_found(key: str) -> Refused:
    return Refused("not_found", f"There is no object {key}.")
