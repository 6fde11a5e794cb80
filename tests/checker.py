"""A reader of zones that was written from docs/format.md alone: it knows nothing else of Headwater.

`check(zone)` re-reads everything and returns a `Checked`: what was delivered, and what is wrong. `zone` gives the bytes
under a path and lists the paths below a prefix: `DirectoryZone` for a directory, `BucketZone` for S3.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

KEY = re.compile(
    r"(raw|companion|held)/lz_source=([a-z0-9_-]{2,40})/lz_feed=([a-z0-9_-]{2,40})/lz_date=(\d{4}-\d\d-\d\d)"
    r"/([0-9a-f]{32})-[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?"
)


class Files(Protocol):
    """Where a zone lies."""

    def read(self, path: str) -> bytes | None:
        """The bytes under a path, None if there is nothing."""

    def list(self, prefix: str) -> Iterable[str]:
        """The paths that begin with a prefix."""


class DirectoryZone:
    """A zone in a directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, path: str) -> bytes | None:
        file = self.root / path
        return file.read_bytes() if file.is_file() and not file.is_symlink() else None

    def list(self, prefix: str) -> Iterator[str]:
        yield from (
            str(each.relative_to(self.root)) for each in sorted((self.root / prefix).rglob("*")) if not each.is_dir()
        )


class BucketZone:
    """A zone in a bucket, by an S3 client as boto3 makes them."""

    def __init__(self, client: Any, bucket: str, prefix: str = "") -> None:
        self.client, self.bucket, self.prefix = client, bucket, prefix and prefix.rstrip("/") + "/"

    def read(self, path: str) -> bytes | None:
        try:
            body: bytes = self.client.get_object(Bucket=self.bucket, Key=self.prefix + path)["Body"].read()
        except self.client.exceptions.NoSuchKey:
            return None
        return body

    def list(self, prefix: str) -> Iterator[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix + prefix)
        yield from (each["Key"].removeprefix(self.prefix) for page in pages for each in page.get("Contents", ()))


@dataclass
class Checked:
    """What was delivered, as receipts by id, in order; the kinds of all entries, in order; and what is wrong."""

    deliveries: dict[str, dict[str, Any]] = field(default_factory=dict)
    kinds: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def check(zone: Files, *, is_on_its_way: Callable[[str], bool] = lambda key: False, held: bool = True) -> Checked:
    """Checks all of §7. `is_on_its_way` tells which objects may stand without a receipt.

    With `held` the evidence of held tries must be there, as it is within 30 days.
    """
    checked = Checked()
    about = json.loads(zone.read("zone.json") or b"{}")
    if (about.get("v"), about.get("format")) != (1, 1):
        checked.problems.append("zone.json: not of format 1")
        return checked
    entries = list(_ledger(zone, about["zone"], checked.problems))
    checked.kinds = [entry["kind"] for entry in entries]
    times = [str(entry["landed_at" if entry["kind"] == "receipt" else "at"]) for entry in entries]
    if times != sorted(times):
        checked.problems.append("ledger: times go back")
    _check_claims(entries, checked.problems)
    forgotten = {entry["id"]: entry["kind"] for entry in entries if entry["kind"] in {"erasure_ordered", "erased"}}
    explained = {entry["key"] for entry in entries if entry["kind"] == "found"}
    for entry in entries:
        if entry["kind"] == "receipt":
            checked.deliveries[entry["id"]] = entry
            explained.add(entry["key"])
            _check_key(entry, checked.problems)
            _check_delivery(entry, zone.read(entry["key"]), forgotten.get(entry["id"]), checked.problems)
        elif entry["kind"] == "held" and entry.get("key") and held:
            checked.problems += _wrong(entry["key"], zone.read(entry["key"]), entry["kept_bytes"], entry.get("sha256"))
    for root in ("raw/", "companion/"):
        for key in zone.list(root):
            if key not in explained and not is_on_its_way(key):
                checked.problems.append(f"{key}: no receipt")
    return checked


def _check_claims(entries: list[dict[str, Any]], problems: list[str]) -> None:
    prefix = {"receipt": "delivery:{id}", "held": "held:{id}", "found": "found:{key}"}
    taken: set[str] = set()
    for entry in entries:
        own = [prefix[entry["kind"]].format(**entry)] if entry["kind"] in prefix else []
        for claim in own + entry.get("claims", []):
            if claim in taken:
                problems.append(f"ledger: two entries took {claim}")
            taken.add(claim)


