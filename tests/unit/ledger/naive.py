"""RFC 6962 §2.1 word for word, as slow as it reads: what the fast tree is held against."""

from __future__ import annotations

from hashlib import sha256


def entry(index: int) -> bytes:
    """The index-th entry of every test's log; each fifth is empty."""
    return b"entry %d;" % index * (index % 5)


class NaiveTree:
    """The endless tree over `entry`; every answer about leaves [low, high) is kept."""

    def __init__(self) -> None:
        self._roots: dict[tuple[int, int], bytes] = {}

    def root(self, low: int, high: int) -> bytes:
        """MTH(D[low:high])."""
        if (low, high) not in self._roots:
            if high == low:
                root = sha256(b"").digest()
            elif high - low == 1:
                root = sha256(b"\x00" + entry(low)).digest()
            else:
                k = low + _k(high - low)
                root = sha256(b"\x01" + self.root(low, k) + self.root(k, high)).digest()
            self._roots[low, high] = root
        return self._roots[low, high]

    def path(self, m: int, low: int, high: int) -> list[bytes]:
        """PATH(m, D[low:high])."""
        if high - low == 1:
            return []
        k = _k(high - low)
        if m < k:
            return [*self.path(m, low, low + k), self.root(low + k, high)]
        return [*self.path(m - k, low + k, high), self.root(low, low + k)]

    def subproof(self, m: int, low: int, high: int, *, is_whole: bool = True) -> list[bytes]:
        """SUBPROOF(m, D[low:high], b)."""
        if m == high - low:
            return [] if is_whole else [self.root(low, high)]
        k = _k(high - low)
        if m <= k:
            return [*self.subproof(m, low, low + k, is_whole=is_whole), self.root(low + k, high)]
        return [*self.subproof(m - k, low + k, high, is_whole=False), self.root(low, low + k)]

    def files(self, size: int) -> dict[str, bytes]:
        """Every tile and bundle that a checkpoint of `size` needs (c2sp.org/tlog-tiles)."""
        files = {}
        for index in range(-(-size // 256)):
            entries = [entry(each) for each in range(index * 256, min(size, (index + 1) * 256))]
            files[_path("entries", index, len(entries))] = b"".join(len(e).to_bytes(2, "big") + e for e in entries)
        span = 1
        level = 0
        while size // span:
            hashes = [self.root(index * span, (index + 1) * span) for index in range(size // span)]
            for index in range(-(-len(hashes) // 256)):
                tile = hashes[index * 256 : (index + 1) * 256]
                files[_path(str(level), index, len(tile))] = b"".join(tile)
            span *= 256
            level += 1
        return files


TREE = NaiveTree()


def _k(n: int) -> int:
    """The largest power of two below n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def _path(level: str, index: int, width: int) -> str:
    assert index < 1000, "more than these tests need"
    return f"tile/{level}/{index:03}" + (f".p/{width}" if width < 256 else "")
