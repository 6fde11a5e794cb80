"""Bad days of an SFTP line: cut at every step, a server killed there, one that stops, a store that refuses."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncssh
import pytest

from headwater.testing.s3_double import Fault, S3Double
from tests import checker
from tests.crash.served import CONFIG, Server, headwater, made_home
from tests.end_to_end.conftest import landed
from tests.end_to_end.test_bad_stores import fill, small_disk  # noqa: F401 - a fixture
from tests.raw_sftp import CLOSE as CLOSE_
from tests.raw_sftp import EXTENDED, F_APPEND, FAILURE, GO_ON, NEW, NO_SUCH_FILE, PIECE, STATUS, RawSftp, ssh, string

MIB = 1 << 20
SIZE = 3 * MIB + 12_345
GONE = (OSError, asyncssh.Error, TimeoutError)
RESUME_SECONDS_MAX = 20.0


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"{uuid.uuid4().hex}.bin"


@contextlib.asynccontextmanager
async def client(server: Server, port: int | None = None) -> AsyncIterator[RawSftp]:
    """A session of `first`."""
    async with ssh(port or server.sftp_port or 0, password=server.token) as line:
        yield await RawSftp.over(line)


async def resumed(server: Server, path: str, data: bytes, final: str | None = None) -> int:
    """What a good client does on a new line: goes on where the server says, closes, renames. From where it went on."""
    async with client(server) as sftp:
        there = await until(lambda: sftp.size(path))
        there = there or 0
        append = F_APPEND if there == len(data) else 0  # nothing is left to write: it says that it goes on
        handle = await sftp.open(path, GO_ON | append if there else NEW)
        answers = await sftp.write_all(handle, data, there)
        assert all(answer.is_ok for answer in answers), answers
        answer = await sftp.close(handle)
        assert answer.is_ok, answer.sentence
        if final is not None:
            answer = await sftp.rename(path, final)
            assert answer.is_ok, answer.sentence
    return there


async def until(look: Callable[[], Awaitable[int | None]], seconds: float = 5.0) -> int | None:
    """What a look finds once it finds the same twice: a line that was cut is parked within a moment."""
    seen = await look()
    for _ in range(int(seconds / 0.1)):
        await asyncio.sleep(0.1)
        before, seen = seen, await look()
        if before == seen:
            break
    return seen


def expect_only(server: Server, data: bytes, name: str, *, times: int = 1) -> None:
    """The file landed, whole, so many times, and nothing that is not whole stands in raw/."""
    zone = server.home / "zone"
    assert landed(zone, name) == [data] * times
    for file in (zone / "raw").rglob(f"*{name[:20]}*"):
        assert file.read_bytes() == data


# --- the line is cut -------------------------------------------------------------------------------------------------


@pytest.fixture
def proxy(toxiproxy, server):
    """A network between the sender and the server."""
    return toxiproxy.proxy(f"127.0.0.1:{server.sftp_port}")


def port_of(proxy) -> int:
    """Where senders connect to."""
    return int(proxy.address.rpartition(":")[2])


@pytest.mark.parametrize("after_bytes", [0, 10, 1_000, 2_000, 2_800, 3_500, 4_500, 70_000, SIZE // 2, SIZE])
async def test_a_line_cut_anywhere_lands_nothing_and_is_gone_on_with(server, proxy, name, after_bytes):
    """Cut after so many bytes of the client, in greeting, key exchange, login or writes: no yes, and then one file."""
    data = os.urandom(SIZE)
    path = f"/first/files/{name}"
    with proxy.toxic("limit_data", is_upstream=True, bytes=after_bytes), pytest.raises(GONE):
        async with client(server, port_of(proxy)) as sftp:
            await sftp.put(path, data)
    assert landed(server.home / "zone", name) == []

    there = await resumed(server, path, data)

    assert (there > 0) == (after_bytes > 60_000)
    expect_only(server, data, name)


STEPS = ["open", "first write", "middle write", "last write", "before close"]


async def come_to(step: str, sftp: RawSftp, path: str, data: bytes) -> bytes:
    """An upload up to a step, which is asked for and not waited for."""
    handle = await sftp.open(path)
    last = (len(data) - 1) // PIECE * PIECE
    upto = {"open": 0, "first write": 0, "middle write": len(data) // 2, "last write": last, "before close": len(data)}
    await sftp.write_all(handle, data[: upto[step]])
    if step in {"first write", "middle write", "last write"}:
        sftp.send(6, string(handle), upto[step].to_bytes(8, "big"), string(data[upto[step] : upto[step] + PIECE]))
    return handle


@pytest.mark.parametrize("step", STEPS)
async def test_a_line_cut_at_a_step_is_gone_on_with(server, proxy, name, step):
    """Cut at each step of an upload: nothing lands, what was acknowledged is there, and the rest makes it whole."""
    data = os.urandom(SIZE)
    path = f"/first/files/{name}"
    async with client(server, port_of(proxy)) as sftp:
        await come_to(step, sftp, path, data)
        with proxy.down():
            await asyncio.sleep(0.1)
    assert landed(server.home / "zone", name) == []

    there = await resumed(server, path, data)

    assert there >= {"open": 0, "first write": 0}.get(step, 1)
    expect_only(server, data, name)


async def test_a_close_whose_line_goes_away_is_landed_or_taken_back(server, proxy, name):
    """Cut between CLOSE and its answer: what was landed unheard is marked, so that the second one counts."""
    data = os.urandom(SIZE)
    path = f"/first/files/{name}"
    async with client(server, port_of(proxy)) as sftp:
        handle = await come_to("before close", sftp, path, data)
        sftp.send(CLOSE_, string(handle))
        await asyncio.sleep(0)
        with proxy.down():
            await asyncio.sleep(0.3)
    async with client(server) as sftp:
        assert (await sftp.put(path, data)).is_ok

    found = [each for each in server.deliveries() if each["receipt"]["name"] == name]
    assert sum(each["now"]["state"] == "effective" for each in found) == 1
    expect_only(server, data, name, times=len(found))


async def test_an_answer_that_is_lost_leaves_a_delivery(server, proxy, name):
    """The CLOSE was done and its answer lost on the way: the file is there for the client that looks again."""
    data = os.urandom(SIZE)
    path = f"/first/files/{name}"
    async with client(server, port_of(proxy)) as sftp:
        handle = await come_to("before close", sftp, path, data)
        with proxy.toxic("timeout", timeout=0), pytest.raises(TimeoutError):
            await sftp.answer(sftp.send(CLOSE_, string(handle)), 1.0)
    async with client(server) as sftp:
        assert await sftp.size(path) == SIZE
    expect_only(server, data, name)


async def test_a_rename_whose_answer_is_lost_is_done_once(server, proxy, name):
    """The temporary name is gone, the final one is there, and a second RENAME is told that there is nothing."""
    data = os.urandom(SIZE)
    path = f"/first/files/{name}"
    async with client(server, port_of(proxy)) as sftp:
        assert (await sftp.put(f"{path}.part", data)).is_ok
        with proxy.toxic("timeout", timeout=0), pytest.raises(TimeoutError):
            await sftp.answer(sftp.send(18, string(f"{path}.part"), string(path)), 1.0)
    async with client(server) as sftp:
        assert (await sftp.rename(f"{path}.part", path)).code == NO_SUCH_FILE
        assert await sftp.size(path) == SIZE
    expect_only(server, data, name)


# --- the server is killed --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", STEPS)
async def test_a_server_killed_at_a_step_goes_on_with_it(start, name, step):
    """`kill -9` at each step, and a start: nothing landed, and what had reached the disk is gone on with."""
    server: Server = start()
    data = os.urandom(9 * MIB)
    path = f"/first/files/{name}"
    async with client(server) as sftp:
        await come_to(step, sftp, path, data)
        server.kill()
    server.start()
    server.wait_until_ready()
    assert landed(server.home / "zone", name) == []

    there = await resumed(server, path, data)

    assert there >= {"open": 0, "first write": 0}.get(step, 2 * MIB)
    expect_only(server, data, name)


async def test_what_was_synced_outlives_a_kill(start, name):
    """An OK to fsync@openssh.com means that these bytes are gone on with, whatever comes."""
    server: Server = start()
    data = os.urandom(SIZE)
    path = f"/first/files/{name}"
    async with client(server) as sftp:
        handle = await come_to("middle write", sftp, path, data)
        assert (await sftp.ask(EXTENDED, string("fsync@openssh.com"), string(handle))).is_ok
        server.kill()
    server.start()
    server.wait_until_ready()

    assert await resumed(server, path, data) >= SIZE // 2
    expect_only(server, data, name)


@pytest.mark.parametrize("temporary", [True, False])
@pytest.mark.parametrize("after_seconds", [0.0, 0.002, 0.005, 0.01, 0.03])
async def test_a_server_killed_while_it_lands_has_it_or_goes_on(start, name, temporary, after_seconds):
    """`kill -9` a moment after CLOSE or RENAME was sent: there is a whole file afterwards, or what makes it whole."""
    server: Server = start()
    data = os.urandom(SIZE)
    final = f"/first/files/{name}"
    path = f"{final}.part" if temporary else final
    async with client(server) as sftp:
        handle = await come_to("before close", sftp, path, data)
        if temporary:
            assert (await sftp.close(handle)).is_ok
            sftp.send(18, string(path), string(final))
        else:
            sftp.send(CLOSE_, string(handle))
        await asyncio.sleep(after_seconds)
        server.kill()
    server.start()
    server.wait_until_ready()
    async with client(server) as sftp:
        if temporary and await sftp.size(path) is not None:
            assert landed(server.home / "zone", name) == []
            assert (await sftp.rename(path, final)).is_ok
        elif not landed(server.home / "zone", name):
            assert not temporary
            assert (await sftp.put(final, data)).is_ok
        assert await sftp.size(final) == SIZE

    expect_only(server, data, name)
    assert server.stop() == 0
    assert checker.check(checker.DirectoryZone(server.home / "zone")).problems == []


# --- the server stops ------------------------------------------------------------------------------------------------


async def test_a_transfer_finishes_within_the_grace(start, name):
    """After SIGTERM what is open goes on to its end, new files are refused with a sentence, and the server ends."""
    server: Server = start()
    data = os.urandom(SIZE)
    async with client(server) as sftp:
        handle = await come_to("middle write", sftp, f"/first/files/{name}", data)
        os.kill(server.pid, signal.SIGTERM)
        await asyncio.sleep(0.3)
        refused = await sftp.put_refused("/first/files/new.bin", b"abc")
        assert (refused.code, refused.sentence) == (FAILURE, "The server is stopping.")
        assert all(answer.is_ok for answer in await sftp.write_all(handle, data, len(data) // 2))
        assert (await sftp.close(handle)).is_ok

    async with asyncio.timeout(10):
        while server.code is None:  # noqa: ASYNC110 - a process
            await asyncio.sleep(0.05)
    assert server.code == 0
    expect_only(server, data, name)


async def test_a_transfer_that_outlasts_the_grace_is_gone_on_with(start, name):
    """It is parked, its client is told that the server stops, and the next process takes it on where it was."""
    server: Server = start(CONFIG + '[limits]\ndrain = "1s"\n')
    data = os.urandom(SIZE)
    path = f"/first/files/{name}"
    async with client(server) as sftp:
        handle = await come_to("middle write", sftp, path, data)
        assert await asyncio.to_thread(server.stop) == 0
        with pytest.raises(GONE):
            await sftp.write(handle, 0, b"x")
    server.start()
    server.wait_until_ready()

    assert await resumed(server, path, data) >= SIZE // 2
    expect_only(server, data, name)


# --- the store refuses -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [10, 300_000, SIZE])
@pytest.mark.parametrize("temporary", [True, False])
async def test_a_full_disk_is_never_a_yes(request, tmp_path, name, size, temporary):
    """A WRITE, CLOSE or RENAME fails with a sentence while there is no room; with room the file lands."""
    disk = request.getfixturevalue("small_disk")
    home = made_home(tmp_path / "home", f'zone = "{disk}/zone"\n{CONFIG}').path
    assert headwater(home, "init").returncode == 0
    data = os.urandom(size)
    final = f"/first/files/{name}"
    path = f"{final}.part" if temporary else final
    with Server(home, tmp_path / "log") as server:
        async with client(server) as sftp:
            assert (await sftp.put("/first/files/before.bin", b"abc")).is_ok
            fill(disk, "bytes")
            answer = await sftp.put(path, data)
            if temporary and answer.is_ok:
                answer = await sftp.rename(path, final)
            assert (answer.code, bool(answer.sentence)) == (FAILURE, True)
            (disk / "filler").unlink()
            answer = await landed_at_last(sftp, path, data, final)
        assert server.stop() == 0
    found = [receipt for receipt in checked(checker.DirectoryZone(disk / "zone")) if receipt["name"] == name]
    assert found
    assert {receipt["size_bytes"] for receipt in found} == {size}


async def landed_at_last(sftp: RawSftp, path: str, data: bytes, final: str):
    """Once more, until there is a yes."""
    async with asyncio.timeout(RESUME_SECONDS_MAX):
        while True:
            answer = await sftp.put(path, data)
            if path != final and answer.is_ok:
                answer = await sftp.rename(path, final)
            if answer.is_ok:
                return answer
            await asyncio.sleep(0.2)


def checked(zone: checker.Files) -> list[dict[str, Any]]:
    """Every receipt of a zone in which nothing is wrong."""
    found = checker.check(zone)
    assert found.problems == []
    return list(found.deliveries.values())


@pytest.mark.parametrize("operation", ["UploadPart", "CompleteMultipartUpload", "PutObject", "*"])
async def test_an_s3_that_refuses_in_the_middle_is_never_a_yes(tmp_path, name, operation):
    """A WRITE or CLOSE fails with a sentence while S3 refuses; when it is well the same client lands the file."""
    data = os.urandom(17 * MIB)
    path = f"/first/files/{name}"
    with S3Double(versioning=True) as double:
        double.create_bucket("landing")
        environ = {"AWS_ACCESS_KEY_ID": double.access_key, "AWS_SECRET_ACCESS_KEY": double.secret_key}
        config = f'zone = "s3://landing/zone"\n{CONFIG}[s3]\nregion = "us-east-1"\nendpoint = "{double.endpoint}"\n'
        home = made_home(tmp_path / "home", config).path
        assert headwater(home, "init", environ=environ).returncode == 0
        with Server(home, tmp_path / "log", environ) as server:
            async with client(server) as sftp:
                handle = await sftp.open(path)
                await sftp.write_all(handle, data[: 9 * MIB])
                double.faults.add(Fault(operation, status=503, times=10**6))
                await sftp.write_all(handle, data, 9 * MIB)
                answer = await sftp.answer(sftp.send(CLOSE_, string(handle)), 90.0)
                double.faults.clear()
                assert (answer.kind, answer.code, bool(answer.sentence)) == (STATUS, FAILURE, True)
                await landed_at_last(sftp, path, data, path)
            assert server.stop() == 0
        with contextlib.closing(double.client()) as s3:
            found = [each for each in checked(checker.BucketZone(s3, "landing", "zone")) if each["name"] == name]
    assert found
    assert {receipt["size_bytes"] for receipt in found} == {len(data)}
