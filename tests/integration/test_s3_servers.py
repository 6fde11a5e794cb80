"""A zone on real S3 servers: what is believed of them, and a network that breaks in front of them."""

from __future__ import annotations

import asyncio
import json
import socket
import time
import tracemalloc
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from boto3.session import Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from headwater.books.sqlite import SqliteBooks
from headwater.config_schema import S3
from headwater.landing import Budget
from headwater.stores.s3_beliefs import prove
from headwater.stores.s3_calls import connect
from headwater.stores.s3_zone import S3ZoneStore, open_s3_zone
from tests import services
from tests.contract.stores.samples import MIB, body, cut, digests, key, upload_id, whole
from tests.processes import program, running

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


@pytest.fixture
def tls_bucket(tmp_path, monkeypatch):
    """An empty, versioned bucket on a versitygw that speaks TLS, with a certificate that the AWS chain trusts."""
    exe = program("versitygw")
    certificate, key_file = _certificate(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    folders = [tmp_path / "root", tmp_path / "versions"]
    for folder in folders:
        folder.mkdir()

    def command(port):
        listen = ["--port", f"127.0.0.1:{port}", "--quiet", "--keep-alive", "--cert", str(certificate)]
        return [exe, *listen, "--key", str(key_file), "posix", "--versioning-dir", str(folders[1]), str(folders[0])]

    environ = {"ROOT_ACCESS_KEY": "headwater", "ROOT_SECRET_KEY": "headwater-secret"}
    with running(command, log=tmp_path / "log", is_ready=_accepts, environ=environ) as server:
        made = services.S3Server(f"https://127.0.0.1:{server.port}", "headwater", "headwater-secret", server.pid)
        yield services.Bucket(made, made.make_bucket())


def _accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _certificate(folder):
    """The files of a self-signed certificate for 127.0.0.1, and of its key."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    certificate, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(built.sign(private, hashes.SHA256()).public_bytes(Encoding.PEM))
    key_file.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, key_file


async def test_a_server_behind_tls_is_safe(tls_bucket, tmp_path):
    """Over TLS, where bodies are not signed, all that must hold does, and an upload lands byte for byte."""
    async with _zone(tls_bucket, tmp_path) as zone:
        proved = await prove(zone.calls)
        assert _broken(proved, must=True) == {}
        assert set(_broken(proved, must=False)) <= {5, 24}  # versitygw keeps the name of a framing that it takes off
        data = body(20 * MIB)
        staging = await zone.intake.begin(ID, KEY, len(data))
        await staging.write(list(cut(data, MIB)))
        await staging.commit(digests(data))
        assert await whole(zone.reader.read(KEY)) == data


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
