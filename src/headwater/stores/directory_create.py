"""Small whole objects into a directory: what waits is created as one batch.

The order within a batch: all bytes, all data syncs (several at once), all links, then one sync a folder. Two batches
run at a time: while one waits for the disk the other is filled. Alone, a create is a batch of one, at the cost of its
system calls and one hop. (A thread for each create costs more time in Python, which the rest of a landing is short of.)
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from headwater.errors import Damaged
from headwater.ports.store import KeyTaken, Stored
from headwater.stores.durable_fs import Disk, NewFile, checksum, is_same, start_writeback, write_all
from headwater.stores.threads import Threads
from headwater.terms import Digests, Key

_BATCHES = 2
_BATCH_FILES_MAX = 64
_BATCH_BYTES_MAX = 8 * 1024 * 1024


class Creation:
    """One object to be created; once `create_all` is through it stands durably, or `failure` says why not."""

    def __init__(self, key: str, body: Sequence[bytes], digests: Digests) -> None:
        self.key = key
        self.body = body
        self.digests = digests
        self.folder, _, self.name = key.rpartition("/")
        self.failure: Exception | None = None


def create_all(disk: Disk, creations: Sequence[Creation]) -> None:
    """Creates these objects, durably, each only if nothing has its name, and only if its body is what its digests say.

    Blocking. Failures: KeyTaken when another object is there (the same one is fine), Damaged when a body is not the one
    that was received or a sync failed, Unavailable, Refused("bad_name").
    """
    batch = _Batch(disk, together=len(creations) > 1)
    try:
        for creation in creations:
            _attempt(disk, batch.write, creation)
        disk.at_once(partial(_attempt, disk, batch.sync), creations)
        for step in (batch.link, batch.sync_folder):
            for creation in creations:
                _attempt(disk, step, creation)
    finally:
        batch.close()


def _attempt(disk: Disk, step: Callable[[Creation], None], creation: Creation) -> None:
    if creation.failure is None:
        try:
            with disk:
                step(creation)
        except Exception as error:  # noqa: BLE001 - one create's failure is not that of the batch
            creation.failure = error


class _Batch:
    """The files and folders that are open while a batch is on its way; its methods are the steps of each create."""

    def __init__(self, disk: Disk, *, together: bool) -> None:
        self._disk = disk
        self._together = together
        self._files: dict[Creation, NewFile] = {}
        self._folders: dict[str, int] = {}
        self._synced: set[str] = set()

    def write(self, creation: Creation) -> None:
        self._disk.path(creation.key)
        size_bytes = sum(map(len, creation.body))
        if (size_bytes, checksum(creation.body)) != (creation.digests.size_bytes, creation.digests.crc64nvme):
            raise Damaged(f"The bytes for {creation.key} are not those that were received.")
        if creation.folder not in self._folders:
            self._folders[creation.folder] = self._disk.open_folder(creation.folder)
        file = self._files[creation] = self._disk.new_file(self._folders[creation.folder])
        write_all(file.fd, creation.body, 0)
        if self._together:
            start_writeback(file.fd, 0, size_bytes)  # of all of them, before the first sync waits

    def sync(self, creation: Creation) -> None:
        self._disk.sync_data(self._files[creation].fd)

    def link(self, creation: Creation) -> None:
        folder_fd = self._folders[creation.folder]
        try:
            self._files[creation].link(folder_fd, creation.name)
        except FileExistsError:
            if not is_same(folder_fd, creation.name, creation.digests):
                raise KeyTaken(creation.key) from None

    def sync_folder(self, creation: Creation) -> None:
        if creation.folder not in self._synced:
            self._disk.sync(self._folders[creation.folder])
            self._synced.add(creation.folder)

    def close(self) -> None:
        for file in self._files.values():
            file.discard()
        for fd in self._folders.values():
            os.close(fd)


class Creates:
    """The queue of creates of one disk."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._threads = Threads(_BATCHES, "headwater-create")
        self._queue: deque[tuple[Creation, asyncio.Future[None]]] = deque()
        self._running = 0

    async def create(self, key: Key, body: Sequence[bytes], digests: Digests) -> Stored:
        """As `ObjectCreator.create`; Damaged when the body is not what its digests say."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((Creation(key, body, digests), done))
        if self._running < _BATCHES:
            self._start()
        await done
        return Stored(key, digests.size_bytes, crc64nvme=digests.crc64nvme)

    def close(self) -> None:
        """Lets the threads end."""
        self._threads.close()

    def _start(self) -> None:
        self._running += 1
        self._threads.start(self._create_next).add_done_callback(self._settle)

    def _create_next(self) -> list[tuple[Creation, asyncio.Future[None]]]:
        batch: list[tuple[Creation, asyncio.Future[None]]] = []
        room_bytes = _BATCH_BYTES_MAX
        while self._queue and len(batch) < _BATCH_FILES_MAX and room_bytes > 0:
            try:
                batch.append(self._queue.popleft())
            except IndexError:  # the other batch was quicker
                break
            room_bytes -= batch[-1][0].digests.size_bytes
        create_all(self._disk, [creation for creation, _ in batch])
        return batch

    def _settle(self, ended: asyncio.Future[list[tuple[Creation, asyncio.Future[None]]]]) -> None:
        self._running -= 1
        for creation, done in ended.result():
            if done.done():  # its caller was cancelled
                continue
            if creation.failure is None:
                done.set_result(None)
            else:
                done.set_exception(creation.failure)
        if self._queue:
            self._start()
