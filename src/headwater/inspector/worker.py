"""The worker process: loads the parsers once, and forks jailed children that look at bytes; it looks at none itself.

Run as `python -m headwater.inspector.worker FD`, with the socket to who started it.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from headwater.inspector import frames, jail
from headwater.inspector.child import FAULT, SMALL_BYTES_MAX, Place, attend_many, attend_one, attend_table, words
from headwater.inspector.frames import Broken, Kind
from headwater.inspector.job import Ended, Job, Start

_READABLE: Final = (
    "/usr",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/sys/fs/cgroup",
    "/proc/meminfo",
    "/proc/cpuinfo",
    "/dev/urandom",
    "/dev/null",
)


def main() -> None:
    """Takes jobs until the socket ends."""
    with socket.socket(fileno=int(sys.argv[1])) as control:
        kind, body, _ = frames.receive(control)
        if kind is not Kind.JOB:
            raise Broken(f"{kind.name} is no beginning")
        start = msgspec.msgpack.decode(body, type=Start)
        try:
            jail.settle(start.limits)
            for name in start.loads:
                with suppress(ImportError):
                    importlib.import_module(name)
            place = Place(Path(start.folder), start.limits, _own_folders())
            gc.collect()
            gc.freeze()  # a child's collections would else copy page after page of what was loaded
        except Exception as error:  # noqa: BLE001 - whatever it was, who started us tells it
            frames.send(control, Kind.FAULT, words(error))
            return
        _Worker(control, place).serve()


class _Worker:
    def __init__(self, control: socket.socket, place: Place) -> None:
        self._control = control
        self._place = place
        self._steady: _Child | None = None

    def serve(self) -> None:
        """One job after the other."""
        frames.send(self._control, Kind.READY)
        try:
            with suppress(Broken):
                while True:
                    kind, body, fds = frames.receive(self._control)
                    ended = self._run(kind, body, fds)
                    frames.send(self._control, Kind.ENDED, msgspec.msgpack.encode(ended))
        finally:
            if self._steady is not None:
                self._steady.kill()
            shutil.rmtree(self._place.folder, ignore_errors=True)

    def _run(self, kind: Kind, body: bytes, fds: tuple[int, ...]) -> Ended:
        self._place.jobs.mkdir(mode=0o700)
        try:
            child = self._begun(kind, body, fds)
        finally:
            for fd in fds:
                os.close(fd)
        try:
            ended = child.wait(self._control)
        finally:
            if child.has_ended and child is self._steady:
                self._steady = None
                shutil.rmtree(self._place.warm, ignore_errors=True)
            shutil.rmtree(self._place.jobs, ignore_errors=True)
        return ended

    def _begun(self, kind: Kind, body: bytes, fds: tuple[int, ...]) -> _Child:
        """The child that works on it now."""
        if kind is Kind.TABLE:
            return self._fork(lambda _: attend_table(self._place, body, fds[0]))
        job = msgspec.msgpack.decode(body, type=Job)
        if job.size_bytes > SMALL_BYTES_MAX:
            return self._fork(lambda _: attend_one(self._place, job, fds))
        if self._steady is None:
            self._place.warm.mkdir(mode=0o700)
            self._steady = self._fork(lambda taking: attend_many(self._place, taking, fds))
        with suppress(Broken):  # it has ended: who waits for it sees that
            frames.send(self._steady.socket, Kind.JOB, body, fds)
        return self._steady

    def _fork(self, live: Callable[[socket.socket], NoReturn]) -> _Child:
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if not pid:
            try:
                ours.close()
                self._control.close()
                live(theirs)
            finally:
                os._exit(FAULT)  # whatever happens, a child never goes on as its parent
        theirs.close()
        return _Child(pid, ours)


class _Child:
    """A child, as its worker sees it."""

    def __init__(self, pid: int, told: socket.socket) -> None:
        self._pid = pid
        self._descriptor = os.pidfd_open(pid)
        self.socket = told
        self.has_ended = False

    def wait(self, control: socket.socket) -> Ended:
        """How its job ended; it is killed where who started us is gone."""
        ready, _, _ = select.select([self._descriptor, self.socket.fileno(), control.fileno()], [], [])
        if self.socket.fileno() in ready:
            with suppress(Broken):
                _, body, _ = frames.receive(self.socket)
                ended = msgspec.msgpack.decode(body, type=Ended)
                return self._reap() if ended.is_last else ended
        elif self._descriptor not in ready:
            os.kill(self._pid, signal.SIGKILL)
        return self._reap()

    def kill(self) -> None:
        """Ends it."""
        os.kill(self._pid, signal.SIGKILL)
        self._reap()

    def _reap(self) -> Ended:
        self.has_ended = True
        _, status = os.waitpid(self._pid, 0)
        os.close(self._descriptor)
        self.socket.close()
        code = os.waitstatus_to_exitcode(status)
        return Ended(code=code) if code >= 0 else Ended(signal=-code)


def _own_folders() -> list[str]:
    """What this Python reads while it runs: its libraries, and ours."""
    return sorted({*_READABLE, sys.prefix, sys.base_prefix, *(path for path in sys.path if path)})


if __name__ == "__main__":
    main()
