"""Checking an auditor's bundle, or a bare `.tlog-proof`, offline: with nothing but it, the file, and a key to trust."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from headwater.care.proving import opened_checkpoint
from headwater.ledger.entries import decode
from headwater.ledger.merkle import leaf_hash
from headwater.ledger.note import Verifier
from headwater.ledger.proof import decode_tlog_proof, verify_inclusion
from headwater.terms import Receipt, name_of, shown

README, RECEIPT, KEYS = "README.txt", "receipt.json", "keys.txt"
LATER, LINKS, CHECKPOINTS, BYTES = "later/", "links/", "checkpoints/", "bytes/"
PROOF = ".tlog-proof"

LIMITS: Final = (
    "It does not prove that the file is true, only that it is the one that was received.",
    "Times are those of Headwater's own clock; the sender's name is the one its credential was given to.",
    "It does not show what was entered about this delivery after the checkpoint in it.",
    "That others were shown the same ledger is known only as far as somebody outside kept a checkpoint.",
)
"""What no bundle proves, to be said with each."""

_MEMBER_BYTES_MAX: Final = 512 * 1024
_MEMBERS_MAX: Final = 20_000
_READ_BYTES: Final = 1024 * 1024
_NAME: Final = re.compile(
    r"README\.txt|keys\.txt|receipt\.(json|tlog-proof)|(later|links)/[0-9]{4,5}-[a-z_]+\.(json|tlog-proof)"
    r"|checkpoints/[0-9]{1,19}\.tlog-proof|bytes/[0-9a-z._-]{1,255}"
)


class Result(StrEnum):
    """What came of a check."""

    OK = "ok"
    FAILED = "failed"
    UNCHECKED = "unchecked"


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at, and what was seen, in a sentence."""

    name: str
    result: Result
    sentence: str


class _Unreadable(Exception):
    """The bundle is not one."""


class _Item(msgspec.Struct, frozen=True):
    """An entry, of whatever kind, that is in a log: as the checkpoint `text`, signed by `key`, says."""

    label: str
    fields: dict[str, Any]
    key: Verifier
    text: str


def holds(checks: Iterable[Check]) -> bool:
    """Whether no check failed."""
    return all(check.result is not Result.FAILED for check in checks)


