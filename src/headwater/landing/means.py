"""What landing works with: the ports and limits that every upload needs, in one value."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

from headwater.landing.budget import Budget
from headwater.landing.digest import Checksum
from headwater.ports.books import AttemptBook, IdempotencyBook
from headwater.ports.clock import Clock, Ids
from headwater.ports.ledger import Ledger
from headwater.ports.store import Intake, ObjectCreator, ObjectReader
from headwater.terms import FeedName, Id, Offer, Receipt, Time, day_text, name_of


class Precedents(Protocol):
    """What the catalog knows of earlier deliveries; see `ports.catalog.Catalog.precedents`."""

    def precedents(
        self, feed: FeedName, name: str, sha256: str, *, soon: bool = True
    ) -> Awaitable[tuple[Id | None, Id | None]]:
        """The newest delivery of this name in the feed, and the first one of these bytes in it."""
        ...


class Recent:
    """The last receipts of this process, which the catalog may not know yet: at most `size_max` of them."""

    def __init__(self, size_max: int = 20_000) -> None:
        self._size_max = size_max
        self._names: OrderedDict[tuple[FeedName, str], Id] = OrderedDict()
        self._bytes: OrderedDict[tuple[FeedName, str], Id] = OrderedDict()

    def add(self, receipt: Receipt) -> None:
        """Notes an entered receipt."""
        feed = receipt.feed_name
        self._names[feed, name_of(receipt)] = receipt.id
        self._bytes.setdefault((feed, receipt.sha256), receipt.repeat_of or receipt.id)
        for known in (self._names, self._bytes):
            while len(known) > self._size_max:
                known.popitem(last=False)

    def find(self, feed: FeedName, name: str, sha256: str) -> tuple[Id | None, Id | None]:
        """The newest delivery of this name, and the first one of these bytes."""
        return self._names.get((feed, name)), self._bytes.get((feed, sha256))


class Allowance:
    """How much evidence one sender may make durable in a day; beyond it the attempt's row must do."""

    def __init__(self, per_day_max: int) -> None:
        self._per_day_max = per_day_max
        self._day = ""
        self._used: Counter[str] = Counter()

    def spend(self, sender: str, at: Time) -> bool:
        """Whether one more piece of evidence of this sender is kept."""
        if day_text(at) != self._day:
            self._day = day_text(at)
            self._used.clear()
        self._used[sender] += 1
        return self._used[sender] <= self._per_day_max


@dataclass(frozen=True)
class Rules:
    """The times and limits of landing; seconds and bytes."""

    lease_seconds: float = 60.0
    resume_seconds: float = 86_400.0
    park_seconds: float = 900.0
    size_bytes_max: int = 5 * 1024**4


@dataclass(frozen=True)
class Means:
    """The ports and limits that every upload needs.

    `landed` is told of each delivery before its attempt's row says that it landed: a row that it writes is never lost.
    `first` is entered while an upload begins and while a delivery is made of it: what gives way to landing does so.
    """

    intake: Intake
    creator: ObjectCreator
    reader: ObjectReader
    ledger: Ledger
    attempts: AttemptBook
    keys: IdempotencyBook
    catalog: Precedents
    budget: Budget
    clock: Clock
    ids: Ids
    crc64nvme: Checksum
    threads: Executor
    rules: Rules = Rules()
    recent: Recent = field(default_factory=Recent)
    allowance: Allowance = field(default_factory=lambda: Allowance(1000))
    landed: Callable[[Offer, Receipt], None] = lambda *_: None
    first: Callable[[], AbstractContextManager[None]] = nullcontext
