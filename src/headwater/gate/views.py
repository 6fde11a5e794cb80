"""What people are shown of identities: everything but the secrets."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil
from typing import Final

import msgspec

from headwater.gate.addresses import block, networks, within
from headwater.gate.bans import Ban
from headwater.ports.books import Count, Credential, Identity
from headwater.terms import Role, Time, time_text

_REFUSED_MAX: Final = 200


class CredentialView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A credential; `state` is `live`, `expired` or `revoked`."""

    kind: str
    fingerprint: str
    state: str
    added_at: str
    expires_at: str | None = None
    revoked_at: str | None = None
    first_used_at: str | None = None
    last_used_at: str | None = None


class IdentityView(msgspec.Struct, frozen=True):
    """A sender or user. `next_expiry_at` is when the first of its live credentials ends."""

    name: str
    role: Role
    state: str
    allow: tuple[str, ...]
    addresses: tuple[str, ...]
    root: str | None
    may_create_feeds: bool
    factors: tuple[str, ...]
    legacy: bool
    declared: bool
    last_used_at: str | None
    next_expiry_at: str | None
    credentials: tuple[CredentialView, ...]


class RefusedView(msgspec.Struct, frozen=True):
    """How often one was turned away for a reason, at a door, from an address, and when last, to the minute."""

    reason: str
    door: str
    address: str
    count: int
    last_at: str


class BanView(msgspec.Struct, frozen=True):
    """An address that is banned, and for how much longer."""

    address: str
    seconds_left: int


class IdentityDetail(IdentityView, frozen=True):
    """A sender or user with what was turned away in its name within 90 days, the newest first, and bans near it.

    `bans` are of addresses that such refusals came from, or that it may come from.
    """

    refused: tuple[RefusedView, ...]
    bans: tuple[BanView, ...]


def detail(identity: Identity, now: Time, counts: Iterable[Count], bans: Iterable[Ban]) -> IdentityDetail:
    """All that people are shown of one identity."""
    totals: dict[tuple[str, str, str], tuple[int, Time]] = {}
    for row in counts:
        key = (row.reason, row.door, row.address)
        count, last = totals.get(key, (0, Time(0)))
        totals[key] = (count + row.count, max(last, row.minute))
    newest = sorted(totals.items(), key=lambda item: item[1][1], reverse=True)
    refused = [RefusedView(*key, count, time_text(last)) for key, (count, last) in newest[:_REFUSED_MAX]]
    near = {block(one.address) for one in refused}
    allowed = networks(identity.addresses)
    banned = [
        BanView(ban.address, ceil(ban.seconds_left))
        for ban in bans
        if ban.address in near or within(ban.address.partition("/")[0], allowed)
    ]
    return IdentityDetail(**msgspec.structs.asdict(view(identity, now)), refused=tuple(refused), bans=tuple(banned))


def view(identity: Identity, now: Time) -> IdentityView:
    """What is known of an identity now, without secrets."""
    live = [one for one in identity.credentials if _state(identity, one, now) == "live"]
    uses = [one.last_used_at for one in identity.credentials if one.last_used_at is not None]
    ends = [one.expires_at for one in live if one.expires_at is not None]
    return IdentityView(
        name=identity.name,
        role=identity.role,
        state=_life(identity.revoked_at, identity.expires_at, now),
        allow=identity.allow,
        addresses=identity.addresses,
        root=identity.root,
        may_create_feeds=identity.may_create_feeds,
        factors=identity.factors,
        legacy=identity.legacy,
        declared=identity.declared,
        last_used_at=_text(max(uses, default=None)),
        next_expiry_at=_text(min(ends, default=None)),
        credentials=tuple(_credential_view(one, _state(identity, one, now)) for one in identity.credentials),
    )


def _credential_view(one: Credential, state: str) -> CredentialView:
    return CredentialView(
        one.kind,
        one.fingerprint,
        state,
        time_text(one.added_at),
        _text(one.expires_at),
        _text(one.revoked_at),
        _text(one.first_used_at),
        _text(one.last_used_at),
    )


def _state(identity: Identity, credential: Credential, now: Time) -> str:
    whole = _life(identity.revoked_at, identity.expires_at, now)
    return whole if whole != "live" else _life(credential.revoked_at, credential.expires_at, now)


def _life(revoked_at: Time | None, expires_at: Time | None, now: Time) -> str:
    if revoked_at is not None:
        return "revoked"
    return "expired" if expires_at is not None and expires_at <= now else "live"


def _text(at: Time | None) -> str | None:
    return None if at is None else time_text(at)
