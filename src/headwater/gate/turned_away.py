"""What was turned away before it was anybody's: counted in memory and written in batches, never a row per request."""

from __future__ import annotations

from collections import Counter, deque
from typing import NamedTuple

import msgspec

from headwater.errors import HeadwaterError
from headwater.gate.transcript import harmless
from headwater.ports.books import Count, CounterBook
from headwater.ports.clock import Clock
from headwater.terms import Time

OTHERS = "*"
"""Stands for the address where there was no room to count each."""

_MINUTE = 60_000_000


class _Row(NamedTuple):
    minute: Time
    door: str
    reason: str
    sender: str
    address: str


class Sample(msgspec.Struct, frozen=True):
    """One of those that were turned away, for the log."""

    at: Time
    door: str
    reason: str
    sender: str
    address: str
    detail: str


class TurnedAway:
    """Counts by minute, door, reason, known sender ('' for none) and address.

    At most `rows_max` rows wait for known senders and as many for nobody's, so that a flood of the unknown does not
    blur what happened to the known; above that only minute, door and reason are told apart.
    """

    def __init__(self, book: CounterBook, clock: Clock, *, rows_max: int = 2000, samples_per_reason: int = 3) -> None:
        self._book = book
        self._clock = clock
        self._rows_max = rows_max
        self._samples_per_reason = samples_per_reason
        self._counts: dict[bool, Counter[_Row]] = {True: Counter(), False: Counter()}
        self._samples: dict[str, deque[Sample]] = {}

    def count(self, door: str, reason: str, *, sender: str = "", address: str = "", detail: str = "") -> None:
        """One more. `sender` MUST be '' unless it is a known name: what strangers type as a name may be a password."""
        now = self._clock.now()
        counts, minute = self._counts[bool(sender)], Time(now - now % _MINUTE)
        row = _Row(minute, door, reason, sender, address)
        if row not in counts and len(counts) >= self._rows_max:
            row = _Row(minute, door, reason, "", OTHERS)
        counts[row] += 1
        samples = self._samples.setdefault(reason, deque(maxlen=self._samples_per_reason))
        samples.append(Sample(now, door, reason, sender, address, str(harmless(detail))))

    def samples(self) -> list[Sample]:
        """The newest few of each reason since the last call, oldest first."""
        taken = [sample for samples in self._samples.values() for sample in samples]
        self._samples.clear()
        return sorted(taken, key=lambda sample: sample.at)

    async def counted(self, sender: str, since: Time) -> list[Count]:
        """What was counted for a known sender, in the books and on the way there. Raises what the book raises."""
        waiting = [Count(*row, count=count) for row, count in self._counts[True].items() if row.sender == sender]
        return [*waiting, *await self._book.counts(sender, since)]

    async def flush(self) -> None:
        """Writes what was counted. Raises what the book raises, and keeps the counts for the next flush then."""
        taken = self._counts
        self._counts = {True: Counter(), False: Counter()}
        rows = taken[True] + taken[False]
        if not rows:
            return
        try:
            await self._book.add([Count(*row, count=count) for row, count in rows.items()])
        except HeadwaterError:
            for known, counts in taken.items():
                self._counts[known].update(counts)
            raise
