"""Large uploads into a directory: a file in `incoming/` that gets its name in the zone when it is whole.

`incoming/<upload>/` holds `data`, an empty `parked-<size>` for the size that was made durable, and an empty `boot-<id>`
for each boot of the machine that wrote: a name is the smallest durable fact. They decide what a resumed upload may
trust: after the death of a process alone every byte that it wrote; after that of the machine only what was parked, for
a kernel writes dirty pages in any order, and a longer file may have holes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from headwater.errors import Damaged, Refused
from headwater.ports.store import KeyTaken, Stored
from headwater.stores.durable_fs import (
    FOLDER_MODE,
    OBJECT_MODE,
    Disk,
    is_same,
    object_facts,
    start_writeback,
    write_all,
)
from headwater.stores.threads import Threads
from headwater.terms import Digests, Id, Key

_STAGING_MODE = 0o640
_WRITEBACK_BYTES = 8 * 1024 * 1024
_PARKED = "parked-"
_UPLOAD = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,63}")


class UploadFolder:
    """`incoming/<upload>`, its file and its markers. Every method blocks."""

    def __init__(self, disk: Disk, upload: Id) -> None:
        if not _UPLOAD.fullmatch(upload):
            raise Refused("bad_name", f"{upload!r} is not the id of an upload.")
        self._disk = disk
        self.name = f"incoming/{upload}"
        self.path = disk.path(self.name)
        self.data = f"{self.path}/data"

    def make(self) -> int:
        """A descriptor of the new, empty data file. Raises Refused("exists") if there is one."""
        self._disk.make_folder("incoming")
        try:
            os.mkdir(self.path, FOLDER_MODE)  # noqa: PTH102
        except FileExistsError:
            if object_facts(self.data) is None:
                self._clear()
        self.mark_boot()
        try:
            return os.open(self.data, os.O_CREAT | os.O_EXCL | os.O_RDWR, _STAGING_MODE)
        except FileExistsError:
            raise Refused("exists", f"{self.name} was begun before; resume it.") from None

    def open(self) -> int:
        """A descriptor of the data file that was made before."""
        os.chmod(self.data, _STAGING_MODE)  # noqa: PTH101 - a commit may have come as far as closing it to writers
        return os.open(self.data, os.O_RDWR | os.O_NOFOLLOW)

    def mark_boot(self) -> None:
        """Notes that this boot of the machine writes here."""
        self._mark(_boot())

    def mark_parked(self, size_bytes: int) -> None:
        """Notes, durably, that so many bytes are durable."""
        self._mark(f"{_PARKED}{size_bytes}")
        self._disk.sync_folder(self.name)
        self._disk.sync_folder("incoming")
        for name in self._markers():
            if name.startswith(_PARKED) and name != f"{_PARKED}{size_bytes}":
                os.unlink(f"{self.path}/{name}")  # noqa: PTH108

    def parked_bytes(self) -> int:
        """How many bytes are durable."""
        sizes = [int(name.removeprefix(_PARKED)) for name in self._markers() if name.startswith(_PARKED)]
        return max(sizes, default=0)

    def same_boot(self) -> bool:
        """Whether the machine did not stop since the bytes were written."""
        return _boot() in self._markers()

    def remove(self) -> None:
        """Forgets all of it, as far as that can be done."""
        with suppress(OSError):
            os.unlink(self.data)  # noqa: PTH108
            self._clear()
            os.rmdir(self.path)  # noqa: PTH106

    def _mark(self, name: str) -> None:
        os.close(os.open(f"{self.path}/{name}", os.O_CREAT | os.O_WRONLY, OBJECT_MODE))

    def _markers(self) -> list[str]:
        try:
            return os.listdir(self.path)  # noqa: PTH208
        except FileNotFoundError:
            return []

    def _clear(self) -> None:
        for name in self._markers():
            os.unlink(f"{self.path}/{name}")  # noqa: PTH108


def _boot() -> str:
    return f"boot-{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}"  # random(4)


class Hold:
    """Who holds an upload: the last to resume it. An earlier holder, however slow, cannot touch the file any more, and
    the lock makes a new one wait for what it has under way.
    """

    def __init__(self) -> None:
        self.lock = Lock()
        self.holder: object = None


class DirectoryStaging:
    """`Staging` in a directory. Has its file open only between a write and the next park, commit or abandon."""

    def __init__(self, disk: Disk, threads: Threads, hold: Hold, upload: Id, key: Key) -> None:
        self._disk = disk
        self._threads = threads
        self._hold = hold
        self._token = object()
        if hold.holder is None:
            hold.holder = self._token
        self._upload = UploadFolder(disk, upload)
        self._key = key
        self._object = disk.path(key)
        self._fd = -1
        self._begun = False  # there is a data file
        self._sealed = False  # it has a name in the zone
        self._size_bytes = 0
        self._writing_bytes = 0  # up to where the kernel was told to write

    @property
    def size_bytes(self) -> int:
        """As `Staging.size_bytes`."""
        return self._size_bytes

    async def write(self, pieces: Sequence[bytes]) -> None:
        """As `Staging.write`."""
        await self._threads.run(self._write, pieces)

    async def park(self) -> None:
        """As `Staging.park`."""
        await self._threads.run(self._park)

    async def move(self, key: Key) -> bool:
        """As `Staging.move`; the file gets its name at the commit alone."""
        if self._sealed:
            return False
        self._key, self._object = key, self._disk.path(key)
        return True

    async def commit(self, digests: Digests | None) -> Stored:
        """As `Staging.commit`; Damaged when the size is another one. The checksum is not computed a second time: what
        was written are the very buffers that were hashed, and what the disk made of them the page cache cannot tell.
        """
        return await self._threads.run(self._commit, digests)

    async def abandon(self, held: Key | None) -> int:
        """As `Staging.abandon`; keeps the whole, which costs one link."""
        return await self._threads.run(self._abandon, held)

    def resume(self) -> None:
        """Takes the upload over, with what is left of it, if anything; blocking. What it has then is durable."""
        with self._hold.lock:
            self._hold.holder = self._token
        with self._held():
            facts = object_facts(self._upload.data)
            if facts is None:
                return
            self._begun = True
            self._size_bytes = facts.st_size
            self._sealed = facts.st_nlink > 1  # only the answer was lost
            if self._sealed:
                return
            parked = self._upload.parked_bytes()
            if facts.st_size < parked:
                raise Damaged(f"{self._upload.data} has {facts.st_size} bytes, but {parked} were made durable.")
            if not self._upload.same_boot():
                self._size_bytes = parked
            self._upload.mark_boot()
            self._opened()
            self._writing_bytes = self._size_bytes
            self._settle()

    def _opened(self) -> int:
        if self._fd < 0:
            if self._sealed:
                raise Refused("exists", f"The bytes of {self._upload.name} have their name; none can be added.")
            self._fd = self._upload.open() if self._begun else self._upload.make()
            self._begun = True
        return self._fd

    @contextmanager
    def _held(self) -> Iterator[None]:
        with self._hold.lock, self._disk:
            if self._hold.holder is not self._token:
                self._close()
                raise Refused("overtaken", f"{self._upload.name} has another holder.")
            yield

    def _write(self, pieces: Sequence[bytes]) -> None:
        with self._held():
            fd = self._opened()
            try:
                end = write_all(fd, pieces, self._size_bytes)
            except OSError:
                with suppress(OSError):  # give back what a part of a piece took; park and commit see to it again
                    self._cut(fd)
                raise
            self._size_bytes = end
            if end - self._writing_bytes >= _WRITEBACK_BYTES:
                start_writeback(fd, self._writing_bytes, end - self._writing_bytes)
                self._writing_bytes = end

    def _park(self) -> None:
        with self._held():
            if self._fd >= 0:
                self._settle()

    def _settle(self) -> None:
        self._cut(self._fd)
        self._disk.sync_data(self._fd)
        self._upload.mark_parked(self._size_bytes)
        self._close()

    def _commit(self, digests: Digests | None) -> Stored:
        with self._held():
            if object_facts(self._object) is None:
                self._finish(digests)
            self._name(self._key, digests)
            size_bytes = os.lstat(self._object).st_size
            self._close()
            self._sealed = True
            self._upload.remove()
            return Stored(self._key, size_bytes, crc64nvme=digests.crc64nvme if digests else None)

    def _abandon(self, held: Key | None) -> int:
        with self._held():
            if held is not None and self._size_bytes and object_facts(self._upload.data) is not None:
                if not self._sealed:
                    self._finish(None)
                self._name(held, None)
            self._close()
            self._sealed = True
            self._upload.remove()
            facts = object_facts(self._disk.path(held)) if held is not None else None
            return facts.st_size if facts is not None else 0

    def _finish(self, digests: Digests | None) -> None:
        """Makes the data what the object will be: its size, its mode, durable."""
        fd = self._opened()
        if digests is not None and digests.size_bytes != self._size_bytes:
            raise Damaged(f"{self._upload.data} has {self._size_bytes} bytes, not {digests.size_bytes}.")
        self._cut(fd)
        os.fchmod(fd, OBJECT_MODE)
        self._disk.sync(fd)

    def _name(self, key: Key, digests: Digests | None) -> None:
        """Gives the data their name in the zone, durably; fine if they have it."""
        folder, _, name = key.rpartition("/")
        folder_fd = self._disk.open_folder(folder)
        try:
            try:
                os.link(self._upload.data, name, dst_dir_fd=folder_fd)
            except (FileExistsError, FileNotFoundError):
                if not self._is_ours(folder_fd, name, digests):
                    raise KeyTaken(key) from None
            self._disk.sync(folder_fd)
        finally:
            os.close(folder_fd)

    def _is_ours(self, folder_fd: int, name: str, digests: Digests | None) -> bool:
        there = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
        data = object_facts(self._upload.data)
        if data is not None and data.st_ino == there.st_ino:
            return True
        if digests is None:  # then only a commit that came as far as to remove the data can have made it
            return data is None
        return is_same(folder_fd, name, digests)

    def _cut(self, fd: int) -> None:
        if os.fstat(fd).st_size > self._size_bytes:
            os.ftruncate(fd, self._size_bytes)

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
