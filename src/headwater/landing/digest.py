"""Digests over the bytes as they pass: SHA-256 and CRC64NVME always, and whatever else the sender declared."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from headwater.terms import Digests

Checksum = Callable[[bytes, int], int]
"""CRC-64/NVME of bytes, going on from an earlier value (0 at first)."""

DECLARABLE = ("sha256", "crc64nvme", "sha512", "sha1", "md5", "crc32")
"""The digests a sender may declare and we check; others are kept as declared, and are no proof."""


SMALL_BYTES = 64 * 1024
UNRELEASED_BYTES_MAX = 2047
"""hashlib releases the interpreter for any longer update; on a busy loop, getting it back costs more than the hash."""


class Hash(Protocol):
    """A digest over bytes as they come."""

    def update(self, data: bytes, /) -> None:
        """Takes the next bytes."""
        ...

    def hexdigest(self) -> str:
        """The digest of what was taken, in lower-case hex."""
        ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def hexdigest(self) -> str:
        return f"{self._value:08x}"


def new_hash(algorithm: str) -> Hash:
    """One of `DECLARABLE`, but for crc64nvme."""
    return _Crc32() if algorithm == "crc32" else hashlib.new(algorithm, usedforsecurity=False)


class Digester:
    """Counts and digests bytes in order. `update` blocks: in a thread for much, on the loop for little."""

    def __init__(self, crc64nvme: Checksum, declared: Iterable[str] = ()) -> None:
        self._crc64nvme = crc64nvme
        self._crc = 0
        self._sha256 = hashlib.sha256()
        self._others = {name: new_hash(name) for name in declared if name in DECLARABLE[2:]}
        self._mark: int | None = None
        self.size_bytes = 0
        self.marked_sha256: str | None = None

    def mark(self, size_bytes: int) -> None:
        """Has the SHA-256 of the first `size_bytes` kept in `marked_sha256` once so many have come."""
        self._mark = size_bytes

    def add(self, algorithm: str) -> None:
        """Computes this one of `DECLARABLE` too, if no byte has come yet."""
        if not self.size_bytes and algorithm in DECLARABLE[2:]:
            self._others.setdefault(algorithm, new_hash(algorithm))

    def update(self, pieces: Sequence[bytes]) -> None:
        """Takes the next bytes."""
        for piece in pieces:
            if self._mark is not None and self.size_bytes < self._mark <= self.size_bytes + len(piece):
                marked = self._sha256.copy()
                marked.update(piece[: self._mark - self.size_bytes])
                self.marked_sha256 = marked.hexdigest()
            if len(piece) <= SMALL_BYTES:
                for at in range(0, len(piece), UNRELEASED_BYTES_MAX):
                    self._sha256.update(piece[at : at + UNRELEASED_BYTES_MAX])
            else:
                self._sha256.update(piece)
            self._crc = self._crc64nvme(piece, self._crc)
            for other in self._others.values():
                other.update(piece)
            self.size_bytes += len(piece)

    def digests(self) -> Digests:
        """Size and digests of what was taken so far."""
        return Digests(self.size_bytes, self._sha256.hexdigest(), f"{self._crc:016x}")

    def observed(self, algorithm: str) -> str | None:
        """One digest in hex, None if it was not computed."""
        own = self.digests()
        known = {"sha256": own.sha256, "crc64nvme": own.crc64nvme}
        if algorithm in known:
            return known[algorithm]
        other = self._others.get(algorithm)
        return other.hexdigest() if other else None