def check_bundle(bundle: Path | bytes, file: Path | None, trust: str | None) -> list[Check]:
    """Checks a bundle (or a bare `.tlog-proof` whose `extra` is the entry) offline, in this order: the bundle can be
    read, the receipt is in the log, the log's key is the trusted one, the file is the one of the receipt, the later
    entries, the checkpoints kept outside. `trust` is a vkey; without one the check `key` fails and says the key's
    fingerprint. Raises NoteError if `trust` is no key, OSError if `bundle` or `file` cannot be read.
    """
    trusted = None if trust is None else Verifier.parse(trust.strip())
    with io.BytesIO(bundle) if isinstance(bundle, bytes) else bundle.open("rb") as source:
        try:
            if not zipfile.is_zipfile(source):
                return _checks(_bare_proof(source, trusted), None, file, trusted)
            with zipfile.ZipFile(source) as archive:
                members = _members(archive)
                content = next((info for info in archive.infolist() if info.filename.startswith(BYTES)), None)
                if content is None or file is not None:
                    return _checks(members, None, file, trusted)
                with archive.open(content) as inside:
                    return _checks(members, inside, None, trusted)
        except (_Unreadable, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            return [Check("bundle", Result.FAILED, f"The bundle cannot be read: {error}.")]


# --- reading ----------------------------------------------------------------------------------------------------------


def _members(archive: zipfile.ZipFile) -> dict[str, bytes]:
    """The small members. Nothing is unpacked to disk, and no more is read than a true bundle could hold."""
    infos = archive.infolist()
    names = {info.filename for info in infos}
    if len(names) != len(infos) or len(infos) > _MEMBERS_MAX:
        raise _Unreadable("it has too many members, or two of one name")
    if strange := next((name for name in names if not _NAME.fullmatch(name)), None):
        raise _Unreadable(f"it holds '{shown(strange[:80])}', which is no part of a bundle")
    members = {}
    for info in infos:
        if not info.filename.startswith(BYTES):
            with archive.open(info) as member:
                data = member.read(_MEMBER_BYTES_MAX + 1)
            if len(data) > _MEMBER_BYTES_MAX:
                raise _Unreadable(f"{info.filename} is too large")
            members[info.filename] = data
    return members


def _bare_proof(source: IO[bytes], trusted: Verifier | None) -> dict[str, bytes]:
    source.seek(0)
    data = source.read(_MEMBER_BYTES_MAX)
    try:
        entry = decode_tlog_proof(data.decode()).extra
    except ValueError:
        raise _Unreadable("it is neither a zip nor a .tlog-proof") from None
    if entry is None:
        raise _Unreadable("this .tlog-proof does not hold the entry that it proves")
    keys = f"{trusted.vkey}\n".encode() if trusted else b""
    return {RECEIPT: entry, RECEIPT.replace(".json", PROOF): data, KEYS: keys}


# --- checking ---------------------------------------------------------------------------------------------------------


def _checks(
    members: dict[str, bytes], content: IO[bytes] | None, file: Path | None, trusted: Verifier | None
) -> list[Check]:
    try:
        keys = [Verifier.parse(line) for line in members[KEYS].decode().split("\n") if line]
        receipt = decode(members[RECEIPT])
    except (KeyError, ValueError) as error:
        raise _Unreadable(f"a part of it is missing or malformed ({error})") from error
    if not isinstance(receipt, Receipt):
        raise _Unreadable("its entry is not a receipt")
    if not keys:
        return [Check("key", Result.FAILED, "The proof brings no key. Give the ledger's key that you were given.")]
    stem = RECEIPT.removesuffix(".json")
    try:
        item = _item(members, stem, members[RECEIPT], keys)
    except ValueError as error:
        return [Check("receipt", Result.FAILED, f"The receipt is not shown to be in the ledger: {error}.")]
    name = f"{shown(name_of(receipt))}, {receipt.feed_name}, landed {receipt.landed_at}"
    checks = [Check("receipt", Result.OK, f"The receipt of {name}, is in the ledger {item.key.name}.")]
    later, bad_later = _proved(members, LATER, keys)
    links, bad_links = _proved(members, LINKS, keys)
    if trusted is None:
        sentence = f"The ledger's key is {item.key.fingerprint}. Nothing says yet that it is the right one: compare."
        checks.append(Check("key", Result.FAILED, sentence))
    else:
        checks.append(_check_key([item, *later], links, trusted))
    checks.append(_check_file(receipt, content, file))
    checks += [_check_later(receipt, each) for each in later] + bad_later + bad_links
    return checks + _check_kept(members, keys)


def _item(members: dict[str, bytes], stem: str, entry: bytes, keys: list[Verifier]) -> _Item:
    """An entry whose proof holds under one of the keys. Raises ValueError."""
    try:
        proof = decode_tlog_proof(members[f"{stem}{PROOF}"].decode())
    except KeyError:
        raise ValueError("its proof is missing") from None
    if proof.extra not in {None, entry}:
        raise ValueError("its proof is of another entry")
    origin = proof.checkpoint.partition("\n")[0]
    key = next((key for key in keys if key.name == origin), None)
    if key is None:
        raise ValueError(f"there is no key of the log {shown(origin)}")
    checkpoint = opened_checkpoint(proof.checkpoint, key)
    verify_inclusion(leaf_hash(entry), proof.index, checkpoint.size, proof.proof, checkpoint.root)
    return _Item(stem, msgspec.json.decode(entry, type=dict[str, Any]), key, checkpoint.text())


def _proved(members: dict[str, bytes], folder: str, keys: list[Verifier]) -> tuple[list[_Item], list[Check]]:
    items, failed = [], []
    for name in sorted(members):
        if name.startswith(folder) and name.endswith(".json"):
            stem = name.removesuffix(".json")
            try:
                items.append(_item(members, stem, members[name], keys))
            except ValueError as error:
                failed.append(Check(stem, Result.FAILED, f"{name} is not shown to be in the ledger: {error}."))
    return items, failed


def _check_key(items: list[_Item], links: list[_Item], trusted: Verifier) -> Check:
    """Trust goes from log to log: a `closed` entry names the next log's key, an `opened` one the last checkpoint."""
    keys, texts = {trusted}, set()

    def is_trusted(item: _Item) -> bool:
        return item.key in keys or item.text in texts

    for _ in links:
        for link in filter(is_trusted, links):
            match link.fields:
                case {"kind": "closed", "vkey": str(vkey)}:
                    keys.add(Verifier.parse(vkey))
                case {"kind": "opened", "checkpoint": str(note)}:
                    texts.add(note.rpartition("\n\n")[0] + "\n")
    strange = next((item for item in items if not is_trusted(item)), None)
    if strange is not None:
        sentence = f"The ledger's key is {strange.key.fingerprint}, not the one you trust: {trusted.fingerprint}."
        return Check("key", Result.FAILED, sentence)
    return Check("key", Result.OK, f"The ledger's key is the one you trust: {trusted.fingerprint}.")


def _check_file(receipt: Receipt, content: IO[bytes] | None, file: Path | None) -> Check:
    if file is not None:
        with file.open("rb") as given:
            return _check_bytes(receipt, given)
    if content is not None:
        return _check_bytes(receipt, content)
    return Check("file", Result.UNCHECKED, "No file was given: this says nothing about bytes that you hold.")


def _check_bytes(receipt: Receipt, source: IO[bytes]) -> Check:
    digest = hashlib.sha256()
    size_bytes = 0
    while size_bytes <= receipt.size_bytes and (piece := source.read(_READ_BYTES)):
        digest.update(piece)
        size_bytes += len(piece)
    if size_bytes != receipt.size_bytes:
        how = "more" if size_bytes > receipt.size_bytes else "fewer"
        return Check("file", Result.FAILED, f"The file has {how} bytes than the receipt's {receipt.size_bytes}.")
    if digest.hexdigest() != receipt.sha256:
        return Check("file", Result.FAILED, f"The file has the SHA-256 {digest.hexdigest()}, not {receipt.sha256}.")
    return Check("file", Result.OK, f"The file has the receipt's {size_bytes} bytes and SHA-256 {receipt.sha256}.")


def _check_later(receipt: Receipt, item: _Item) -> Check:
    if receipt.id not in {item.fields.get("id"), item.fields.get("subject")}:
        return Check(item.label, Result.FAILED, f"The later entry {item.label} is about another delivery.")
    at, kind = (shown(str(item.fields.get(field, ""))) for field in ("at", "kind"))
    why = item.fields.get("reason") or item.fields.get("basis")
    said = f" ({shown(str(why))})" if why else ""
    return Check(item.label, Result.OK, f"Entered later, at {at}: {kind}{said}.")


def _check_kept(members: dict[str, bytes], keys: list[Verifier]) -> list[Check]:
    checks = []
    for name in sorted(members):
        if name.startswith(CHECKPOINTS):
            size = name.removeprefix(CHECKPOINTS).removesuffix(PROOF)
            try:
                _item(members, name.removesuffix(PROOF), members[RECEIPT], keys)
                sentence = f"The checkpoint of {size} entries that was kept outside covers the receipt too."
                checks.append(Check(name.removesuffix(PROOF), Result.OK, sentence))
            except ValueError as error:
                sentence = f"The checkpoint of {size} entries that was kept outside does not fit: {error}."
                checks.append(Check(name.removesuffix(PROOF), Result.FAILED, sentence))
    return checks
