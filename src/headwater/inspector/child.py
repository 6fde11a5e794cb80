"""The jailed child of a worker: looks at one large file, or at one small file after the other.

A large one is opened where it lies, and the child dies with it. Small ones are copied into the child's own folder, so
that it needs no right to open anything else; it stays, warm, for the next, because warming up costs more than most
small files. What a hostile small file could do to it ends with it, after a few hundred others at the latest.
"""

from __future__ import annotations

import os
import resource
import socket
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

import msgspec

from headwater.errors import Unavailable
from headwater.inspector import frames, jail
from headwater.inspector.frames import Broken, Kind
from headwater.inspector.inspect import inspect
from headwater.inspector.job import Ended, Job, Limits
from headwater.inspector.parquet import table
from headwater.inspector.remote import Remote
from headwater.ports.findings import Inspected
from headwater.ports.ranges import Ranges
from headwater.readers.engine import MEMORY_BYTES, Engine
from headwater.readers.local import LocalFile

SMALL_BYTES_MAX: Final = 1024 * 1024
JOBS_MAX: Final = 500
OUT_OF_MEMORY: Final = 70
FAULT: Final = 71

_ENGINE_SHARE: Final = 4
_ITSELF: Final = "/proc/self"
_WORDS_MAX: Final = 160
_OPEN_PATH: Final = os.O_PATH | os.O_CLOEXEC
_GROWN_SHARE: Final = 4  # of the memory that it may use: beyond that, a warm child is replaced
_GROWN_FILES: Final = 16  # likewise


class Place:
    """Where children work: `jobs` is a job's folder, `warm` that of a child for small jobs; and what they may read.

    Each child makes an engine of its own: DuckDB has threads, and no child may inherit one.
    """

    def __init__(self, folder: Path, limits: Limits, readable: Iterable[str]) -> None:
        self.limits = limits
        self.folder = folder
        self.jobs = folder / "job"
        self.warm = folder / "warm"
        self._readable = [fd for path in readable if (fd := _descriptor(path)) is not None]

    def engine(self, folder: Path, *, is_small: bool = False) -> Engine:
        """An engine for this process; for small files without threads that only read ahead."""
        memory_bytes = min(MEMORY_BYTES, self.limits.memory_bytes // _ENGINE_SHARE)
        spill_bytes = self.limits.file_bytes_max
        return Engine(folder=folder, memory_bytes=memory_bytes, spill_bytes=spill_bytes, reads_ahead=not is_small)

    def shut(self, files: tuple[int, ...] = ()) -> None:
        """Jails this process. It may open `files` again by name."""
        own = [fd for path in (_ITSELF, str(self.folder)) if (fd := _descriptor(path)) is not None]
        jail.shut((*self._readable, *files, *own[:1]), own[1:])
        for fd in own:
            os.close(fd)


def attend_one(place: Place, job: Job, fds: tuple[int, ...]) -> NoReturn:
    """The whole life of a child for one job; its exit code tells how it went."""
    place.shut(fds[1:])
    code = _attend(place, job, fds, place.engine(place.jobs))
    os._exit(code)  # nothing of the parent's is run again: no buffers, no exit handlers


def attend_table(place: Place, body: bytes, fd: int) -> NoReturn:
    """The whole life of a child that makes a Parquet file of findings."""
    place.shut()
    answering = socket.socket(fileno=fd)
    code = FAULT
    try:
        frames.send(answering, Kind.TABLE, table(msgspec.msgpack.decode(body, type=list[Inspected])))
        code = 0
    except BaseException as error:  # noqa: BLE001 - as for a job
        with suppress(BaseException):
            frames.send(answering, Kind.FAULT, words(error))
    os._exit(code)


def attend_many(place: Place, taking: socket.socket, inherited: tuple[int, ...]) -> NoReturn:
    """The whole life of a child for small jobs: until one goes wrong, or there were enough.

    `inherited` are descriptors that are not its business: those of its first job come once more, by the socket.
    """
    for fd in inherited:
        os.close(fd)
    place.shut()
    engine = place.engine(place.warm, is_small=True)
    first = _use()
    grown_bytes = place.limits.memory_bytes // _GROWN_SHARE
    code = 0
    with suppress(Broken):
        for left in reversed(range(JOBS_MAX)):
            _, body, fds = frames.receive(taking)
            code = _attend(place, msgspec.msgpack.decode(body, type=Job), fds, engine)
            if code:
                break
            engine.tidy()
            use = _use()
            grown = use.size_bytes - first.size_bytes > grown_bytes or use.files - first.files > _GROWN_FILES
            frames.send(taking, Kind.ENDED, msgspec.msgpack.encode(Ended(code=0, is_last=grown or not left)))
            if grown:
                break
    os._exit(code)


def _attend(place: Place, job: Job, fds: tuple[int, ...], engine: Engine) -> int:
    answering = socket.socket(fileno=fds[0])
    try:
        jail.allow_seconds(place.limits.time_seconds)
        try:
            with _ranges(place, job, fds, answering) as ranges:
                for found in inspect(
                    ranges,
                    job.name,
                    limits=place.limits,
                    clock=time.monotonic,
                    engine=engine,
                    engines=job.engines,
                ):
                    frames.send(answering, Kind.FINDING, msgspec.msgpack.encode(found))
        except Unavailable as unavailable:
            frames.send(answering, Kind.UNAVAILABLE, unavailable.sentence.encode())
        else:
            frames.send(answering, Kind.DONE)
    except MemoryError:
        return OUT_OF_MEMORY
    except BaseException as error:  # noqa: BLE001 - whatever it was, the child ends, and says how
        with suppress(BaseException):
            frames.send(answering, Kind.FAULT, words(error))
        return FAULT
    finally:
        answering.close()
        for fd in fds[1:]:
            os.close(fd)
    return 0


def _ranges(place: Place, job: Job, fds: tuple[int, ...], answering: socket.socket) -> AbstractContextManager[Ranges]:
    if not job.has_file:
        return nullcontext(Remote(answering, job.size_bytes))
    path = place.jobs / job.file_name
    if job.size_bytes > SMALL_BYTES_MAX:
        path.symlink_to(f"/proc/self/fd/{fds[1]}")
    else:
        path.write_bytes(os.pread(fds[1], SMALL_BYTES_MAX, 0))
    return LocalFile(path)


def words(error: BaseException) -> bytes:
    """What went wrong, in a line."""
    line = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {line}"[:_WORDS_MAX].rstrip(" :").encode(errors="replace")


class _Use(NamedTuple):
    """How large this process was at its largest, and how many files it has open."""

    size_bytes: int
    files: int


def _use() -> _Use:
    files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are enough
    return _Use(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, files)


def _descriptor(path: str) -> int | None:
    try:
        return os.open(path, _OPEN_PATH)
    except OSError:
        return None
