"""How soon the command line answers: `headwater --help`, and `headwater serve` until it is ready for a sender.

Whole processes, from exec on; `serve` is ready when `/readyz` says 200. Warm: the first round does not count. One side
starts on a home that was there before, one makes its home, zone and keys as well.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import urllib3
from race import ROUNDS, Race, arguments, scratch, take_turns

HEADWATER = Path(sys.executable).with_name("headwater")
HTTP = urllib3.PoolManager(retries=False, timeout=1.0)
READY_SECONDS_MAX = 30.0


def help_seconds() -> float:
    """`headwater --help`."""
    began = time.perf_counter()
    subprocess.run([HEADWATER, "--help"], check=True, capture_output=True)
    return time.perf_counter() - began


def python_seconds() -> float:
    """A Python that does nothing."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", ""], check=True)
    return time.perf_counter() - began


def serve_seconds(home: Path) -> float:
    """`headwater serve` on a home until it is ready."""
    environ = os.environ | {"HEADWATER_HTTP_LISTEN": "127.0.0.1:0"}
    began = time.perf_counter()
    command = [HEADWATER, "--home", home, "serve"]
    log = home.with_suffix(".log")
    with log.open("wb") as out, subprocess.Popen(command, env=environ, stdout=out, stderr=out) as process:
        try:
            while not ready(home / "run.json"):
                if process.poll() is not None or time.perf_counter() - began > READY_SECONDS_MAX:
                    raise RuntimeError(f"`headwater serve` did not get ready:\n{log.read_text()}")
                time.sleep(0.005)
            return time.perf_counter() - began
        finally:
            process.terminate()


def ready(run: Path) -> bool:
    """Whether the server that left this file answers that it is ready."""
    try:
        return HTTP.request("GET", f"{json.loads(run.read_bytes())['http']}/readyz").status == 200
    except (FileNotFoundError, urllib3.exceptions.HTTPError):
        return False


def main() -> None:
    """The whole race."""
    options = arguments(__doc__)
    race = Race("startup")
    with scratch(options.disk) as disk:
        homes = (disk / f"fresh-{n}" for n in count())
        sides: dict[str, Callable[[], float]] = {
            "python -c ''": python_seconds,
            "headwater --help": help_seconds,
            "headwater serve, until ready": lambda: serve_seconds(disk / "home"),
            "headwater serve, from nothing": lambda: serve_seconds(next(homes)),
        }
        taken = take_turns(1 if options.quick else ROUNDS, sides)
    for side, bar in zip(sides, (None, 0.3, 2, 2), strict=True):
        race.say(side, statistics.median(taken[side]), "s", bar=bar)


if __name__ == "__main__":
    main()
