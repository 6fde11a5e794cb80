"""Findings in the zone, for third parties: one Parquet a feed and day, written once the day is over.

A day's file holds the findings that stood then; what comes later about that day (a long upload, a new run) makes
another file beside it. No file has values of the bytes in it: they are made once, and erasing changes none of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from headwater.landing.digest import Checksum, Digester
from headwater.layout import findings_key
from headwater.ports.clock import Clock
from headwater.ports.findings import FindingBook, Inspected, Unwritten
from headwater.ports.store import KeyTaken, ObjectCreator
from headwater.terms import Time, day_text

SETTLE_SECONDS: Final = 6 * 3600
"""How long after its end a day's uploads may still land before its file is written."""

NUMBERS_TRIED: Final = 100

Rendered = Callable[[Sequence[Inspected]], Awaitable[bytes]]


class FindingFiles:
    """Writes them. `render` makes the Parquet of some findings, the same bytes for the same findings."""

    def __init__(
        self, book: FindingBook, creator: ObjectCreator, render: Rendered, clock: Clock, crc64nvme: Checksum
    ) -> None:
        self._book = book
        self._creator = creator
        self._render = render
        self._clock = clock
        self._crc64nvme = crc64nvme

    async def write_days_that_are_over(self) -> int:
        """Writes what stands in no file yet, and returns how many files that made. Raises Unavailable; repeatable."""
        before = day_text(Time(self._clock.now() - SETTLE_SECONDS * 1_000_000))
        count = 0
        while (batch := await self._book.unwritten(before)) is not None:
            await self._write(batch)
            count += 1
        return count

    async def _write(self, batch: Unwritten) -> None:
        body = [await self._render(batch.findings)]
        digester = Digester(self._crc64nvme)
        digester.update(body)
        for number in range(batch.number, batch.number + NUMBERS_TRIED):
            try:
                await self._creator.create(findings_key(batch.feed, batch.day, number), body, digester.digests())
            except KeyTaken:  # written before a crash, with fewer findings in it, or before the books were made anew
                continue
            await self._book.written(msgspec.structs.replace(batch, number=number))
            return
        raise KeyTaken
