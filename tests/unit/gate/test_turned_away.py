from __future__ import annotations

import pytest

from headwater.errors import Unavailable
from headwater.gate.turned_away import OTHERS, TurnedAway
from headwater.ports.books import Count
from headwater.terms import Time
from headwater.testing.manual_clock import START, ManualClock
from tests.unit.gate.world import Book

MINUTE = Time(START - START % 60_000_000)


async def test_counts_are_by_minute_and_by_what_is_known():
    """What agrees in minute, door, reason, sender and address is one row; a new minute begins new rows."""
    clock, book = ManualClock(MINUTE), Book()
    turned_away = TurnedAway(book, clock)
    for _ in range(5):
        turned_away.count("http", "wrong", sender="acme", address="a")
    turned_away.count("http", "wrong", address="a")
    clock.advance(60)
    turned_away.count("http", "wrong", sender="acme", address="a")
    await turned_away.flush()
    later = Time(MINUTE + 60_000_000)
    assert sorted(book.added, key=str) == sorted(
        [
            Count(MINUTE, "http", "wrong", "acme", "a", 5),
            Count(MINUTE, "http", "wrong", "", "a", 1),
            Count(later, "http", "wrong", "acme", "a", 1),
        ],
        key=str,
    )


async def test_what_was_counted_for_a_sender_is_told():
    """What waits and what the book has, of this sender alone."""
    book = Book()
    turned_away = TurnedAway(book, ManualClock(MINUTE))
    turned_away.count("http", "wrong", sender="acme", address="a")
    await turned_away.flush()
    turned_away.count("sftp", "wrong_key", sender="acme", address="b")
    turned_away.count("sftp", "wrong_key", sender="beta", address="b")
    assert await turned_away.counted("acme", Time(0)) == [
        Count(MINUTE, "sftp", "wrong_key", "acme", "b", 1),
        Count(MINUTE, "http", "wrong", "acme", "a", 1),
    ]


async def test_a_flush_without_counts_writes_nothing():
    """Where nothing was turned away, the book is not asked, and what was written is not written again."""
    book = Book()
    turned_away = TurnedAway(book, ManualClock())
    turned_away.count("http", "wrong")
    await turned_away.flush()
    book.down = True
    await turned_away.flush()
    assert len(book.added) == 1


async def test_a_flood_of_strangers_stays_bounded_and_does_not_blur_the_known():
    """Above the limit strangers are counted together, not one of them is lost, and known senders keep their rows."""
    book = Book()
    turned_away = TurnedAway(book, ManualClock(), rows_max=10)
    for n in range(1000):
        turned_away.count("http", "unknown", address=f"10.0.{n // 256}.{n % 256}")
    turned_away.count("http", "expired", sender="acme", address="192.0.2.1")
    await turned_away.flush()
    assert len(book.added) == 12
    assert sum(row.count for row in book.added) == 1001
    assert [row.count for row in book.added if row.address == OTHERS] == [990]
    assert [row.count for row in book.added if row.sender == "acme"] == [1]


async def test_a_failed_flush_loses_nothing():
    """What could not be written is added to what comes later."""
    book = Book()
    turned_away = TurnedAway(book, ManualClock())
    turned_away.count("http", "wrong", address="a")
    turned_away.count("http", "wrong", sender="acme", address="a")
    book.down = True
    with pytest.raises(Unavailable):
        await turned_away.flush()
    turned_away.count("http", "wrong", address="a")
    book.down = False
    await turned_away.flush()
    assert sorted((row.sender, row.count) for row in book.added) == [("", 2), ("acme", 1)]


def test_samples_are_the_newest_few_of_each_reason():
    """A flood of one reason does not push out the samples of another; each is handed out once."""
    clock = ManualClock()
    turned_away = TurnedAway(Book(), clock, samples_per_reason=2)
    turned_away.count("http", "expired", sender="acme", detail="PUT /x \x1b[2J")
    for n in range(50):
        clock.advance(1)
        turned_away.count("http", "unknown", address=str(n))
    samples = turned_away.samples()
    assert [(one.reason, one.address) for one in samples] == [("expired", ""), ("unknown", "48"), ("unknown", "49")]
    assert samples[0].detail == "PUT /x \\x1b[2J"
    assert turned_away.samples() == []
