"""Re-reading a log: every entry against its tile, every tile against the one above, the top against head and signature.

Top and bottom meet: a changed byte shows in the file that holds it, and the rest of the log is still checked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise

import msgspec

from headwater.care.findings import Problem, Trouble
from headwater.care.proving import log_key, opened_checkpoint
from headwater.errors import Damaged
from headwater.followers.catalog import read_entry
from headwater.layout import ledger_path
from headwater.ledger.entries import Closed, Entry, Opened, decode
from headwater.ledger.head import Head
from headwater.ledger.merkle import EMPTY_EDGE, HASH_SIZE_BYTES, leaf_hash
from headwater.ledger.tiles import (
    TILE_HEIGHT,
    TILE_WIDTH,
    Tile,
    TileFrontier,
    decode_bundle,
    frontier_paths,
    parse_tile_path,
)
from headwater.ports.ledger import LedgerFiles
from headwater.sequencer.reading import LogReader, read_tiles
from headwater.terms import Place, Position

_READ_TOGETHER = 16


class Entries(msgspec.Struct, frozen=True):
    """Some entries of a log, from index `first` on; None stands for one that cannot be trusted."""

    log: str
    base: int
    first: int
    entries: tuple[bytes | None, ...]


async def published_notes(files: LedgerFiles, heads: Sequence[Head]) -> dict[str, str]:
    """The published checkpoint of each log that has one. Read before the heads: none of them is ever ahead of its head.

    A log that has none yet is young.
    """
    notes = {head.log: await files.read(ledger_path(head.log, "checkpoint")) for head in heads}
    return {log: note.decode(errors="replace") for log, note in notes.items() if note is not None}


async def as_published(files: LedgerFiles, head: Head, note: str | None) -> Head:
    """The head as it will be once it knows of every tile that its published checkpoint covers.

    A head learns of its newest tiles with the next commit only; whoever reads by the checkpoint reads them already.
    """
    try:
        size = opened_checkpoint(note or "", await log_key(files, head.log)).size
    except (Damaged, ValueError):
        return head
    return head.tiled_to(size) if head.tiled < size <= head.size else head


async def read_entries(files: LedgerFiles, head: Head) -> AsyncIterator[Entries | Problem]:
    """All entries of a log, in order, held against the leaf hashes in the tiles, and those against the tile above."""
    numbers = range(-(-head.tiled // TILE_WIDTH))
    for start in range(0, len(numbers), _READ_TOGETHER):
        above = await _hashes(files, head.log, _tile(head, 1, start // TILE_WIDTH))
        together = numbers[start : start + _READ_TOGETHER]
        for some in await asyncio.gather(*(_bundle(files, head, number, above) for number in together)):
            for each in some:
                yield each
    if head.pending:
        yield Entries(head.log, head.base, head.tiled, head.pending)


async def _bundle(
    files: LedgerFiles, head: Head, number: int, above: Sequence[bytes] | None
) -> list[Entries | Problem]:
    tile = _tile(head, 0, number)
    first, width = number * TILE_WIDTH, tile.width
    bundle = Tile(None, number, width)
    path = ledger_path(head.log, bundle.path)
    hashes = await _hashes(files, head.log, tile)
    found: list[Entries | Problem] = []
    if problem := _contradicts(head.log, tile, hashes, above):
        found.append(problem)
    try:
        entries = decode_bundle((await read_tiles(files, head.log, [bundle]))[bundle], width)
    except (Damaged, ValueError) as error:
        gone = f"The entries {first} to {first + width - 1} of {head.log} cannot be read: {error}"
        return [*found, Problem(Trouble.BUNDLE, path, gone)]
    if hashes is None:
        return [*found, Entries(head.log, head.base, first, tuple(entries))]
    good = tuple(entry if leaf_hash(entry) == known else None for entry, known in zip(entries, hashes, strict=True))
    changed = [first + place for place, entry in enumerate(good) if entry is None]
    found += [
        Problem(Trouble.BUNDLE, path, f"Entry {index} of {head.log} is not the one that was entered.")
        for index in changed
    ]
    return [*found, Entries(head.log, head.base, first, good)]


def decoded(some: Entries) -> tuple[list[Entry], list[Problem]]:
    """The entries of kinds that this version knows, and what is wrong with those that are none."""
    entries, problems = [], []
    for index, data in enumerate(some.entries, some.first):
        try:
            if data is not None and (
                entry := read_entry(Place(some.log, index, Position(some.base + index + 1)), data)
            ):
                entries.append(entry)
        except Damaged as damage:
            problems.append(Problem(Trouble.ENTRY, some.log, damage.sentence))
    return entries, problems


async def check_log(files: LedgerFiles, head: Head, note: str | None) -> AsyncIterator[Problem]:
    """What is wrong with a log above its level-0 tiles: tiles, head and published checkpoint against each other."""
    seen = await as_published(files, head, note)
    level = 1
    while seen.tiled >> TILE_HEIGHT * level:
        above: Sequence[bytes] | None = None
        for number in range(-(-(seen.tiled >> TILE_HEIGHT * level) // TILE_WIDTH)):
            if number % TILE_WIDTH == 0:
                above = await _hashes(files, seen.log, _tile(seen, level + 1, number // TILE_WIDTH))
            tile = _tile(seen, level, number)
            if problem := _contradicts(seen.log, tile, await _hashes(files, seen.log, tile), above):
                yield problem
        level += 1
    if not (await _agrees(files, head) and await _agrees(files, seen)):
        sentence = f"The tiles and the head of {head.log} give different trees of {head.size} entries."
        yield Problem(Trouble.HEAD, ledger_path(head.log, "head"), sentence)
    path = ledger_path(head.log, "checkpoint")
    if note is not None and (problem := await check_checkpoint(files, head, note, Trouble.CHECKPOINT, path)):
        yield problem


def _contradicts(log: str, tile: Tile, hashes: Sequence[bytes] | None, above: Sequence[bytes] | None) -> Problem | None:
    """A tile that is gone, or a full one whose root is not the hash that stands above it."""
    path = ledger_path(log, tile.path)
    if hashes is None:
        return Problem(Trouble.TILE, path, f"The tile {tile.path} of {log} is gone or cut.")
    if tile.width < TILE_WIDTH or above is None:
        return None
    if EMPTY_EDGE.extend(hashes).root() == above[tile.index % TILE_WIDTH]:
        return None
    return Problem(Trouble.TILE, path, f"{tile.path} of {log} and the tile above it contradict each other.")


async def _agrees(files: LedgerFiles, head: Head) -> bool:
    try:
        frontier = await _frontier(files, head.log, head.tiled)
        return frontier.extend(head.pending)[0].edge() == head.edge
    except (Damaged, ValueError):
        return False


async def check_checkpoint(files: LedgerFiles, head: Head, note: str, trouble: Trouble, subject: str) -> Problem | None:
    """What is wrong with a signed checkpoint of this log: the signature, the size, or the root at that size."""
    try:
        checkpoint = opened_checkpoint(note, await log_key(files, head.log))
        if checkpoint.size > head.size:
            flaw = f"it has {checkpoint.size} entries, the ledger only {head.size}"
        elif await _root_at(files, head, checkpoint.size) != checkpoint.root:
            flaw = f"the ledger had another root at {checkpoint.size} entries"
        else:
            return None
    except (Damaged, ValueError) as error:
        flaw = str(error).rstrip(".")
    return Problem(trouble, subject, f"The ledger {head.log} does not fit a checkpoint of it: {flaw}.")


async def check_kept(files: LedgerFiles, heads: Sequence[Head], note: str) -> Problem | None:
    """What is wrong with a checkpoint that was kept outside: the ledger must extend it."""
    origin = note.partition("\n")[0]
    head = next((head for head in heads if head.log == origin), None)
    if head is None:
        return Problem(Trouble.KEPT, "checkpoint", f"There is no log {origin[:80]!r} in this zone.")
    return await check_checkpoint(files, head, note, Trouble.KEPT, "checkpoint")


async def check_chain(files: LedgerFiles, logs: LogReader) -> AsyncIterator[Problem]:
    """Where a log does not go on as the one before it ended: `closed` and `opened` name each other, key and root."""
    for before, head in pairwise(logs.heads):
        path = ledger_path(head.log, "head")
        try:
            closed, opened = [decode(data) async for _, data in logs.read(Position(head.base - 1), 2)]
            key = await log_key(files, head.log)
        except (Damaged, ValueError):
            yield Problem(
                Trouble.CHAIN, path, f"The end of {before.log} or the beginning of {head.log} cannot be read."
            )
            continue
        is_closed = isinstance(closed, Closed) and (closed.next, closed.vkey) == (head.log, key.vkey)
        is_opened = isinstance(opened, Opened) and opened.previous == before.log
        if not (is_closed and is_opened and head.base == before.base + before.size):
            yield Problem(Trouble.CHAIN, path, f"{head.log} does not go on where {before.log} was closed.")
            continue
        note = opened.checkpoint if isinstance(opened, Opened) else None
        if problem := await check_checkpoint(files, before, note or "", Trouble.CHAIN, path):
            yield problem


async def _root_at(files: LedgerFiles, head: Head, size: int) -> bytes:
    if size < head.tiled:
        return (await _frontier(files, head.log, size)).edge().root()
    frontier = await _frontier(files, head.log, head.tiled)
    return frontier.extend(head.pending[: size - head.tiled])[0].edge().root()


async def _frontier(files: LedgerFiles, log: str, size: int) -> TileFrontier:
    tiles = await read_tiles(files, log, [parse_tile_path(path) for path in frontier_paths(size)])
    return TileFrontier.at(size, lambda path: tiles[parse_tile_path(path)])


def _tile(head: Head, level: int, number: int) -> Tile:
    """A tile as it stands in a log that is tiled so far; of width 0 where it does not stand yet."""
    count = head.tiled >> TILE_HEIGHT * level
    return Tile(level, number, max(0, min(TILE_WIDTH, count - number * TILE_WIDTH)))


async def _hashes(files: LedgerFiles, log: str, tile: Tile) -> Sequence[bytes] | None:
    """The hashes of a tile; none of one that does not stand yet, None for one that is gone or cut."""
    if tile.width == 0:
        return ()
    try:
        data = (await read_tiles(files, log, [tile]))[tile]
    except Damaged:
        return None
    if len(data) != tile.width * HASH_SIZE_BYTES:
        return None
    return [data[at : at + HASH_SIZE_BYTES] for at in range(0, len(data), HASH_SIZE_BYTES)]
