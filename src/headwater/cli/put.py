"""`headwater put`: lands files."""

from __future__ import annotations

import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from headwater.cli.output import GOOD, MARK, Bar, as_json, coloured, emit, remark, shown, stdout, table, tell_problem
from headwater.cli.session import BAD_NEWS, OK, TRY_AGAIN, exit_code, open_zone, told
from headwater.cli.words import DASH, Flag, seconds_of, size_of
from headwater.errors import HeadwaterError, Refused
from headwater.layout import parse_feed
from headwater.terms import Outcome
from headwater.zone.delivery import Delivery, size_text
from headwater.zone.source import FileSource, Source, StreamSource
from headwater.zone.zone import Zone

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
    bar: Bar
    pace: Pace
    began: float = field(default_factory=time.monotonic)


class Pace:
    """Counts the bytes of all transfers, shows them, holds them to a rate, and stops them all."""

    def __init__(self, bar: Bar, bytes_per_second: int | None) -> None:
        self._bar = bar
        self._rate = bytes_per_second
        self._lock = threading.Lock()
        self._free_at = 0.0
        self._done_bytes = 0
        self._stopping = threading.Event()

    def sliced(self, piece: bytes) -> Iterator[bytes]:
        """A piece, as slowly as the rate wants it. Raises Refused("cut") once all are stopped."""
        slice_bytes = len(piece) if self._rate is None else max(1, self._rate // _SLICES_PER_SECOND)
        for at in range(0, len(piece), slice_bytes):
            part = piece[at : at + slice_bytes]
            self.rest(self._due_seconds(len(part)))
            yield part
            self.count(len(part))

    def count(self, size_bytes: int) -> None:
        """These bytes were sent or, where less than nothing, are sent again."""
        with self._lock:
            self._done_bytes += size_bytes
            self._bar.show(self._done_bytes)

    def rest(self, seconds: float) -> None:
        """Waits. Raises Refused("cut") once all are stopped."""
        if self._stopping.wait(seconds) if seconds > 0 else self._stopping.is_set():
            raise Refused("cut", "It was interrupted.")

    def stop(self) -> None:
        """Ends every transfer where it is."""
        self._stopping.set()

    def _due_seconds(self, size_bytes: int) -> float:
        if self._rate is None:
            return 0.0
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now) + size_bytes / self._rate
            return self._free_at - now


def put(  # noqa: PLR0913 - each is one option
    paths: Annotated[list[str], Parameter(name="PATH", help="Files to land; - is stdin and wants --name.")],
    /,
    *,
    to: Annotated[str, Parameter(help="The feed they go to, as source/feed.")],
    name: Annotated[str | None, Parameter(help="The name of the one file, instead of its own.")] = None,
    recursive: Annotated[bool, Parameter(name=["--recursive", "-r"], show_default=False)] = False,
    transfers: Annotated[int, Parameter(help="How many at once.")] = 4,
    limit_rate: Annotated[str | None, Parameter(help="Bytes in a second, all together: 2MiB.")] = None,
    give_up_after: Annotated[str, Parameter(help="How long to try again while the server is unavailable.")] = "10m",
    idempotency_key: Annotated[str | None, Parameter(help="The same bytes again under this key land nothing.")] = None,
    once: Flag = False,
    dry_run: Flag = False,
) -> int:
    """Lands files, and returns when each is durable or refused.

    A file that changed while it was read is not landed. Uploads cannot be resumed yet: one that was cut starts over,
    and that is said; nothing lands twice by it.

    Parameters
    ----------
    recursive
        Land folders too: all files in them, with names relative to the folder.
    once
        Skip files whose name and SHA-256 stand in the feed already.
    dry_run
        Only say what would be landed.
    """
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
            plan = Plan(feed, items, once, idempotency_key, give_up_seconds, bar, Pace(bar, rate))
            codes = _all_landed(zone, plan, transfers)
    return BAD_NEWS if BAD_NEWS in codes else max(codes, default=OK)


# --- what -------------------------------------------------------------------------------------------------------------


def _items(paths: Sequence[str], name: str | None, *, recursive: bool) -> Iterator[Item]:
    if name is not None and len(paths) != 1:
        raise Refused("bad_request", "--name is for one file.")
    for text in paths:
        path = Path(text)
        if text == DASH:
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
    if len(plan.items) == 1:
        return [_ended(lambda: _landed(zone, plan, plan.items[0]), plan.items[0], plan, zone)]
    with ThreadPoolExecutor(transfers, thread_name_prefix="put") as threads:
        running = [threads.submit(_landed, zone, plan, item) for item in plan.items]
        try:
            return [_ended(future.result, item, plan, zone) for item, future in zip(plan.items, running, strict=True)]
        except BaseException:
            plan.pace.stop()
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def _ended(result: Callable[[], Delivery], item: Item, plan: Plan, zone: Zone) -> int:
    """Tells what became of one, and says it by an exit code."""
    try:
        delivery = result()
    except (HeadwaterError, OSError) as error:
        with plan.bar.aside():
            tell_problem(*told(error), name=shown(item.name))
        return exit_code(error)
    with plan.bar.aside():
        _tell(delivery, zone)
    return OK


def _landed(zone: Zone, plan: Plan, item: Item) -> Delivery:
    """Lands one, over and over while that may help. A key of its own makes sure that it lands once."""
    key = plan.key or uuid.uuid4().hex
    seconds = 1.0
    while True:
        with _Paced(_source(item), plan.pace) as source:
            try:
                return zone.land(plan.feed, source, idempotency_key=key, once=plan.once)
            except HeadwaterError as error:
                over = time.monotonic() - plan.began + seconds > plan.give_up_seconds
                if exit_code(error) != TRY_AGAIN or over or item.path is None:
                    raise
                plan.pace.count(-source.sent_bytes)
                again = f"Starting over in {seconds:.0f} s: it cannot be resumed yet."
                with plan.bar.aside():
                    remark(f"{shown(item.name)}: {error.sentence} {again}")
        plan.pace.rest(seconds)
        seconds = min(seconds * 2, RETRY_SECONDS_MAX)


def _source(item: Item) -> Source:
    if item.path is None:
        return StreamSource(sys.stdin.buffer, item.name)
    return FileSource(item.path, item.name)


class _Paced(Source):
    """A source whose bytes are counted and not too fast."""

    def __init__(self, inner: Source, pace: Pace) -> None:
        super().__init__(inner.name, inner.size_bytes, inner.sha256)
        self._inner = inner
        self._pace = pace
        self.sent_bytes = 0

    def pieces(self) -> Iterator[bytes]:
        for piece in self._inner.pieces():
            for part in self._pace.sliced(piece):
                yield part
                self.sent_bytes += len(part)

    def close(self) -> None:
        self._inner.close()


def _tell(delivery: Delivery, zone: Zone) -> None:
    if as_json():
        emit(delivery.known)
        return
    landed = delivery.outcome is Outcome.LANDED
    line = Text.assemble(
        ("landed" if landed else "is there already", GOOD if landed else ""),
        f"  {delivery.feed}  {shown(delivery.name)}  {size_text(delivery.size_bytes)}  ",
        coloured(delivery.completeness.value),
        "  ",
        (delivery.id, MARK),
        f"  in {zone.name}",
    )
    stdout().print(line, soft_wrap=True)
