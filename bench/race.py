"""What every race needs: figures that are said as JSON lines, rounds that take turns, and the machine's own facts."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from headwater.stores.zone_lock import filesystem

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT))  # so that a race starts real servers as tests do: `from tests import services`

ROUNDS = 5
MORE_IS_BETTER = frozenset({"1/s", "MB/s", "GB/s", "%"})
"""Units in which a figure must reach its bar; in all others it must not exceed it."""


class Race:
    """Says the figures of one race on standard output, each as one JSON object a line."""

    def __init__(self, name: str) -> None:
        self._name = name

    def say(
        self, measure: str, value: float | str, unit: str = "", *, bar: float | None = None, peer: str | None = None
    ) -> None:
        """One figure. `bar` is what it must reach, or must not exceed (`MORE_IS_BETTER`); `peer` what stands beside."""
        shown = round(value, 3) if isinstance(value, float) else value
        line = {"race": self._name, "measure": measure, "value": shown, "unit": unit, "bar": bar, "peer": peer}
        print(json.dumps(line, ensure_ascii=False), flush=True)

    def say_ratio(self, measure: str, ours: Sequence[float], peers: Sequence[float], bar: float, peer: str) -> None:
        """How much of a peer's rate ours is, in percent: the median over rounds in which both took their turn."""
        percents = [100 * our / other for our, other in zip(ours, peers, strict=True)]
        beside = f"{peer}; rounds {min(percents):.0f}–{max(percents):.0f} %"
        self.say(measure, statistics.median(percents), "%", bar=bar, peer=beside)


def holds(line: Mapping[str, object]) -> bool | None:
    """Whether a figure keeps its bar; None where it has none."""
    value, bar = line["value"], line["bar"]
    if not isinstance(value, int | float) or not isinstance(bar, int | float):
        return None
    return value >= bar if line["unit"] in MORE_IS_BETTER else value <= bar


def take_turns(rounds: int, sides: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Measures each side once a round, A B A B …, after one round that does not count.

    What else runs on the machine then hurts all sides alike: ratios within one run hold where absolute figures do not.
    """
    measured: dict[str, list[float]] = {name: [] for name in sides}
    for n in range(rounds + 1):
        for name, measure in sides.items():
            value = measure()
            if n:
                measured[name].append(value)
    return measured


def arguments(about: str | None) -> argparse.Namespace:
    """What every race is told: `quick`, and `disk`, a folder on the disk under test."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes: the figures mean nothing")
    parser.add_argument("--disk", type=Path, default=Path(tempfile.gettempdir()), help="where the disk under test is")
    return parser.parse_args()


@contextmanager
def scratch(where: Path) -> Iterator[Path]:
    """A new folder that is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="headwater-bench-", dir=where) as folder:
        yield Path(folder)


def memory_folder() -> Path:
    """A folder on a tmpfs; the usual temp folder where there is none."""
    shm = Path("/dev/shm")
    return shm if filesystem(shm) == "tmpfs" and os.access(shm, os.W_OK) else Path(tempfile.gettempdir())


def machine(disk: Path) -> dict[str, str]:
    """What the figures depend on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty"], check=False, capture_output=True, text=True
    )
    return {
        "cores": f"{os.cpu_count()} of {model}",
        "kernel": f"{platform.system()} {platform.release()}",
        "disk": filesystem(disk),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "python": platform.python_version(),
        "commit": commit.stdout.strip() or "none",
        "load": f"{os.getloadavg()[0]:.1f} before the first race",
    }
