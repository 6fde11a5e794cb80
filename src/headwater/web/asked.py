"""What is asked for, in queries and bodies: the types that requests are read as. OpenAPI is made of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from headwater.errors import Refused
from headwater.layout import parse_feed
from headwater.terms import Completeness, Door, FeedName, Role, State, Time, time_value

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


class FeedFindingsAsked(Asked, frozen=True):
    """Which findings of a feed: newest first, below a position."""

    before: Annotated[int, Meta(ge=1, le=2**62, description="A position, exclusive.")] | None = None
    limit: Limit = 20


class AttemptsAsked(Asked, frozen=True):
    """Which attempts, newest first; `key` is an idempotency key."""

    id: Ending | None = None
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


class VerifyAsked(Asked, frozen=True):
    """Whose bytes, of all feeds without one; whether sizes and checksums will do; a checkpoint that was kept."""

    feed: str | None = None
    quick: bool = False
    against: str | None = None


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
    factors: Annotated[
        tuple[str, ...], Meta(description="`ssh_key` and `password`: what it must show together; by SFTP alone then.")
    ] = ()
    legacy: Annotated[bool, Meta(description="It may use SSH algorithms that were given up as weak.")] = False
    ssh_keys: tuple[str, ...] = ()
    ssh_ca: Annotated[tuple[str, ...], Meta(description="Public keys of who signs its SSH certificates.")] = ()
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
    ssh_ca: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    overlap: Lasting = "14d"


class Revoke(Asked, frozen=True):
    """One credential, by its fingerprint or an ending of it; without it, all."""

    credential: str | None = None


class Root(Asked, frozen=True):
    """The feed that the sender sees as its root folder: `/source/feed`, or none."""

    root: str | None


class Legacy(Asked, frozen=True):
    """Whether the sender may use SSH algorithms that were given up as weak."""

    legacy: bool


def feed_of(source: str | None, feed: str | None) -> FeedName | None:
    """The feed that is asked for, None for none. Raises Refused("bad_feed")."""
    if feed is None:
        return None
    return parse_feed(feed if source is None or "/" in feed else f"{source}/{feed}")


def moment_of(text: str | None) -> Time | None:
    """The time that is asked for, None for none. Raises Refused("bad_request")."""
    if text is None:
        return None
    text = text.replace(" ", "+")  # what a query's decoding makes of a '+'
    try:
        if len(text) == len("2026-11-23"):
            return Time(int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000)
        return time_value(text)
    except ValueError as error:
        raise Refused("bad_request", f"{error}. Write 2026-11-23 or 2026-11-23T06:00:00Z.") from error
