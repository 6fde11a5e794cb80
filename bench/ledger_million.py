"""A ledger of 1 M entries in a directory, by the real sequencer: does anything grow with the log?

1,024 appends wait at a time, as from so many senders; claims go into SQLite books, heads, tiles and checkpoints are
synced as ever. After each tenth of the log: the cost of an entry in that tenth, one append alone, proofs of entries all
over the log, and a start (a clean one: look for the logs, take the head over, resume tiles, catch up claims). From the
slopes follow the figures at 10 M, on paper. Tessera's fsck judges the result.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop
from race import ROOT, Race, arguments, scratch

from headwater.books.sqlite import SqliteBooks
from headwater.care.proving import tlog_proof
from headwater.layout import log_name
from headwater.ledger.note import Signer
from headwater.ports.zone import ZoneStore
from headwater.sequencer import LogReader, Sequencer
from headwater.sequencer.founding import found_log
from headwater.stores.directory_zone import open_directory_zone
from headwater.system import SystemClock, SystemIds
from headwater.terms import Completeness, Door, Durability, Fidelity, Key, Position, Receipt, SenderRef, time_text

ENTRIES, QUICK_ENTRIES = 1_000_000, 5_000
TENTHS = 10
AT_ONCE = 1024
PROOFS = 50
ON_PAPER = 10_000_000
ZONE = "0198c0de0000700080000000000000aa"
LOG = log_name(ZONE, 1)
clock, ids = SystemClock(), SystemIds()


def receipt(n: int) -> Receipt:
    """The n-th delivery."""
    now = clock.now()
    id, at = ids.new(now), time_text(now)
    return Receipt(
        v=1,
        id=id,
        source="acme-crm",
        feed="daily_sales",
        door=Door.HTTP,
        sender=SenderRef("acme", "SHA256:" + "f" * 43),
        name=f"sales_{n:09d}.csv",
        opened_at=at,
        landed_at=at,
        key=Key(f"raw/lz_source=acme-crm/lz_feed=daily_sales/lz_date={at[:10]}/{id}-sales_{n:09d}.csv"),
        size_bytes=n,
        sha256=f"{n:064x}",
        crc64nvme=f"{n:016x}",
        fidelity=Fidelity.VERBATIM,
        completeness=Completeness.PROVEN,
        durability=Durability.ZONE,
    )


class Ledger:
    """A log in a new folder, and what is asked of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._signer = Signer.generate(LOG)
        self._books = folder / "books.sqlite3"

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[tuple[Sequencer, ZoneStore, float]]:
        """The log as `serve` opens it, and the seconds that took."""
        began = time.perf_counter()
        store, books = open_directory_zone(self.folder / "zone"), SqliteBooks(self._books)
        reader = LogReader(store.heads, store.files, ZONE)
        await reader.refresh()
        if not reader.heads:
            await found_log(store.heads(LOG), store.files, self._signer, clock.now(), zone_id=ZONE)
            await reader.refresh()
        sequencer = await Sequencer.open(
            reader, store.heads(LOG), store.files, books.claims, self._signer, clock, writer="node process"
        )
        took = time.perf_counter() - began
        try:
            yield sequencer, store, took
        finally:
            await sequencer.close()
            await store.close()
            await books.close()

    async def tenth(self, entries: int, start: int) -> tuple[float, float]:
        """Appends so many; returns the seconds of one among many, and of one alone."""
        async with self.opened() as (sequencer, _, _):
            numbers = iter(range(start, start + entries))

            async def sender() -> None:
                for n in numbers:
                    await sequencer.append(receipt(n))

            began = time.perf_counter()
            await asyncio.gather(*(sender() for _ in range(min(AT_ONCE, entries))))
            among = (time.perf_counter() - began) / entries
            alone = []
            for n in range(PROOFS):
                began = time.perf_counter()
                await sequencer.append(receipt(start + entries + n))
                alone.append(time.perf_counter() - began)
        return among, statistics.median(alone)

    async def started(self) -> tuple[float, list[float]]:
        """The seconds of a start, and of proofs of entries all over the log, each with its entry looked up."""
        async with self.opened() as (sequencer, store, took):
            proofs = []
            for n in range(PROOFS):
                position = Position(1 + (n * 7919 * sequencer.head.size // PROOFS) % sequencer.head.size)
                began = time.perf_counter()
                async for place, entry in sequencer.reader.read(Position(position - 1), 1):
                    await tlog_proof(store.files, place, entry)
                proofs.append(time.perf_counter() - began)
        return took, proofs

    def verdict(self) -> str:
        """What Tessera's fsck says, in a word."""
        program = ROOT / ".services" / "bin" / "tessera-fsck"
        if not program.exists():
            return "not asked: .ci/services gets tessera-fsck"
        from tests.services import fsck  # noqa: PLC0415 - brings the test tools

        log = self.folder / "zone" / "ledger" / LOG
        return f"accepted, {fsck(log, self._signer.vkey).size} entries"


def say(race: Race, measure: str, seconds: list[float], sizes: list[int], bar_ms: float | None = None) -> None:
    """The last figure with its bar, and what the slope makes of it at 10 M, if it grows."""
    slope, intercept = statistics.linear_regression(sizes, seconds)
    on_paper = max(seconds[-1], intercept + slope * ON_PAPER)
    race.say(measure, seconds[-1] * 1e3, "ms", bar=bar_ms, peer=f"{seconds[0] * 1e3:.3g} ms at a tenth of the log")
    race.say(f"{measure}, at 10 M on paper", on_paper * 1e3, "ms", bar=bar_ms, peer="by the slope over the tenths")


async def main() -> None:
    """The whole race."""
    options = arguments(__doc__)
    race = Race("ledger_million")
    tenth = (QUICK_ENTRIES if options.quick else ENTRIES) // TENTHS
    among, alone, starts, proofs, sizes = [], [], [], [], []
    with scratch(options.disk) as folder:
        ledger = Ledger(folder)
        for n in range(TENTHS):
            one_among, one_alone = await ledger.tenth(tenth, n * tenth)
            start, asked = await ledger.started()
            among.append(one_among)
            alone.append(one_alone)
            starts.append(start)
            proofs.append(asked)
            sizes.append((n + 1) * tenth)
        race.say("entries", sizes[-1])
        race.say("entries appended, the whole log", TENTHS / sum(among), "1/s", peer=f"{AT_ONCE} wait at a time")
        flat = statistics.median(among[-3:]) / statistics.median(among[:3])
        race.say("append among many, last three tenths ÷ first", flat, "×", bar=1.25)
        race.say("append alone", alone[-1] * 1e3, "ms", peer=f"{alone[0] * 1e3:.3g} ms at a tenth of the log")
        say(race, "append among many", among, sizes)
        say(race, "inclusion proof", [statistics.median(each) for each in proofs], sizes, 10)
        race.say("inclusion proof, slowest", max(map(max, proofs)) * 1e3, "ms", peer=f"of {PROOFS * TENTHS}")
        say(race, "start", starts, sizes, 1000)
        race.say("Tessera's fsck", ledger.verdict())
        size_bytes = sum(file.stat().st_size for file in (folder / "zone" / "ledger").rglob("*") if file.is_file())
        race.say("size of the ledger, each entry", size_bytes / sizes[-1], "B")


if __name__ == "__main__":
    uvloop.run(main())
