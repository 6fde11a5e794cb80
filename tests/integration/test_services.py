from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import socket
from base64 import b64encode
from pathlib import Path

import botocore.exceptions
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests import processes, services


@pytest.mark.parametrize("server", [services.versitygw, services.minio, services.rclone_s3])
def test_an_s3_server_keeps_an_object_until_it_is_stopped(server, tmp_path):
    """A started S3 server gives back the bytes put into it, and nothing answers on its port after the end."""
    with server(tmp_path / "s3") as s3:
        bucket = s3.make_bucket(is_versioned=server is not services.rclone_s3)
        with s3.client() as client:
            client.put_object(Bucket=bucket, Key="k", Body=b"bytes")
            assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"bytes"
    host, port = s3.address.split(":")
    with socket.socket() as probe:
        assert probe.connect_ex((host, int(port))) != 0


@pytest.mark.parametrize("bucket", ["versitygw_bucket", "minio_bucket"])
def test_a_buckets_object_is_created_once(bucket, request):
    """A test's own bucket is empty and versioned, and its server refuses a second create-only PUT with 412."""
    own = request.getfixturevalue(bucket)
    with own.server.client() as client:
        assert client.list_objects_v2(Bucket=own.name)["KeyCount"] == 0
        assert client.put_object(Bucket=own.name, Key="k", Body=b"1", IfNoneMatch="*")["VersionId"]
        with pytest.raises(botocore.exceptions.ClientError, match="PreconditionFailed"):
            client.put_object(Bucket=own.name, Key="k", Body=b"2", IfNoneMatch="*")


def test_rclone_is_a_store_that_lies(tmp_path):
    """The S3 server of rclone takes a create-only PUT onto an existing key: the store that a zone must refuse."""
    with services.rclone_s3(tmp_path / "s3") as s3, s3.client() as client:
        bucket = s3.make_bucket(is_versioned=False)
        client.put_object(Bucket=bucket, Key="k", Body=b"1")
        client.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
        assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"


def test_a_cut_answer_is_an_error_though_the_object_is_stored(versitygw_bucket, toxiproxy):
    """Behind a proxy that loses answers a PUT fails at the client, and the object is there all the same."""
    own, proxy = versitygw_bucket, toxiproxy.proxy(versitygw_bucket.server.address)
    with own.server.client(proxy.endpoint) as through, own.server.client() as direct:
        through.put_object(Bucket=own.name, Key="before", Body=b"1")
        with (
            proxy.toxic("reset_peer", timeout=1000),
            pytest.raises((botocore.exceptions.ConnectionError, botocore.exceptions.HTTPClientError)),
        ):
            through.put_object(Bucket=own.name, Key="cut", Body=b"")
        assert direct.head_object(Bucket=own.name, Key="cut")["ContentLength"] == 0
        through.put_object(Bucket=own.name, Key="after", Body=b"1")


def test_a_proxy_that_is_down_refuses(versitygw_bucket, toxiproxy):
    """While a proxy is down nobody connects through it; afterwards all is well."""
    own, proxy = versitygw_bucket, toxiproxy.proxy(versitygw_bucket.server.address)
    with own.server.client(proxy.endpoint) as client:
        with proxy.down(), pytest.raises(botocore.exceptions.EndpointConnectionError):
            client.list_objects_v2(Bucket=own.name)
        assert client.list_objects_v2(Bucket=own.name)["KeyCount"] == 0


def test_a_server_is_killed_though_the_test_fails(tmp_path):
    """A server's process is gone after its block, also when the block raised and the process was stopped."""
    pid = 0
    with contextlib.suppress(ZeroDivisionError), services.rclone_s3(tmp_path / "s3") as s3:
        pid = s3.pid
        os.kill(pid, signal.SIGSTOP)
        raise ZeroDivisionError
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_missing_server_skips_with_its_name():
    """A test that needs a program that is not there is skipped, and the reason names it."""
    with pytest.raises(pytest.skip.Exception, match="no-such-server is not on this machine"):
        processes.program("no-such-server", required=False)


def test_a_missing_server_fails_where_servers_are_required():
    """Where servers are required, as in CI, a missing one is a failure."""
    with pytest.raises(pytest.fail.Exception, match="no-such-server"):
        processes.program("no-such-server", required=True)


@pytest.fixture
def log(tmp_path):
    """A sound log of one entry, made by hand from C2SP tlog-tiles and signed-note, and the key that signed it."""
    origin, entry, key = "example.com/log", b"entry", Ed25519PrivateKey.generate()
    leaf = hashlib.sha256(b"\x00" + entry).digest()
    public = b"\x01" + key.public_key().public_bytes_raw()
    key_id = hashlib.sha256(origin.encode() + b"\n" + public).digest()[:4]
    note = f"{origin}\n1\n{b64encode(leaf).decode()}\n"
    signature = b64encode(key_id + key.sign(note.encode())).decode()
    (tmp_path / "log" / "tile" / "0" / "000.p").mkdir(parents=True)
    (tmp_path / "log" / "tile" / "entries" / "000.p").mkdir(parents=True)
    (tmp_path / "log" / "tile" / "0" / "000.p" / "1").write_bytes(leaf)
    (tmp_path / "log" / "tile" / "entries" / "000.p" / "1").write_bytes(len(entry).to_bytes(2) + entry)
    (tmp_path / "log" / "checkpoint").write_text(f"{note}\n— {origin} {signature}\n", encoding="utf-8")
    return tmp_path / "log", f"{origin}+{key_id.hex()}+{b64encode(public).decode()}"


def test_fsck_passes_a_sound_log_and_says_its_size(log):
    """A sound log passes, with its size."""
    folder, vkey = log
    assert services.fsck(folder, vkey).size == 1


@pytest.mark.parametrize("path", ["checkpoint", "tile/0/000.p/1", "tile/entries/000.p/1"])
@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-3])])
def test_fsck_passes_no_damaged_log(log, path, harm):
    """A log with a missing or a cut file does not pass, whatever fsck's exit status says."""
    folder, vkey = log
    harm(folder / path)
    verdict = services.fsck(folder, vkey)
    assert verdict.size is None
    assert verdict.report


def test_only_loopback_is_reachable():
    """A test that connects to, or looks up, anything beyond loopback fails at once."""
    with socket.socket() as outside, pytest.raises(pytest.fail.Exception, match=r"192\.0\.2\.1"):
        outside.connect(("192.0.2.1", 9))
    with pytest.raises(pytest.fail.Exception, match=r"example\.invalid"):
        socket.getaddrinfo("example.invalid", 80)
