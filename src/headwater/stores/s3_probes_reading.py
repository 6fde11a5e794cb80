"""The probes of s3_beliefs.py that read, and look at the bucket and the way to it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from io import BytesIO
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from headwater.stores.s3_errors import FAILURES, is_absent
from headwater.stores.s3_ground import BeliefBroken, Ground, expect, expect_refused

_BYTES = bytes(range(256)) * 300
_LISTED_AT_ONCE = 32
_CLOCK_SECONDS_MAX, _CLOCK_SECONDS_WARN = 900, 5


async def list_after_create(ground: Ground) -> str:
    """ListObjectsV2 straight after each of many creates."""

    async def create_and_list(number: int) -> None:
        name = f"list/{number:03d}"
        await ground.put(name, b"")
        told = await ground.calls.once(ground.client.list_objects_v2, Prefix=ground.prefix + name)
        if not told.get("Contents"):
            raise BeliefBroken(f"{name} was created and is not listed.")

    await asyncio.gather(*(create_and_list(number) for number in range(_LISTED_AT_ONCE)))
    return f"{_LISTED_AT_ONCE} of {_LISTED_AT_ONCE}."


async def same_bytes(ground: Ground) -> str:
    """Every value of a byte, as the zone sends them."""
    await ground.put("plain", _BYTES)
    return await _expect_plain(ground, "plain")


async def takes_framing_off(ground: Ground) -> str:
    """A body as the SDK sends it by itself: over TLS in aws-chunked and its checksum. The zone never does."""
    await ground.call(ground.client.put_object, "framed", Body=BytesIO(_BYTES), ChecksumAlgorithm="CRC64NVME")
    return await _expect_plain(ground, "framed")


async def _expect_plain(ground: Ground, name: str) -> str:
    found, head = await ground.get(name)
    encoding = head.get("content-encoding", "")
    if found != _BYTES or encoding:
        raise BeliefBroken(f"Of {len(_BYTES)} bytes {len(found)} came back, with the Content-Encoding '{encoding}'.")
    return f"{len(found)} bytes."


async def range_of_bytes(ground: Ground) -> str:
    """`Range`, from an offset to the end and to a place before."""
    await ground.put("range", b"0123456789")
    for wanted, data in (("bytes=4-", b"456789"), ("bytes=4-6", b"456")):
        found, _ = await ground.get("range", Range=wanted)
        if found != data:
            raise BeliefBroken(f"{wanted} of ten digits is {found!r}.")
    return "Exact."


async def absent_is_404(ground: Ground) -> str:
    """HEAD and GET of a key where nothing is."""
    await expect(HTTPStatus.NOT_FOUND, ground.call(ground.client.head_object, "nothing"), "HEAD (s3:ListBucket)")
    try:
        await ground.get("nothing")
    except FAILURES as failure:
        if is_absent(failure):
            return "404."
        raise
    raise BeliefBroken("There is an object under a key that nobody has written.")


# --- the bucket and the way to it -------------------------------------------------------------------------------------


async def _clock_seconds_ahead(ground: Ground) -> float:
    before = ground.now()
    told = await ground.calls.once(ground.client.head_bucket)
    ours = (before + ground.now()) / 2
    theirs = parsedate_to_datetime(told["ResponseMetadata"]["HTTPHeaders"]["date"]).timestamp() + 0.5  # cut off
    return ours - theirs


async def clock_is_near(ground: Ground) -> str:
    """The `Date` of an answer: S3 refuses requests signed 15 minutes off."""
    return await _clock_within(ground, _CLOCK_SECONDS_MAX)


async def clock_is_right(ground: Ground) -> str:
    """The `Date` of an answer, more closely."""
    return await _clock_within(ground, _CLOCK_SECONDS_WARN)


async def _clock_within(ground: Ground, seconds_max: float) -> str:
    ahead = await _clock_seconds_ahead(ground)
    seen = f"This machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the store's."
    if abs(ahead) > seconds_max:
        raise BeliefBroken(seen)
    return seen


async def keeps_versions(ground: Ground) -> str:
    """The bucket's versioning."""
    told = await ground.calls.once(ground.client.get_bucket_versioning)
    if told.get("Status") != "Enabled":
        raise BeliefBroken(f"Versioning is {told.get('Status', 'off')}.")
    return "Versioning is on."


async def is_private(ground: Ground) -> str:
    """A read without credentials, and the bucket's own word where it gives one."""
    await ground.put("private", b"secret")

    def read_as_anybody(**parameters: Any) -> None:
        meta = ground.client.meta
        config = Config(signature_version=UNSIGNED, s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})
        client = boto3.Session().client(
            "s3", region_name=meta.region_name, endpoint_url=meta.endpoint_url, config=config
        )
        try:
            client.get_object(**parameters)["Body"].close()
        finally:
            client.close()

    told = await expect_refused(ground.call(read_as_anybody, "private"), "A read without credentials")
    with suppress(*FAILURES):  # no policy, no right to see it, or not there: the read has told
        policy = await ground.calls.once(ground.client.get_bucket_policy_status)
        if policy["PolicyStatus"].get("IsPublic"):
            raise BeliefBroken("The bucket's policy makes it public.")
    return f"{told}."


async def is_encrypted(ground: Ground) -> str:
    """The endpoint's URL."""
    url = urlsplit(ground.client.meta.endpoint_url)
    host = url.hostname or ""
    with suppress(ValueError):
        if ip_address(host).is_loopback:
            return "It does not leave this machine."
    if url.scheme != "https" and host != "localhost":
        raise BeliefBroken(f"{ground.client.meta.endpoint_url} is not https.")
    return f"{url.scheme}."
