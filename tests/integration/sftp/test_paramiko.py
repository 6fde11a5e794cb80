"""paramiko, which most of what is written in Python uses."""

from __future__ import annotations

import stat

import paramiko
import pytest

from tests.integration.sftp.world import MIB, body

TIME = 1_700_000_000


@pytest.fixture
def sftp(world):
    """An open SFTP session that knows the host by the home's `known_hosts`."""
    with paramiko.SSHClient() as client:
        client.load_host_keys(str(world.known_hosts))
        client.connect(
            "127.0.0.1",
            world.port,
            "first",
            key_filename=str(world.key),
            look_for_keys=False,
            allow_agent=False,
        )
        with client.open_sftp() as session:
            yield session


def test_put_with_confirm(world, sftp):
    """`put(confirm=True)` is content with the size that it finds after the upload, and the file is delivered once."""
    data = body(3 * MIB)
    to = f"{world.folder}/a.bin"
    said = sftp.put(str(world.file("a.bin", data)), to, confirm=True)
    assert said.st_size == 3 * MIB
    world.only("a.bin", data, "presumed")


def test_prefetch_reads_back(world, sftp):
    """A read with everything asked for at once gives the same bytes, and so does one here and there."""
    data = body(3 * MIB)
    to = f"{world.folder}/a.bin"
    sftp.put(str(world.file("a.bin", data)), to)
    with sftp.open(to, "rb") as file:
        file.prefetch(3 * MIB)
        assert file.read() == data
    with sftp.open(to, "rb") as file:
        pieces = file.readv([(2_000_000, 1000), (0, 10), (3 * MIB - 5, 5)])
        assert list(pieces) == [data[2_000_000:2_001_000], data[:10], data[-5:]]


def test_listdir_and_stat(world, sftp):
    """A listing has names, sizes and times as `stat` says them; `utime` and `chmod` are kept; folders are folders."""
    sftp.mkdir(world.folder)
    for name, data in {"a.csv": b"id\n1\n", "b.csv": b""}.items():
        with sftp.open(f"{world.folder}/{name}", "wb") as file:
            file.write(data)
    sftp.utime(f"{world.folder}/a.csv", (TIME, TIME))
    sftp.chmod(f"{world.folder}/a.csv", 0o600)
    sftp.mkdir(f"{world.folder}/deep")
    sftp.chdir(world.folder)
    assert sorted(sftp.listdir()) == ["a.csv", "b.csv", "deep"]
    found = {each.filename: each for each in sftp.listdir_attr()}
    assert {name: each.st_size for name, each in found.items() if name != "deep"} == {"a.csv": 5, "b.csv": 0}
    assert found["a.csv"].st_mtime == sftp.stat("a.csv").st_mtime == TIME
    assert stat.S_IMODE(found["a.csv"].st_mode) == 0o600
    assert stat.S_ISDIR(found["deep"].st_mode)
    assert sftp.normalize(".") == world.folder
    with pytest.raises(FileNotFoundError):
        sftp.stat("c.csv")


def test_append_to_what_has_landed(world, sftp):
    """A file that is opened to append to what has landed is a delivery of the rest, that says what it continues."""
    to = f"{world.folder}/a.log"
    sftp.put(str(world.file("a.log", b"one\n")), to)
    with sftp.open(to, "ab") as file:
        file.write(b"two\n")
    first, rest = world.landed()
    assert (first.data, rest.data) == (b"one\n", b"two\n")
    assert rest.receipt["continues"] == {"id": first.receipt["id"], "offset": 4}
    assert sftp.stat(to).st_size == 8


def test_posix_rename(world, sftp):
    """`posix_rename` of a temporary name lands the file, as `rename` does."""
    sftp.put(str(world.file("a.csv", b"id\n1\n")), f"{world.folder}/a.csv.tmp")
    sftp.posix_rename(f"{world.folder}/a.csv.tmp", f"{world.folder}/a.csv")
    world.only("a.csv", b"id\n1\n", "presumed")
