"""The stores that zones lie in. Another one is one more function here and one more line in `STORES`.

Every test gets `zone_store`, a `ports.zone.ZoneStore` that accuses (headwater.testing.accusing): at the end of the test
all that was ever created is read again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from headwater.ports.zone import ZoneStore
from headwater.stores.directory_zone import DirectoryZoneStore, open_directory_zone
from headwater.testing.accusing import AccusingZoneStore, Witness
from tests.contract.stores.s3_stores import minio, s3_double, versitygw

Open = Callable[[], Awaitable[ZoneStore]]
"""Opens the zone as a new process would whose predecessor was killed. The predecessor's object stays usable, as a
process that was only paused does."""


@asynccontextmanager
async def directory(_: pytest.FixtureRequest, folder: Path) -> AsyncIterator[Open]:
    """A zone in a folder."""
    opened: list[DirectoryZoneStore] = []

    async def open_again() -> ZoneStore:
        for store in opened:
            assert store._lock is not None
            store._lock.release()
        opened.append(open_directory_zone(folder / "zone"))
        return opened[-1]

    yield open_again
    for store in opened:
        await store.close()


STORES = {"directory": directory, "s3_double": s3_double, "versitygw": versitygw, "minio": minio}


class Reopenable(AccusingZoneStore):
    def __init__(self, inner: ZoneStore, open_again: Open, witness: Witness | None = None) -> None:
        super().__init__(inner, witness)
        self._open_again = open_again

    async def reopen(self) -> Reopenable:
        """The same zone in another process."""
        return Reopenable(await self._open_again(), self._open_again, self.witness)


@pytest.fixture(params=STORES)
async def zone_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Reopenable]:
    """A new zone of each store."""
    async with STORES[request.param](request, tmp_path) as open_again:
        store = Reopenable(await open_again(), open_again)
        yield store
        await (await store.reopen()).verify()
