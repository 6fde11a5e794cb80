"""Who is calling: from a credential that was shown to the identity behind it, in memory."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

import msgspec

from headwater.errors import HeadwaterError
from headwater.gate.addresses import Network, block, is_loopback, networks, within
from headwater.gate.credentials import (
    CERTIFICATE,
    PASSWORD,
    SSH_CA,
    SSH_KEY,
    TOKEN,
    looks_like_token,
    token_digest,
)
from headwater.gate.passwords import Passwords
from headwater.gate.refusals import NotLetIn, Why
from headwater.ports.books import Credential, Identity, IdentityBook
from headwater.ports.clock import Clock
from headwater.terms import SenderRef, Time

_NEVER: Final = Time(2**63 - 1)
_FOUND_BY: Final = 32
_PASSWORDS_TRIED: Final = 2
_FACTOR_OF: Final = {SSH_KEY: SSH_KEY, SSH_CA: SSH_KEY, PASSWORD: PASSWORD}


class Caller(msgspec.Struct, frozen=True):
    """An identity that was let in: by which credential, from which address, and whether over TLS."""

    identity: Identity
    credential: str
    peer: str
    secure: bool

    @property
    def name(self) -> str:
        """The identity's name."""
        return self.identity.name

    @property
    def sender(self) -> SenderRef:
        """What a receipt says of who delivered."""
        return SenderRef(self.identity.name, self.credential)


class _Known(msgspec.Struct, frozen=True):
    identity: Identity
    credential: Credential
    networks: tuple[Network, ...]
    expires_at: Time
    revoked: bool

    def live(self, now: Time) -> bool:
        return not self.revoked and now < self.expires_at


