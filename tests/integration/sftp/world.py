"""One serving process and its zone, what a test delivered to it, and the command lines of foreign clients."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests import checker, services
from tests.crash.served import CONFIG, Server, headwater, made_home
from tests.integration.sftp.raw import Raw, connected
from tests.processes import program

ZONES = ["directory", "s3"]
MIB = 1 << 20
SECONDS_MAX = 60.0
MOMENT_SECONDS_MAX = 20.0


def body(size_bytes: int, seed: int = 1) -> bytes:
    """Bytes that nothing compresses, the same each time."""
    return random.Random(seed).randbytes(size_bytes)


@dataclass(frozen=True)
class Landed:
    """A delivery as a reader of the zone finds it."""

    name: str
    data: bytes
    completeness: str
    receipt: dict[str, Any]


class _Immutable:
    """A zone of which no object is fetched twice: those below `raw/` never change."""

    def __init__(self, zone: checker.Files) -> None:
        self._zone = zone
        self._known: dict[str, bytes | None] = {}

    def read(self, path: str) -> bytes | None:
        if not path.startswith("raw/"):
            return self._zone.read(path)
        if path not in self._known:
            self._known[path] = self._zone.read(path)
        return self._known[path]

    def list(self, prefix: str) -> Iterable[str]:
        return self._zone.list(prefix)


class World:
    """A server on a zone for all tests. Each has a folder of its own here, and a feed of its own there."""

    def __init__(self, server: Server, zone: checker.Files) -> None:
        self.server = server
        self.zone = _Immutable(zone)
        self.here = Path()
        self.folder = ""
        self._number = 0
        self._begun_at = ""

    def begin(self, here: Path) -> None:
        """A test begins: what was delivered before is none of its."""
        self.here = here
        self._number += 1
        self.folder = f"/first/test_{self._number}"
        self._begun_at = datetime.now(UTC).isoformat()

    # --- what was delivered ------------------------------------------------------------------------------------------

    def _checked(self) -> checker.Checked:
        checked = checker.check(self.zone)
        assert checked.problems == []
        return checked

    def landed(self) -> list[Landed]:
        """The deliveries of this test, in order, the whole zone checked."""
        return [
            Landed(receipt["name"], self.zone.read(receipt["key"]) or b"", receipt["completeness"], receipt)
            for receipt in self._checked().deliveries.values()
            if self._is_mine(receipt)
        ]

    def only(self, name: str, data: bytes, completeness: str) -> Landed:
        """The one delivery of this test; it must be this one."""
        landed = self.landed()
        assert [(each.name, each.completeness) for each in landed] == [(name, completeness)]
        assert landed[0].data == data
        assert f"/{landed[0].receipt['source']}/{landed[0].receipt['feed']}" == self.folder
        return landed[0]

    def kinds(self) -> list[str]:
        """The kinds of the ledger's entries from this test's first delivery on."""
        checked = self._checked()
        before = sum(not self._is_mine(receipt) for receipt in checked.deliveries.values())
        receipts = [index for index, kind in enumerate(checked.kinds) if kind == "receipt"]
        return checked.kinds[receipts[before] :]

    def _is_mine(self, receipt: dict[str, Any]) -> bool:
        return bool(receipt["opened_at"] >= self._begun_at)

    def now(self, id: str) -> dict[str, Any]:
        """What the catalog says of a delivery by now."""
        (delivery,) = self.server.ask("GET", f"/v1/deliveries?id={id}").json["deliveries"]
        found: dict[str, Any] = delivery["now"]
        return found

    # --- files and lines ---------------------------------------------------------------------------------------------

    def file(self, name: str, data: bytes) -> Path:
        """A file to send."""
        path = self.here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def raw(self, *, version: int = 3) -> contextlib.AbstractAsyncContextManager[Raw]:
        """A raw SFTP connection."""
        return connected(self.port, self.key, self.known_hosts, version=version)

    @property
    def port(self) -> int:
        """Where the door is by now: another port after each restart."""
        assert self.server.sftp_port is not None
        return self.server.sftp_port

    @property
    def key(self) -> Path:
        """The private key of the sender `first`."""
        return self.server.home / "keys" / "first_ed25519"

    @property
    def known_hosts(self) -> Path:
        """The host keys, as the home writes them for its own user."""
        return self.server.home / "keys" / "known_hosts"

    # --- clients -----------------------------------------------------------------------------------------------------

    def ssh_options(self) -> list[str]:
        """What every program of OpenSSH is told; it believes the home's `known_hosts` alone."""
        said = {"UserKnownHostsFile": self.known_hosts, "StrictHostKeyChecking": "yes", "BatchMode": "yes"}
        options = [word for name, value in said.items() for word in ("-o", f"{name}={value}")]
        return ["-F", "none", "-i", str(self.key), "-o", "IdentitiesOnly=yes", *options]

    def sftp(self, *flags: str) -> list[str]:
        """OpenSSH's `sftp`, which reads its commands from stdin and ends at the first that fails."""
        ssh = ["-P", str(self.port), *self.ssh_options()]
        return [program("sftp"), "-q", *ssh, *flags, "-b", "-", "first@127.0.0.1"]

    def scp(self, *words: str) -> list[str]:
        """OpenSSH's `scp`. A path that begins with `:` is one on the server."""
        ssh = ["-q", "-P", str(self.port), *self.ssh_options()]
        return [program("scp"), *ssh, *(f"first@127.0.0.1{word}" if word[0] == ":" else word for word in words)]

    def lftp(self, script: str) -> list[str]:
        """lftp, over OpenSSH's `ssh`, in the test's feed; it gives up at once where it would try again."""
        ssh = " ".join([program("ssh"), "-a", "-x", *self.ssh_options()])
        settings = f'set cmd:fail-exit yes; set net:max-retries 1; set sftp:connect-program "{ssh}"'
        return [program("lftp"), "-c", f"{settings}; open -u first,- sftp://127.0.0.1:{self.port}; {script}"]

    def curl(self, *words: str) -> list[str]:
        """The curl of this machine, with an SSH of its own. The last word is a path on the server."""
        keys = ["--key", str(self.key), "--pubkey", f"{self.key}.pub"]
        url = f"sftp://first@127.0.0.1:{self.port}{words[-1]}"
        return [program("curl"), "-q", "-sS", "-k", *keys, "--ftp-create-dirs", *words[:-1], url]

    def rclone(self, *words: str) -> list[str]:
        """rclone; a word that begins with `:` is a path on the server."""
        at = f"host=127.0.0.1,port={self.port},user=first,key_file={self.key},known_hosts_file={self.known_hosts}"
        return [
            program("rclone"),
            "--config",
            os.devnull,
            *(f":sftp,{at}{word}" if word[0] == ":" else word for word in words),
        ]

    def run(self, command: Sequence[str], said: str = "", *, code: int = 0) -> str:
        """Runs a client to its end, which must be this; gives what it said."""
        done = subprocess.run(
            command,
            check=False,
            input=said,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.here,
            timeout=SECONDS_MAX,
            env=os.environ | {"HOME": str(self.here)},
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    # --- bad days ----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def halfway(self, command: Sequence[str], path: str, *, at_bytes: int, said: str = "") -> Iterator[int]:
        """A client runs, and the block begins when so many bytes of a path have come; at its end the client is killed.

        Gives its process group.
        """
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.here,
            env=os.environ | {"HOME": str(self.here)},
            start_new_session=True,
        ) as client:
            try:
                assert client.stdin is not None
                client.stdin.write(said.encode())
                client.stdin.flush()
                asyncio.run(self._until(path, at_bytes))
                assert client.poll() is None
                yield client.pid
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(client.pid, signal.SIGKILL)

    def cut(self, command: Sequence[str], path: str, *, at_bytes: int, said: str = "") -> None:
        """A client is killed when so many bytes of a path have come, and the server has seen it go."""
        parked = self._parked()
        with self.halfway(command, path, at_bytes=at_bytes, said=said):
            pass
        deadline = time.monotonic() + MOMENT_SECONDS_MAX
        while self._parked() == parked:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def restart(self) -> None:
        """Kills the server by SIGKILL, and starts it anew."""
        self.server.kill()
        self.server.start()
        self.server.wait_until_ready()

    def size(self, path: str) -> int | None:
        """What STAT says of a path."""
        return asyncio.run(self._size(path))

    def _parked(self) -> int:
        lines = self.server.log.read_bytes().split(b"\n")[:-1]
        return sum(json.loads(line).get("event") == "parked" for line in lines if line.startswith(b"{"))

    async def _size(self, path: str) -> int | None:
        async with self.raw() as raw:
            return await raw.size(path)

    async def _until(self, path: str, at_bytes: int) -> None:
        async with self.raw() as raw, asyncio.timeout(MOMENT_SECONDS_MAX):
            while (await raw.size(path) or 0) < at_bytes:
                pass


def serve(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server for many tests, on the kind of zone that is the fixture's parameter."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "directory":
        home = made_home(folder / "home")
        with Server(home.path, folder / "log") as server:
            yield World(server, checker.DirectoryZone(home.path / "zone"))
        return
    s3: services.S3Server = request.getfixturevalue("versitygw")
    bucket = s3.make_bucket()
    home = made_home(folder / "home", f'zone = "s3://{bucket}/zone"\n{CONFIG}[s3]\nendpoint = "{s3.endpoint}"\n')
    environ = {"AWS_ACCESS_KEY_ID": s3.access_key, "AWS_SECRET_ACCESS_KEY": s3.secret_key}
    founded = headwater(home.path, "init", environ=environ)
    assert founded.returncode == 0, founded.stderr
    with Server(home.path, folder / "log", environ) as server, s3.client() as client:
        yield World(server, checker.BucketZone(client, bucket, "zone"))
