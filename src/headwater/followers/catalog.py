"""What each entry means for the catalog, as pure functions; any engine's catalog is built on them.

The state of a delivery now is the first of these that holds:

1. `erased`: there is an `erased` entry about it.
2. `void`: there is a `void` entry about it.
3. `withdrawn`: there is an `amended` entry about it with the reason `withdrawn`.
4. `superseded`: there is one with the reason `prefix_of`.
5. `repeat`: its receipt says `repeat_of`, which ties it, directly or through others, to deliveries of the same bytes,
   and an earlier one of these is none of the above. So a set of repeats counts once, by the first that is left.
6. `effective`.

What was taken out stays out: a later amendment changes the completeness, never 3 or 4 back. When the one that counted
for a set of repeats is taken out, the next one that is left becomes `effective`. That is a change of its own: to a
reader it has `landed` with the entry that took the other one out.
"""

from __future__ import annotations

import re

import msgspec

from headwater.errors import Damaged
from headwater.ledger.entries import KINDS, Admin, Amended, Entry, Erased, Held, Renamed, Void, decode
from headwater.terms import Completeness, Id, Place, Position, Receipt, State, name_of

CHANGES: dict[type[Entry], str] = {
    Receipt: "landed",
    Renamed: "renamed",
    Amended: "amended",
    Void: "void",
    Erased: "erased",
}
"""The entries that a reader of deliveries must know, by the name of the change."""

_MARKS = (State.ERASED, State.VOID, State.WITHDRAWN, State.SUPERSEDED)
_ID = re.compile(r"[0-9a-f]{32}")


class Standing(msgspec.Struct, frozen=True):
    """What the entries so far say of one delivery, apart from its repeats; `mark` is what takes it out, if anything."""

    name: str
    completeness: Completeness
    mark: State | None = None
    amended_by: tuple[Position, ...] = ()


def landed(receipt: Receipt) -> Standing:
    """How a delivery stands when it has just landed."""
    return Standing(name_of(receipt), receipt.completeness)


def amended(standing: Standing, entry: Entry, position: Position) -> Standing:
    """How it stands after a later entry about it."""
    if type(entry) not in CHANGES:
        return standing
    marks = {standing.mark, _mark(entry)}
    return msgspec.structs.replace(
        standing,
        name=name_of(entry) if isinstance(entry, Renamed) else standing.name,
        completeness=entry.completeness if isinstance(entry, Amended) else standing.completeness,
        mark=next((mark for mark in _MARKS if mark in marks), None),
        amended_by=(*standing.amended_by, position),
    )


def _mark(entry: Entry) -> State | None:
    match entry:
        case Erased():
            return State.ERASED
        case Void():
            return State.VOID
        case Amended(reason="withdrawn"):
            return State.WITHDRAWN
        case Amended(reason="prefix_of"):
            return State.SUPERSEDED
        case _:
            return None


def state_of(mark: State | None, *, first: bool) -> State:
    """The state now; `first` says that no earlier one of its repeats is left."""
    return mark or (State.EFFECTIVE if first else State.REPEAT)


def subject_of(entry: Entry) -> Id | None:
    """The attempt or delivery that an entry is about."""
    if isinstance(entry, Admin):
        return Id(entry.subject) if _ID.fullmatch(entry.subject) else None
    return getattr(entry, "id", None)


def begins(entry: Entry) -> bool:
    """Whether an entry is the first of its subject: people look ids up by their ending among these."""
    return isinstance(entry, Receipt | Held)


class _Kind(msgspec.Struct):
    kind: str


def read_entry(place: Place, data: bytes) -> Entry | None:
    """The entry; None for a kind that only a newer version knows. Raises Damaged for what is no entry at all."""
    try:
        return decode(data)
    except ValueError as error:
        try:
            kind = msgspec.json.decode(data, type=_Kind).kind
        except ValueError:
            kind = None
        if kind is None or kind in KINDS:
            raise Damaged(f"Entry {place.index} of {place.log} cannot be read: {error}.") from error
        return None
