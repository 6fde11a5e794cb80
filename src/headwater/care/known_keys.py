"""Which keys the ledger knows: 9 bytes of a hash of each, so that millions fit in memory."""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left

from headwater.terms import Key


class KnownKeys:
    """A set of keys; asked only after `settle`."""

    def __init__(self) -> None:
        self._shelves = [array("Q") for _ in range(256)]

    def add(self, key: Key) -> None:
        """Adds one."""
        shelf, place = _place(key)
        self._shelves[shelf].append(place)

    def settle(self) -> None:
        """All were added: `in` may be asked from now on."""
        self._shelves = [array("Q", sorted(shelf)) for shelf in self._shelves]

    def __contains__(self, key: Key) -> bool:
        number, place = _place(key)
        shelf = self._shelves[number]
        at = bisect_left(shelf, place)
        return at < len(shelf) and shelf[at] == place


def _place(key: Key) -> tuple[int, int]:
    digest = hashlib.blake2b(key.encode(errors="surrogateescape"), digest_size=9).digest()
    return digest[0], int.from_bytes(digest[1:])
