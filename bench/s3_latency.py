"""How long a sender waits for its yes on S3: 10 KiB files landed at a steady pace on a store that takes 35 ms a call.

An open loop: files arrive 200 times a second whether or not the last ones were answered, and each is timed from when it
was due. The store is `headwater.testing.s3_double`, in a process of its own; landing runs here, from the offer to the
receipt. A landing cannot do without two calls one after the other (the object, then the head of the ledger): so the
peer is the same double's bare PUT, one after the other.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import uvloop
from botocore.config import Config
from chain import BODY
from race import ROUNDS, Race, arguments, scratch
from serve_zone import fresh
from small_files import land

from headwater.app import System, open_system

CALL_SECONDS = 0.035
ARRIVALS_PER_SECOND = 200
SECONDS, QUICK_SECONDS = 6.0, 0.5
PUTS = 20
BUCKET = "bench"
ACCOUNT = {"AWS_ACCESS_KEY_ID": "AKIADOUBLE", "AWS_SECRET_ACCESS_KEY": "double-secret"}


@contextmanager
def s3_double(call_seconds: float) -> Iterator[str]:
    """The double's endpoint, with a versioned bucket."""
    command = [sys.executable, "-m", "headwater.testing.s3_double", "--latency", str(call_seconds)]
    command += ["--bucket", BUCKET, "--versioning"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip() if process.stdout else ""
        finally:
            process.terminate()


def bare_puts(endpoint: str) -> list[float]:
    """Seconds of single PUTs, one after the other, create-only as ours."""
    config = Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})
    client = boto3.client("s3", "us-east-1", endpoint_url=endpoint, config=config)
    taken = []
    for n in range(PUTS):
        began = time.perf_counter()
        client.put_object(Bucket=BUCKET, Key=f"bare/{time.monotonic_ns()}-{n}", Body=BODY, IfNoneMatch="*")
        taken.append(time.perf_counter() - began)
    client.close()
    return taken


async def open_loop(system: System, seconds: float) -> list[float]:
    """Lands what arrives in so many seconds; returns how long each took, from when it was due."""
    taken: list[float] = []

    async def one(due: float) -> None:
        await land(system)
        taken.append(time.perf_counter() - due)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for n in range(round(seconds * ARRIVALS_PER_SECOND)):
            due = began + n / ARRIVALS_PER_SECOND
            await asyncio.sleep(due - time.perf_counter())
            group.create_task(one(due))
    return taken


async def measured(disk: Path, rounds: int, seconds: float) -> tuple[list[list[float]], list[float]]:
    """Rounds of landings, and the bare PUTs made between them; the first of each is not counted."""
    landings, puts = [], []
    with s3_double(CALL_SECONDS) as endpoint:
        home, config = fresh(disk, f"s3://{BUCKET}/zone", endpoint)
        async with open_system(home, config, may_found=True) as system:
            for _ in range(rounds + 1):
                puts.append(await asyncio.to_thread(bare_puts, endpoint))
                landings.append(await open_loop(system, seconds))
    return landings[1:], [each for some in puts[1:] for each in some]


def main() -> None:
    """The whole race."""
    options = arguments(__doc__)
    race = Race("s3_latency")
    os.environ |= ACCOUNT
    rounds, seconds = (1, QUICK_SECONDS) if options.quick else (ROUNDS, SECONDS)
    with scratch(options.disk) as disk:
        landings, puts = uvloop.run(measured(disk, rounds, seconds))
    put_ms = statistics.median(puts) * 1e3
    cuts = [statistics.quantiles(taken, n=100) for taken in landings]
    middle, late = (statistics.median(cut[n] for cut in cuts) * 1e3 for n in (49, 98))
    race.say("bare PUT, median", put_ms, "ms", peer=f"{CALL_SECONDS * 1e3:.0f} ms of it is the double's")
    race.say("landing, median", middle, "ms", bar=round(2 * put_ms + 20, 1), peer="2 × bare PUT + 20 ms")
    race.say("landing, 99th percentile", late, "ms", bar=500, peer=f"{len(landings[0])} landings a round")


if __name__ == "__main__":
    main()
