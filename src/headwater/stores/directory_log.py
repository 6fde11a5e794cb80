"""The log of a directory zone: its head as a row of frames, its other files create-only.

`ledger/<log>/head` is frames (ledger/head.py) and zeros behind them: room taken beforehand, so that a commit neither
waits for the file system to find room nor finds that there is none. A commit writes one frame over the zeros and syncs.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from headwater.errors import Damaged, Misconfigured
from headwater.ledger.head import Head, Torn, decode_frames, encode_frame
from headwater.ports.ledger import HeadTag, Overtaken, Unclear
from headwater.ports.store import KeyTaken
from headwater.stores.directory_create import Creation, create_all
from headwater.stores.durable_fs import Disk, checksum, write_all
from headwater.stores.threads import Threads
from headwater.stores.zone_lock import ZoneLock
from headwater.terms import Digests

_HEAD_MODE = 0o640
_ONLY_READ = "only read"
_ROOM_BYTES = 4 * 1024 * 1024


class DirectoryHead:
    """`HeadStore` of one log. Without the zone's lock it only reads.

    What `load` returns to the holder of the lock was written anew and synced first: a frame that an earlier process
    could write but not sync is in the page cache, and must be on the disk before anybody believes in it. For the same
    reason a commit whose sync failed is Unclear once, and everything afterwards Damaged: only a new process may look.
    """

    lease_seconds: float | None = None

    def __init__(self, disk: Disk, log: str, lock: ZoneLock | None = None) -> None:
        self._disk = disk
        self._folder = f"ledger/{log}"
        self._path = disk.path(f"{self._folder}/head")
        self._lock = lock
        self._threads = Threads(1, "headwater-head")
        self._fd = -1
        self._end_bytes = 0  # of the frames in the file behind `_fd`
        self._file = ""  # a name for it that no other file had
        self._room_bytes = 0  # how large it is, zeros and all
        self._known: HeadTag | None = None  # certainly stored, durably

    def close(self) -> None:
        """Gives the file and the thread back; nothing may be under way."""
        self._threads.close()
        self._forget()

    async def load(self) -> HeadTag | None:
        """As `HeadStore.load`."""
        return await self._threads.run(self._load)

    async def found(self, head: Head) -> HeadTag:
        """As `HeadStore.found`. Raises Unavailable("full") when there is no room for a head."""
        return await self._threads.run(self._found, head)

    async def commit(self, head: Head, after: HeadTag) -> HeadTag:
        """As `HeadStore.commit`. Every 4 MiB the frames are replaced by one, in a new file under the same name."""
        return await self._threads.run(self._commit, head, after)

    def _load(self) -> HeadTag | None:
        with self._disk:
            if self._known is not None and self._is_writer():
                return self._known
            try:
                data = Path(self._path).read_bytes()
            except FileNotFoundError:
                return None
            head = self._decoded(data)
            if self._lock is None or not self._lock.held:
                return HeadTag(head, _ONLY_READ)
            return self._replace(head, os.replace)

    def _decoded(self, data: bytes) -> Head:
        try:
            return decode_frames(data)
        except Torn as torn:  # at the zeros, or at a frame that a kill or a crash cut off: nobody was told of it
            if torn.head is None:
                raise Damaged(f"{self._path} does not begin with a whole frame.") from torn
            return torn.head
        except (ValueError, msgspec.MsgspecError) as error:
            raise Damaged(f"{self._path} contradicts itself: {error}.") from error

    def _found(self, head: Head) -> HeadTag:
        with self._disk:
            try:
                return self._replace(head, os.link)
            except FileExistsError:
                raise Overtaken from None

    def _commit(self, head: Head, after: HeadTag) -> HeadTag:
        with self._disk:
            if self._known is not None and (after.tag != self._known.tag or not self._is_writer()):
                raise Overtaken
            self._expect_lock()
            if self._known is None:
                raise Unclear("the last commit's end is unknown, or the head was never loaded")
            frame = encode_frame(head, after.head.size)
            try:
                if self._end_bytes + len(frame) > self._room_bytes:
                    return self._replace(head, os.replace)
                end = write_all(self._fd, [frame], self._end_bytes)
                self._disk.sync_data(self._fd)
            except (OSError, Damaged) as error:
                self._forget()
                raise Unclear(str(error)) from error
            self._end_bytes = end
            return self._tagged(head)

    def _replace(self, head: Head, publish: Callable[[str, str], None]) -> HeadTag:
        """Writes the head into a new file as one frame, and gives it the name; durable."""
        lock = self._expect_lock()
        folder_fd = self._disk.open_folder(self._folder)
        fd, path = self._disk.temporary(_HEAD_MODE)
        try:
            end = write_all(fd, [encode_frame(head, head.tiled)], 0)
            room = max(_ROOM_BYTES, 2 * end)
            os.posix_fallocate(fd, 0, room)
            self._disk.sync(fd)
            publish(path, self._path)
            self._disk.sync(folder_fd)
        except BaseException:
            os.close(fd)
            raise
        finally:
            os.close(folder_fd)
            with suppress(FileNotFoundError):
                os.unlink(path)  # noqa: PTH108
        self._forget()
        self._fd, self._end_bytes, self._room_bytes = fd, end, room
        self._file = secrets.token_hex(4)
        lock.hold_for(self._path, self)
        return self._tagged(head)

    def _tagged(self, head: Head) -> HeadTag:
        self._known = HeadTag(head, f"{self._file}/{self._end_bytes}")
        return self._known

    def _forget(self) -> None:
        self._known = None
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _is_writer(self) -> bool:
        return self._lock is not None and self._lock.is_held_for(self._path, self)

    def _expect_lock(self) -> ZoneLock:
        if self._lock is None or not self._lock.held:
            raise Misconfigured(f"This process does not hold the lock of {self._disk.root}.", "in_use")
        return self._lock


class DirectoryLedgerFiles:
    """`LedgerFiles` of a directory zone."""

    def __init__(self, disk: Disk, threads: Threads) -> None:
        self._disk = disk
        self._threads = threads

    async def read(self, path: str) -> bytes | None:
        """As `LedgerFiles.read`."""
        return await self._threads.run(self._read, path)

    async def create(self, files: Sequence[tuple[str, bytes]]) -> None:
        """As `LedgerFiles.create`; one sync a folder."""
        await self._threads.run(self._create, files)

    async def publish(self, path: str, data: bytes) -> None:
        """As `LedgerFiles.publish`; ValueError for anything but a `checkpoint`."""
        if path.rpartition("/")[2] != "checkpoint":
            raise ValueError(f"{path} is not a checkpoint: it is created once and never replaced")
        await self._threads.run(self._publish, path, data)

    async def prune(self, paths: Sequence[str]) -> None:
        """As `LedgerFiles.prune`; not synced: what a crash brings back is pruned again."""
        for path in paths:
            if ".p/" not in path:
                raise ValueError(f"{path} is not a partial tile")
        await self._threads.run(self._prune, paths)

    def _read(self, path: str) -> bytes | None:
        with self._disk:
            try:
                return Path(self._disk.path(path)).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def _create(self, files: Sequence[tuple[str, bytes]]) -> None:
        creations = [Creation(path, [data], Digests(len(data), "", checksum([data]))) for path, data in files]
        create_all(self._disk, creations)
        failures = [creation.failure for creation in creations if creation.failure is not None]
        for failure in failures:
            if isinstance(failure, KeyTaken):
                raise Damaged(f"{failure} stands with other bytes than the log has.") from failure
        for failure in failures:
            raise failure

    def _publish(self, path: str, data: bytes) -> None:
        with self._disk:
            target = self._disk.path(path)
            folder_fd = self._disk.open_folder(path.rpartition("/")[0])
            fd, temporary = self._disk.temporary()
            try:
                write_all(fd, [data], 0)
                self._disk.sync(fd)
                os.replace(temporary, target)  # noqa: PTH105
                self._disk.sync(folder_fd)
            finally:
                os.close(fd)
                os.close(folder_fd)
                with suppress(FileNotFoundError):
                    os.unlink(temporary)  # noqa: PTH108

    def _prune(self, paths: Sequence[str]) -> None:
        with self._disk:
            for path in paths:
                file = Path(self._disk.path(path))
                file.unlink(missing_ok=True)
                with suppress(OSError):  # another partial one lies beside it
                    file.parent.rmdir()
