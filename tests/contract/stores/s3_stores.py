"""Zones in buckets, for the stores' suite: on the strict double, and on real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from headwater.books.sqlite import SqliteBooks
from headwater.config_schema import S3
from headwater.landing import Budget
from headwater.stores.s3_zone import S3ZoneStore, open_s3_zone
from headwater.testing.s3_double import S3Double
from tests.services import S3Server

Open = Callable[[], Awaitable[S3ZoneStore]]


@asynccontextmanager
async def s3_double(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[Open]:
    """A zone on the strict double."""
    with S3Double(versioning=True) as double:
        double.create_bucket("zones")
        async with _zone(request, folder, double, "zones") as opening:
            yield opening


@asynccontextmanager
async def versitygw(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[Open]:
    """A zone on versitygw."""
    bucket = request.getfixturevalue("versitygw_bucket")
    async with _zone(request, folder, bucket.server, bucket.name) as opening:
        yield opening


@asynccontextmanager
async def minio(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[Open]:
    """A zone on MinIO."""
    bucket = request.getfixturevalue("minio_bucket")
    async with _zone(request, folder, bucket.server, bucket.name) as opening:
        yield opening


@asynccontextmanager
async def _zone(
    request: pytest.FixtureRequest, folder: Path, server: S3Server | S3Double, bucket: str
) -> AsyncIterator[Open]:
    """A zone under a prefix, with the books of its home; each opening is one more process."""
    patch = request.getfixturevalue("monkeypatch")
    patch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
    patch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_key)
    settings = S3(endpoint=server.endpoint)
    books = SqliteBooks(folder / "books.sqlite3")
    budget = Budget(256 << 20, 256 << 20, folder)
    opened: list[S3ZoneStore] = []

    async def open_again() -> S3ZoneStore:
        store = await open_s3_zone(bucket, "zones/one", settings, buffers=budget, parts=books.parts, threads=16)
        opened.append(store)
        return store

    yield open_again
    for store in opened:
        await store.close()
    await books.close()
