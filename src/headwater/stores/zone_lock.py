"""The right to write in a directory zone, and what kind of file system it lies on."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
from contextlib import suppress
from pathlib import Path

from headwater.errors import Misconfigured


class ZoneLock:
    """The right to write in a zone, held until `release` or the end of the process."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._holders: dict[str, object] = {}

    @property
    def held(self) -> bool:
        """Whether it was not released yet."""
        return self._fd >= 0

    def hold_for(self, path: str, holder: object) -> None:
        """Makes `holder` the one object of this process that writes this file, instead of any earlier one."""
        self._holders[path] = holder

    def is_held_for(self, path: str, holder: object) -> bool:
        """Whether this object still may write this file."""
        return self.held and self._holders.get(path) is holder

    def release(self) -> None:
        """Gives the right up. Repeatable."""
        if self.held:
            os.close(self._fd)
            self._fd = -1


def lock(root: str | Path) -> ZoneLock:
    """Takes the right to write in the zone at `root` (flock on `<root>/lock`), without waiting.

    Raises Misconfigured("in_use") that names the process which has it. What a killed process left in `incoming/` beside
    unfinished uploads is removed, for nobody else can be using it: temporary names, and second names of what stands in
    the zone (it was killed between link and unlink).
    """
    path = Path(root) / "lock"
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
    except OSError as error:
        raise Misconfigured(f"{path} cannot be opened for writing: {error.strerror}.") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(fd, 1024, 0).decode(errors="replace").strip() or "another process"
        os.close(fd)
        raise Misconfigured(f"{root} is in use by {holder}; stop it first.", "in_use") from None
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
    for left in Path(root).glob("incoming/*.tmp"):
        left.unlink(missing_ok=True)
    for data in Path(root).glob("incoming/*/data"):
        if data.lstat().st_nlink > 1:
            shutil.rmtree(data.parent)
    return ZoneLock(fd)


def filesystem(root: str | Path) -> str:
    """The kind of file system that `root` lies on (`ext4`, `tmpfs`, `overlay`, `nfs4` …), as proc_pid_mountinfo(5)
    tells it; `unknown` where it cannot be told.
    """
    target = os.path.realpath(root)
    best, kind = "", "unknown"
    with suppress(OSError):
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            mount, _, rest = line.partition(" - ")
            point = mount.split(" ")[4].encode().decode("unicode_escape")  # a space in a path stands there as \040
            inside = target == point or target.startswith(point.rstrip("/") + "/")
            if inside and len(point) >= len(best):  # of two on one point, the later hides the earlier
                best, kind = point, rest.split(" ")[0]
    return kind
