"""Checking passwords: argon2id in threads, bounded, the same work whether the name exists or not."""

from __future__ import annotations

import asyncio
import hmac
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Final

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from headwater.errors import Unavailable
from headwater.gate.refusals import TryLater
from headwater.ports.clock import Clock

# RFC 9106 §4 leaves the cost to the use. Passwords here are ours, 144 bits of chance, so this is the cheapest setting
# that OWASP's Password Storage Cheat Sheet names: 19 MiB a check keeps a burst of logins within fixed memory (law 10).
_HASHER: Final = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_SALT_BYTES: Final = 16
NOBODYS: Final = "$argon2id$v=19$m=19456,t=2,p=1$" + "A" * 22 + "$" + "A" * 43
"""A hash that no password is known for: what an unknown name is checked against, at the same cost."""

REMEMBERED_SECONDS: Final = 60.0
_REMEMBERED_MAX: Final = 1024
_WAITING_MAX: Final = 64
_WAITING_PER_PARTY_MAX: Final = 4


class Passwords:
    """Makes and checks argon2id hashes in `executor`, of which as many run at once as that has threads.

    A success is remembered for 60 seconds, as an HMAC under `key` (32 random bytes of this process) over hash and
    password. That the two belong together never becomes untrue, so nothing has to be dropped when an identity changes:
    whether the hash still counts is for the caller to say.
    """

    def __init__(self, executor: Executor, entropy: Callable[[int], bytes], key: bytes, clock: Clock) -> None:
        self._executor = executor
        self._entropy = entropy
        self._key = key
        self._clock = clock
        self._remembered: OrderedDict[bytes, float] = OrderedDict()
        self._waiting: Counter[str] = Counter()

    async def hash(self, password: str) -> str:
        """An argon2id hash in PHC format."""
        salt = self._entropy(_SALT_BYTES)
        return await asyncio.get_running_loop().run_in_executor(
            self._executor, lambda: _HASHER.hash(password, salt=salt)
        )

    def recall(self, password: str, hashes: Sequence[str]) -> str | None:
        """The hash for which this password was right within the last minute, without any work."""
        now = self._clock.monotonic()
        return next((known for known in hashes if self._remembered.get(self._proof(known, password), 0.0) > now), None)

    async def match(self, password: str, hashes: Sequence[str], tries: int, party: str) -> str | None:
        """The hash that belongs to the password, None if none does, after the work of `tries` checks in both cases.

        Raises TryLater("too_many") while 4 checks of one `party` (an address) wait, Unavailable("busy") at 64 of all.
        """
        if (known := self.recall(password, hashes)) is not None:
            return known
        self._enter(party)
        padded = [*hashes, *[NOBODYS] * (tries - len(hashes))]
        check = asyncio.get_running_loop().run_in_executor(self._executor, _first_match, password, padded)
        check.add_done_callback(lambda _: self._leave(party))  # when the work ends, not when its caller goes away
        found = await asyncio.shield(check)
        if found is not None:
            self._remembered[self._proof(found, password)] = self._clock.monotonic() + REMEMBERED_SECONDS
            if len(self._remembered) > _REMEMBERED_MAX:
                self._remembered.popitem(last=False)
        return found

    def _proof(self, known: str, password: str) -> bytes:
        return hmac.digest(self._key, known.encode() + b"\0" + _bytes(password), "sha256")

    def _enter(self, party: str) -> None:
        if self._waiting[party] >= _WAITING_PER_PARTY_MAX:
            raise TryLater("too_many", "Too many logins from this address at once.", retry_after_seconds=1)
        if self._waiting.total() >= _WAITING_MAX:
            raise Unavailable("busy", "Too many logins at once.", retry_after_seconds=1)
        self._waiting[party] += 1

    def _leave(self, party: str) -> None:
        self._waiting[party] -= 1
        if not self._waiting[party]:
            del self._waiting[party]


def _bytes(password: str) -> bytes:
    return password.encode(errors="surrogateescape")


def _first_match(password: str, hashes: Sequence[str]) -> str | None:
    for known in hashes:
        try:
            _HASHER.verify(known, _bytes(password))
        except (VerificationError, InvalidHashError):
            continue
        return known
    return None
