"""Inclusion and consistency proofs (RFC 9162 §2.1.3, §2.1.4), read from tiles, and their file (c2sp.org/tlog-proof@v1).

A caller asks which tiles a proof needs, fetches them all at once, and hands them to the pure computation:

    tiles = {tile: await read(tile.path) for tile in tiles_for_inclusion(index, size)}
    proof = inclusion_proof(index, size, hashes_in(tiles))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from headwater.ledger.merkle import EMPTY_EDGE, EMPTY_ROOT, HASH_SIZE_BYTES, Edge, node_hash
from headwater.ledger.note import decode_base64, decode_decimal, encode_base64
from headwater.ledger.tiles import TILE_HEIGHT, TILE_WIDTH, Tile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HashAt: TypeAlias = Callable[[int, int], bytes]
"""(level, index) → the index-th hash of a tile level: of level 0 a leaf hash, of level 1 the root of 256 leaves, …"""

_Range: TypeAlias = tuple[int, int]  # leaves from, to (exclusive): as RFC 9162 splits a tree, so full from the left

_PROOF_HEADER = "c2sp.org/tlog-proof@v1"


class ProofError(ValueError):
    """A proof that does not prove what it should, or is none."""


@dataclass(frozen=True, slots=True)
class TlogProof:
    """What a `.tlog-proof` file says. Nothing vouches for `extra`."""

    index: int
    proof: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None


def tiles_for_inclusion(index: int, size: int) -> list[Tile]:
    """Return the tiles that `inclusion_proof` reads. Raises ValueError if there is no such entry."""
    return _tiles_for(_inclusion_ranges(index, size), size)


def tiles_for_consistency(old: int, new: int) -> list[Tile]:
    """Return the tiles that `consistency_proof` reads. Raises ValueError if `new` is smaller than `old`."""
    return _tiles_for(_consistency_ranges(old, new), new)


def hashes_in(tiles: Mapping[Tile, bytes]) -> HashAt:
    """Read hashes from the bytes of tiles; a full tile may stand in for a partial one that is no more.

    Raises ProofError if one is too short for its width, or holds a torn hash.
    """
    for tile, data in tiles.items():
        if len(data) < tile.width * HASH_SIZE_BYTES or len(data) % HASH_SIZE_BYTES:
            raise ProofError(f"{tile.path} has {len(data)} bytes, not {tile.width} hashes")
    places = {(tile.level, tile.index): data for tile, data in tiles.items()}

    def hash_at(level: int, index: int) -> bytes:
        number, place = divmod(index, TILE_WIDTH)
        return places[level, number][place * HASH_SIZE_BYTES : (place + 1) * HASH_SIZE_BYTES]

    return hash_at


def inclusion_proof(index: int, size: int, hash_at: HashAt) -> list[bytes]:
    """Prove that entry `index` is in the tree of `size` entries (RFC 9162 §2.1.3.1): leaf's sibling first.

    Raises ValueError if there is no such entry.
    """
    return [_range_root(each, hash_at) for each in _inclusion_ranges(index, size)]


def consistency_proof(old: int, new: int, hash_at: HashAt) -> list[bytes]:
    """Prove that the tree of `new` entries begins with that of `old` (RFC 9162 §2.1.4.1).

    Empty for equal sizes and for `old` = 0. Raises ValueError if `new` is smaller than `old`.
    """
    return [_range_root(each, hash_at) for each in _consistency_ranges(old, new)]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the entry with leaf hash `leaf` is the `index`-th under `root` (RFC 9162 §2.1.3.2).

    Raises ProofError if it is not shown to be.
    """
    if not 0 <= index < size:
        raise ProofError(f"a tree of {size} entries has no entry {index}")
    node = leaf
    for sibling, is_left in _climb(index, size - 1, proof):
        node = node_hash(sibling, node) if is_left else node_hash(node, sibling)
    if node != root:
        raise ProofError(f"entry {index} is not in the tree: the inclusion proof leads to another root")


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Check that the tree under `new_root` begins with the one under `old_root` (RFC 9162 §2.1.4.2).

    Every tree begins with the empty one and with itself, by an empty proof. Raises ProofError if it is not shown to.
    """
    if not 0 <= old <= new:
        raise ProofError(f"a tree of {new} entries cannot begin with one of {old}")
    if old in (0, new):
        if proof or old_root != (new_root if old else EMPTY_ROOT):
            raise ProofError(f"the roots of {old} and {new} entries exclude each other, or the proof is not empty")
        return
    path = [old_root, *proof] if old.bit_count() == 1 else list(proof)
    if not path:
        raise ProofError("the consistency proof is too short")
    number, last = old - 1, new - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    old_node = new_node = path[0]
    for sibling, is_left in _climb(number, last, path[1:]):
        if is_left:
            old_node = node_hash(sibling, old_node)
        new_node = node_hash(sibling, new_node) if is_left else node_hash(new_node, sibling)
    if (old_node, new_node) != (old_root, new_root):
        raise ProofError(f"the tree of {new} entries does not begin with that of {old}")


def encode_tlog_proof(index: int, proof: Sequence[bytes], checkpoint: str, extra: bytes | None = None) -> str:
    """Write a `.tlog-proof` file: an entry's index, its inclusion proof, the signed checkpoint as it is, free data."""
    lines = [_PROOF_HEADER]
    if extra is not None:
        lines.append(f"extra {encode_base64(extra)}")
    lines.append(f"index {index}")
    lines += map(encode_base64, proof)
    return "\n".join(lines) + "\n\n" + checkpoint


