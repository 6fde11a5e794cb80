"""The side that starts a worker, hands it one job after the other, and ends it when it hangs. It blocks."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from headwater.errors import HeadwaterError, Unavailable
from headwater.formats.finding import Finding
from headwater.inspector import frames, jail
from headwater.inspector.failed import cut_short, failed
from headwater.inspector.frames import Broken, Kind
from headwater.inspector.job import FOLDER, Ended, Job, Limits, Range, Start
from headwater.inspector.open_file import Bytes, OpenFile, safe_name
from headwater.ports.findings import Inspected

TRIES: Final = 2
START_SECONDS_MAX: Final = 60.0
_GRACE_SECONDS: Final = 1.0  # for a child to say by itself that its time is over
_TELL_SECONDS_MAX: Final = 30.0  # for a worker to say how its child ended: it may get little of a busy machine
_OUT_OF_MEMORY: Final = 70

_ENVIRONMENT: Final = {
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # others reserve address space beyond every limit
    "ARROW_IO_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
}


class Failure(Exception):
    """A try that came to a bad end; `how` says it to a person. The worker is alive if `is_child`.

    `found` is what was known by then.
    """

    def __init__(self, how: str, *, is_child: bool) -> None:
        super().__init__(how)
        self.how = how
        self.is_child = is_child
        self.found: Finding | None = None

    def finding(self, job: Job) -> Finding:
        """The finding where no further try is made."""
        return failed(job.name, job.size_bytes, self.how) if self.found is None else cut_short(self.found, self.how)


class _Told:
    """What the child of a job said so far."""

    def __init__(self) -> None:
        self.found: Finding | None = None
        self.error: HeadwaterError | None = None
        self.fault = ""
        self.is_done = False


class Worker:
    """A worker process. A context manager. Starting raises Unavailable("busy") where it does not come up."""

    def __init__(self, limits: Limits, loads: tuple[str, ...] = ()) -> None:
        self._limits = limits
        self._signals = threading.Lock()  # the number of a process that was waited for may be another's
        self._folder = tempfile.mkdtemp(prefix=FOLDER)
        self._control, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = _spawn(theirs, self._folder)
            self._control.settimeout(START_SECONDS_MAX)
            frames.send(self._control, Kind.JOB, msgspec.msgpack.encode(Start(limits, self._folder, loads)))
            kind, body, _ = frames.receive(self._control)
            fault = None if kind is Kind.READY else body.decode(errors="replace")
        except (Broken, OSError) as error:
            fault = str(error)
        if fault is not None:
            self.close()
            raise Unavailable("busy", f"No process for inspection could be started: {fault}.")

    def inspect(self, job: Job, source: Bytes) -> Finding:
        """One try. Raises Failure, and what `source` raises where the bytes cannot be had."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                fds = (theirs.fileno(),) if source.fd is None else (theirs.fileno(), source.fd)
                try:
                    frames.send(self._control, Kind.JOB, msgspec.msgpack.encode(job), fds)
                except (Broken, TimeoutError):
                    raise Failure("the process that looks at it was gone", is_child=False) from None
            told = _Told()
            try:
                self._hear(ours, source, told)
            except Failure as failure:
                failure.found = told.found
                raise
        ended = self._ended()
        if told.error is not None:
            raise told.error
        if told.is_done and told.found is not None:
            return told.found
        failed_child = Failure(self._how(ended, told.fault), is_child=True)
        failed_child.found = told.found
        raise failed_child

    def table(self, findings: Sequence[Inspected]) -> bytes:
        """These findings as a Parquet file. Raises Failure."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                frames.send(self._control, Kind.TABLE, msgspec.msgpack.encode(findings), (theirs.fileno(),))
            ours.settimeout(self._limits.time_seconds)
            try:
                kind, body, _ = frames.receive(ours)
            except (Broken, TimeoutError):
                kind, body = Kind.FAULT, b"it ended"
        self._ended()
        if kind is not Kind.TABLE:
            raise Failure(body.decode(errors="replace"), is_child=True)
        return body

    def is_alive(self) -> bool:
        """Whether the process is there still."""
        with self._signals:
            return self._process.poll() is None

    def halt(self) -> None:
        """Stops it, with what it does, where it is. From any thread; repeatable."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Lets it go on. From any thread; repeatable."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        with self._signals, suppress(OSError):  # a landing must not fail by it
            if self._process.returncode is None:
                os.killpg(self._process.pid, number)

    def _hear(self, ours: socket.socket, source: Bytes, told: _Told) -> None:
        """Serves ranges until the child has said all, or is gone. Raises Failure when its time is over."""
        ends_at = time.monotonic() + self._limits.time_seconds + _GRACE_SECONDS
        while (seconds := ends_at - time.monotonic()) > 0:
            ours.settimeout(seconds)
            try:
                kind, body, _ = frames.receive(ours)
                self._take_up(kind, body, ours, source, told)
            except TimeoutError:
                break
            except (Broken, msgspec.DecodeError):
                return
        raise Failure(f"it took longer than {self._limits.time_seconds:g} seconds", is_child=False)

    def _take_up(self, kind: Kind, body: bytes, ours: socket.socket, source: Bytes, told: _Told) -> None:
        match kind:
            case Kind.RANGE:
                told.error = self._give(ours, source, msgspec.msgpack.decode(body, type=Range)) or told.error
            case Kind.FINDING:
                told.found = msgspec.msgpack.decode(body, type=Finding)
            case Kind.UNAVAILABLE:
                told.error = told.error or Unavailable("store_unavailable", body.decode(errors="replace"))
            case Kind.FAULT:
                told.fault = body.decode(errors="replace")
            case _:
                told.is_done = kind is Kind.DONE

    @staticmethod
    def _give(ours: socket.socket, source: Bytes, wanted: Range) -> HeadwaterError | None:
        try:
            for piece in source.read(wanted.offset, wanted.size_bytes):
                frames.send(ours, Kind.BYTES, piece)
        except HeadwaterError as error:
            frames.send(ours, Kind.UNAVAILABLE, error.sentence.encode())
            return error
        frames.send(ours, Kind.BYTES)
        return None

    def _ended(self) -> Ended:
        try:
            self._control.settimeout(_TELL_SECONDS_MAX)
            _, body, _ = frames.receive(self._control)
            return msgspec.msgpack.decode(body, type=Ended)
        except (Broken, OSError, msgspec.DecodeError):
            raise Failure("the process that looks at it ended", is_child=False) from None

    def _how(self, ended: Ended, told: str) -> str:
        if ended.signal == signal.SIGXCPU:
            return f"it took longer than {self._limits.time_seconds:g} seconds of the processor"
        if ended.code == _OUT_OF_MEMORY or ended.signal in {signal.SIGKILL, signal.SIGABRT}:
            mebibytes = self._limits.memory_bytes >> 20
            return f"it needed more memory than the {mebibytes:,} MiB that it may use"
        if ended.signal is not None:
            return f"the program that reads such files crashed (signal {ended.signal})"
        return f"the program that reads such files failed ({told or f'exit code {ended.code}'})"

    def close(self) -> None:
        """Ends the process, now, with whatever it does. Repeatable."""
        self._control.close()
        if hasattr(self, "_process"):
            self._signal(signal.SIGKILL)
            with self._signals:
                self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _spawn(theirs: socket.socket, folder: str) -> subprocess.Popen[bytes]:
    """A Python of its own: nothing of our environment, no descriptor of ours but its socket, a session of its own.

    It is made to wait for others at once: it would take a good part of a second of a core before it does so by itself.
    """
    command = [sys.executable, "-I", "-B", "-m", "headwater.inspector.worker", str(theirs.fileno())]
    process = subprocess.Popen(  # noqa: S603 - our own Python, our own module
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=_ENVIRONMENT | {"HOME": folder, "TMPDIR": folder},
        cwd=folder,
        pass_fds=[theirs.fileno()],
        start_new_session=True,
    )
    jail.wait_for_others(process.pid)
    return process


def inspect_file(
    path: Path, name: str, limits: Limits, *, engines: tuple[str, ...] = (), loads: tuple[str, ...] = ()
) -> Finding:
    """A local file, in a worker of its own that ends with it. Raises OSError, Unavailable("busy").

    Recipes are tried of `engines` alone, or of all; each engine takes some tenths of a second to load.
    """
    with OpenFile(path) as source:
        job = Job(name=name, file_name=safe_name(name), size_bytes=source.size_bytes, has_file=True, engines=engines)
        for left in reversed(range(TRIES)):
            with Worker(limits, loads) as worker:
                try:
                    return worker.inspect(job, source)
                except Failure as failure:
                    if not left:
                        return failure.finding(job)
    raise AssertionError("a last try gives a finding")
