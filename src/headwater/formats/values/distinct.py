"""How many different values a column has, in fixed memory and without chance: the same values give the same count."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any, Final, TypeVar
from zlib import crc32

import msgspec

T = TypeVar("T", int, float, str)

_PYTHONIC: Final = re.compile(rb"[en]|0\.0000")  # in numbers that Python may write otherwise than JSON is written

_encode: Final = msgspec.json.Encoder().encode


class Distinct:
    """How many different values there are: exact up to `room`, then estimated from those whose check sum ends in zeros
    (Wegman's adaptive sampling).
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._seen: set[object] = set()
        self._sums: set[int] | None = None
        self._zeros = 0

    @property
    def is_exact(self) -> bool:
        """Whether `count` is no estimate."""
        return self._sums is None

    @property
    def count(self) -> int:
        """How many."""
        if self._sums is not None:
            return len(self._sums) << self._zeros
        nans = sum(value != value for value in self._seen)  # noqa: PLR0124 - that is what is odd about them
        return len(self._seen) - max(0, nans - 1)

    def fresh(self, values: Sequence[T]) -> Collection[T]:
        """Those that were not taken up yet, once each; all, where that is not known any more."""
        return set(values).difference(self._seen) if self._sums is None else values

    def add(self, values: Collection[object]) -> None:
        """Takes up more."""
        if self._sums is None:
            self._seen.update(values)
            if len(self._seen) <= self._room:
                return
            values, self._seen, self._sums = self._seen, set(), set()
        mask = (1 << self._zeros) - 1
        self._sums.update([found for found in map(crc32, _encoded(list(values))) if not found & mask])
        while len(self._sums) > self._room:
            self._zeros += 1
            mask = (1 << self._zeros) - 1
            self._sums = {found for found in self._sums if not found & mask}


def _encoded(values: list[Any]) -> list[bytes]:
    """`str` of each value; what gives the same in one go for all is faster."""
    kinds = set(map(type, values))
    if kinds in ({int}, {float}):
        written = _encode(values)
        if kinds == {float} and b"-0.0" in written:  # equal to 0.0, and so the same value
            values = [value + 0.0 for value in values]
            written = _encode(values)
        if kinds == {int} or not _PYTHONIC.search(written):
            return written[1:-1].split(b",")
    try:
        return list(map(str.encode, values if kinds == {str} else map(str, values)))
    except UnicodeEncodeError:
        return [str(value).encode("utf-8", "surrogatepass") for value in values]
