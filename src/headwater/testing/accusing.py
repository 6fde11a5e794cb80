"""A zone's store that fails the test when an immutable thing changes, vanishes or is created twice.

It believes nobody: it remembers what the store said yes to, looks at every answer that touches it, and reads all of it
again in `verify`. An accusation is raised where it is found, and once more by `verify`, whoever caught it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from awscrt.checksums import crc64nvme

from headwater.ports.ledger import HeadStore, LedgerFiles
from headwater.ports.store import Intake, ObjectCreator, ObjectEraser, ObjectReader, Staging, Stored
from headwater.ports.zone import ZoneStore
from headwater.terms import Digests, Id, Key


class Accused(AssertionError):
    """Something immutable is not what it was."""


class Fact(NamedTuple):
    """What was created: by whom, how large, and with which CRC-64/NVME; None where nobody said."""

    by: str
    size_bytes: int
    crc64nvme: str | None


class Witness:
    """What the store said yes to, and what it is accused of."""

    def __init__(self) -> None:
        self.facts: dict[str, Fact] = {}
        self.accusations: list[str] = []

    def created(self, key: str, fact: Fact) -> None:
        """Notes a creation; accuses when another one, or another creator's, had this key."""
        known = self.facts.setdefault(key, fact)
        if known.by != fact.by:
            self.accuse(f"{key} was created twice: by {known.by} and by {fact.by}")
        self.seen(key, fact.size_bytes, fact.crc64nvme)

    def seen(self, key: str, size_bytes: int | None, crc: str | None = None) -> None:
        """Compares what the store now says or gives; a size of None is that nothing is there."""
        known = self.facts.get(key)
        if known is None:
            return
        if size_bytes is None:
            self.accuse(f"{key} vanished")
        if size_bytes != known.size_bytes or (crc and known.crc64nvme and crc != known.crc64nvme):
            self.accuse(f"{key} changed: it was {known}, and is {size_bytes} bytes, {crc}")

    def forgotten(self, key: str) -> None:
        """Notes that it was asked to go."""
        self.facts.pop(key, None)

    def accuse(self, of: str) -> None:
        """Raises Accused."""
        self.accusations.append(of)
        raise Accused(of)


class AccusingZoneStore:
    """`ports.zone.ZoneStore` around another one. Heads are passed on as they are: they change by nature."""

    def __init__(self, inner: ZoneStore, witness: Witness | None = None) -> None:
        self.inner = inner
        self.witness = witness or Witness()
        self.name = inner.name
        self.reader: ObjectReader = _Reader(inner.reader, self.witness)
        self.creator: ObjectCreator = _Creator(inner.creator, self.witness)
        self.intake: Intake = _Intake(inner.intake, self.witness)
        self.eraser: ObjectEraser = _Eraser(inner.eraser, self.witness)
        self.files: LedgerFiles = _Files(inner.files, self.witness)

    def heads(self, log: str) -> HeadStore:
        """The inner head."""
        return self.inner.heads(log)

    async def close(self) -> None:
        """Closes the inner store; hand `witness` to the next one, and it is held to the same facts."""
        await self.inner.close()

    async def verify(self) -> None:
        """Reads everything that was ever created, and accuses; also again of what was found before."""
        for key, fact in list(self.witness.facts.items()):
            if fact.by == "ledger":
                await self.files.read(key)
            elif await self.reader.head(Key(key)) is not None:
                async for _ in self.reader.read(Key(key)):
                    pass
        if self.witness.accusations:
            raise Accused("; ".join(self.witness.accusations))


