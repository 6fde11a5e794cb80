"""Everything that the web app and the doors work with, in one value that assembly fills."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from headwater.care.findings import Problem, Progress, Report, Unexplained
from headwater.followers.follow import Follower
from headwater.gate.admit import Admission
from headwater.gate.bans import Bans
from headwater.gate.identify import Identities
from headwater.gate.limits import Limits
from headwater.gate.route import Feeds
from headwater.gate.senders import Senders
from headwater.gate.turned_away import TurnedAway
from headwater.gate.underway import UploadsUnderway
from headwater.gate.view import Names
from headwater.landing import Landing
from headwater.ports.books import Attempt, AttemptList
from headwater.ports.catalog import Catalog, History
from headwater.ports.clock import Clock
from headwater.ports.findings import FindingBook, Inspected
from headwater.ports.ledger import Ledger, LedgerFiles
from headwater.ports.store import ObjectReader
from headwater.sequencer import LogReader
from headwater.terms import FeedName, Id, Position, Receipt
from headwater.web.metrics import Metrics
from headwater.web.watch import Watch


class KnownFeeds(Feeds, Protocol):
    """What is declared of feeds."""

    def all_declared(self) -> Sequence[FeedName]:
        """Every feed that the configuration names."""
        ...


class Attempts(AttemptList, Protocol):
    """Looking at attempts, one or many."""

    def get(self, id: Id) -> Awaitable[Attempt | None]:
        """One row."""
        ...


class Verification(Protocol):
    """Reading ledger and bytes again; see `care.verify.verify`."""

    def __call__(
        self, feed: FeedName | None, *, quick: bool, against: str | None
    ) -> AsyncGenerator[Progress | Problem | Unexplained | Report, None]:
        """What is found, the report last."""
        ...


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the configuration says of HTTP. `admin_apart`: operators' calls answer on the admin listener alone.

    `home_user` is the identity whose key the home's own commands show.
    """

    version: str
    public_url: str = "http://127.0.0.1:8020"
    answer_within_seconds: float = 50.0
    ledger_public: bool = False
    admin_apart: bool = False
    home_user: str | None = None


@dataclass(frozen=True, kw_only=True)
class Services:
    """Made by assembly; nothing here belongs to the web room but `metrics` and `watch`.

    `readiness` says what keeps this node from landing just now, one sentence each, none if it is ready. `checkpoint`
    publishes a checkpoint that covers every entry committed before the call. `verify` reads ledger and bytes again
    (feed, quick, a kept checkpoint). `guide` is the page to send to a sender. `inspect_again` looks at a delivery once
    more; None where inspection is off.
    """

    settings: Settings
    clock: Clock
    landing: Landing
    admission: Admission
    identities: Identities
    senders: Senders
    limits: Limits
    bans: Bans
    turned_away: TurnedAway
    feeds: KnownFeeds
    names: Names
    underway: UploadsUnderway
    catalog: Catalog
    history: History
    follower: Follower
    attempts: Attempts
    ledger: Ledger
    log: LogReader
    ledger_files: LedgerFiles
    objects: ObjectReader
    checkpoint: Callable[[], Awaitable[None]]
    verify: Verification
    readiness: Callable[[], Awaitable[Sequence[str]]]
    guide: Callable[[str], str]
    findings: FindingBook
    inspect_again: Callable[[Receipt, Position], Awaitable[Inspected]] | None = None
    metrics: Metrics
    watch: Watch = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "watch", Watch(self.clock))
