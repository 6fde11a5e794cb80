"""An auditor's bundle: all it takes to check one delivery offline, years later, without us.

A zip of plain files (`docs/format.md`, "Bundles"). `checking.py` is the other end.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from headwater.care.checking import (
    BYTES,
    CHECKPOINTS,
    KEYS,
    LATER,
    LIMITS,
    LINKS,
    PROOF,
    README,
    RECEIPT,
)
from headwater.care.proving import log_key, opened_checkpoint, published_checkpoint, tlog_proof
from headwater.errors import Refused, Unavailable
from headwater.ledger.entries import decode
from headwater.ledger.note import NoteError
from headwater.ports.ledger import LedgerFiles
from headwater.ports.store import ObjectReader
from headwater.sequencer import LogReader
from headwater.terms import Place, Position, Receipt, name_of, shown

ProvedEntry = tuple[Place, bytes]

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # of every member: the same bundle is the same bytes
_README: Final = """\
A delivery to Headwater, and the proof that it is in the ledger.

  file       {name}
  feed       {feed}
  size       {size} bytes
  SHA-256    {sha256}
  landed     {landed}
  ledger     entry {index} of {log}

What is in here
  receipt.json          the receipt: the exact bytes of the ledger's entry
  receipt.tlog-proof    where it stands in the ledger, under a checkpoint that the ledger's key signed
                        (c2sp.org/tlog-proof@v1; `extra` repeats the entry)
  later/                what was entered about this delivery afterwards, in order, each with its proof
  checkpoints/          the same receipt under checkpoints that were kept outside
  links/                where one log of the zone ends and the next begins, each with its proof
  keys.txt              the public keys of the logs, one a line
  bytes/                the file itself, if it was asked for

How to check it: with `headwater check-proof THIS.zip --file FILE --trust KEY`, where KEY is the public key of the
ledger that you were given by another way than this bundle. Or with any tool that knows c2sp.org/tlog-proof; by hand:
the leaf is SHA-256 of a zero byte and receipt.json, the rest is RFC 9162, section 2.1.3.2.

{limits}
"""


async def build_bundle(
    entries: Sequence[ProvedEntry],
    logs: LogReader,
    files: LedgerFiles,
    *,
    kept: Sequence[str] = (),
    content: ObjectReader | None = None,
) -> AsyncIterator[bytes]:
    """The zip, in pieces. `entries` are all about one delivery, the receipt first, as `History.entries_about` has them.

    Call the sequencer's `checkpoint` before, for entries newer than the last one. `kept` are checkpoints kept outside;
    those that cover the receipt are taken in. With `content` the bytes come along. Raises Refused("not_found") if the
    first entry is no receipt, Unavailable, Damaged; those about the proofs before the first piece.
    """
    receipt = decode(entries[0][1]) if entries else None
    if not isinstance(receipt, Receipt):
        raise Refused("not_found", "Only what landed has a receipt to prove.")
    members = await _members(entries, receipt, logs, files, kept)
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(_info(name, zipfile.ZIP_DEFLATED), text)
        yield sink.taken()
        if content is not None:
            info = _info(BYTES + receipt.key.rpartition("/")[2], zipfile.ZIP_STORED)
            with archive.open(info, "w", force_zip64=True) as member:
                async for piece in content.read(receipt.key, version=receipt.version):
                    member.write(piece)
                    yield sink.taken()
    yield sink.taken()


async def _members(
    entries: Sequence[ProvedEntry], receipt: Receipt, logs: LogReader, files: LedgerFiles, kept: Sequence[str]
) -> dict[str, str | bytes]:
    place, data = entries[0]
    proofs = _Proofs(files)
    members: dict[str, str | bytes] = {README: _readme(place, receipt), RECEIPT: data}
    members[RECEIPT.replace(".json", PROOF)] = await proofs.of(place, data)
    for number, (where, later) in enumerate(entries[1:], 1):
        await proofs.add(members, f"{LATER}{number:04}", where, later)
    for number, (where, link) in enumerate(await _links(logs, place.log), 1):
        await proofs.add(members, f"{LINKS}{number:04}", where, link)
    members |= await _kept_checkpoints(place, data, files, kept)
    members[KEYS] = "".join([f"{(await log_key(files, log)).vkey}\n" for log in sorted(proofs.logs)])
    return members


class _Proofs:
    """Proofs of several entries, those of one log all under one checkpoint."""

    def __init__(self, files: LedgerFiles) -> None:
        self._files = files
        self.logs: dict[str, str] = {}

    async def of(self, place: Place, entry: bytes) -> str:
        if place.log not in self.logs:
            self.logs[place.log] = await published_checkpoint(self._files, place.log)
        return await tlog_proof(self._files, place, entry, self.logs[place.log])

    async def add(self, members: dict[str, str | bytes], stem: str, place: Place, entry: bytes) -> None:
        name = f"{stem}-{decode(entry).__struct_config__.tag}"
        members[f"{name}.json"] = entry
        members[f"{name}{PROOF}"] = await self.of(place, entry)


async def _links(logs: LogReader, first: str) -> list[ProvedEntry]:
    """The `closed` and `opened` entries from one log to the newest: they hand the trust in a key on."""
    names = [head.log for head in logs.heads]
    links = []
    for head in logs.heads[names.index(first) + 1 :]:
        links += [each async for each in logs.read(Position(head.base - 1), 2)]
    return links


async def _kept_checkpoints(
    place: Place, entry: bytes, files: LedgerFiles, kept: Sequence[str]
) -> dict[str, str | bytes]:
    key = await log_key(files, place.log)
    members: dict[str, str | bytes] = {}
    for note in kept:
        try:
            size = opened_checkpoint(note, key).size
            members[f"{CHECKPOINTS}{size}{PROOF}"] = await tlog_proof(files, place, entry, note)
        except (NoteError, Unavailable):  # of another log, or from before the receipt
            continue
    return members


def _readme(place: Place, receipt: Receipt) -> str:
    return _README.format(
        name=shown(name_of(receipt)),
        feed=receipt.feed_name,
        size=receipt.size_bytes,
        sha256=receipt.sha256,
        landed=receipt.landed_at,
        index=place.index,
        log=place.log,
        limits="What it does not prove\n" + "\n".join(f"  - {limit}" for limit in LIMITS),
    )


def _info(name: str, compression: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type = compression
    info.external_attr = 0o444 << 16
    return info


class _Sink(io.RawIOBase):
    """What a zip is written into, to be taken away piece by piece; it cannot be wound back."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(self._pieces[-1])

    def taken(self) -> bytes:
        data, self._pieces = b"".join(self._pieces), []
        return data
