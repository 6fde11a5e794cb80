"""The whole path of a finding: layers off, what it is, whether it is whole, what is in it, how to read it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Final

import msgspec

from headwater.formats.budget import Budget
from headwater.formats.examine import examine
from headwater.formats.finding import Finding
from headwater.formats.recipes.recipes import Plan, plans
from headwater.inspector.job import FOLDER, Limits
from headwater.ports.ranges import Ranges
from headwater.readers.engine import Engine
from headwater.readers.profile import profile
from headwater.readers.prove import PROVED_BYTES_MAX, prove
from headwater.readers.spool import spool

STEP_BYTES_MAX: Final = 1 << 40
_PLACE: Final = re.compile(rf"[^\s'\"(:]*{FOLDER}[^\s'\":,)]*")
"""Where the bytes lay for this look: no machine stands in a finding."""

_STEP_SHARE: Final = 0.5
"""Of the time that is left, what one step may take: so that a later step is never left without any."""


def inspect(
    ranges: Ranges,
    name: str,
    *,
    limits: Limits,
    clock: Callable[[], float],
    engine: Engine,
    engines: Collection[str] = (),
) -> Iterator[Finding]:
    """What these bytes are: a finding after each step, each with all of the one before, the last one complete.

    So who looks on keeps what is known when a later step comes to a bad end. Recipes are tried of `engines` alone, or
    of all. Raises Unavailable, OSError: the end of a budget is a finding too. It ends well before
    `limits.time_seconds`, if no single call into a parser lasts.
    """
    ends_at = clock() + limits.time_seconds

    def budgets() -> Budget:
        return Budget(STEP_BYTES_MAX, max(0.0, ends_at - clock()) * _STEP_SHARE, clock)

    examined = examine(ranges, budgets, name=name)
    planned = plans(examined.finding)
    yield _with(examined.finding, planned)
    finding = profile(examined, ranges, engine, budgets())
    if finding != examined.finding:
        planned = plans(finding)
    finding = _with(finding, planned)
    yield finding
    if planned:
        yield _proved(finding, planned, ranges, engine, engines)


def _with(finding: Finding, planned: Iterable[Plan]) -> Finding:
    return msgspec.structs.replace(finding, recipes=tuple(plan.recipe for plan in planned))


def _proved(
    finding: Finding, planned: Sequence[Plan], ranges: Ranges, engine: Engine, engines: Collection[str]
) -> Finding:
    path = ranges.path
    if path is None:
        if (ranges.size_bytes or 0) > PROVED_BYTES_MAX:
            return finding
        path = engine.new_path()
        spool(ranges, path, size_bytes_max=PROVED_BYTES_MAX)
    proved = prove(finding, path, engine, engines=engines, planned=planned)
    recipes = [msgspec.structs.replace(each, why=_PLACE.sub("{path}", each.why)) for each in proved.recipes]
    return msgspec.structs.replace(proved, recipes=tuple(recipes))
