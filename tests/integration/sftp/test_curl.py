"""curl's `sftp://`."""

from __future__ import annotations

from tests.integration.sftp.world import MIB, body


def test_upload(world):
    """`-T` delivers byte for byte, and the same address gives the bytes back."""
    data = body(3 * MIB)
    world.file("a.bin", data)
    to = f"{world.folder}/a.bin"
    world.run(world.curl("-T", "a.bin", to))
    world.run(world.curl("-o", "back.bin", to))
    assert (world.here / "back.bin").read_bytes() == data
    world.only("a.bin", data, "presumed")


def test_upload_and_rename(world):
    """`-Q -rename` after the transfer gives a temporary name its final one: one delivery."""
    world.file("a.csv", b"id\n1\n")
    temporary, final = f"{world.folder}/a.csv.part", f"{world.folder}/a.csv"
    world.run(world.curl("-T", "a.csv", "-Q", f"-rename {temporary} {final}", temporary))
    world.only("a.csv", b"id\n1\n", "presumed")


def test_a_cut_upload_is_resumed(world):
    """`-C -` goes on where a killed curl was, and the whole file lands."""
    data = body(6 * MIB)
    world.file("a.bin", data)
    to = f"{world.folder}/a.bin"
    world.cut(world.curl("-T", "a.bin", "--limit-rate", "6M", to), to, at_bytes=MIB)
    assert world.landed() == []
    assert MIB <= world.size(to) < 6 * MIB
    world.run(world.curl("-C", "-", "-T", "a.bin", to))
    world.only("a.bin", data, "presumed")


def test_an_upload_from_a_pipe(world):
    """A file whose size nobody knows before its end lands."""
    text = "id\n" + "1\n" * 100_000
    world.run(world.curl("-T", "-", f"{world.folder}/a.csv"), text)
    world.only("a.csv", text.encode(), "presumed")
