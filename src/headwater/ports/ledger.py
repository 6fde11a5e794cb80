"""The append-only log: how the rest of Headwater writes it and reads it, and what it needs from the store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Protocol

import msgspec

from headwater.ledger.entries import Entry
from headwater.ledger.head import Head
from headwater.terms import Follows, Place, Position


class Entered(msgspec.Struct, frozen=True):
    """Where an entry stands. `entry` is as entered, with its time; `fresh` is False when another entry already held one
    of its claims, and then place and entry are the holder's.
    """

    place: Place
    entry: Entry
    fresh: bool


class Ledger(Protocol):
    """Appending. Many callers, in many processes in time, hand entries to the one writer of a log."""

    async def append(self, *entries: Entry) -> list[Entered]:
        """Enters these entries, in order and next to each other, and returns once they are committed.

        The time of each is set here: max(clock, time of the last entry). An entry with a claim that is taken is not
        entered a second time: its holder is returned. MUST raise Refused("stream_moved") and enter none of them when a
        `follows` does not hold. MUST NOT return before the commit is certain; raises Unavailable("ledger_unavailable")
        only if it is certain that none was entered or that the caller may safely call again (its claims make it so),
        and Damaged when the log can no longer be trusted. Cancelling the caller does not cancel the append.
        """
        ...

    async def holder(self, claim: str) -> Entered | None:
        """The entry that took a claim, None if it is free."""
        ...


class LedgerReader(Protocol):
    """Reading, in order, without gaps; nothing appears later at a lower position."""

    @property
    def position(self) -> Position:
        """The position of the last committed entry known here; 0 for none."""
        ...

    def read(self, after: Position, limit: int = 1024) -> AsyncIterator[tuple[Place, bytes]]:
        """Entries after a position, at most `limit`, each with its exact bytes."""
        ...

    async def wait(self, after: Position, seconds: float) -> Position:
        """Returns the newest position as soon as it is larger than `after`, or after `seconds`."""
        ...


class HeadTag(msgspec.Struct, frozen=True):
    """A head together with what proves that it is still the stored one (an ETag, a file offset)."""

    head: Head
    tag: str


class Overtaken(Exception):
    """The stored head is not the one this writer knew."""


class Unclear(Exception):
    """It cannot be told whether the write happened: read the head until it answers, then decide."""


class HeadStore(Protocol):
    """The one mutable value of a log, changed by compare-and-swap only."""

    @property
    def lease_seconds(self) -> float | None:
        """How long a silent writer keeps the log, where only a lease protects it; None where a lock does."""
        ...

    async def load(self) -> HeadTag | None:
        """The committed head; None MUST mean that the log certainly does not exist. Raises Unavailable, Damaged."""
        ...

    async def found(self, head: Head) -> HeadTag:
        """Creates the head of a new log. MUST raise Overtaken if there is one."""
        ...

    async def commit(self, head: Head, after: HeadTag) -> HeadTag:
        """Replaces `after` by `head`, durably, in one atomic step: the commit point of everything in Headwater.

        MUST raise Overtaken when the stored head is certainly another one, Unclear in every other case that is not a
        plain yes. MUST NOT be retried by the implementation. `head` extends `after`: same log, its entries kept.
        """
        ...


class LedgerFiles(Protocol):
    """The immutable files of a log (tiles, bundles, keys) and its published checkpoint, by path in the zone."""

    async def read(self, path: str) -> bytes | None:
        """The file, None if it is certainly not there."""
        ...

    async def create(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Creates files durably. A file that exists with the same bytes is fine; with others MUST raise Damaged."""
        ...

    async def publish(self, path: str, data: bytes) -> None:
        """Replaces a small served file atomically and durably; only for `checkpoint`."""
        ...

    async def prune(self, paths: Sequence[str]) -> None:
        """Removes partial tiles whose full tile stands. MUST refuse any path without `.p/` with ValueError."""
        ...


class ClaimBook(Protocol):
    """The derived tables of claims and streams of one zone, caught up to `position`. MAY lag behind the ledger."""

    def position(self) -> Position:
        """Up to which entry the tables are filled."""
        ...

    def holders(self, claims: Sequence[str]) -> dict[str, Position]:
        """Which of these claims are taken, and by which entry. Quick and blocking: called in the sequencer's thread."""
        ...

    def newest(self, prefix: str) -> str | None:
        """The largest claim that begins with this prefix, None if there is none."""
        ...

    def stream(self, name: str) -> int | None:
        """Where a stream stands, None if it was never followed."""
        ...

    def record(
        self, upto: Position, claims: Sequence[tuple[str, Position]], follows: Sequence[Follows]
    ) -> Awaitable[None]:
        """Adds what the entries up to `upto` take. Repeatable."""
        ...
