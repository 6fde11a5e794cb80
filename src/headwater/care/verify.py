"""Verifying a zone: ledger and bytes are read again, and each is held against the other.

Fixed memory but for the ledger's own index: 9 bytes a key, so that 10 million deliveries need 90 MB.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from concurrent.futures import Executor
from contextlib import aclosing
from pathlib import Path
from typing import Final

import msgspec

from headwater.care.findings import Problem, Progress, Report, Trouble, Unexplained
from headwater.care.hashing import Expected, Tally, check_files, check_object
from headwater.care.known_keys import KnownKeys
from headwater.care.tree import as_published, check_chain, check_kept, check_log, decoded, published_notes, read_entries
from headwater.errors import HeadwaterError
from headwater.layout import parse_key
from headwater.ledger.entries import Entry, Erased, ErasureOrdered, Found, Held
from headwater.ledger.head import Head
from headwater.ports.books import Attempt
from headwater.ports.ledger import Ledger, LedgerFiles
from headwater.ports.store import ObjectReader, Stored
from headwater.sequencer import LogReader
from headwater.terms import FeedName, Id, Key, Outcome, Receipt, Time, time_text, time_value

HELD_DAYS: Final = 30
IN_FLIGHT_HOURS: Final = 24

_HOUR: Final = 3600 * 1_000_000
_BATCH_FILES: Final = 64
_BATCH_BYTES: Final = 8 * 1024 * 1024
_STREAMS: Final = 16
_WAIT_SECONDS: Final = 0.5
_ENTERED_TOGETHER: Final = 256
_NAMED_MAX: Final = 20


class Zone(msgspec.Struct, frozen=True, kw_only=True):
    """What is verified. `logs` was refreshed before, and is again. `attempt` asks the books, where there are any.

    `ledger` is there in the process that holds it: what nothing explains is then entered as `found`, each once.
    `local_path` says which file an object is, where objects are files: they are then read directly, `workers` at a
    time, in `threads`.
    """

    logs: LogReader
    files: LedgerFiles
    objects: ObjectReader
    now: Time
    threads: Executor
    workers: int
    attempt: Callable[[Id], Awaitable[Attempt | None]] | None = None
    ledger: Ledger | None = None
    local_path: Callable[[Key], Path | None] = lambda _: None


async def verify(
    zone: Zone, *, feed: FeedName | None = None, quick: bool = False, against: str | None = None
) -> AsyncGenerator[Progress | Problem | Unexplained | Report, None]:
    """Re-reads every log, then every object of the feed (None: of all): each receipt has its object, each object its
    receipt, held entries their evidence for 30 days, erased ones nothing.

    `quick` asks the store for size and checksum only. `against` is a checkpoint that was kept outside. Every problem is
    given out as it is found; the report comes last. Raises Unavailable where ledger or store cannot be read at all.
    """
    run = _Run(zone, feed, quick=quick)
    parts: tuple[AsyncGenerator[Progress | Problem | Unexplained, None], ...]
    parts = (run.ledger(against), run.objects(), run.strangers())
    for part in parts:
        async with aclosing(part) as going:
            async for each in going:
                run.problems += isinstance(each, Problem)
                yield each
    yield run.report()


class _Run:
    def __init__(self, zone: Zone, feed: FeedName | None, *, quick: bool) -> None:
        self._zone = zone
        self._feed = feed
        self._quick = quick
        self._heads: list[Head] = []
        self._keys, self._keys_found = KnownKeys(), KnownKeys()
        self._found_keys: list[str] = []
        self._ordered: set[Id] = set()
        self._erased: set[Id] = set()
        self._held: list[Expected] = []
        self._tally = Tally()
        self._ledger_holds = False
        self.problems = 0
        self._entries = self._receipts = self._receipt_bytes = self._erased_receipts = 0
        self._found = self._entered = self._in_flight = self._refused = 0

    def report(self) -> Report:
        return Report(
            logs={head.log: head.size for head in self._heads},
            entries=self._entries,
            objects=self._receipts,
            size_bytes=self._tally.size_bytes,
            erased=self._erased_receipts,
            held=len(self._held),
            found=self._found,
            found_keys=tuple(self._found_keys),
            entered=self._entered,
            in_flight=self._in_flight,
            refused=self._refused,
            reread=self._tally.reread,
            problems=self.problems,
        )

    def _progress(self) -> Progress:
        return Progress(
            entries=self._entries,
            of_entries=self._zone.logs.position,
            objects=self._tally.objects,
            of_objects=self._receipts + len(self._held),
            size_bytes=self._tally.size_bytes,
            of_bytes=self._receipt_bytes,
        )

    # --- the ledger ---------------------------------------------------------------------------------------------------

    async def ledger(self, against: str | None) -> AsyncGenerator[Progress | Problem, None]:
        files, logs = self._zone.files, self._zone.logs
        notes = await published_notes(files, logs.heads)
        await logs.refresh()
        for head in logs.heads:
            note = notes.get(head.log)
            async for problem in check_log(files, head, note):
                yield problem
            seen = await as_published(files, head, note)
            self._heads.append(seen)
            async for each in read_entries(files, seen):
                if isinstance(each, Problem):
                    yield each
                    continue
                entries, problems = decoded(each)
                for problem in problems:
                    yield problem
                for entry in entries:
                    self._note(entry)
                yield self._progress()
        async for problem in check_chain(files, logs):
            yield problem
        if against is not None and (kept := await check_kept(files, logs.heads, against)):
            yield kept
        self._keys.settle()
        self._keys_found.settle()
        self._ledger_holds = not self.problems

    def _note(self, entry: Entry) -> None:
        self._entries += 1
        match entry:
            case Receipt():
                self._keys.add(entry.key)
                if self._covers(entry.feed_name):
                    self._receipts += 1
                    self._receipt_bytes += entry.size_bytes
            case Found():
                self._keys_found.add(entry.key)
            case ErasureOrdered():
                self._ordered.add(entry.id)
            case Erased():
                self._erased.add(entry.id)
            case Held() if entry.key is not None and self._covers(entry.feed_name):
                if time_value(entry.at) > self._zone.now - HELD_DAYS * 24 * _HOUR:
                    self._held.append(Expected(entry.key, entry.kept_bytes, entry.sha256))

    def _covers(self, feed: FeedName) -> bool:
        return self._feed in {None, feed}

    # --- the objects --------------------------------------------------------------------------------------------------

    async def objects(self) -> AsyncGenerator[Progress | Problem, None]:
        at_once = max(self._zone.workers * 2, _STREAMS)
        running: set[asyncio.Future[list[Problem]]] = set()
        try:
            async for work in self._work():
                running.add(asyncio.ensure_future(work))
                while len(running) >= at_once:
                    done, running = await _some(running)
                    for each in done:
                        yield each
                    yield self._progress()
            while running:
                done, running = await _some(running)
                for each in done:
                    yield each
                yield self._progress()
        finally:
            for left in running:
                left.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _work(self) -> AsyncIterator[Awaitable[list[Problem]]]:
        """What is to be read, in pieces of work: a batch of files for one thread, or one object of a store."""
        loop = asyncio.get_running_loop()
        batch: list[tuple[Expected, Path]] = []
        room_bytes = _BATCH_BYTES
        async for expected in self._expected():
            path = None if self._quick else self._zone.local_path(expected.key)
            if path is None:
                yield check_object(self._zone.objects, expected, self._tally, self._zone.threads, quick=self._quick)
                continue
            batch.append((expected, path))
            room_bytes -= expected.size_bytes
            if room_bytes <= 0 or len(batch) >= _BATCH_FILES:
                yield loop.run_in_executor(self._zone.threads, check_files, batch, self._tally)
                batch, room_bytes = [], _BATCH_BYTES
        if batch:
            yield loop.run_in_executor(self._zone.threads, check_files, batch, self._tally)

    async def _expected(self) -> AsyncIterator[Expected]:
        """The ledger a second time: what was erased later is known by now."""
        for head in self._heads:
            async for each in read_entries(self._zone.files, head):
                if isinstance(each, Problem):
                    continue
                for entry in decoded(each)[0]:
                    if isinstance(entry, Receipt) and self._covers(entry.feed_name):
                        yield self._of(entry)
        for held in self._held:
            yield held

    def _of(self, receipt: Receipt) -> Expected:
        gone = receipt.id in self._erased
        self._erased_receipts += gone
        return Expected(
            receipt.key,
            receipt.size_bytes,
            receipt.sha256,
            receipt.crc64nvme,
            receipt.version,
            gone=gone,
            going=receipt.id in self._ordered,
        )

    # --- objects without a receipt ------------------------------------------------------------------------------------

    async def strangers(self) -> AsyncGenerator[Problem | Unexplained, None]:
        below = f"lz_source={self._feed.source}/lz_feed={self._feed.feed}/" if self._feed else ""
        unexplained: list[Unexplained] = []
        for root in ("raw/", "companion/"):
            async for stored in self._zone.objects.list(root + below):
                for each in await self._stranger(stored) if stored.key not in self._keys else ():
                    yield each
                    if isinstance(each, Unexplained):
                        unexplained.append(each)
                if len(unexplained) >= _ENTERED_TOGETHER:
                    await self._enter(unexplained)
        await self._enter(unexplained)

    async def _stranger(self, stored: Stored) -> list[Problem | Unexplained]:
        name = stored.key.encode(errors="surrogateescape").decode(errors="backslashreplace")
        if stored.key in self._keys_found:
            self._found += 1
            if len(self._found_keys) < _NAMED_MAX:
                self._found_keys.append(name)
            return []
        id_, opened_at = _id_of(stored.key)
        since = stored.modified_at or opened_at
        if since is not None and since > self._zone.now - IN_FLIGHT_HOURS * _HOUR:
            self._in_flight += 1
            return []
        attempt = await self._zone.attempt(id_) if id_ and self._zone.attempt else None
        if attempt is not None and attempt.outcome in {Outcome.REFUSED, Outcome.HELD}:
            self._refused += 1
            return []
        age = f" since {time_text(since)}" if since is not None else ""
        said = f" Its attempt is {attempt.outcome}." if attempt is not None else ""
        problem = Problem(Trouble.UNEXPLAINED, name, f"{name} has stood{age} without a receipt.{said}")
        if attempt is not None or name != stored.key or not self._ledger_holds:
            return [problem]  # no entry can say a key that is not UTF-8; and what cannot be read may explain it
        return [problem, Unexplained(stored.key, stored.size_bytes)]

    async def _enter(self, unexplained: list[Unexplained]) -> None:
        found = [Found(v=1, key=each.key, size_bytes=each.size_bytes) for each in unexplained]
        unexplained.clear()
        if self._zone.ledger is not None and found:
            with contextlib.suppress(HeadwaterError):  # a ledger that takes nothing more is verified all the same
                self._entered += sum(each.fresh for each in await self._zone.ledger.append(*found))


async def _some(
    running: set[asyncio.Future[list[Problem]]],
) -> tuple[list[Problem], set[asyncio.Future[list[Problem]]]]:
    """Waits a moment; what was found by those that ended, and those that still run."""
    done, left = await asyncio.wait(running, timeout=_WAIT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    return [problem for each in done for problem in each.result()], left


def _id_of(key: Key) -> tuple[Id | None, Time | None]:
    """The id in an object's key, and the time in the id (RFC 9562 §5.7)."""
    try:
        id_ = parse_key(key).id
    except ValueError:
        return None, None
    return id_, Time(int(id_[:12], 16) * 1000)
