"""The catalog of 1 M deliveries: what a page and a single delivery cost, and what it takes to build.

Feeds synthetic entries through `apply`, then asks as `ls`, `changes` and `show` do, each question as often as it takes
to have a median, at several depths. One JSON object a line. `bench/catalog.py [DELIVERIES]`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from headwater.books.sqlite import SqliteBooks
from headwater.ledger.entries import Amended, Entry, Renamed, Void, encode
from headwater.ports.catalog import DeliveryQuery
from headwater.terms import (
    Completeness,
    Door,
    Durability,
    FeedName,
    Fidelity,
    Id,
    Key,
    Place,
    Position,
    Receipt,
    SenderRef,
    Time,
    time_text,
)

START = 1_790_000_000_000_000
STEP_MICROSECONDS = 1_000_000
SOURCES, FEEDS_PER_SOURCE = 20, 10
BIG, SMALL = FeedName("source-0", "feed-0"), FeedName("source-7", "feed-3")
BATCH = 1024
QUESTIONS = 21


def delivery_id(n: int) -> Id:
    """A UUIDv7 in order of n, with a random end that depends on n alone."""
    end = hashlib.sha256(b"id %d" % n).hexdigest()[:16]
    return Id(f"{(START + n * STEP_MICROSECONDS) // 1000:012x}7000{end}")


def receipt(n: int, chance: random.Random) -> Receipt:
    """The n-th delivery: half of all go to one feed of one source, the rest are spread over the others."""
    feed = 0 if chance.random() < 0.5 else chance.randrange(SOURCES * FEEDS_PER_SOURCE)
    source, name = f"source-{feed // FEEDS_PER_SOURCE}", f"feed-{feed % FEEDS_PER_SOURCE}"
    at = time_text(Time(START + n * STEP_MICROSECONDS))
    id = delivery_id(n)
    repeats = n > 10_000 and feed == 0 and n % 10 == 0
    return Receipt(
        v=1,
        id=id,
        source=source,
        feed=name,
        door=chance.choice(tuple(Door)),
        sender=SenderRef(f"sender-{feed // 20}", "SHA256:" + "f" * 43),
        name=f"{name}_{n // 100:06d}.csv" if n % 7 else f"reports/{n % 5000}/summary.json",
        opened_at=at,
        landed_at=at,
        key=Key(f"raw/lz_source={source}/lz_feed={name}/lz_date={at[:10]}/{id}-{name}.csv"),
        size_bytes=n % 1_000_000,
        sha256=hashlib.sha256(b"%d" % n).hexdigest(),
        crc64nvme="0123456789abcdef",
        fidelity=Fidelity.VERBATIM,
        completeness=Completeness.PROVEN if n % 3 else Completeness.PRESUMED,
        durability=Durability.ZONE,
        repeat_of=delivery_id(chance.randrange(n - 1000)) if repeats else None,
    )


def entries(deliveries: int) -> Iterator[Entry]:
    """Deliveries, and for one in fifty a later entry about an earlier one."""
    chance = random.Random(1)
    for n in range(deliveries):
        yield receipt(n, chance)
        if n > 100 and n % 50 == 0:
            about, at = delivery_id(n - chance.randrange(1, 100)), time_text(Time(START + n * STEP_MICROSECONDS))
            if n % 1000 == 0:
                yield Void(v=1, at=at, id=about, by="op", reason="wrong file")
            elif n % 100:
                yield Renamed(v=1, at=at, id=about, name=f"renamed-{n}.csv", by="sender")
            else:
                yield Amended(v=1, at=at, id=about, completeness=Completeness.SUSPECT, reason="prefix_of")


def say(measure: str, value: float, unit: str, bar: float | None = None) -> None:
    """One figure."""
    print(json.dumps({"race": "catalog", "measure": measure, "value": round(value, 3), "unit": unit, "bar": bar}))


async def build(books: SqliteBooks, deliveries: int) -> int:
    """Feeds everything; returns the last position."""
    batch: list[tuple[Place, bytes]] = []
    position = 0
    applying = 0.0
    slowest = 0.0
    for entry in entries(deliveries):
        position += 1
        batch.append((Place("0198c0de-1", position - 1, Position(position)), encode(entry)))
        if len(batch) == BATCH:
            began = time.perf_counter()
            await books.catalog.apply(batch)
            took = time.perf_counter() - began
            applying, slowest = applying + took, max(slowest, took)
            batch.clear()
    await books.catalog.apply(batch)
    say("entries applied", position / applying, "1/s")
    say(f"slowest batch of {BATCH}", slowest * 1000, "ms")
    return position


async def median(measure: str, ask: Callable[[int], Awaitable[Any]], bar: float | None = 50) -> float:
    """Asks with 0, 1, 2 …; says the median, and returns the slowest."""
    times = []
    for n in range(QUESTIONS):
        began = time.perf_counter()
        await ask(n)
        times.append((time.perf_counter() - began) * 1000)
    say(measure, statistics.median(times), "ms", bar)
    return max(times)


async def race(deliveries: int) -> None:
    """The whole race, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
        books = SqliteBooks(Path(folder) / "books.sqlite3")
        last = await build(books, deliveries)
        say("size of the books", (Path(folder) / "books.sqlite3").stat().st_size / 1e6, "MB")
        await ask_all(books, deliveries, last)
        await books.close()


