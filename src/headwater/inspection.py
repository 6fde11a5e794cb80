"""Inspection as a system has it: the follower, its worker processes, and findings on their way into the zone."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Final

from awscrt.checksums import crc64nvme

from headwater.books.sqlite import SqliteBooks
from headwater.config_schema import Inspect
from headwater.errors import HeadwaterError
from headwater.followers.finding_files import FindingFiles
from headwater.followers.findings import Findings
from headwater.followers.follow import Follower
from headwater.inspector.job import Limits
from headwater.inspector.pool import FEW_CORES, Pool, Settings, cores, workers_for
from headwater.logs import note
from headwater.ports.clock import Clock
from headwater.ports.findings import Inspected
from headwater.ports.ledger import LedgerReader
from headwater.ports.zone import ZoneStore
from headwater.terms import Position, Receipt
from headwater.web.metrics import Metrics

GATHER_SECONDS: Final = 0.25
"""How far inspection stays behind the ledger, at least: landing comes first."""

QUIET_SECONDS_MAX: Final = 0.02
"""How long a finding waits at most for a moment in which nothing lands."""

FAULT_SECONDS: Final = 60.0
"""How long after a fault it is tried again."""

WRITE_SECONDS: Final = 600.0
"""How often it is looked whether a day is over whose findings are not in the zone yet."""

log = logging.getLogger("headwater.inspection")


class Inspection:
    """The workers start with the first delivery that is looked at; `close` ends them."""

    def __init__(
        self, settings: Inspect, store: ZoneStore, folder: Path | None, books: SqliteBooks, clock: Clock
    ) -> None:
        limits = Limits(memory_bytes=settings.memory_bytes, time_seconds=settings.time_seconds)
        workers = settings.workers or workers_for(cores())
        self._is_on = settings.enabled
        self._has_few_cores = cores() <= FEW_CORES
        self._clock = clock
        self._pool = Pool(store.reader, folder, Settings(workers, limits))
        quiet = partial(self._pool.brake.quiet, QUIET_SECONDS_MAX)  # at once where nobody holds the workers
        self._findings = Findings(
            self._pool, books.findings, books.cursors, clock, samples=settings.samples, quiet=quiet
        )
        self._files = FindingFiles(books.findings, store.creator, self._pool.table, clock, crc64nvme)

    def held(self) -> AbstractContextManager[None]:
        """The workers stand still meanwhile, where there are few cores: see `inspector.brake`."""
        return self._pool.brake.held() if self._has_few_cores else nullcontext()

    @property
    def again(self) -> Callable[[Receipt, Position], Awaitable[Inspected]] | None:
        """Looks at one delivery once more; None where inspection is off."""
        return self._findings.again if self._is_on else None

    def works(self, reader: LedgerReader, metrics: Metrics) -> Sequence[Awaitable[None]]:
        """What goes on for ever: following the ledger, and writing findings into the zone."""
        if not self._is_on:
            return ()
        follower = Follower(reader, self._findings, self._clock, gather_seconds=GATHER_SECONDS)
        metrics.gauge("headwater_inspection_lag_entries", "Entries not inspected yet.", lambda: follower.lag)
        return (
            self._follow(follower),
            self._write(),
        )

    async def _follow(self, follower: Follower) -> None:
        """Whatever goes wrong is logged and tried again: inspection stops nothing, and nothing stops it for good."""
        while True:
            try:
                await follower.follow()
            except Exception:  # a fault of ours
                log.exception("fault")
            await self._clock.sleep(FAULT_SECONDS)

    async def _write(self) -> None:
        while True:
            try:
                count = await self._files.write_days_that_are_over()
                if count:
                    note(log, "findings_written", files=count)
            except HeadwaterError as error:
                note(log, "findings_not_written", level=logging.WARNING, sentence=error.sentence)
            except Exception:  # as above
                log.exception("fault")
            await self._clock.sleep(WRITE_SECONDS)

    async def close(self) -> None:
        """Ends the workers."""
        await self._pool.close()
