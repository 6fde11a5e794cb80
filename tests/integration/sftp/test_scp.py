"""OpenSSH's `scp`, by SFTP as it speaks now and by the legacy protocol (`-O`)."""

from __future__ import annotations

import os
import stat

import pytest

from tests.integration.sftp.world import MIB, body

TIME = 1_700_000_000


@pytest.fixture(params=[(), ("-O",)], ids=["sftp", "legacy"])
def scp(world, request):
    """Runs `scp` in one of its modes, to its end."""

    def run(*words):
        return world.run(world.scp(*request.param, *words))

    return run


@pytest.fixture
def whole(scp, request):
    """How complete a file is: the legacy protocol says its size before its bytes, SFTP does not."""
    return "proven" if request.node.callspec.params["scp"] else "presumed"


def test_to_a_name(world, scp, whole):
    """A file that is copied to a name lands under it byte for byte, and can be copied back."""
    data = body(3 * MIB)
    world.file("a.bin", data)
    scp("a.bin", f":{world.folder}/b.bin")
    scp(f":{world.folder}/b.bin", "back.bin")
    assert (world.here / "back.bin").read_bytes() == data
    world.only("b.bin", data, whole)


def test_to_a_folder(world, scp, whole):
    """A file that is copied to a folder keeps its name."""
    world.file("a.csv", b"id\n1\n")
    world.run(world.sftp(), f"mkdir {world.folder}\n")
    scp("a.csv", f":{world.folder}")
    world.only("a.csv", b"id\n1\n", whole)


def test_several_to_a_folder(world, scp, whole):
    """Several files are copied to a folder, an empty one among them."""
    files = {"a.csv": b"a\n", "b.csv": b"", "c with blanks & ünicode.csv": b"c\n"}
    for name, data in files.items():
        world.file(name, data)
    world.run(world.sftp(), f"mkdir {world.folder}\n")
    scp(*files, f":{world.folder}/")
    assert {each.name: (each.data, each.completeness) for each in world.landed() if each.data} == {
        name: (data, whole) for name, data in files.items() if data
    }
    assert {each.name for each in world.landed()} == files.keys()


def test_a_folder(world, scp):
    """`-r` copies a folder, and the folders in it are part of the names."""
    files = {"year/a.csv": b"a", "year/07/b.csv": b"b"}
    for name, data in files.items():
        world.file(name, data)
    world.run(world.sftp(), f"mkdir {world.folder}\n")
    scp("-r", "year", f":{world.folder}")
    assert {each.name: each.data for each in world.landed()} == files


def test_time_and_mode(world, scp):
    """`-p` says time and mode: the receipt has them, and the copy that is fetched with `-p` has the time."""
    path = world.file("a.csv", b"id\n1\n")
    path.chmod(0o640)
    os.utime(path, (TIME, TIME))
    scp("-p", "a.csv", f":{world.folder}/a.csv")
    scp("-p", f":{world.folder}/a.csv", "back.csv")
    (delivery,) = world.landed()
    declared = delivery.receipt["declared"]
    assert (declared["modified_at"], declared["mode"]) == ("2023-11-14T22:13:20.000000Z", 0o640)
    assert (world.here / "back.csv").stat().st_mtime == TIME
    assert stat.S_ISREG((world.here / "back.csv").stat().st_mode)


def test_the_same_file_twice(world, scp, whole):
    """`scp` opens without TRUNC: the same name again is a second delivery, not the end of the first, and no cut one."""
    world.file("a.csv", b"id\n1\n2\n3\n")
    scp("a.csv", f":{world.folder}/a.csv")
    world.file("a.csv", b"id\n1\n")
    scp("a.csv", f":{world.folder}/a.csv")
    landed = [(each.name, each.data, each.completeness) for each in world.landed()]
    assert landed == [("a.csv", b"id\n1\n2\n3\n", whole), ("a.csv", b"id\n1\n", whole)]


def test_a_killed_client_leaves_no_delivery(world, request):
    """A client that is killed leaves nothing in the zone's deliveries; the whole file can be sent afterwards."""
    data = body(6 * MIB)
    world.file("a.bin", data)
    for mode in ((), ("-O",)):
        to = f"{world.folder}/a{len(mode)}.bin"
        world.cut(world.scp(*mode, "-l", "48000", "a.bin", f":{to}"), to, at_bytes=MIB)
        assert world.landed() == []
    world.run(world.scp("a.bin", f":{world.folder}/a0.bin"))
    world.only("a0.bin", data, "presumed")
