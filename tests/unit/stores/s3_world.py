"""A zone on the strict double, with faults to plant and a look behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

from boto3.session import Session

from headwater.books.sqlite import SqliteBooks
from headwater.config_schema import S3
from headwater.landing import Budget
from headwater.stores.s3_calls import connect
from headwater.stores.s3_zone import S3ZoneStore
from headwater.testing.s3_double import Fault, S3Double

BUCKET = "zones"
PREFIX = "zones/one"
SILENCE_SECONDS = 0.3


@cache
def session() -> Session:
    """One for all, as it takes longer than most tests."""
    return Session("AKIADOUBLE", "double-secret")


class World:
    """A zone, its bucket and its books; `reopen` is one more process."""

    def __init__(self, double: S3Double, folder: Path) -> None:
        self.double = double
        self.folder = folder
        self.books = SqliteBooks(folder / "books.sqlite3")
        self.budget = Budget(64 << 20, 64 << 20, folder)
        settings = S3(endpoint=double.endpoint)
        self.client = connect(session(), settings, threads=32, silence_seconds_max=60)
        self._opened: list[S3ZoneStore] = []
        self.zone = self.reopen()

    def reopen(self) -> S3ZoneStore:
        clients = (self.client, self.client)
        pauses = (0.0, 0.01, 0.01)
        zone = S3ZoneStore(
            clients, BUCKET, PREFIX, S3(), self.budget, self.books.parts, threads=16, pauses_seconds=pauses
        )
        self._opened.append(zone)
        return zone

    def fault(self, operation: str, **how: object) -> Fault:
        """Plants a fault. Where one hangs, the client loses patience after `SILENCE_SECONDS` from now on."""
        if "hang_seconds" in how:
            self.client.meta.events.register("before-call.s3", _impatient)
        return self.double.faults.add(Fault(operation, **how))  # type: ignore[arg-type]

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        """What is in the zone now, by key."""
        found = self.double.objects(BUCKET)
        return {
            key.removeprefix(f"{PREFIX}/"): data for key, data in found.items() if key.startswith(f"{PREFIX}/{prefix}")
        }

    def versions(self, key: str) -> int:
        """How many versions a key has had."""
        found = self.double.client().list_object_versions(Bucket=BUCKET, Prefix=f"{PREFIX}/{key}")
        return len(found.get("Versions", []))

    def uploads(self) -> int:
        """How many multipart uploads are under way."""
        return len(self.double.client().list_multipart_uploads(Bucket=BUCKET).get("Uploads", []))

    async def close(self) -> None:
        await asyncio.sleep(0)
        for zone in self._opened:
            await zone.close()
        await self.books.close()


def _impatient(context: dict[str, object], **_: object) -> None:
    context["read_timeout"] = SILENCE_SECONDS


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """A new one."""
    with S3Double(versioning=True) as double:
        double.create_bucket(BUCKET)
        made = World(double, folder)
        yield made
        await made.close()
