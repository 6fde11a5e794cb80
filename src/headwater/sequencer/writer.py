"""The one writer of a zone's log: what waits becomes one batch, one compare-and-swap of the head, and then answers."""

from __future__ import annotations

import asyncio
from collections import deque

import msgspec

from headwater.errors import Damaged, HeadwaterError, Unavailable
from headwater.layout import ledger_path
from headwater.ledger.entries import Closed, Entry, Heartbeat, decode, encode, stamped
from headwater.ledger.head import Head
from headwater.ledger.note import Signer
from headwater.ports.clock import Clock
from headwater.ports.ledger import ClaimBook, Entered, HeadStore, HeadTag, LedgerFiles, Overtaken, Unclear
from headwater.sequencer.batch import Batch
from headwater.sequencer.claims import Claims
from headwater.sequencer.founding import found_log, same_commit, take_over, wait_until_free
from headwater.sequencer.reading import LogReader
from headwater.sequencer.tiling import Tiling, full_tiles
from headwater.terms import Position, Time

BATCH_ENTRIES_MAX = 1024
TILE_OUT_ENTRIES = 256
TILE_OUT_BYTES = 256 * 1024
TILE_OUT_SECONDS = 1.0


class Pace(msgspec.Struct, frozen=True):
    """How often the writer does what nobody waits for, in seconds."""

    publish_seconds: float = TILE_OUT_SECONDS
    heartbeat_seconds: float = 3600.0
    retry_seconds: float = 0.25


PACE = Pace()


class _Waiting(msgspec.Struct):
    entries: tuple[Entry, ...]
    answer: asyncio.Future[list[Entered]]


