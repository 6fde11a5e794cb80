"""Changing who there is: senders and users are added, given new credentials, revoked; each act is an entry first.

**The order: entry, then books, then memory.** An act that stopped after its entry changed nothing and gave nobody a
secret: whoever asked was told so and asks again, and no effect ever stands without its entry. For a revocation that is
not enough, so `redo` does again what the entry of one orders, wherever the books do not show it yet: whoever follows
`admin` entries calls it, at start-up as at any other time, and so does restoring older books. The entry of a revocation
says when the identity it ends was added, and each one of a name is added later than the last: `redo` cannot take a
sender that came back for the one that was revoked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

import msgspec

from headwater.errors import Refused
from headwater.gate.credentials import (
    CERTIFICATE,
    PASSWORD,
    TOKEN,
    NewSecrets,
    certificate_credential,
    dated,
    new_password,
    new_token,
    password_credential,
    ssh_ca_credential,
    ssh_key_credential,
    token_credential,
    token_digest,
)
from headwater.gate.declared import refuse_declared
from headwater.gate.identify import Identities
from headwater.gate.new_identity import NewIdentity, checked, checked_root
from headwater.gate.passwords import Passwords
from headwater.ledger.entries import Admin, time_of
from headwater.ports.books import Credential, Identity, IdentityBook
from headwater.ports.clock import Clock
from headwater.ports.ledger import Ledger
from headwater.terms import Role, Time, time_text, time_value

T = TypeVar("T")

OVERLAP_SECONDS: Final = 14 * 86_400.0
"""How long old credentials go on working beside their successors, unless said otherwise."""

_ENDING_LENGTH_MIN: Final = 6


class Senders:
    """The administrative acts, one at a time. `by` is the name of who asks; `allow(…, Verb.ADMIN)` was asked before.

    Each raises Refused for what makes no sense, and for a declared identity, with the TOML to paste; Unavailable when
    ledger or books cannot be written. An act runs to its end when its caller goes away.
    """

    def __init__(
        self,
        book: IdentityBook,
        ledger: Ledger,
        identities: Identities,
        passwords: Passwords,
        entropy: Callable[[int], bytes],
        clock: Clock,
    ) -> None:
        self._book = book
        self._ledger = ledger
        self._identities = identities
        self._passwords = passwords
        self._entropy = entropy
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._acts: set[asyncio.Task[Any]] = set()

    async def add(self, new: NewIdentity, by: str) -> NewSecrets:
        """Adds an identity; a revoked one of this name comes back with new credentials. Returns the secrets made.

        A sender who may use exactly one feed gets it as root. Raises Refused("exists", "bad_feed", "bad_request").
        """
        return await self._act(lambda: self._add(new, by))

    async def rotate(
        self,
        name: str,
        by: str,
        *,
        ssh_keys: Sequence[str] = (),
        ssh_ca: Sequence[str] = (),
        certificates: Sequence[str] = (),
        overlap_seconds: float = OVERLAP_SECONDS,
    ) -> NewSecrets:
        """New credentials beside the old ones of their kinds, which end after the overlap. Returns the secrets made.

        Without keys and certificates, a token and a password are made anew where there were such. The new ones live as
        long as the old ones were to.
        """
        given = _given(ssh_keys, ssh_ca, certificates)
        return await self._act(lambda: self._rotate(name, by, given, overlap_seconds))

    async def revoke(self, name: str, by: str, *, credential: str | None = None) -> tuple[str, ...]:
        """Ends one credential, named by its fingerprint or an unambiguous ending of it, or the identity with all.

        Returns the fingerprints of what was revoked.
        """
        return await self._act(lambda: self._revoke(name, by, credential))

    async def set_root(self, name: str, root: str | None, by: str) -> None:
        """Makes `/source/feed` what the sender sees as `/`; None shows all its folders."""
        await self._act(lambda: self._set_root(name, root, by))

    async def set_legacy(self, name: str, by: str, *, legacy: bool) -> None:
        """Whether the sender may use SSH algorithms that were given up as weak."""
        await self._act(lambda: self._set_legacy(name, by, legacy=legacy))

    async def redo(self, entry: Admin) -> bool:
        """Carries out a revocation that was entered but is not in the books; True if there was anything to do."""
        if entry.act not in {"senders.revoke", "users.revoke"}:
            return False
        return await self._act(lambda: self._redo(entry))

    # --- the acts ----------------------------------------------------------------------------------------------------

    async def _add(self, new: NewIdentity, by: str) -> NewSecrets:
        old = self._identities.identity(new.name)
        if old is not None:
            refuse_declared(old)
            if old.revoked_at is None:
                raise Refused("exists", f"There is a {old.role} {old.name} already; rotate gives new credentials.")
        identity = checked(new)
        secrets, made = await self._make(token=new.token, password=new.password)
        made += _given(new.ssh_keys, new.ssh_ca, new.certificates)
        if not made:
            raise Refused("bad_request", f"{new.name} needs a credential: a token, a password or a key.")
        if identity.factors and not (new.password and (new.ssh_keys or new.ssh_ca)):
            raise Refused("bad_request", f"{new.name} must show key and password together: it needs both.")
        self._refuse_known(made, new.name)
        detail = {
            "role": identity.role,
            "allow": identity.allow,
            "addresses": identity.addresses,
            "root": identity.root,
            "may_create_feeds": identity.may_create_feeds,
            "factors": identity.factors,
            "legacy": identity.legacy,
            "credentials": [credential.fingerprint for credential in made],
        }
        at = await self._enter(identity, "add", by, detail)
        if old is not None:
            at = max(at, Time(old.added_at + 1))  # also within one microsecond: `redo` tells them apart by it
        credentials = (*(old.credentials if old else ()), *(dated(one, at, new.lifetime_seconds) for one in made))
        await self._put(msgspec.structs.replace(identity, added_at=at, credentials=credentials))
        return secrets

    async def _rotate(self, name: str, by: str, given: Sequence[Credential], overlap_seconds: float) -> NewSecrets:
        identity = self._changeable(name)
        kinds = {one.kind for one in given} or {TOKEN, PASSWORD}
        unrevoked = [one for one in identity.credentials if one.kind in kinds and one.revoked_at is None]
        had = {one.kind for one in unrevoked}
        if not had and not given:
            raise Refused("bad_request", f"{name} has no token and no password; give its new public key.")
        self._refuse_known(given, name)
        secrets, made = await self._make(token=TOKEN in had, password=PASSWORD in had)
        made += given
        old = [one for one in unrevoked if one.expires_at is None or one.expires_at > self._clock.now()]
        detail = {
            "added": [one.fingerprint for one in made],
            "ending": [one.fingerprint for one in old],
            "overlap_seconds": round(overlap_seconds),
        }
        at = await self._enter(identity, "rotate", by, detail)
        until = Time(at + round(overlap_seconds * 1_000_000))
        ended = [
            msgspec.structs.replace(one, expires_at=min(until, one.expires_at or until)) if one in old else one
            for one in identity.credentials
        ]
        fresh = [dated(one, at, _lifetime_seconds(unrevoked)) for one in made]
        await self._put(msgspec.structs.replace(identity, credentials=(*ended, *fresh)))
        return secrets

    async def _revoke(self, name: str, by: str, credential: str | None) -> tuple[str, ...]:
        identity = self._changeable(name)
        live = tuple(one.fingerprint for one in identity.credentials if one.revoked_at is None)
        one = _the_one(live, credential, name) if credential is not None else None
        detail = {"credential": one or "all", "added_at": time_text(identity.added_at)}
        await self._put(_revoked(identity, one, await self._enter(identity, "revoke", by, detail)))
        return (one,) if one else live

    async def _set_root(self, name: str, root: str | None, by: str) -> None:
        identity = self._changeable(name)
        changed = msgspec.structs.replace(identity, root=checked_root(root, identity.allow))
        await self._enter(identity, "root", by, {"from": identity.root, "to": changed.root})
        await self._put(changed)

    async def _set_legacy(self, name: str, by: str, *, legacy: bool) -> None:
        identity = self._changeable(name)
        await self._enter(identity, "legacy", by, {"from": identity.legacy, "to": legacy})
        await self._put(msgspec.structs.replace(identity, legacy=legacy))

    async def _redo(self, entry: Admin) -> bool:
        identity = self._identities.identity(entry.subject)
        if identity is None or identity.declared:
            return False
        one = None if entry.detail["credential"] == "all" else entry.detail["credential"]
        if one is None and identity.added_at > time_value(entry.detail["added_at"]):
            return False
        changed = _revoked(identity, one, time_value(entry.at))
        if changed == identity:
            return False
        await self._put(changed)
        return True

    # --- their steps -------------------------------------------------------------------------------------------------

    async def _act(self, act: Callable[[], Coroutine[Any, Any, T]]) -> T:
        async def alone() -> T:
            async with self._one_at_a_time:
                await self._identities.refresh()
                return await act()

        task = asyncio.create_task(alone())
        self._acts.add(task)
        task.add_done_callback(self._acts.discard)
        return await asyncio.shield(task)

    async def _enter(self, identity: Identity, act: str, by: str, detail: dict[str, Any]) -> Time:
        kind = "senders" if identity.role is Role.SENDER else "users"
        entry = Admin(v=1, by=by, act=f"{kind}.{act}", subject=identity.name, detail=detail)
        (entered,) = await self._ledger.append(entry)
        return time_value(time_of(entered.entry))

    async def _put(self, identity: Identity) -> None:
        await self._book.put(identity)
        await self._identities.refresh()

    async def _make(self, *, token: bool, password: bool) -> tuple[NewSecrets, list[Credential]]:
        new = NewSecrets(new_token(self._entropy) if token else None, new_password(self._entropy) if password else None)
        made = [token_credential(token_digest(new.token))] if new.token else []
        if new.password:
            made.append(password_credential(await self._passwords.hash(new.password)))
        return new, made

    def _changeable(self, name: str) -> Identity:
        identity = self._identities.identity(name)
        if identity is None or identity.revoked_at is not None:
            raise Refused("not_found", f"There is no {name}, or it was revoked.")
        refuse_declared(identity)
        return identity

    def _refuse_known(self, given: Sequence[Credential], name: str) -> None:
        # A revoked key stays revoked, and a certificate alone says who comes, so it can be but one identity's
        for identity in self._identities.all():
            for one in identity.credentials:
                alone = one.kind == CERTIFICATE or identity.name == name
                if alone and any(one.fingerprint == other.fingerprint for other in given):
                    raise Refused("exists", f"{identity.name} has, or had, {one.fingerprint} already.")


def _given(ssh_keys: Sequence[str], ssh_ca: Sequence[str], certificates: Sequence[str]) -> list[Credential]:
    """The credentials that an identity brings. Raises Refused("bad_request") for what is none."""
    return [
        *(ssh_key_credential(key) for key in ssh_keys),
        *(ssh_ca_credential(key) for key in ssh_ca),
        *(certificate_credential(sha256) for sha256 in certificates),
    ]


def _the_one(fingerprints: Sequence[str], wanted: str, name: str) -> str:
    long_enough = len(wanted) >= _ENDING_LENGTH_MIN
    found = [one for one in fingerprints if one == wanted]
    found = found or [one for one in fingerprints if long_enough and one.endswith(wanted)]
    if len(found) != 1:
        raise Refused("not_found", f"{name} has {'no' if not found else 'more than one'} live credential {wanted!r}.")
    return found[0]


def _revoked(identity: Identity, fingerprint: str | None, at: Time) -> Identity:
    """The identity with one credential revoked, or (None) with all and itself; what was revoked before stays so."""
    replace = msgspec.structs.replace
    credentials = tuple(
        replace(one, revoked_at=at) if one.revoked_at is None and fingerprint in {None, one.fingerprint} else one
        for one in identity.credentials
    )
    whole = fingerprint is None and identity.revoked_at is None
    return replace(identity, credentials=credentials, revoked_at=at if whole else identity.revoked_at)


def _lifetime_seconds(old: Sequence[Credential]) -> float | None:
    lifetimes = [None if one.expires_at is None else (one.expires_at - one.added_at) / 1_000_000 for one in old]
    ending = [seconds for seconds in lifetimes if seconds is not None]
    return max(ending) if ending and len(ending) == len(lifetimes) else None
