"""The values of the API that are not terms already: what is asked for, and what is answered. OpenAPI is made of them.

Names that are not UTF-8 stand in `name_b64`, as in receipts.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

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
    State,
    name_fields,
    time_text,
)

PAGE_MAX: Final = 1000

WORD: Final = "^[a-z][a-z0-9]*([_-][a-z0-9]+)*$"
ID: Final = "^[0-9a-f]{32}$"
_DAY: Final = r"20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
_CLOCK: Final = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"

Word = Annotated[str, Meta(pattern=WORD, min_length=2, max_length=40)]
FeedText = Annotated[
    str,
    Meta(
        max_length=81,
        description="`source/feed`; or the feed alone, beside `source`.",
        extra_json_schema={"pattern": f"{WORD[:-1]}/{WORD[1:]}"},
    ),
]
Moment = Annotated[
    str,
    Meta(
        max_length=40, description="RFC 3339, or a date (UTC).", extra_json_schema={"pattern": f"^{_DAY}(T{_CLOCK})?$"}
    ),
]
Ending = Annotated[
    str,
    Meta(
        description="An id, an ending of one of ≥ 6 characters, or the object's key.",
        extra_json_schema={"pattern": "^[0-9a-f]{6,32}$"},
    ),
]
Cursor = Annotated[str, Meta(pattern="^[0-9a-f]{1,15}$", description="From `next` of the page before.")]
After = Annotated[int, Meta(ge=0, le=2**62, description="A position, exclusive; 0 is before the first.")]
Limit = Annotated[int, Meta(ge=1, le=PAGE_MAX)]
Lasting = Annotated[str, Meta(pattern="^[0-9]{1,6}(s|m|h|d)$", description="A duration: `14d`.")]
Why = Annotated[str, Meta(min_length=1, max_length=1000, pattern=r"\S")]


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked for in the query or the body. An unknown field is an error."""


class DeliveriesAsked(Asked, frozen=True):
    """Which deliveries: newest first, or oldest first with `after`. `since` is inclusive, `until` exclusive."""

    source: Word | None = None
    feed: FeedText | None = None
    sender: str | None = None
    door: Door | None = None
    name: Annotated[str, Meta(description="A glob over names as they are now.")] | None = None
    completeness: Completeness | None = None
    state: State | None = None
    since: Moment | None = None
    until: Moment | None = None
    id: Ending | None = None
    cursor: Cursor | None = None
    after: After | None = None
    limit: Limit = 50


class ChangesAsked(Asked, frozen=True):
    """Which changes, oldest first; `wait` holds the answer back until there is one, for so many seconds at most."""

    source: Word | None = None
    feed: FeedText | None = None
    after: After = 0
    wait: Annotated[float, Meta(ge=0, le=30)] = 0.0
    limit: Limit = 200


class AttemptsAsked(Asked, frozen=True):
    """Which attempts, newest first; `key` is an idempotency key."""

    key: str | None = None
    source: Word | None = None
    feed: FeedText | None = None
    sender: str | None = None
    outcome: (
        Annotated[
            str,
            Meta(
                pattern="^(open|parked|sealing|landed|held|refused|repeated)"
                "(,(open|parked|sealing|landed|held|refused|repeated))*$"
            ),
        ]
        | None
    ) = None
    since: Moment | None = None
    until: Moment | None = None
    cursor: Annotated[str, Meta(pattern=ID)] | None = None
    limit: Limit = 50


class ProofAsked(Asked, frozen=True):
    """`tlog-proof` is the proof alone; with `bytes` the bundle holds the file too."""

    format: Annotated[str, Meta(pattern="^(zip|tlog-proof)$")] = "zip"
    bytes: bool = False


class CheckAsked(Asked, frozen=True, rename={"address": "from"}):
    """From which address, and to which path as the sender sees it over SFTP."""

    address: Annotated[str, Meta(max_length=64)]
    path: Annotated[str, Meta(pattern="^/", max_length=1200)] | None = None


class Reasoned(Asked, frozen=True):
    """Why it is done; it stands in the ledger."""

    reason: Why


class NewSender(Asked, frozen=True):
    """A sender, and its credentials: keys that it gave, and secrets that are made here and shown once."""

    name: str
    allow: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    root: str | None = None
    may_create_feeds: bool = False
    ssh_keys: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    token: bool = False
    password: bool = False
    expires: Lasting | None = None


class NewUser(Asked, frozen=True):
    """Somebody who does not deliver."""

    name: str
    role: Role
    allow: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    token: bool = False
    password: bool = False
    expires: Lasting | None = None


class Rotate(Asked, frozen=True):
    """New keys; without any, what secrets there were are made anew. The old ones end after the overlap."""

    ssh_keys: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    overlap: Lasting = "14d"


class Revoke(Asked, frozen=True):
    """One credential, by its fingerprint or an ending of it; without it, all."""

    credential: str | None = None


class Root(Asked, frozen=True):
    """The feed that the sender sees as its root folder: `/source/feed`, or none."""

    root: str | None


class DeliveryPage(msgspec.Struct, frozen=True):
    """A page. `next` is the cursor of the next one, if there is one."""

    deliveries: list[Delivery]
    next: str | None = None


class ChangeView(msgspec.Struct, frozen=True):
    """`landed renamed amended void erased`, of a delivery as it is now."""

    kind: str
    position: Position
    delivery: Delivery


class ChangePage(msgspec.Struct, frozen=True):
    """Changes in order, and the position after which to go on."""

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
