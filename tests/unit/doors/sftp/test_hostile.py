"""A hostile client over SSH: what it costs others, and what it gets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time

import asyncssh
import pytest

from headwater.doors.sftp.server import CHANNELS_MAX, SftpServer
from headwater.doors.sftp.transport import UNREAD_BYTES_MAX
from tests.raw_sftp import F_READ, READ, STAT, RawSftp, ssh, string, u32, u64
from tests.unit.doors.sftp.world import FOLDER

PATH = f"{FOLDER}/a.csv"
MIB = 1 << 20
LET_IN_NOT = (asyncssh.Error, OSError)


class Listening:
    """The door on a port of loopback."""

    def __init__(self, door, server, port):
        self.door = door
        self.server = server
        self.port = port
        self.token = door.world.tokens["acme"]

    def line(self, **more):
        """A connection of `acme`."""
        return ssh(self.port, "acme", password=self.token, **more)

    async def lets_in(self, name, password, address="127.0.0.1"):
        """Whether a password opens the door, from an address of loopback; and how long it took to say."""
        began = time.monotonic()
        with contextlib.suppress(*LET_IN_NOT):
            async with ssh(self.port, name, password=password, local_addr=(address, 0)):
                return True, time.monotonic() - began
        return False, time.monotonic() - began

    @property
    def held_bytes(self):
        """What is kept for all clients: unsent and undone."""
        held = sum(visit.ssh._line.get_write_buffer_size() for visit in self.server._visits)
        for channel in self.server._channels:
            held += channel._channel._send_buf_len + sum(len(data) for data, _ in channel._channel._recv_buf)
            held += channel._packets._queued_bytes + channel._packets._have_bytes if channel._packets else 0
        return held


@pytest.fixture
async def listening(door):
    """The door, open."""
    key = asyncssh.generate_private_key("ssh-ed25519").export_private_key()
    server = SftpServer(door.world.services, [key])
    bound = socket.create_server(("127.0.0.1", 0))
    bound.setblocking(False)  # noqa: FBT003
    await server.start(bound)
    yield Listening(door, server, bound.getsockname()[1])
    await server.stop()


async def test_a_packet_of_a_gigabyte_ends_the_channel(listening):
    """The connection and its other channels go on."""
    async with listening.line() as line:
        good, bad = await RawSftp.over(line), await RawSftp.over(line)
        bad.raw(u32(1 << 30) + bytes(100_000))
        with pytest.raises(ConnectionResetError):
            await bad.ask(STAT, string("/"))
        assert (await good.put(PATH, b"abc")).is_ok


async def test_more_channels_than_there_are_for_one_connection_are_refused(listening):
    """16 are open at most; one that is closed makes room; the others work."""
    async with listening.line() as line:
        clients = [await RawSftp.over(line) for _ in range(CHANNELS_MAX)]
        with pytest.raises(asyncssh.ChannelOpenError):
            await RawSftp.over(line)
        for number, client in enumerate(clients):
            assert (await client.put(f"{PATH}{number}", b"abc")).is_ok
    async with listening.line() as line:
        await RawSftp.over(line)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ('sha256sum "$(reboot)"; rm -rf /', 1),
        ("sh -c 'touch /tmp/headwater-was-here'", 127),
        ("`id`", 127),
        ("scp -t ../../../../etc; id", 127),
        ("a" * 100_000, 127),
        ("md5sum 'x", 2),
    ],
)
async def test_a_command_with_shell_characters_runs_nothing(listening, command, code):
    """It is words for a table of a few; the answer is a sentence, and the exit status says no."""
    async with listening.line() as line:
        done = await asyncio.wait_for(line.run(command, check=False), 10)
        assert (done.exit_status, done.stdout) == (code, "")
        assert done.stderr
    assert not os.path.exists("/tmp/headwater-was-here")  # noqa: ASYNC240, PTH110


@pytest.mark.parametrize("asks", [{"command": b"\xff\xfe"}, {"subsystem": "netconf"}, {"subsystem": "sftp\0"}])
async def test_what_is_no_text_and_no_subsystem_of_ours_is_refused(listening, asks):
    """The channel is refused, the connection stays."""
    async with listening.line() as line:
        with pytest.raises(asyncssh.Error):
            await asyncio.wait_for(line.create_process(**asks, encoding=None), 10)
        assert (await (await RawSftp.over(line)).put(PATH, b"abc")).is_ok


async def test_nobody_gets_a_shell_a_terminal_or_a_tunnel(listening):
    """A shell is a sentence; forwarding in any direction is refused."""
    async with listening.line() as line:
        done = await asyncio.wait_for(line.run(check=False), 10)
        assert (done.exit_status, "There is no shell here." in done.stderr) == (1, True)
        with pytest.raises(asyncssh.ChannelOpenError):
            await line.open_connection("127.0.0.1", 22)
        with pytest.raises((asyncssh.ChannelListenError, asyncssh.Error)):
            await line.start_server(lambda *_: None, "127.0.0.1", 0)
        with pytest.raises(asyncssh.ChannelOpenError):
            await line.open_unix_connection("/run/x")
        assert (await (await RawSftp.over(line)).put(PATH, b"abc")).is_ok


async def test_a_storm_of_new_keys_only_costs_time(listening):
    """A client that exchanges keys anew after each 100 KiB lands what it sends, and reads it back."""
    data = os.urandom(3 * MIB)
    async with listening.line(rekey_bytes=100_000) as line:
        client = await RawSftp.over(line)
        assert (await client.put(PATH, data)).is_ok
        assert await client.read_all(PATH) == data


async def test_a_hundred_wrong_passwords_hurt_nobody_else(listening):
    """Their address is banned; from elsewhere, and by a right token from there too, one is let in."""
    for number in range(100):
        assert not (await listening.lets_in("acme", f"wrong-{number}", "127.0.0.9"))[0]
    (ban,) = listening.door.world.services.bans.listed()
    assert ban.address == "127.0.0.9"
    assert (await listening.lets_in("acme", listening.token))[0]
    assert (await listening.lets_in("acme", listening.token, "127.0.0.9"))[0]
    counts = listening.door.world.services.turned_away._counts
    assert len(counts) < 20  # by reason and minute, not by try


async def test_who_guesses_on_one_connection_is_cut_off(listening):
    """After a dozen tries; each counts."""
    tried = []

    class Guesser(asyncssh.SSHClient):
        def password_auth_requested(self):
            tried.append("x")
            return f"wrong-{len(tried)}"

    with pytest.raises(asyncssh.Error):
        await asyncssh.connect(
            "127.0.0.1", listening.port, username="acme", known_hosts=None, config=None, client_factory=Guesser,
            agent_path=None, client_keys=None,
        )  # fmt: skip
    assert 2 < len(tried) < 20


async def test_a_name_that_nobody_has_looks_like_one_that_somebody_has(listening):
    """The same refusal, with the same methods offered."""
    methods = []
    for name in ("acme", "nobody", "acme", "nobody", "ö", "a" * 1000):
        async with asyncio.timeout(60):
            with pytest.raises(asyncssh.PermissionDenied) as refused:
                async with ssh(listening.port, name, password="wrong"):
                    pass
        methods.append(str(refused.value))
    assert [text.replace("nobody", "acme") for text in methods[:4]] == [methods[0]] * 4


@pytest.mark.parametrize("kind", ["reads", "looks"])
async def test_a_client_that_never_reads_costs_little(listening, kind):
    """However large a window it offers, answers are not made for it without end; then it reads, and all come."""
    async with listening.line() as line:
        client = await RawSftp.over(line, window=2**31, max_pktsize=2**18)
        assert (await client.put(PATH, os.urandom(8 * MIB))).is_ok
        handle = await client.open(PATH, F_READ)
        transport = line._transport
        transport.pause_reading()
        if kind == "reads":
            numbers = [client.send(READ, string(handle), u64(0), u32(255 * 1024)) for _ in range(400)]
        else:
            numbers = [client.send(STAT, string("/acme-crm/" + "x" * 2000)) for _ in range(20_000)]
        most = 0
        for _ in range(20):
            await asyncio.sleep(0.05)
            most = max(most, listening.held_bytes)
        assert most < UNREAD_BYTES_MAX + 20 * MIB  # what the client may send unasked is 16 of them

        async with listening.line() as other:
            assert (await (await RawSftp.over(other)).put(f"{PATH}2", b"abc")).is_ok
        transport.resume_reading()
        for number in numbers:
            await client.answer(number)


async def test_strangers_that_say_nothing_or_anything_are_let_go(listening):
    """Noise ends at once, silence after a while; a sender is let in between them."""
    noise = [b"GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-x\r\n" + os.urandom(5000), b"SSH-1.5-x\r\n", b"\0" * 100_000, b""]
    writers = []
    for data in noise * 10:
        reader, writer = await asyncio.open_connection("127.0.0.1", listening.port)
        writer.write(data)
        writers.append((reader, writer))
    async with listening.line() as line:
        assert (await (await RawSftp.over(line)).put(PATH, b"abc")).is_ok
    for _, writer in writers:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    for _ in range(100):
        if not listening.server._visits:
            break
        await asyncio.sleep(0.05)
    assert listening.server._visits == set()
    assert listening.server._strangers == 0


async def test_a_client_that_goes_leaves_nothing_open(listening):
    """A client that goes, with files open or closed, leaves no channel, no window and no upload open."""
    async with listening.line() as line:
        client = await RawSftp.over(line)
        handle = await client.open(PATH)
        await client.write(handle, 0, b"abc")
        assert (await client.close(handle)).is_ok
        await client.write(await client.open(f"{PATH}2"), 0, b"abc")
    for _ in range(100):
        if not listening.server._channels:
            break
        await asyncio.sleep(0.05)
    assert listening.server._channels == set()
    assert listening.server._windows_bytes == 0
    assert listening.door.world.landing.open_uploads == 0
