"""The legacy protocol of scp, byte by byte: what it takes, what it refuses, what it leaves when a client goes."""

from __future__ import annotations

import asyncio
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.doors.sftp.scp import Scp, asked
from headwater.terms import Receipt
from tests.unit.doors.sftp.world import FOLDER

MIB = 1 << 20


class Channel:
    """What scp needs of a channel; keeps what was written to it."""

    def __init__(self):
        self.written = b""
        self.is_paused = False

    def write(self, data):
        self.written += data

    def pause_reading(self):
        self.is_paused = True

    def resume_reading(self):
        self.is_paused = False


class Run:
    """A command of scp at a desk."""

    def __init__(self, desk, command):
        self.channel = Channel()
        self.room = asyncio.Event()
        self.room.set()
        known = asked(command)
        assert known is not None
        self.takes = known.takes
        self.scp = Scp(desk, known, self.channel, self.room)
        self.task = asyncio.ensure_future(self.scp.run())

    async def say(self, data, answer_bytes=1):
        """Sends; what comes back, as soon as it is so long, or the command has ended."""
        self.scp.data(data)
        return await self.answer(answer_bytes)

    async def answer(self, size_bytes):
        """What was written and not yet looked at, as soon as it is so long, or the command has ended."""
        for _ in range(2000):
            if self.task.done() or len(self.channel.written) >= size_bytes:
                break
            await asyncio.sleep(0.005)
        answer, self.channel.written = self.channel.written, b""
        return answer

    async def end(self):
        """Nothing more comes; the exit status."""
        self.scp.eof()
        return await asyncio.wait_for(self.task, 10)


@pytest.fixture
async def to(door):
    """Runs commands, and goes away from all of them at the end."""
    runs = []

    async def run(command, sender="acme"):
        runs.append(Run(await door.desk(sender), command))
        if runs[-1].takes:
            assert await runs[-1].answer(1) == b"\0"  # it is ready
        return runs[-1]

    yield run
    for each in runs:
        each.scp.gone()
        await each.task


@pytest.mark.parametrize("size", [0, 1, 70_000, 3 * MIB])
async def test_a_file_is_proven_by_the_size_it_was_said_to_have(door, to, size):
    """Its line, its bytes and its zero: landed under the name of the line, with its mode and time."""
    data = os.urandom(size)
    run = await to(f"scp -p -t {FOLDER}")
    assert await run.say(b"T1700000000 0 1600000000 0\n") == b"\0"
    assert await run.say(b"C0640 %d a.csv\n" % size) == b"\0"
    assert await run.say(data + b"\0") == b"\0"
    assert await run.end() == 0

    (receipt,) = await door.entries(Receipt)
    assert await door.landed() == [("a.csv", data)]
    assert (receipt.completeness, receipt.declared.mode) == ("proven", 0o640)
    assert receipt.declared.modified_at == "2023-11-14T22:13:20.000000Z"


async def test_a_file_to_a_path_has_the_name_of_the_path(door, to):
    """`scp a.csv host:…/b.csv`."""
    run = await to(f"scp -t {FOLDER}/b.csv")
    await run.say(b"C0644 3 a.csv\nabc\0", 2)
    assert await run.end() == 0
    assert await door.landed() == [("b.csv", b"abc")]


async def test_a_tree_is_sent_with_its_folders(door, to):
    """`scp -r`: folders are part of the names, and end where they end."""
    run = await to(f"scp -r -t {FOLDER}")
    lines = [b"D0755 0 x\n", b"C0644 1 a\n1\0", b"D0755 0 y\n", b"C0644 1 b\n2\0", b"E\n", b"E\n", b"C0644 1 c\n3\0"]
    for line in lines:
        assert set(await run.say(line, line.count(b"C") + 1)) == {0}
    assert await run.end() == 0
    assert sorted(await door.landed()) == [("c", b"3"), ("x/a", b"1"), ("x/y/b", b"2")]


@pytest.mark.parametrize("sent", [b"", b"ab", b"abc"])
async def test_a_file_without_its_zero_is_not_whole(door, to, sent):
    """Whatever came of it is parked, not landed."""
    run = await to(f"scp -t {FOLDER}")
    await run.say(b"C0644 3 a.csv\n" + sent)
    await run.end()
    assert await door.landed() == []
    assert door.world.services.underway.find("acme", f"{FOLDER}/a.csv").taken_bytes == len(sent)


async def test_a_client_that_could_not_read_its_file_lands_nothing(door, to):
    """It says so by another byte than zero, after filling up what it had promised."""
    run = await to(f"scp -t {FOLDER}")
    answer = await run.say(b"C0644 3 a.csv\nab\0\1scp: a.csv: read error\n", 4)
    assert b"could not read the file whole" in answer
    assert await door.landed() == []


@pytest.mark.parametrize(
    "name", [b"../a", b"..", b".", b"a/b", b"/etc/passwd", b"a\0b", b"../../../root/.ssh/authorized_keys"]
)
@pytest.mark.parametrize("kind", [b"C0644 3", b"D0755 0"])
async def test_a_name_that_is_a_path_ends_it(door, to, name, kind):
    """Nothing leaves the folder it was sent to (CVE-2019-6111 and its kind)."""
    run = await to(f"scp -r -t {FOLDER}")
    answer = await run.say(kind + b" " + name + b"\nabc\0", 10)
    assert b"\2scp: A name of scp is one name, and no path." in answer
    assert await run.task == 1
    assert await door.landed() == []


