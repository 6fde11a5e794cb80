"""Tiles and entry bundles of a transparency log, as files (c2sp.org/tlog-tiles v0.1).

A tile holds up to 256 consecutive hashes of a level: level 0 the leaf hashes, each level above the roots of the *full*
tiles below. An entry bundle holds the entries of a level-0 tile. Full ones never change; a partial one is named with
its width, and exists for each size that a checkpoint was published for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from headwater.ledger.merkle import EMPTY_EDGE, HASH_SIZE_BYTES, Edge, leaf_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
TILE_SIZE_BYTES = TILE_WIDTH * HASH_SIZE_BYTES
ENTRY_SIZE_BYTES_MAX = 0xFFFF

_LEVEL_MAX = 63
_LENGTH_SIZE_BYTES = 2
_PATH = re.compile(r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([0-9]{1,3}))?")


@dataclass(frozen=True, slots=True)
class Tile:
    """Which tile: the `index`-th of its level, `width` hashes wide. Level None is that of the entry bundles."""

    level: int | None
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Where it lies below the log's prefix. Raises ValueError for numbers that name no tile."""
        if not (0 <= (self.level or 0) <= _LEVEL_MAX and self.index >= 0 and 1 <= self.width <= TILE_WIDTH):
            raise ValueError(f"no such tile: level {self.level}, index {self.index}, width {self.width}")
        level = "entries" if self.level is None else self.level
        digits = str(self.index)
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        *upper, last = (digits[at : at + 3] for at in range(0, len(digits), 3))
        number = "/".join([*(f"x{group}" for group in upper), last])
        return f"tile/{level}/{number}" if self.width == TILE_WIDTH else f"tile/{level}/{number}.p/{self.width}"


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Return a tile's path: `tile/0/x001/234`, or `tile/0/x001/234.p/12` for a partial one."""
    return Tile(level, index, width).path


def bundle_path(index: int, width: int = TILE_WIDTH) -> str:
    """Return an entry bundle's path: `tile/entries/x001/234`, or with `.p/12` for a partial one."""
    return Tile(None, index, width).path