def decode_tlog_proof(text: str) -> TlogProof:
    """Read a `.tlog-proof` file, strictly. Raises ProofError if it is none.

    It proves nothing yet: open the checkpoint with a trusted key, then verify the inclusion under its root.
    """
    head, blank, checkpoint = text.partition("\n\n")
    header, *lines = head.split("\n")
    if header != _PROOF_HEADER or not blank:
        raise ProofError(f"not a file of {_PROOF_HEADER}")
    try:
        extra = decode_base64(lines.pop(0)[len("extra ") :]) if lines and lines[0].startswith("extra ") else None
        if not lines or not lines[0].startswith("index "):
            raise ProofError("the proof names no index")
        index = decode_decimal(lines.pop(0)[len("index ") :])
        proof = tuple(decode_base64(line) for line in lines)
    except ValueError as error:
        raise ProofError(str(error)) from error
    if any(len(each) != HASH_SIZE_BYTES for each in proof):
        raise ProofError(f"a hash of a proof has {HASH_SIZE_BYTES} bytes")
    return TlogProof(index, proof, checkpoint, extra)


def _split(low: int, high: int) -> int:
    """Where a tree over these leaves (two or more) parts: the largest power of two below its size (RFC 9162 §2.1.1)."""
    return low + (1 << (high - low - 1).bit_length() - 1)


def _inclusion_ranges(index: int, size: int) -> list[_Range]:
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} entries has no entry {index}")
    ranges = []
    low, high = 0, size
    while high - low > 1:
        middle = _split(low, high)
        if index < middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    return ranges[::-1]


def _consistency_ranges(old: int, new: int) -> list[_Range]:
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} entries cannot begin with one of {old}")
    if not old:
        return []
    ranges = []
    low, high = 0, new
    while old < high:
        middle = _split(low, high)
        if old <= middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    if low:  # the old tree's last subtree; when it is the whole old tree, the verifier has its root
        ranges.append((low, high))
    return ranges[::-1]


def _subtrees(leaves: _Range) -> list[tuple[int, int, int]]:
    """Return a range's maximal full subtrees, biggest first, each as the tile hashes (level, from, to) it is over."""
    low, high = leaves
    subtrees = []
    while low < high:
        height = (high - low).bit_length() - 1
        level, inside = divmod(height, TILE_HEIGHT)
        first = low >> TILE_HEIGHT * level
        subtrees.append((level, first, first + (1 << inside)))
        low += 1 << height
    return subtrees


def _range_root(leaves: _Range, hash_at: HashAt) -> bytes:
    low, high = leaves
    roots = [
        EMPTY_EDGE.extend([hash_at(level, index) for index in range(start, end)]).root()
        for level, start, end in _subtrees(leaves)
    ]
    return Edge(high - low, tuple(roots)).root()


def _tiles_for(ranges: list[_Range], size: int) -> list[Tile]:
    numbers = {(level, start // TILE_WIDTH): None for leaves in ranges for level, start, _ in _subtrees(leaves)}
    return [
        Tile(level, number, min(TILE_WIDTH, (size >> TILE_HEIGHT * level) - number * TILE_WIDTH))
        for level, number in numbers
    ]


def _climb(number: int, last: int, proof: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Pair the hashes of a proof with whether they stand to the left, from node `number` up to the root.

    `last` is the number of the last node beside it. Raises ProofError if the proof is not as long as the way.
    """
    for sibling in proof:
        if not last:
            raise ProofError("the proof is too long")
        is_left = bool(number & 1) or number == last
        yield sibling, is_left
        if is_left:
            while number and not number & 1:
                number, last = number >> 1, last >> 1
        number, last = number >> 1, last >> 1
    if last:
        raise ProofError("the proof is too short")
