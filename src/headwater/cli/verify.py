"""`headwater verify`: ledger and bytes, read again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from msgspec.structs import asdict, replace
from rich.text import Text

from headwater.care.findings import Problem, Progress, Report, Unexplained
from headwater.care.verify import Zone
from headwater.care.verify import verify as verified
from headwater.cli.ground import Ground, opened
from headwater.cli.output import BAD, GOOD, Bar, as_json, emit, facts, remark, say, shown, stdout
from headwater.cli.session import BAD_NEWS, OK, local_home, open_zone, where
from headwater.cli.words import Flag
from headwater.errors import HeadwaterError, Unavailable
from headwater.layout import parse_feed
from headwater.system import SystemClock
from headwater.zone.delivery import size_text
from headwater.zone.where import HomeAt
from headwater.zone.zone import Zone as Remote

_Found = AsyncGenerator[tuple[str, object], None]


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
    holds and extends the checkpoint that was kept. A running server is not disturbed.

    An object that nothing explains after 24 hours is a problem once: it is entered in the ledger as found, with its key
    and size, and from then on it is named, and no problem.

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
    problems: list[Problem] = []
    report: Report | None = None
    place = ""
    found = _here if isinstance(where(), HomeAt) else _there
    with Bar("verify", None) as bar:
        async for place, each in found(feed, quick, against):  # noqa: B007 - told at the end
            match each:
                case Progress():
                    _show(bar, each)
                case Problem():
                    _tell(each)
                    problems.append(each)
                case Report():
                    report = each
    if report is None:
        raise Unavailable("server_unavailable", "The verification broke off: nothing is known.")
    if not as_json():
        _tell_report(report, place)
    return report, problems


async def _here(feed: str | None, quick: bool, against: str | None) -> _Found:  # noqa: FBT001
    """On the machine of the home, with every core, and beside whoever holds the ledger."""
    workers = os.cpu_count() or 1
    unexplained, report = False, None
    with ThreadPoolExecutor(workers, thread_name_prefix="verify") as threads:
        async with opened(local_home()) as ground:
            zone, name = _zone(ground, threads, workers), ground.store.name
            async for each in verified(zone, feed=parse_feed(feed) if feed else None, quick=quick, against=against):
                unexplained |= isinstance(each, Unexplained)
                if isinstance(each, Report):
                    report = each
                else:
                    yield name, each
    if report is not None:
        yield name, replace(report, entered=_entered(feed)) if unexplained else report


def _entered(feed: str | None) -> int:
    """Has the holder of the ledger look by itself, and enter what nothing explains; how much that was."""
    try:
        with open_zone() as zone:
            return max((told.report.entered for told in _told(zone, feed, quick=True) if told.report), default=0)
    except HeadwaterError as error:
        remark(f"What nothing explains could not be entered as found. {error.sentence}")
        return 0


async def _there(feed: str | None, quick: bool, against: str | None) -> _Found:  # noqa: FBT001
    """On the server, which reads with one core beside its doors."""
    with open_zone() as zone:
        for told in _told(zone, feed, quick=quick, against=against):
            yield zone.name, told.progress or told.problem or told.report


class _Line(msgspec.Struct, frozen=True):
    """A line of the server's: one of the three."""

    progress: Progress | None = None
    problem: Problem | None = None
    report: Report | None = None


def _told(zone: Remote, feed: str | None, *, quick: bool, against: str | None = None) -> Iterator[_Line]:
    rest = b""
    for piece in zone.calls.stream("/v1/verify", feed=feed, quick=quick, against=against).pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield msgspec.json.decode(line, type=_Line)


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


def _found(report: Report) -> str | None:
    unnamed = report.found - len(report.found_keys)
    names = [*report.found_keys, *([f"{unnamed:,} more"] if unnamed else [])]
    return f"{report.found:,}, of which nothing else is known: {', '.join(names)}" if names else None


def _tell_report(report: Report, name: str) -> None:
    facts(
        [
            ("Zone", name),
            ("Entries", f"{report.entries:,} in {', '.join(report.logs)}"),
            ("Objects", f"{report.objects:,}, {size_text(report.size_bytes)} read"),
            ("Held", f"{report.held:,}" if report.held else None),
            ("Erased", f"{report.erased:,}" if report.erased else None),
            ("On their way", f"{report.in_flight:,}" if report.in_flight else None),
            ("Refused", f"{report.refused:,}" if report.refused else None),
            ("Found", _found(report)),
            ("Entered as found", f"{report.entered:,}" if report.entered else None),
            ("Right at a second read", f"{report.reread:,}" if report.reread else None),
        ]
    )
    if report.ok:
        say("Everything holds.", style=GOOD)
    else:
        say(f"{report.problems:,} things are wrong.", style=BAD)
