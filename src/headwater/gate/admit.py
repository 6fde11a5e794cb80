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

    async def admit(
        self,
        door: Door,
        peer: str,
        *,
        secure: bool,
        token: str | None = None,
        basic: tuple[str, str] | None = None,
        certificate: str | None = None,
        detail: str = "",
    ) -> Caller:
        """The caller who shows a token, or a name with a secret, or else a client certificate (SHA-256 in hex).

        `peer` is the address alone, `detail` some words for the log's sample (a path, a user agent; never a secret).
        Raises NotLetIn (with nothing shown too), TryLater("banned") and ("too_many"), Unavailable("busy").
        """
        banned_seconds = self._bans.seconds_left(peer)
        try:
            if token is not None:
                return self._identities.by_token(token, peer, secure=secure)
            if basic is not None:
                return await self._by_basic(*basic, peer, secure=secure, banned=banned_seconds > 0)
            return self._by_certificate(certificate, peer)
        except asyncio.CancelledError:  # went away while its password was checked: wrong, or guessing would be free
            self._bans.wrong(peer)
            raise
        except NotLetIn as refusal:
            self._turned_away.count(door, refusal.why, sender=refusal.sender, address=peer, detail=detail)
            if refusal.why in GUESSES:
                self._bans.wrong(peer)
            if banned_seconds > 0:
                raise TryLater("banned", _BANNED, retry_after_seconds=banned_seconds) from None
            raise

    def _by_certificate(self, certificate: str | None, peer: str) -> Caller:
        if certificate is None:
            raise NotLetIn(Why.NONE_SHOWN)
        return self._identities.by_certificate(certificate, peer)

    async def _by_basic(self, name: str, secret: str, peer: str, *, secure: bool, banned: bool) -> Caller:
        place = (block(peer), name)
        check_passwords = not banned or place in self._familiar
        caller = await self._identities.by_basic(name, secret, peer, secure=secure, check_passwords=check_passwords)
        self._familiar[place] = None
        self._familiar.move_to_end(place)
        if len(self._familiar) > _FAMILIAR_MAX:
            self._familiar.popitem(last=False)
        return caller
