"""lftp, over OpenSSH's `ssh`."""

from __future__ import annotations

from tests.integration.sftp.world import MIB, body


def test_a_mirror_of_four_at_a_time(world):
    """`mirror -R` with four in parallel delivers each file once; a second one finds nothing to do."""
    files = {
        f"{folder}{number:02}.csv": body(20_000 + number, number) for folder in ("", "deep/") for number in range(12)
    }
    for name, data in files.items():
        world.file(f"out/{name}", data)
    mirror = world.lftp(f"mirror -R --parallel=4 -v out {world.folder}")
    world.run(mirror)
    assert {each.name: each.data for each in world.landed()} == files
    world.run(mirror)
    assert len(world.landed()) == len(files)


def test_put(world):
    """`put` delivers byte for byte, `ls` shows the size, and `get` gives the bytes back."""
    data = body(3 * MIB)
    world.file("a.bin", data)
    to = f"{world.folder}/a.bin"
    listed = world.run(world.lftp(f"put a.bin -o {to}; cls -l {to}; get {to} -o back.bin"))
    assert str(3 * MIB) in listed
    assert (world.here / "back.bin").read_bytes() == data
    world.only("a.bin", data, "presumed")


def test_a_cut_upload_is_resumed(world):
    """`put -c` goes on where a killed lftp was, and the whole file lands."""
    data = body(6 * MIB)
    world.file("a.bin", data)
    to = f"{world.folder}/a.bin"
    world.cut(world.lftp(f"set net:limit-rate 0:6000000; put a.bin -o {to}"), to, at_bytes=MIB)
    assert world.landed() == []
    assert MIB <= world.size(to) < 6 * MIB
    world.run(world.lftp(f"put -c a.bin -o {to}"))
    world.only("a.bin", data, "presumed")


def test_temporary_names(world):
    """With `xfer:use-temp-file` a file is put as `.in.NAME.` and renamed: one delivery, with its final name."""
    data = body(MIB)
    world.file("a.bin", data)
    to = f"{world.folder}/a.bin"
    world.run(world.lftp(f"set xfer:use-temp-file yes; put a.bin -o {to}"))
    delivery = world.only("a.bin", data, "presumed")
    assert "rename" in {fact["kind"] for fact in delivery.receipt["evidence"]}
    assert world.kinds() == ["receipt"]
