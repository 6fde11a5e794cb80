from __future__ import annotations

import msgspec
import pytest
from awscrt.checksums import crc64nvme

from headwater.care.backup import Snapshot, back_up, newest_backup, open_backup, restore, seal_backup
from headwater.care.keys import RecoveryKey
from headwater.errors import Damaged, Misconfigured
from headwater.ledger.entries import Admin
from headwater.ports.books import Credential, Identity
from headwater.terms import Position, Role, Time

ZONE = "0" * 31 + "1"
KEY = RecoveryKey.generate()
SECRET = b"argon2id$of-acme"


class Books:
    """The books' truth in memory: identities, as one JSON array."""

    def __init__(self, *identities: Identity) -> None:
        self.kept = {identity.name: identity for identity in identities}
        self.written: list[str] = []

    async def snapshot(self) -> bytes:
        return msgspec.json.encode(list(self.kept.values()))

    async def restore(self, data: bytes) -> None:
        self.kept = {each.name: each for each in msgspec.json.decode(data, type=list[Identity])}

    async def identities(self) -> list[Identity]:
        return list(self.kept.values())

    async def put(self, identity: Identity) -> None:
        self.kept[identity.name] = identity
        self.written.append(identity.name)

    async def used(self, uses) -> None:
        raise NotImplementedError

    async def uses(self):
        raise NotImplementedError


def person(name: str) -> Identity:
    """A sender with a token."""
    token = Credential(kind="token", fingerprint=f"token:{name}", secret=SECRET.decode(), added_at=Time(1))
    return Identity(name=name, role=Role.SENDER, allow=("*",), credentials=(token,), added_at=Time(1))


def snapshot(position: int = 7, taken_at: str = "2026-11-23T09:30:00.000001Z") -> Snapshot:
    """What a backup for KEY says of itself."""
    return Snapshot(zone=ZONE, position=Position(position), taken_at=taken_at, recovery=KEY.public.fingerprint)


def test_a_backup_opens_with_the_key_alone():
    """The key's holder gets the very bytes; the file holds none of them in the clear."""
    sealed = seal_backup(SECRET, snapshot(), KEY.public)
    assert open_backup(sealed, KEY) == (snapshot(), SECRET)
    assert SECRET not in sealed


def test_two_backups_of_the_same_are_not_alike():
    """Each is sealed under a key of its own."""
    assert seal_backup(SECRET, snapshot(), KEY.public) != seal_backup(SECRET, snapshot(), KEY.public)


def test_another_key_is_told_which_one_it_takes():
    """The refusal names both fingerprints."""
    other = RecoveryKey.generate()
    with pytest.raises(Misconfigured) as refused:
        open_backup(seal_backup(SECRET, snapshot(), KEY.public), other)
    assert KEY.public.fingerprint in str(refused.value)
    assert other.public.fingerprint in str(refused.value)


def test_no_byte_of_a_backup_can_be_changed():
    """A change anywhere, also in the line in the clear, is noticed."""
    sealed = seal_backup(b"truth", snapshot(), KEY.public)
    for at in range(len(sealed)):
        harmed = bytearray(sealed)
        harmed[at] ^= 1
        with pytest.raises((Damaged, Misconfigured)):
            open_backup(bytes(harmed), KEY)


def test_a_cut_backup_is_damaged():
    """A backup that ends early is refused, wherever it ends."""
    sealed = seal_backup(b"truth", snapshot(), KEY.public)
    for end in range(len(sealed)):
        with pytest.raises((Damaged, Misconfigured)):
            open_backup(sealed[:end], KEY)


def test_backups_lie_in_the_order_of_the_ledger():
    """The key sorts by position, then by time."""
    early, late = "2026-11-23T09:30:00.000001Z", "2026-11-24T09:30:00.000001Z"
    keys = [snapshot(9, late).key, snapshot(10, early).key, snapshot(10, late).key, snapshot(200, early).key]
    assert keys == sorted(keys)
    assert keys[0] == "backup/00000000000000000009-20261124T093000000001Z.books"


async def test_the_newest_backup_comes_back_and_what_happened_since(zone):
    """A bare machine gets the newest snapshot's truth, and a revocation that the snapshot did not know."""
    books = Books(person("acme"), person("beta"))
    await back(zone, Books(person("old")))
    await back(zone, books)
    await zone.enter(Admin(v=1, by="admin", act="senders.revoke", subject="beta", detail={"credential": "all"}))
    fresh = Books()
    found, replayed = await restore(zone.store.reader, zone.reader, fresh, fresh, KEY, zone_id=ZONE)
    assert found.taken_at.startswith("2026")
    assert fresh.kept["acme"] == person("acme")
    assert fresh.kept["beta"].revoked_at is not None
    assert replayed.revoked == (("beta", "all"),)
    assert "old" not in fresh.kept


async def test_revocations_are_written_first(zone):
    """Whatever stops a restore half-way, nobody who was revoked is let in by it."""
    await back(zone, Books(person("acme"), person("beta")))
    await zone.enter(
        Admin(v=1, by="admin", act="senders.root", subject="acme", detail={"from": None, "to": "/a/b"}),
        Admin(v=1, by="admin", act="senders.revoke", subject="beta", detail={"credential": "all"}),
    )
    fresh = Books()
    await restore(zone.store.reader, zone.reader, fresh, fresh, KEY, zone_id=ZONE)
    assert fresh.written == ["beta", "acme"]


async def test_an_act_entered_just_before_the_backup_counts(zone):
    """An act stands in the ledger a moment before it stands in the books: a backup between the two loses nothing."""
    await zone.enter(Admin(v=1, by="admin", act="senders.revoke", subject="acme", detail={"credential": "all"}))
    await back(zone, Books(person("acme")))
    fresh = Books()
    await restore(zone.store.reader, zone.reader, fresh, fresh, KEY, zone_id=ZONE)
    assert fresh.kept["acme"].revoked_at is not None


async def test_a_zone_without_backups_says_so(zone):
    """There is nothing to restore, and that is the sentence."""
    with pytest.raises(Misconfigured, match="no backup"):
        await newest_backup(zone.store.reader)


async def test_a_backup_of_another_zone_is_refused(zone):
    """A backup that was copied here from elsewhere is not put back."""
    await back(zone, Books(person("acme")))
    with pytest.raises(Misconfigured) as refused:
        await restore(zone.store.reader, zone.reader, Books(), Books(), KEY, zone_id="f" * 32)
    assert refused.value.reason == "wrong_zone"


async def back(zone, books: Books) -> None:
    """Takes a backup, a second later than the last."""
    zone.clock.advance(1)
    await back_up(
        books,
        zone.store.creator,
        zone.reader.position,
        zone.clock.now(),
        zone_id=ZONE,
        public=KEY.public,
        crc64nvme=crc64nvme,
    )
