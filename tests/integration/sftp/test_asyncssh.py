"""asyncssh's client."""

from __future__ import annotations

import asyncio

import asyncssh
import pytest

from tests.integration.sftp.world import MIB, body


@pytest.fixture
async def sftp(world):
    """An open SFTP session."""
    async with (
        asyncssh.connect(
            "127.0.0.1",
            world.port,
            username="first",
            client_keys=[str(world.key)],
            known_hosts=str(world.known_hosts),
            config=None,
        ) as connection,
        connection.start_sftp_client() as session,
    ):
        yield session


async def test_put_and_get(world, sftp):
    """`put` delivers byte for byte and `getsize` agrees; `get` gives the bytes back, with the time."""
    data = body(3 * MIB)
    path, to = world.file("a.bin", data), f"{world.folder}/a.bin"
    await sftp.put(str(path), to, preserve=True)
    assert await sftp.getsize(to) == 3 * MIB
    await sftp.get(to, str(world.here / "back.bin"), preserve=True)
    assert (world.here / "back.bin").read_bytes() == data
    assert int((world.here / "back.bin").stat().st_mtime) == int(path.stat().st_mtime)
    world.only("a.bin", data, "presumed")


async def test_many_at_once_in_one_session(world, sftp):
    """Twenty files that are put at the same time over one channel are twenty deliveries, none mixed up."""
    files = {f"{number:02}.bin": body(100_000 + number, number) for number in range(20)}
    paths = [world.file(name, data) for name, data in files.items()]
    await asyncio.gather(*(sftp.put(str(path), f"{world.folder}/{path.name}") for path in paths))
    assert {each.name: each.data for each in world.landed()} == files


async def test_writes_in_any_order(world, sftp):
    """A file that is written from its end to its beginning lands as it would have otherwise."""
    data = body(200_000)
    async with sftp.open(f"{world.folder}/a.bin", "wb") as file:
        for at in range(180_000, -1, -20_000):
            await file.write(data[at : at + 20_000], at)
    world.only("a.bin", data, "presumed")


async def test_glob_and_walk(world, sftp):
    """Folders can be walked and names matched."""
    await sftp.makedirs(f"{world.folder}/deep")
    for name in ("a.csv", "b.txt", "deep/c.csv"):
        await sftp.put(str(world.file(name, b"1")), f"{world.folder}/{name}")
    assert await sftp.glob(f"{world.folder}/*.csv") == [f"{world.folder}/a.csv"]
    names = {name async for name in _walked(sftp, world.folder)}
    assert names == {"a.csv", "b.txt", "c.csv"}


async def _walked(sftp, folder):
    async for entry in sftp.scandir(folder):
        if entry.filename in {".", ".."}:
            continue
        if entry.attrs.type == asyncssh.FILEXFER_TYPE_DIRECTORY:
            async for name in _walked(sftp, f"{folder}/{entry.filename}"):
                yield name
        else:
            yield entry.filename
