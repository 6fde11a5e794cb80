"""Proofs that an entry is in its log, under a published checkpoint, as c2sp.org/tlog-proof@v1 files.

`extra` of such a file holds the entry's exact bytes: the proof alone then says what it proves, and a verifier hashes
these bytes as the leaf, so nothing of it has to be believed.
"""

from __future__ import annotations

from headwater.errors import Damaged, Unavailable
from headwater.layout import ledger_path
from headwater.ledger.merkle import leaf_hash
from headwater.ledger.note import Checkpoint, NoteError, Verifier, open_note
from headwater.ledger.proof import (
    encode_tlog_proof,
    hashes_in,
    inclusion_proof,
    tiles_for_inclusion,
    verify_inclusion,
)
from headwater.ports.ledger import LedgerFiles
from headwater.sequencer.reading import read_tiles
from headwater.terms import Place


async def log_key(files: LedgerFiles, log: str) -> Verifier:
    """The public key of a log, as it stands beside it. Raises Damaged."""
    data = await files.read(ledger_path(log, "vkey"))
    if data is None:
        raise Damaged(f"The public key of {log} is gone. Restore {ledger_path(log, 'vkey')} from a mirror of the zone.")
    try:
        verifier = Verifier.parse(data.decode().strip())
    except ValueError as error:
        raise Damaged(f"The public key of {log} cannot be read: {error}.") from error
    if verifier.name != log:
        raise Damaged(f"The public key beside {log} is that of {verifier.name}.")
    return verifier


async def published_checkpoint(files: LedgerFiles, log: str) -> str:
    """The newest published checkpoint of a log, as it is. Raises Unavailable if none is published yet."""
    data = await files.read(ledger_path(log, "checkpoint"))
    if data is None:
        raise Unavailable("ledger_unavailable", f"No checkpoint of {log} is published yet; one is within a second.")
    return data.decode(errors="replace")


def opened_checkpoint(note: str, key: Verifier) -> Checkpoint:
    """What a signed checkpoint says, its signature and its origin checked. Raises NoteError."""
    checkpoint = Checkpoint.parse(open_note(note, [key]))
    if checkpoint.origin != key.name:
        raise NoteError(f"the checkpoint is of {checkpoint.origin}, not of {key.name}")
    return checkpoint


async def tlog_proof(files: LedgerFiles, place: Place, entry: bytes, note: str | None = None) -> str:
    """The `.tlog-proof` of an entry under a checkpoint of its log: `note`, or the newest published one.

    Proofs are checked before they are handed out. Raises Unavailable("ledger_unavailable") when the checkpoint does not
    cover the entry (the newest one will within a second), Damaged when log and checkpoint contradict each other.
    """
    key = await log_key(files, place.log)
    note = await published_checkpoint(files, place.log) if note is None else note
    try:
        checkpoint = opened_checkpoint(note, key)
        if checkpoint.size <= place.index:
            raise Unavailable(
                "ledger_unavailable",
                f"The checkpoint of {checkpoint.size} entries does not cover entry {place.index} of {place.log}.",
                retry_after_seconds=1,
            )
        tiles = await read_tiles(files, place.log, tiles_for_inclusion(place.index, checkpoint.size))
        proof = inclusion_proof(place.index, checkpoint.size, hashes_in(tiles))
        verify_inclusion(leaf_hash(entry), place.index, checkpoint.size, proof, checkpoint.root)
    except ValueError as error:
        raise Damaged(f"{place.log} cannot prove its entry {place.index}: {error}.") from error
    return encode_tlog_proof(place.index, proof, note, extra=entry)
