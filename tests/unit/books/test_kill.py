from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from headwater.books.sqlite import SqliteBooks
from headwater.terms import Time
from tests.contract.books.samples import an_id

WRITER = """
import asyncio, sys
from pathlib import Path
from headwater.books.sqlite import SqliteBooks
from headwater.terms import Outcome
from tests.contract.books.samples import an_attempt, an_id, an_identity, a_receipt, placed

async def task(books, first):
    for n in range(first, 10**9, 8):
        books.attempts.open(an_attempt(n))
        await books.attempts.move(an_id(n), 1, outcome=Outcome.SEALING, size_bytes=n)
        await books.keys.claim("acme", an_attempt(n).offer.feed, str(n), an_id(n), an_attempt(n).opened_at)
        await books.identities.put(an_identity(f"sender-{n}"))
        sys.stdout.write(f"{n}\\n")
        sys.stdout.flush()

async def land(books):
    for n in range(1, 10**9):
        await books.catalog.apply(placed(a_receipt(n), after=n - 1))
        sys.stdout.write(f"landed {n}\\n")
        sys.stdout.flush()

async def main():
    books = SqliteBooks(Path(sys.argv[1]))
    await asyncio.gather(land(books), *(task(books, first) for first in range(1, 9)))

asyncio.run(main())
"""


@pytest.mark.parametrize("rows", [1, 40, 400])
def test_every_awaited_row_survives_kill_9(tmp_path, rows):
    """A process that writes by eight tasks is killed in the middle: what it had been told is written is there, each
    table is whole, and the books can be written again.
    """
    path = tmp_path / "books.sqlite3"
    command = [sys.executable, "-c", WRITER, str(path)]
    told = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            told.append(line)
            if len(told) == rows:
                process.kill()
        process.wait()
    landed = [int(line.split()[1]) for line in told if line.endswith("\n") and line.startswith("landed")]
    attempts = [int(line) for line in told if line.endswith("\n") and not line.startswith("landed")]

    async def check():
        books = SqliteBooks(path)
        written = {row.id: row.size_bytes for row in await books.attempts.unfinished(Time(2**62))}
        assert {an_id(n): n for n in attempts}.items() <= written.items()
        names = {identity.name for identity in await books.identities.identities()}
        assert {f"sender-{n}" for n in attempts} <= names
        applied = await books.catalog.applied()
        assert applied >= max(landed, default=0)
        assert sum(feed.deliveries for feed in await books.catalog.feeds()) == applied
        assert await books._pages.ask(lambda c: c.execute("PRAGMA integrity_check").fetchone()) == ("ok",)
        await books.facts.set_fact("after", "all")
        await books.close()

    asyncio.run(check())
