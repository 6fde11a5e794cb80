"""From a finding back to the contents that it speaks of: layers off, a member of an archive chosen, a table found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from headwater.errors import Refused
from headwater.formats.budget import Budget
from headwater.formats.finding import Description, Finding, Table
from headwater.formats.table import WRAPPINGS
from headwater.ports.ranges import Ranges
from headwater.terms import shown

SHOWN_MAX: Final = 12
READING_BYTES_MAX: Final = 1 << 42
READING_SECONDS_MAX: Final = 24 * 3600.0

Budgets = Callable[[], Budget]


class Unreadable(Refused):
    """No rows can be had of a delivery, or not of the table that was asked for; the sentence says why."""

    def __init__(self, sentence: str) -> None:
        super().__init__("unsupported", sentence)


class Chosen(msgspec.Struct, frozen=True):
    """A table in a delivery: of the delivery itself, or of members within members of an archive."""

    name: str
    finding: Finding  # of the file that the table lies in
    table: Table
    members: tuple[str, ...] = ()


def patient() -> Budget:
    """A budget for reading what a person asked for."""
    return Budget(READING_BYTES_MAX, READING_SECONDS_MAX, time.monotonic)


def tables(finding: Finding, members: tuple[str, ...] = ()) -> Iterator[Chosen]:
    """Every table of a delivery, by the name that it is asked for by: `orders`, `part.csv`, `dump.sql#orders`."""
    for table in finding.schema:
        yield Chosen("#".join(filter(None, (*members, table.name))), finding, table, members)
    for member in finding.members:
        if member.finding is not None:
            yield from tables(member.finding, (*members, member.name))


def choose(finding: Finding, name: str = "") -> Chosen:
    """The table of this name: exactly, else in other letters, else by the last part of its name. Without a name the
    only one there is. Raises Unreadable that lists what there is.
    """
    found = list(tables(finding))
    if not found:
        raise Unreadable(f"It has no rows that can be read: it is {shown(finding.format)}.")
    if not name:
        if len(found) == 1:
            return found[0]
        raise Unreadable(f"It holds {len(found)} tables. Name one after a '#': {_listed(found)}.")
    for likeness in (_same, _alike, _last):
        fitting = [each for each in found if likeness(each.name, name)]
        if len(fitting) == 1:
            return fitting[0]
    raise Unreadable(f"It has no table '{shown(name)}', but {_listed(found)}.")


def contents_of(ranges: Ranges, chosen: Chosen, finding: Finding, budgets: Budgets = patient) -> Ranges:
    """The contents that a chosen table lies in; `finding` is that of the whole delivery, `ranges` its bytes.

    Raises Unreadable where they are not as the finding says, Unavailable.
    """
    members = list(chosen.members)
    while True:
        held: dict[str, Ranges | None] = {}
        for layer in finding.layers:
            opened = WRAPPINGS[layer.format].open(ranges, budgets())
            if opened.contents is None:
                held = {each.name: each.contents for each in opened.members}
                break
            ranges = opened.contents
        if not members:
            return ranges
        name = members.pop(0)
        inner = next((each.finding for each in finding.members if each.name == name), None)
        contents = held.get(name)
        if inner is None or contents is None:
            raise Unreadable(f"The member '{shown(name)}' cannot be had.")
        ranges, finding = contents, inner


def described_of(finding: Finding) -> Description:
    """What a format said, from the finding that was made of it."""
    return Description(
        finding.wholeness, finding.dialect, finding.encoding, finding.schema, finding.problems, finding.is_all
    )


def _listed(found: list[Chosen]) -> str:
    names = [f"'{shown(each.name)}'" for each in found[:SHOWN_MAX]]
    return ", ".join(names) + (" …" if len(found) > SHOWN_MAX else "")


def _same(name: str, asked: str) -> bool:
    return name == asked


def _alike(name: str, asked: str) -> bool:
    return name.lower() == asked.lower()


def _last(name: str, asked: str) -> bool:
    return name.lower().rsplit("#", 1)[-1].rsplit(".", 1)[-1] == asked.lower()
