"""Time and chance, handed in: the core reads neither by itself."""

from __future__ import annotations

from typing import Protocol

from headwater.terms import Id, Time


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> Time:
        """The wall clock, UTC. MAY go backwards; whoever needs order takes max(now, the last one)."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; MUST never go backwards. For durations, leases and rates."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait on this clock."""
        ...


class Ids(Protocol):
    """Where names that nobody else has come from."""

    def new(self, at: Time) -> Id:
        """A UUIDv7 (RFC 9562 §5.7) for this moment; MUST be unique, and larger than those given before in this
        process.
        """
        ...
