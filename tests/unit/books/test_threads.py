from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import sqlite3
import threading

import pytest

from headwater.books.sqlite import SqliteBooks, threads
from headwater.errors import Damaged, Unavailable
from headwater.terms import Outcome, Time
from tests.contract.books.samples import a_receipt, an_attempt, an_id, an_identity, placed


@pytest.fixture
async def books(tmp_path):
    """Open books."""
    books = SqliteBooks(tmp_path / "books.sqlite3")
    yield books
    await books.close()


@pytest.fixture
async def held(books):
    """The writer stands still until the returned event is set; what is put meanwhile waits."""
    go, holding = threading.Event(), threading.Event()

    def hold(connection: sqlite3.Connection) -> None:
        holding.set()
        go.wait(30)

    books._writer.put(hold)
    await asyncio.to_thread(holding.wait, 30)
    yield go
    go.set()


@pytest.fixture
def statements(books):
    """What the writer's connection runs from now on."""
    seen: list[str] = []
    books._writer._connection.set_trace_callback(seen.append)
    yield seen
    books._writer._connection.set_trace_callback(None)


@contextlib.contextmanager
def no_file_grows():
    """For a moment, no write beyond the first 4 KiB of any file succeeds: EFBIG, an input/output error to SQLite."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


async def test_all_that_waits_is_one_transaction(books, held, statements):
    """A hundred rows put while the writer was busy are committed once."""
    rows = [books.attempts.open(an_attempt(n)) for n in range(100)]
    held.set()
    await asyncio.gather(*rows)
    begun = [each for each in statements if each.startswith("BEGIN")]
    assert len(begun) == 1


async def test_all_who_wait_are_told_by_one_call(books, held, monkeypatch):
    """The loop is called once for a batch, not once for a row."""
    loop = asyncio.get_running_loop()
    calls = []

    def call(callback, *args, context=None):
        calls.append(callback)
        return original(callback, *args, context=context)

    original = loop.call_soon_threadsafe
    monkeypatch.setattr(loop, "call_soon_threadsafe", call)
    rows = [books.attempts.open(an_attempt(n)) for n in range(100)]
    calls.clear()
    held.set()
    await asyncio.gather(*rows)
    assert len([each for each in calls if each is threads._tell]) <= 2  # the held one and the batch


async def test_a_row_that_nobody_waits_for_has_no_transaction_of_its_own(books, statements):
    """Rows that are not wanted soon go in the transaction of the next one that is."""
    rows = [books.attempts.open(an_attempt(n), soon=n == 9) for n in range(10)]
    await asyncio.gather(*rows)
    assert len([each for each in statements if each.startswith("BEGIN")]) == 1


async def test_only_truth_is_synced(books, statements):
    """A transaction with a durable row runs at synchronous = FULL, the next one without is NORMAL again."""
    await books.attempts.open(an_attempt(1))
    assert not any("synchronous" in each for each in statements)
    await books.identities.put(an_identity())
    await books.facts.set_fact("a", "b")
    await books.attempts.move(an_id(1), 1, durable=True, outcome=Outcome.PARKED)
    await books.attempts.move(an_id(1), 1, size_bytes=1)
    assert [each for each in statements if "synchronous" in each] == [
        "PRAGMA synchronous = FULL",
        "PRAGMA synchronous = NORMAL",
    ]


async def test_a_row_that_breaks_a_rule_fails_alone(books, held, caplog):
    """Of a batch, the row that cannot be written fails; the others, before and after it, are written."""
    good = [books.attempts.open(an_attempt(n)) for n in (1, 2)]
    bad = books.attempts.open(an_attempt(1))
    worse = books.catalog.apply(placed(a_receipt(9), after=5))
    after = [books.attempts.open(an_attempt(3)), books.catalog.apply(placed(a_receipt(9)))]
    held.set()
    await asyncio.gather(*good, *after)
    with pytest.raises(sqlite3.IntegrityError):
        await bad
    with pytest.raises(Damaged):
        await worse
    assert await books.catalog.applied() == 1


async def test_a_full_disk_fails_who_waits_and_nothing_else(books, caplog):
    """`full` to each row of the batch; once there is room the next batch is written, and the log has said it."""
    for n in range(9):
        await books.attempts.open(an_attempt(n))
    pages = await books._writer.put(lambda c: c.execute("PRAGMA max_page_count = 1").fetchone()[0])
    with caplog.at_level(logging.WARNING):
        rows = [books.attempts.open(an_attempt(n, sentence="x" * 100_000)) for n in (10, 11)]
        for row in rows:
            with pytest.raises(Unavailable) as failed:
                await row
            assert failed.value.reason == "full"
    assert "not written" in caplog.text
    await books._writer.put(lambda c: c.execute(f"PRAGMA max_page_count = {pages * 100}"))
    await books.attempts.open(an_attempt(10))
    assert await books.attempts.get(an_id(10)) is not None
    assert await books.attempts.get(an_id(11)) is None


async def test_a_failing_file_fails_who_waits_and_nothing_else(books):
    """`books_unavailable` while the file cannot be written, also to a synced row; then it goes on."""
    await books.attempts.open(an_attempt(1))
    with no_file_grows():
        for row in (books.attempts.open(an_attempt(2)), books.identities.put(an_identity())):
            with pytest.raises(Unavailable) as failed:
                await row
            assert failed.value.reason == "books_unavailable"
    assert await books.identities.identities() == []
    await books.attempts.open(an_attempt(2))
    assert await books.attempts.get(an_id(2)) is not None


async def test_a_failed_row_that_nobody_awaits_is_no_noise(books, caplog):
    """The loop does not complain of a future whose failure nobody fetched; the log has one line of the writer."""
    await books.attempts.open(an_attempt(1))
    with caplog.at_level(logging.WARNING):
        books.attempts.open(an_attempt(1))
        await books.attempts.open(an_attempt(2))
        await asyncio.sleep(0)
    assert [record.name for record in caplog.records] == ["headwater.books.sqlite.threads"]


async def test_an_asker_that_has_gone_disturbs_nobody(books, held):
    """Cancelling the wait for a row does not keep the row from being written, nor others from being told."""
    waiting = books.attempts.open(an_attempt(1))
    waiting.cancel()
    other = books.attempts.open(an_attempt(2))
    held.set()
    await other
    assert await books.attempts.get(an_id(1)) is not None


async def test_slow_pages_do_not_hold_up_answers_by_key(books):
    """While every page thread is busy, a row is still found by its id."""
    go = threading.Event()
    busy = [books._pages.ask(lambda connection: go.wait(30)) for _ in range(8)]
    await books.attempts.open(an_attempt(1))
    assert await books.attempts.get(an_id(1)) is not None
    go.set()
    await asyncio.gather(*busy)


async def test_readers_can_write_nothing(books):
    """A statement that would change a row fails in a reader."""
    with pytest.raises(Unavailable):
        await books._quick.ask(lambda connection: connection.execute("DELETE FROM facts"))


async def test_a_question_is_answered_from_one_moment(books):
    """Two looks within one question see the same rows, though a row was written between them."""
    first_done, go = threading.Event(), threading.Event()

    def ask(connection: sqlite3.Connection) -> list[int]:
        counts = []
        for _ in range(2):
            counts.append(connection.execute("SELECT count(*) FROM attempts").fetchone()[0])
            first_done.set()
            go.wait(30)
        return counts

    answer = books._pages.ask(ask)
    await asyncio.to_thread(first_done.wait, 30)
    await books.attempts.open(an_attempt(1))
    go.set()
    assert await answer == [0, 0]


async def test_close_writes_what_is_queued(tmp_path):
    """Rows that were put before `close` are there afterwards, and the log of the file is gone."""
    books = SqliteBooks(tmp_path / "books.sqlite3")
    for n in range(50):
        books.attempts.open(an_attempt(n), soon=n % 2 == 0)
    await books.close()
    for refused in (books.attempts.open(an_attempt(99)), books.attempts.get(an_id(1))):
        with pytest.raises(Unavailable):
            await refused
    assert [path.name for path in tmp_path.iterdir()] == ["books.sqlite3"]
    again = SqliteBooks(tmp_path / "books.sqlite3")
    assert len(await again.attempts.unfinished(Time(2**62))) == 50
    await again.close()


async def test_the_log_does_not_grow_without_end(tmp_path, monkeypatch):
    """Once it is too long the writer moves it all, and the next rows begin it anew, in the room that it has."""
    monkeypatch.setattr(threads, "CHECKPOINT_WAIT_SECONDS", 3600)
    books = SqliteBooks(tmp_path / "books.sqlite3")
    log = tmp_path / "books.sqlite3-wal"
    sizes = []
    for n in range(20):
        await books.attempts.open(an_attempt(n, sentence="x" * 10_000))
        sizes.append(log.stat().st_size)
        if n == 14:
            books._writer._checkpoints._pages = threads.WAL_PAGES_MAX + 1
    assert sizes[:15] == sorted(set(sizes[:15]))
    assert len(set(sizes[15:])) == 1  # the checkpoint came just before or just after the sixteenth row
    assert len(await books.attempts.unfinished(Time(2**62))) == 20
    await books.close()


async def test_what_is_committed_is_moved_beside_the_writer(tmp_path, monkeypatch):
    """A moment after the last row the file itself has the rows, though nobody closed it."""
    monkeypatch.setattr(threads, "CHECKPOINT_WAIT_SECONDS", 0.01)
    books = SqliteBooks(tmp_path / "books.sqlite3")
    size = (tmp_path / "books.sqlite3").stat().st_size
    await books.attempts.open(an_attempt(1, sentence="x" * 100_000))
    async with asyncio.timeout(30):
        while (tmp_path / "books.sqlite3").stat().st_size == size:  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(0.01)
    await books.close()


async def test_checkpoints_end_whenever_they_are_told_to(books, tmp_path, monkeypatch):
    """Also between the end of a wait and the checkpoint after it, where being told was once forgotten."""
    monkeypatch.setattr(threads, "CHECKPOINT_WAIT_SECONDS", 0.01)
    checkpoints = threads._Checkpoints(tmp_path / "books.sqlite3")

    class ToldLate(threading.Event):
        """It is set, as `close` does, right after it was seen not to be."""

        def wait(self, timeout: float | None = None) -> bool:
            was_set = super().wait(timeout)
            self.set()
            checkpoints._wanted.set()
            return was_set

    checkpoints._stopped = ToldLate()
    checkpoints._wanted.set()
    await asyncio.to_thread(checkpoints._thread.join, 20)
    assert not checkpoints._thread.is_alive()
