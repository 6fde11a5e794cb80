"""What inspection found, kept beside the zone: derived, by version of the detector, added to and never replaced."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

import msgspec

from headwater.formats.finding import Finding
from headwater.terms import FeedName, Id, Position, Time

FIRST_RUN = 1
"""The run that the follower makes; later ones were asked for."""


class Inspected(msgspec.Struct, frozen=True, kw_only=True):
    """A finding and what it is of. `position` is the delivery's, `run` counts the findings of one detector."""

    id: Id
    position: Position
    feed: FeedName
    sender: str
    day: str  # the UTC day in the delivery's key
    detector: str
    run: int = FIRST_RUN
    made_at: Time
    finding: Finding


class Unwritten(msgspec.Struct, frozen=True):
    """Findings of one feed and day that stand in no file of the zone yet."""

    feed: FeedName
    day: str
    findings: tuple[Inspected, ...]
    number: int  # of the next file of that feed and day, from 1


class FindingBook(Protocol):
    """The findings. What comes later about a delivery is told by `leave_out` and `erase`, in the ledger's order."""

    def add(self, inspected: Inspected) -> Awaitable[Inspected]:
        """Adds one and returns it; where it is the first run and this detector has one already, that one is returned.

        A run above 1 gets the next free number. Of an erased delivery only what `formats.redact.of_erased` leaves is
        kept.
        """
        ...

    def have(self, ids: Sequence[Id], detector: str) -> Awaitable[set[Id]]:
        """Which of these have a finding of this detector."""
        ...

    def of(self, id: Id) -> Awaitable[list[Inspected]]:
        """Every finding of a delivery, the newest first."""
        ...

    def earlier(self, feed: FeedName, before: Position, limit: int) -> Awaitable[list[Finding]]:
        """The newest finding of each delivery of a feed below a position that counts, newest delivery first.

        At most `limit`, and fewer where they are very large; at least one, if there is one.
        """
        ...

    def of_feed(
        self, feed: FeedName, before: Position | None, limit: int, sender: str | None = None
    ) -> Awaitable[list[Inspected]]:
        """The newest finding of each delivery, also of those that do not count, newest delivery first."""
        ...

    def leave_out(self, id: Id) -> Awaitable[None]:
        """The delivery was taken out of the effective set: later ones are not compared with it. Repeatable."""
        ...

    def erase(self, id: Id) -> Awaitable[None]:
        """Forgets every value in the findings of a delivery, also in those that come later. Repeatable."""
        ...

    def unwritten(self, before_day: str) -> Awaitable[Unwritten | None]:
        """The oldest feed and day before a day that has findings in no file, with some thousands of them at most."""
        ...

    def written(self, batch: Unwritten) -> Awaitable[None]:
        """These stand in the file of that number now."""
        ...
