"""Backups of the books' truth: sealed for the recovery key, kept in the zone, put back on a bare machine.

A backup is a line of JSON in the clear that says what it is, then bytes that only `recovery.key` opens: X25519 with a
key made for this one backup, HKDF (RFC 5869), ChaCha20-Poly1305 (RFC 8439). `docs/format.md` has it byte by byte.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final, Protocol

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from headwater.care.keys import KEY_BYTES, RecoveryKey, RecoveryPublic
from headwater.care.replay import Replayed, replayed
from headwater.errors import Damaged, Misconfigured
from headwater.followers.catalog import read_entry
from headwater.landing.digest import Checksum, Digester
from headwater.ledger.entries import Admin
from headwater.ports.books import IdentityBook
from headwater.ports.ledger import LedgerReader
from headwater.ports.store import ObjectCreator, ObjectReader
from headwater.terms import Key, Position, Time, time_text

FOLDER: Final = "backup/"
BACKUP_BYTES_MAX: Final = 256 * 1024 * 1024
REPLAYED_AGAIN: Final = 10_000
"""How many entries before a backup are replayed too: an act is entered a moment before it stands in the books, and to
replay one that stands changes nothing."""

_NONCE: Final = bytes(12)  # each key seals one backup only
_READ_ENTRIES: Final = 4096


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="books_backup"):
    """What a backup says of itself, in the clear: of which zone, at which position of its ledger, for which key."""

    v: int = 1
    zone: str
    position: Position
    taken_at: str
    recovery: str

    @property
    def key(self) -> Key:
        """Where it lies in the zone: in order of position, then of time."""
        time = self.taken_at.translate({ord(mark): None for mark in ":-."})
        return Key(f"{FOLDER}{self.position:020d}-{time}.books")


class Restorable(Protocol):
    """The books' end: all truth as bytes, and back."""

    def snapshot(self) -> Awaitable[bytes]:
        """The truth, as of one moment."""
        ...

    def restore(self, data: bytes) -> Awaitable[None]:
        """Puts it in the place of what is there. Raises Damaged for what is no snapshot."""
        ...


def seal_backup(data: bytes, snapshot: Snapshot, public: RecoveryPublic) -> bytes:
    """The sealed backup of `data` (at most `BACKUP_BYTES_MAX`), for the holder of the recovery key alone."""
    ephemeral = X25519PrivateKey.generate()
    line = msgspec.json.encode(snapshot, order="sorted") + b"\n"
    sender = ephemeral.public_key().public_bytes_raw()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(public.exchange))
    return line + sender + _cipher(shared, sender, public.exchange).encrypt(_NONCE, data, line)


def open_backup(sealed: bytes, key: RecoveryKey) -> tuple[Snapshot, bytes]:
    """What a backup says of itself, and the data. Raises Misconfigured for another key's, Damaged for a broken one."""
    line, newline, rest = sealed.partition(b"\n")
    try:
        snapshot = msgspec.json.decode(line, type=Snapshot)
    except msgspec.DecodeError as error:
        raise Damaged(f"This is no backup of the books: {error}.") from error
    public = key.public
    if snapshot.v != 1:
        raise Misconfigured("The backup was made by a newer version. Upgrade.")
    if snapshot.recovery != public.fingerprint:
        raise Misconfigured(f"The backup is sealed for {snapshot.recovery}, but this key is {public.fingerprint}.")
    sender, sealed_data = rest[:KEY_BYTES], rest[KEY_BYTES:]
    try:
        shared = key.exchange.exchange(X25519PublicKey.from_public_bytes(sender))
        return snapshot, _cipher(shared, sender, public.exchange).decrypt(_NONCE, sealed_data, line + newline)
    except (InvalidTag, ValueError) as error:
        raise Damaged(f"The backup of {snapshot.taken_at} was changed or cut. Use the one before it.") from error


def _cipher(shared: bytes, sender: bytes, recipient: bytes) -> ChaCha20Poly1305:
    kdf = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=sender + recipient, info=b"headwater backup 1")
    return ChaCha20Poly1305(kdf.derive(shared))


# --- taking and restoring ---------------------------------------------------------------------------------------------


async def back_up(
    books: Restorable,
    creator: ObjectCreator,
    position: Position,
    at: Time,
    *,
    zone_id: str,
    public: RecoveryPublic,
    crc64nvme: Checksum,
) -> Key:
    """Seals the books' truth into the zone; `position` is the ledger's, read before this call. Returns its key.

    Raises Unavailable, and Misconfigured over `BACKUP_BYTES_MAX`.
    """
    snapshot = Snapshot(zone=zone_id, position=position, taken_at=time_text(at), recovery=public.fingerprint)
    data = await books.snapshot()
    if len(data) > BACKUP_BYTES_MAX:
        raise Misconfigured(f"The books' truth has {len(data)} bytes; a backup takes {BACKUP_BYTES_MAX}.")
    body = [seal_backup(data, snapshot, public)]
    digester = Digester(crc64nvme)
    digester.update(body)
    await creator.create(snapshot.key, body, digester.digests())
    return snapshot.key


async def newest_backup(reader: ObjectReader) -> Key:
    """Where the newest backup lies. Raises Misconfigured if there is none."""
    newest = None
    async for stored in reader.list(FOLDER):
        newest = stored.key
    if newest is None:
        raise Misconfigured("The zone holds no backup of the books.")
    return newest


async def restore(
    reader: ObjectReader,
    ledger: LedgerReader,
    books: Restorable,
    identities: IdentityBook,
    key: RecoveryKey,
    *,
    zone_id: str,
) -> tuple[Snapshot, Replayed]:
    """Puts the newest backup into empty books, and replays what the ledger says happened since: revocations first.

    Into books that are thrown away it is the rehearsal. Raises Misconfigured for a wrong key, zone or none, Damaged
    for a broken backup; the books must then be thrown away.
    """
    place = await newest_backup(reader)
    sealed = b"".join([piece async for piece in reader.read(place)])
    snapshot, data = open_backup(sealed, key)
    if snapshot.zone != zone_id:
        raise Misconfigured(f"The backup is of the zone {snapshot.zone}, not of {zone_id}.", "wrong_zone")
    acts = await _acts(ledger, Position(max(0, snapshot.position - REPLAYED_AGAIN)))
    await books.restore(data)
    result = replayed(await identities.identities(), acts)
    for identity in result.changed:
        await identities.put(identity)
    return snapshot, result


async def _acts(ledger: LedgerReader, after: Position) -> list[Admin]:
    acts = []
    while after < ledger.position:
        async for place, data in ledger.read(after, _READ_ENTRIES):
            after = place.position
            if isinstance(entry := read_entry(place, data), Admin):
                acts.append(entry)
    return acts
