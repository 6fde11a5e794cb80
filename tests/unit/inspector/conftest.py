from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headwater.errors import Refused, Unavailable
from headwater.formats.finding import Finding
from headwater.inspector.client import Failure, Worker
from headwater.inspector.job import Job, Limits
from headwater.inspector.open_file import OpenFile
from headwater.terms import Receipt
from tests.contract.books.samples import a_receipt

BAD = ("headwater.testing.bad_parsers",)
LIMITS = Limits(memory_bytes=512 << 20, time_seconds=60.0, file_bytes_max=1 << 20)


@pytest.fixture(scope="session")
def worker() -> Iterator[Worker]:
    """A worker that knows the formats that misbehave; those of its children that die leave it as it was."""
    with Worker(LIMITS, BAD) as made:
        yield made


@pytest.fixture
def inspected(worker: Worker, tmp_path: Path) -> Callable[[str | bytes], Finding]:
    """What the worker says of these bytes."""

    def look(data: str | bytes, name: str = "data.bin") -> Finding:
        return tried(worker, data, tmp_path / "data", name)

    return look


class Objects:
    """An object reader over a dictionary."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects
        self.fails = 0

    async def read(self, key, *, version=None, offset=0, size_bytes=None):
        if self.fails:
            self.fails -= 1
            raise Unavailable("store_unavailable", "The store is away.")
        if key not in self.objects:
            raise Refused("not_found")
        end = len(self.objects[key]) if size_bytes is None else offset + size_bytes
        for start in range(offset, end, 1000):
            yield self.objects[key][start : min(start + 1000, end)]


class World:
    """A zone in a folder with the same objects behind a reader."""

    def __init__(self, folder):
        self.folder = folder
        self.objects = Objects({})
        self.count = 0

    def land(self, data: bytes) -> Receipt:
        self.count += 1
        receipt = a_receipt(self.count, f"f{self.count}.bin", data.decode())
        path = self.folder / receipt.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.objects.objects[receipt.key] = data
        return receipt


async def until(is_so):
    """Waits until something is so."""
    async with asyncio.timeout(20):
        while not is_so():  # noqa: ASYNC110 - threads do it
            await asyncio.sleep(0.01)


@pytest.fixture
def world(tmp_path):
    """A zone."""
    return World(tmp_path)


def tried(worker: Worker, data: str | bytes, path: Path, name: str = "data.bin") -> Finding:
    """One try at these bytes, brought to the worker as a file."""
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    with OpenFile(path) as file:
        return worker.inspect(Job(name=name, file_name=name, size_bytes=file.size_bytes, has_file=True), file)


def failure(worker: Worker, data: str | bytes, path: Path) -> Failure:
    """How a try came to nothing."""
    with pytest.raises(Failure) as raised:
        tried(worker, data, path)
    return raised.value
