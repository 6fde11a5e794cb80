"""The header and the blocks of an Avro container file (Apache Avro 1.12, Object Container Files)."""

from __future__ import annotations

from typing import Final

import msgspec

from headwater.formats.layers.pull import Pull

MAGIC: Final = b"Obj\x01"
SYNC_BYTES: Final = 16
METADATA_BYTES_MAX: Final = 16 * 1024 * 1024
_METADATA_KEYS_MAX: Final = 10_000


class Header(msgspec.Struct, frozen=True):
    """What stands before the blocks."""

    metadata: dict[str, bytes]
    sync: bytes


class Cut(Exception):
    """The bytes end inside something."""


class Wrong(Exception):
    """The bytes are not Avro."""


def read_header(pull: Pull) -> Header:
    """Reads what stands before the blocks. Raises Cut, Wrong, Broken."""
    magic = pull.exactly(len(MAGIC))
    if magic != MAGIC:
        raise Cut if MAGIC.startswith(magic) else Wrong("it does not begin with the mark of Avro")
    metadata: dict[str, bytes] = {}
    left = METADATA_BYTES_MAX
    while count := _long(pull):
        if count < 0:
            count = -count
            _long(pull)
        if count > _METADATA_KEYS_MAX - len(metadata):
            raise Wrong("it states more entries than any writer makes")
        for _ in range(count):
            key = _bytes(pull, left)
            value = _bytes(pull, left)
            left -= len(key) + len(value)
            metadata[key.decode("utf-8", "replace")] = value
    sync = pull.exactly(SYNC_BYTES)
    if len(sync) < SYNC_BYTES:
        raise Cut
    return Header(metadata, sync)


def next_block(pull: Pull) -> tuple[int, int] | None:
    """Rows and bytes of the next block; None at the end. Raises Cut, Wrong, Broken."""
    if not pull.peek(1):
        return None
    count, size_bytes = _long(pull), _long(pull)
    if count < 0 or size_bytes < 0:
        raise Wrong("a block states a size below nothing")
    return count, size_bytes


def _long(pull: Pull) -> int:
    """A number in zigzag."""
    data = pull.peek(10)
    number = 0
    for place, byte in enumerate(data):
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:  # noqa: PLR2004  (the last)
            pull.exactly(place + 1)
            return number >> 1 ^ -(number & 1)
    if len(data) < 10:  # noqa: PLR2004  (64 bits, seven a byte)
        raise Cut
    raise Wrong("a number in it has no end")


def _bytes(pull: Pull, size_bytes_max: int) -> bytes:
    size_bytes = _long(pull)
    if not 0 <= size_bytes <= size_bytes_max:
        raise Wrong("it states a length that cannot be")
    data = pull.exactly(size_bytes)
    if len(data) < size_bytes:
        raise Cut
    return data
