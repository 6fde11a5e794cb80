from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headwater.formats.finding import Finding
from headwater.inspector.client import Failure, OpenFile, Worker
from headwater.inspector.job import Job, Limits

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
