"""The seam between the event loop and SQLite: one thread that writes, a few that read, one that makes checkpoints.

All that waits is written in one transaction (group commit), and all who wait for it are told by one call to the loop.
Checkpoints are made beside the writer: in its own thread they would make every row wait for two syncs.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, NamedTuple, TypeVar

from headwater.books.sqlite.failures import failure
from headwater.books.sqlite.schema import connect, connect_for_reading, connect_for_writing
from headwater.errors import Unavailable

T = TypeVar("T")
Run = Callable[[sqlite3.Connection], T]

BATCH_ROWS_MAX = 1024
HELD_SECONDS_MAX = 0.05
CHECKPOINT_WAIT_SECONDS = 0.5
WAL_PAGES_MAX = 65_536
"""256 MiB: beyond that the writer makes a checkpoint itself, so that the log begins anew."""

_log = logging.getLogger(__name__)


class _Job(NamedTuple):
    future: asyncio.Future[Any]
    run: Run[Any]
    durable: bool


class _Done(NamedTuple):
    future: asyncio.Future[Any]
    value: Any = None
    error: Exception | None = None


def _tell(done: Iterable[_Done]) -> None:
    for future, value, error in done:
        if future.done():
            continue
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)
            future.exception()  # a row that nobody awaits may fail: the writer has logged it


def _send(done: list[_Done]) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        done[0].future.get_loop().call_soon_threadsafe(_tell, done)


def _refused(sentence: str) -> asyncio.Future[Any]:
    future = asyncio.get_running_loop().create_future()
    _tell([_Done(future, error=Unavailable("books_unavailable", sentence))])
    return future


class Writer:
    """Writes what is put, in the order in which it is put, in its own thread. Used from one event loop."""

    def __init__(self, path: Path) -> None:
        self._connection = connect_for_writing(path)
        self._queue: SimpleQueue[list[_Job | None]] = SimpleQueue()
        self._held: list[_Job | None] = []
        self._timer: asyncio.TimerHandle | None = None
        self._checkpoints = _Checkpoints(path)
        self._thread = Thread(target=self._work, name="books-writer", daemon=True)
        self._open = True
        self._thread.start()

    def put(self, run: Run[T], *, durable: bool = False, soon: bool = True) -> asyncio.Future[T]:
        """Queues `run` for the next transaction; the future ends once that is committed, and synced if `durable`.

        Not `soon`, it goes with whatever is put next, and waits for that at most `HELD_SECONDS_MAX`: a transaction of
        its own would only keep the thread from rows that somebody waits for.
        `run` MUST change nothing but rows: it is run again when its transaction failed because of another's row.
        """
        if not self._open:
            return _refused("The books are closed.")
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._held.append(_Job(future, run, durable))
        if soon:
            self._send_held()
        elif self._timer is None:
            self._timer = loop.call_later(HELD_SECONDS_MAX, self._send_held)
        return future

    def _send_held(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._held:
            self._queue.put(self._held)
            self._held = []

    def close(self) -> None:
        """Writes what is queued and ends the threads. Blocks."""
        self._open = False
        self._queue.put([*self._held, None])
        self._thread.join()
        self._checkpoints.close()

    def _work(self) -> None:
        with closing(self._connection) as connection:
            transactions = _Transactions(connection)
            going_on = True
            while going_on:
                batch = self._gather()
                going_on = batch[-1] is not None
                if jobs := [job for job in batch if job is not None]:
                    _send(transactions.commit(jobs))
                    self._checkpoints.after_commit(connection)

    def _gather(self) -> list[_Job | None]:
        batch = self._queue.get()
        with suppress(Empty):
            while batch[-1] is not None and len(batch) < BATCH_ROWS_MAX:
                batch += self._queue.get_nowait()
        return batch


class _Transactions:
    """Committing batches over one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._synced = False

    def commit(self, jobs: list[_Job]) -> list[_Done]:
        """Commits all of them together; when one of them fails by its own fault, each by itself."""
        try:
            return self._commit(jobs)
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to those who wait
            failed = failure(error)
            if len(jobs) > 1 and failed is error:
                return [done for job in jobs for done in self.commit([job])]
            _log.warning("%d rows were not written: %s", len(jobs), failed)
            return [_Done(job.future, error=failed) for job in jobs]

    def _commit(self, jobs: list[_Job]) -> list[_Done]:
        self._sync(wanted=any(job.durable for job in jobs))
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            done = [_Done(job.future, job.run(self._connection)) for job in jobs]
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite has rolled back by itself when the disk was full
                self._connection.execute("ROLLBACK")
            raise
        return done

    def _sync(self, *, wanted: bool) -> None:
        """In WAL mode FULL syncs the log at each commit, NORMAL only before a checkpoint."""
        if wanted is not self._synced:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if wanted else 'NORMAL'}")
            self._synced = wanted


class _Checkpoints:
    """Moves what was committed from the log into the file, beside the writer and without stopping it."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path)
        self._pages = 0
        self._wanted, self._stopped = Event(), Event()
        self._thread = Thread(target=self._work, name="books-checkpoints", daemon=True)
        self._thread.start()

    def after_commit(self, writing: sqlite3.Connection) -> None:
        """Asks for a checkpoint. Once the log is too long it is made here, in the writer's thread: the log begins anew
        only when nothing was committed since the checkpoint began.
        """
        self._wanted.set()
        if self._pages > WAL_PAGES_MAX:
            self._checkpoint(writing)
            self._pages = 0

    def close(self) -> None:
        self._stopped.set()
        self._wanted.set()
        self._thread.join()

    def _work(self) -> None:
        with closing(self._connection) as connection:
            while self._wanted.wait():
                self._wanted.clear()  # before it is asked whether to stop: `close` sets that first, and this after it
                if self._stopped.wait(CHECKPOINT_WAIT_SECONDS):
                    return
                self._pages = self._checkpoint(connection)

    def _checkpoint(self, connection: sqlite3.Connection) -> int:
        """Moves what no reader stands in the way of, and returns how many pages the log has."""
        try:
            _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error as error:
            _log.warning("No checkpoint of the books: %s", error)
            return 0
        return int(pages)


class Readers:
    """Threads that answer questions, each question from one snapshot of the rows."""

    def __init__(self, path: Path, threads: int) -> None:
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads = [
            Thread(target=self._work, args=(connect_for_reading(path),), name=f"books-reader-{n}", daemon=True)
            for n in range(threads)
        ]
        self._open = True
        for thread in self._threads:
            thread.start()

    def ask(self, run: Run[T]) -> asyncio.Future[T]:
        """Runs a question; it sees every row whose write has ended. One whose asker has gone is not run."""
        if not self._open:
            return _refused("The books are closed.")
        future = asyncio.get_running_loop().create_future()
        self._queue.put(_Job(future, run, durable=False))
        return future

    def close(self) -> None:
        """Answers what is queued and ends the threads. Blocks."""
        self._open = False
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self, connection: sqlite3.Connection) -> None:
        with closing(connection):
            while (job := self._queue.get()) is not None:
                if not job.future.cancelled():
                    _send([self._answer(connection, job)])

    def _answer(self, connection: sqlite3.Connection, job: _Job) -> _Done:
        try:
            connection.execute("BEGIN")
            try:
                return _Done(job.future, job.run(connection))
            finally:
                connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the one who asked
            return _Done(job.future, error=failure(error))
