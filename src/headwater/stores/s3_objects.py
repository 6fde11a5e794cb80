"""Whole objects in a bucket: looked at, read, and created only where nothing is."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from awscrt.checksums import crc64nvme
from botocore.exceptions import IncompleteReadError

from headwater.errors import Damaged, Refused
from headwater.layout import parse_key
from headwater.ports.store import KeyTaken, Stored
from headwater.stores.s3_calls import S3Calls, pause
from headwater.stores.s3_errors import FAILURES, is_absent, is_passing, is_refusal, status, unavailable
from headwater.terms import Key, Time

if TYPE_CHECKING:
    from botocore.response import StreamingBody

PIECE_BYTES = 1 << 20
_JOINED_BYTES_MAX = 1 << 20


def checksum(pieces: Sequence[bytes | memoryview]) -> str:
    """The CRC-64/NVME of these bytes, as 16 lower-case hex digits."""
    crc = 0
    for piece in pieces:
        crc = crc64nvme(piece, crc)
    return f"{crc:016x}"


def header(crc: str) -> str:
    """A checksum as S3 writes it: base64 of its bytes, the highest first."""
    return base64.b64encode(bytes.fromhex(crc)).decode()


def from_header(text: str | None) -> str | None:
    """The checksum that S3 writes so; None for none, and for one of checksums (`…-3`)."""
    return base64.b64decode(text).hex() if text and "-" not in text else None


class Body:
    """Pieces as the file that a client sends, without a copy of them; only small ones are joined, into one packet."""

    def __init__(self, pieces: Sequence[bytes | memoryview]) -> None:
        self.size_bytes = sum(map(len, pieces))
        joined = pieces if self.size_bytes > _JOINED_BYTES_MAX else [b"".join(pieces)]
        self._pieces = [memoryview(piece) for piece in joined if len(piece)]
        self._index = self._offset = self._position = 0

    def read(self, size_bytes: int) -> memoryview:
        """The next bytes: at most so many, at least one but at the end."""
        if self._index == len(self._pieces):
            return memoryview(b"")
        piece = self._pieces[self._index]
        part = piece[self._offset : self._offset + size_bytes]
        self._offset += len(part)
        self._position += len(part)
        if self._offset == len(piece):
            self._index, self._offset = self._index + 1, 0
        return part

    def seek(self, position: int, whence: int = 0) -> int:
        """Back to the beginning; nobody who sends a body goes elsewhere."""
        if (position, whence) != (0, 0):
            raise ValueError(f"a body is sent from its beginning, not from {position}")
        self._index = self._offset = self._position = 0
        return 0

    def tell(self) -> int:
        """How many bytes were read."""
        return self._position


def sent(pieces: Sequence[bytes | memoryview], crc: str) -> dict[str, Any]:
    """The parameters of a body with the checksum that the store is to hold it against."""
    body = Body(pieces)
    return {"Body": body, "ContentLength": body.size_bytes, "ChecksumCRC64NVME": header(crc)}


def metadata(key: str) -> dict[str, str]:
    """What an object of a sender says of itself: the attempt it came by. Nothing for the zone's own files."""
    with suppress(ValueError):
        return {"hw-v": "1", "hw-attempt": parse_key(key).id}
    return {}


# --- looking ----------------------------------------------------------------------------------------------------------


async def look(calls: S3Calls, key: Key) -> Stored | None:
    """The object's facts, None if it is certainly not there. Raises Unavailable.

    A store that answers 403 for absent keys (no `s3:ListBucket`) cannot say that one is not there.
    """
    try:
        answer = await calls.ask(calls.client.head_object, Key=calls.name(key), ChecksumMode="ENABLED")
    except FAILURES as failure:
        if is_absent(failure):
            return None
        raise unavailable(failure) from failure
    crc, modified_at = from_header(answer.get("ChecksumCRC64NVME")), time_of(answer["LastModified"])
    return Stored(key, answer["ContentLength"], version_of(answer), crc, modified_at)


def time_of(at: datetime) -> Time:
    """A time of S3's, which has whole seconds."""
    return Time(int(at.timestamp()) * 1_000_000)


def version_of(answer: Any) -> str | None:
    """The version that an answer names; None where the bucket keeps none."""
    version = answer.get("VersionId")
    return None if version == "null" else version


async def is_ours(calls: S3Calls, stored: Stored, size_bytes: int, crc: str) -> bool:
    """Whether an object has this size and checksum; it is read where the store does not know its checksum."""
    if stored.size_bytes != size_bytes:
        return False
    if stored.crc64nvme is not None:
        return stored.crc64nvme == crc
    found = 0
    async for piece in read(calls, stored.key, version=stored.version):
        found = crc64nvme(piece, found)
    return f"{found:016x}" == crc


async def fetch(calls: S3Calls, key: Key) -> tuple[bytes, str] | None:
    """A small object and its ETag, None if it is certainly not there. Raises Unavailable."""

    def get(**parameters: Any) -> tuple[bytes, str]:
        answer = calls.client.get_object(**parameters)
        return answer["Body"].read(), answer["ETag"]

    try:
        return await calls.ask(get, Key=calls.name(key))
    except FAILURES as failure:
        if is_absent(failure):
            return None
        raise unavailable(failure) from failure


