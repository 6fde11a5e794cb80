"""Bytes at rest: what landing, ledger and care need from the landing zone, split by need.

Laws that every store keeps: nothing here overwrites an object; a call returns only when what it says is durable; and an
unclear answer (time-out, 5xx, 409 or 412 on our own write) is looked into before anything is raised.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from headwater.terms import Digests, Id, Key, Time


class KeyTaken(Exception):
    """There is another object under this key already."""


class Stored(msgspec.Struct, frozen=True):
    """An object as the store has it. `version` is None where the store keeps none; `crc64nvme` where it knows none."""

    key: Key
    size_bytes: int
    version: str | None = None
    crc64nvme: str | None = None
    modified_at: Time | None = None


class ObjectReader(Protocol):
    """Reading the zone."""

    async def head(self, key: Key) -> Stored | None:
        """The object's facts; None MUST mean that it is certainly not there. Raises Unavailable if it cannot tell."""
        ...

    def read(
        self, key: Key, *, version: str | None = None, offset: int = 0, size_bytes: int | None = None
    ) -> AsyncIterator[bytes]:
        """The bytes from `offset`, at most `size_bytes` of them, in pieces of ≤ 1 MiB, in fixed memory.

        MUST raise Refused("not_found") if the object is not there, and Unavailable (never a short end) when the store
        fails in the middle.
        """
        ...

    def list(self, prefix: str, *, after: str = "") -> AsyncIterator[Stored]:
        """The objects whose key begins with `prefix` and sorts after `after`, in key order (code points), without
        unfinished ones. MUST see every object whose creation returned before the call.
        """
        ...


class ObjectCreator(Protocol):
    """Creating small objects: evidence, zone.json, whole small deliveries."""

    async def create(self, key: Key, body: Sequence[bytes], digests: Digests) -> Stored:
        """Creates the object, durably, only if nothing has this key, and only if the store's checksum agrees.

        MUST raise KeyTaken if another object is there, but MUST succeed when the object there is our own (same size
        and checksum: an answer that was lost). Raises Unavailable("full") when the store has no room,
        Unavailable("store_unavailable") when it fails or cannot tell; the same call may then be made again.
        """
        ...


class Staging(Protocol):
    """The bytes of one upload on their way into the store, under one holder. Calls MUST NOT overlap."""

    @property
    def size_bytes(self) -> int:
        """How many bytes were taken so far, all of them in order from 0."""
        ...

    async def write(self, pieces: Sequence[bytes]) -> None:
        """Takes the next bytes; waits when the store is slower than the sender. Durable only after `park` or `commit`.

        Raises Unavailable; the upload can then be parked, resumed or abandoned, and no byte taken before is lost.
        """
        ...

    async def park(self) -> None:
        """Makes every byte taken durable, so that `Intake.resume` goes on at `size_bytes`, in another process too."""
        ...

    async def move(self, key: Key) -> bool:
        """Has `commit` make the object under another key; False where the bytes are bound to theirs already."""
        ...

    async def commit(self, digests: Digests | None) -> Stored:
        """Makes the object, whole, under its key: create-only, durable, and only if size and checksum agree with ours.

        With None (the hash state was lost and `read_back` gave nothing) the checksums of the parts MUST do, and the
        caller reads the object before it enters anything. As `ObjectCreator.create` in all else. MUST be repeatable
        after Unavailable, also from a resumed staging.
        """
        ...

    async def abandon(self, held: Key | None) -> int:
        """Gives the upload up: nothing of it will ever be under its key. With `held`, keeps evidence under that key:
        the whole if that costs no second transfer, else the first 64 KiB. Returns how many bytes of evidence stand.

        MUST NOT complete what must not land. Repeatable.
        """
        ...


class Intake(Protocol):
    """How large uploads become objects."""

    @property
    def create_bytes_max(self) -> int:
        """Bodies up to this size go through `ObjectCreator.create`; larger ones through `begin`."""
        ...

    async def begin(self, upload: Id, key: Key, size_bytes: int | None) -> Staging:
        """A new staging for `key`; `size_bytes` is what was declared, if anything. Nothing is visible in `raw/`."""
        ...

    async def resume(self, upload: Id, key: Key) -> Staging:
        """The staging that an earlier holder left; `size_bytes` is where to go on (0 if nothing is left of it).

        MUST offer every byte that `park` had made durable, and none that a later crash may take away. The caller
        re-reads them by `read_back` for its digests.
        """
        ...

    def read_back(self, upload: Id, key: Key) -> AsyncIterator[bytes]:
        """The durable bytes of a staging, in order, or nothing at all if this store can give them only after commit."""
        ...


class ObjectEraser(Protocol):
    """The one way to forget, under credentials of its own (`headwater erase`, retention of `held/`)."""

    async def erase(self, key: Key) -> int:
        """Deletes every version under this key; returns how many there were. Repeatable."""
        ...


class PartBuffer(Protocol):
    """Room for one part of an upload, in memory or in the spool. Released exactly once."""

    def extend(self, pieces: Sequence[bytes]) -> None:
        """Appends bytes; blocking, call it in a thread when the room is in the spool."""
        ...

    def body(self) -> bytes | memoryview:
        """All bytes; a mapped view when they lie in the spool."""
        ...

    def release(self) -> None:
        """Gives the room back."""
        ...


class PartBuffers(Protocol):
    """The one budget of memory and spool that all uploads share."""

    async def take(self, size_bytes: int, *, slow: bool = False) -> PartBuffer:
        """Room for a part of `size_bytes`: memory, or the spool for slow senders and when memory is short.

        Waits while the spool is full, at most 30 s, then raises Unavailable("busy").
        """
        ...
