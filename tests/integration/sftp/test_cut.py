"""Bad days with real clients: the client dies, the server dies, and the same client goes on where it was."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from tests.integration.sftp import raw as wire
from tests.integration.sftp.raw import F_CREAT, F_TRUNC, F_WRITE, text
from tests.integration.sftp.world import MIB, ZONES, body, serve

SIZE_BYTES, CUT_BYTES = 14 * MIB, 9 * MIB  # more than one part of S3: something of it is there after a crash
DATA = body(SIZE_BYTES)

served = pytest.fixture(serve, scope="module", params=ZONES, name="served")
"""A server for these tests alone: it dies often, and its zone becomes large."""


class _Client:
    """One client that puts `a.bin`: for the first time or going on, slowly (16 MB/s) or as fast as it can."""

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.to = f"{world.folder}/a.bin"
        world.file("a.bin", DATA)

    def line(self, *, again=False, slowly=False):
        """Its command, and what it reads from stdin."""
        if self.name == "sftp":
            limit = ("-l", "128000") if slowly else ()
            return self.world.sftp(*limit), f"{'reput' if again else 'put'} a.bin {self.to}\n"
        if self.name == "lftp":
            rate = "set net:limit-rate 0:16000000; " if slowly else ""
            return self.world.lftp(f"{rate}put {'-c ' if again else ''}a.bin -o {self.to}"), ""
        words = (*(("-C", "-") if again else ()), *(("--limit-rate", "16M") if slowly else ()))
        return self.world.curl(*words, "-T", "a.bin", self.to), ""

    def cut(self, at_bytes, *, again=False):
        """It is killed when so many bytes are there; gives how many then are."""
        command, said = self.line(again=again, slowly=True)
        self.world.cut(command, self.to, at_bytes=at_bytes, said=said)
        return self.world.size(self.to)

    def go_on(self):
        """It goes on, or begins anew where nothing is left, to the end."""
        self.world.run(*self.line(again=bool(self.world.size(self.to))))


@pytest.fixture(params=["sftp", "lftp", "curl"])
def client(request, world):
    """Each client that can go on."""
    return _Client(world, request.param)


@pytest.fixture
def sftp(world):
    """One that stands for all."""
    return _Client(world, "sftp")


def test_client_and_server_die(world, client):
    """Both are killed in the middle: nothing has landed, what is left is gone on with, and the file is whole."""
    command, said = client.line(slowly=True)
    with world.halfway(command, client.to, at_bytes=CUT_BYTES, said=said):
        world.restart()
    assert world.landed() == []
    assert (world.size(client.to) or 0) < SIZE_BYTES
    client.go_on()
    world.only("a.bin", DATA, "presumed")
    assert world.kinds() == ["receipt"]


def test_the_client_dies_again_and_again(world, sftp):
    """A file that takes three tries is one delivery; what was parked is there to the byte after the server's death."""
    first = sftp.cut(2 * MIB)
    second = sftp.cut(first + 4 * MIB, again=True)
    assert first + 4 * MIB <= second < SIZE_BYTES
    assert world.landed() == []
    world.restart()
    assert world.size(sftp.to) == second
    sftp.go_on()
    world.only("a.bin", DATA, "presumed")


def test_a_client_that_hangs_is_overtaken(world, sftp):
    """A session that hangs with the file open does not keep its user from going on in another one."""
    command, said = sftp.line(slowly=True)
    with world.halfway(command, sftp.to, at_bytes=CUT_BYTES, said=said) as group:
        os.killpg(group, signal.SIGSTOP)
        sftp.go_on()
        world.only("a.bin", DATA, "presumed")
    world.only("a.bin", DATA, "presumed")


def test_a_server_that_stops_lets_a_transfer_end(world, sftp):
    """Told to stop, the server takes the rest of what is being sent, and it lands."""
    command, said = sftp.line(slowly=True)
    with world.halfway(command, sftp.to, at_bytes=CUT_BYTES, said=said):
        assert world.server.stop() == 0
    world.restart()
    world.only("a.bin", DATA, "presumed")


def test_a_resumed_upload_of_another_file_is_refused(world, sftp):
    """A client that would go on at an offset that is not ours is told where it stands, and nothing lands."""
    sftp.cut(2 * MIB)
    world.file("a.bin", DATA[:MIB])  # shorter than what is there
    said = world.run(*sftp.line(again=True), code=1)
    assert "destination file" in said.lower() or "larger" in said.lower()
    assert world.landed() == []


async def test_what_was_synced_survives_the_server(world):
    """What `fsync@openssh.com` was answered for is there to the byte after the server's death, and is gone on with."""
    to, half = f"{world.folder}/a.bin", SIZE_BYTES // 2
    async with world.raw() as raw:
        handle = await raw.open(to, F_WRITE | F_CREAT | F_TRUNC)
        await raw.write(handle, DATA[:half])
        assert (await raw.ask(wire.EXTENDED, text("fsync@openssh.com") + text(handle))).code == wire.OK
        await asyncio.to_thread(world.restart)
    async with world.raw() as raw:
        assert await raw.size(to) == half
        handle = await raw.open(to, F_WRITE | F_CREAT)
        await raw.write(handle, DATA[half:], half)
        await raw.close(handle)
    world.only("a.bin", DATA, "presumed")
