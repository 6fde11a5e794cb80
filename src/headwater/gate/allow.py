"""Who may do what: one table of roles, one function that every door, route and page asks."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from headwater.errors import Refused
from headwater.layout import matches
from headwater.ports.books import Identity
from headwater.terms import FeedName, Role


class Verb(StrEnum):
    """What can be asked for."""

    DELIVER = "deliver"
    READ = "read"  # deliveries: receipts, findings, what is known now
    READ_BYTES = "read_bytes"
    PROOF = "proof"
    CHANGES = "changes"
    ATTEMPTS = "attempts"  # tries with their transcripts
    STATUS = "status"  # feeds and their state, slots, why
    LEDGER_ENTRIES = "ledger_entries"  # entry bundles: what everybody delivered
    CHECKPOINT = "checkpoint"  # checkpoint, tiles, keys: hashes only
    OPERATE = "operate"  # answers, promote, assign, void, pull runs
    ERASE = "erase"
    ADMIN = "admin"  # senders, users, keys, bans
    METRICS = "metrics"


class Reach(StrEnum):
    """How far a verb goes for a role."""

    OWN = "own"  # what the identity delivered itself, wherever it was put
    GRANTED = "granted"  # the feeds that match its `allow`
    ALL = "all"  # not a matter of feeds


_OWN, _GRANTED, _ALL = Reach.OWN, Reach.GRANTED, Reach.ALL

TABLE: dict[Role, dict[Verb, Reach]] = {
    Role.SENDER: {
        Verb.DELIVER: _GRANTED,
        Verb.READ: _OWN,
        Verb.READ_BYTES: _OWN,
        Verb.PROOF: _OWN,
        Verb.CHANGES: _OWN,
        Verb.ATTEMPTS: _OWN,
        Verb.STATUS: _GRANTED,
        Verb.CHECKPOINT: _ALL,
    },
    Role.READER: {
        Verb.READ: _GRANTED,
        Verb.READ_BYTES: _GRANTED,
        Verb.PROOF: _GRANTED,
        Verb.CHANGES: _GRANTED,
        Verb.STATUS: _GRANTED,
        Verb.CHECKPOINT: _ALL,
    },
    Role.OPERATOR: {
        Verb.READ: _GRANTED,
        Verb.READ_BYTES: _GRANTED,
        Verb.PROOF: _GRANTED,
        Verb.CHANGES: _GRANTED,
        Verb.ATTEMPTS: _GRANTED,
        Verb.STATUS: _GRANTED,
        Verb.CHECKPOINT: _ALL,
        Verb.OPERATE: _GRANTED,
        Verb.METRICS: _ALL,
    },
    Role.ADMIN: {
        Verb.DELIVER: _GRANTED,
        Verb.READ: _GRANTED,
        Verb.READ_BYTES: _GRANTED,
        Verb.PROOF: _GRANTED,
        Verb.CHANGES: _GRANTED,
        Verb.ATTEMPTS: _GRANTED,
        Verb.STATUS: _GRANTED,
        Verb.LEDGER_ENTRIES: _ALL,
        Verb.CHECKPOINT: _ALL,
        Verb.OPERATE: _GRANTED,
        Verb.ADMIN: _ALL,
        Verb.METRICS: _ALL,
    },
    Role.AUDITOR: {
        Verb.READ: _GRANTED,
        Verb.PROOF: _GRANTED,
        Verb.CHANGES: _GRANTED,
        Verb.STATUS: _GRANTED,
        Verb.LEDGER_ENTRIES: _ALL,
        Verb.CHECKPOINT: _ALL,
        Verb.METRICS: _ALL,
    },
    Role.ERASER: {
        Verb.READ: _GRANTED,
        Verb.CHANGES: _GRANTED,
        Verb.CHECKPOINT: _ALL,
        Verb.ERASE: _GRANTED,
    },
}
"""Role × verb; what is not there is not allowed."""


class Scope(msgspec.Struct, frozen=True):
    """What a query may return: feeds that match one of these patterns and, where `own` is set, of this sender alone."""

    feeds: tuple[str, ...]
    own: str | None = None


def allow(identity: Identity, verb: Verb, feed: FeedName | None = None, owner: str | None = None) -> None:
    """Returns if the identity may do this; to what stands in `feed`, delivered by the sender `owner`, where it is so.

    Raises Refused("not_found") where it may not even see the thing, Refused("not_allowed") where it may see the feed
    but not do this. Without `owner` nothing counts as its own: for whole queries use `scope`.
    """
    reach = TABLE[identity.role].get(verb)
    if reach is Reach.OWN:
        if owner != identity.name:
            raise Refused("not_found")
        return
    if feed is not None and not granted(identity, feed):
        raise Refused("not_found")
    if reach is None:
        raise _lacking(identity, verb)


def granted(identity: Identity, feed: FeedName) -> bool:
    """Whether a pattern of the identity's `allow` matches the feed."""
    return any(matches(pattern, feed) for pattern in identity.allow)


def scope(identity: Identity, verb: Verb) -> Scope:
    """What a query for this verb may return. Raises Refused("not_allowed") if the role has nothing of it."""
    match TABLE[identity.role].get(verb):
        case Reach.OWN:
            return Scope(("*",), identity.name)
        case Reach.GRANTED:
            return Scope(identity.allow)
        case Reach.ALL:
            return Scope(("*",))
    raise _lacking(identity, verb)


def _lacking(identity: Identity, verb: Verb) -> Refused:
    return Refused("not_allowed", f"{identity.name} has the role {identity.role}, which does not include {verb}.")
