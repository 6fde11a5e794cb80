"""Every step of founding, starting, landing, tiling, rotating, stopping and recovering, failed in every way.

The steps are found by recording a life without faults, so a new step is covered by itself. Each case is a life with one
fault, a second life that starts on what is left, and a look at the whole state.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from queue import SimpleQueue
from typing import NamedTuple

import pytest

from tests.crash.injector import KILLED, REACHED, Mode, Step
from tests.crash.nursery import UNAVAILABLE, WELL
from tests.crash.sites import DirectorySite, Site
from tests.crash.state import problems
from tests.crash.world import STARTED, STOPPING

pytestmark = pytest.mark.timeout(600)  # a hundred lives of a process each

AT_ONCE = 2
WRONG_SHOWN = 20

START, SERVICE, STOP = range(3)
"""The parts of a life, as its steps are noted."""


class Row(NamedTuple):
    """A row of the matrix: which `parts` of a life that acts `scenario` are tried, on what the lives `before` left.

    It is lived again without faults, and `then` once more.
    """

    scenario: str
    parts: tuple[int, ...] = (SERVICE,)
    before: tuple[tuple[str, Step | None, Mode | None], ...] = (("nothing", None, None),)
    then: tuple[str, ...] = ()


ROWS = {
    "founding": Row("nothing", (START,), before=(), then=("small",)),
    "restart": Row("small", (START, STOP), before=(("small", None, None),)),
    "small": Row("small"),
    "large": Row("large"),
    "parked": Row("parked"),
    "held": Row("held"),
    "tiles": Row("tiles"),
    "rotation": Row("rotated", then=("small",)),
    "recovery of bytes": Row("again", (START,), before=(("crowd", Step("staging.commit", 2), Mode.KILLED_AFTER),)),
    "recovery of entries": Row("again", (START,), before=(("crowd", Step("head.commit", 4), Mode.KILLED_AFTER),)),
}

BACKGROUND = frozenset({"catalog.apply", "cursors.advance", "attempts.forget", "counters.prune"})
"""What goes on beside the sender: how often depends on the moment."""

READING = frozenset(
    {
        "attempts.get", "attempts.unfinished", "catalog.applied", "catalog.feeds", "catalog.precedents",
        "claims.holders", "claims.newest", "claims.position", "claims.stream", "cursors.cursor", "facts.fact",
        "files.read", "head.load", "identities.identities", "intake.begin", "intake.read_back", "parts.parts",
        "reader.head", "reader.list", "reader.read",
    }
)  # fmt: skip
"""What changes nothing: that it was done and its answer is lost is the same as that it failed."""


class Case(NamedTuple):
    """What is tried."""

    step: Step
    mode: Mode


class Cases:
    """The cases of one row, on sites that start where the lives `before` ended."""

    def __init__(self, row: Row, site: Site) -> None:
        self._row = row
        self._base = site
        for scenario, step, mode in row.before:
            code = site.live(scenario, step, mode)
            assert code == (KILLED if step else WELL), site.last_words()

    def steps(self, site: Site) -> list[Step]:
        """The steps of a life without faults, in the parts that the row is about."""
        site.take_over(self._base)
        assert site.live(self._row.scenario) == WELL, site.last_words()
        steps, part = [], START
        for line in site.steps():
            part = {STARTED: SERVICE, STOPPING: STOP}.get(line, part)
            call, _, nth = line.partition(" ")
            if nth and part in self._row.parts:
                steps.append(Step(call, int(nth)))
        return steps

    def failures(self, site: Site, case: Case) -> list[str]:
        """What goes wrong when this step ends so."""
        site.take_over(self._base)
        code = site.live(self._row.scenario, case.step, case.mode)
        if REACHED not in site.steps() and case.step.call not in BACKGROUND | READING:
            return ["the step was not reached"]
        if code not in {WELL, UNAVAILABLE, KILLED}:
            return [f"the first life ended with {code}: {site.last_words()}"]
        for scenario in (self._row.scenario, *self._row.then):
            if (code := site.live(scenario)) != WELL:
                return [f"a life without faults ended with {code}: {site.last_words()}"]
        return list(problems(site.objects(), site.books, site.diary))


@pytest.fixture(scope="module", params=["directory"])  # the bucket's rows are not in order yet
def sites(request, tmp_path_factory) -> Iterator[list[Site]]:
    """One more site than there are cases at a time: the first is for what the others begin with."""
    with ExitStack() as stack:
        yield [stack.enter_context(DirectorySite(tmp_path_factory.mktemp("site"))) for _ in range(AT_ONCE + 1)]


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("row", ROWS)
def test_no_step_loses_or_half_lands_anything(row, mode, sites):
    """Whichever step ends so: what was acknowledged is whole and in the ledger, once, and nothing else landed."""
    base, *others = sites
    base.clear()
    cases = Cases(ROWS[row], base)
    steps = cases.steps(others[0])
    if mode in {Mode.LOST, Mode.KILLED_AFTER}:
        steps = [step for step in steps if step.call not in READING]
    free: SimpleQueue[Site] = SimpleQueue()
    for site in others:
        free.put(site)

    def failures(step: Step) -> list[str]:
        site = free.get()
        try:
            return cases.failures(site, Case(step, mode))
        finally:
            free.put(site)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip(steps, pool.map(failures, steps), strict=True))
    assert steps
    wrong = [f"{step}: {failure}" for step, failures in found.items() for failure in failures]
    assert not wrong, "\n".join(wrong[:WRONG_SHOWN])
