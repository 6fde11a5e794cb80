"""`headwater verify`: ledger and bytes, read again."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from msgspec.structs import asdict
from rich.text import Text

from headwater.care.findings import Problem, Progress, Report
from headwater.care.verify import Zone
from headwater.care.verify import verify as verified
from headwater.cli.ground import Ground, opened
from headwater.cli.output import BAD, GOOD, Bar, as_json, emit, facts, say, shown, stdout
from headwater.cli.session import BAD_NEWS, OK, local_home
from headwater.cli.words import Flag
from headwater.layout import parse_feed
from headwater.system import SystemClock
from headwater.zone.delivery import size_text


def verify(
    feed: Annotated[str | None, Parameter(name="SOURCE/FEED", help="Read the bytes of this feed alone.")] = None,
    /,
    *,
    quick: Flag = False,
    against: Annotated[
        Path | None, Parameter(help="A checkpoint that was kept outside, as `checkpoint` gave it.")
    ] = None,
) -> int:
    """Reads ledger and bytes again: every receipt has its object, every object its receipt, digests agree, the tree
    holds and extends the checkpoint that was kept. On the machine of the home; a running server is not disturbed.

    Parameters
    ----------
    quick
        Ask the store for sizes and checksums only, instead of reading every byte.
    """
    report, problems = asyncio.run(_verify(feed, quick, None if against is None else against.read_text()))
    if as_json():
        emit({**asdict(report), "ok": report.ok, "problems": problems})
    return OK if report.ok else BAD_NEWS


async def _verify(feed: str | None, quick: bool, against: str | None) -> tuple[Report, list[Problem]]:  # noqa: FBT001
    workers = os.cpu_count() or 1
    problems: list[Problem] = []
    reports: list[Report] = []
    with ThreadPoolExecutor(workers, thread_name_prefix="verify") as threads, Bar("verify", None) as bar:
        async with opened(local_home()) as ground:
            zone = _zone(ground, threads, workers)
            async for each in verified(zone, feed=parse_feed(feed) if feed else None, quick=quick, against=against):
                match each:
                    case Progress():
                        _show(bar, each)
                    case Problem():
                        _tell(each)
                        problems.append(each)
                    case Report():
                        reports.append(each)
    if not as_json():
        _tell_report(reports[0], ground)
    return reports[0], problems


def _zone(ground: Ground, threads: ThreadPoolExecutor, workers: int) -> Zone:
    root = ground.root
    return Zone(
        logs=ground.logs,
        files=ground.store.files,
        objects=ground.store.reader,
        now=SystemClock().now(),
        threads=threads,
        workers=workers,
        attempt=ground.books.attempts.get if ground.books else None,
        local_path=(lambda _: None) if root is None else (lambda key: root / key),
    )


def _show(bar: Bar, progress: Progress) -> None:
    if progress.of_bytes:
        bar.show(progress.size_bytes, progress.of_bytes, f"{progress.objects} of {progress.of_objects} objects")
    else:
        bar.show(0, None, f"{progress.entries} of {progress.of_entries} entries")


def _tell(problem: Problem) -> None:
    if not as_json():
        stdout().print(Text(problem.trouble.ljust(12), style=BAD) + shown(problem.sentence), soft_wrap=True)


def _tell_report(report: Report, ground: Ground) -> None:
    facts(
        [
            ("Zone", ground.store.name),
            ("Entries", f"{report.entries:,} in {', '.join(report.logs)}"),
            ("Objects", f"{report.objects:,}, {size_text(report.size_bytes)} read"),
            ("Held", f"{report.held:,}" if report.held else None),
            ("Erased", f"{report.erased:,}" if report.erased else None),
            ("On their way", f"{report.in_flight:,}" if report.in_flight else None),
            ("Refused", f"{report.refused:,}" if report.refused else None),
            ("Found", f"{report.found:,}" if report.found else None),
            ("Right at a second read", f"{report.reread:,}" if report.reread else None),
        ]
    )
    if report.ok:
        say("Everything holds.", style=GOOD)
    else:
        say(f"{report.problems:,} things are wrong.", style=BAD)
