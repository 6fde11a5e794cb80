"""The whole state of a zone, its books and its sender, held against each other after the last life of a case."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

from headwater.ledger.entries import Entry, Held, decode
from headwater.ledger.head import Torn, decode_frames
from headwater.ledger.note import Checkpoint, Verifier, open_note
from headwater.ledger.tiles import TILE_WIDTH, bundle_path, decode_bundle
from headwater.terms import Receipt
from tests.crash.world import Diary, payload

Objects = Mapping[str, bytes]
"""Every file or object of a zone, by its key."""


def directory_objects(root: Path) -> Objects:
    """Those of a zone in a directory."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def problems(objects: Objects, books: Path, diary: Diary) -> Iterator[str]:
    """What is wrong, after a clean stop; nothing if every acknowledged delivery and only whole ones landed, once."""
    try:
        entries = _entries(objects)
    except (ValueError, KeyError, AssertionError) as error:
        yield f"the ledger cannot be read: {error!r}"
        return
    receipts = [entry for entry in entries if isinstance(entry, Receipt)]
    yield from _object_problems(objects, receipts)
    yield from _evidence_problems(objects, [entry for entry in entries if isinstance(entry, Held)])
    yield from _sender_problems(receipts, diary)
    yield from _row_problems(objects, receipts, books)


def _entries(objects: Objects) -> list[Entry]:
    """All entries of all logs, from bundles and heads, against the roots and checkpoints that stand beside them."""
    entries: list[Entry] = []
    logs = sorted({key.split("/")[1] for key in objects if key.startswith("ledger/")}, key=lambda log: int(log[33:]))
    for log in logs:
        try:
            head = decode_frames(objects[f"ledger/{log}/head"])
        except Torn as torn:
            assert torn.head is not None
            head = torn.head
        data: list[bytes] = []
        for index in range(-(-head.tiled // TILE_WIDTH)):
            width = min(TILE_WIDTH, head.tiled - len(data))
            data += decode_bundle(objects[f"ledger/{log}/{bundle_path(index, width)}"], width)
        data += head.pending
        assert _root(data) == head.root, f"{log}: the head's root is not that of its entries"
        verifier = Verifier.parse(objects[f"ledger/{log}/vkey"].decode().strip())
        published = Checkpoint.parse(open_note(objects[f"ledger/{log}/checkpoint"].decode(), [verifier]))
        assert (published.size, published.root) == (head.size, head.root), f"{log}: checkpoint and head differ"
        entries += map(decode, data)
    return entries


def _root(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, word for word."""
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + _root(leaves[:k]) + _root(leaves[k:])).digest()


def _object_problems(objects: Objects, receipts: list[Receipt]) -> Iterator[str]:
    for receipt in receipts:
        data = objects.get(receipt.key)
        if data is None:
            yield f"{receipt.name} has a receipt, but no object"
        elif data != payload(receipt.name or ""):
            yield f"{receipt.name} has {len(data)} bytes that are not the file's"
        elif (receipt.size_bytes, receipt.sha256) != (len(data), sha256(data).hexdigest()):
            yield f"the receipt of {receipt.name} does not tell its digests"
    keys = [receipt.key for receipt in receipts]
    if len(set(keys)) != len(keys):
        yield "two receipts share an object"
    for key in objects:
        if key.startswith("raw/") and key not in keys:
            yield f"{key} has no receipt"


def _evidence_problems(objects: Objects, held: list[Held]) -> Iterator[str]:
    for entry in held:
        data = payload((entry.name or "").removesuffix(".part"))
        if entry.key is not None and not data.startswith(objects.get(entry.key, b"?")):
            yield f"the evidence for {entry.name} is not what was sent"
    ids = [entry.id for entry in held]
    if len(set(ids)) != len(ids):
        yield "an attempt was held twice"
    for key in objects:
        if key.startswith("held/") and key not in {entry.key for entry in held}:
            yield f"{key} has no entry"


def _sender_problems(receipts: list[Receipt], diary: Diary) -> Iterator[str]:
    by_name: dict[str, list[Receipt]] = defaultdict(list)
    for receipt in receipts:
        by_name[receipt.name or ""].append(receipt)
    tries = [line["name"] for line in diary.lines("try")]
    for name in set(tries):
        acks = {line["id"]: line["sha256"] for line in diary.lines("ack") if line["name"] == name}
        found = by_name.pop(name, [])
        if len(acks) != 1:
            yield f"{name} was acknowledged {len(acks)} times"
        if not acks.items() <= {receipt.id: receipt.sha256 for receipt in found}.items():
            yield f"{name} was acknowledged and is not in the ledger"
        if len(found) > (1 if name.startswith(("keyed", "first", "second", "third")) else tries.count(name)):
            yield f"{name} was sent {tries.count(name)} times and landed {len(found)} times"
        for again in found[1:]:
            if again.repeat_of != found[0].id:
                yield f"the second delivery of {name} is not marked as a repeat"
    for name in by_name:
        yield f"{name} landed, and was never to"


def _row_problems(objects: Objects, receipts: list[Receipt], books: Path) -> Iterator[str]:
    with closing(sqlite3.connect(books)) as rows:
        for id_, outcome in rows.execute("SELECT id, outcome FROM attempts"):
            if outcome in {"open", "sealing"}:
                yield f"the attempt {id_} is left {outcome}"
        landed = dict.fromkeys((receipt.id for receipt in receipts), "landed")
        outcomes: dict[str, Any] = dict(rows.execute("SELECT id, outcome FROM attempts WHERE outcome = 'landed'"))
        if outcomes != landed:
            yield f"the books say landed of {len(outcomes)} attempts, the ledger of {len(landed)}"
        parked = {id_ for (id_,) in rows.execute("SELECT id FROM attempts WHERE outcome = 'parked'")}
    for key in objects:
        if key.startswith("incoming/") and key.split("/")[1] not in parked:
            yield f"{key} is left"
