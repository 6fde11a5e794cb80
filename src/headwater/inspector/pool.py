"""The server's few workers: started when there is something to look at, ended when there was nothing for a while."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from headwater.errors import HeadwaterError, Refused, Unavailable
from headwater.formats.finding import Finding
from headwater.inspector.brake import Brake
from headwater.inspector.client import TRIES, Failure, Worker
from headwater.inspector.job import LOADS, Job, Limits
from headwater.inspector.open_file import OpenFile
from headwater.logs import note
from headwater.ports.findings import Inspected
from headwater.ports.store import ObjectReader
from headwater.terms import Receipt, name_of

IDLE_SECONDS_MAX: Final = 60.0
"""How long a worker waits for the next job: it holds some 100 MiB while it does."""

JOBS_MAX: Final = 5000
"""After so many a worker is replaced."""

FEW_CORES: Final = 2
"""On so many, a worker at work is in the way of all else."""

_RANGE_SECONDS_MAX: Final = 120.0

log = logging.getLogger("headwater.inspector")


class Settings(msgspec.Struct, frozen=True):
    """How many workers there may be, what each may use, and what it loads before its first job."""

    workers: int
    limits: Limits = Limits()
    loads: tuple[str, ...] = LOADS


def workers_for(cores: int) -> int:
    """How many workers a machine bears beside landing: a core in two, and one on the smallest."""
    return 1 if cores <= FEW_CORES else cores // 2


class Pool:
    """Implements `followers.findings.Inspector`. `folder` is where the zone's objects lie, if they are local files.

    Used from one event loop. What is under way when it is closed is given up.
    """

    def __init__(self, objects: ObjectReader, folder: Path | None, settings: Settings) -> None:
        self._objects = objects
        self._folder = folder
        self._settings = settings
        self._threads = ThreadPoolExecutor(settings.workers, thread_name_prefix="headwater-inspect")
        self._lock = threading.Lock()
        self._idle: list[_Kept] = []
        self._busy: set[Worker] = set()
        self._reaper: asyncio.TimerHandle | None = None
        self._closed = threading.Event()
        self.brake = Brake(self._halt, self._go_on)

    async def inspect(self, receipt: Receipt) -> Finding:
        """As `Inspector.inspect`."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, self._inspect, receipt, loop)
        except RuntimeError as error:  # the threads are closed
            raise Unavailable("draining") from error
        finally:
            self._expect_idleness(loop)

    async def table(self, findings: Sequence[Inspected]) -> bytes:
        """These findings as a Parquet file. Raises Unavailable."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, self._table, findings)
        except RuntimeError as error:
            raise Unavailable("draining") from error
        finally:
            self._expect_idleness(loop)

    async def close(self) -> None:
        """Ends every worker, also at work."""
        self._closed.set()
        if self._reaper is not None:
            self._reaper.cancel()
        await asyncio.to_thread(self._close)

    def _halt(self) -> None:
        for worker in self._all():  # also those without a job: they get the next one meanwhile
            worker.halt()

    def _go_on(self) -> None:
        for worker in self._all():
            worker.go_on()

    def _all(self) -> list[Worker]:
        with self._lock:
            return [*self._busy, *(kept.worker for kept in self._idle)]

    # --- in a thread of ours -----------------------------------------------------------------------------------------

    def _inspect(self, receipt: Receipt, loop: asyncio.AbstractEventLoop) -> Finding:
        name = name_of(receipt).encode(errors="surrogateescape").decode(errors="replace")
        job = Job(
            name=name,
            file_name=receipt.key.rpartition("/")[2],
            size_bytes=receipt.size_bytes,
            has_file=self._folder is not None,
        )
        for left in reversed(range(TRIES)):
            try:
                return self._try(job, receipt, loop)
            except Failure as failure:
                note(log, "inspection_failed", level=logging.WARNING, delivery=receipt.id, sentence=failure.how)
                if not left:
                    return failure.finding(job)
        raise AssertionError("a last try gives a finding")

    def _try(self, job: Job, receipt: Receipt, loop: asyncio.AbstractEventLoop) -> Finding:
        with self._worker() as worker:
            if self._folder is None:
                return worker.inspect(job, _Ranges(self._objects, receipt, loop))
            with _opened(self._folder, receipt) as file:
                return worker.inspect(job, file)

    def _table(self, findings: Sequence[Inspected]) -> bytes:
        try:
            with self._worker() as worker:
                return worker.table(findings)
        except Failure as failure:
            raise Unavailable("busy", f"Findings could not be made a Parquet file: {failure.how}.") from failure

    @contextmanager
    def _worker(self) -> Iterator[Worker]:
        """A worker for one job; given back, or ended where it did not come through. Raises Unavailable."""
        kept = self._take()
        is_good = False
        try:
            yield kept.worker
            is_good = True
        except Failure as failure:
            if self._closed.is_set():
                raise Unavailable("draining") from failure
            is_good = failure.is_child
            raise
        except HeadwaterError:
            is_good = True
            raise
        finally:
            self._give_back(kept, is_good=is_good)

    def _take(self) -> _Kept:
        while kept := self._kept():
            if kept.worker.is_alive():
                break
            with self._lock:
                self._busy.discard(kept.worker)
            kept.worker.close()
        else:
            kept = _Kept(Worker(self._settings.limits, self._settings.loads))
        with self._lock:
            self._busy.add(kept.worker)
        if self._closed.is_set():
            kept.worker.close()
            raise Unavailable("draining")
        kept.jobs += 1
        return kept

    def _kept(self) -> _Kept | None:
        """An idle worker, busy from now on: at no moment neither, or who lets workers go on would miss it."""
        with self._lock:
            if not self._idle:
                return None
            kept = self._idle.pop()
            self._busy.add(kept.worker)
            return kept

    def _give_back(self, kept: _Kept, *, is_good: bool) -> None:
        kept.since = time.monotonic()
        with self._lock:
            self._busy.discard(kept.worker)
            if is_good and not self._closed.is_set() and kept.jobs < JOBS_MAX:
                self._idle.append(kept)
                return
        kept.worker.close()

    def _close(self) -> None:
        ended = self._all()
        with self._lock:
            self._idle.clear()
        for worker in ended:
            worker.close()
        self._threads.shutdown(cancel_futures=True)

    # --- idleness ----------------------------------------------------------------------------------------------------

    def _expect_idleness(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._reaper is None and not self._closed.is_set():
            self._reaper = loop.call_later(IDLE_SECONDS_MAX, self._reap, loop)

    def _reap(self, loop: asyncio.AbstractEventLoop) -> None:
        self._reaper = None
        old = time.monotonic() - IDLE_SECONDS_MAX
        with self._lock:
            ended = [kept for kept in self._idle if kept.since <= old]
            self._idle = [kept for kept in self._idle if kept.since > old]
            is_needed = bool(self._idle or self._busy)
        for kept in ended:
            kept.worker.close()
        if is_needed:
            self._expect_idleness(loop)


class _Kept:
    """A worker with how long it has been here."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.jobs = 0
        self.since = 0.0