def _check_key(receipt: dict[str, Any], problems: list[str]) -> None:
    parts = KEY.fullmatch(receipt["key"])
    wanted = (receipt["source"], receipt["feed"], receipt["opened_at"][:10], receipt["id"])
    if parts is None or parts.groups()[1:] != wanted or parts[1] == "held" or ".." in receipt["key"]:
        problems.append(f"{receipt['key']}: not the key of {receipt['id']}")


def _check_delivery(receipt: dict[str, Any], data: bytes | None, forgotten: str | None, problems: list[str]) -> None:
    if forgotten is not None and data is None:
        return
    if forgotten == "erased":
        problems.append(f"{receipt['key']}: stands, though it was erased")
    else:
        problems += _wrong(receipt["key"], data, receipt["size_bytes"], receipt["sha256"])


def _wrong(key: str, data: bytes | None, size: int, sha256: str | None) -> list[str]:
    if data is None:
        return [f"{key}: missing"]
    if len(data) != size or (sha256 is not None and hashlib.sha256(data).hexdigest() != sha256):
        return [f"{key}: other bytes"]
    return []


# --- §5 ---------------------------------------------------------------------------------------------------------------


def _ledger(zone: Files, zone_id: str, problems: list[str]) -> Iterator[dict[str, Any]]:
    """Every entry of every log, in order."""
    before: tuple[dict[str, Any], dict[str, Any]] | None = None
    number = 1
    while True:
        log = f"{zone_id}-{number}"
        note = zone.read(f"ledger/{log}/checkpoint")  # before the head, which is never behind it
        if (data := zone.read(f"ledger/{log}/head")) is None:
            break
        try:
            head, pending = _head(data)
            entries = [json.loads(entry) for entry in _log(zone, head, pending, note, problems)]
        except (ValueError, IndexError, struct.error) as error:
            problems.append(f"{log}: {error}")
            return
        first, last = entries[0], entries[-1]
        if before is None:
            fits = head["base"] == 0 and first["kind"] == "opened" and "previous" not in first
        else:
            old, closed = before
            vkey = (zone.read(f"ledger/{log}/vkey") or b"").decode().strip()
            quoted = _checkpoint(zone, old["log"], first.get("checkpoint", "").encode())
            fits = (
                (closed["kind"], closed.get("next"), closed.get("vkey")) == ("closed", log, vkey)
                and (first["kind"], first.get("previous")) == ("opened", old["log"])
                and quoted == (old["size"], old["root"])
                and head["base"] == old["base"] + old["size"]
            )
        if not fits:
            problems.append(f"{log}: does not go on where the log before it ended")
        yield from entries
        before, number = (head, last), number + 1
    if number == 1:
        problems.append("ledger: no head")


def _head(data: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """§5.2: the last header, and the entries in [tiled, size)."""
    at, header, pending = 0, None, []
    while (payload := _frame(data, at)) is not None:
        line, _, rest = payload.partition(b"\n")
        new = json.loads(line)
        some = _split(rest, new["size"] - new["from"])
        if header is None:
            whole = new["from"] == new["tiled"]
            pending = some
        else:
            whole = (new["log"], new["from"]) == (header["log"], header["size"]) and new["epoch"] >= header["epoch"]
            whole = whole and header["tiled"] <= new["tiled"] <= header["size"]
            pending = pending[new["tiled"] - header["tiled"] :] + some
        if not whole:
            raise ValueError(f"head: the frame at byte {at} does not follow the one before it")
        header = new
        at += 8 + len(payload)
    if header is None:
        raise ValueError("head: no whole frame")
    length = int.from_bytes(data[at : at + 4])
    if 0 < length <= 64 << 20 and _frame(data, at + 8 + length) is not None:
        raise ValueError(f"head: a broken frame at byte {at} is followed by a whole one")
    return header, pending


def _frame(data: bytes, at: int) -> bytes | None:
    if len(data) < at + 8:
        return None
    length, crc = struct.unpack_from(">II", data, at)
    payload = data[at + 8 : at + 8 + length]
    return payload if length and len(payload) == length and zlib.crc32(payload) == crc else None


def _split(data: bytes, count: int) -> list[bytes]:
    entries, at = [], 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2])
        entries.append(data[at + 2 : end])
        at = end
    if at != len(data) or len(entries) != count:
        raise ValueError(f"{len(entries)} entries stand where {count} should")
    return entries


