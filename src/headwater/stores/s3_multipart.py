"""A multipart upload: begun when its first part is full, made an object once, create-only, if every number agrees."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import ReadTimeoutError

from headwater.errors import Damaged, Unavailable
from headwater.ports.books import Part, PartBook
from headwater.ports.store import Stored
from headwater.stores.s3_calls import S3Calls, pause
from headwater.stores.s3_errors import FAILURES, code, is_refusal, status, unavailable
from headwater.stores.s3_incoming import FIRST_BYTES, Incoming
from headwater.stores.s3_objects import checksum, expect_ours, from_header, header, look, metadata, sent, version_of
from headwater.stores.s3_parts import combined, contiguous, end_of
from headwater.stores.s3_rooms import PartInHand
from headwater.terms import Digests, Id, Key

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ListPartsOutputTypeDef

UNDER_WAY_SECONDS_MAX = 300.0
"""How long a store may take to make an object of thousands of parts, once it has stopped answering."""

LOOK_SECONDS = 2.0

_GONE = "NoSuchUpload"


class Multipart:
    """The multipart upload of one upload of ours, as far as it was begun. `chain` are the parts to make it of."""

    def __init__(self, calls: S3Calls, book: PartBook, upload: Id, key: Key, incoming: Incoming) -> None:
        self._calls = calls
        self._book = book
        self._upload = upload
        self.key = key
        self._incoming = incoming
        self._one_by_one = asyncio.Lock()
        self._store_upload: str | None = None
        self._was_asked = False  # to become an object, by whomever
        self.chain: list[Part] = []
        self.last_number = 0

    @property
    def is_begun(self) -> bool:
        """Whether the store knows of it."""
        return self._store_upload is not None

    @property
    def size_bytes(self) -> int:
        """How many bytes the parts hold, without a gap from 0 on."""
        return end_of(self.chain)

    async def resume(self) -> None:
        """Takes up what an earlier holder left: of the parts in the books those that the store has, and no others.

        A part whose number was taken and whose answer was lost counts when the store has it, for its number was given
        to those bytes alone. An upload that the store has forgotten begins anew.
        """
        store_upload, rows = await self._book.parts(self._upload)
        held = None if store_upload is None else await self._held(store_upload)
        if held is not None:
            self._store_upload = store_upload
            self._was_asked = True
            self.last_number = max((row.number for row in rows), default=0)
            self.chain = contiguous(_confirmed(row, held.get(row.number)) for row in rows)

    async def _held(self, store_upload: str) -> dict[int, Part] | None:
        """What the store has of it, by number; the offsets are not its to know. None if it knows no such upload."""
        held: dict[int, Part] = {}
        marker: dict[str, Any] = {}
        while True:
            try:
                page: ListPartsOutputTypeDef = await self._calls.ask(
                    self._calls.client.list_parts, Key=self._calls.name(self.key), UploadId=store_upload, **marker
                )
            except FAILURES as failure:
                if code(failure) == _GONE:
                    return None
                raise unavailable(failure) from failure
            for part in page.get("Parts", []):
                number, crc = part["PartNumber"], part.get("ChecksumCRC64NVME")
                held[number] = Part(number, 0, part["Size"], part["ETag"], from_header(crc))
            if not page.get("IsTruncated"):
                return held
            marker = {"PartNumberMarker": page["NextPartNumberMarker"]}

    async def send(self, part: PartInHand) -> None:
        """Sends a part, again if need be, and sets its `row`. Raises Unavailable."""
        store_upload = await self._begun(part)
        async with self._one_by_one:
            await self._number(part)

        def put(**parameters: Any) -> tuple[str, str]:
            body = part.body()
            crc = checksum([body])
            return self._calls.client.upload_part(**parameters, **sent([body], crc))["ETag"], crc

        try:
            etag, crc = await self._calls.ask(
                put, Key=self._calls.name(self.key), UploadId=store_upload, PartNumber=part.number
            )
        except FAILURES as failure:
            raise unavailable(failure) from failure
        row = Part(part.number, part.offset, part.size_bytes, etag, crc)
        await self._book.commit(self._upload, row)
        part.row = row

    async def _number(self, part: PartInHand) -> None:
        """Takes the next number that no other holder has taken, for these bytes alone; after the part before did."""
        if part.before is not None:
            await self._number(part.before)
            part.before = None
        while part.number == 0:
            self.last_number += 1
            row = Part(self.last_number, part.offset, part.size_bytes)
            if await self._book.take(self._upload, row):
                part.number = row.number

    async def _begun(self, part: PartInHand) -> str:
        """The store's id of the upload, which it gets when its first part, or one behind it, is sent."""
        async with self._one_by_one:
            if self._store_upload is None:
                while part.before is not None:
                    part = part.before
                await self._incoming.put_first(await self._calls.threads.run(lambda: bytes(part.body()[:FIRST_BYTES])))
                try:
                    answer = await self._calls.ask(
                        self._calls.client.create_multipart_upload,
                        Key=self._calls.name(self.key),
                        ChecksumAlgorithm="CRC64NVME",
                        ChecksumType="FULL_OBJECT",
                        Metadata=metadata(self.key),
                        **self._calls.encryption,
                    )
                except FAILURES as failure:
                    raise unavailable(failure) from failure
                await self._book.begin(self._upload, answer["UploadId"])
                self._store_upload = answer["UploadId"]
            return self._store_upload

    async def complete(self, digests: Digests | None) -> Stored:
        """Makes the object of the parts in `chain`. As `Staging.commit`; Damaged when they are not what we hashed.

        After every answer but a yes the key is looked at. Where nothing is there, what was certainly refused (also 409
        and a forgotten upload, after which S3 wants every part again) is Unavailable; the rest is tried again. A yes to
        a further try is looked at too: a store may give it while the first try, which may yet fail, is under way.
        """
        size_bytes, crc = self.size_bytes, combined(self.chain)
        if digests is not None and (digests.size_bytes, digests.crc64nvme) != (size_bytes, crc):
            raise Damaged(f"The parts of {self.key} are not the bytes that were received.")
        parts = [
            {"PartNumber": part.number, "ETag": part.etag, "ChecksumCRC64NVME": header(part.crc64nvme or "")}
            for part in self.chain
        ]
        pauses = iter(self._calls.pauses_seconds)
        while True:
            was_asked, self._was_asked = self._was_asked, True
            settled = is_under_way = False
            try:
                answer = await self._calls.once(
                    self._calls.client.complete_multipart_upload,
                    Key=self._calls.name(self.key),
                    UploadId=self._store_upload,
                    MultipartUpload={"Parts": parts},
                    IfNoneMatch="*",
                    MpuObjectSize=size_bytes,
                    ChecksumCRC64NVME=header(crc),
                    ChecksumType="FULL_OBJECT",
                )
                if not was_asked:
                    return Stored(self.key, size_bytes, version_of(answer), crc)
                unsure, is_under_way = Unavailable("store_unavailable", "The store says yes, and has no object."), True
            except FAILURES as failure:
                is_under_way = isinstance(failure, ReadTimeoutError)
                settled = is_refusal(failure) or status(failure) in {404, 409}
                unsure = unavailable(failure)
            if (stored := await look(self._calls, self.key)) is not None:
                return await expect_ours(self._calls, stored, size_bytes, crc)
            pause_seconds = None if settled else next(pauses, None)
            if pause_seconds is None:
                if is_under_way and (stored := await self._shown()) is not None:
                    return await expect_ours(self._calls, stored, size_bytes, crc)
                raise unsure
            await pause(pause_seconds)

    async def _shown(self) -> Stored | None:
        """What comes to lie under the key while the store still puts it together; None if nothing does in time."""
        ends_at = time.monotonic() + UNDER_WAY_SECONDS_MAX
        while time.monotonic() < ends_at:
            await pause(LOOK_SECONDS)
            if (stored := await look(self._calls, self.key)) is not None:
                return stored
        return None

    async def abort(self) -> None:
        """Makes sure that it never becomes an object; fine if the store has forgotten it. Raises Unavailable."""
        if self._store_upload is not None:
            try:
                await self._calls.ask(
                    self._calls.client.abort_multipart_upload,
                    Key=self._calls.name(self.key),
                    UploadId=self._store_upload,
                )
            except FAILURES as failure:
                if code(failure) != _GONE:
                    raise unavailable(failure) from failure

    async def end(self) -> None:
        """Forgets the rows of an upload that has become an object or never will."""
        if self._store_upload is not None:
            await self._book.end(self._upload)
            self._store_upload, self.chain = None, []


def _confirmed(row: Part, held: Part | None) -> Part:
    """A row as the store bears it out; only taken, where it does not."""
    if held is None or held.size_bytes != row.size_bytes:
        return msgspec.structs.replace(row, etag=None)
    if row.etag == held.etag:
        return row
    ours = held.crc64nvme is not None and row.crc64nvme in {None, held.crc64nvme}
    return msgspec.structs.replace(row, etag=held.etag if ours else None, crc64nvme=held.crc64nvme)