class Sequencer:
    """Implements `ports.ledger.Ledger`; made by `open`, ended by `close`. `reader` reads what it wrote."""

    def __init__(
        self,
        store: HeadStore,
        stored: HeadTag,
        tiling: Tiling,
        claims: Claims,
        reader: LogReader,
        clock: Clock,
        pace: Pace,
    ) -> None:
        self._store = store
        self._stored = stored
        self._tiling = tiling
        self._claims = claims
        self._clock = clock
        self._pace = pace
        self._queue: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._tile_now = asyncio.Event()
        self._ending = asyncio.Event()
        self._failure: HeadwaterError | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._tile_lock = asyncio.Lock()
        self._swap_lock = asyncio.Lock()
        self._last_entry_at = clock.monotonic()
        self.reader = reader

    # --- opening and closing -----------------------------------------------------------------------------------------

    @classmethod
    async def open(
        cls,
        reader: LogReader,
        store: HeadStore,
        files: LedgerFiles,
        claims: ClaimBook,
        signer: Signer,
        clock: Clock,
        *,
        writer: str,
        pace: Pace = PACE,
    ) -> Sequencer:
        """Takes over the log of `store` as `writer`, and recovers what an earlier writer left undone.

        `writer` begins with the node's id; its own earlier process is dead when this is called (the home's lock).
        Raises Misconfigured("in_use") while another node shows signs of life, Damaged when the log contradicts itself.
        """
        tag = await store.load()
        if tag is None:
            raise Damaged("The head of the ledger is gone. Restore it from a mirror of the zone.")
        tag = await wait_until_free(store, tag, writer, clock)
        tag = await take_over(store, tag, writer, clock, pace.retry_seconds)
        tiling = await Tiling.resume(files, signer, tag.head)
        reader.see(tag.head)
        caught_up = await Claims.catch_up(claims, reader)
        sequencer = cls(store, tag, tiling, caught_up, reader, clock, pace)
        sequencer._tasks = [
            asyncio.create_task(sequencer._write(), name="sequencer"),
            asyncio.create_task(sequencer._tile(), name="tiling"),
            asyncio.create_task(sequencer._beat(), name="heartbeat"),
        ]
        return sequencer

    @property
    def head(self) -> Head:
        """The committed head."""
        return self._stored.head

    @property
    def failure(self) -> HeadwaterError | None:
        """Why this writer stopped for good, None while it works."""
        return self._failure

    @property
    def tiling(self) -> Tiling:
        """The tiles and the published checkpoint of the current log."""
        return self._tiling

    async def close(self) -> None:
        """Enters what waits, moves everything into tiles, publishes, and gives the log back."""
        self._end_loops()
        await asyncio.gather(*self._tasks)
        if self._failure is None:
            await self.checkpoint()
            released = msgspec.structs.replace(self.head.tiled_to(self._tiling.size), writer="")
            await self._swap(released)

    # --- appending ---------------------------------------------------------------------------------------------------

    async def append(self, *entries: Entry) -> list[Entered]:
        """See `ports.ledger.Ledger.append`."""
        if self._failure is not None:
            raise self._failure
        if self._ending.is_set():
            raise Unavailable("draining")
        answer: asyncio.Future[list[Entered]] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(entries, answer))
        self._wake.set()
        return await answer  # who stops waiting cancels only the answer

    async def holder(self, claim: str) -> Entered | None:
        """See `ports.ledger.Ledger.holder`."""
        position = self._claims.holder(claim)
        return None if position is None else await self._holder(position)

    async def _write(self) -> None:
        """The writer's loop: no timer, a batch is whatever waits when the last one was answered."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                await self._write_batch(self._take_batch())
            if self._ending.is_set():
                return

    def _take_batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        count = 0
        while self._queue and count < BATCH_ENTRIES_MAX:
            batch.append(self._queue.popleft())
            count += len(batch[-1].entries)
        return batch

    async def _write_batch(self, batch: list[_Waiting]) -> None:
        async with self._swap_lock:
            planned = Batch(self.head, self._claims, Time(max(self._clock.now(), self.head.time)))
            answers: list[tuple[_Waiting, list[Entered | Position]]] = []
            for waiting in batch:
                try:
                    answers.append((waiting, planned.add(waiting.entries)))
                except (HeadwaterError, ValueError) as error:
                    _fail(waiting, error)
            try:
                if planned.encoded:
                    await self._swap(self.head.tiled_to(self._tiling.size).appended(planned.encoded, planned.at))
                    self._claims.take(planned.claims.items(), planned.streams.values(), self.reader.position)
                    self._last_entry_at = self._clock.monotonic()
            except HeadwaterError as error:
                for waiting, _ in answers:
                    _fail(waiting, error)
                return
        for waiting, answer in answers:
            await self._answer(waiting, answer)
        pending = self.head.pending
        if len(pending) >= TILE_OUT_ENTRIES or sum(map(len, pending)) >= TILE_OUT_BYTES:
            self._tile_now.set()

    async def _answer(self, waiting: _Waiting, answer: list[Entered | Position]) -> None:
        try:
            entered = [each if isinstance(each, Entered) else await self._holder(each) for each in answer]
        except HeadwaterError as error:
            _fail(waiting, error)
        else:
            if not waiting.answer.done():
                waiting.answer.set_result(entered)

    async def _holder(self, position: Position) -> Entered:
        async for place, data in self.reader.read(Position(position - 1), 1):
            return Entered(place, decode(data), fresh=False)
        raise Damaged(f"A claim is held by position {position}, where no entry stands.")

    async def closed(self) -> bool:
        """Whether the last entry of this log says that another one goes on."""
        async for _, data in self.reader.read(Position(self.reader.position - 1), 1):
            return isinstance(decode(data), Closed)
        return False

    async def rotate(self, store: HeadStore, files: LedgerFiles, signer: Signer, reason: str) -> None:
        """Closes this log and goes on in the next one, `store`, under `signer`; nothing is entered in between.

        Raises Unavailable while this log is not closed yet. Once it is, only the next one can take entries, and what is
        unavailable is tried again until that stands. Repeatable after a crash: `open` finds a closed log without a next
        one, and calls this again.
        """
        async with self._swap_lock:
            if not await self.closed():
                at = Time(max(self._clock.now(), self.head.time))
                entry = stamped(Closed(v=1, next=signer.name, vkey=signer.vkey, reason=reason), at)
                await self._swap(self.head.tiled_to(self._tiling.size).appended([encode(entry)], at))
            writer = self.head.writer
            while True:
                try:
                    await self._go_on(store, files, signer, writer)
                except Unavailable:
                    if self._failure is not None:
                        raise
                    await self._clock.sleep(self._pace.retry_seconds)
                else:
                    return

    async def _go_on(self, store: HeadStore, files: LedgerFiles, signer: Signer, writer: str) -> None:
        """From a closed log into the next one. Repeatable."""
        zone_id, _, number = self.head.log.rpartition("-")
        await self.checkpoint()
        note = await files.read(ledger_path(self.head.log, "checkpoint")) or b""
        founded = await found_log(
            store,
            files,
            signer,
            self._clock.now(),
            zone_id=zone_id,
            number=int(number) + 1,
            before=(self.head, note.decode()),
        )
        await self._swap(msgspec.structs.replace(self.head.tiled_to(self._tiling.size), writer=""))
        stored = await take_over(store, founded, writer, self._clock, self._pace.retry_seconds)
        tiling = await Tiling.resume(files, signer, stored.head)
        async with self._tile_lock:
            self._store, self._stored, self._tiling = store, stored, tiling
            self.reader.see(self.head)

    # --- the commit point --------------------------------------------------------------------------------------------

    async def _swap(self, head: Head) -> None:
        """Commits `head`, whatever answers get lost on the way. Returns only if it is certain that it stands.

        Raises Unavailable when it certainly does not stand and the old head does. When another writer has the log, or
        it is damaged, this writer stops for good.
        """
        while True:
            try:
                # The commit point of everything in Headwater: once this write is stored, the entries are history.
                tag = await self._store.commit(head, self._stored)
            except (Overtaken, Unclear):
                stored = await self._look()
                if same_commit(stored.head, head):
                    tag = stored
                elif same_commit(stored.head, self._stored.head):
                    self._stored = stored
                    await self._clock.sleep(self._pace.retry_seconds)
                    continue  # certainly not stored: send the same bytes again, nothing new joins
                else:
                    await self._step_down(stored.head, head)
                    return
            except Damaged as damage:
                self._stop(damage)
                raise
            self._stored = tag
            self.reader.see(tag.head)
            return

    async def _look(self) -> HeadTag:
        """Reads the head until it answers: an unclear answer is not a no (law 11)."""
        wait_seconds = self._pace.retry_seconds
        while True:
            try:
                if stored := await self._store.load():
                    return stored
            except Unavailable:
                await self._clock.sleep(wait_seconds)
                wait_seconds = min(wait_seconds * 2, 5.0)
                continue
            except Damaged as damage:
                self._stop(damage)
                raise
            gone = Damaged("The head of the ledger vanished while it was written.")
            self._stop(gone)
            raise gone

    async def _step_down(self, stored: Head, ours: Head) -> None:
        """Another writer has the log. If our last batch stands below its entries, it is committed all the same."""
        failure = Unavailable("ledger_unavailable", f"The ledger was taken over by {stored.writer or 'another node'}.")
        first = self.head.size
        self.reader.see(stored)
        found: list[bytes] = []
        while len(found) < ours.size - first and first + len(found) < stored.size:
            found += await self.reader.entries(stored, first + len(found), ours.size)
        self._stop(failure)
        if ours.size == first or found != list(ours.pending[first - ours.tiled :]):
            raise failure

    def _stop(self, failure: HeadwaterError) -> None:
        self._failure = self._failure or failure
        while self._queue:
            _fail(self._queue.popleft(), failure)
        self._end_loops()

    def _end_loops(self) -> None:
        self._ending.set()
        self._wake.set()
        self._tile_now.set()

    # --- off the answer's path ---------------------------------------------------------------------------------------

    async def _tile(self) -> None:
        """Moves committed entries into tiles: full ones when many wait, all of them and a checkpoint once a second."""
        published_at = self._clock.monotonic()
        while not self._ending.is_set():
            try:
                async with asyncio.timeout(self._pace.publish_seconds):
                    await self._tile_now.wait()
            except TimeoutError:
                pass
            self._tile_now.clear()
            try:
                if self._clock.monotonic() - published_at >= self._pace.publish_seconds:
                    await self.checkpoint()
                    published_at = self._clock.monotonic()
                else:
                    await self._tile_out(full_tiles(self.head.size))
            except Unavailable:
                await self._clock.sleep(self._pace.retry_seconds)
            except Damaged as damage:
                self._stop(damage)

    async def _tile_out(self, size: int) -> None:
        async with self._tile_lock:
            if size > self._tiling.size:
                await self._tiling.tile_out(self.head, size)
            await self._claims.flush()

    async def checkpoint(self) -> None:
        """Publishes a signed checkpoint that covers every entry committed before the call."""
        await self._tile_out(self.head.size)
        async with self._tile_lock:
            await self._tiling.publish()

    async def _beat(self) -> None:
        """Shows that the writer lives: to other nodes by the head's `beat`, to auditors by `heartbeat` entries."""
        lease_seconds = self._store.lease_seconds
        pause_seconds = min(lease_seconds / 3 if lease_seconds else 60.0, self._pace.heartbeat_seconds)
        while not self._ending.is_set():
            try:
                async with asyncio.timeout(pause_seconds):
                    await self._ending.wait()
            except TimeoutError:
                pass
            if self._ending.is_set():
                return
            try:
                if self._clock.monotonic() - self._last_entry_at >= self._pace.heartbeat_seconds:
                    await self.append(Heartbeat(v=1))
                elif lease_seconds:
                    async with self._swap_lock:
                        await self._swap(self.head.tiled_to(self._tiling.size).beaten())
            except HeadwaterError:
                continue


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error)
