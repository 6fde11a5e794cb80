"""The real process on a home of its own, and raw connections to it."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import checker
from tests.crash.served import CONFIG, Server, made_home

PATH = "/v1/feeds/first/files/"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    """One server for all tests of a module; a sender that stalls for two seconds is cut off."""
    folder = tmp_path_factory.mktemp("server")
    home = made_home(folder / "home", CONFIG + '[limits]\nslow_for = "2s"\nslowest = "10KiB"\n')
    with Server(home.path, folder / "log") as running:
        yield running


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[..., Server]]:
    """Starts servers, each on a home of its own in the test's folder, and kills them at the end."""
    with contextlib.ExitStack() as stack:

        def started(config: str = CONFIG, name: str = "home", *, environ: dict[str, str] | None = None) -> Server:
            home = tmp_path / name
            if not home.exists():
                made_home(home, config)
            return stack.enter_context(Server(home, tmp_path / f"{name}.log", environ))

        yield started


def raw(server: Server, head: str, body: bytes = b"", *, port: int | None = None) -> socket.socket:
    """A connection on which a request was begun by hand: `head` without the credentials and the empty line."""
    line = socket.create_connection(("127.0.0.1", port or server.port or 0), timeout=20)
    line.sendall(f"{head}\r\nHost: x\r\nAuthorization: Bearer {server.token}\r\n\r\n".encode() + body)
    return line


def status_of(line: socket.socket) -> int | None:
    """The status of the answer, None if the line is cut without one; closes it."""
    with line, contextlib.suppress(OSError):
        if answer := line.recv(65_536):
            return int(answer.split()[1])
    return None


def landed(zone: Path, name: str) -> list[bytes]:
    """The bytes of every delivery of this name, as a reader of the zone finds them."""
    files = checker.DirectoryZone(zone)
    checked = checker.check(files, is_on_its_way=lambda key: True)
    assert checked.problems == []
    keys = [receipt["key"] for receipt in checked.deliveries.values() if receipt.get("name") == name]
    return [files.read(key) or b"" for key in keys]
