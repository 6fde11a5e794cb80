"""The real servers that tests talk to.

Each is started on a free port of 127.0.0.1, waited for, and killed by its process id at the end, also when the test
fails or the test run is killed. `.ci/services` puts their programs into `.services/bin`. Where one is missing the test
is skipped with the reason; with HEADWATER_REQUIRE_SERVICES=1, as in CI, it fails.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import botocore.config
import pytest
import urllib3
from botocore.exceptions import ClientError

from tests.processes import free_port, program, running

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_HTTP = urllib3.PoolManager(retries=False, timeout=5.0)


def _answers(path: str) -> Callable[[int], bool]:
    def is_ready(port: int) -> bool:
        try:
            return _HTTP.request("GET", f"http://127.0.0.1:{port}{path}").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    return is_ready


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass(frozen=True)
class S3Server:
    """An S3 server with one account."""

    endpoint: str
    access_key: str
    secret_key: str
    pid: int
    region: str = "us-east-1"

    @property
    def address(self) -> str:
        """Its `host:port`, as a proxy in front of it wants it."""
        return self.endpoint.removeprefix("http://")

    @contextlib.contextmanager
    def client(self, endpoint: str | None = None) -> Iterator[S3Client]:
        """A plain client that tries each call once, to this server or to a proxy in front of it; closed at the end."""
        client: S3Client = boto3.client(
            "s3",
            endpoint_url=endpoint or self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name=self.region,
            config=botocore.config.Config(
                signature_version="s3v4", s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}
            ),
        )
        try:
            yield client
        finally:
            client.close()

    def make_bucket(self, *, is_versioned: bool = True) -> str:
        """Make an empty bucket with a name of its own and return the name."""
        name = f"hw-{uuid.uuid4().hex}"
        with self.client() as client:
            client.create_bucket(Bucket=name)
            if is_versioned:
                client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name


@dataclass(frozen=True)
class Bucket:
    """An empty, versioned bucket of a test's own."""

    server: S3Server
    name: str


@contextlib.contextmanager
def versitygw(folder: Path) -> Iterator[S3Server]:
    """The S3 server that keeps its conditional-write promises. It syncs nothing before it answers: time nothing on it.

    `folder` must lie on a file system with user extended attributes.
    """
    exe, root, versions = program("versitygw"), folder / "root", folder / "versions"
    root.mkdir(parents=True)
    versions.mkdir()

    def command(port: int) -> list[str]:
        listen = ["--port", f"127.0.0.1:{port}", "--quiet", "--keep-alive", "--health", "/health"]
        return [exe, *listen, "posix", "--versioning-dir", str(versions), str(root)]

    environ = {"ROOT_ACCESS_KEY": "headwater", "ROOT_SECRET_KEY": "headwater-secret"}
    with running(command, log=folder / "log", is_ready=_answers("/health"), environ=environ) as server:
        yield S3Server(f"http://127.0.0.1:{server.port}", "headwater", "headwater-secret", server.pid)


@contextlib.contextmanager
def minio(folder: Path) -> Iterator[S3Server]:
    """The second opinion, and the S3 server that syncs before it answers."""
    exe, root = program("minio"), folder / "root"
    root.mkdir(parents=True)

    def command(port: int) -> list[str]:
        console = ["--console-address", f"127.0.0.1:{free_port()}"]
        return [exe, "server", "--address", f"127.0.0.1:{port}", *console, "--quiet", str(root)]

    environ = {
        "MINIO_ROOT_USER": "headwater",
        "MINIO_ROOT_PASSWORD": "headwater-secret",
        "MINIO_UPDATE": "off",
        "MINIO_BROWSER": "off",
    }
    with running(command, log=folder / "log", is_ready=_answers("/minio/health/ready"), environ=environ) as server:
        minio_server = S3Server(f"http://127.0.0.1:{server.port}", "headwater", "headwater-secret", server.pid)
        _wait_for_buckets(minio_server)
        yield minio_server


def _wait_for_buckets(server: S3Server) -> None:
    """MinIO says that it is ready a moment before it takes buckets."""
    deadline = time.monotonic() + 30
    with server.client() as client:
        while True:
            try:
                client.list_buckets()
            except ClientError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return


