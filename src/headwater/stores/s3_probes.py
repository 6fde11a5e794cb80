"""The probes of s3_beliefs.py that write: each does what a zone would do, and compares what the store makes of it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from headwater.stores.s3_ground import (
    BeliefBroken,
    Ground,
    expect,
    expect_absent,
    expect_bytes,
    expect_refused,
    status_of,
)
from headwater.stores.s3_objects import checksum, header

_RACERS = 16
_ROUNDS = 8
_SWAPS, _SWAPS_PER_SECOND_MIN = 30, 20
_PART_BYTES_MIN = 5 << 20


# --- conditions -------------------------------------------------------------------------------------------------------


async def create_once(ground: Ground) -> str:
    """`If-None-Match: *` where an object is."""
    await ground.put("once", b"first", IfNoneMatch="*")
    await expect(HTTPStatus.PRECONDITION_FAILED, ground.put("once", b"second", IfNoneMatch="*"), "A second create")
    await expect_bytes(ground, "once", b"first")
    return "412."


async def replace_by_tag(ground: Ground) -> str:
    """`If-Match` with the ETag before the last."""
    first = await ground.put("swap", b"first", IfNoneMatch="*")
    await ground.put("swap", b"second", IfMatch=first)
    await expect(HTTPStatus.PRECONDITION_FAILED, ground.put("swap", b"third", IfMatch=first), "A stale ETag")
    await expect_bytes(ground, "swap", b"second")
    return "412."


async def _race(put: Callable[[int], Awaitable[object]]) -> int:
    """Which of the racers won; BeliefBroken if it was not one."""
    answers = await asyncio.gather(*(status_of(put(racer)) for racer in range(_RACERS)))
    won = [racer for racer, answer in enumerate(answers) if answer == HTTPStatus.OK]
    if len(won) != 1:
        raise BeliefBroken(f"{len(won)} of {_RACERS} won: the answers were {sorted(set(answers))}.")
    return won[0]


async def race_to_create(ground: Ground) -> str:
    """`If-None-Match: *` by many at once."""
    for round_ in range(_ROUNDS):
        name = f"race-{round_}"
        won = await _race(lambda racer, name=name: ground.put(name, b"%d" % racer, IfNoneMatch="*"))  # type: ignore[misc]
        await expect_bytes(ground, name, b"%d" % won)
    return f"One of {_RACERS}, {_ROUNDS} times."


async def race_to_replace(ground: Ground) -> str:
    """`If-Match` with one ETag by many at once."""
    await ground.put("swaps", b"")
    for _ in range(_ROUNDS):
        _, head = await ground.get("swaps")
        tag = head["etag"]
        won = await _race(lambda racer, tag=tag: ground.put("swaps", b"%s %d" % (tag.encode(), racer), IfMatch=tag))  # type: ignore[misc]
        await expect_bytes(ground, "swaps", b"%s %d" % (tag.encode(), won))
    return f"One of {_RACERS}, {_ROUNDS} times."


async def replace_quickly(ground: Ground) -> str:
    """Swaps of one key, one after the other."""
    tag = await ground.put("quick", b"")
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for number in range(_SWAPS):
        tag = await ground.put("quick", b"%d" % number, IfMatch=tag)
    per_second = _SWAPS / (loop.time() - begun)
    if per_second < _SWAPS_PER_SECOND_MIN:
        raise BeliefBroken(f"{per_second:.0f} a second: every delivery waits for one.")
    return f"{per_second:.0f} a second."


async def complete_once(ground: Ground) -> str:
    """`If-None-Match: *` at CompleteMultipartUpload."""
    await ground.put("parts", b"first")
    upload = await ground.upload("parts", (1, b"second"))
    await expect_refused(ground.complete("parts", upload), "A multipart upload onto an object")
    await expect_bytes(ground, "parts", b"first")
    uploads = await asyncio.gather(*(ground.upload("parts-race", (1, b"%d" % racer)) for racer in range(_RACERS)))
    won = await _race(lambda racer: ground.complete("parts-race", uploads[racer]))
    await expect_bytes(ground, "parts-race", b"%d" % won)
    return f"One of {_RACERS}."


# --- parts and checksums ----------------------------------------------------------------------------------------------


async def unequal_parts(ground: Ground) -> str:
    """Parts of 5 MiB, 5 MiB and a byte, and 3 bytes, numbered 1, 3 and 7."""
    parts = [(1, bytes(_PART_BYTES_MIN)), (3, b"\1" * (_PART_BYTES_MIN + 1)), (7, b"end")]
    whole = b"".join(data for _, data in parts)
    upload = await ground.upload("unequal", *parts)
    await ground.complete("unequal", upload, ChecksumCRC64NVME=header(checksum([whole])), MpuObjectSize=len(whole))
    await expect_bytes(ground, "unequal", whole)
    return f"{len(whole)} bytes of parts 1, 3 and 7."


async def tells_checksum(ground: Ground) -> str:
    """HEAD with `x-amz-checksum-mode`."""
    await ground.put("sum", b"whole")
    await ground.complete("sum-parts", await ground.upload("sum-parts", (1, b"whole")))
    for name in ("sum", "sum-parts"):
        told = await ground.call(ground.client.head_object, name, ChecksumMode="ENABLED")
        found, wanted = told.get("ChecksumCRC64NVME"), header(checksum([b"whole"]))
        if found != wanted:
            raise BeliefBroken(f"HEAD of {name} tells {found}, not {wanted}.")
    return "Both told."


async def wrong_checksum(ground: Ground) -> str:
    """A CRC-64/NVME of other bytes, for an object and for a part."""
    wrong = {"ChecksumCRC64NVME": header(checksum([b"other"]))}
    told = await expect_refused(ground.put("crc", b"bytes", **wrong), "A wrong CRC-64/NVME")
    await expect_absent(ground, "crc")
    store_upload, _ = await ground.upload("crc")
    part = {"UploadId": store_upload, "PartNumber": 1, "Body": b"bytes", **wrong}
    await expect_refused(ground.call(ground.client.upload_part, "crc", **part), "A part with a wrong CRC-64/NVME")
    return f"{told}."


async def wrong_digest(ground: Ground) -> str:
    """The SHA-256, and the MD5, of other bytes."""
    other = {
        "ChecksumSHA256": hashlib.sha256(b"other").digest(),
        "ContentMD5": hashlib.md5(b"other", usedforsecurity=False).digest(),
    }
    for name, digest in other.items():
        wrong = {"Body": b"bytes", name: base64.b64encode(digest).decode()}
        await expect_refused(ground.call(ground.client.put_object, name, **wrong), f"A wrong {name}")
        await expect_absent(ground, name)
    return "Both refused."


async def wrong_checksum_of_parts(ground: Ground) -> str:
    """A full-object CRC-64/NVME of other bytes at CompleteMultipartUpload."""
    upload = await ground.upload("crc-parts", (1, b"bytes"))
    wrong = header(checksum([b"other"]))
    told = await expect_refused(ground.complete("crc-parts", upload, ChecksumCRC64NVME=wrong), "A wrong CRC-64/NVME")
    await expect_absent(ground, "crc-parts")
    return f"{told}."


async def wrong_size_of_parts(ground: Ground) -> str:
    """`x-amz-mp-object-size` with another size."""
    upload = await ground.upload("size-parts", (1, b"bytes"))
    told = await expect_refused(ground.complete("size-parts", upload, MpuObjectSize=6), "A wrong size")
    return f"{told}."


async def lists_parts(ground: Ground) -> str:
    """ListParts of an upload under way."""
    store_upload, parts = await ground.upload("listed", (2, b"bytes"))
    told = await ground.call(ground.client.list_parts, "listed", UploadId=store_upload)
    found = [(each["PartNumber"], each["Size"], each["ETag"]) for each in told.get("Parts", [])]
    if found != [(2, 5, parts[0]["ETag"])]:
        raise BeliefBroken(f"The part 2 of 5 bytes is listed as {found}.")
    return f"One part{', with its CRC-64/NVME' if 'ChecksumCRC64NVME' in told['Parts'][0] else ''}."


async def abort_is_final(ground: Ground) -> str:
    """AbortMultipartUpload, and then Complete."""
    upload = await ground.upload("aborted", (1, b"bytes"))
    await ground.call(ground.client.abort_multipart_upload, "aborted", UploadId=upload[0])
    told = await expect_refused(ground.complete("aborted", upload), "An aborted upload")
    await expect_absent(ground, "aborted")
    return f"{told}."
