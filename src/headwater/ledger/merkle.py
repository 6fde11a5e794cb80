"""The Merkle tree of RFC 6962 §2.1 over SHA-256, and its right edge: all it takes to grow it and know its root."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HASH_SIZE_BYTES = 32
EMPTY_ROOT = sha256().digest()
"""The root of a tree without leaves."""


def leaf_hash(entry: bytes) -> bytes:
    """Hash an entry as a leaf; the prefix keeps a leaf from passing for a node."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash the roots of two neighbouring subtrees into the root above them."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Edge:
    """The right edge of a tree of `size` leaves: the roots of its maximal full subtrees, the biggest first.

    There is one for each bit set in `size`; a hash has 32 bytes. Raises ValueError otherwise.
    """

    size: int
    hashes: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise ValueError(f"the edge of a tree of {self.size} leaves has not {len(self.hashes)} hashes")
        if any(len(each) != HASH_SIZE_BYTES for each in self.hashes):
            raise ValueError(f"a hash of an edge has {HASH_SIZE_BYTES} bytes")

    def root(self) -> bytes:
        """Return the root of the whole tree."""
        if not self.hashes:
            return EMPTY_ROOT
        return reduce(lambda right, left: node_hash(left, right), reversed(self.hashes))

    def extend(self, leaf_hashes: Sequence[bytes]) -> Edge:
        """Return the edge after these leaves, given by their hashes, were appended."""
        edge = list(self.hashes)
        grown: list[bytes] = []
        nodes = list(leaf_hashes)
        width = self.size  # of the old tree, counted in full subtrees of the level at hand
        while nodes:
            if width & 1:
                nodes.insert(0, edge.pop())
            if len(nodes) & 1:
                grown.append(nodes.pop())
            # node_hash, written out: this line is where the time goes
            pairs = zip(nodes[::2], nodes[1::2], strict=True)
            nodes = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
            width >>= 1
        return Edge(self.size + len(leaf_hashes), (*edge, *reversed(grown)))


EMPTY_EDGE = Edge(0, ())
