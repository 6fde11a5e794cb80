"""Reading objects again, as fast as the machine can: files in threads, batch by batch; other stores as streams.

Threads do: hashing and reading give Python's lock back, and on two cores they were as quick as processes for large
files and for small ones (buffers of 64 KiB to 1 MiB; larger ones fall out of the processor's cache).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import suppress
from pathlib import Path
from threading import local

import msgspec

from headwater.care.findings import Problem, Trouble
from headwater.errors import HeadwaterError, Refused
from headwater.ports.store import ObjectReader
from headwater.terms import Key

BUFFER_BYTES = 256 * 1024
INLINE_BYTES_MAX = 64 * 1024

_buffers = local()


class Expected(msgspec.Struct, frozen=True):
    """What an entry says of an object. Without `sha256` only the size is known. `gone`: it was erased; `going`: that
    was ordered, and it may be gone.
    """

    key: Key
    size_bytes: int
    sha256: str | None
    crc64nvme: str | None = None
    version: str | None = None
    gone: bool = False
    going: bool = False


class Tally:
    """What was read so far: `size_bytes` grows while a file is read, for whoever shows progress."""

    def __init__(self) -> None:
        self.objects = 0
        self.size_bytes = 0
        self.reread = 0


def check_files(batch: Sequence[tuple[Expected, Path]], tally: Tally) -> list[Problem]:
    """Hashes files and compares. Blocking: in a thread. What looks wrong is read a second time before it is said."""
    problems = []
    for expected, path in batch:
        problem = _check_file(expected, path, tally)
        if problem is not None:
            problem = _check_file(expected, path, tally)
            tally.reread += problem is None
        if problem is not None:
            problems.append(problem)
        tally.objects += 1
    return problems


def _check_file(expected: Expected, path: Path, tally: Tally) -> Problem | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return missing(expected)
    except OSError as error:
        return unreadable(expected, error.strerror or str(error))
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            return unreadable(expected, "it is not a plain file")
        if expected.gone or expected.sha256 is None or facts.st_size != expected.size_bytes:
            return compared(expected, facts.st_size)
        return compared(expected, facts.st_size, _sha256(descriptor, tally))
    except OSError as error:
        return unreadable(expected, error.strerror or str(error))
    finally:
        os.close(descriptor)


def _sha256(descriptor: int, tally: Tally) -> str:
    buffer: memoryview = getattr(_buffers, "buffer", None) or memoryview(bytearray(BUFFER_BYTES))
    _buffers.buffer = buffer
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
    digest = hashlib.sha256()
    while count := os.readv(descriptor, [buffer]):
        digest.update(buffer[:count])
        tally.size_bytes += count
    return digest.hexdigest()


async def check_object(
    reader: ObjectReader, expected: Expected, tally: Tally, threads: Executor, *, quick: bool
) -> list[Problem]:
    """The same through the store: the whole object as readers see it, or (`quick`) what the store says of it.

    Where another version lies over the one that was landed, or a delete marker, it is said whether that still stands.
    """
    problem = await _check_object(reader, expected, tally, threads, quick=quick)
    if problem is not None:
        problem = await _check_object(reader, expected, tally, threads, quick=quick)
        tally.reread += problem is None
    tally.objects += 1
    if problem is None:
        return []
    if expected.version is not None and problem.trouble in {Trouble.MISSING, Trouble.SIZE, Trouble.DIGEST}:
        with suppress(HeadwaterError):
            if await _check_stream(reader, expected, Tally(), threads, expected.version) is None:
                still = f"{problem.sentence} Its version {expected.version} still stands."
                return [msgspec.structs.replace(problem, sentence=still)]
    return [problem]


async def _check_object(
    reader: ObjectReader, expected: Expected, tally: Tally, threads: Executor, *, quick: bool
) -> Problem | None:
    try:
        if quick or expected.gone or expected.sha256 is None:
            stored = await reader.head(expected.key)
            if stored is None:
                return missing(expected)
            if None not in {stored.crc64nvme, expected.crc64nvme} and stored.crc64nvme != expected.crc64nvme:
                return _other_digest(expected)
            return compared(expected, stored.size_bytes)
        return await _check_stream(reader, expected, tally, threads)
    except Refused:
        return missing(expected)
    except HeadwaterError as error:
        return unreadable(expected, error.sentence)


async def _check_stream(
    reader: ObjectReader, expected: Expected, tally: Tally, threads: Executor, version: str | None = None
) -> Problem | None:
    digest = hashlib.sha256()
    size_bytes = 0
    loop = asyncio.get_running_loop()
    async for piece in reader.read(expected.key, version=version):
        if len(piece) <= INLINE_BYTES_MAX:
            digest.update(piece)
        else:
            await loop.run_in_executor(threads, digest.update, piece)
        size_bytes += len(piece)
        tally.size_bytes += len(piece)
    return compared(expected, size_bytes, digest.hexdigest())


def compared(expected: Expected, size_bytes: int, sha256: str | None = None) -> Problem | None:
    """The problem with an object that is there."""
    if expected.gone:
        return Problem(Trouble.NOT_ERASED, expected.key, f"{expected.key} stands, though it was erased.")
    if size_bytes != expected.size_bytes:
        sentence = f"{expected.key} has {size_bytes} bytes, not {expected.size_bytes}."
        return Problem(Trouble.SIZE, expected.key, sentence)
    if sha256 is not None and sha256 != expected.sha256:
        return _other_digest(expected)
    return None


def missing(expected: Expected) -> Problem | None:
    """The problem with an object that is not there."""
    if expected.gone or expected.going:
        return None
    return Problem(Trouble.MISSING, expected.key, f"{expected.key} is gone.")


def unreadable(expected: Expected, why: str) -> Problem:
    """The problem with an object that cannot be read."""
    return Problem(Trouble.UNREADABLE, expected.key, f"{expected.key} cannot be read: {why.rstrip('.')}.")


def _other_digest(expected: Expected) -> Problem:
    return Problem(Trouble.DIGEST, expected.key, f"{expected.key} does not have the bytes that were received.")