class _Ranges:
    """The bytes of a job in an object store: exactly the version that the receipt names."""

    fd = None

    def __init__(self, objects: ObjectReader, receipt: Receipt, loop: asyncio.AbstractEventLoop) -> None:
        self._objects = objects
        self._receipt = receipt
        self._loop = loop

    def read(self, offset: int, size_bytes: int) -> Iterator[bytes]:
        """A range, piece by piece: the store's own pieces, in fixed memory."""
        pieces = self._objects.read(
            self._receipt.key, version=self._receipt.version, offset=offset, size_bytes=size_bytes
        )
        while piece := self._next(pieces):
            yield piece

    def _next(self, pieces: AsyncIterator[bytes]) -> bytes:
        async def following() -> bytes:
            return await anext(pieces, b"")

        waiting = asyncio.run_coroutine_threadsafe(following(), self._loop)
        try:
            return waiting.result(_RANGE_SECONDS_MAX)
        except TimeoutError:
            waiting.cancel()
            raise Unavailable("store_unavailable", "The zone does not give the bytes in time.") from None


def _opened(folder: Path, receipt: Receipt) -> OpenFile:
    try:
        return OpenFile(folder / receipt.key)
    except FileNotFoundError:
        raise Refused("not_found", f"There is no object {receipt.key}.") from None
    except OSError as error:
        raise Unavailable("store_unavailable", f"{receipt.key} cannot be read: {error.strerror}.") from error


def cores() -> int:
    """How many cores this process may use."""
    with suppress(AttributeError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
