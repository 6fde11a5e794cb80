"""How long a sender waits for its yes while the inspector is busy, beside the same server that inspects nothing.

An open loop in process: small CSV files arrive 50 times a second whether or not the last ones were answered, each timed
from when it was due. Where it is busy, the inspector has large files to get through all the while. The two take turns,
each time on a fresh zone.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path

import uvloop
from inspect_large import csv_block
from inspecting import MIB, memory_of_workers, rows
from race import ROUNDS, Race, arguments, scratch
from serve_zone import fresh

from headwater.app import System, open_system
from headwater.terms import Door, FeedName, Offer, SenderRef

ARRIVALS_PER_SECOND = 50
SECONDS, QUICK_SECONDS = 12.0, 0.5
LARGE_BYTES, LARGE_FILES = 48 * MIB, 8
FEED = FeedName("first", "files")


async def land(system: System, data: bytes, name: str) -> None:
    """One file, from the offer to the receipt."""
    upload = await system.landing.open(Offer(feed=FEED, door=Door.HTTP, sender=SenderRef("bench", "none"), name=name))
    for start in range(0, len(data), MIB):
        await upload.write(start, data[start : start + MIB])
    await upload.seal()


async def waits(folder: Path, seconds: float, large: bytes, *, inspects: bool) -> list[float]:
    """How long each landing took, from when it was due."""
    taken: list[float] = []
    small = "".join(csv_block(rows(80))).encode()

    async def one(due: float, number: int) -> None:
        await land(system, small, f"small-{number}.csv")
        taken.append(time.perf_counter() - due)

    home, config = fresh(folder / "home", str(folder / "zone"))
    async with open_system(home, config, may_found=True, inspects=inspects) as system:
        for number in range(LARGE_FILES):
            await land(system, large, f"large-{number}.csv")
        await asyncio.sleep(min(1.0, seconds))  # the worker has started
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(round(seconds * ARRIVALS_PER_SECOND)):
                due = began + number / ARRIVALS_PER_SECOND
                await asyncio.sleep(due - time.perf_counter())
                group.create_task(one(due, number))
    return taken


def main() -> None:
    """The whole race."""
    options = arguments(__doc__)
    race = Race("inspect_beside")
    seconds, size_bytes = (QUICK_SECONDS, MIB) if options.quick else (SECONDS, LARGE_BYTES)
    head, block, _ = csv_block(rows(5000 if options.quick else 100_000))
    large = (head + block * max(1, size_bytes // len(block))).encode()
    late: dict[bool, list[float]] = {True: [], False: []}
    middle: dict[bool, list[float]] = {True: [], False: []}
    for number in range(2 if options.quick else ROUNDS + 1):
        for inspects in (False, True):
            with scratch(options.disk) as disk, memory_of_workers() as most:
                taken = uvloop.run(waits(disk, seconds, large, inspects=inspects))
            if bool(most[0]) != inspects:
                raise RuntimeError("a worker was there where none should be, or none where one should")
            if number:
                cuts = statistics.quantiles(taken, n=100)
                late[inspects].append(cuts[98] * 1e3)
                middle[inspects].append(cuts[49] * 1e3)
    for name, measured in (("median", middle), ("99th percentile", late)):
        beside = f"{statistics.median(measured[False]):.1f} ms without inspection"
        race.say(f"landing beside a busy inspector, {name}", statistics.median(measured[True]), "ms", peer=beside)
    ratio = statistics.median(ours / other for ours, other in zip(late[True], late[False], strict=True))
    race.say("99th percentile, of that without inspection", ratio, "times", bar=1.2)


if __name__ == "__main__":
    main()
