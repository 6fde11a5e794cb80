"""A zone in a bucket in one piece, for assembly."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

from boto3.session import Session
from botocore.exceptions import NoCredentialsError, PartialCredentialsError

from headwater.config_schema import S3
from headwater.errors import Misconfigured
from headwater.ports.books import PartBook
from headwater.ports.ledger import HeadStore
from headwater.ports.store import PartBuffers
from headwater.stores.s3 import S3Eraser, S3Store
from headwater.stores.s3_calls import PAUSES_SECONDS, S3Calls, connect
from headwater.stores.s3_errors import FAILURES, S3Failure, status, unavailable
from headwater.stores.s3_log import S3Head, S3LedgerFiles
from headwater.stores.threads import Threads

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_THREADS = 64
_LEDGER_THREADS = 8
_HEAD_THREADS = 4
_SILENCE_SECONDS_MAX = 30.0
_LEDGER_SILENCE_SECONDS_MAX = 10.0  # less than the lease: a writer that hangs learns of it while it has the log


class S3ZoneStore:
    """Implements `ports.zone.ZoneStore`. The ledger has threads of its own: a commit never waits behind uploads."""

    def __init__(
        self,
        clients: tuple[S3Client, S3Client],
        bucket: str,
        prefix: str,
        settings: S3,
        buffers: PartBuffers,
        parts: PartBook,
        threads: int = _THREADS,
        pauses_seconds: Sequence[float] = PAUSES_SECONDS,
    ) -> None:
        self._clients = clients
        self._threads = [
            Threads(threads, "headwater-s3"),
            Threads(_LEDGER_THREADS, "headwater-ledger"),
            Threads(_HEAD_THREADS, "headwater-head"),
        ]
        client, ledger = clients
        self.calls, files, self._head_calls = (
            S3Calls(of, bucket, prefix, seam, kms_key=settings.kms_key, pauses_seconds=pauses_seconds)
            for of, seam in zip((client, ledger, ledger), self._threads, strict=True)
        )
        self._store = S3Store(self.calls, buffers, parts, asyncio.get_running_loop().time)
        self.name = f"s3://{bucket}/{prefix}".rstrip("/")
        self.reader = self.creator = self.intake = self._store
        self.eraser = S3Eraser(self.calls)
        self.files = S3LedgerFiles(files)

    def heads(self, log: str) -> HeadStore:
        """The head of a log."""
        return S3Head(self._head_calls, log)

    async def close(self) -> None:
        """Gives threads and connections back."""
        self._store.close()
        for threads in self._threads:
            threads.close()
        for client in self._clients:
            client.close()


async def open_s3_zone(
    bucket: str, prefix: str, settings: S3, *, buffers: PartBuffers, parts: PartBook, threads: int = _THREADS
) -> S3ZoneStore:
    """Opens the zone under a prefix of a bucket, with the AWS chain's credentials.

    `threads` is how many calls wait for the store at a time. Raises Misconfigured when bucket or credentials are not
    there or do not fit, Unavailable when the store cannot be reached.
    """

    def clients() -> tuple[S3Client, S3Client]:
        session = Session()
        few = _LEDGER_THREADS + _HEAD_THREADS
        client = connect(session, settings, threads=threads, silence_seconds_max=_SILENCE_SECONDS_MAX)
        ledger = connect(session, settings, threads=few, silence_seconds_max=_LEDGER_SILENCE_SECONDS_MAX)
        client.head_bucket(Bucket=bucket)
        return client, ledger

    try:
        return S3ZoneStore(await asyncio.to_thread(clients), bucket, prefix, settings, buffers, parts, threads)
    except FAILURES as failure:
        raise _cannot_open(bucket, failure) from failure


def _cannot_open(bucket: str, failure: S3Failure) -> Exception:
    if isinstance(failure, (NoCredentialsError, PartialCredentialsError)):
        return Misconfigured("There are no AWS credentials: give a profile, a role or AWS_ACCESS_KEY_ID.")
    if status(failure) == HTTPStatus.NOT_FOUND:
        return Misconfigured(f"There is no bucket {bucket} at this S3. Make it, with versioning on.")
    if status(failure) in {301, 400, 401, 403}:
        return Misconfigured(
            f"The bucket {bucket} may not be used ({status(failure)}): look at the credentials, at [s3] region, and at "
            "the right s3:ListBucket."
        )
    return unavailable(failure)
