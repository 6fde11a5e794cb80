"""Verifying a zone of conftest.py, and what the tests of it do."""

from __future__ import annotations

import asyncio
import os

from headwater.care.findings import Problem, Report, Trouble
from headwater.care.verify import verify
from headwater.terms import Key, Receipt


async def look(zone, *, seen=None, **how):
    """Everything a verification gives out, by kind."""
    items = [each async for each in verify(seen or zone.seen(), **how)]
    assert isinstance(items[-1], Report)
    problems = [each for each in items if isinstance(each, Problem)]
    assert items[-1].problems == len(problems)
    return items[-1], problems, items


async def troubles(zone, **how) -> list[Trouble]:
    """What is wrong."""
    return [problem.trouble for problem in (await look(zone, **how))[1]]


def see(zone, head) -> None:
    """Has the zone's reader take this head for the stored one."""

    async def refresh() -> None:
        zone.reader.see(head)

    zone.reader.refresh = refresh


async def fill(zone, count: int, size: int = 100) -> list[Receipt]:
    """Deliveries with their receipts, many in one batch."""
    receipts = [zone.receipt(bytes([at % 256]) * size) for at in range(count)]
    await asyncio.gather(*(zone.put(each.key, bytes([at % 256]) * size) for at, each in enumerate(receipts)))
    await zone.enter(*receipts)
    return receipts


def touch(zone, key: Key) -> None:
    """Gives a file the age that the test's clock says."""
    seconds = zone.clock.now() / 1_000_000
    os.utime(zone.folder / key, (seconds, seconds))