@contextlib.contextmanager
def rclone_s3(folder: Path) -> Iterator[S3Server]:
    """The S3 server that lies: it takes conditional writes and ignores the condition. It has no versions."""
    exe, root = program("rclone"), folder / "root"
    root.mkdir(parents=True)

    def command(port: int) -> list[str]:
        return [
            exe,
            "serve",
            "s3",
            "--addr",
            f"127.0.0.1:{port}",
            "--auth-key",
            "HEADWATER,headwater-secret",
            str(root),
        ]

    environ = {"RCLONE_CONFIG": os.devnull}
    with running(command, log=folder / "log", is_ready=_accepts, environ=environ) as server:
        yield S3Server(f"http://127.0.0.1:{server.port}", "HEADWATER", "headwater-secret", server.pid)


@dataclass(frozen=True)
class Proxy:
    """One proxied address; connections to `address` go on to the upstream, through its toxics."""

    api: str
    name: str
    address: str

    @property
    def endpoint(self) -> str:
        """The address as an HTTP endpoint."""
        return f"http://{self.address}"

    @contextlib.contextmanager
    def toxic(
        self, kind: str, *, is_upstream: bool = False, toxicity: float = 1.0, **attributes: int
    ) -> Iterator[None]:
        """Poison the connections, old and new, until the block ends.

        Kinds and attributes (milliseconds, bytes, KB/s) are toxiproxy's: latency(latency, jitter), bandwidth(rate),
        slow_close(delay), timeout(timeout; 0: the answer never comes), reset_peer(timeout), slicer(average_size,
        size_variation, delay), limit_data(bytes). `is_upstream` poisons what the client sends, else what it gets.
        """
        name = uuid.uuid4().hex
        stream = "upstream" if is_upstream else "downstream"
        toxic = {"name": name, "type": kind, "stream": stream, "toxicity": toxicity, "attributes": attributes}
        _call("POST", f"{self.api}/proxies/{self.name}/toxics", toxic)
        try:
            yield
        finally:
            _call("DELETE", f"{self.api}/proxies/{self.name}/toxics/{name}")

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """Cut every connection and refuse new ones until the block ends."""
        _call("POST", f"{self.api}/proxies/{self.name}", {"enabled": False})
        try:
            yield
        finally:
            _call("POST", f"{self.api}/proxies/{self.name}", {"enabled": True})


@dataclass(frozen=True)
class Toxiproxy:
    """A network that breaks on command."""

    api: str

    def proxy(self, upstream: str) -> Proxy:
        """A new proxy in front of `upstream`, a `host:port`."""
        name = uuid.uuid4().hex
        made = _call("POST", f"{self.api}/proxies", {"name": name, "listen": "127.0.0.1:0", "upstream": upstream})
        return Proxy(self.api, name, made["listen"])


def _call(method: str, url: str, body: object = None) -> Any:
    answer = _HTTP.request(method, url, json=body)
    if answer.status >= 300:
        pytest.fail(f"toxiproxy answers {answer.status} to {method} {url}: {answer.data.decode()}")
    return answer.json() if answer.data else None


@contextlib.contextmanager
def toxiproxy(folder: Path) -> Iterator[Toxiproxy]:
    """Toxiproxy with no proxy yet; its log goes into `folder`."""
    exe = program("toxiproxy-server")

    def command(port: int) -> list[str]:
        return [exe, "-host", "127.0.0.1", "-port", str(port)]

    with running(command, log=folder / "toxiproxy.log", is_ready=_answers("/version")) as server:
        yield Toxiproxy(f"http://127.0.0.1:{server.port}")


@dataclass(frozen=True)
class Fsck:
    """What Tessera's fsck says of a log: its size if it is sound, else None; and its report."""

    size: int | None
    report: str


def fsck(log: Path | str, vkey: str, *, timeout_seconds: float = 60) -> Fsck:
    """Check a whole tlog-tiles log, a folder or an http URL, with a program that is not ours.

    fsck exits 0 also when it fails, so only its line of success counts; and it can hang on a damaged log, the less so
    the more workers it has, so a time-out counts as damage.
    """
    url = f"{log.absolute().as_uri() if isinstance(log, Path) else log.rstrip('/')}/"
    key = f"/dev/fd/{(reader := _pipe(vkey))}"
    command = [program("tessera-fsck"), "--ui=false", "-N", "64", "--public_key", key, "--storage_url", url]
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=timeout_seconds, pass_fds=[reader]
        )
    except subprocess.TimeoutExpired:
        return Fsck(None, f"no end after {timeout_seconds} s")
    finally:
        os.close(reader)
    report = done.stdout + done.stderr
    _, found, size = report.partition("Successfully fsck'd log with size ")
    return Fsck(int(size.split()[0]) if found else None, report)


def _pipe(text: str) -> int:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as pipe:
        pipe.write(text)
    return reader
