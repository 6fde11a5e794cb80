"""A strict S3 in this process, for tests: real HTTP on 127.0.0.1, as exact as AWS documents S3, failing when told to.

It does what ``ROUTES`` in ``s3_double_service`` lists and answers 501 to all else, also to headers and query parameters
that it would have to ignore. Conditional writes are decided in one step that no other call can come between. Objects
live in memory, all but the rest of a MiB of them in an unlinked temporary file.
``python -m headwater.testing.s3_double`` runs it alone.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import threading
import time
import weakref
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from email.utils import formatdate
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

import uvloop
from boto3.session import Session
from botocore.config import Config

from headwater.testing.s3_double_body import Spill
from headwater.testing.s3_double_faults import Fault, Faults
from headwater.testing.s3_double_service import OPERATIONS, ServiceCall
from headwater.testing.s3_double_signature import Signatures
from headwater.testing.s3_double_state import Account, Bucket
from headwater.testing.s3_wire import Connection

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["Fault", "Faults", "S3Double", "Seen"]

_HOST = "127.0.0.1"
_SEEN_MAX = 100_000
_SESSION_LOCK = threading.Lock()  # a session makes clients for one thread at a time

T = TypeVar("T")


@cache
def _session() -> Session:
    """One for all doubles: its first client takes 70 ms, each other 3."""
    return Session()


class Seen(NamedTuple):
    """A call that reached the double whole: the operation's name in the S3 API and the key, empty for a bucket's."""

    operation: str
    key: str


class S3Double:
    """The server, in a thread of its own from ``with`` to the end of it. Every attribute may be changed while it runs.

    Attributes:
        endpoint: the URL to give to a client, which must use path style and Signature Version 4.
        access_key, secret_key, region: the only ones that are accepted.
        latency_seconds: what each call takes longer, half of it before the deed and half after; calls do not wait for
            each other.
        clock_offset_seconds: how far the double's clock is ahead of this machine's.
        versioning: whether ``create_bucket`` switches it on.
        faults: what goes wrong; see Fault.
        calls: how many calls there were of each operation, ``Unsupported`` for what the double does not know.
        requests: the last 100,000 of them, oldest first.
    """

    def __init__(
        self,
        *,
        latency_seconds: float = 0.0,
        versioning: bool = False,
        access_key: str = "AKIADOUBLE",
        secret_key: str = "double-secret",  # noqa: S107
        region: str = "us-east-1",
        port: int = 0,
    ) -> None:
        self.latency_seconds = latency_seconds
        self.versioning = versioning
        self.access_key = access_key
        self.secret_key = secret_key
        self.region = region
        self.endpoint = ""
        self.clock_offset_seconds = 0.0
        self.faults = Faults(OPERATIONS)
        self.calls: Counter[str] = Counter()
        self.requests: deque[Seen] = deque(maxlen=_SEEN_MAX)
        self.signatures = Signatures(access_key, secret_key, region)
        self.account = Account(region, self.now)
        self.spill: Spill
        self._port = port
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self._connections: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._thread = threading.Thread(target=self._run, name="s3-double", daemon=True)
        self._started: Future[None] = Future()

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def create_bucket(
        self, name: str, *, versioning: bool | None = None, object_lock: bool = False, public: bool = False
    ) -> None:
        """Make a bucket without a call; versioning as the double's own unless said. Object Lock switches it on."""
        enabled = object_lock or (self.versioning if versioning is None else versioning)
        bucket = Bucket(name, self.now(), "Enabled" if enabled else "", object_lock=object_lock, public=public)
        self._in_loop(lambda: self.account.buckets.setdefault(name, bucket))

    def objects(self, bucket: str) -> dict[str, bytes]:
        """The current version of every key, whole."""

        def read() -> dict[str, bytes]:
            held = self.account.buckets[bucket]
            versions = ((key, held.current(key)) for key in held.keys)
            return {key: b"".join(version.read(0, version.size_bytes)) for key, version in versions if version}

        return self._in_loop(read)

    def client(self, **config: Any) -> S3Client:
        """A boto3 client of this double that never retries; ``config`` goes into botocore's Config."""
        settings: dict[str, Any] = {
            "signature_version": "s3v4",
            "s3": {"addressing_style": "path"},
            "retries": {"total_max_attempts": 1},
            "max_pool_connections": 64,
            "proxies": {},
            **config,
        }
        with _SESSION_LOCK:
            client: S3Client = _session().client(
                "s3",
                self.region,
                endpoint_url=self.endpoint,
                aws_access_key_id=self.access_key,
                aws_secret_access_key=self.secret_key,
                config=Config(**settings),
            )
        return client

    def now(self) -> float:
        """The double's clock, in seconds since 1970."""
        return time.time() + self.clock_offset_seconds

    def count(self, operation: str, key: str) -> None:
        """Remember a call; the double itself does."""
        self.calls[operation] += 1
        self.requests.append(Seen(operation, key))

    def _in_loop(self, read: Callable[[], T]) -> T:
        async def run() -> T:
            return read()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def _connect(self) -> Connection:
        connection = Connection(lambda request: ServiceCall(self, request), lambda: formatdate(self.now(), usegmt=True))
        self._connections.add(connection)
        return connection

    def _run(self) -> None:
        with closing(Spill()) as self.spill, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            server = await self._loop.create_server(self._connect, _HOST, self._port, backlog=4096)
        except OSError as error:
            self._started.set_exception(error)
            return
        self.endpoint = f"http://{_HOST}:{server.sockets[0].getsockname()[1]}"
        self._started.set_result(None)
        await self._stop.wait()
        server.close()
        for connection in list(self._connections):
            connection.abort()


def main() -> None:
    """Run alone until SIGINT or SIGTERM; the first line on standard output is the endpoint."""
    parser = argparse.ArgumentParser(prog="python -m headwater.testing.s3_double", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that each call takes longer")
    parser.add_argument("--access-key", default="AKIADOUBLE")
    parser.add_argument("--secret-key", default="double-secret")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--versioning", action="store_true", help="of the buckets made by --bucket")
    parser.add_argument("--bucket", action="append", default=[], help="make this bucket; may be given again")
    options = parser.parse_args()
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    double = S3Double(
        latency_seconds=options.latency,
        versioning=options.versioning,
        access_key=options.access_key,
        secret_key=options.secret_key,
        region=options.region,
        port=options.port,
    )
    with double:
        for name in options.bucket:
            double.create_bucket(name)
        sys.stdout.write(f"{double.endpoint}\n")
        sys.stdout.flush()
        signal.sigwait(ends)


if __name__ == "__main__":
    main()
