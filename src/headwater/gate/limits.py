"""How much one sender, one address and all together may use: small counters over a clock that is handed in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

import msgspec

from headwater.errors import Refused
from headwater.gate.addresses import block
from headwater.gate.identify import Caller
from headwater.gate.refusals import TryLater
from headwater.ports.clock import Clock

_DAY: Final = 86_400_000_000
_BURST_SECONDS: Final = 2.0
_RETRY_SECONDS: Final = 1.0


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What may be used at once, in a second and in a UTC day; None is no limit. Counted since this process started."""

    uploads: int
    requests_per_second: float | None = None
    bytes_per_second: float | None = None
    files_per_day: int | None = None
    bytes_per_day: int | None = None


class LimitRules(msgspec.Struct, frozen=True, kw_only=True):
    """`each` holds for one sender, `overall` for all together.

    An upload begins with a patience of `slow_after_seconds`; waiting for bytes uses it up, and bytes at
    `slow_bytes_per_second` renew it.
    """

    each: Bounds = Bounds(uploads=1024)
    overall: Bounds = Bounds(uploads=4096)
    connections_per_address: int = 2000
    connections: int = 4096
    size_bytes_max: int | None = None
    slow_after_seconds: float = 60.0
    slow_bytes_per_second: float = 1024.0


USUAL: Final = LimitRules()


class Bucket:
    """A token bucket: fills at `rate` a second up to `burst`."""

    __slots__ = ("_at", "_burst", "_clock", "_rate", "_tokens")

    def __init__(self, clock: Clock, rate: float, burst: float) -> None:
        self._clock = clock
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = clock.monotonic()

    def take(self) -> float:
        """Takes one token and returns 0; or takes none and returns the seconds until there is one."""
        self._fill()
        if self._tokens < 1:
            return (1 - self._tokens) / self._rate
        self._tokens -= 1
        return 0.0

    def spend(self, tokens: float) -> float:
        """Takes tokens on credit, and returns the seconds until the debt is paid."""
        self._fill()
        self._tokens -= tokens
        return max(0.0, -self._tokens / self._rate)

    def _fill(self) -> None:
        now = self._clock.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now


class _Use:
    """What one sender, or all together, uses of its bounds."""

    __slots__ = ("_bounds", "_clock", "_day", "_day_bytes", "_day_files", "bytes", "requests", "uploads")

    def __init__(self, bounds: Bounds, clock: Clock) -> None:
        self._bounds = bounds
        self._clock = clock
        self._day = 0
        self._day_files = 0
        self._day_bytes = 0
        self.uploads = 0
        requests, rate = bounds.requests_per_second, bounds.bytes_per_second
        self.requests = Bucket(clock, requests, max(1.0, requests * _BURST_SECONDS)) if requests else None
        self.bytes = Bucket(clock, rate, rate) if rate else None

    def enter(self, size_bytes: int) -> None:
        bounds = self._bounds
        if self.uploads >= bounds.uploads:
            raise _too_many(f"{bounds.uploads} uploads are open already", _RETRY_SECONDS)
        self._turn_day()
        if bounds.files_per_day is not None and self._day_files >= bounds.files_per_day:
            raise _too_many(f"The {bounds.files_per_day} files of this day are used up", self._until_tomorrow())
        self._check_bytes(size_bytes)

    def count(self) -> None:
        self.uploads += 1
        self._day_files += 1

    def received(self, size_bytes: int) -> float:
        self._turn_day()
        self._check_bytes(size_bytes)
        self._day_bytes += size_bytes
        return self.bytes.spend(size_bytes) if self.bytes else 0.0

    def _check_bytes(self, more: int) -> None:
        limit = self._bounds.bytes_per_day
        if limit is not None and self._day_bytes + more > limit:
            raise _too_many(f"The {limit} bytes of this day are used up", self._until_tomorrow())

    def _turn_day(self) -> None:
        today = self._clock.now() // _DAY
        if today != self._day:
            self._day, self._day_files, self._day_bytes = today, 0, 0

    def _until_tomorrow(self) -> float:
        return (_DAY - self._clock.now() % _DAY) / 1_000_000