def parse_tile_path(path: str) -> Tile:
    """Return which tile or bundle a path names. Raises ValueError for all but the one spelling it has."""
    if match := _PATH.fullmatch(path):
        level, number, width = match.groups()
        tile = Tile(
            None if level == "entries" else int(level),
            int(number.replace("/", "").replace("x", "")),
            TILE_WIDTH if width is None else int(width),
        )
        if tile.path == path:
            return tile
    raise ValueError(f"not the path of a tile: {path!r}")


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Join entries, each behind its length in two bytes, big-endian. Raises ValueError for one over 65,535 bytes."""
    try:
        return b"".join([len(entry).to_bytes(_LENGTH_SIZE_BYTES, "big") + entry for entry in entries])
    except OverflowError:
        raise ValueError(f"an entry has more than {ENTRY_SIZE_BYTES_MAX} bytes") from None


def decode_bundle(data: bytes, width: int) -> list[bytes]:
    """Return the `width` entries of a bundle. Raises ValueError if it holds fewer, more, or a torn one."""
    entries = []
    at = 0
    for _ in range(width):
        start = at + _LENGTH_SIZE_BYTES
        at = start + int.from_bytes(data[at:start], "big")
        entries.append(data[start:at])
    if at != len(data):  # a torn entry, or one that is not there, moves `at` beyond the end
        raise ValueError(f"an entry bundle of {len(data)} bytes does not hold just {width} entries")
    return entries


def frontier_paths(size: int) -> list[str]:
    """Return the paths that `TileFrontier.at(size, …)` reads: the partial bundle and tiles of a log of that size."""
    return [tile.path for tile in (_partial(None, size), *_partials(size)) if tile.width]


@dataclass(frozen=True, slots=True)
class TileFrontier:
    """What of a log of `size` entries is still to be filled: the partial tile of every level and the partial bundle.

    They are held as the files they are, `tiles` from level 0 up, empty where the level's last one is full. Raises
    ValueError when the tiles do not fit the size.
    """

    size: int
    tiles: tuple[bytes, ...]
    bundle: bytes

    def __post_init__(self) -> None:
        if [len(tile) for tile in self.tiles] != [tile.width * HASH_SIZE_BYTES for tile in _partials(self.size)]:
            raise ValueError(f"these are not the partial tiles of a log of {self.size} entries")

    @classmethod
    def at(cls, size: int, read: Callable[[str], bytes]) -> TileFrontier:
        """Rebuild the frontier from the files that were published for `size`.

        `read` gives the bytes of each of `frontier_paths(size)`; what it raises passes through. Raises ValueError if
        a file does not hold what its width asks, or the bundle's entries are not those of the level-0 tile.
        """

        def load(tile: Tile) -> bytes:
            return read(tile.path) if tile.width else b""

        frontier = cls(size, tuple(map(load, _partials(size))), load(_partial(None, size)))
        entries = decode_bundle(frontier.bundle, size % TILE_WIDTH)
        if b"".join(map(leaf_hash, entries)) != b"".join(frontier.tiles[:1]):
            raise ValueError(f"the last entry bundle and the last level-0 tile of {size} entries disagree")
        return frontier

    def edge(self) -> Edge:
        """Return the right edge of the Merkle tree at this size, which knows its root."""
        return Edge(self.size, tuple(each for tile in reversed(self.tiles) for each in _edge_of(tile).hashes))

    def extend(self, entries: Sequence[bytes]) -> tuple[TileFrontier, list[tuple[str, bytes]]]:
        """Append entries: return the new frontier and, as (path, bytes), the files it needs that the old one lacked.

        Those are every bundle and tile that became full and, for a checkpoint of the new size, the partial ones that
        changed: bundles first, then tiles from level 0 up. Raises ValueError for an entry over 65,535 bytes.
        """
        if not entries:
            return self, []
        size = self.size + len(entries)
        cuts = [0, *range(TILE_WIDTH - self.size % TILE_WIDTH, len(entries), TILE_WIDTH), len(entries)]
        bundles = [encode_bundle(entries[start:end]) for start, end in pairwise(cuts)]
        bundles[0] = self.bundle + bundles[0]
        files = _named(None, self.size, size, bundles)

        tiles = list(self.tiles)
        hashes = b"".join(map(leaf_hash, entries))
        level = 0
        while hashes:
            if level == len(tiles):
                tiles.append(b"")
            hashes = tiles[level] + hashes
            grown = [hashes[at : at + TILE_SIZE_BYTES] for at in range(0, len(hashes), TILE_SIZE_BYTES)]
            files += _named(level, self.size, size, grown)
            tiles[level] = grown.pop() if _partial(level, size).width else b""
            hashes = b"".join([_edge_of(tile).root() for tile in grown])
            level += 1
        return TileFrontier(size, tuple(tiles), bundles[-1] if size % TILE_WIDTH else b""), files


def _partial(level: int | None, size: int) -> Tile:
    """Return the partial tile of a level in a log of that size; its width is 0 where there is none."""
    index, width = divmod(size >> TILE_HEIGHT * (level or 0), TILE_WIDTH)
    return Tile(level, index, width)


def _partials(size: int) -> list[Tile]:
    return [_partial(level, size) for level in range(-(-size.bit_length() // TILE_HEIGHT))]


def _named(level: int | None, old: int, new: int, contents: Sequence[bytes]) -> list[tuple[str, bytes]]:
    """Give the files of a level that grew from `old` to `new` entries their paths: full ones, then the partial one."""
    last = _partial(level, new)
    tiles = [Tile(level, index) for index in range(_partial(level, old).index, last.index)]
    if last.width:
        tiles.append(last)
    return [(tile.path, data) for tile, data in zip(tiles, contents, strict=True)]


def _edge_of(tile: bytes) -> Edge:
    """Return the right edge of the subtree over a tile's hashes."""
    return EMPTY_EDGE.extend([tile[at : at + HASH_SIZE_BYTES] for at in range(0, len(tile), HASH_SIZE_BYTES)])


EMPTY_FRONTIER = TileFrontier(0, (), b"")
