"""A zone in a bucket: objects are created once (`If-None-Match: *`) and carry a full-object CRC-64/NVME."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from headwater.errors import Damaged, Unavailable
from headwater.ports.books import PartBook
from headwater.ports.store import PartBuffers, Staging, Stored
from headwater.stores import s3_objects
from headwater.stores.s3_calls import S3Calls
from headwater.stores.s3_errors import FAILURES, unavailable
from headwater.stores.s3_incoming import Incoming
from headwater.stores.s3_multipart import Multipart
from headwater.stores.s3_parts import PART_BYTES
from headwater.stores.s3_rooms import Rooms
from headwater.stores.s3_staging import S3Staging
from headwater.stores.threads import Threads
from headwater.terms import Digests, Id, Key

_INCOMING = "incoming/"
_SPOOL_THREADS = 4


class S3Store:
    """`ObjectReader`, `ObjectCreator` and `Intake` of the zone that `calls` lead to.

    `buffers` is the budget that parts wait in, `book` remembers those that were sent, `monotonic` (seconds) tells slow
    uploads.
    """

    create_bytes_max = PART_BYTES

    def __init__(self, calls: S3Calls, buffers: PartBuffers, book: PartBook, monotonic: Callable[[], float]) -> None:
        self._calls = calls
        self._buffers = buffers
        self._book = book
        self._monotonic = monotonic
        self._spool = Threads(_SPOOL_THREADS, "headwater-spool")

    def close(self) -> None:
        """Lets the threads end; nothing may be under way."""
        self._spool.close()

    async def head(self, key: Key) -> Stored | None:
        """As `ObjectReader.head`."""
        return await s3_objects.look(self._calls, key)

    def read(
        self, key: Key, *, version: str | None = None, offset: int = 0, size_bytes: int | None = None
    ) -> AsyncIterator[bytes]:
        """As `ObjectReader.read`."""
        return s3_objects.read(self._calls, key, version=version, offset=offset, size_bytes=size_bytes)

    async def list(self, prefix: str, *, after: str = "") -> AsyncIterator[Stored]:
        """As `ObjectReader.list`."""
        async for stored in s3_objects.listing(self._calls, prefix, after):
            if not stored.key.startswith(_INCOMING):
                yield stored

    async def create(self, key: Key, body: Sequence[bytes], digests: Digests) -> Stored:
        """As `ObjectCreator.create`; Damaged when the body is not what its digests say."""
        if sum(map(len, body)) != digests.size_bytes:
            raise Damaged(f"The bytes for {key} are not those that were received.")
        return await s3_objects.create(self._calls, key, body, digests.crc64nvme)

    async def begin(self, upload: Id, key: Key, size_bytes: int | None) -> Staging:
        """As `Intake.begin`."""
        return self._staging(upload, key, size_bytes)

    async def resume(self, upload: Id, key: Key) -> Staging:
        """As `Intake.resume`."""
        staging = self._staging(upload, key, None)
        await staging.resume()
        return staging

    async def read_back(self, upload: Id, key: Key) -> AsyncIterator[bytes]:
        """As `Intake.read_back`: nothing once a part is sent, for S3 gives parts back only as an object."""
        incoming = Incoming(self._calls, upload)
        multipart = Multipart(self._calls, self._book, upload, key, incoming)
        await multipart.resume()
        await incoming.load(multipart.size_bytes)
        if incoming.tail is not None and not multipart.chain:
            async for piece in incoming.read_tail(0):
                yield piece

    def _staging(self, upload: Id, key: Key, size_bytes: int | None) -> S3Staging:
        self._calls.name(key)
        incoming = Incoming(self._calls, upload)
        multipart = Multipart(self._calls, self._book, upload, key, incoming)
        rooms = Rooms(self._buffers, self._spool, self._monotonic)
        return S3Staging(self._calls, key, rooms, multipart, incoming, size_bytes)


class S3Eraser:
    """`ObjectEraser` of a bucket."""

    def __init__(self, calls: S3Calls) -> None:
        self._calls = calls

    async def erase(self, key: Key) -> int:
        """As `ObjectEraser.erase`; delete markers go too and do not count."""
        name = self._calls.name(key)
        gone: set[str] = set()
        count = 0
        try:
            while True:
                page = await self._calls.ask(self._calls.client.list_object_versions, Prefix=name)
                versions = [each["VersionId"] for each in page.get("Versions", []) if each["Key"] == name]
                markers = [each["VersionId"] for each in page.get("DeleteMarkers", []) if each["Key"] == name]
                if not versions + markers:  # they come before those of longer names
                    return count
                if not gone.isdisjoint(versions + markers):
                    raise Unavailable("store_unavailable", f"Versions of {key} were deleted and are still listed.")
                for version in versions + markers:
                    await self._calls.ask(self._calls.client.delete_object, Key=name, VersionId=version)
                gone.update(versions, markers)
                count += len(versions)
        except FAILURES as failure:
            raise unavailable(failure) from failure
