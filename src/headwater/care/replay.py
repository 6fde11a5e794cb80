"""What administrative acts in the ledger mean for identities that come from an older backup. Pure.

Entries hold no secret and no digest of one: what was added after the backup comes back without its credentials.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from headwater.ledger.entries import Admin
from headwater.ports.books import Identity
from headwater.terms import Role, Time, time_value

_replace = msgspec.structs.replace
_VERBS: Final = frozenset({"add", "rotate", "revoke", "root", "legacy"})


class Replayed(msgspec.Struct, frozen=True):
    """What a replay came to. `changed` are the identities to be written, the revoked ones first.

    `lost` are credentials that were given out after the backup, as (name, fingerprint): they do not work any more, and
    their holders need new ones (`senders rotate`). `revoked` names what was taken away since; `passed_over` are acts
    that change no identity.
    """

    changed: tuple[Identity, ...] = ()
    lost: tuple[tuple[str, str], ...] = ()
    revoked: tuple[tuple[str, str], ...] = ()
    passed_over: tuple[str, ...] = ()


def replayed(identities: Iterable[Identity], acts: Sequence[Admin]) -> Replayed:
    """Applies acts, in the ledger's order, to the identities of a backup. One that stands already changes nothing."""
    before = {identity.name: identity for identity in identities}
    after = dict(before)
    lost: dict[tuple[str, str], None] = {}
    revoked: dict[tuple[str, str], None] = {}
    passed_over = []
    for act in acts:
        verb = act.act.partition(".")[2]
        known = after.get(act.subject)
        if act.act.partition(".")[0] not in {"senders", "users"} or verb not in _VERBS:
            passed_over.append(act.act)
            continue
        match verb:
            case "add":
                after[act.subject] = _added(known, act)
                lost.update(_missing(after[act.subject], act, "credentials"))
            case "rotate" if known:
                after[act.subject] = _rotated(known, act)
                lost.update(_missing(known, act, "added"))
            case "revoke" if known:
                after[act.subject] = _revoked(known, act)
                which = act.detail["credential"]
                if after[act.subject] != known:
                    revoked[act.subject, which] = None
                lost = {one: None for one in lost if one[0] != act.subject or which not in {"all", one[1]}}
            case "root" if known and time_value(act.at) >= known.added_at:
                after[act.subject] = _replace(known, root=act.detail["to"])
            case "legacy" if known and time_value(act.at) >= known.added_at:
                after[act.subject] = _replace(known, legacy=act.detail["to"])
    changed = [identity for name, identity in after.items() if identity != before.get(name)]
    taken_from = {name for name, _ in revoked}
    changed.sort(key=lambda identity: identity.name not in taken_from)
    return Replayed(tuple(changed), tuple(lost), tuple(revoked), tuple(passed_over))


def _added(known: Identity | None, act: Admin) -> Identity:
    """A new identity, or a revoked one that came back; one that lives stays as the backup has it."""
    at = time_value(act.at)
    if known is not None:
        if known.revoked_at is None or at <= known.added_at or at < known.revoked_at:
            return known
        at = max(at, Time(known.revoked_at + 1))  # as the act itself did: apart within one microsecond
    detail = act.detail
    return Identity(
        name=act.subject,
        role=Role(detail["role"]),
        allow=tuple(detail["allow"]),
        addresses=tuple(detail["addresses"]),
        root=detail["root"],
        may_create_feeds=detail["may_create_feeds"],
        factors=tuple(detail.get("factors", ())),  # entries of before the SFTP door have neither
        legacy=detail.get("legacy", False),
        credentials=known.credentials if known else (),
        added_at=at,
    )


def _rotated(known: Identity, act: Admin) -> Identity:
    until = Time(time_value(act.at) + act.detail["overlap_seconds"] * 1_000_000)
    return _replace(
        known,
        credentials=tuple(
            _replace(one, expires_at=min(until, one.expires_at or until))
            if one.fingerprint in act.detail["ending"]
            else one
            for one in known.credentials
        ),
    )


def _revoked(known: Identity, act: Admin) -> Identity:
    """What came after the act stays as it is: a sender that was added anew is not the one that was revoked."""
    at = time_value(act.at)
    which = act.detail["credential"]
    whole = which == "all" and known.revoked_at is None and known.added_at <= at
    return _replace(
        known,
        revoked_at=at if whole else known.revoked_at,
        credentials=tuple(
            _replace(one, revoked_at=at)
            if one.revoked_at is None and one.added_at <= at and which in {"all", one.fingerprint}
            else one
            for one in known.credentials
        ),
    )


def _missing(known: Identity, act: Admin, field: str) -> dict[tuple[str, str], None]:
    have = {one.fingerprint for one in known.credentials}
    return {(known.name, one): None for one in act.detail[field] if one not in have}
