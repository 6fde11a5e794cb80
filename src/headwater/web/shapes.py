"""The values that the API answers with and that are not terms already. OpenAPI is made of them.

Names that are not UTF-8 stand in `name_b64`, as in receipts.
"""

from __future__ import annotations

from typing import Any

import msgspec

from headwater.formats.finding import Finding
from headwater.gate.views import IdentityView
from headwater.ports.books import Attempt
from headwater.ports.catalog import FeedSummary
from headwater.terms import (
    Completeness,
    Declared,
    Delivery,
    Door,
    Id,
    Outcome,
    Position,
    Role,
    SenderRef,
    name_fields,
    time_text,
)


class DeliveryPage(msgspec.Struct, frozen=True):
    """A page. `next` is the cursor of the next one, if there is one."""

    deliveries: list[Delivery]
    next: str | None = None


class EntryView(msgspec.Struct, frozen=True):
    """An entry of the ledger, exactly as it was entered, and its place."""

    log: str
    index: int
    position: Position
    entry: msgspec.Raw


class EntryPage(msgspec.Struct, frozen=True):
    """Entries, oldest first."""

    entries: list[EntryView]


class ChangeView(msgspec.Struct, frozen=True):
    """`landed renamed amended void erased`, of a delivery as it is now.

    When a delivery is taken out that others repeat, the repeat that counts from then on has `landed` at that position.
    """

    kind: str
    position: Position
    delivery: Delivery


class ChangePage(msgspec.Struct, frozen=True):
    """Changes in order, and the position after which to go on; changes at one position are on one page."""

    changes: list[ChangeView]
    position: Position


class AttemptView(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One try to deliver."""

    id: Id
    outcome: Outcome
    feed: str
    door: Door
    sender: SenderRef
    name: str | None = None
    name_b64: str | None = None
    declared: Declared
    opened_at: str
    ended_at: str | None = None
    size_bytes: int
    reason: str | None = None
    sentence: str | None = None
    completeness: Completeness | None = None
    delivery: Id | None = None
    idempotency_key: str | None = None
    peer: str | None = None
    agent: str | None = None
    transcript: tuple[dict[str, Any], ...] = ()


class AttemptPage(msgspec.Struct, frozen=True):
    """A page; it may hold fewer than asked for though there is a `next`."""

    attempts: list[AttemptView]
    next: str | None = None


class Sealing(msgspec.Struct, frozen=True):
    """It has all come, but is not landed yet: ask for the attempt."""

    attempt: Id
    outcome: Outcome


class FeedView(msgspec.Struct, frozen=True):
    """A feed and its state, counted over what landed in it."""

    feed: str
    declared: bool
    deliveries: int = 0
    size_bytes: int = 0
    first_at: str | None = None
    last_at: str | None = None
    last_id: Id | None = None


class FeedPage(msgspec.Struct, frozen=True):
    """Feeds, by name."""

    feeds: list[FeedView]


class FindingView(msgspec.Struct, frozen=True):
    """A finding: of which delivery, by which version of the detector, and when. Runs above 1 were asked for."""

    id: Id
    position: Position
    feed: str
    detector: str
    run: int
    made_at: str
    finding: Finding


class FindingPage(msgspec.Struct, frozen=True):
    """Findings, newest first. `next` is the position below which the next page begins, if there is one."""

    findings: list[FindingView]
    next: str | None = None


class IdentityPage(msgspec.Struct, frozen=True):
    """Identities, by name."""

    identities: list[IdentityView]


class Secrets(msgspec.Struct, frozen=True, omit_defaults=True):
    """Shown now and never again."""

    token: str | None = None
    password: str | None = None


class IdentityMade(msgspec.Struct, frozen=True):
    """An identity and the secrets that were made for it."""

    identity: IdentityView
    secrets: Secrets


class Revoked(msgspec.Struct, frozen=True):
    """The fingerprints of what was revoked."""

    revoked: tuple[str, ...]


class Whoami(msgspec.Struct, frozen=True):
    """Who you are to this server."""

    name: str
    role: Role
    allow: tuple[str, ...]
    credential: str
    address: str
    secure: bool


class Alive(msgspec.Struct, frozen=True):
    """The process answers."""

    status: str
    version: str


class Ready(msgspec.Struct, frozen=True):
    """Whether this node can land just now, and if not, why."""

    ready: bool
    problems: list[str]


def attempt_view(attempt: Attempt) -> AttemptView:
    """An attempt as it is shown."""
    offer = attempt.offer
    return AttemptView(
        id=attempt.id,
        outcome=attempt.outcome,
        feed=str(offer.feed),
        door=offer.door,
        sender=offer.sender,
        declared=offer.declared,
        opened_at=time_text(attempt.opened_at),
        ended_at=None if attempt.ended_at is None else time_text(attempt.ended_at),
        size_bytes=attempt.size_bytes,
        reason=attempt.reason,
        sentence=attempt.sentence,
        completeness=attempt.completeness,
        delivery=attempt.delivery,
        idempotency_key=offer.idempotency_key,
        peer=offer.peer,
        agent=offer.agent,
        transcript=attempt.transcript,
        **name_fields(offer.name),
    )


def feed_view(summary: FeedSummary, *, declared: bool) -> FeedView:
    """A feed as it is shown."""
    return FeedView(
        str(summary.feed),
        declared,
        summary.deliveries,
        summary.size_bytes,
        None if summary.first_at is None else time_text(summary.first_at),
        None if summary.last_at is None else time_text(summary.last_at),
        summary.last_id,
    )


def plain(delivery: Delivery) -> Delivery:
    """A delivery that JSON can hold: a name that is not UTF-8 is shown with U+FFFD, and is exact in `name_b64`."""
    name = delivery.now.name
    try:
        name.encode()
    except UnicodeEncodeError:
        name = name.encode(errors="surrogateescape").decode(errors="replace")
        return msgspec.structs.replace(delivery, now=msgspec.structs.replace(delivery.now, name=name))
    return delivery
