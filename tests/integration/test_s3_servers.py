"""A zone on real S3 servers: what is believed of them, and a network that breaks in front of them."""

from __future__ import annotations

import asyncio
import json
import time
import tracemalloc
from contextlib import asynccontextmanager

import pytest
from boto3.session import Session

from headwater.books.sqlite import SqliteBooks
from headwater.config_schema import S3
from headwater.landing import Budget
from headwater.stores.s3_beliefs import prove
from headwater.stores.s3_calls import connect
from headwater.stores.s3_zone import S3ZoneStore, open_s3_zone
from tests import services
from tests.contract.stores.samples import MIB, body, cut, digests, key, upload_id, whole

ID, KEY = upload_id(1), key(1)


@pytest.fixture(params=["versitygw", "minio"])
def bucket(request):
    """An empty, versioned bucket on each real server."""
    return request.getfixturevalue(f"{request.param}_bucket")


@asynccontextmanager
async def _zone(bucket, folder, endpoint=None, silence_seconds=20):
    """A zone in the bucket, by way of `endpoint` if one is given."""
    server = bucket.server
    session = Session(server.access_key, server.secret_key)
    settings = S3(endpoint=endpoint or server.endpoint)
    client = connect(session, settings, threads=32, silence_seconds_max=silence_seconds)
    budget, books = Budget(64 * MIB, 64 * MIB, folder), SqliteBooks(folder / "books.sqlite3")
    zone = S3ZoneStore((client, client), bucket.name, "zones/one", S3(), budget, books.parts, threads=32)
    yield zone
    await zone.close()
    await books.close()


# --- beliefs ----------------------------------------------------------------------------------------------------------


def _broken(proved, *, must):
    return {each.belief.number: each.seen for each in proved if not each.holds and each.belief.must is must}


async def test_real_servers_are_safe(bucket, tmp_path):
    """All that must hold does on real servers, within 20 s, and nothing is left of the probing."""
    async with _zone(bucket, tmp_path) as zone:
        begun = time.monotonic()
        proved = await prove(zone.calls)
        assert time.monotonic() - begun < 20
        assert _broken(proved, must=True) == {}
        assert set(_broken(proved, must=False)) <= {5, 12}  # a busy machine; MinIO does not look at the size
    with bucket.server.client() as client:
        left = client.list_object_versions(Bucket=bucket.name)
        assert "Versions" not in left
        assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket.name)


async def test_a_server_that_lies_is_unsafe(tmp_path):
    """A server that takes conditional writes and ignores the condition is found out, also by its checksums."""
    with services.rclone_s3(tmp_path / "rclone") as server:
        bucket = services.Bucket(server, server.make_bucket(is_versioned=False))
        async with _zone(bucket, tmp_path) as zone:
            assert {1, 2, 3, 4, 6, 9, 11} <= _broken(await prove(zone.calls), must=True).keys()


async def test_a_bucket_that_anybody_reads_is_unsafe(bucket, tmp_path):
    """A bucket whose policy lets anybody read is found out by reading."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
    resource = {"Resource": f"arn:aws:s3:::{bucket.name}/*"}
    policy = {"Version": "2012-10-17", "Statement": [statement | resource]}
    with bucket.server.client() as client:
        client.put_bucket_policy(Bucket=bucket.name, Policy=json.dumps(policy))
    async with _zone(bucket, tmp_path) as zone:
        assert set(_broken(await prove(zone.calls), must=True)) == {22}


# --- a zone -----------------------------------------------------------------------------------------------------------


async def test_a_zone_opens_by_the_chain(bucket, tmp_path, monkeypatch):
    """A zone opens with the chain's credentials, and says so where its bucket is not there or they are wrong."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", bucket.server.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", bucket.server.secret_key)
    books = SqliteBooks(tmp_path / "books.sqlite3")
    settings, budget = S3(endpoint=bucket.server.endpoint), Budget(64 * MIB, 64 * MIB, tmp_path)
    zone = await open_s3_zone(bucket.name, "", settings, buffers=budget, parts=books.parts)
    await zone.creator.create(KEY, [b"abc"], digests(b"abc"))
    assert (await zone.reader.head(KEY)).crc64nvme == digests(b"abc").crc64nvme
    await zone.close()
    await books.close()


async def test_memory_stays_flat(versitygw_bucket, tmp_path):
    """An upload of 160 MiB of unknown size holds no more than three parts in memory."""
    piece = body(MIB)
    async with _zone(versitygw_bucket, tmp_path) as zone:
        tracemalloc.start()
        staging = await zone.intake.begin(ID, KEY, None)
        for _ in range(160):
            await staging.write([bytes(bytearray(piece))])  # a copy of its own, as a socket gives it
        await staging.commit(None)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        # Two parts on their way, one being filled; a room is pieces, and for a moment a body as well.
        assert peak < 6 * 8 * MIB
        assert (await zone.reader.head(KEY)).size_bytes == 160 * MIB


# --- a network that breaks --------------------------------------------------------------------------------------------


async def test_a_read_survives_cut_connections(versitygw_bucket, toxiproxy, tmp_path):
    """An object is read whole although every connection is cut after 3 MiB."""
    data = body(10 * MIB)
    proxy = toxiproxy.proxy(versitygw_bucket.server.address)
    async with _zone(versitygw_bucket, tmp_path, proxy.endpoint) as zone:
        await zone.creator.create(KEY, [data], digests(data))
        with proxy.toxic("limit_data", bytes=3 * MIB):
            assert await whole(zone.reader.read(KEY)) == data


@pytest.mark.parametrize("kind", ["limit_data", "reset_peer", "timeout"])
async def test_a_lost_answer_is_looked_for(bucket, toxiproxy, tmp_path, kind):
    """A create whose answer never comes, or is cut off, ends in exactly one object and in a yes."""
    proxy = toxiproxy.proxy(bucket.server.address)
    async with _zone(bucket, tmp_path, proxy.endpoint, silence_seconds=1) as zone:
        attributes = {"limit_data": {"bytes": 10}, "reset_peer": {"timeout": 0}, "timeout": {"timeout": 0}}[kind]
        with proxy.toxic(kind, **attributes):
            creating = asyncio.create_task(zone.creator.create(KEY, [b"abc"], digests(b"abc")))
            await asyncio.sleep(0.5)
        await creating
    with bucket.server.client() as client:
        assert len(client.list_object_versions(Bucket=bucket.name)["Versions"]) == 1


async def test_an_upload_survives_a_network_that_is_down(bucket, toxiproxy, tmp_path):
    """An upload whose network is down for a second in the middle lands whole."""
    data = body(40 * MIB)
    proxy = toxiproxy.proxy(bucket.server.address)
    async with _zone(bucket, tmp_path, proxy.endpoint) as zone:
        staging = await zone.intake.begin(ID, KEY, None)
        for number, piece in enumerate(cut(data, MIB)):
            if number == 20:
                with proxy.down():
                    await asyncio.sleep(0.3)
            await staging.write([piece])
        await staging.commit(digests(data))
        assert await whole(zone.reader.read(KEY)) == data
