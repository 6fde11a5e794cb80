"""Verifying a zone against `sha256sum` over the same files, as many processes as cores, all in the page cache.

A directory zone of 64 MiB objects, a quarter of the bytes in objects of 256 KiB, with its ledger; `verify` re-reads
ledger and bytes. `openssl dgst`, which uses the processor's SHA instructions where `sha256sum` may not, runs beside.
The three take turns; medians. One JSON object a line. `bench/verify.py [GIB] [ROUNDS]`, 10 GiB and 5 unless told; the
files lie in the temporary folder.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from headwater.care.findings import Report
from headwater.care.verify import Zone, verify
from headwater.layout import raw_key
from headwater.ledger.note import Signer
from headwater.sequencer import LogReader, Sequencer
from headwater.sequencer.founding import found_log
from headwater.stores.directory_zone import open_directory_zone
from headwater.system import SystemClock, SystemIds
from headwater.terms import (
    Completeness,
    Door,
    Durability,
    FeedName,
    Fidelity,
    Receipt,
    SenderRef,
    time_text,
)
from headwater.testing.memory_log import MemoryClaims

ZONE = "0" * 31 + "1"
FEED = FeedName("acme-crm", "daily_sales")
LARGE_BYTES, SMALL_BYTES = 64 << 20, 256 << 10
SMALL_SHARE = 4
CORES = len(os.sched_getaffinity(0))


def say(measure: str, value: float, unit: str, bar: float | None = None) -> None:
    """One figure."""
    print(json.dumps({"race": "verify", "measure": measure, "value": round(value, 2), "unit": unit, "bar": bar}))


def sizes(total_bytes: int) -> list[int]:
    """How large the objects are."""
    small = total_bytes // SMALL_SHARE
    return [LARGE_BYTES] * ((total_bytes - small) // LARGE_BYTES) + [SMALL_BYTES] * (small // SMALL_BYTES)


async def build(folder: Path, total_bytes: int) -> None:
    """The zone: files as landing would leave them, and a receipt for each."""
    clock, ids, signer = SystemClock(), SystemIds(), Signer.generate(f"{ZONE}-1")
    store = open_directory_zone(folder)
    head = store.heads(signer.name)
    await found_log(head, store.files, signer, clock.now(), zone_id=ZONE)
    logs = LogReader(store.heads, store.files, ZONE)
    await logs.refresh()
    ledger = await Sequencer.open(logs, head, store.files, MemoryClaims(), signer, clock, writer="bench process 1")
    block = os.urandom(LARGE_BYTES)
    for number, size_bytes in enumerate(sizes(total_bytes)):
        at = clock.now()
        id = ids.new(at)
        key = raw_key(FEED, at, id, "x.bin")
        data = number.to_bytes(8) + block[8:size_bytes]
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(data)
        await ledger.append(
            Receipt(
                v=1,
                id=id,
                source=FEED.source,
                feed=FEED.feed,
                door=Door.HTTP,
                sender=SenderRef("acme", "SHA256:" + "f" * 43),
                name="x.bin",
                opened_at=time_text(at),
                key=key,
                size_bytes=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
                crc64nvme="0" * 16,
                fidelity=Fidelity.VERBATIM,
                completeness=Completeness.PRESUMED,
                durability=Durability.ZONE,
            )
        )
    await ledger.close()
    await store.close()


async def ours(folder: Path) -> float:
    """Seconds for a whole verification."""
    begun = time.perf_counter()
    store = open_directory_zone(folder, read_only=True)
    logs = LogReader(store.heads, store.files, ZONE)
    await logs.refresh()
    with ThreadPoolExecutor(CORES) as threads:
        zone = Zone(
            logs=logs,
            files=store.files,
            objects=store.reader,
            now=SystemClock().now(),
            threads=threads,
            workers=CORES,
            local_path=lambda key: folder / key,
        )
        *_, report = [each async for each in verify(zone)]
    await store.close()
    assert isinstance(report, Report), "a verification ends with its report"
    assert report.ok, report
    return time.perf_counter() - begun


def theirs(folder: Path, *command: str) -> float:
    """Seconds for a tool that hashes the files it is given, on every core."""
    begun = time.perf_counter()
    listed = subprocess.run(["find", folder / "raw", "-type", "f", "-print0"], check=True, capture_output=True).stdout
    spread = ["xargs", "-0", "-P", str(CORES), "-n", "16", *command]
    subprocess.run(spread, input=listed, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def main() -> None:
    """Builds, races, and says the figures."""
    total_bytes = int(float(sys.argv[1] if len(sys.argv) > 1 else 10) * (1 << 30))
    rounds = int(sys.argv[2] if len(sys.argv) > 2 else 5)
    with tempfile.TemporaryDirectory(prefix="headwater-verify-") as scratch:
        folder = Path(scratch) / "zone"
        asyncio.run(build(folder, total_bytes))
        theirs(folder, "sha256sum")  # all of it is in the page cache from here on
        seconds: dict[str, list[float]] = {"sha256sum": [], "openssl dgst": [], "verify": []}
        for _ in range(rounds):
            seconds["sha256sum"].append(theirs(folder, "sha256sum"))
            seconds["openssl dgst"].append(theirs(folder, "openssl", "dgst", "-sha256"))
            seconds["verify"].append(asyncio.run(ours(folder)))
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    for name, median in medians.items():
        say(name, sum(sizes(total_bytes)) / median / 1e9, "GB/s")
    say("verify of sha256sum", 100 * medians["sha256sum"] / medians["verify"], "%", bar=95)
    say("verify of openssl dgst", 100 * medians["openssl dgst"] / medians["verify"], "%")


if __name__ == "__main__":
    main()
