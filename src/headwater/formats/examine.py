"""The whole path of a finding, as far as the bytes themselves tell: layers off, detect, describe, wholeness.

Statistics over all values and the proof of recipes come after it (`readers`), drift after these (`drift.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from headwater.formats.budget import Budget
from headwater.formats.detect import detect
from headwater.formats.finding import (
    PROBLEMS_MAX,
    Description,
    Finding,
    Guess,
    Layer,
    Member,
    Problem,
    Wholeness,
)
from headwater.formats.format import HEAD_BYTES, TAIL_BYTES, Ends, Held
from headwater.formats.names import disagreement
from headwater.formats.table import FORMATS, WRAPPINGS
from headwater.ports.ranges import Broken, Ranges
from headwater.terms import Completeness

DEPTH_MAX: Final = 4
"""Layers within layers that are taken off: `.tar.gz` in a zip is three."""

MEMBERS_MAX: Final = 100
"""Members of an archive, and of the archives in it together, that are looked into; the others are listed."""

Budgets = Callable[[], Budget]


class Examined(msgspec.Struct, frozen=True):
    """A finding with what its later steps need: the contents without their layers, and what their format said."""

    finding: Finding
    contents: Ranges
    described: Description | None = None
    members: tuple[Examined | None, ...] = ()  # beside `finding.members`


@dataclass
class _Room:
    """What is left for a whole tree of archives within archives."""

    members: int = MEMBERS_MAX


@dataclass
class _Case:
    """What is gathered on the way."""

    ranges: Ranges
    name: str
    budgets: Budgets
    depth: int
    room: _Room
    guesses: tuple[Guess, ...] = ()
    layers: list[Layer] = field(default_factory=list)
    verdicts: list[Wholeness] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def finding(self) -> Finding:
        best, *others = self.guesses
        return Finding(
            format=best.value,
            confidence=best.confidence,
            evidence=best.evidence,
            alternatives=tuple(others),
            name=self.name,
            size_bytes=self.ranges.size_bytes or 0,
            layers=tuple(self.layers),
            wholeness=together(self.verdicts),
            problems=(*disagreement(self.name, best, self.layers), *self.problems)[:PROBLEMS_MAX],
            is_all=not self.unread,
            unread=" ".join(self.unread),
        )


def examine(ranges: Ranges, budgets: Budgets, *, name: str = "") -> Examined:
    """What these bytes are. `budgets` gives a new budget for each step. Raises Unavailable alone."""
    return _examine(_Case(ranges, name, budgets, 0, _Room()))


def _examine(case: _Case) -> Examined:
    contents, name, budgets, depth = case.ranges, case.name, case.budgets, case.depth
    while True:
        case.guesses = detect(ends_of(contents, name))
        best = case.guesses[0]
        if best.value not in WRAPPINGS or depth + len(case.layers) >= DEPTH_MAX:
            break
        budget = budgets()
        opened = WRAPPINGS[best.value].open(contents, budget)
        if budget.is_spent:
            case.unread.append(f"Of the {best.value} only the first {budget.read_bytes:,} bytes were unpacked.")
        case.layers.append(opened.layer)
        case.verdicts.append(opened.wholeness)
        case.problems += opened.problems
        if opened.contents is None:
            return _archive(case, opened.members)
        contents = opened.contents

    if best.value not in FORMATS:
        if best.value in WRAPPINGS:
            case.unread.append(f"Inside of {DEPTH_MAX} layers nothing more is looked into.")
        return Examined(case.finding(), contents)
    described = FORMATS[best.value].describe(contents, budgets())
    case.verdicts.append(described.wholeness)
    case.problems += described.problems
    case.unread += [described.unread] if described.unread else []
    finding = msgspec.structs.replace(
        case.finding(),
        encoding=described.encoding,
        dialect=described.dialect,
        schema=described.tables,
        rows=rows_of(table.rows for table in described.tables),
        is_all=described.is_all and not case.unread,
    )
    return Examined(finding, contents, described)


def rows_of(counts: Iterable[int | None]) -> int | None:
    """All rows together; None where one was not counted, or where there is nothing to count."""
    known = list(counts)
    return sum(count for count in known if count is not None) if known and None not in known else None


def ends_of(contents: Ranges, name: str = "") -> Ends:
    """First and last bytes, as far as they can be had."""
    try:
        head = contents.read(0, HEAD_BYTES)
    except Broken as broken:
        head = contents.read(0, broken.offset) if broken.offset else b""
    size_bytes = contents.size_bytes
    if size_bytes is None:
        return Ends(head, b"", None, name)
    if size_bytes <= len(head):
        return Ends(head, head[-TAIL_BYTES:], size_bytes, name)
    offset = max(len(head), size_bytes - TAIL_BYTES)
    try:
        tail = contents.read(offset, size_bytes - offset)
    except Broken:
        tail = b""
    return Ends(head, tail, size_bytes, name)


def _archive(case: _Case, held: tuple[Held, ...]) -> Examined:
    members: list[Member] = []
    examined: list[Examined | None] = []
    for each in held:
        if each.contents is None or not case.room.members:
            why = each.why or f"More than {MEMBERS_MAX} members are not looked into."
            members.append(Member(each.name, each.size_bytes, None, why))
            examined.append(None)
            continue
        case.room.members -= 1
        inner = _examine(_Case(each.contents, each.name, case.budgets, case.depth + len(case.layers), case.room))
        members.append(Member(each.name, each.size_bytes, inner.finding))
        examined.append(inner)
        if inner.finding.wholeness.verdict is Completeness.SUSPECT:
            reasons = tuple(f"{each.name}: {reason}" for reason in inner.finding.wholeness.reasons)
            case.verdicts.append(Wholeness(Completeness.SUSPECT, reasons))
        case.problems += [
            msgspec.structs.replace(problem, table="#".join(filter(None, (each.name, problem.table))))
            for problem in inner.finding.problems
        ]
    found = [member.finding for member in members]
    finding = msgspec.structs.replace(
        case.finding(),
        members=tuple(members),
        rows=rows_of(each.rows if each else None for each in found),
        is_all=not case.unread and all(each is not None and each.is_all for each in found),
    )
    return Examined(finding, case.ranges, None, tuple(examined))


def together(verdicts: Iterable[Wholeness]) -> Wholeness:
    """One verdict of many: one sign against it is enough; without one, one proof is."""
    verdicts = list(verdicts)
    for verdict in (Completeness.SUSPECT, Completeness.PROVEN, Completeness.PRESUMED):
        told = [each for each in verdicts if each.verdict is verdict]
        if told:
            return Wholeness(verdict, tuple(dict.fromkeys(reason for each in told for reason in each.reasons)))
    return Wholeness(Completeness.PRESUMED, ("Nothing in these bytes tells where they should end.",))
