"""Reading the logs of a zone, in order and without gaps, from heads and entry bundles alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from headwater.errors import Damaged
from headwater.layout import ledger_path, log_name
from headwater.ledger.head import Head
from headwater.ledger.merkle import HASH_SIZE_BYTES
from headwater.ledger.tiles import TILE_WIDTH, Tile, decode_bundle, encode_bundle
from headwater.ports.ledger import HeadStore, LedgerFiles
from headwater.terms import Place, Position

OpenHead = Callable[[str], HeadStore]
"""Gives the head store of a log by its name."""

_BUNDLES_KEPT = 64


async def read_tiles(files: LedgerFiles, log: str, tiles: Sequence[Tile]) -> dict[Tile, bytes]:
    """Some tiles and bundles of a log. A partial one may have been pruned: its full one begins with it.

    Raises Damaged for one that is gone.
    """
    found = await asyncio.gather(*(_read_tile(files, log, tile) for tile in tiles))
    return dict(zip(tiles, found, strict=True))


async def _read_tile(files: LedgerFiles, log: str, tile: Tile) -> bytes:
    data = await files.read(ledger_path(log, tile.path))
    if data is None and tile.width < TILE_WIDTH:
        full = await files.read(ledger_path(log, Tile(tile.level, tile.index).path))
        if full is not None:
            return _beginning(full, tile)
    if data is None:
        raise Damaged(f"The ledger {log} lacks {tile.path}. Restore it from a mirror of the zone.")
    return data


def _beginning(full: bytes, tile: Tile) -> bytes:
    if tile.level is not None:
        return full[: tile.width * HASH_SIZE_BYTES]
    return encode_bundle(decode_bundle(full, TILE_WIDTH)[: tile.width])


class LogReader:
    """Implements `ports.ledger.LedgerReader` over the heads last seen; `refresh` looks at the store again."""

    def __init__(self, open_head: OpenHead, files: LedgerFiles, zone_id: str) -> None:
        self._open_head = open_head
        self._files = files
        self._zone_id = zone_id
        self._heads: list[Head] = []
        self._bundles: dict[str, list[bytes]] = {}
        self._news = asyncio.Event()

    def afresh(self) -> LogReader:
        """A reader of the same zone that has seen nothing yet."""
        return LogReader(self._open_head, self._files, self._zone_id)

    @property
    def heads(self) -> tuple[Head, ...]:
        """The heads of all logs of the zone, the oldest first, as last seen."""
        return tuple(self._heads)

    @property
    def position(self) -> Position:
        """The position of the last committed entry seen; 0 for none."""
        return Position(self._heads[-1].base + self._heads[-1].size if self._heads else 0)

    async def refresh(self) -> None:
        """Looks at the stored heads again, and for logs that were opened since."""
        number = max(len(self._heads), 1)
        while tagged := await self._open_head(log_name(self._zone_id, number)).load():
            self.see(tagged.head)
            number += 1

    def see(self, head: Head) -> None:
        """Takes note of a committed head: the newest of its log. Wakes those who wait."""
        if self._heads and self._heads[-1].log == head.log:
            self._heads[-1] = head
        else:
            self._heads.append(head)
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def wait(self, after: Position, seconds: float) -> Position:
        """Returns the newest position as soon as it is larger than `after`, or after `seconds`."""
        deadline = asyncio.get_running_loop().time() + seconds
        while self.position <= after:
            try:
                async with asyncio.timeout_at(deadline):
                    await self._news.wait()
            except TimeoutError:
                break
        return self.position

    def place(self, position: Position) -> Place:
        """Where the entry at a position stands. IndexError if there is none yet."""
        for head in reversed(self._heads):
            if head.base < position <= head.base + head.size:
                return Place(head.log, position - head.base - 1, position)
        msg = f"there is no entry at position {position}"
        raise IndexError(msg)

    async def read(self, after: Position, limit: int = 1024) -> AsyncIterator[tuple[Place, bytes]]:
        """Entries after a position, at most `limit`, each with its exact bytes."""
        for head in tuple(self._heads):
            index = max(after - head.base, 0)
            while index < head.size and limit > 0:
                for entry in await self.entries(head, index, min(head.size, index + limit)):
                    yield Place(head.log, index, Position(head.base + index + 1)), entry
                    index += 1
                    limit -= 1

    async def entries(self, head: Head, first: int, end: int) -> list[bytes]:
        """Some entries of a log from `first` on, before `end`: one bundle's worth, or what is pending."""
        if first >= head.tiled:
            return list(head.pending[first - head.tiled : end - head.tiled])
        number = first // TILE_WIDTH
        bundle = await self._bundle(head, number)
        return bundle[first - number * TILE_WIDTH : end - number * TILE_WIDTH]

    async def _bundle(self, head: Head, number: int) -> list[bytes]:
        width = min(TILE_WIDTH, head.tiled - number * TILE_WIDTH)
        full = ledger_path(head.log, Tile(None, number).path)
        if known := self._bundles.get(full):
            return known
        tile = Tile(None, number, width)
        try:
            entries = decode_bundle(await _read_tile(self._files, head.log, tile), width)
        except ValueError as error:
            raise Damaged(f"The entry bundle {tile.path} of {head.log} cannot be read: {error}.") from error
        if width == TILE_WIDTH:
            if len(self._bundles) >= _BUNDLES_KEPT:
                del self._bundles[next(iter(self._bundles))]
            self._bundles[full] = entries
        return entries
