"""The hot path of the books: an `open` that nobody awaits and two `move`s a landing, one of them awaited.

One task alone, then 64 at once; beside it the same while the event loop does other work between its rows. One JSON
object a line. `bench/books.py [LANDINGS]`.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from itertools import count
from pathlib import Path

import uvloop

from headwater.books.sqlite import SqliteBooks
from headwater.ports.books import Attempt
from headwater.terms import (
    Completeness,
    Door,
    Durability,
    FeedName,
    Fidelity,
    Id,
    Key,
    Offer,
    Outcome,
    Receipt,
    SenderRef,
    Time,
)

TASKS = 64
ROWS_A_LANDING = 3
ALONE = 2000
BUSY_SECONDS = 100e-6
SENDER = SenderRef("acme", "SHA256:" + "f" * 43)
OFFER = Offer(FeedName("acme-crm", "daily_sales"), Door.HTTP, SENDER, "sales.csv", peer="192.0.2.1", agent="curl/8.5.0")
DRAFT = Receipt(
    v=1,
    id=Id("0" * 32),
    source="acme-crm",
    feed="daily_sales",
    door=Door.HTTP,
    sender=SENDER,
    name="sales.csv",
    opened_at="2026-11-23T09:30:00.000000Z",
    key=Key("raw/lz_source=acme-crm/lz_feed=daily_sales/lz_date=2026-11-23/" + "0" * 32 + "-sales.csv"),
    size_bytes=10240,
    sha256="0" * 64,
    crc64nvme="0" * 16,
    fidelity=Fidelity.VERBATIM,
    completeness=Completeness.PROVEN,
    durability=Durability.ZONE,
)
_ids = (Id(f"{n:032x}") for n in count(1))


def say(measure: str, value: float, unit: str, bar: float | None = None) -> None:
    """One figure."""
    print(json.dumps({"race": "books", "measure": measure, "value": round(value, 1), "unit": unit, "bar": bar}))


async def landing(books: SqliteBooks, busy_seconds: float) -> None:
    """The rows of one landing."""
    id = next(_ids)
    books.attempts.open(Attempt(id=id, outcome=Outcome.OPEN, offer=OFFER, opened_at=Time(1)), soon=False)
    await books.attempts.move(id, 1, outcome=Outcome.SEALING, draft=DRAFT, key=DRAFT.key, size_bytes=10240)
    end = time.perf_counter() + busy_seconds
    while time.perf_counter() < end:
        pass
    books.attempts.move(id, 1, soon=False, outcome=Outcome.LANDED, ended_at=Time(2), completeness=Completeness.PROVEN)


async def together(books: SqliteBooks, landings: int, busy_seconds: float) -> float:
    """Landings by 64 tasks; rows a second."""

    async def task() -> None:
        for _ in range(landings // TASKS):
            await landing(books, busy_seconds)

    began = time.perf_counter()
    await asyncio.gather(*(task() for _ in range(TASKS)))
    await books.facts.set_fact("all", "written")
    return landings * ROWS_A_LANDING / (time.perf_counter() - began)


async def alone(books: SqliteBooks, *, durable: bool) -> float:
    """The median of one awaited `move` at a time, in microseconds."""
    times = []
    for n in range(ALONE):
        id = next(_ids)
        await books.attempts.open(Attempt(id=id, outcome=Outcome.OPEN, offer=OFFER, opened_at=Time(n)))
        began = time.perf_counter()
        await books.attempts.move(id, 1, durable=durable, outcome=Outcome.SEALING, draft=DRAFT, size_bytes=10240)
        times.append((time.perf_counter() - began) * 1e6)
    return statistics.median(times)


async def race(landings: int) -> None:
    """The whole race, in a folder of its own beside this file: a temporary folder may lie in memory."""
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent) as folder:
        books = SqliteBooks(Path(folder) / "books.sqlite3")
        say("one awaited move, median", await alone(books, durable=False), "µs", 150)
        say("one awaited move, synced, median", await alone(books, durable=True), "µs")
        say("rows, 64 tasks", await together(books, landings, 0), "1/s", 12_000)
        busy = await together(books, landings, BUSY_SECONDS)
        say("rows, 64 tasks on a loop with 100 µs of other work a landing", busy, "1/s", 12_000)
        await books.close()


if __name__ == "__main__":
    uvloop.run(race(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000))
