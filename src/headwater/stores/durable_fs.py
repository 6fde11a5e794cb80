"""The few things a directory zone asks of a file system, each durable when it returns.

The rules: data are synced before a name is given to them, the folder is synced after; a folder's own name is synced in
its parent; and a sync that failed is never tried again, for the kernel has forgotten by then what it could not write.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from awscrt.checksums import crc64nvme

from headwater.errors import Damaged, Refused, Unavailable
from headwater.terms import Digests

OBJECT_MODE = 0o440
FOLDER_MODE = 0o750
PIECE_BYTES = 1 << 20
_IOV_MAX = 1024
NO_OBJECT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)  # nothing that could be one has this name
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FOLDERS_KNOWN_MAX = 4096
_SYNCS_MAX = 8
_UNFIT = frozenset(("", ".", ".."))

T = TypeVar("T")


def unavailable(error: OSError) -> Unavailable:
    """The failure that an OSError means to a caller: `full` when there is no room, else `store_unavailable`."""
    reason = "full" if error.errno in _FULL else "store_unavailable"
    return Unavailable(reason, f"The landing zone's disk says: {error.strerror or error}.")


class Disk:
    """A folder on a disk, and what this process knows about it. Every method blocks; call them in a thread.

    Methods raise OSError, which `with disk:` turns into Unavailable, and Damaged for ever after the first failed sync:
    the process must stop, and the next one reads what is really there.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = str(Path(root).absolute())
        self._broken = ""
        self._unnamed = True
        self._durable: set[str] = set()
        self._syncs = ThreadPoolExecutor(_SYNCS_MAX, "headwater-sync")

    def __enter__(self) -> None:
        if self._broken:
            raise Damaged(self._broken)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, OSError):
            raise unavailable(error) from error

    def close(self) -> None:
        """Ends its threads; nothing may be under way."""
        self._syncs.shutdown()

    def at_once(self, work: Callable[[T], None], items: Sequence[T]) -> None:
        """Calls `work`, which raises nothing, for each item, several at a time: syncs that wait together share what
        the disk does for them. On a busy disk that is ten times the rate of one after the other.
        """
        parts = [items[n::_SYNCS_MAX] for n in range(min(_SYNCS_MAX, len(items)))]
        others = [self._syncs.submit(_each, work, part) for part in parts[1:]]
        for part in parts[:1]:
            _each(work, part)
        for other in others:
            other.result()

    def path(self, key: str) -> str:
        """The path of a key. Raises Refused("bad_name") for one that is absolute or has empty, `.` or `..` parts."""
        parts = key.split("/")
        if not _UNFIT.isdisjoint(parts) or "\0" in key:
            raise Refused("bad_name", f"{key!r} is not a key of this zone.")
        return f"{self.root}/{key}"

    def sync(self, fd: int) -> None:
        """Makes a file with all its facts, or a folder with its names, durable."""
        self._sync(os.fsync, fd)

    def sync_data(self, fd: int) -> None:
        """Makes a file's bytes and length durable."""
        self._sync(os.fdatasync, fd)

    def sync_folder(self, folder: str) -> None:
        """Makes the names in a folder of the zone durable; `""` is the root."""
        fd = os.open(f"{self.root}/{folder}", os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.sync(fd)
        finally:
            os.close(fd)

    def open_folder(self, folder: str) -> int:
        """A descriptor of a folder of the zone that stands durably; made where it is missing."""
        for again in (False, True):
            self.make_folder(folder)
            try:
                return os.open(f"{self.root}/{folder}", os.O_RDONLY | os.O_DIRECTORY)
            except FileNotFoundError:  # somebody removed it since we made it
                if again:
                    raise
                self._durable.clear()
        raise AssertionError

    def make_folder(self, folder: str) -> None:
        """Makes a folder and those above it, durably. The root must be there.

        A folder that stands is trusted only after this process has synced its parent: whoever made it may have been
        killed before that.
        """
        if folder in self._durable or not folder:
            return
        parent = folder.rpartition("/")[0]
        self.make_folder(parent)
        with suppress(FileExistsError):
            os.mkdir(f"{self.root}/{folder}", FOLDER_MODE)  # noqa: PTH102 - the hot path has no use for a Path
        self.sync_folder(parent)
        if len(self._durable) >= _FOLDERS_KNOWN_MAX:
            self._durable.clear()
        self._durable.add(folder)

    def new_file(self, folder_fd: int) -> NewFile:
        """A file for this folder that nobody sees yet."""
        if self._unnamed:
            try:
                return NewFile(os.open(".", os.O_TMPFILE | os.O_WRONLY, OBJECT_MODE, dir_fd=folder_fd), None)
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
                    raise
                self._unnamed = False  # this file system cannot: a temporary name it is
        return NewFile(*self.temporary())

    def temporary(self, mode: int = OBJECT_MODE) -> tuple[int, str]:
        """A new file to write, under a temporary name in `incoming/`, and its path."""
        self.make_folder("incoming")
        path = f"{self.root}/incoming/{secrets.token_hex(8)}.tmp"
        return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode), path

    def _sync(self, call: Callable[[int], None], fd: int) -> None:
        if self._broken:
            raise Damaged(self._broken)
        try:
            call(fd)
        except OSError as error:
            self._broken = (
                f"The disk of {self.root} could not make written data durable ({error.strerror}). "
                "Check the disk, then start again: what it holds is then read anew."
            )
            raise Damaged(self._broken) from error


