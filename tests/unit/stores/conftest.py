"""A directory zone to take apart."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest

from headwater.stores.directory import DirectoryStore


@pytest.fixture
def root(tmp_path):
    """The empty folder of a zone."""
    root = tmp_path / "zone"
    root.mkdir()
    return root


@pytest.fixture
def store(root):
    """Its store."""
    store = DirectoryStore(root, 2)
    yield store
    store.close()


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of 6 MiB of its own."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system takes root")
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", folder], check=False, capture_output=True, text=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def file_size_limit(size_bytes: int) -> Iterator[None]:
    """No file of this process may grow beyond this (RLIMIT_FSIZE): the write that would is cut, the next one fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


Failing = Callable[..., AbstractContextManager[None]]


@pytest.fixture
def failing(monkeypatch) -> Failing:
    """A context in which each call of one function of `os` fails, with EIO or with the errno given."""

    @contextmanager
    def failing(name: str, code: int = errno.EIO) -> Iterator[None]:
        def fail(*_: object, **__: object) -> None:
            raise OSError(code, os.strerror(code))

        with monkeypatch.context() as patch:
            patch.setattr(os, name, fail)
            yield

    return failing


def fill(folder: Path) -> None:
    """Takes all room that the file system of this folder has."""
    with (folder / "rest").open("wb", buffering=0) as rest, suppress(OSError):
        while True:
            rest.write(bytes(4096))


def files(folder: Path) -> list[str]:
    """Every file below the folder, by its path there."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())
