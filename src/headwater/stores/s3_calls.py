"""The way to a bucket: a client that tries each call once, threads that wait for it, and asking again where that is
safe.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from boto3.session import Session
from botocore.config import Config

from headwater.config_schema import S3
from headwater.errors import Refused
from headwater.stores.s3_errors import FAILURES, is_passing
from headwater.stores.threads import Threads

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")
PAUSES_SECONDS = (0.1, 0.4, 1.6)
"""How long to wait, more or less, before what failed in passing is tried again."""

_CONNECT_SECONDS_MAX = 5.0
_EXPECT_BYTES_MIN = 1 << 20
_UNFIT = frozenset(("", ".", ".."))


class S3Calls:
    """Calls for the objects under `prefix` of a bucket: each is one hop to a thread and one HTTP request.

    `kms_key` encrypts what is written (SSE-KMS with a bucket key). `pauses_seconds` has one pause for each further try.
    """

    def __init__(
        self,
        client: S3Client,
        bucket: str,
        prefix: str,
        threads: Threads,
        *,
        kms_key: str | None = None,
        pauses_seconds: Sequence[float] = PAUSES_SECONDS,
    ) -> None:
        self.client = client
        self.bucket = bucket
        self.root = f"{prefix}/" if prefix else ""
        self.threads = threads
        self.pauses_seconds = pauses_seconds
        self.encryption: dict[str, Any] = {}
        if kms_key is not None:
            self.encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key, "BucketKeyEnabled": True}

    def name(self, key: str) -> str:
        """The name in the bucket of a key. Raises Refused("bad_name") for one with empty, `.` or `..` parts: servers
        and proxies on the way make another name of it.
        """
        if not _UNFIT.isdisjoint(key.split("/")) or "\0" in key:
            raise Refused("bad_name", f"{key!r} is not a key of this zone.")
        return self.root + key

    async def once(self, method: Callable[..., T], **parameters: Any) -> T:
        """One attempt: for conditional writes, whose second attempt would be answered about the first."""
        return await self.threads.run(partial(method, Bucket=self.bucket, **parameters))

    async def ask(self, method: Callable[..., T], **parameters: Any) -> T:
        """For what may be done twice: tries again what failed in passing; raises its last failure."""
        for pause_seconds in self.pauses_seconds:
            try:
                return await self.once(method, **parameters)
            except FAILURES as failure:
                if not is_passing(failure):
                    raise
            await pause(pause_seconds)
        return await self.once(method, **parameters)


async def pause(seconds: float) -> None:
    """Waits about so long; the many who failed together do not come back together."""
    await asyncio.sleep(seconds * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load, guards nothing


def connect(session: Session, settings: S3, *, threads: int, silence_seconds_max: float) -> S3Client:
    """A client with the session's credentials that never retries by itself and never sends aws-chunked bodies.

    Over TLS bodies are not signed: each carries its checksum. `silence_seconds_max` bounds the wait for an answer.
    """
    elsewhere = settings.endpoint is not None
    secure = not (settings.endpoint or "https:").startswith("http:")
    client: S3Client = session.client(
        "s3",
        region_name=settings.region or session.region_name or ("us-east-1" if elsewhere else None),
        endpoint_url=settings.endpoint,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path" if elsewhere else "auto", "payload_signing_enabled": not secure},
            retries={"total_max_attempts": 1},
            connect_timeout=_CONNECT_SECONDS_MAX,
            read_timeout=silence_seconds_max,
            max_pool_connections=threads,
            tcp_keepalive=True,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            user_agent_extra="headwater",
        ),
    )
    client.meta.events.register("before-call.s3", _expect_for_large_bodies_only)
    return client


def _expect_for_large_bodies_only(params: dict[str, Any], **_: Any) -> None:
    """`Expect: 100-continue` spares a refused body, and costs each accepted one a round trip."""
    if int(params["headers"].get("Content-Length", 0)) < _EXPECT_BYTES_MIN:
        params["headers"].pop("Expect", None)
