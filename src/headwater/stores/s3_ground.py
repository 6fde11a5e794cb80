"""Where the probes of a store work: a folder of the zone, the calls that a zone makes, and what they must answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from headwater.stores.s3_calls import S3Calls
from headwater.stores.s3_errors import FAILURES, status
from headwater.stores.s3_objects import checksum, header, sent

_CLEANINGS_MAX = 5


class BeliefBroken(Exception):
    """The store does otherwise; the text says what was seen."""


class Ground:
    """A new folder of the zone to try things in. Each probe uses names of its own."""

    def __init__(self, calls: S3Calls, folder: str, now: Callable[[], float]) -> None:
        self.calls = calls
        self.client = calls.client
        self.prefix = calls.name(folder) + "/"
        self.now = now
        self._begun: list[tuple[str, str]] = []

    async def call(self, method: Callable[..., Any], name: str, **parameters: Any) -> Any:
        """One call about the object of this name."""
        return await self.calls.once(method, Key=self.prefix + name, **parameters)

    async def put(self, name: str, data: bytes, **parameters: Any) -> str:
        """Writes an object as the zone does; its ETag."""
        answer = await self.call(self.client.put_object, name, **sent([data], checksum([data])) | parameters)
        return str(answer["ETag"])

    async def get(self, name: str, **parameters: Any) -> tuple[bytes, dict[str, str]]:
        """The bytes of an object and the head of the answer."""

        def get(**bucket: Any) -> tuple[bytes, dict[str, str]]:
            answer = self.client.get_object(**bucket)
            return answer["Body"].read(), answer["ResponseMetadata"]["HTTPHeaders"]

        found: tuple[bytes, dict[str, str]] = await self.call(get, name, **parameters)
        return found

    async def upload(self, name: str, *parts: tuple[int, bytes]) -> tuple[str, list[dict[str, Any]]]:
        """A multipart upload with these parts, by number: its id, and what Complete must list."""
        begun = await self.call(
            self.client.create_multipart_upload, name, ChecksumAlgorithm="CRC64NVME", ChecksumType="FULL_OBJECT"
        )
        self._begun.append((name, begun["UploadId"]))
        listed = []
        for number, data in parts:
            crc = checksum([data])
            answer = await self.call(
                self.client.upload_part, name, UploadId=begun["UploadId"], PartNumber=number, **sent([data], crc)
            )
            listed.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC64NVME": header(crc)})
        return begun["UploadId"], listed

    async def complete(self, name: str, upload: tuple[str, list[dict[str, Any]]], **parameters: Any) -> None:
        """Makes an object of a multipart upload as the zone does."""
        whole = {"IfNoneMatch": "*", "ChecksumType": "FULL_OBJECT", **parameters}
        await self.call(
            self.client.complete_multipart_upload,
            name,
            UploadId=upload[0],
            MultipartUpload={"Parts": upload[1]},
            **whole,
        )

    async def clean(self) -> None:
        """Removes all that the probes left, as far as it is allowed."""
        for name, store_upload in self._begun:  # not every server lists those of a whole folder
            with suppress(*FAILURES):
                await self.call(self.client.abort_multipart_upload, name, UploadId=store_upload)
        for _ in range(_CLEANINGS_MAX):  # a page is at most 1,000
            with suppress(*FAILURES):
                found = await self.calls.ask(self.client.list_object_versions, Prefix=self.prefix)
                left: dict[str, list[str]] = {}
                for each in (*found.get("Versions", []), *found.get("DeleteMarkers", [])):
                    left.setdefault(each["Key"], []).append(each["VersionId"])
                await asyncio.gather(*(self._remove(key, versions) for key, versions in left.items()))
                if not left:
                    return

    async def _remove(self, key: str, versions: list[str]) -> None:
        """One after the other: servers lose count of the versions of a key in a race."""
        for version in versions:
            await self.calls.ask(self.client.delete_object, Key=key, VersionId=version)


async def status_of(call: Awaitable[object]) -> int:
    """The status that a call is answered with. Raises the failure where there is no answer."""
    try:
        await call
    except FAILURES as failure:
        if status(failure) == 0:
            raise
        return status(failure)
    return HTTPStatus.OK


async def expect(wanted: int, call: Awaitable[object], of: str) -> None:
    """Raises BeliefBroken when a call is answered otherwise."""
    told = await status_of(call)
    if told != wanted:
        raise BeliefBroken(f"{of} was answered {told}, not {wanted}.")


async def expect_refused(call: Awaitable[object], of: str) -> int:
    """The status of an answer that says no; BeliefBroken for any other."""
    told = await status_of(call)
    if not HTTPStatus.BAD_REQUEST <= told < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise BeliefBroken(f"{of} was answered {told}.")
    return told


async def expect_absent(ground: Ground, name: str) -> None:
    """Raises BeliefBroken when there is an object of this name."""
    await expect(HTTPStatus.NOT_FOUND, ground.call(ground.client.head_object, name), f"HEAD of the refused {name}")


async def expect_bytes(ground: Ground, name: str, wanted: bytes) -> None:
    """Raises BeliefBroken when an object is not these bytes."""
    found, _ = await ground.get(name)
    if found != wanted:
        raise BeliefBroken(f"{name} has {len(found)} bytes, and they are not the {len(wanted)} that it should have.")