async def listing(calls: S3Calls, prefix: str, after: str = "") -> AsyncIterator[Stored]:
    """The objects under a prefix, also those of uploads under way, as `ObjectReader.list` gives them."""
    calls.name(f"{prefix}x")
    wanted: dict[str, Any] = {"Prefix": calls.root + prefix} | ({"StartAfter": calls.root + after} if after else {})
    while True:
        try:
            page = await calls.ask(calls.client.list_objects_v2, **wanted)
        except FAILURES as failure:
            raise unavailable(failure) from failure
        for each in page.get("Contents", []):
            yield Stored(
                Key(each["Key"].removeprefix(calls.root)), each["Size"], modified_at=time_of(each["LastModified"])
            )
        if not page.get("IsTruncated"):
            return
        wanted["ContinuationToken"] = page["NextContinuationToken"]


# --- reading ----------------------------------------------------------------------------------------------------------


async def read(
    calls: S3Calls, key: Key, *, version: str | None = None, offset: int = 0, size_bytes: int | None = None
) -> AsyncGenerator[bytes, None]:
    """As `ObjectReader.read`. What breaks in the middle goes on where it broke, in the same version or not at all."""
    reading = _Reading(calls, key, version, offset, size_bytes)
    try:
        while piece := await calls.ask(reading.next):
            yield piece
    except FAILURES as failure:
        if is_absent(failure):
            raise Refused("not_found", f"There is no object {key}.") from failure
        raise unavailable(failure) from failure
    finally:
        reading.close()


class _Reading:
    """An object being read; opened by its first piece, so that a small object takes one hop."""

    def __init__(self, calls: S3Calls, key: Key, version: str | None, offset: int, size_bytes: int | None) -> None:
        self._client = calls.client
        self._wanted: dict[str, Any] = {"Key": calls.name(key)} | ({"VersionId": version} if version else {})
        self._offset = offset
        self._stop = None if size_bytes is None else offset + size_bytes
        self._end = 0  # where the answer that is being read ends
        self._body: StreamingBody | None = None

    def next(self, **bucket: Any) -> bytes:
        """The next piece; empty at the end. Blocking; after a failure in passing it may be called again."""
        try:
            if self._body is None:
                self._open(bucket)
            if self._body is None or self._offset == self._end:
                return b""
            piece = self._body.read(min(PIECE_BYTES, self._end - self._offset))
            if not piece:
                raise IncompleteReadError(actual_bytes=self._offset, expected_bytes=self._end)
        except FAILURES as failure:
            self.close()
            if status(failure) == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:  # all of it lies before the offset
                return b""
            raise
        self._offset += len(piece)
        return piece

    def close(self) -> None:
        """Gives the connection up, where not all of its answer was taken."""
        if self._body is not None:
            self._body.close()
            self._body = None

    def _open(self, bucket: dict[str, Any]) -> None:
        if self._offset == self._stop:  # nothing is wanted of it but that it is there
            self._client.head_object(**bucket, **self._wanted)
            return
        span: dict[str, Any] = {}
        if self._offset or self._stop is not None:
            span = {"Range": f"bytes={self._offset}-{'' if self._stop is None else self._stop - 1}"}
        answer = self._client.get_object(**bucket, **self._wanted, **span)
        self._wanted["IfMatch"] = answer["ETag"]
        self._end = self._offset + answer["ContentLength"]
        self._body = answer["Body"]


# --- creating ---------------------------------------------------------------------------------------------------------


async def create(calls: S3Calls, key: Key, pieces: Sequence[bytes | memoryview], crc: str) -> Stored:
    """Creates an object if nothing has its key (`If-None-Match: *`) and the store's checksum agrees with `crc`.

    Every answer but a plain yes or no is looked into: ours is there, another one is, or nothing is and it is sent
    again. Raises KeyTaken, Unavailable; Damaged when the bytes do not have this checksum.
    """
    size_bytes = sum(map(len, pieces))
    name = calls.name(key)
    pauses = iter(calls.pauses_seconds)
    while True:
        try:
            answer = await calls.once(
                calls.client.put_object,
                Key=name,
                IfNoneMatch="*",
                Metadata=metadata(key),
                **sent(pieces, crc),
                **calls.encryption,
            )
            return Stored(key, size_bytes, version_of(answer), crc)
        except FAILURES as failure:
            if status(failure) == HTTPStatus.BAD_REQUEST and checksum(pieces) != crc:
                raise Damaged(f"The bytes for {key} are not those that were received.") from failure
            if is_refusal(failure) and not is_passing(failure):
                raise unavailable(failure) from failure
            stored = await look(calls, key)
            if stored is not None:
                return await expect_ours(calls, stored, size_bytes, crc)
            pause_seconds = next(pauses, None)
            if pause_seconds is None:
                raise unavailable(failure) from failure
        await pause(pause_seconds)


async def expect_ours(calls: S3Calls, stored: Stored, size_bytes: int, crc: str) -> Stored:
    """What was found under the key that we write to: our own, an answer was lost; else KeyTaken is raised."""
    if not await is_ours(calls, stored, size_bytes, crc):
        raise KeyTaken(stored.key)
    return stored


async def remove(calls: S3Calls, key: Key) -> None:
    """Removes what is nobody's truth: parts of what is under way, partial tiles. Raises Unavailable; repeatable."""
    try:
        await calls.ask(calls.client.delete_object, Key=calls.name(key))
    except FAILURES as failure:
        if not is_absent(failure):
            raise unavailable(failure) from failure