async def ask_all(books: SqliteBooks, deliveries: int, last: int) -> None:
    """Pages at several depths under every filter, changes, and single deliveries."""
    catalog = books.catalog
    slowest = [
        await median(f"ls {name}, {depth}", lambda n, f=chosen, b=bound: catalog.deliveries(page(f, b and b - n)))
        for name, chosen in filters(deliveries).items()
        for depth, bound in (("newest", None), ("halfway", last // 2), ("oldest", last // 50))
    ]
    for depth in (0, last // 2, last - 20):
        slowest += [
            await median(f"ls oldest first after {depth}", lambda n, d=depth: catalog.deliveries(after(d + n))),
            await median(f"changes after {depth}", lambda n, d=depth: catalog.changes(None, None, d + n, 50)),
            await median(
                f"changes of a small feed after {depth}", lambda n, d=depth: catalog.changes(None, SMALL, d + n, 50)
            ),
        ]
    slowest += [
        await median("show", lambda n: catalog.delivery(delivery_id(deliveries // 2 + n * 997 % (deliveries // 2)))),
        await median("show by ending", lambda n: catalog.matching(delivery_id(n * 997)[-8:])),
        await median("entries about", lambda n: catalog.entries_about(delivery_id(n * 997))),
        await median("same name", lambda n: catalog.same_name(BIG, f"feed-0_{n:06d}.csv", 50)),
        await median("precedents", lambda n: catalog.precedents(BIG, f"feed-0_{n:06d}.csv", "00" * 32)),
        await median("feeds", lambda _: catalog.feeds()),
    ]
    say("slowest single answer of all these", max(slowest), "ms", 50)
    nowhere = DeliveryQuery(feed=BIG, name_glob="*nowhere*")
    await median("a name that is nowhere, walking the big feed", lambda _: catalog.deliveries(nowhere), None)


def page(chosen: dict[str, Any], before: int | None) -> DeliveryQuery:
    """A page of `ls`."""
    return DeliveryQuery(**chosen, before=None if before is None else Position(before))


def after(position: int) -> DeliveryQuery:
    """A page of `?after=`."""
    return DeliveryQuery(after=Position(position))


def filters(deliveries: int) -> dict[str, dict[str, Any]]:
    """What `ls` can be asked for."""
    half = Time(START + deliveries // 2 * STEP_MICROSECONDS)
    return {
        "everything": {},
        "the big feed": {"feed": BIG},
        "a small feed": {"feed": SMALL},
        "a source": {"source": "source-0"},
        "feeds by patterns": {"feeds": ("source-1*/*", "source-0/feed-1")},
        "a sender": {"sender": "sender-3"},
        "a door": {"door": "sftp"},
        "void": {"state": "void"},
        "effective": {"state": "effective"},
        "suspect in the big feed": {"feed": BIG, "completeness": "suspect"},
        "void by sftp of a sender": {"state": "void", "door": "sftp", "sender": "sender-0"},
        "since": {"since": half},
        "until": {"until": half},
        "an hour of a feed": {"feed": BIG, "since": half, "until": Time(half + 3_600_000_000)},
        "a name by its beginning": {"feed": BIG, "name_glob": f"feed-0_{deliveries // 300:06d}*"},
        "names by their ending": {"feed": BIG, "name_glob": "*.json"},
    }


if __name__ == "__main__":
    asyncio.run(race(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
