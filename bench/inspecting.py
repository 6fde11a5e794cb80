"""What the races of inspection share: a real worker, how much memory it takes, and rows to look at."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from headwater.formats.finding import Finding
from headwater.inspector.client import Worker
from headwater.inspector.job import LOADS, Job, Limits
from headwater.inspector.open_file import OpenFile, safe_name

NAMES = (
    "id",
    "ordered_at",
    "day",
    "customer",
    "town",
    "country",
    "sku",
    "quantity",
    "price",
    "is_paid",
    "comment",
    "score",
)
BLOCK_ROWS = 100_000
WATCH_SECONDS = 0.05
TIME_SECONDS_MAX = 3000.0
MIB = 2**20


@contextmanager
def worker() -> Iterator[Worker]:
    """A worker as the server starts it, ready for its first job."""
    with Worker(Limits(time_seconds=TIME_SECONDS_MAX), LOADS) as started:
        yield started


def inspect(at_work: Worker, path: Path) -> tuple[float, Finding]:
    """Seconds, and the finding."""
    with OpenFile(path) as source:
        job = Job(name=path.name, file_name=safe_name(path.name), size_bytes=source.size_bytes, has_file=True)
        began = time.perf_counter()
        finding = at_work.inspect(job, source)
        return time.perf_counter() - began, finding


@contextmanager
def memory_of_workers() -> Iterator[list[int]]:
    """The most bytes that any worker, or child of one, held in memory meanwhile; one value, growing."""
    most, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(WATCH_SECONDS):
            most[0] = max(most[0], *(_resident_bytes(process) for process in Path("/proc").glob("[0-9]*")))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()


def _resident_bytes(process: Path) -> int:
    """Of a worker that this process started, or of its child: both have the command line of the worker."""
    try:
        if b"headwater.inspector.worker" not in (process / "cmdline").read_bytes():
            return 0
        parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
        grandparent = Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[1]
        if str(os.getpid()) not in {parent, grandparent}:
            return 0
        lines = (process / "status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))
    except (OSError, StopIteration):
        return 0


def rows(count: int = BLOCK_ROWS) -> list[list[str]]:
    """Orders, as texts; the same each time."""
    chance = random.Random(11)
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    made = []
    for number in range(count):
        at = begin + timedelta(seconds=chance.randrange(60_000_000))
        comment = chance.choice(
            ["", "", "", "late", "called twice, no answer", 'says "as agreed"', "leave at the gate"]
        )
        town = chance.choice(["Leeds", "Köln", "Oslo", "Genoa", "Málaga", "Riga"])
        order = [str(number), at.strftime("%Y-%m-%dT%H:%M:%S"), at.strftime("%Y-%m-%d")]
        order += [f"customer {chance.randrange(40_000)}", town, chance.choice(["GB", "DE", "NO", "IT"])]
        order += [f"SKU-{chance.randrange(10**6):06d}", str(chance.randrange(1, 99)), f"{chance.uniform(1, 900):.2f}"]
        order += [chance.choice(["true", "false"]), comment, "" if chance.random() < 0.1 else f"{chance.random():.6f}"]
        made.append(order)
    return made
