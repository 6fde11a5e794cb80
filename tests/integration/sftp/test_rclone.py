"""rclone, with its checks of hash and time after each upload."""

from __future__ import annotations

import os

from tests.integration.sftp.world import body

TIME = 1_700_000_000


def test_copy_is_checked_and_needs_no_second_one(world):
    """`copy` delivers each file once and whole, `proven` by the hash that rclone asked for before it gave the name;
    a second `copy` has nothing to do, and `check` agrees.
    """
    files = {"a.bin": body(300_000), "deep/b.bin": body(100_000, 2), "deep/c d.csv": b"id\n1\n"}
    for name, data in files.items():
        os.utime(world.file(f"out/{name}", data), (TIME, TIME))
    copy = world.rclone("copy", "-vv", "out", f":{world.folder}")
    said = world.run(copy)
    assert "md5 = " in said
    assert ".partial" in said
    landed = world.landed()
    assert {each.name: each.data for each in landed} == files
    assert {each.completeness for each in landed} == {"proven"}
    assert {each.receipt["declared"]["modified_at"] for each in landed} == {"2023-11-14T22:13:20.000000Z"}
    assert "There was nothing to transfer" in world.run(copy)
    assert "3 matching files" in world.run(world.rclone("check", "out", f":{world.folder}"))
    assert len(world.landed()) == 3


def test_copy_back(world):
    """What was copied there is copied back, and is the same, times included."""
    data = body(300_000)
    os.utime(world.file("out/a.bin", data), (TIME, TIME))
    world.run(world.rclone("copy", "out", f":{world.folder}"))
    world.run(world.rclone("copy", f":{world.folder}", "back"))
    assert (world.here / "back/a.bin").read_bytes() == data
    assert (world.here / "back/a.bin").stat().st_mtime == TIME


def test_a_changed_file_is_a_new_delivery(world):
    """A file that has changed is copied again under its name: two deliveries, the first untouched."""
    world.file("out/a.csv", b"id\n1\n")
    world.run(world.rclone("copy", "out", f":{world.folder}"))
    world.file("out/a.csv", b"id\n1\n2\n")
    world.run(world.rclone("copy", "out", f":{world.folder}"))
    assert [each.data for each in world.landed()] == [b"id\n1\n", b"id\n1\n2\n"]


def test_a_large_file_is_checked_too(world):
    """A file of more than one part of S3 is compared under its temporary name as well, and `proven`."""
    data = body(20_000_000)
    world.file("out/a.bin", data)
    said = world.run(world.rclone("copy", "-vv", "out", f":{world.folder}"))
    assert "md5 = " in said
    world.only("a.bin", data, "proven")
