"""`headwater put`: lands files."""

from __future__ import annotations

import os
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from headwater.cli.output import Bar, as_json, coloured, emit, remark, shown, table, tell_problem
from headwater.cli.session import BAD_NEWS, OK, TRY_AGAIN, exit_code, open_zone
from headwater.cli.words import Flag, seconds_of, size_of
from headwater.errors import HeadwaterError, Refused

if TYPE_CHECKING:
    from headwater.zone import Delivery, Zone
    from headwater.zone.source import Source

STDIN = "-"
RETRY_SECONDS_MAX = 30.0
_SLICES_PER_SECOND = 8


@dataclass(frozen=True)
class Item:
    """One thing to be landed: a path, or None for stdin, under a name."""

    path: Path | None
    name: str
    size_bytes: int | None


@dataclass
class Plan:
    """What was asked for."""

    feed: str
    items: list[Item]
    once: bool
    key: str | None
    give_up_seconds: float
    pace: Pace
    began: float = field(default_factory=time.monotonic)


class Pace:
    """Counts the bytes of all transfers, shows them, and holds them to a rate."""

    def __init__(self, bar: Bar, bytes_per_second: int | None) -> None:
        self._bar = bar
        self._rate = bytes_per_second
        self._lock = threading.Lock()
        self._free_at = 0.0
        self.done_bytes = 0

    def passed(self, source: Source) -> Iterator[bytes]:
        """The pieces of a source, counted and not too fast."""
        slice_bytes = max(1, self._rate // _SLICES_PER_SECOND) if self._rate else None
        for piece in source.pieces():
            for at in range(0, len(piece), slice_bytes or len(piece)):
                part = piece[at : at + slice_bytes] if slice_bytes else piece
                self._wait(len(part))
                yield part
                self._count(len(part))

    def undone(self, size_bytes: int) -> None:
        """These bytes are sent again."""
        self._count(-size_bytes)

    def _count(self, size_bytes: int) -> None:
        with self._lock:
            self.done_bytes += size_bytes
            self._bar.show(self.done_bytes)

    def _wait(self, size_bytes: int) -> None:
        if self._rate is None:
            return
        with self._lock:
            self._free_at = max(self._free_at, time.monotonic()) + size_bytes / self._rate
            seconds = self._free_at - time.monotonic()
        time.sleep(max(0.0, seconds))


def put(
    paths: Annotated[list[str], Parameter(name="PATH", help="Files to land; - is stdin and wants --name.")],
    /,
    *,
    to: Annotated[str, Parameter(help="The feed they go to, as source/feed.")],
    name: Annotated[str | None, Parameter(help="The name of the one file, instead of its own.")] = None,
    recursive: Annotated[bool, Parameter(name=["--recursive", "-r"], negative="", show_default=False)] = False,
    transfers: Annotated[int, Parameter(help="How many at once.")] = 4,
    limit_rate: Annotated[str | None, Parameter(help="Bytes in a second, all together: 2MiB.")] = None,
    give_up_after: Annotated[str, Parameter(help="How long to try again while the server is unavailable.")] = "10m",
    idempotency_key: Annotated[str | None, Parameter(help="The same bytes again under this key land nothing.")] = None,
    once: Flag = False,
    dry_run: Flag = False,
) -> int:
    """Lands files, and returns when each is durable or refused.

    A file that changed while it was read is not landed. Uploads cannot be resumed yet: one that was cut starts over, and
    that is said; nothing lands twice by it.

    Parameters
    ----------
    recursive
        Land folders too: all files in them, with names relative to the folder.
    once
        Skip files whose name and SHA-256 stand in the feed already.
    dry_run
        Only say what would be landed.
    """
    from headwater.layout import parse_feed

    feed = str(parse_feed(to))
    items = list(_items(paths, name, recursive=recursive))
    if idempotency_key is not None and len(items) != 1:
        raise Refused("bad_request", f"--idempotency-key is for one file, and these are {len(items)}.")
    if transfers < 1:
        raise Refused("bad_request", "--transfers must be 1 or more.")
    rate = None if limit_rate is None else size_of(limit_rate)
    give_up_seconds = seconds_of(give_up_after)
    with open_zone() as zone:
        if dry_run:
            return _told(items, feed, zone)
        sizes = [item.size_bytes for item in items]
        total = None if None in sizes else sum(filter(None, sizes))
        with Bar(f"to {feed}", total) as bar:
            plan = Plan(feed, items, once, idempotency_key, give_up_seconds, Pace(bar, rate))
            codes = _all_landed(zone, plan, transfers)
    return BAD_NEWS if BAD_NEWS in codes else max(codes, default=OK)


# --- what -------------------------------------------------------------------------------------------------------------


def _items(paths: Sequence[str], name: str | None, *, recursive: bool) -> Iterator[Item]:
    if name is not None and len(paths) != 1:
        raise Refused("bad_request", "--name is for one file.")
    for text in paths:
        path = Path(text)
        if text == STDIN:
            if name is None:
                raise Refused("bad_request", "What comes by stdin has no name: give one with --name.")
            yield Item(None, name, None)
        elif not path.is_dir():
            yield Item(path, name or path.name, path.stat().st_size)
        elif not recursive:
            raise Refused("bad_request", f"{shown(text)} is a folder: -r lands the files in it.")
        elif name is not None:
            raise Refused("bad_request", "--name is for one file, not for a folder.")
        else:
            yield from _inside(path)


def _inside(folder: Path) -> Iterator[Item]:
    for where, folders, files in os.walk(folder):
        folders.sort()
        for file in sorted(files):
            path = Path(where, file)
            if path.is_file():
                yield Item(path, str(path.relative_to(folder)), path.stat().st_size)


def _told(items: Sequence[Item], feed: str, zone: Zone) -> int:
    from headwater.zone.delivery import size_text

    if as_json():
        for item in items:
            emit({"feed": feed, "name": shown(item.name), "size_bytes": item.size_bytes})
        return OK
    rows = [(feed, item.name, "" if item.size_bytes is None else size_text(item.size_bytes)) for item in items]
    table(("feed", "name", "size"), rows, right=("size",), fold="name")
    remark(f"{len(items)} files would land in {zone.name}.")
    return OK


# --- how --------------------------------------------------------------------------------------------------------------


def _all_landed(zone: Zone, plan: Plan, transfers: int) -> list[int]:
    """Lands all, some at once; tells of each as it ends."""
    codes = []
    with ThreadPoolExecutor(transfers, thread_name_prefix="put") as threads:
        running = [threads.submit(_landed, zone, plan, item) for item in plan.items]
        try:
            for item, future in zip(plan.items, running, strict=True):
                try:
                    _tell(future.result(), zone)
                    codes.append(OK)
                except (HeadwaterError, OSError) as error:
                    codes.append(exit_code(error))
                    sentence = error.sentence if isinstance(error, HeadwaterError) else f"{error.strerror or error}."
                    reason = error.reason if isinstance(error, HeadwaterError) else "bad_request"
                    tell_problem(reason, sentence, name=shown(item.name))
        except KeyboardInterrupt:
            for future in running:
                future.cancel()
            zone.close()
            raise
    return codes


def _landed(zone: Zone, plan: Plan, item: Item) -> Delivery:
    """Lands one, over and over while that may help. A key of its own makes sure that it lands once."""
    key = plan.key or uuid.uuid4().hex
    seconds = 1.0
    while True:
        before_bytes = plan.pace.done_bytes
        try:
            with _source(item, plan) as source:
                return zone.land(plan.feed, source, idempotency_key=key, once=plan.once)
        except HeadwaterError as error:
            over = time.monotonic() - plan.began + seconds > plan.give_up_seconds
            if exit_code(error) != TRY_AGAIN or over or item.path is None:
                raise
            if len(plan.items) == 1:
                plan.pace.undone(plan.pace.done_bytes - before_bytes)
            remark(f"{shown(item.name)}: {error.sentence} Starting over in {seconds:.0f} s: it cannot be resumed yet.")
            time.sleep(seconds)
            seconds = min(seconds * 2, RETRY_SECONDS_MAX)


def _source(item: Item, plan: Plan) -> Source:
    from headwater.zone.source import FileSource, Source, StreamSource

    inner = StreamSource(sys.stdin.buffer, item.name) if item.path is None else FileSource(item.path, item.name)

    class Paced(Source):
        def pieces(self) -> Iterator[bytes]:
            return plan.pace.passed(inner)

        def close(self) -> None:
            inner.close()

    return Paced(inner.name, inner.size_bytes, inner.sha256)


def _tell(delivery: Delivery, zone: Zone) -> None:
    if as_json():
        emit(delivery.document)
        return
    from rich.text import Text

    from headwater.cli.output import MARK, stdout
    from headwater.terms import Outcome
    from headwater.zone.delivery import size_text

    word = "landed" if delivery.outcome is Outcome.LANDED else "is there already"
    line = Text()
    line.append(coloured(word) if word == "landed" else word)
    line.append(f"  {delivery.feed}  {shown(delivery.name)}  {size_text(delivery.size_bytes)}  ")
    line.append(coloured(delivery.completeness.value))
    line.append(f"  {delivery.id}", style=MARK)
    line.append(f"  in {zone.name}")
    stdout().print(line, soft_wrap=True)


