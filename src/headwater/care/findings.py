"""What re-verification says: progress, each problem as it is found, and a report at the end."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from headwater.terms import Key


class Trouble(StrEnum):
    """What is wrong with a part of the zone."""

    BUNDLE = "bundle"  # entries are gone, or are not those that the tree was made of
    TILE = "tile"  # a tile is gone, or contradicts the one above it
    HEAD = "head"  # tiles and head give different trees
    CHECKPOINT = "checkpoint"  # the published one is not signed by the log's key, or not of this tree
    KEPT = "kept"  # the ledger does not extend the checkpoint that was kept
    CHAIN = "chain"  # one log does not go on where the one before it ended
    ENTRY = "entry"  # an entry cannot be read
    MISSING = "missing"  # a receipt or a held entry has no object
    SIZE = "size"  # an object has another size than its receipt says
    DIGEST = "digest"  # an object has another digest than its receipt says
    UNREADABLE = "unreadable"  # an object could not be read, twice
    NOT_ERASED = "not_erased"  # an object stands though the ledger says that it was erased
    UNEXPLAINED = "unexplained"  # an object has no receipt after 24 hours


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong: with which file or object, and what, in a sentence."""

    trouble: Trouble
    subject: str
    sentence: str


class Unexplained(msgspec.Struct, frozen=True):
    """An object that nothing explains, to be entered as `found`; a Problem about it comes beside it."""

    key: Key
    size_bytes: int


class Progress(msgspec.Struct, frozen=True):
    """How far a verification has come. `of_bytes` and `of_objects` are 0 until the whole ledger was read."""

    entries: int
    of_entries: int
    objects: int = 0
    of_objects: int = 0
    size_bytes: int = 0
    of_bytes: int = 0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was verified. `problems` counts all that were given out before it.

    Without a receipt stand: `found` objects that an entry tells of (`found_keys` names the first of them), `in_flight`
    ones younger than 24 hours, and `refused` ones, whose attempt says why. `entered` objects were a problem this time,
    and are `found` from now on. `reread` objects were right only when they were read a second time.
    """

    logs: dict[str, int]
    entries: int
    objects: int
    size_bytes: int
    erased: int
    held: int
    found: int
    found_keys: tuple[str, ...]
    entered: int
    in_flight: int
    refused: int
    reread: int
    problems: int

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.problems == 0
