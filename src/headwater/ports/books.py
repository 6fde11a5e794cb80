"""Rows beside the zone: attempts, idempotency keys, parts, senders, cursors, counters.

Every method that writes queues its row at once, in call order, and returns an awaitable. When that completes, the row
survives `kill -9`; only rows of the truth (senders) and parked uploads survive a power cut at that moment as well.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Sequence
from typing import Any, Protocol

import msgspec

from headwater.terms import Completeness, FeedName, Id, Key, Offer, Outcome, Receipt, Role, Time


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try to deliver. `fence` counts its holders; `lease_until` is when another may take it over."""

    id: Id
    outcome: Outcome
    offer: Offer
    opened_at: Time
    fence: int = 1
    lease_until: Time = Time(0)
    key: Key | None = None
    size_bytes: int = 0
    draft: Receipt | None = None
    reason: str | None = None
    sentence: str | None = None
    completeness: Completeness | None = None
    ended_at: Time | None = None
    delivery: Id | None = None  # of a repeated one: what it repeats
    transcript: tuple[dict[str, Any], ...] = ()


class AttemptBook(Protocol):
    """The attempts; law 3's memory of what was tried."""

    def open(self, attempt: Attempt, *, soon: bool = True) -> Awaitable[None]:
        """Adds a row. Not `soon`, nobody waits for it: it is written with the next one, within a moment."""
        ...

    def move(self, id: Id, fence: int, *, durable: bool = False, soon: bool = True, **changes: Any) -> Awaitable[bool]:
        """Sets columns of `Attempt` if the row's fence is still `fence`; False if another holder has it.

        `soon` as for `open`; the order of calls is kept in any case.
        """
        ...

    def take(self, id: Id, now: Time, lease_until: Time, *, force: bool = False) -> Awaitable[Attempt | None]:
        """Takes a row whose lease has expired (or any unfinished row, with `force`): raises the fence. None if it
        cannot be had.
        """
        ...

    def get(self, id: Id) -> Awaitable[Attempt | None]:
        """One row."""
        ...

    def unfinished(self, now: Time) -> Awaitable[list[Attempt]]:
        """Rows in `open`, `parked` or `sealing` whose lease has expired, oldest first."""
        ...


class AttemptQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which attempts to list: newest first. `ending` is that of the id, among those that did not land."""

    feed: FeedName | None = None
    source: str | None = None
    sender: str | None = None
    outcomes: tuple[Outcome, ...] = ()
    idempotency_key: str | None = None
    ending: str | None = None
    since: Time | None = None
    until: Time | None = None
    before: Id | None = None
    limit: int = 50


class AttemptList(Protocol):
    """Looking at attempts, and forgetting old ones."""

    def attempts(self, query: AttemptQuery) -> Awaitable[list[Attempt]]:
        """The rows of a query."""
        ...

    def forget(self, before: Time) -> Awaitable[int]:
        """Removes finished rows older than this (90 days); returns how many."""
        ...


class KeyClaim(msgspec.Struct, frozen=True):
    """Who has an idempotency key: the attempt and, once it landed, the SHA-256 of its bytes."""

    id: Id
    sha256: str | None


class IdempotencyBook(Protocol):
    """Idempotency keys, per sender and feed, for 7 days."""

    def claim(self, sender: str, feed: FeedName, key: str, id: Id, now: Time) -> Awaitable[KeyClaim | None]:
        """Takes the key for an attempt: None if it is now ours, else its holder. MUST be atomic."""
        ...

    def fulfil(self, sender: str, feed: FeedName, key: str, id: Id, sha256: str) -> Awaitable[None]:
        """The attempt landed these bytes."""
        ...

    def release(self, sender: str, feed: FeedName, key: str, id: Id) -> Awaitable[None]:
        """The attempt did not land: the key is free again."""
        ...


class Part(msgspec.Struct, frozen=True):
    """One part of a multipart upload: taken when `etag` is None, committed when it has one."""

    number: int
    offset: int
    size_bytes: int
    etag: str | None = None
    crc64nvme: str | None = None


class PartBook(Protocol):
    """The parts of unsealed multipart uploads: a number is taken before it is sent and never used again."""

    def begin(self, upload: Id, store_upload: str) -> Awaitable[None]:
        """The store gave this upload its own id; replaces an earlier one and its parts."""
        ...

    def take(self, upload: Id, part: Part) -> Awaitable[bool]:
        """Takes a part number; False if it is taken already."""
        ...

    def commit(self, upload: Id, part: Part) -> Awaitable[None]:
        """The store has this part."""
        ...

    def parts(self, upload: Id) -> Awaitable[tuple[str | None, list[Part]]]:
        """The store's id and the parts, in order of number; (None, []) if there are none."""
        ...

    def end(self, upload: Id) -> Awaitable[None]:
        """Forgets the rows of an upload that is sealed or abandoned."""
        ...


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """Something that an identity can show. `kind`: `token` (`secret` is its SHA-256), `password` (argon2id),
    `ssh_key` (the public key), `ssh_ca` (that of who signs its SSH certificates), `certificate` (SHA-256 of it).
    `fingerprint` is what receipts and people see.
    """

    kind: str
    fingerprint: str
    secret: str
    added_at: Time
    expires_at: Time | None = None
    revoked_at: Time | None = None
    first_used_at: Time | None = None
    last_used_at: Time | None = None

    def __rich_repr__(self) -> Iterator[tuple[str, Any]]:  # type: ignore[override]
        """All but the secret: no repr, log line or traceback shows it."""
        return ((name, getattr(self, name)) for name in self.__struct_fields__ if name != "secret")

    def __repr__(self) -> str:
        """As `__rich_repr__`."""
        return f"Credential({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A sender or a user: who may do what. `allow` are patterns on `source/feed`; no `addresses` means any.

    `factors`, `("ssh_key", "password")`, must be shown together, an SSH certificate counting as a key; without any,
    each credential alone is enough.
    """

    name: str
    role: Role
    allow: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    root: str | None = None
    may_create_feeds: bool = False
    factors: tuple[str, ...] = ()
    legacy: bool = False  # may use SSH algorithms that were given up as weak
    credentials: tuple[Credential, ...] = ()
    added_at: Time = Time(0)
    expires_at: Time | None = None
    revoked_at: Time | None = None
    declared: bool = False  # stands in headwater.toml; read-only elsewhere


class IdentityBook(Protocol):
    """Senders and users: truth, synced when the awaitable completes."""

    def identities(self) -> Awaitable[list[Identity]]:
        """All of them, also revoked ones."""
        ...

    def put(self, identity: Identity) -> Awaitable[None]:
        """Adds or replaces one, by name."""
        ...

    def used(self, uses: Sequence[tuple[str, str, Time]]) -> Awaitable[None]:
        """Notes the use of (name, credential fingerprint) at a time."""
        ...

    def uses(self) -> Awaitable[list[tuple[str, str, Time, Time]]]:
        """The first and the last use of each (name, credential fingerprint), also of names that are no rows here."""
        ...


class CursorBook(Protocol):
    """How far each follower has come."""

    def cursor(self, follower: str) -> Awaitable[int]:
        """The position up to which a follower has worked; 0 at first."""
        ...

    def advance(self, follower: str, position: int) -> Awaitable[None]:
        """Moves it; never back but to 0."""
        ...


class Count(msgspec.Struct, frozen=True):
    """How often a reason met a known sender name (or none) from an address at a door within a minute."""

    minute: Time
    door: str
    reason: str
    sender: str
    address: str
    count: int


class CounterBook(Protocol):
    """What was turned away before it was anybody's: counted, bounded, kept for 90 days."""

    def add(self, counts: Sequence[Count]) -> Awaitable[None]:
        """Adds to the counts."""
        ...

    def counts(self, sender: str | None, since: Time) -> Awaitable[list[Count]]:
        """What was counted, newest first."""
        ...

    def prune(self, before: Time, rows_max: int) -> Awaitable[None]:
        """Forgets what is older, and the oldest above `rows_max` rows."""
        ...


class ShownName(msgspec.Struct, frozen=True, kw_only=True):
    """A name in a sender's own folders: a delivery, or (without an id) a folder that it made.

    `folder` is absolute, without a slash at its end but for the root's; `modified_at` (seconds since the epoch) and
    `mode` are the client's own.
    """

    folder: str
    name: str
    id: Id | None = None
    size_bytes: int = 0
    shown_at: Time
    modified_at: int | None = None
    mode: int | None = None


class NameBook(Protocol):
    """What senders see of what they delivered by a door with folders. Rows wait for the next ones, within a moment."""

    def show(self, sender: str, shown: ShownName) -> Awaitable[None]:
        """Shows a name, in the place of what it showed before."""
        ...

    def hide(self, sender: str, folder: str, name: str) -> Awaitable[None]:
        """Shows it no more."""
        ...

    def shown(self, sender: str, folder: str, name: str) -> Awaitable[ShownName | None]:
        """What a name shows; None for one that is not shown."""
        ...

    def listed(self, sender: str, folder: str, after: str, limit: int) -> Awaitable[list[ShownName]]:
        """The names of a folder after one of them ("" is before all), in order of their bytes."""
        ...

    def holds(self, sender: str, folder: str) -> Awaitable[bool]:
        """Whether a folder, or one below it, holds a name."""
        ...

    def folders(self, sender: str, folder: str, limit: int) -> Awaitable[list[str]]:
        """The folders below one: those that hold names, at any depth, and those that were made in it."""
        ...


class FactBook(Protocol):
    """Single facts of a home: the zone's id, this node's id."""

    def fact(self, name: str) -> Awaitable[str | None]:
        """The fact, None if it was never set."""
        ...

    def set_fact(self, name: str, value: str) -> Awaitable[None]:
        """Sets a fact, synced."""
        ...
