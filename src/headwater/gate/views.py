"""What people are shown of identities: everything but the secrets."""

from __future__ import annotations

import msgspec

from headwater.ports.books import Credential, Identity
from headwater.terms import Role, Time, time_text


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