def _log(
    zone: Files, head: dict[str, Any], pending: list[bytes], note: bytes | None, problems: list[str]
) -> list[bytes]:
    """§5.3: all entries of a log, from bundles and head, each tile and root checked."""
    log = head["log"]
    published = _checkpoint(zone, log, note) if note is not None else None
    if note is not None and published is None:
        problems.append(f"{log}: the checkpoint is not signed by its key")
    if published is not None and published[0] > head["size"]:
        raise ValueError(f"a checkpoint of {published[0]} entries was published, but the head has {head['size']}")
    tiled = max(head["tiled"], published[0] if published else 0)
    entries = [
        entry for number, width in _widths(tiled) for entry in _split(_file(zone, log, "entries", number, width), width)
    ]
    if entries[head["tiled"] :] != pending[: tiled - head["tiled"]]:
        problems.append(f"{log}: bundles and head hold other entries")
    entries += pending[tiled - head["tiled"] :]
    hashes = [hashlib.sha256(b"\0" + entry).digest() for entry in entries]
    for size, root in ((head["size"], head["root"]), *([published] if published else [])):
        if base64.b64encode(_root(hashes[:size])).decode() != root:
            problems.append(f"{log}: another root at {size} entries")
    level, row = 0, hashes[:tiled]
    while row:
        for number, width in _widths(len(row)):
            if _file(zone, log, str(level), number, width) != b"".join(row[number * 256 : number * 256 + width]):
                problems.append(f"{log}: tile {number} of level {level} has other hashes")
        level, row = level + 1, [_root(row[at : at + 256]) for at in range(0, len(row) - 255, 256)]
    return entries


def _widths(count: int) -> Iterator[tuple[int, int]]:
    return ((number, min(256, count - number * 256)) for number in range(-(-count // 256)))


def _file(zone: Files, log: str, level: str, number: int, width: int) -> bytes:
    """A tile or bundle; of a partial one that is gone, the beginning of the full one."""
    groups: list[str] = []
    digits = str(number)
    while digits:
        digits, group = digits[:-3], digits[-3:].zfill(3)
        groups.insert(0, f"x{group}" if groups else group)
    path = f"ledger/{log}/tile/{level}/{'/'.join(groups)}"
    if width < 256 and (data := zone.read(f"{path}.p/{width}")) is not None:
        return data
    if (data := zone.read(path)) is None:
        raise ValueError(f"{path} is gone")
    if width == 256:
        return data
    if level != "entries":
        return data[: width * 32]
    return b"".join(len(entry).to_bytes(2) + entry for entry in _split(data, 256)[:width])


def _root(hashes: list[bytes]) -> bytes:
    """§5.1, RFC 6962 §2.1, from leaf hashes."""
    if len(hashes) <= 1:
        return hashes[0] if hashes else hashlib.sha256().digest()
    half = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + _root(hashes[:half]) + _root(hashes[half:])).digest()


def _checkpoint(zone: Files, log: str, note: bytes) -> tuple[int, str] | None:
    """§5.4, §5.5: size and root as the log's key signed them, None for anything else."""
    name, key_id, key = (zone.read(f"ledger/{log}/vkey") or b"++").decode().strip().split("+", 2)
    kind_and_key = base64.b64decode(key)
    text, _, signatures = note.decode(errors="replace").rpartition("\n\n")
    lines = text.split("\n")
    whole_id = hashlib.sha256(name.encode() + b"\n" + kind_and_key).digest()
    if (name, lines[0], len(lines), key_id, kind_and_key[:1]) != (log, log, 3, whole_id[:4].hex(), b"\1"):
        return None
    for line in signatures.split("\n"):
        if line.startswith(f"\N{EM DASH} {log} "):
            signed = base64.b64decode(line.rpartition(" ")[2])
            try:
                Ed25519PublicKey.from_public_bytes(kind_and_key[1:]).verify(signed[4:], f"{text}\n".encode())
            except InvalidSignature:
                return None
            return (int(lines[1]), lines[2]) if signed[:4] == whole_id[:4] else None
    return None
