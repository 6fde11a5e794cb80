"""Bytes of the S3 double: where they are kept, how a request's body becomes them, and every digest that S3 checks."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Protocol

from awscrt import checksums

from headwater.testing.s3_double_chunks import AwsChunks
from headwater.testing.s3_double_signature import Seal
from headwater.testing.s3_wire import S3Error

BLOCK_SIZE_BYTES = 1 << 20


class Digest(Protocol):
    """What hashlib's objects and the CRCs here share."""

    def update(self, data: bytes, /) -> None:
        """Take the next bytes."""

    def digest(self) -> bytes:
        """The value so far, big-endian."""


class Crc:
    """A running CRC of awscrt, in the form of hashlib."""

    def __init__(self, function: Callable[[bytes, int], int], size_bytes: int) -> None:
        self._function = function
        self._size_bytes = size_bytes
        self._value = 0

    def update(self, data: bytes, /) -> None:
        """Take the next bytes."""
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        """The value so far, big-endian."""
        return self._value.to_bytes(self._size_bytes, "big")


# The checksum algorithms of S3 that the double knows, as they stand in header names.
CHECKSUMS: dict[str, Callable[[], Digest]] = {
    "crc32": partial(Crc, checksums.crc32, 4),
    "crc32c": partial(Crc, checksums.crc32c, 4),
    "crc64nvme": partial(Crc, checksums.crc64nvme, 8),
    "sha1": partial(hashlib.sha1, usedforsecurity=False),
    "sha256": hashlib.sha256,
}
COMBINE: dict[str, Callable[[int, int, int], int]] = {
    "crc32": checksums.combine_crc32,
    "crc32c": checksums.combine_crc32c,
    "crc64nvme": checksums.combine_crc64nvme,
}


class Spill:
    """An unlinked temporary file of equal blocks, so that large bodies need no memory; blocks are used again."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._free: list[int] = []
        self._count = 0

    def write(self, block: bytes | bytearray) -> int:
        """Keep a block; the number to read it by."""
        if self._free:
            number = self._free.pop()
        else:
            number = self._count
            self._count += 1
        os.pwrite(self._file.fileno(), block, number * BLOCK_SIZE_BYTES)
        return number

    def read(self, number: int) -> bytes:
        """The block."""
        return os.pread(self._file.fileno(), BLOCK_SIZE_BYTES, number * BLOCK_SIZE_BYTES)

    def free(self, numbers: list[int]) -> None:
        """The blocks are nobody's any more."""
        self._free += numbers

    def close(self) -> None:
        """Give the disk space back."""
        self._file.close()


