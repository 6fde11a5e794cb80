"""Moving committed entries out of the head into tiles and bundles, and publishing signed checkpoints."""

from __future__ import annotations

from headwater.errors import Damaged
from headwater.layout import ledger_path
from headwater.ledger.head import Head
from headwater.ledger.note import Checkpoint, Signer, Verifier, open_note, sign_note
from headwater.ledger.tiles import TILE_WIDTH, TileFrontier, frontier_paths, parse_tile_path
from headwater.ports.ledger import LedgerFiles
from headwater.sequencer.reading import read_tiles


class Tiling:
    """The tiles of one log: `frontier` is what stands, `published` the newest signed checkpoint."""

    def __init__(self, files: LedgerFiles, signer: Signer, log: str, frontier: TileFrontier) -> None:
        self._files = files
        self._signer = signer
        self._log = log
        self._frontier = frontier
        self._partials: list[str] = []
        self.published: Checkpoint | None = None

    @property
    def size(self) -> int:
        """How many entries stand in tiles and bundles."""
        return self._frontier.size

    @classmethod
    async def resume(cls, files: LedgerFiles, signer: Signer, head: Head) -> Tiling:
        """Goes on where an earlier writer stopped.

        Raises Damaged when tiles, head and checkpoint contradict each other: the root recomputed from the tiles and
        the pending entries is not the head's, or a checkpoint was signed that this log does not extend.
        """
        paths = frontier_paths(head.tiled)
        stored = await read_tiles(files, head.log, [parse_tile_path(path) for path in paths])
        try:
            frontier = TileFrontier.at(head.tiled, lambda path: stored[parse_tile_path(path)])
        except ValueError as error:
            raise Damaged(f"The tiles of {head.log} cannot be read: {error}.") from error
        if frontier.extend(head.pending)[0].edge() != head.edge:
            raise Damaged(f"The tiles and the head of {head.log} give different trees of {head.size} entries.")
        tiling = cls(files, signer, head.log, frontier)
        tiling.published = await tiling._published(head)
        return tiling

    async def _standing(self) -> Checkpoint | None:
        """The checkpoint that stands. Raises Damaged for one that this key did not sign."""
        note = await self._files.read(ledger_path(self._log, "checkpoint"))
        if note is None:
            return None
        try:
            return Checkpoint.parse(open_note(note.decode(), [Verifier.parse(self._signer.vkey)]))
        except ValueError as error:
            raise Damaged(f"The published checkpoint of {self._log} is not one of this key: {error}.") from error

    async def _published(self, head: Head) -> Checkpoint | None:
        published = await self._standing()
        if published is None:
            return None
        if published.size > head.size:
            raise Damaged(
                f"A checkpoint of {published.size} entries of {self._log} was published, but its head has "
                f"{head.size} entries. An older copy of the zone was put back?"
            )
        if published.root != await self._root_at(head, published.size):
            raise Damaged(f"{self._log} does not extend its own published checkpoint of {published.size} entries.")
        return published

    async def _root_at(self, head: Head, size: int) -> bytes:
        """The root that the log had at `size` entries."""
        if size >= head.tiled:
            return self._frontier.extend(head.pending[: size - head.tiled])[0].edge().root()
        tiles = await read_tiles(self._files, self._log, [parse_tile_path(path) for path in frontier_paths(size)])
        return TileFrontier.at(size, lambda path: tiles[parse_tile_path(path)]).edge().root()

    async def tile_out(self, head: Head, size: int) -> None:
        """Writes every tile and bundle that a checkpoint of `size` (≤ the head's) needs and that does not stand yet."""
        entries = head.pending[self.size - head.tiled : size - head.tiled]
        frontier, files = self._frontier.extend(entries)
        await self._files.create([(ledger_path(self._log, path), data) for path, data in files])
        self._frontier = frontier
        await self._prune(files)

    async def publish(self) -> None:
        """Signs and publishes the checkpoint of what stands in tiles; never one smaller than the last."""
        if self.published is not None and self.published.size >= self.size:
            return
        # A writer that slept through its overtaking knows its own last one only: what stands decides
        if (standing := await self._standing()) is not None and standing.size >= self.size:
            return
        checkpoint = Checkpoint(self._signer.name, self.size, self._frontier.edge().root())
        note = sign_note(checkpoint.text(), self._signer)
        await self._files.publish(ledger_path(self._log, "checkpoint"), note.encode())
        self.published = checkpoint

    async def _prune(self, files: list[tuple[str, bytes]]) -> None:
        """Partial tiles may go once their full one stands (tlog-tiles, "Partial tiles")."""
        full = {path for path, _ in files if ".p/" not in path}
        gone = [path for path in self._partials if path.partition(".p/")[0] in full]
        self._partials = [path for path in self._partials if path not in gone]
        self._partials += [path for path, _ in files if ".p/" in path]
        if gone:
            await self._files.prune([ledger_path(self._log, path) for path in gone])


def full_tiles(size: int) -> int:
    """The largest number of entries ≤ `size` that leaves no partial bundle."""
    return size - size % TILE_WIDTH