def _each(work: Callable[[T], None], items: Sequence[T]) -> None:
    for item in items:
        work(item)


class NewFile:
    """A file that nobody sees until it is linked: without any name where the file system can do that (O_TMPFILE),
    under a temporary one in `incoming/` elsewhere. `discard` in every case.
    """

    def __init__(self, fd: int, path: str | None) -> None:
        self.fd = fd
        self._path = path

    def link(self, folder_fd: int, name: str) -> None:
        """Gives it its name; raises FileExistsError if that is taken."""
        source = self._path or f"/proc/self/fd/{self.fd}"
        os.link(source, name, dst_dir_fd=folder_fd, follow_symlinks=True)

    def discard(self) -> None:
        """Closes it, and forgets it where it was not linked."""
        os.close(self.fd)
        if self._path is not None:
            with suppress(OSError):
                os.unlink(self._path)  # noqa: PTH108


def write_all(fd: int, pieces: Sequence[bytes | memoryview], offset: int) -> int:
    """Writes the pieces from `offset` on, as they lie, and returns where they end."""
    rest = [memoryview(piece) for piece in pieces if piece]
    first = 0
    while first < len(rest):
        written = os.pwritev(fd, rest[first : first + _IOV_MAX], offset)
        offset += written
        while first < len(rest) and written >= len(rest[first]):
            written -= len(rest[first])
            first += 1
        if written:
            rest[first] = rest[first][written:]
    return offset


def start_writeback(fd: int, offset: int, size_bytes: int) -> None:
    """Has the kernel begin to write this range now, so that the sync that follows is short.

    POSIX_FADV_DONTNEED starts the writing of dirty pages; it drops only clean ones, and these are not.
    """
    os.posix_fadvise(fd, offset, size_bytes, os.POSIX_FADV_DONTNEED)


def checksum(pieces: Iterable[bytes]) -> str:
    """The CRC-64/NVME of these bytes, as 16 lower-case hex digits."""
    crc = 0
    for piece in pieces:
        crc = crc64nvme(piece, crc)
    return f"{crc:016x}"


def is_same(folder_fd: int, name: str, digests: Digests) -> bool:
    """Whether a regular file with this size and, read whole, this CRC-64/NVME has this name."""
    facts = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
    if not stat.S_ISREG(facts.st_mode) or facts.st_size != digests.size_bytes:
        return False
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder_fd)
    try:
        pieces = iter(lambda: os.read(fd, PIECE_BYTES), b"")
        return checksum(pieces) == digests.crc64nvme
    finally:
        os.close(fd)


def object_facts(path: str) -> os.stat_result | None:
    """The facts of a regular file; None where there is none. A link is not followed: it is no object."""
    try:
        facts = os.lstat(path)
    except OSError as error:
        if error.errno in NO_OBJECT:
            return None
        raise
    return facts if stat.S_ISREG(facts.st_mode) else None
