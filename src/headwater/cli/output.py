"""How answers look: tables and lines for people, JSON for programs, progress on a terminal's stderr."""

# ruff: noqa: PLC0415 - what a command does not need is not imported

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from headwater.cli.session import options
from headwater.errors import REASONS

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

GOOD, BAD, DOUBTFUL, MARK = "green", "red", "magenta", "cyan"
"""Colours that can be read on dark and on light ground."""

BAR_AFTER_SECONDS = 1.0
_PIPED_WIDTH = 1000

_COLOURS = {
    "proven": GOOD,
    "landed": GOOD,
    "ok": GOOD,
    "live": GOOD,
    "suspect": DOUBTFUL,
    "partial": DOUBTFUL,
    "warn": DOUBTFUL,
    "held": DOUBTFUL,
    "repeat": DOUBTFUL,
    "superseded": DOUBTFUL,
    "expired": DOUBTFUL,
    "void": BAD,
    "erased": BAD,
    "withdrawn": BAD,
    "refused": BAD,
    "revoked": BAD,
    "bad": BAD,
    "failed": BAD,
}


def shown(name: str) -> str:
    """As `terms.shown`, which is loaded when there is something to show."""
    from headwater.terms import shown as escaped

    return escaped(name)


# --- for programs -----------------------------------------------------------------------------------------------------


def emit(value: Any) -> None:
    """One JSON object on a line of stdout."""
    import msgspec

    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def as_json() -> bool:
    """Whether JSON was asked for."""
    return options().json


def tell_problem(reason: str, sentence: str, *, as_json: bool | None = None, **more: str) -> None:
    """An error on stderr: one problem object (RFC 9457), or what happened and what to do."""
    if options().json if as_json is None else as_json:
        import msgspec

        known = REASONS[reason]
        problem = {
            "type": f"urn:headwater:problem:{reason}",
            "title": known.title,
            "status": known.http,
            "detail": sentence,
            "reason": reason,
            **more,
        }
        sys.stderr.write(msgspec.json.encode(problem).decode() + "\n")
        return
    what = "".join(f"{shown(value)}: " for value in more.values())
    text = "\n".join(map(shown, f"{what}{sentence}".splitlines()))
    if sys.stderr.isatty():
        stderr().print(text, style=BAD, soft_wrap=True)
    else:
        sys.stderr.write(f"headwater: {text}\n")


# --- for people -------------------------------------------------------------------------------------------------------


@cache
def stdout() -> Console:
    """Where answers go. What is piped on is as wide as it wants to be."""
    from rich.console import Console

    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPED_WIDTH
    return Console(highlight=False, markup=False, emoji=False, width=width)


@cache
def stderr() -> Console:
    """Where all else goes."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def say(text: str = "", style: str | None = None) -> None:
    """A line of the answer, never wrapped: it may be copied."""
    stdout().print(text, style=style, soft_wrap=True)


def remark(text: str) -> None:
    """A line beside the answer, on stderr."""
    stderr().print(text, soft_wrap=True)


def coloured(word: str) -> Any:
    """A word of ours in the colour of its meaning."""
    from rich.text import Text

    return Text(word, style=_COLOURS.get(word, ""))


def when(at: str | None) -> str:
    """A time of this year to the minute, any other to the day, in UTC."""
    if at is None:
        return ""
    return at[5:16].replace("T", " ") if at[:4] == time.strftime("%Y", time.gmtime()) else at[:10]


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    right: Sequence[str] = (),
    fold: str = "",
    as_written: bool = False,
) -> None:
    """A table. Columns in `right` hold numbers; those in `fold`, separated by spaces, give way on a narrow screen.

    `as_written`: the head is somebody else's words; all columns give way.
    """
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title in head:
        justify: Any = "right" if title in right else "left"
        giving_way = as_written or title in fold.split()
        made.add_column(
            Text(shown(title) if as_written else title.upper()),
            justify=justify,
            no_wrap=not giving_way,
            overflow="fold",
            style=MARK if title == "id" and not as_written else "",
        )
    for row in rows:
        made.add_row(*[cell if isinstance(cell, Text) else Text(shown(str(cell))) for cell in row])
    stdout().print(made)


def facts(pairs: Iterable[tuple[str, Any]]) -> None:
    """Names and values, one a line; a value is never cut."""
    from rich.text import Text

    kept = [(name, value) for name, value in pairs if value not in (None, "", ())]
    width = max((len(name) for name, _ in kept), default=0) + 2
    for name, value in kept:
        text = value if isinstance(value, Text) else Text(shown(str(value)))
        stdout().print(Text.assemble((name.ljust(width), "bold"), text), soft_wrap=True)


class Bar:
    """Progress of what takes over a second, on a terminal's stderr; elsewhere nothing."""

    def __init__(self, what: str, total: int | None, *, unit: str = "bytes") -> None:
        self._what = what
        self._total = total
        self._unit = unit
        self._began = time.monotonic()
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._wanted = sys.stderr.isatty()
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def show(self, done: int, total: int | None = None, what: str | None = None) -> None:
        """How far it has come, of what, and what is done just now. From any thread."""
        with self._lock:
            self._show(done, total, what)

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Out of the way, for lines of the answer."""
        with self._lock:
            if self._progress is not None:
                self._progress.stop()
            yield

    def _show(self, done: int, total: int | None, what: str | None) -> None:
        self._total = total if total is not None else self._total
        self._what = what or self._what
        if self._progress is None:
            if not self._wanted or time.monotonic() - self._began < BAR_AFTER_SECONDS:
                return
            self._progress = _progress(self._unit)
            self._task = self._progress.add_task(self._what, total=self._total)
        self._progress.start()
        if self._task is not None:
            self._progress.update(self._task, completed=done, total=self._total, description=self._what)


def _progress(unit: str) -> Progress:
    from rich import progress
    from rich.text import Text

    from headwater.zone.delivery import size_text

    class Speed(progress.ProgressColumn):
        def render(self, task: progress.Task) -> Text:
            return Text(f"{size_text(int(task.finished_speed or task.speed or 0))}/s")

    shape: list[progress.ProgressColumn] = [progress.TextColumn("{task.description}", markup=False)]
    shape += [progress.BarColumn(style="default", complete_style=MARK, finished_style=GOOD)]
    if unit == "bytes":
        shape += [progress.DownloadColumn(binary_units=True), Speed()]
    else:
        shape += [progress.MofNCompleteColumn()]
    return progress.Progress(*shape, progress.TimeRemainingColumn(), console=stderr(), transient=True)
