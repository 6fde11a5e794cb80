"""WinSCP's packets, as its source sends them over SFTP 3: `SFTPSource` and `SFTPOpenRemote` in SftpFileSystem.cpp.

Files above 100 KiB go by way of `NAME.filepart`; smaller ones are opened EXCL and TRUNC under their own name. The size
is said at OPEN whenever that creates and truncates. CLOSE is sent before the last WRITEs are answered.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.integration.sftp import raw as wire
from tests.integration.sftp.raw import F_CREAT, F_EXCL, F_TRUNC, F_WRITE, OK, attrs, text, u32, u64
from tests.integration.sftp.world import MIB, body

TIME = 1_700_000_000


@pytest.fixture
async def winscp(world):
    """A session as WinSCP begins it: INIT 6, where are we, what is there."""
    async with world.raw(version=6) as raw:
        assert raw.version == 3
        assert (await raw.ask(wire.REALPATH, text("."))).names == {"/": 0}
        await raw.listed("/first")
        assert (await raw.ask(wire.MKDIR, text(world.folder), u32(0))).code == OK
        yield raw


async def _send(raw, handle, data, offset=0):
    """WRITEs, then CLOSE, and only then are their answers read; gives the code of CLOSE's."""
    sent = [
        raw.send(wire.WRITE, text(handle), u64(offset + at), text(data[at : at + 32_000]))
        for at in range(0, len(data), 32_000)
    ]
    sent.append(raw.send(wire.CLOSE, text(handle)))
    answers = [await raw.answer() for _ in sent]
    assert [answer.id for answer in answers] == sent
    assert [answer.sentence for answer in answers[:-1] if answer.code != OK] == []
    return answers[-1].code


async def test_filepart_upload(world, winscp):
    """Upload to `.filepart`, RENAME, SETSTAT: one delivery, under its final name, `proven` by the size at OPEN."""
    data, to = body(MIB), f"{world.folder}/a.bin"
    for path in (f"{to}.filepart", to):
        assert (await winscp.ask(wire.LSTAT, text(path))).code == wire.NO_SUCH_FILE
    handle = await winscp.open(f"{to}.filepart", F_WRITE | F_CREAT | F_TRUNC, attrs(size_bytes=MIB))
    assert await _send(winscp, handle, data) == OK
    assert world.landed() == []
    assert await winscp.listed(world.folder) == {"a.bin.filepart": MIB}
    assert (await winscp.ask(wire.RENAME, text(f"{to}.filepart"), text(to))).code == OK
    world.only("a.bin", data, "proven")
    assert (await winscp.ask(wire.SETSTAT, text(to), attrs(time=TIME))).code == OK
    said = await winscp.ask(wire.LSTAT, text(to))
    assert (said.size_bytes, said.time) == (MIB, TIME)
    assert await winscp.listed(world.folder) == {"a.bin": MIB}
    assert world.kinds() == ["receipt"]


async def test_filepart_over_a_file_that_is_there(world, winscp):
    """The target is removed, then the new file renamed onto it: two deliveries of the name, nothing lost."""
    to = f"{world.folder}/a.bin"
    old, new = body(200_000, 1), body(300_000, 2)
    async with world.raw() as before:
        await before.put(to, old)
    assert (await winscp.ask(wire.LSTAT, text(to))).size_bytes == 200_000
    handle = await winscp.open(f"{to}.filepart", F_WRITE | F_CREAT | F_TRUNC, attrs(size_bytes=300_000))
    assert await _send(winscp, handle, new) == OK
    assert (await winscp.ask(wire.REMOVE, text(to))).code == OK
    assert (await winscp.ask(wire.RENAME, text(f"{to}.filepart"), text(to))).code == OK
    assert (await winscp.ask(wire.SETSTAT, text(to), attrs(mode=0o644, time=TIME))).code == OK
    assert [(each.name, each.data) for each in world.landed()] == [("a.bin", old), ("a.bin", new)]
    assert await winscp.size(to) == 300_000
    assert world.kinds() == ["receipt", "receipt"]  # removed by another session than brought it: that is no sign


async def test_a_small_file(world, winscp):
    """OPEN with EXCL under the final name; SETSTAT is sent right after CLOSE, before any answer."""
    data, to = b"id\n1\n", f"{world.folder}/a.csv"
    handle = await winscp.open(to, F_WRITE | F_CREAT | F_EXCL | F_TRUNC, attrs(size_bytes=len(data)))
    sent = [
        winscp.send(wire.WRITE, text(handle), u64(0), text(data)),
        winscp.send(wire.CLOSE, text(handle)),
        winscp.send(wire.SETSTAT, text(to), attrs(time=TIME)),
    ]
    answers = [await winscp.answer() for _ in sent]
    assert [(answer.id, answer.code) for answer in answers] == [(number, OK) for number in sent]
    assert (await winscp.ask(wire.LSTAT, text(to))).time == TIME
    world.only("a.csv", data, "proven")