class Passage:
    """One upload on its way through the limits; `with` holds its place."""

    def __init__(self, uses: tuple[_Use, _Use], rules: LimitRules, size_bytes: int) -> None:
        self._uses = uses
        self._rules = rules
        self._declared_bytes = size_bytes
        self._received_bytes = 0
        self.patience_seconds = rules.slow_after_seconds
        """How long the door may yet wait for the next bytes; then it raises `too_slow()`."""

    def __enter__(self) -> Self:
        for use in self._uses:
            use.enter(self._declared_bytes)
        for use in self._uses:
            use.count()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for use in self._uses:
            use.uploads -= 1

    def received(self, size_bytes: int, waited_seconds: float) -> float:
        """Counts bytes that were waited for so long; returns for how many seconds to read no more.

        Raises Refused("too_large") and ("too_slow"), TryLater("too_many") when the day's bytes are used up. Time that
        we kept the sender waiting is not to be counted.
        """
        rules = self._rules
        self._received_bytes += size_bytes
        check_size(self._received_bytes, rules)
        patience = self.patience_seconds - waited_seconds + size_bytes / rules.slow_bytes_per_second
        self.patience_seconds = min(rules.slow_after_seconds, patience)
        if patience <= 0:
            raise self.too_slow()
        return max([use.received(size_bytes) for use in self._uses])

    def too_slow(self) -> Refused:
        """What to raise when `patience_seconds` went by without bytes."""
        return Refused("too_slow", f"Fewer than {self._rules.slow_bytes_per_second:g} bytes a second came.")


class Limits:
    """The limits of this process. Its memory is bounded by the number of identities and of open connections."""

    def __init__(self, clock: Clock, rules: LimitRules = USUAL) -> None:
        self._clock = clock
        self._rules = rules
        self._overall = _Use(rules.overall, clock)
        self._each: dict[str, _Use] = {}
        self._connections: Counter[str] = Counter()
        self._connections_count = 0

    @contextmanager
    def connect(self, address: str) -> Iterator[None]:
        """Holds the place of one connection. Raises TryLater("too_many")."""
        key = block(address)
        if self._connections_count >= self._rules.connections:
            raise _too_many(f"{self._rules.connections} connections are open already", _RETRY_SECONDS)
        if self._connections[key] >= self._rules.connections_per_address:
            raise _too_many(f"{self._rules.connections_per_address} connections are open already", _RETRY_SECONDS)
        self._connections[key] += 1
        self._connections_count += 1
        try:
            yield
        finally:
            self._connections_count -= 1
            self._connections[key] -= 1
            if not self._connections[key]:
                del self._connections[key]

    def request(self, caller: Caller) -> None:
        """Counts one request. Raises TryLater("too_many") when there were too many in the last seconds."""
        for bucket in (self._of(caller).requests, self._overall.requests):
            if bucket is not None and (seconds := bucket.take()) > 0:
                raise _too_many("Too many requests a second", seconds)

    def enter(self, caller: Caller, size_bytes: int | None = None) -> Passage:
        """One upload of the caller, of the declared size if there is one: `with limits.enter(caller) as passage:`.

        Entering raises TryLater("too_many"); a size over the limit raises Refused("too_large") at once.
        """
        check_size(size_bytes or 0, self._rules)
        return Passage((self._of(caller), self._overall), self._rules, size_bytes or 0)

    def _of(self, caller: Caller) -> _Use:
        use = self._each.get(caller.name)
        if use is None:
            use = self._each[caller.name] = _Use(self._rules.each, self._clock)
        return use


def check_size(size_bytes: int, rules: LimitRules) -> None:
    """Raises Refused("too_large") for more bytes than the rules allow."""
    if rules.size_bytes_max is not None and size_bytes > rules.size_bytes_max:
        raise Refused("too_large", f"At most {rules.size_bytes_max} bytes are taken as one file.")


def _too_many(sentence: str, seconds: float) -> TryLater:
    return TryLater("too_many", f"{sentence}: try again later.", retry_after_seconds=seconds)
