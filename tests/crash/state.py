"""The whole state of a zone, its books and its sender, held against each other after the last life of a case."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from tests import checker
from tests.crash.world import Diary, payload

Receipts = list[dict[str, Any]]


class Objects:
    """Every file or object of a zone, by its key, as the checker reads it."""

    def __init__(self, objects: Mapping[str, bytes]) -> None:
        self.objects = objects

    @classmethod
    def of_directory(cls, root: Path) -> Objects:
        """Those of a zone in a directory."""
        return cls({str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()})

    @classmethod
    def of_bucket(cls, objects: Mapping[str, bytes], prefix: str) -> Objects:
        """Those of a zone in a bucket."""
        return cls({key.removeprefix(prefix): data for key, data in objects.items() if key.startswith(prefix)})

    def read(self, path: str) -> bytes | None:
        return self.objects.get(path)

    def list(self, prefix: str) -> list[str]:
        return sorted(key for key in self.objects if key.startswith(prefix))


def problems(zone: Objects, books: Path, diary: Diary) -> Iterator[str]:
    """What is wrong, after a clean stop; nothing if every acknowledged delivery and only whole ones landed, once."""
    checked = checker.check(zone)
    yield from checked.problems
    receipts = list(checked.deliveries.values())
    for receipt in receipts:
        if zone.read(receipt["key"]) != payload(receipt["name"]):
            yield f"{receipt['name']} landed with other bytes than were sent"
    yield from _evidence_problems(zone)
    yield from _sender_problems(receipts, diary)
    yield from _row_problems(zone, receipts, books)


def _evidence_problems(zone: Objects) -> Iterator[str]:
    entries = checker._ledger(zone, json.loads(zone.objects["zone.json"])["zone"], [])
    held = {entry.get("key"): entry["name"] for entry in entries if entry["kind"] == "held"}
    for key in zone.list("held/"):
        if key not in held:
            yield f"{key} has no entry"
        elif not payload(held[key].removesuffix(".part")).startswith(zone.objects[key]):
            yield f"the evidence for {held[key]} is not what was sent"


def _sender_problems(receipts: Receipts, diary: Diary) -> Iterator[str]:
    by_name: dict[str, Receipts] = defaultdict(list)
    for receipt in receipts:
        by_name[receipt["name"]].append(receipt)
    tries = [line["name"] for line in diary.lines("try")]
    for name in set(tries):
        acks = {line["id"]: line["sha256"] for line in diary.lines("ack") if line["name"] == name}
        found = by_name.pop(name, [])
        if len(acks) != 1:
            yield f"{name} was acknowledged {len(acks)} times"
        if not acks.items() <= {receipt["id"]: receipt["sha256"] for receipt in found}.items():
            yield f"{name} was acknowledged and is not in the ledger"
        is_keyed = any("idempotency_key" in receipt for receipt in found)
        if len(found) > (1 if is_keyed else tries.count(name)):
            yield f"{name} was sent {tries.count(name)} times and landed {len(found)} times"
        for again in found[1:]:
            if again.get("repeat_of") != found[0]["id"]:
                yield f"a later delivery of {name} is not marked as a repeat of the first"
    for name in by_name:
        yield f"{name} landed, and was never to"


def _row_problems(zone: Objects, receipts: Receipts, books: Path) -> Iterator[str]:
    with closing(sqlite3.connect(books)) as rows:
        outcomes = dict(rows.execute("SELECT id, outcome FROM attempts"))
    for id_, outcome in outcomes.items():
        if outcome in {"open", "sealing"}:
            yield f"the attempt {id_} is left {outcome}"
    landed = {id_ for id_, outcome in outcomes.items() if outcome == "landed"}
    if landed != {receipt["id"] for receipt in receipts}:
        yield f"the books say landed of {len(landed)} attempts, the ledger of {len(receipts)}"
    for key in zone.list("incoming/"):
        is_marker = key.rpartition("/")[2].startswith(("boot-", "parked-"))  # empty, and gone with the next start
        if outcomes.get(key.split("/")[1]) != "parked" and not is_marker:
            yield f"{key} is left"
