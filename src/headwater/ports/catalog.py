"""The index over the ledger that answers questions: derived, rebuildable, lagging behind it by a moment."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

import msgspec

from headwater.terms import Delivery, FeedName, Id, Place, Position, Time


class DeliveryQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which deliveries: newest first, or oldest first with `after`. `feeds`: patterns on `source/feed`; None is all."""

    feeds: tuple[str, ...] | None = None
    source: str | None = None
    feed: FeedName | None = None
    sender: str | None = None
    door: str | None = None
    name_glob: str | None = None
    completeness: str | None = None
    state: str | None = None
    since: Time | None = None
    until: Time | None = None
    before: Position | None = None
    after: Position | None = None
    limit: int = 50


class Change(msgspec.Struct, frozen=True):
    """What a reader must know: `landed renamed amended void erased`, at a position, of a delivery as it is now.

    A repeat that counts because the one before it was taken out has `landed` a second time, at the position of the
    entry that took it out, and after that entry's own change.
    """

    kind: str
    position: Position
    delivery: Delivery


class FeedSummary(msgspec.Struct, frozen=True):
    """One feed with its state, counted over its landed deliveries."""

    feed: FeedName
    deliveries: int
    size_bytes: int
    first_at: Time | None
    last_at: Time | None
    last_id: Id | None


class Catalog(Protocol):
    """Questions about deliveries."""

    def deliveries(self, query: DeliveryQuery) -> Awaitable[list[Delivery]]:
        """A page."""
        ...

    def delivery(self, id: Id) -> Awaitable[Delivery | None]:
        """One."""
        ...

    def matching(self, ending: str) -> Awaitable[list[Id]]:
        """Ids that end so, or whose object has this key; at most 10."""
        ...

    def precedents(
        self, feed: FeedName, name: str, sha256: str, *, soon: bool = True
    ) -> Awaitable[tuple[Id | None, Id | None]]:
        """The newest delivery of this name in the feed, and the first one of these bytes in it.

        Not `soon`, it may be answered together with the row that is written next.
        """
        ...

    def feeds(self) -> Awaitable[list[FeedSummary]]:
        """All feeds that ever got a delivery."""
        ...


class History(Protocol):
    """Questions about what happened, in order."""

    def changes(
        self, feeds: tuple[str, ...] | None, feed: FeedName | None, after: Position, limit: int
    ) -> Awaitable[list[Change]]:
        """What a reader must know after a position, oldest first: all changes at each of the next `limit` positions."""
        ...

    def entries_about(self, id: Id) -> Awaitable[list[tuple[Place, bytes]]]:
        """Every entry that names this id, oldest first, with its exact bytes."""
        ...

    def same_name(self, feed: FeedName, name: str, limit: int) -> Awaitable[list[Delivery]]:
        """The deliveries of one name, newest first."""
        ...


class CatalogWriter(Protocol):
    """The catalog follower's end: a pure function of the entries it is fed, in order."""

    def apply(self, entries: Sequence[tuple[Place, bytes]]) -> Awaitable[None]:
        """Applies the next entries and moves the cursor, in one transaction. Entries at or below it are ignored."""
        ...

    def applied(self) -> Awaitable[Position]:
        """The cursor."""
        ...

    def clear(self) -> Awaitable[None]:
        """Empties the catalog, for a rebuild."""
        ...
