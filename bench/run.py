"""Runs the races, all or those named, and prints how each figure stands to its bar.

`bench/run.py [RACE …] [--quick] [--disk FOLDER] [--out FILE]`. Each race is a script of its own that says its figures
as JSON lines; `--out` keeps them, after one line that says when, where and under what conditions. Exit code 1 when a
race broke or, unless --quick, a bar was missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from race import holds, machine
from rich.console import Console
from rich.table import Table


class Entry(NamedTuple):
    """A race: its arguments for the real run and for the smoke run; DISK stands for the folder under test."""

    real: tuple[str, ...]
    quick: tuple[str, ...]


DISK = "DISK"
TABLE_CHARS = 150
RACE_SECONDS_MAX = 3600.0
OURS = Entry(("--disk", DISK), ("--disk", DISK, "--quick"))
RACES = {
    "http_put": OURS,
    "small_files": OURS,
    "sftp": OURS,
    "s3_put": OURS,
    "s3_latency": OURS,
    "verify": Entry(("10", "5"), ("0.125", "1")),
    "ledger_million": OURS,
    "catalog": Entry(("1000000",), ("2000",)),
    "memory": OURS,
    "startup": OURS,
    "dialects": OURS,
    "detection": OURS,
    "wholeness": OURS,
    "inspect_large": OURS,
    "inspect_small": OURS,
    "inspect_beside": OURS,
}


def run(race: str, arguments: tuple[str, ...], disk: Path) -> list[dict[str, Any]]:
    """Runs one race in a process of its own and returns its figures. Raises SubprocessError when it breaks."""
    command = [sys.executable, str(Path(__file__).with_name(f"{race}.py"))]
    command += [str(disk) if argument == DISK else argument for argument in arguments]
    environ = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environ |= {"TMPDIR": str(disk), "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environ, timeout=RACE_SECONDS_MAX)
    return [json.loads(line) for line in done.stdout.splitlines()]


def shown(value: object) -> str:
    """A figure as people read it: three digits that count."""
    if not isinstance(value, int | float):
        return "" if value is None else str(value)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(conditions: dict[str, str], figures: list[dict[str, Any]]) -> Table:
    """All figures, with their bars and peers."""
    made = Table(caption=" · ".join(f"{name} {value}" for name, value in conditions.items()), caption_justify="left")
    for column in ("race", "measure", "value", "bar", "", "beside"):
        made.add_column(column, justify="right" if column in {"value", "bar"} else "left", overflow="fold")
    before = ""
    for line in figures:
        mark = {True: "[green]kept[/]", False: "[red]missed[/]", None: ""}[holds(line)]
        value, bar = f"{shown(line['value'])} {line['unit']}", shown(line["bar"])
        if line["race"] != before:
            made.add_section()
        made.add_row(line["race"] * (line["race"] != before), line["measure"], value, bar, mark, line.get("peer") or "")
        before = line["race"]
    return made


def keep(out: Path | None, lines: list[dict[str, Any]]) -> None:
    """Adds lines to the file of figures, so that a run that is stopped leaves what it had."""
    if out:
        with out.open("a") as file:
            file.writelines(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)


def parsed() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("races", nargs="*", metavar="RACE", help=f"of {', '.join(RACES)}; all if none is named")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that all runs")
    parser.add_argument("--disk", type=Path, default=Path(tempfile.gettempdir()), help="where the disk under test is")
    parser.add_argument("--out", type=Path, help="a file that the figures are added to, as JSON lines")
    options = parser.parse_args()
    if unknown := set(options.races) - RACES.keys():
        parser.error(f"there is no race {', '.join(sorted(unknown))}")
    return options


def main() -> int:
    """Runs what was asked for."""
    options = parsed()
    conditions = {"date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), **machine(options.disk)}
    if options.quick:
        conditions["sizes"] = "quick: the figures mean nothing"
    figures: list[dict[str, Any]] = []
    broken = []
    keep(options.out, [conditions])
    console = Console(width=None if sys.stdout.isatty() else TABLE_CHARS)
    for race in options.races or RACES:
        with console.status(f"{race} …"):
            try:
                said = run(race, RACES[race].quick if options.quick else RACES[race].real, options.disk)
            except subprocess.SubprocessError:
                broken.append(race)
                said = []
        keep(options.out, said)
        figures += said
    console.print(table(conditions, figures))
    for race in broken:
        console.print(f"[red]{race} broke[/]: its own words stand above.")
    missed = not options.quick and any(holds(line) is False for line in figures)
    return 1 if broken or missed else 0


if __name__ == "__main__":
    sys.exit(main())
