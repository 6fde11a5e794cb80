"""Zones in buckets, for the stores' suite: on the strict double, and on real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from boto3.session import Session

from headwater.books.sqlite import SqliteBooks
from headwater.config_schema import S3
from headwater.landing import Budget
from headwater.stores.s3_calls import connect
from headwater.stores.s3_zone import S3ZoneStore
from headwater.testing.s3_double import S3Double
from tests.services import S3Server

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Open = Callable[[], Awaitable[S3ZoneStore]]


@asynccontextmanager
async def s3_double(_: pytest.FixtureRequest, folder: Path) -> AsyncIterator[Open]:
    """A zone on the strict double."""
    with S3Double(versioning=True) as double:
        double.create_bucket("zones")
        async with _zone(folder, double, "zones") as opening:
            yield opening


@asynccontextmanager
async def versitygw(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[Open]:
    """A zone on versitygw."""
    bucket = request.getfixturevalue("versitygw_bucket")
    async with _zone(folder, bucket.server, bucket.name) as opening:
        yield opening


@asynccontextmanager
async def minio(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[Open]:
    """A zone on MinIO."""
    bucket = request.getfixturevalue("minio_bucket")
    async with _zone(folder, bucket.server, bucket.name) as opening:
        yield opening


@asynccontextmanager
async def _zone(folder: Path, server: S3Server | S3Double, bucket: str) -> AsyncIterator[Open]:
    """A zone under a prefix, with the books of its home; each opening is one more process."""
    books = SqliteBooks(folder / "books.sqlite3")
    budget = Budget(256 << 20, 256 << 20, folder)
    clients = _clients(server.endpoint, server.access_key, server.secret_key)
    opened: list[S3ZoneStore] = []

    async def open_again() -> S3ZoneStore:
        opened.append(S3ZoneStore(clients, bucket, "zones/one", S3(), budget, books.parts, threads=16))
        return opened[-1]

    yield open_again
    for store in opened:
        await store.close()
    await books.close()


@cache
def _session(access_key: str, secret_key: str) -> Session:
    return Session(access_key, secret_key)


@cache
def _clients(endpoint: str, access_key: str, secret_key: str) -> tuple[S3Client, S3Client]:
    """Made once for a server: a client takes longer than most tests."""
    client = connect(_session(access_key, secret_key), S3(endpoint=endpoint), threads=32, silence_seconds_max=30)
    return client, client
