"""OpenSSH's `sftp`."""

from __future__ import annotations

import os
import stat

import pytest

from tests.integration.sftp.world import MIB, body

TIME = 1_700_000_000


def test_put_lands_byte_for_byte(world):
    """`put` delivers, `ls -l` shows the size at once, `get` gives the bytes back; a bare CLOSE is `presumed`."""
    data = body(3 * MIB)
    world.file("a.bin", data)
    to = f"{world.folder}/a.bin"
    listed = world.run(world.sftp(), f"put a.bin {to}\nls -l {to}\nget {to} back.bin\n")
    assert f" {3 * MIB} " in listed
    assert (world.here / "back.bin").read_bytes() == data
    world.only("a.bin", data, "presumed")


def test_an_empty_file_lands(world):
    """A file without a byte is a file."""
    world.file("a.csv", b"")
    world.run(world.sftp(), f"put a.csv {world.folder}/a.csv\n")
    world.only("a.csv", b"", "presumed")


def test_put_keeps_the_time_and_the_mode(world):
    """`put -p` says time and mode: the receipt has them, and `ls -l` and `get -p` give them back."""
    path = world.file("a.csv", b"id\n1\n")
    path.chmod(0o640)
    os.utime(path, (TIME, TIME))
    to = f"{world.folder}/a.csv"
    listed = world.run(world.sftp(), f"put -p a.csv {to}\nls -l {to}\nget -p {to} back.csv\n")
    assert "Nov 14  2023" in listed
    back = (world.here / "back.csv").stat()
    assert (back.st_mtime, stat.S_IMODE(back.st_mode)) == (TIME, 0o640)
    declared = world.only("a.csv", b"id\n1\n", "presumed").receipt["declared"]
    assert (declared["modified_at"], declared["mode"]) == ("2023-11-14T22:13:20.000000Z", 0o640)


def test_many_files_land_in_one_session(world):
    """`put *` into a folder just made delivers each of 100 files once, under its own name, and `ls` lists them."""
    files = {f"{number:03}.csv": body(1000 + number, number) for number in range(100)}
    for name, data in files.items():
        world.file(f"out/{name}", data)
    listed = world.run(world.sftp(), f"mkdir {world.folder}\ncd {world.folder}\nput out/*\nls -1\n")
    assert files.keys() <= set(listed.split())
    assert {each.name: each.data for each in world.landed()} == files
    assert world.kinds() == ["receipt"] * 100


def test_a_folder_lands_file_by_file(world):
    """`put -R` makes the folders, and the deeper ones are part of the names."""
    files = {"year/a.csv": b"a", "year/07/b.csv": b"b", "year/07/c.csv": b"c"}
    for name, data in files.items():
        world.file(name, data)
    world.run(world.sftp(), f"mkdir {world.folder}\nput -R year {world.folder}\n")
    assert {each.name: each.data for each in world.landed()} == files


def test_a_rename_is_entered(world):
    """`rename` of what has landed is an entry; the bytes stay, and the file is shown under its new name alone."""
    world.file("a.csv", b"id\n1\n")
    said = f"put a.csv {world.folder}/a.csv\nrename {world.folder}/a.csv {world.folder}/b.csv\nls -1 {world.folder}\n"
    listed = world.run(world.sftp(), said)
    assert f"{world.folder}/b.csv" in listed.split()
    assert f"{world.folder}/a.csv" not in listed.splitlines()
    delivery = world.only("a.csv", b"id\n1\n", "presumed")
    assert world.kinds() == ["receipt", "renamed"]
    assert world.now(delivery.receipt["id"])["name"] == "b.csv"


def test_rm_in_the_same_session_takes_it_back(world):
    """`rm` of what this session delivered hides it, and says that its sender took it back: `suspect`."""
    world.file("a.csv", b"id\n1\n")
    to = f"{world.folder}/a.csv"
    world.run(world.sftp(), f"put a.csv {to}\nrm {to}\n")
    assert world.size(to) is None
    delivery = world.only("a.csv", b"id\n1\n", "presumed")
    assert world.now(delivery.receipt["id"])["completeness"] == "suspect"
    assert world.kinds() == ["receipt", "amended"]


def test_rm_in_a_later_session_hides(world):
    """`rm` in a later session tidies up: the file is shown no more, and stays the delivery that it was."""
    world.file("a.csv", b"id\n1\n")
    to = f"{world.folder}/a.csv"
    world.run(world.sftp(), f"put a.csv {to}\n")
    world.run(world.sftp(), f"rm {to}\n")
    assert world.size(to) is None
    delivery = world.only("a.csv", b"id\n1\n", "presumed")
    assert world.now(delivery.receipt["id"])["completeness"] == "presumed"


def test_the_same_name_twice_is_two_deliveries(world):
    """A name that is put again is delivered again, and nothing is overwritten."""
    world.file("a.csv", b"old\n")
    world.file("b.csv", b"new, and longer\n")
    to = f"{world.folder}/a.csv"
    world.run(world.sftp(), f"put a.csv {to}\nput b.csv {to}\nget {to} back.csv\n")
    assert (world.here / "back.csv").read_bytes() == b"new, and longer\n"
    assert [each.data for each in world.landed()] == [b"old\n", b"new, and longer\n"]


@pytest.mark.parametrize("again", ["reput", "put -a"])
def test_a_cut_upload_is_resumed(world, again):
    """A client that is killed leaves no delivery; `reput` and `put -a` go on where it was, and the whole file lands."""
    data = body(6 * MIB)
    world.file("a.bin", data)
    to = f"{world.folder}/a.bin"
    world.cut(world.sftp("-l", "48000"), to, at_bytes=MIB, said=f"put a.bin {to}\n")
    assert world.landed() == []
    assert MIB <= world.size(to) < 6 * MIB
    world.run(world.sftp(), f"{again} a.bin {to}\n")
    world.only("a.bin", data, "presumed")


def test_a_file_that_grows_is_continued(world):
    """`reput` of a file that has grown since it landed delivers the rest, and says of what it is the continuation."""
    data = body(MIB)
    world.file("a.log", data[:1000])
    to = f"{world.folder}/a.log"
    world.run(world.sftp(), f"put a.log {to}\n")
    world.file("a.log", data)
    world.run(world.sftp(), f"reput a.log {to}\nls -l {to}\n")
    first, rest = world.landed()
    assert (first.data, rest.data) == (data[:1000], data[1000:])
    assert rest.receipt["continues"] == {"id": first.receipt["id"], "offset": 1000}
    assert world.size(to) == MIB


def test_a_receipt_is_fetched_by_the_files_name(world):
    """`get NAME.receipt.json` gives the receipt, which is not listed."""
    world.file("a.csv", b"id\n1\n")
    to = f"{world.folder}/a.csv"
    listed = world.run(world.sftp(), f"put a.csv {to}\nget {to}.receipt.json got.json\nls -1 {world.folder}\n")
    assert world.only("a.csv", b"id\n1\n", "presumed").receipt["sha256"] in (world.here / "got.json").read_text()
    assert "receipt.json\n" not in listed.partition("ls -1")[2]


def test_a_folder_that_is_not_there_is_no_name(world):
    """A path that ends in `/` is a folder: where there is none nothing is delivered under the folder's name."""
    world.file("a.csv", b"id\n1\n")
    said = world.run(world.sftp(), f"put a.csv {world.folder}/\n", code=1)
    assert "o such file" in said or "Failure" in said
    assert world.landed() == []
