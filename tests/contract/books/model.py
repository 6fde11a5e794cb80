"""The catalog as its definitions have it, worked out anew from all entries for each question: slow and plain."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from headwater.ledger.entries import Amended, Entry, Erased, Renamed, Void
from headwater.ports.catalog import Change, DeliveryQuery, FeedSummary
from headwater.terms import Delivery, FeedName, Id, Now, Position, Receipt, State, name_of, time_value
from tests.contract.books.samples import LOG

KINDS = {Receipt: "landed", Renamed: "renamed", Amended: "amended", Void: "void", Erased: "erased"}
EVERY = DeliveryQuery(limit=10**9)


class Model:
    """The answers of every port of the catalog over entries from position 1 on."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = dict(enumerate(entries, start=1))
        self.landed = {e.id: Position(p) for p, e in self.entries.items() if isinstance(e, Receipt)}

    def later(self, id: Id) -> dict[int, Entry]:
        """The entries that change what is known of a delivery."""
        return {p: e for p, e in self.about(id).items() if type(e) in KINDS and not isinstance(e, Receipt)}

    def about(self, id: Id) -> dict[int, Entry]:
        """Every entry about an id."""
        return {
            p: e for p, e in self.entries.items() if getattr(e, "id", None) == id or getattr(e, "subject", "") == id
        }

    def mark(self, id: Id) -> State | None:
        """What takes a delivery out."""
        later = self.later(id).values()
        reasons = {e.reason for e in later if isinstance(e, Amended)}
        if any(isinstance(e, Erased) for e in later):
            return State.ERASED
        if any(isinstance(e, Void) for e in later):
            return State.VOID
        if "withdrawn" in reasons:
            return State.WITHDRAWN
        return State.SUPERSEDED if "prefix_of" in reasons else None

    def root(self, id: Id) -> Id:
        """The first delivery that this one repeats."""
        receipt = self.entries[self.landed[id]]
        assert isinstance(receipt, Receipt)
        of = receipt.repeat_of
        return self.root(of) if of is not None and self.landed.get(of, 10**9) < self.landed[id] else id

    def state(self, id: Id) -> State:
        """What a delivery counts for."""
        if mark := self.mark(id):
            return mark
        earlier = [other for other in self.landed if self.landed[other] < self.landed[id]]
        repeated = any(self.root(other) == self.root(id) and self.mark(other) is None for other in earlier)
        return State.REPEAT if repeated else State.EFFECTIVE

    def delivery(self, id: Id) -> Delivery:
        """A delivery as it is now."""
        position, later = self.landed[id], self.later(id)
        receipt = self.entries[position]
        assert isinstance(receipt, Receipt)
        names = [name_of(e) for e in later.values() if isinstance(e, Renamed)]
        completeness = [e.completeness for e in later.values() if isinstance(e, Amended)]
        now = Now(
            [name_of(receipt), *names][-1],
            [receipt.completeness, *completeness][-1],
            self.state(id),
            tuple(Position(p) for p in later),
        )
        return Delivery(receipt, LOG, position - 1, position, now)

    def deliveries(self, query: DeliveryQuery = EVERY) -> list[Delivery]:
        """A page."""
        fitting = [d for d in map(self.delivery, self.landed) if fits(query, d)]
        return sorted(fitting, key=lambda d: d.position, reverse=query.after is None)[: query.limit]

    def changes(self, feeds: tuple[str, ...] | None, feed: FeedName | None, after: int, limit: int) -> list[Change]:
        """What a reader must know."""
        known = {d.id: d for d in self.deliveries(DeliveryQuery(feeds=feeds, feed=feed, limit=10**9))}
        found = []
        for p, e in self.entries.items():
            if isinstance(e, Receipt | Renamed | Amended | Void | Erased) and self.landed.get(e.id, 10**9) <= p:
                found.append((KINDS[type(e)], p, e.id))
                found += [("landed", p, id) for id in self.began_to_count(p) if id != e.id]
        changes = [Change(kind, Position(p), known[id]) for kind, p, id in found if p > after and id in known]
        page = sorted({change.position for change in changes})[:limit]
        return [change for change in changes if change.position in page]

    def began_to_count(self, position: int) -> list[Id]:
        """The deliveries that are effective with the entry at a position, and were not before it."""
        entries = list(self.entries.values())
        before, now = Model(entries[: position - 1]), Model(entries[:position])
        return [
            id for id in before.landed if before.state(id) is not State.EFFECTIVE and now.state(id) is State.EFFECTIVE
        ]

    def feeds(self) -> list[FeedSummary]:
        """The feeds."""
        receipts = [e for e in self.entries.values() if isinstance(e, Receipt)]
        summaries = []
        for feed in sorted({r.feed_name for r in receipts}):
            own = [r for r in receipts if r.feed_name == feed]
            times = [time_value(r.landed_at) for r in own]
            size_bytes = sum(r.size_bytes for r in own)
            summaries.append(FeedSummary(feed, len(own), size_bytes, times[0], times[-1], own[-1].id))
        return summaries


def fits(query: DeliveryQuery, delivery: Delivery) -> bool:
    """Whether a delivery belongs on some page of a query."""
    receipt, now = delivery.receipt, delivery.now
    at = time_value(receipt.landed_at)
    return (
        (query.feeds is None or any(fnmatchcase(str(receipt.feed_name), pattern) for pattern in query.feeds))
        and query.source in {None, receipt.source}
        and query.feed in {None, receipt.feed_name}
        and query.sender in {None, receipt.sender.name}
        and query.door in {None, receipt.door}
        and (query.name_glob is None or fnmatchcase(now.name, query.name_glob))
        and query.completeness in {None, now.completeness}
        and query.state in {None, now.state}
        and (query.since is None or query.since <= at)
        and (query.until is None or at < query.until)
        and (query.before is None or delivery.position < query.before)
        and (query.after is None or delivery.position > query.after)
    )
