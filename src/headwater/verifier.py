"""Verifying the zone of a running system, beside its doors."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path

from headwater.care.findings import Problem, Progress, Report, Unexplained
from headwater.care.verify import Zone, verify
from headwater.errors import Refused
from headwater.ports.books import AttemptBook
from headwater.ports.clock import Clock
from headwater.ports.ledger import Ledger
from headwater.ports.zone import ZoneStore
from headwater.sequencer import LogReader
from headwater.terms import FeedName


class Verifier:
    """One verification at a time, with one thread, so that landing stays quick. `root` is the folder of a zone that is
    one: its objects are then read as files. Into `ledger`, where this process writes one, goes what nothing explains.
    """

    def __init__(
        self,
        store: ZoneStore,
        logs: LogReader,
        attempts: AttemptBook,
        clock: Clock,
        root: Path | None,
        ledger: Ledger | None = None,
    ) -> None:
        self._store = store
        self._logs = logs
        self._attempts = attempts
        self._clock = clock
        self._root = root
        self._ledger = ledger
        self._running = False

    async def verify(
        self, feed: FeedName | None, *, quick: bool, against: str | None
    ) -> AsyncGenerator[Progress | Problem | Unexplained | Report, None]:
        """As `care.verify.verify`. Raises Refused("too_many") while another one goes on."""
        if self._running:
            raise Refused("too_many", "A verification is going on already.")
        self._running = True
        root = self._root
        try:
            with ThreadPoolExecutor(1, thread_name_prefix="headwater-verify") as threads:
                logs = self._logs.afresh()
                await logs.refresh()
                zone = Zone(
                    logs=logs,
                    files=self._store.files,
                    objects=self._store.reader,
                    now=self._clock.now(),
                    threads=threads,
                    workers=1,
                    attempt=self._attempts.get,
                    ledger=self._ledger,
                    local_path=(lambda _: None) if root is None else (lambda key: root / key),
                )
                async with aclosing(verify(zone, feed=feed, quick=quick, against=against)) as found:
                    async for each in found:
                        yield each
        finally:
            self._running = False
