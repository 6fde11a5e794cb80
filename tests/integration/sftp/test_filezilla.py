"""FileZilla's packets: its `fzsftp` is PuTTY's psftp, which speaks SFTP 3."""

from __future__ import annotations

import pytest

from tests.integration.sftp import raw as wire
from tests.integration.sftp.raw import F_CREAT, F_TRUNC, F_WRITE, OK, attrs, text, u64
from tests.integration.sftp.world import MIB, body

TIME = 1_700_000_000


@pytest.fixture
async def filezilla(world):
    """A session as FileZilla begins it: where are we, and the listing of the folder that it goes to."""
    async with world.raw() as raw:
        assert (await raw.ask(wire.REALPATH, text("."))).names == {"/": 0}
        assert (await raw.ask(wire.MKDIR, text(world.folder), attrs())).code == OK
        assert (await raw.ask(wire.REALPATH, text(world.folder))).names == {world.folder: 0}
        assert await raw.listed(world.folder) == {}
        yield raw


async def test_put_and_set_the_time(world, filezilla):
    """OPEN with permissions, WRITEs, CLOSE, SETSTAT with the time; the listing then shows size and time."""
    data, to = body(MIB), f"{world.folder}/a.bin"
    await filezilla.put(to, data, attrs(mode=0o644))
    assert (await filezilla.ask(wire.SETSTAT, text(to), attrs(time=TIME))).code == OK
    assert await filezilla.listed(world.folder) == {"a.bin": MIB}
    assert (await filezilla.ask(wire.STAT, text(to))).time == TIME
    world.only("a.bin", data, "presumed")


async def test_overwrite(world, filezilla):
    """A file that is there is asked about (STAT) and opened with TRUNC: a second delivery of the name."""
    to = f"{world.folder}/a.csv"
    await filezilla.put(to, b"old\n")
    assert (await filezilla.ask(wire.STAT, text(to))).size_bytes == 4
    await filezilla.put(to, b"new\n1\n")
    assert [(each.name, each.data) for each in world.landed()] == [("a.csv", b"old\n"), ("a.csv", b"new\n1\n")]
    assert await filezilla.listed(world.folder) == {"a.csv": 6}


async def test_reput_after_a_cut(world, filezilla):
    """Resume: OPEN with WRITE alone, FSTAT of the handle tells where to go on, WRITEs from there, CLOSE."""
    data, to = body(2 * MIB), f"{world.folder}/a.bin"
    handle = await filezilla.open(to, F_WRITE | F_CREAT | F_TRUNC)
    await filezilla.write(handle, data[:MIB])
    filezilla.abort()
    async with world.raw() as again:
        handle = await again.open(to, F_WRITE)
        offset = (await again.ask(wire.FSTAT, text(handle))).size_bytes
        assert offset == MIB
        await again.write(handle, data[offset:], offset)
        await again.close(handle)
    world.only("a.bin", data, "presumed")


async def test_cancelled(world, filezilla):
    """A transfer that its user stops ends with the connection, without CLOSE: nothing is delivered."""
    to = f"{world.folder}/a.bin"
    handle = await filezilla.open(to, F_WRITE | F_CREAT | F_TRUNC)
    for at in range(0, MIB, 32_000):
        filezilla.send(wire.WRITE, text(handle), u64(at), text(bytes(32_000)))
    await filezilla.answer()
    filezilla.abort()
    async with world.raw() as again:
        assert await again.size(to) is not None
    assert world.landed() == []
