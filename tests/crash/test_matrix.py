"""Every step of founding, starting, landing, tiling, rotating, stopping and recovering, failed in every way.

The steps are found by recording a run without faults, so a new step is covered by itself. Each case is a life with one
fault, a second life that starts on what is left, and a look at the whole state.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

import pytest

from tests.crash.injector import KILLED, REACHED, Mode, Step
from tests.crash.nursery import UNAVAILABLE, WELL, Nursery
from tests.crash.state import directory_objects, problems
from tests.crash.world import STARTED, STOPPING, Life

AT_ONCE = 2

START, SERVICE, STOP = range(3)
"""The parts of a life, as its steps are noted."""


class Row(NamedTuple):
    """A row of the matrix: which `parts` of a life that acts `scenario` are tried, on what the lives `before` left."""

    scenario: str
    parts: tuple[int, ...] = (SERVICE,)
    before: tuple[tuple[str, Step | None, Mode | None], ...] = (("nothing", None, None),)


ROWS = {
    "founding": Row("nothing", (START,), before=()),
    "restart": Row("small", (START, STOP), before=(("small", None, None),)),
    "small": Row("small"),
    "large": Row("large"),
    "parked": Row("parked"),
    "held": Row("held"),
    "tiles": Row("tiles"),
    "rotation": Row("rotated"),
    "recovery of bytes": Row("again", (START,), before=(("crowd", Step("staging.commit", 2), Mode.KILLED_AFTER),)),
    "recovery of entries": Row("again", (START,), before=(("crowd", Step("head.commit", 4), Mode.KILLED_AFTER),)),
}

BACKGROUND = frozenset({"catalog.apply", "cursors.advance", "attempts.forget", "counters.prune"})
"""What goes on beside the sender: how often depends on the moment."""


class Cases:
    """The cases of one row, each in a folder of its own."""

    def __init__(self, row: Row, folder: Path, nurseries: list[Nursery]) -> None:
        self._row = row
        self._folder = folder
        self._names = count()
        self._nurseries: SimpleQueue[Nursery] = SimpleQueue()
        for nursery in nurseries:
            self._nurseries.put(nursery)
        self._base = folder / "base"
        self._base.mkdir()
        for scenario, step, mode in row.before:
            self._lived(Life(self._base, scenario, step, mode), KILLED if step else WELL)

    def steps(self) -> list[Step]:
        """The steps of a life without faults, in the parts that the row is about."""
        life = Life(self._copy(), self._row.scenario)
        self._lived(life, WELL)
        steps, part = [], START
        for line in life.steps.read_text().splitlines():
            part = {STARTED: SERVICE, STOPPING: STOP}.get(line, part)
            call, _, nth = line.partition(" ")
            if nth and part in self._row.parts:
                steps.append(Step(call, int(nth)))
        return steps

    def failures(self, step: Step, mode: Mode) -> list[str]:
        """What goes wrong when this step ends so."""
        folder = self._copy()
        code = self._live(Life(folder, self._row.scenario, step, mode))
        if REACHED not in Life(folder, "").steps.read_text().splitlines() and step.call not in BACKGROUND:
            return ["the step was not reached"]
        if code not in {WELL, UNAVAILABLE, KILLED}:
            return [f"the first life ended with {code}: {_last_words(folder)}"]
        if (code := self._live(Life(folder, self._row.scenario))) != WELL:
            return [f"the second life ended with {code}: {_last_words(folder)}"]
        objects = directory_objects(folder / "home" / "zone")
        return list(problems(objects, folder / "home" / "books.sqlite3", Life(folder, "").diary))

    def _live(self, life: Life) -> int:
        nursery = self._nurseries.get()
        try:
            return nursery.run(life)
        finally:
            self._nurseries.put(nursery)

    def _lived(self, life: Life, expected: int) -> None:
        assert self._live(life) == expected, _last_words(life.folder)

    def _copy(self) -> Path:
        folder = self._folder / str(next(self._names))
        shutil.copytree(self._base, folder)
        Life(folder, "").steps.unlink(missing_ok=True)
        return folder


def _last_words(folder: Path) -> str:
    return (folder / "log").read_text()[-1500:]


@pytest.fixture(scope="module")
def nurseries() -> Iterator[list[Nursery]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Nursery()) for _ in range(AT_ONCE)]


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("row", ROWS)
def test_no_step_loses_or_half_lands_anything(row, mode, tmp_path, nurseries):
    """Whichever step ends so: what was acknowledged is whole and in the ledger, once, and nothing else landed."""
    cases = Cases(ROWS[row], tmp_path, nurseries)
    steps = cases.steps()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip(steps, pool.map(lambda step: cases.failures(step, mode), steps), strict=True))
    wrong = {str(step): failures for step, failures in found.items() if failures}
    assert len(steps) > 10
    assert not wrong, "\n".join(f"{step}: {failure}" for step, failures in wrong.items() for failure in failures)
