"""What each entry means for the catalog, as pure functions; any engine's catalog is built on them.

The state of a delivery now is the first of these that holds:

1. `erased`: there is an `erased` entry about it.
2. `void`: there is a `void` entry about it.
3. `withdrawn`, `superseded`: the *latest* `amended` entry about it gives `withdrawn` or `prefix_of` as its reason; a
   later amendment with another reason takes that back (law 8: readers use the latest).
4. `repeat`: its receipt has `repeat_of`, directly or through others, and of the deliveries that are one by this, an
   earlier one is none of the above. So the first that is left of a set of repeats counts, and the set counts once.
5. `effective`.
"""

from __future__ import annotations

import re

import msgspec

from headwater.errors import Damaged
from headwater.ledger.entries import KINDS, Admin, Amended, Entry, Erased, Held, Receipt, Renamed, Void, decode
from headwater.terms import Completeness, Id, Place, Position, State, name_of

CHANGES: dict[type[Entry], str] = {
    Receipt: "landed",
    Renamed: "renamed",
    Amended: "amended",
    Void: "void",
    Erased: "erased",
}
"""The entries that a reader of deliveries must know, by the name of the change."""

_TAKEN = {Void: State.VOID, Erased: State.ERASED}
_DOUBTED = {"withdrawn": State.WITHDRAWN, "prefix_of": State.SUPERSEDED}
_ID = re.compile(r"[0-9a-f]{32}")


class Standing(msgspec.Struct, frozen=True):
    """What the entries so far say of one delivery, apart from its repeats."""

    name: str
    completeness: Completeness
    taken: State | None = None
    doubted: State | None = None
    amended_by: tuple[Position, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether nothing but an earlier repeat keeps it from being effective."""
        return self.taken is None and self.doubted is None


def landed(receipt: Receipt) -> Standing:
    """How a delivery stands when it has just landed."""
    return Standing(name_of(receipt), receipt.completeness)


def amended(standing: Standing, entry: Entry, position: Position) -> Standing:
    """How it stands after a later entry about it."""
    if type(entry) not in CHANGES:
        return standing
    now = msgspec.structs.replace(standing, amended_by=(*standing.amended_by, position))
    match entry:
        case Renamed():
            return msgspec.structs.replace(now, name=name_of(entry))
        case Amended():
            return msgspec.structs.replace(now, completeness=entry.completeness, doubted=_DOUBTED.get(entry.reason))
        case Void() if standing.taken is State.ERASED:
            return now
        case _:
            return msgspec.structs.replace(now, taken=_TAKEN.get(type(entry)))


def state_of(standing: Standing, *, first: bool) -> State:
    """The state now; `first` says that no earlier one of its repeats counts."""
    return standing.taken or standing.doubted or (State.EFFECTIVE if first else State.REPEAT)


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