async def test_a_small_file_over_one_that_is_there(world, winscp):
    """EXCL fails on a name that is shown; WinSCP looks, asks, and opens it anew with TRUNC."""
    to = f"{world.folder}/a.csv"
    await winscp.put(to, b"old\n", attrs(size_bytes=4))
    refused = await winscp.ask(wire.OPEN, text(to), u32(F_WRITE | F_CREAT | F_EXCL | F_TRUNC), attrs(size_bytes=5))
    assert refused.code == wire.FAILURE
    assert (await winscp.ask(wire.LSTAT, text(to))).size_bytes == 4
    await winscp.put(to, b"newer", attrs(size_bytes=5))
    assert [each.data for each in world.landed()] == [b"old\n", b"newer"]


async def test_an_aborted_small_file(world, winscp):
    """Cancelled by its user, WinSCP closes what came and removes it: a size that does not agree lands nothing."""
    to = f"{world.folder}/a.csv"
    handle = await winscp.open(to, F_WRITE | F_CREAT | F_EXCL | F_TRUNC, attrs(size_bytes=100_000))
    assert await _send(winscp, handle, body(64_000)) == wire.FAILURE
    await winscp.ask(wire.REMOVE, text(to))
    assert world.landed() == []
    assert await winscp.size(to) is None


async def test_background_resume_on_a_second_connection(world, winscp):
    """The line of the first connection is cut; the queue's own connection finds `.filepart`, opens it without TRUNC and
    without a size, goes on, renames. The file is whole, and `proven` by the size that was said at first.
    """
    data, to = body(2 * MIB), f"{world.folder}/a.bin"
    handle = await winscp.open(f"{to}.filepart", F_WRITE | F_CREAT | F_TRUNC, attrs(size_bytes=2 * MIB))
    await winscp.write(handle, data[:MIB])
    winscp.abort()
    async with world.raw(version=6) as queue:
        offset = (await queue.ask(wire.LSTAT, text(f"{to}.filepart"))).size_bytes
        assert offset == MIB
        handle = await queue.open(f"{to}.filepart", F_WRITE | F_CREAT)
        assert await _send(queue, handle, data[offset:], offset) == OK
        assert (await queue.ask(wire.RENAME, text(f"{to}.filepart"), text(to))).code == OK
    world.only("a.bin", data, "proven")


async def test_background_resume_while_the_first_connection_still_has_it_open(world, winscp):
    """A transfer is moved to the background: another connection goes on with a file that the first never closed. What
    the first sends from now on is refused, its going away changes nothing, and the file is whole.
    """
    data, to = body(2 * MIB), f"{world.folder}/a.bin"
    first = await winscp.open(f"{to}.filepart", F_WRITE | F_CREAT | F_TRUNC, attrs(size_bytes=2 * MIB))
    await winscp.write(first, data[:MIB])
    async with world.raw(version=6) as queue:
        offset = await queue.size(f"{to}.filepart")
        assert offset == MIB
        handle = await queue.open(f"{to}.filepart", F_WRITE | F_CREAT)
        await queue.write(handle, data[offset : offset + 64_000], offset)
        late = await winscp.ask(wire.WRITE, text(first), u64(MIB), text(b"\0" * 32_000))
        assert late.code != OK
        winscp.abort()
        await queue.write(handle, data[offset + 64_000 :], offset + 64_000)
        await queue.close(handle)
        assert (await queue.ask(wire.RENAME, text(f"{to}.filepart"), text(to))).code == OK
    world.only("a.bin", data, "proven")


async def test_a_cut_filepart_that_is_renamed_is_no_file(world, winscp):
    """RENAME of a `.filepart` that nobody ever closed lands nothing: it says why, and the upload can go on."""
    data, to = body(MIB), f"{world.folder}/a.bin"
    handle = await winscp.open(f"{to}.filepart", F_WRITE | F_CREAT | F_TRUNC)
    await winscp.write(handle, data[:512_000])
    winscp.abort()
    async with world.raw() as other:
        refused = await other.ask(wire.RENAME, text(f"{to}.filepart"), text(to))
        assert refused.code == wire.FAILURE
        assert "cut" in refused.sentence
        assert world.landed() == []
        assert await other.size(f"{to}.filepart") == 512_000
        handle = await other.open(f"{to}.filepart", F_WRITE | F_CREAT)
        assert await _send(other, handle, data[512_000:], 512_000) == OK
        assert (await other.ask(wire.RENAME, text(f"{to}.filepart"), text(to))).code == OK
    world.only("a.bin", data, "presumed")


async def test_filepart_after_a_restart(world, winscp):
    """The server is killed between the writes: what it still has is gone on with, under the size said at first."""
    data, to = body(2 * MIB), f"{world.folder}/a.bin"
    handle = await winscp.open(f"{to}.filepart", F_WRITE | F_CREAT | F_TRUNC, attrs(size_bytes=2 * MIB))
    await winscp.write(handle, data[:MIB])
    await asyncio.to_thread(world.restart)
    async with world.raw(version=6) as queue:
        offset = await queue.size(f"{to}.filepart") or 0
        assert offset <= MIB
        flags = F_WRITE | F_CREAT | (0 if offset else F_TRUNC)
        handle = await queue.open(f"{to}.filepart", flags, attrs(size_bytes=2 * MIB) if not offset else u32(0))
        assert await _send(queue, handle, data[offset:], offset) == OK
        assert (await queue.ask(wire.RENAME, text(f"{to}.filepart"), text(to))).code == OK
    world.only("a.bin", data, "proven")
