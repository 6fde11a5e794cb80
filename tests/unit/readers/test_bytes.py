"""Where bytes come from: local files, spools, the one folder that DuckDB sees."""

from __future__ import annotations

import os
import time

import duckdb
import pytest

from headwater.errors import Refused, Unavailable
from headwater.formats.budget import Budget
from headwater.ports.ranges import PIECE_BYTES
from headwater.readers.engine import COPY_BYTES_MAX, Engine
from headwater.readers.local import LocalFile
from headwater.readers.spool import spool
from headwater.testing.memory_ranges import MemoryRanges


def test_a_local_file_is_read_by_range_and_in_pieces(tmp_path):
    """Ranges are exact up to the end; the stream begins where it is told and has pieces of at most 1 MiB."""
    data = os.urandom(PIECE_BYTES + 7)
    (tmp_path / "f").write_bytes(data)
    with LocalFile(tmp_path / "f") as file:
        assert (file.size_bytes, file.path) == (len(data), tmp_path / "f")
        assert file.read(5, 10) == data[5:15]
        assert file.read(len(data) - 2, 10) == data[-2:]
        assert file.read(len(data) + 5, 10) == b""
        assert [len(piece) for piece in file.stream()] == [PIECE_BYTES, 7]
        assert b"".join(file.stream(3)) == data[3:]


def test_a_descriptor_is_read_and_stays_its_owners(tmp_path):
    """A file that was opened by somebody else is read all the same, has a path, and is not closed."""
    (tmp_path / "f").write_bytes(b"abc")
    fd = os.open(tmp_path / "f", os.O_RDONLY)
    with LocalFile(fd) as file:
        assert file.read(1, 5) == b"bc"
        assert file.path.read_bytes() == b"abc"
    os.close(fd)


def test_what_is_no_regular_file_is_refused(tmp_path):
    """A folder or a pipe is no delivery, and nothing waits for its writer."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(Refused, match="is no regular file"):
            LocalFile(path)


def test_a_file_that_becomes_shorter_is_unavailable(tmp_path):
    """Bytes that were there at first and are gone are never given as an end."""
    (tmp_path / "f").write_bytes(b"abcdef")
    with LocalFile(tmp_path / "f") as file:
        os.truncate(tmp_path / "f", 2)
        with pytest.raises(Unavailable):
            file.read(0, 6)


def test_a_spool_holds_what_could_be_had(tmp_path):
    """Up to where the bytes break off, and says where; beyond its limit nothing stays."""
    spooled = spool(MemoryRanges(b"abcdef", piece_bytes=2, breaks_at=4), tmp_path / "s")
    assert (spooled.path.read_bytes(), spooled.size_bytes) == (b"abcd", 4)
    assert spooled.broken.offset == 4
    with pytest.raises(Refused) as caught:
        spool(MemoryRanges(b"abcdef"), tmp_path / "t", size_bytes_max=5)
    assert caught.value.reason == "too_large"
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize("piece_bytes", [1, 2, 3, 7])
def test_a_spool_is_utf8_whatever_was_written(tmp_path, piece_bytes):
    """Re-encoded at any cut, without its mark; what is no text becomes U+FFFD."""
    contents = MemoryRanges("\ufeffäß注\n".encode("utf-16-le") + b"\x00", piece_bytes=piece_bytes)
    assert spool(contents, tmp_path / "s", encoding="utf-16-le").path.read_text() == "äß注\n\ufffd"


def test_duckdb_sees_only_what_is_handed_in(tmp_path):
    """A file outside is copied or allowed by name; its neighbours stay out of reach; the folder goes at the end."""
    small, large, other = tmp_path / "small", tmp_path / "large", tmp_path / "other"
    small.write_text("a\n1\n")
    large.write_text("a\n" + "1\n" * (COPY_BYTES_MAX // 2))
    other.write_text("a\n1\n")
    with Engine() as engine:
        for path in (small, large):
            text = f"SELECT count(*) FROM read_csv('{engine.hand_in(path)}')"
            assert engine.rows(text)[0][0] == path.read_text().count("1")
        with pytest.raises(duckdb.PermissionException):
            engine.rows(f"FROM read_csv('{other}')")
        assert engine.folder.exists()
    assert not engine.folder.exists()


def test_what_is_allowed_from_the_start_is_read_in_place(tmp_path):
    """A file in an allowed folder is not copied, whatever its size."""
    (tmp_path / "f").write_text("a\n1\n")
    with Engine(allowed=[tmp_path]) as engine:
        assert engine.hand_in(tmp_path / "f") == (tmp_path / "f").resolve()
        assert engine.rows(f"FROM read_csv('{tmp_path / 'f'}')") == [(1,)]


def test_a_spent_budget_interrupts_a_query():
    """What would run for hours ends when the budget does, and the engine works on."""
    with Engine() as engine:
        budget = Budget(1 << 40, 0.3, time.monotonic)
        with pytest.raises(duckdb.InterruptException), engine.within(budget):
            engine.rows("SELECT sum(hash(range)) FROM range(1000000000000)")
        assert budget.is_spent
        assert engine.rows("SELECT 1") == [(1,)]


def test_tidy_leaves_an_empty_folder(tmp_path):
    """After a job nothing of it stays."""
    (tmp_path / "f").write_text("a\n1\n")
    with Engine() as engine:
        engine.hand_in(tmp_path / "f")
        engine.new_path().mkdir()
        engine.tidy()
        assert list(engine.folder.iterdir()) == []
