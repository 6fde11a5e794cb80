from __future__ import annotations

import hashlib
import io
import os

import pytest

from headwater.errors import Refused
from headwater.zone.source import WHOLE_BYTES_MAX, FileSource, source_of
from headwater.zone.transport import PIECE_BYTES

SIZES = [0, 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES]


@pytest.mark.parametrize("size", SIZES)
def test_a_file_is_declared_as_it_is(tmp_path, size):
    """Size and SHA-256 are declared before the bytes are read, and are theirs."""
    data = os.urandom(size)
    (tmp_path / "n").write_bytes(data)

    with source_of(tmp_path / "n") as source:
        assert b"".join(source.pieces()) == data
        assert (source.name, source.size_bytes, source.sha256) == ("n", size, hashlib.sha256(data).hexdigest())
        assert set(source.headers()) == {"content-length", "content-digest"}


@pytest.mark.parametrize("size", [10, WHOLE_BYTES_MAX + 1])
def test_a_file_that_changes_never_gives_its_last_piece(tmp_path, size):
    """A file that changed since it was opened breaks off before its end, so that nobody takes it for whole."""
    path = tmp_path / "n"
    path.write_bytes(b"x" * size)
    given: list[bytes] = []

    with FileSource(path) as source:
        path.write_bytes(b"y" * size + b"z")
        with pytest.raises(Refused) as refusal:
            given.extend(source.pieces())
    assert refusal.value.reason == "changed_while_read"
    assert sum(map(len, given)) < size


def test_what_is_no_file_is_refused(tmp_path):
    """A pipe in the file system is not opened as if it were a file; stdin is the way for streams."""
    os.mkfifo(tmp_path / "pipe")
    writer = os.open(tmp_path / "pipe", os.O_RDWR)
    try:
        with pytest.raises(Refused, match="pipe it into"):
            FileSource(tmp_path / "pipe")
    finally:
        os.close(writer)


def test_a_stream_takes_the_name_of_its_file(tmp_path):
    """An open file's own name serves if no other is given; nothing is declared of it."""
    (tmp_path / "n.csv").write_bytes(b"abc")

    with (tmp_path / "n.csv").open("rb") as file:
        source = source_of(file)
        assert (source.name, source.headers(), b"".join(source.pieces())) == ("n.csv", {}, b"abc")
    with pytest.raises(Refused, match="needs one"):
        source_of(io.BytesIO(b""))