class Identities:
    """All identities, those of the books and those declared in the configuration (which win), in memory.

    `refresh` fills it; call it after every change, and now and then where other nodes change the books too. Every way
    of showing a credential returns a Caller or raises NotLetIn, which looks the same whatever was wrong with it; only
    who shows a right credential from a wrong address is told so.
    """

    def __init__(
        self, book: IdentityBook, clock: Clock, passwords: Passwords, declared: Sequence[Identity] = ()
    ) -> None:
        self._book = book
        self._clock = clock
        self._passwords = passwords
        self._declared = tuple(declared)
        self._refreshing = asyncio.Lock()
        self._by_name: dict[str, Identity] = {}
        self._by_digest: dict[tuple[str, str], _Known] = {}
        self._by_password: dict[str, list[_Known]] = {}
        self._tries = 1
        self._uses: dict[tuple[str, str], tuple[Time, Time]] = {}
        self._seen: dict[tuple[str, str], tuple[Time, Time]] = {}

    async def refresh(self, declared: Sequence[Identity] | None = None) -> None:
        """Reads the books again, and takes what the configuration declares now where that is given."""
        async with self._refreshing:  # or an older reading could replace a newer one
            stored = await self._book.identities()
            for name, shown, first, last in await self._book.uses():
                seen = self._seen.get((name, shown), (first, last))
                self._seen[name, shown] = (min(seen[0], first), max(seen[1], last))
            declared = self._declared if declared is None else tuple(declared)
            self._index({identity.name: identity for identity in (*stored, *declared)})
            self._declared = declared

    def identity(self, name: str) -> Identity | None:
        """The identity of this name, also a revoked one."""
        return self._by_name.get(name)

    def all(self) -> list[Identity]:
        """All of them, by name, also revoked ones."""
        return [self._by_name[name] for name in sorted(self._by_name)]

    def with_uses(self, identity: Identity) -> Identity:
        """The identity, each credential with its first and last use up to now; only here for one that is declared."""
        used = tuple(self._used(identity.name, one) for one in identity.credentials)
        return msgspec.structs.replace(identity, credentials=used)

    def by_token(self, token: str, peer: str, *, secure: bool) -> Caller:
        """Who has this token. Costs a few microseconds."""
        return self._let_in(self._known(TOKEN, token_digest(token)), peer, secure=secure)

    def by_certificate(self, sha256: str, peer: str) -> Caller:
        """Who has the client certificate with this SHA-256 (of its DER, lower-case hex)."""
        return self._let_in(self._known(CERTIFICATE, sha256), peer, secure=True)

    def by_ssh_key(self, name: str, public_key: str, peer: str, *, factor: bool = False) -> Caller:
        """Who has this name and SSH key, as a credential stores it. That it signed is for the caller to know.

        Here and below, with `factor`: one of those that its identity must show together, and the caller asks for more.
        """
        return self._let_in(self._ssh(SSH_KEY, name, public_key), peer, secure=True, factor=factor)

    def by_ssh_ca(self, name: str, public_key: str, peer: str, *, factor: bool = False) -> Caller:
        """Who has this name and trusts this public key of a CA.

        That the CA signed a certificate for this very name, and that it is valid, is for the caller to know.
        """
        return self._let_in(self._ssh(SSH_CA, name, public_key), peer, secure=True, factor=factor)

    def look(self, name: str, public_key: str, peer: str, *, ca: bool = False) -> Identity:
        """Whom a key, or a certificate of this CA, would let in if it signed. Lets nobody in and marks no use.

        Raises NotLetIn as letting in does; other factors are not asked for.
        """
        return self._checked(self._ssh(SSH_CA if ca else SSH_KEY, name, public_key), peer).identity

    async def by_password(self, name: str, password: str, peer: str, *, secure: bool, factor: bool = False) -> Caller:
        """Who has this name and password. Raises TryLater, Unavailable("busy") when too many logins wait.

        An unknown name, a wrong password and no password at all take the same number of argon2 checks.
        """
        tried = {known.credential.secret: known for known in self._by_password.get(name, ())}
        found = await self._passwords.match(password, list(tried), self._tries, block(peer))
        if found is None:
            raise NotLetIn(Why.WRONG, name if name in self._by_name else "")
        return self._let_in(tried[found], peer, secure=secure, factor=factor)

    async def by_basic(
        self, name: str, secret: str, peer: str, *, secure: bool, factor: bool = False, check_passwords: bool = True
    ) -> Caller:
        """Who has this name and this token or password (RFC 7617, FTP's USER and PASS); over TLS or from loopback.

        With `check_passwords` off, what would take an argon2 check counts as wrong.
        """
        if not (secure or is_loopback(peer)):
            raise NotLetIn(Why.INSECURE)
        known = self._known(TOKEN, token_digest(secret))
        if known is None and check_passwords and not looks_like_token(secret):
            return await self.by_password(name, secret, peer, secure=secure, factor=factor)
        if known is None or known.identity.name != name:
            raise NotLetIn(Why.WRONG, name if name in self._by_name else "")
        return self._let_in(known, peer, secure=secure, factor=factor)

    async def flush(self) -> None:
        """Writes first and last uses since the last flush. Raises what the book raises, and keeps them then."""
        uses, self._uses = self._uses, {}
        if not uses:
            return
        rows = [(name, shown, at) for (name, shown), times in uses.items() for at in dict.fromkeys(times)]
        try:
            await self._book.used(rows)
        except HeadwaterError:
            for key, times in uses.items():
                self._uses[key] = (times[0], self._uses.get(key, times)[1])
            raise

    def _used(self, name: str, credential: Credential) -> Credential:
        seen = self._seen.get((name, credential.fingerprint))
        if seen is None:
            return credential
        first, last = credential.first_used_at or seen[0], credential.last_used_at or seen[1]
        return msgspec.structs.replace(credential, first_used_at=min(first, seen[0]), last_used_at=max(last, seen[1]))

    def _known(self, kind: str, digest: str) -> _Known | None:
        # Found by half of the digest and compared as a whole in constant time: how long this takes tells a guesser
        # nothing about a digest that stands here.
        known = self._by_digest.get((kind, digest[:_FOUND_BY]))
        return known if known is not None and hmac.compare_digest(known.credential.secret, digest) else None

    def _ssh(self, kind: str, name: str, public_key: str) -> _Known:
        # A key may be several identities', so name and key are looked for as one, at the same cost for every name
        known = self._by_digest.get((kind, _named(name, public_key)[:_FOUND_BY]))
        if known is None or not hmac.compare_digest(known.credential.secret.encode(), public_key.encode()):
            raise NotLetIn(Why.KEY, name if name in self._by_name else "")
        return known

    def _checked(self, known: _Known | None, peer: str) -> _Known:
        if known is None:
            raise NotLetIn(Why.UNKNOWN)
        if not known.live(self._clock.now()):
            raise NotLetIn(Why.REVOKED if known.revoked else Why.EXPIRED, known.identity.name)
        if known.networks and not within(peer, known.networks):
            raise NotLetIn(Why.ADDRESS, known.identity.name)
        return known

    def _let_in(self, shown: _Known | None, peer: str, *, secure: bool, factor: bool = False) -> Caller:
        known = self._checked(shown, peer)
        identity, fingerprint, now = known.identity, known.credential.fingerprint, self._clock.now()
        if identity.factors and not (factor and _FACTOR_OF.get(known.credential.kind) in identity.factors):
            raise NotLetIn(Why.FACTORS, identity.name)
        for uses in (self._uses, self._seen):
            use = uses.get((identity.name, fingerprint))
            uses[identity.name, fingerprint] = (use[0] if use else now, now)
        return Caller(identity, fingerprint, peer, secure)

    def _index(self, identities: dict[str, Identity]) -> None:
        now = self._clock.now()
        by_digest: dict[tuple[str, str], _Known] = {}
        by_password: dict[str, list[_Known]] = {}
        for name, identity in identities.items():
            known = [_one(identity, credential) for credential in identity.credentials]
            for one in known:
                kind, secret = one.credential.kind, one.credential.secret
                if kind in {TOKEN, CERTIFICATE}:
                    by_digest[kind, secret[:_FOUND_BY]] = one
                if kind in {SSH_KEY, SSH_CA}:
                    by_digest[kind, _named(name, secret)[:_FOUND_BY]] = one
            passwords = [one for one in reversed(known) if one.credential.kind == PASSWORD]
            passwords.sort(key=lambda one: not one.live(now))
            live = sum(one.live(now) for one in passwords)
            # Beside the live ones the newest dead one, so that operators read "expired" and not "wrong"
            by_password[name] = passwords[: max(live, _PASSWORDS_TRIED)]
        self._by_name, self._by_digest, self._by_password = identities, by_digest, by_password
        self._tries = max([1, *map(len, by_password.values())])


def _named(name: str, public_key: str) -> str:
    return hashlib.sha256(f"{name} {public_key}".encode(errors="surrogateescape")).hexdigest()


def _one(identity: Identity, credential: Credential) -> _Known:
    ends = [at for at in (identity.expires_at, credential.expires_at) if at is not None]
    revoked = identity.revoked_at is not None or credential.revoked_at is not None
    return _Known(identity, credential, networks(identity.addresses), min(ends, default=_NEVER), revoked)
