"""Letting callers in: identities, bans and counters put together, so that every door does the same."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final

from headwater.gate.addresses import block
from headwater.gate.bans import Bans
from headwater.gate.identify import Caller, Identities
from headwater.gate.refusals import GUESSES, NotLetIn, TryLater, Why
from headwater.gate.turned_away import TurnedAway
from headwater.terms import Door

_FAMILIAR_MAX: Final = 10_000
_BANNED: Final = "Too many wrong attempts came from this address. Wait, then show a valid credential."


class Admission:
    """Makes callers of what was shown; counts, and bans for, what was wrong.

    Everything right is let in, from a banned address too, with one exception that keeps a ban worth having: checking a
    password is dear (argon2), so from a banned address it is checked only for a name that logged in from there before,
    while this process lives. All other failures from there get the same 429 at no cost.
    """

    def __init__(self, identities: Identities, bans: Bans, turned_away: TurnedAway) -> None:
        self._identities = identities
        self._bans = bans
        self._turned_away = turned_away
        self._familiar: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def admit(  # noqa: PLR0913 - each is one thing that can be shown
        self,
        door: Door,
        peer: str,
        *,
        secure: bool,
        token: str | None = None,
        basic: tuple[str, str] | None = None,
        certificate: str | None = None,
        name: str = "",
        ssh_key: str | None = None,
        ssh_ca: str | None = None,
        factor: bool = False,
        detail: str = "",
    ) -> Caller:
        """The caller who shows a token, or a name with a secret, or else a client certificate (SHA-256 in hex).

        Over SSH also `name` with the public key `ssh_key` whose signature was found right, or with that of the CA who
        signed a valid certificate for this name. A key is no guess and bans nobody: a client offers each that it has.
        `factor`: the door can ask for several, and holds what was shown against the identity's `factors` itself;
        without it an identity that must show several is turned away. `peer` is the address alone, `detail` some words
        for the log's sample (a path, a user agent; never a secret).
        Raises NotLetIn (with nothing shown too), TryLater("banned") and ("too_many"), Unavailable("busy").
        """
        banned_seconds = self._bans.seconds_left(peer)
        by_key = ssh_key is not None or ssh_ca is not None
        try:
            if ssh_key is not None:
                return self._identities.by_ssh_key(name, ssh_key, peer, factor=factor)
            if ssh_ca is not None:
                return self._identities.by_ssh_ca(name, ssh_ca, peer, factor=factor)
            if token is not None:
                return self._identities.by_token(token, peer, secure=secure)
            if basic is not None:
                return await self._by_basic(*basic, peer, secure=secure, factor=factor, banned=banned_seconds > 0)
            return self._by_certificate(certificate, peer)
        except asyncio.CancelledError:  # went away while its password was checked: wrong, or guessing would be free
            self._bans.wrong(peer)
            raise
        except NotLetIn as refusal:
            self._turned_away.count(door, refusal.why, sender=refusal.sender, address=peer, detail=detail)
            if refusal.why in GUESSES and not by_key:
                self._bans.wrong(peer)
            if banned_seconds > 0:
                raise TryLater("banned", _BANNED, retry_after_seconds=banned_seconds) from None
            raise

    def knows_ssh_key(
        self, door: Door, peer: str, name: str, public_key: str, *, ca: bool = False, detail: str = ""
    ) -> bool:
        """Whether a key, or a certificate of this CA, would let this name in if it signed; it costs the same for all.

        Lets nobody in and marks no use. A no is counted, and bans nobody.
        """
        try:
            self._identities.look(name, public_key, peer, ca=ca)
        except NotLetIn as refusal:
            self._turned_away.count(door, refusal.why, sender=refusal.sender, address=peer, detail=detail)
            return False
        return True

    def _by_certificate(self, certificate: str | None, peer: str) -> Caller:
        if certificate is None:
            raise NotLetIn(Why.NONE_SHOWN)
        return self._identities.by_certificate(certificate, peer)

    async def _by_basic(self, name: str, secret: str, peer: str, *, secure: bool, factor: bool, banned: bool) -> Caller:
        place = (block(peer), name)
        check_passwords = not banned or place in self._familiar
        caller = await self._identities.by_basic(
            name, secret, peer, secure=secure, factor=factor, check_passwords=check_passwords
        )
        self._familiar[place] = None
        self._familiar.move_to_end(place)
        if len(self._familiar) > _FAMILIAR_MAX:
            self._familiar.popitem(last=False)
        return caller
