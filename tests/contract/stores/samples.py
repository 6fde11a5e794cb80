"""Bodies, digests and keys for the stores' suite."""

from __future__ import annotations

import hashlib
import random
from collections.abc import AsyncIterator, Iterator

from awscrt.checksums import crc64nvme

from headwater.terms import Digests, Id, Key

MIB = 1 << 20
DAY = "raw/lz_source=acme/lz_feed=sales/lz_date=2026-11-23"
HELD = "held/lz_source=acme/lz_feed=sales/lz_date=2026-11-23"


def key(n: int, folder: str = DAY) -> Key:
    """A key in `folder`."""
    return Key(f"{folder}/{upload_id(n)}-sales.csv")


def upload_id(n: int) -> Id:
    """The id of the n-th upload."""
    return Id(f"{n:032x}")


def body(size_bytes: int, seed: int = 0) -> bytes:
    """Bytes that compress to nothing, the same for the same seed."""
    return random.Random(seed).randbytes(size_bytes)


def digests(data: bytes) -> Digests:
    """What we would compute over these bytes."""
    return Digests(len(data), hashlib.sha256(data).hexdigest(), f"{crc64nvme(data):016x}")


def cut(data: bytes, size_bytes: int) -> Iterator[bytes]:
    """The bytes in pieces of this size."""
    for at in range(0, len(data), size_bytes):
        yield data[at : at + size_bytes]


async def whole(pieces: AsyncIterator[bytes]) -> bytes:
    """The pieces as one."""
    return b"".join([piece async for piece in pieces])