@pytest.mark.parametrize(
    "line",
    [
        b"GET / HTTP/1.1\r\n",
        b"C0644 -3 a\n",
        b"C0644 99999999999999999999 a\n",
        b"C9644 3 a\n",
        b"C0644 3\n",
        b"E\n",
        b"Tx\n",
        b"\n",
        b"x" * 10_000,
        b"\xff\xfe\n",
    ],
)
async def test_what_is_no_line_ends_it(door, to, line):
    """With a sentence, and an exit status that says so."""
    run = await to(f"scp -t {FOLDER}")
    assert b"\2scp: " in await run.say(line, 10)
    assert await run.task == 1
    assert await door.landed() == []


async def test_folders_are_not_nested_for_ever(door, to):
    """After 64 of them it is enough; and without -r there are none."""
    run = await to(f"scp -r -t {FOLDER}")
    await run.say(b"D0755 0 d\n" * 100, 80)
    assert await run.task == 1
    run = await to(f"scp -t {FOLDER}")
    await run.say(b"D0755 0 d\n", 10)
    assert await run.task == 1


@pytest.mark.parametrize("size", [2**63, 9_999_999_999_999_999_999])
async def test_a_size_beyond_any_is_refused(door, to, size):
    """The file is refused by its line, and the next one is taken."""
    run = await to(f"scp -t {FOLDER}")
    assert (await run.say(b"C0644 %d a\n" % size)).startswith(b"\1scp: ")
    await run.say(b"C0644 3 b\nabc\0", 2)
    assert await run.end() == 1
    assert await door.landed() == [("b", b"abc")]


async def test_a_name_that_is_not_utf_8_is_kept(door, to):
    """As bytes."""
    run = await to(f"scp -t {FOLDER}")
    await run.say(b"C0644 3 \xff\xe9.csv\nabc\0", 2)
    assert await run.end() == 0
    assert await door.landed() == [("\udcff\udce9.csv", b"abc")]


async def test_bytes_that_come_faster_than_they_are_taken_wait_with_the_client(door, to):
    """More than 1 MiB is not held."""
    run = await to(f"scp -t {FOLDER}")
    run.scp.data(b"C0644 %d a\n" % (4 * MIB) + bytes(2 * MIB))
    assert run.channel.is_paused
    await run.say(bytes(2 * MIB) + b"\0", 2)
    assert not run.channel.is_paused
    assert await run.end() == 0


# --- fetched ---------------------------------------------------------------------------------------------------------


async def test_a_file_is_fetched(client, to):
    """Byte for byte, with its time; a client that does not read gets no more."""
    data = os.urandom(2 * MIB)
    await client.put(f"{FOLDER}/a.csv", data)
    run = await to(f"scp -p -f {FOLDER}/a.csv")
    assert (await run.say(b"\0")).startswith(b"T")
    assert await run.say(b"\0") == b"C0644 %d a.csv\n" % len(data)
    run.room.clear()
    begun = len(await run.say(b"\0"))
    assert 0 < begun < MIB
    run.room.set()
    assert await run.say(b"", len(data) + 1 - begun) == data[begun:] + b"\0"
    await run.say(b"\0", 1)
    assert await run.task == 0


@pytest.mark.parametrize("path", [FOLDER, f"{FOLDER}/none", "/etc/passwd", "'a\0b'", "../../etc/shadow"])
async def test_what_is_no_file_is_not_fetched(to, path):
    """With a sentence."""
    run = await to(f"scp -f {path}")
    assert b"\2scp: " in await run.say(b"\0", 10)
    assert await run.task == 1


async def test_a_client_that_goes_while_it_fetches_leaves_nothing(client, to):
    """Also where it did not read."""
    await client.put(f"{FOLDER}/a.csv", os.urandom(2 * MIB))
    run = await to(f"scp -f {FOLDER}/a.csv")
    run.room.clear()
    await run.say(b"\0\0", 10)
    run.scp.gone()
    assert await asyncio.wait_for(run.task, 10) == 0


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("scp -t /x", (True, "/x", False, False, False)),
        ("scp -r -p -d -t -- /x", (True, "/x", True, True, True)),
        ("/usr/bin/scp -rpt '/a b'", (True, "/a b", True, True, False)),
        ("scp -v -f", (False, ".", False, False, False)),
    ],
)
def test_the_command_is_understood(command, found):
    """As OpenSSH, PuTTY and WinSCP write it."""
    assert asked(command) == found


@pytest.mark.parametrize("command", ["scp", "scp -t -f /x", "scp -t /a /b", "scp -t 'a", "sftp -t /x", "scp /x", ""])
def test_what_is_not_scps_own_is_no_scp(command):
    """Neither both ways, nor none, nor two paths."""
    assert asked(command) is None


@given(st.text(max_size=40))
def test_any_command_line_is_one_or_not(command):
    """Nothing is raised."""
    asked(command)
    asked(f"scp -t {command}")
