"""Every step of founding, starting, landing, tiling, rotating, stopping and recovering, failed in every way.

The steps are found by recording a life without faults, so a new step is covered by itself. Each case is a life with one
fault, a second life that starts on what is left, and a look at the whole state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from queue import SimpleQueue
from typing import Literal, NamedTuple, TypeVar

import pytest

from headwater.testing.s3_double import Fault
from tests.crash.injector import KILLED, REACHED, Mode, Step
from tests.crash.nursery import UNAVAILABLE, WELL
from tests.crash.sites import BucketSite, DirectorySite, Site
from tests.crash.state import problems
from tests.crash.world import STARTED, STOPPING

S = TypeVar("S", bound=Site)
T = TypeVar("T")

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
    "multipart": Row("multipart"),
    "parked": Row("parked"),
    "held": Row("held"),
    "tiles": Row("tiles"),
    "rotation": Row("rotated", then=("small",)),
    "recovery of bytes": Row("again", (START,), before=(("crowd", Step("staging.commit", 2), Mode.KILLED_AFTER),)),
    "recovery of entries": Row("again", (START,), before=(("crowd", Step("head.commit", 4), Mode.KILLED_AFTER),)),
}

DIRECTORY_ROWS = [row for row in ROWS if row != "multipart"]
BUCKET_ROWS = ["founding", "rotation", "recovery of entries"]
REQUEST_ROWS = ["small", "multipart", "held"]
"""Those in which each request to S3 is tried by itself, which are the same steps and finer."""

BACKGROUND = frozenset({"catalog.apply", "cursors.advance", "attempts.forget", "counters.prune"})
"""What goes on beside the sender: how often depends on the moment."""

READING = frozenset(
    {
        "attempts.attempts", "attempts.get", "attempts.unfinished", "catalog.applied", "catalog.changes",
        "catalog.deliveries", "catalog.delivery", "catalog.entries_about", "catalog.feeds", "catalog.matching",
        "catalog.precedents", "catalog.same_name", "claims.holders", "claims.newest", "claims.position",
        "claims.stream", "counters.counts", "cursors.cursor", "facts.fact", "files.read", "head.load",
        "identities.identities", "identities.uses", "intake.begin", "intake.read_back", "names.folders",
        "names.holds", "names.listed", "names.shown", "parts.parts", "reader.head", "reader.list", "reader.read",
    }
)  # fmt: skip
"""What changes nothing: that it was done and its answer is lost is the same as that it failed."""

OF_THE_ZONE = frozenset({"creator", "files", "head", "intake", "parts", "reader", "staging"})
"""The ports that a bucket has of its own; the others are the same code on any zone."""


class Cases:
    """The cases of one row, on sites that start where the lives `before` ended."""

    def __init__(self, row: Row, site: Site) -> None:
        self._row = row
        self._base = site
        site.clear()
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

    def failures(self, site: Site, step: Step, mode: Mode) -> list[str]:
        """What goes wrong when this step ends so."""
        site.take_over(self._base)
        code = site.live(self._row.scenario, step, mode)
        if REACHED not in site.steps() and step.call not in BACKGROUND | READING:
            return ["the step was not reached"]
        if code not in {WELL, UNAVAILABLE, KILLED}:
            return [f"the first life ended with {code}: {site.last_words()}"]
        return self.failures_after(site)

    def failures_after(self, site: Site) -> list[str]:
        """What is wrong after lives without faults on what is left."""
        for scenario in (self._row.scenario, *self._row.then):
            if (code := site.live(scenario)) != WELL:
                return [f"a life without faults ended with {code}: {site.last_words()}"]
        return list(problems(site.objects(), site.books, site.diary))


@pytest.fixture(scope="module")
def sites(request) -> Iterator[list[Site]]:
    """One more site than there are cases at a time: the first is for what the others begin with."""
    folders = request.getfixturevalue("tmp_path_factory")
    with ExitStack() as stack:
        yield [stack.enter_context(request.param(folders.mktemp("site"))) for _ in range(AT_ONCE + 1)]


def wrong_with(tried: Sequence[T], sites: Sequence[S], failures: Callable[[S, T], list[str]]) -> list[str]:
    """What goes wrong with each of what is tried, as many at once as there are sites."""
    free: SimpleQueue[S] = SimpleQueue()
    for site in sites:
        free.put(site)

    def on_a_site(each: T) -> list[str]:
        site = free.get()
        try:
            return failures(site, each)
        finally:
            free.put(site)

    with ThreadPoolExecutor(len(sites)) as pool:
        found = zip(tried, pool.map(on_a_site, tried), strict=True)
        return [f"{each}: {failure}" for each, failures in found for failure in failures]


def steps_for(mode: Mode, steps: list[Step]) -> list[Step]:
    """The steps at which a mode makes a difference."""
    if mode in {Mode.LOST, Mode.KILLED_AFTER}:
        return [step for step in steps if step.call not in READING]
    return steps


ENDS = [Mode.FAILED, Mode.LOST, Mode.KILLED_AFTER]
"""To be killed before a step is to be killed after the one before it: that is tried in full where a life is short."""


@pytest.mark.parametrize("sites", [DirectorySite], indirect=True, ids=["directory"])
@pytest.mark.parametrize(
    ("row", "mode"), [*((row, mode) for row in DIRECTORY_ROWS for mode in ENDS), ("small", Mode.KILLED_BEFORE)]
)
def test_no_step_loses_or_half_lands_anything(row, mode, sites):
    """Whichever step ends so: what was acknowledged is whole and in the ledger, once, and nothing else landed."""
    base, *others = sites
    cases = Cases(ROWS[row], base)
    steps = steps_for(mode, cases.steps(others[0]))
    assert steps

    wrong = wrong_with(steps, others, lambda site, step: cases.failures(site, step, mode))

    assert not wrong, "\n".join(wrong[:WRONG_SHOWN])


@pytest.mark.parametrize("sites", [BucketSite], indirect=True, ids=["bucket"])
@pytest.mark.parametrize("mode", ENDS)
@pytest.mark.parametrize("row", BUCKET_ROWS)
def test_no_step_in_a_bucket_loses_or_half_lands_anything(row, mode, sites):
    """The same for the steps that lead to a bucket."""
    base, *others = sites
    cases = Cases(ROWS[row], base)
    steps = [step for step in cases.steps(others[0]) if step.call.partition(".")[0] in OF_THE_ZONE]
    assert steps

    wrong = wrong_with(steps_for(mode, steps), others, lambda site, step: cases.failures(site, step, mode))

    assert not wrong, "\n".join(wrong[:WRONG_SHOWN])


class Call(NamedTuple):
    """The nth request of a life that its S3 gets."""

    nth: int
    operation: str


@pytest.mark.parametrize("sites", [BucketSite], indirect=True, ids=["bucket"])
@pytest.mark.parametrize(("end", "when"), [("failed", "before"), ("failed", "after"), ("killed", "after")])
@pytest.mark.parametrize("row", REQUEST_ROWS)
def test_no_request_to_s3_loses_or_half_lands_anything(row, end, when, sites):
    """Whichever request fails, before it was done or after, or is the last one of a process: the same holds."""
    base, *others = sites
    cases = Cases(ROWS[row], base)
    calls = _calls(cases, others[0])

    def failures(site: BucketSite, call: Call) -> list[str]:
        site.take_over(base)
        fault = _plant(site, call, end, when)
        code = site.live(ROWS[row].scenario, killed_at=fault.reached if end == "killed" else None)
        site.double.faults.clear()
        if not fault.hits:
            return ["the request was not made"]
        if code not in {WELL, UNAVAILABLE, -9}:
            return [f"the first life ended with {code}: {site.last_words()}"]
        return cases.failures_after(site)

    wrong = wrong_with(calls, others, failures)

    assert not wrong, "\n".join(wrong[:WRONG_SHOWN])


def _calls(cases: Cases, site: BucketSite) -> list[Call]:
    """The requests of a life without faults, without those of its start and its end."""
    site.double.requests.clear()
    cases.steps(site)
    seen = [request.operation for request in site.double.requests]
    site.double.requests.clear()
    assert site.live("nothing") == WELL
    around = len(site.double.requests)
    return [Call(nth, operation) for nth, operation in enumerate(seen[:-1], 1) if nth > around // 2]


def _plant(site: BucketSite, call: Call, end: str, when: Literal["before", "after"]) -> Fault:
    """Lets the requests before this one pass; a killed one gets no answer until its process is gone."""
    if call.nth > 1:
        site.double.faults.add(Fault("*", status=200, times=call.nth - 1))
    if end == "killed":
        return site.double.faults.add(Fault("*", when=when, status=None, hang_seconds=60.0))
    return site.double.faults.add(Fault("*", when=when, status=500))