class _Reader:
    def __init__(self, inner: ObjectReader, witness: Witness) -> None:
        self._inner = inner
        self._witness = witness

    async def head(self, key: Key) -> Stored | None:
        stored = await self._inner.head(key)
        if stored is None:
            self._witness.seen(key, None)
        else:
            self._witness.seen(key, stored.size_bytes, stored.crc64nvme)
        return stored

    async def read(
        self, key: Key, *, version: str | None = None, offset: int = 0, size_bytes: int | None = None
    ) -> AsyncIterator[bytes]:
        size, crc = 0, 0
        async for piece in self._inner.read(key, version=version, offset=offset, size_bytes=size_bytes):
            size, crc = size + len(piece), crc64nvme(piece, crc)
            yield piece
        if offset == 0 and size_bytes is None:
            self._witness.seen(key, size, f"{crc:016x}")

    async def list(self, prefix: str, *, after: str = "") -> AsyncIterator[Stored]:
        due = {key for key, fact in self._witness.facts.items() if key.startswith(prefix) and key > after}
        async for stored in self._inner.list(prefix, after=after):
            self._witness.seen(stored.key, stored.size_bytes, stored.crc64nvme)
            due.discard(stored.key)
            yield stored
        for key in due & self._witness.facts.keys():
            if self._witness.facts[key].by != "ledger":
                self._witness.seen(key, None)


class _Creator:
    def __init__(self, inner: ObjectCreator, witness: Witness) -> None:
        self._inner = inner
        self._witness = witness

    async def create(self, key: Key, body: Sequence[bytes], digests: Digests) -> Stored:
        stored = await self._inner.create(key, body, digests)
        self._witness.created(key, Fact("create", digests.size_bytes, digests.crc64nvme))
        return stored


class _Intake:
    def __init__(self, inner: Intake, witness: Witness) -> None:
        self._inner = inner
        self._witness = witness

    @property
    def create_bytes_max(self) -> int:
        return self._inner.create_bytes_max

    async def begin(self, upload: Id, key: Key, size_bytes: int | None) -> Staging:
        return _Staging(await self._inner.begin(upload, key, size_bytes), self._witness, upload, key)

    async def resume(self, upload: Id, key: Key) -> Staging:
        return _Staging(await self._inner.resume(upload, key), self._witness, upload, key)

    def read_back(self, upload: Id, key: Key) -> AsyncIterator[bytes]:
        return self._inner.read_back(upload, key)


class _Staging:
    def __init__(self, inner: Staging, witness: Witness, upload: Id, key: Key) -> None:
        self._inner = inner
        self._witness = witness
        self._upload = upload
        self._key = key

    @property
    def size_bytes(self) -> int:
        return self._inner.size_bytes

    async def write(self, pieces: Sequence[bytes]) -> None:
        await self._inner.write(pieces)

    async def park(self) -> None:
        await self._inner.park()

    async def move(self, key: Key) -> bool:
        moved = await self._inner.move(key)
        self._key = key if moved else self._key
        return moved

    async def commit(self, digests: Digests | None) -> Stored:
        stored = await self._inner.commit(digests)
        crc = stored.crc64nvme if digests is None else digests.crc64nvme
        self._witness.created(self._key, Fact(self._upload, stored.size_bytes, crc))
        return stored

    async def abandon(self, held: Key | None) -> int:
        evidence = await self._inner.abandon(held)
        if held is not None and evidence:
            self._witness.created(held, Fact(self._upload, evidence, None))
        return evidence


class _Eraser:
    def __init__(self, inner: ObjectEraser, witness: Witness) -> None:
        self._inner = inner
        self._witness = witness

    async def erase(self, key: Key) -> int:
        self._witness.forgotten(key)
        return await self._inner.erase(key)


class _Files:
    def __init__(self, inner: LedgerFiles, witness: Witness) -> None:
        self._inner = inner
        self._witness = witness

    async def read(self, path: str) -> bytes | None:
        data = await self._inner.read(path)
        self._witness.seen(
            path, None if data is None else len(data), None if data is None else f"{crc64nvme(data):016x}"
        )
        return data

    async def create(self, files: Sequence[tuple[str, bytes]]) -> None:
        await self._inner.create(files)
        for path, data in files:
            self._witness.created(path, Fact("ledger", len(data), f"{crc64nvme(data):016x}"))

    async def publish(self, path: str, data: bytes) -> None:
        await self._inner.publish(path, data)

    async def prune(self, paths: Sequence[str]) -> None:
        for path in paths:
            self._witness.forgotten(path)
        await self._inner.prune(paths)
