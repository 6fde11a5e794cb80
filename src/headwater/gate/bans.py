"""Bans: addresses that keep showing wrong credentials get a cheap refusal for a while. One table for all doors.

A ban is on failing, not on the address: behind one NAT or one proxy sit senders who did nothing. So a right credential
is let in from a banned address too (`admit.py` says how far that goes for passwords, which are dear to check), and
loopback needs no exception. What a ban takes away is the answer to a guess, and the work that a guess makes us do;
nobody gets in by it who would not without: tokens and keys cannot be guessed, and passwords are made by us.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import msgspec

from headwater.gate.addresses import block
from headwater.ports.clock import Clock

_FORGOTTEN_SECONDS: Final = 24 * 3600.0


class BanRules(msgspec.Struct, frozen=True, kw_only=True):
    """`threshold` points, halved every `half_life_seconds`, ban for `seconds`, doubled at each further ban of a day."""

    threshold: float = 20.0
    half_life_seconds: float = 300.0
    seconds: float = 600.0
    doublings_max: int = 3
    addresses_max: int = 100_000


USUAL: Final = BanRules()


class Ban(msgspec.Struct, frozen=True):
    """An address (or IPv6 /64) that is banned just now, and for how much longer."""

    address: str
    seconds_left: float


class _Record(msgspec.Struct):
    at: float
    score: float = 0.0
    until: float = 0.0
    bans: int = 0


class Bans:
    """Who failed too often. Every call is O(1); the table is bounded and forgets who failed longest ago."""

    def __init__(self, clock: Clock, rules: BanRules = USUAL) -> None:
        self._clock = clock
        self._rules = rules
        self._records: OrderedDict[str, _Record] = OrderedDict()

    def seconds_left(self, address: str) -> float:
        """How long the address is banned yet; 0 if it is not."""
        record = self._records.get(block(address))
        return max(0.0, record.until - self._clock.monotonic()) if record else 0.0

    def wrong(self, address: str, points: float = 1.0) -> None:
        """Something wrong came from there. Counts nothing while the address is banned."""
        now, rules, key = self._clock.monotonic(), self._rules, block(address)
        record = self._records.setdefault(key, _Record(now))
        self._records.move_to_end(key)
        if len(self._records) > rules.addresses_max:
            self._records.popitem(last=False)
        if now < record.until:
            return
        if now - record.at > _FORGOTTEN_SECONDS:
            record.bans = 0
        record.score = record.score * 0.5 ** ((now - record.at) / rules.half_life_seconds) + points
        record.at = now
        if record.score >= rules.threshold:
            record.until = now + rules.seconds * 2 ** min(record.bans, rules.doublings_max)
            record.bans += 1
            record.score = 0.0

    def listed(self) -> list[Ban]:
        """Who is banned just now."""
        now = self._clock.monotonic()
        return [Ban(address, record.until - now) for address, record in self._records.items() if record.until > now]