class Body:
    """Bytes that grow at the end: whole blocks in the spill file, the rest in memory."""

    def __init__(self, spill: Spill) -> None:
        self._spill = spill
        self._blocks: list[int] = []
        self._tail = bytearray()

    @property
    def size_bytes(self) -> int:
        """How many bytes there are."""
        return len(self._blocks) * BLOCK_SIZE_BYTES + len(self._tail)

    def append(self, data: bytes) -> None:
        """Add bytes at the end."""
        self._tail += data
        while len(self._tail) >= BLOCK_SIZE_BYTES:
            self._blocks.append(self._spill.write(self._tail[:BLOCK_SIZE_BYTES]))
            del self._tail[:BLOCK_SIZE_BYTES]

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes of [start, stop), a block or less at a time."""
        while start < stop:
            number, offset = divmod(start, BLOCK_SIZE_BYTES)
            block = self._spill.read(self._blocks[number]) if number < len(self._blocks) else bytes(self._tail)
            piece = block[offset : offset + stop - start]
            start += len(piece)
            yield piece

    def __del__(self) -> None:
        self._spill.free(self._blocks)


def declared_checksum(headers: Mapping[str, str]) -> tuple[str, str | None] | None:
    """The one checksum that a request declares: its algorithm, and its value unless a trailer will bring it.

    Raises:
        S3Error: more than one, one that is announced but not there, or of an algorithm not known here.
    """
    settings = {"x-amz-checksum-algorithm", "x-amz-checksum-type", "x-amz-checksum-mode"}
    named = {name: value for name, value in headers.items() if name.startswith("x-amz-checksum-")}
    found: dict[str, str | None] = {name: value for name, value in named.items() if name not in settings}
    if "x-amz-trailer" in headers:
        found[headers["x-amz-trailer"].strip().lower()] = None
    announced = headers.get("x-amz-sdk-checksum-algorithm")
    if len(found) > 1:
        raise S3Error("InvalidRequest", "Expecting a single x-amz-checksum- header")
    if not found:
        if announced is not None:
            raise S3Error("InvalidRequest", "x-amz-sdk-checksum-algorithm without the x-amz-checksum-* it speaks of")
        return None
    name, value = found.popitem()
    algorithm = name.removeprefix("x-amz-checksum-")
    if announced is not None and announced.lower() != algorithm:
        raise S3Error("InvalidRequest", f"x-amz-sdk-checksum-algorithm is {announced}, the checksum {algorithm}")
    if algorithm not in CHECKSUMS:
        raise S3Error("NotImplemented", f"The checksum {name} is not known here")
    return algorithm, value


def decode_digest(text: str, size_bytes: int, code: str) -> bytes:
    """A digest from the base64 of a header; an S3Error of this code when it cannot be one."""
    try:
        value = base64.b64decode(text, validate=True)
    except binascii.Error:
        value = b""
    if len(value) != size_bytes:
        raise S3Error(code, f"{text!r} is not the base64 of {size_bytes} bytes")
    return value


class Payload:
    """The body of one request as it comes in: unwrapped from aws-chunked, hashed, kept, and in the end checked."""

    def __init__(self, headers: Mapping[str, str], seal: Seal, spill: Spill, algorithms: set[str]) -> None:
        self.body = Body(spill)
        self.md5 = hashlib.md5(usedforsecurity=False)
        self.digests = {algorithm: CHECKSUMS[algorithm]() for algorithm in algorithms}
        self._headers = headers
        self._kind = headers["x-amz-content-sha256"]
        self._sha256 = hashlib.sha256()
        self._chunks = AwsChunks(headers, seal) if self._kind.startswith("STREAMING-") else None
        if self._chunks is None and "aws-chunked" in headers.get("content-encoding", ""):
            raise S3Error(
                "InvalidRequest", "Content-Encoding aws-chunked needs an x-amz-content-sha256 of STREAMING-..."
            )

    def feed(self, data: bytes) -> None:
        """Take the next bytes from the wire."""
        for piece in (data,) if self._chunks is None else self._chunks.feed(data):
            self.body.append(piece)
            self.md5.update(piece)
            for digest in self.digests.values():
                digest.update(piece)
            if self._chunks is None and self._kind != "UNSIGNED-PAYLOAD":
                self._sha256.update(piece)

    def check(self, checksum: tuple[str, str | None] | None) -> None:
        """Hold what came against every digest that the request states.

        Raises:
            S3Error: IncompleteBody, XAmzContentSHA256Mismatch, InvalidDigest, BadDigest and their like.
        """
        if self._chunks is not None:
            self._chunks.close()
        elif self._kind not in {"UNSIGNED-PAYLOAD", self._sha256.hexdigest()}:
            raise S3Error("XAmzContentSHA256Mismatch", "x-amz-content-sha256 does not match what was computed")
        stated = self._headers.get("content-md5")
        if stated is not None and decode_digest(stated, 16, "InvalidDigest") != self.md5.digest():
            raise S3Error("BadDigest", "The Content-MD5 you specified did not match what we received")
        if checksum is not None:
            algorithm, value = checksum
            if value is None:
                value = self._chunks.trailers.get(f"x-amz-checksum-{algorithm}", "") if self._chunks else ""
            computed = self.digests[algorithm].digest()
            if decode_digest(value, len(computed), "InvalidRequest") != computed:
                raise S3Error(
                    "BadDigest", f"The {algorithm.upper()} you specified did not match the calculated checksum"
                )
