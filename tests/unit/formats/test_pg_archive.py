import io
import tarfile
import zlib
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from headwater.formats.budget import Budget
from headwater.formats.detect import detect
from headwater.formats.dumps import pg_archive, sql_dump
from headwater.formats.dumps.pg_toc import TocReader
from headwater.formats.examine import ends_of
from headwater.formats.finding import Dump
from headwater.formats.layers.pull import Pull
from headwater.ports.ranges import Broken
from headwater.terms import Completeness
from headwater.testing.memory_ranges import MemoryRanges

DUMPS = Path(__file__).parents[2] / "data" / "dumps"
COPY = b"COPY public.t (a, b) FROM stdin;\n"
DATA = b"1\tx\n2\t\\N\n\\.\n\n\n"


def much() -> Budget:
    """More than any sample wants, on a clock that stands still."""
    return Budget(1 << 40, 1e9, lambda: 0.0)


def number(value: int) -> bytes:
    """An integer of an archive."""
    return (b"\x01" if value < 0 else b"\x00") + abs(value).to_bytes(4, "little")


def string(text: bytes | None) -> bytes:
    """A string of an archive; None is none."""
    return number(-1) if text is None else number(len(text)) + text


def archive(compression: int, packed: bytes, *, version: int = 16, kind: int = 1, definition: bytes = b"") -> bytes:
    """An archive of one table as PostgreSQL writes it: of version 1.14 to 1.16."""
    head = b"PGDMP\x01" + bytes([version, 0, 4, 8, kind])
    head += bytes([compression]) if version >= 15 else number(compression and -1)
    head += number(0) * 7 + string(b"shop") + string(b"17.0") + string(b"17.0 (Debian)") + number(2)
    made = definition or b"CREATE TABLE public.t (a int, b text);\n"
    for entry, what, sql, copy, flag in ((1, b"TABLE", made, b"", 3), (2, b"TABLE DATA", b"", COPY, 1)):
        head += number(entry) + number(1) + string(b"0") + string(b"0") + string(b"t") + string(what) + number(2)
        head += string(sql) + string(b"") + string(copy) + string(b"public") + string(b"") + string(b"")
        head += number(0) if version >= 16 else b""
        head += string(b"me") + string(b"false") + string(b"1") + string(None) + bytes([flag]) + bytes(8)
    pieces = b"".join(number(len(packed[at : at + 7])) + packed[at : at + 7] for at in range(0, len(packed), 7))
    return head + b"\x01" + number(2) + pieces + number(0)


def lz4_frame(data: bytes) -> bytes:
    """One LZ4 frame."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "lz4") as stream:
        stream.write(data)
    return bytes(sink.getvalue())


@pytest.mark.parametrize(
    ("compression", "pack", "version"),
    [
        (0, lambda data: data, 16),
        (1, zlib.compress, 16),
        (1, zlib.compress, 14),
        (0, lambda data: data, 15),
        (2, lz4_frame, 16),
        (3, zstandard.compress, 16),
    ],
)
def test_every_compression_is_read(compression, pack, version):
    """Blocks in zlib, LZ4, Zstandard and as they are give their rows, in archives of PostgreSQL 12 to 18."""
    ranges = MemoryRanges(archive(compression, pack(DATA), version=version), piece_bytes=11)
    found = sql_dump.describe(ranges, much())
    assert found.wholeness.verdict is Completeness.PROVEN, found.wholeness
    assert [(table.name, table.rows) for table in found.tables] == [("public.t", 2)]
    assert found.dialect == Dump("pg_dump_custom", "17.0", "shop", "table of contents")
    [batch] = sql_dump.batches(ranges, found, "public.t", much())
    assert batch.to_pydict() == {"a": ["1", "2"], "b": ["x", None]}


def test_a_block_without_its_end_mark_is_suspect():
    """The rows may all look well: without the line that ends them the block is cut."""
    found = sql_dump.describe(MemoryRanges(archive(0, b"1\tx\n")), much())
    assert found.wholeness.verdict is Completeness.SUSPECT
    assert "public.t" in found.wholeness.reasons[0]


def test_a_block_that_is_missing_is_told_by_name():
    """The table of contents lists it, and it is not there."""
    data = archive(0, DATA)
    found = sql_dump.describe(MemoryRanges(data[: data.index(b"\x01" + number(2) + number(7))]), much())
    assert found.wholeness.verdict is Completeness.SUSPECT
    assert "public.t" in found.wholeness.reasons[0]


def test_damage_in_a_block_is_told():
    """A bit that is wrong in a compressed block is noticed by its checksum."""
    data = bytearray((DUMPS / "pg_custom.dump").read_bytes())
    data[-300] ^= 0x10
    found = sql_dump.describe(MemoryRanges(bytes(data)), much())
    assert found.wholeness.verdict is Completeness.SUSPECT


@pytest.mark.parametrize("size", [0x7FFFFFFF, 0x01000001])
def test_lying_lengths_allocate_nothing(size):
    """A text of two gigabytes in a file of a few hundred bytes is damage, and no memory is asked for."""
    data = archive(0, DATA)
    at = data.index(b"\x04\x00\x00\x00shop")
    lie = data[:at] + size.to_bytes(4, "little") + data[at + 4 :]
    with pytest.raises(Broken):
        TocReader(Pull(MemoryRanges(lie))).toc()
    assert sql_dump.describe(MemoryRanges(lie), much()).wholeness.verdict is Completeness.SUSPECT


def test_unknown_versions_are_told():
    """An archive of a version that is not known is described as such, not guessed at."""
    data = bytearray(archive(0, DATA))
    data[6] = 3
    found = sql_dump.describe(MemoryRanges(bytes(data)), much())
    assert "version 1.3" in found.wholeness.reasons[0]


def test_dangerous_definitions_are_told():
    """What an archive would run when it is restored is looked at as in a plain dump."""
    found = sql_dump.describe(MemoryRanges(archive(0, DATA, definition=b"DROP DATABASE x;\n")), much())
    assert "dangerous_statement" in {problem.code for problem in found.problems}


def test_the_contents_alone_are_no_dump():
    """The toc.dat of a directory lists tables whose data nobody has seen."""
    data = (DUMPS / "pg_directory.tar").read_bytes()
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        member = tar.extractfile("dir/toc.dat")
        assert member is not None
        toc = member.read()
    found = sql_dump.describe(MemoryRanges(toc), much())
    assert found.wholeness.verdict is Completeness.PRESUMED
    assert not found.is_all
    assert {table.name for table in found.tables} >= {"public.orders", "sales.lines"}
    assert [table.rows for table in found.tables if table.name == "public.orders"] == [None]


def test_a_tar_without_one_of_its_files_is_suspect():
    """A data file that the table of contents names and the tar does not hold is told."""
    with tarfile.open(fileobj=io.BytesIO((DUMPS / "pg_tar.tar").read_bytes())) as tar:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as less:
            for member in tar.getmembers():
                if member.name != "3372.dat":
                    less.addfile(member, tar.extractfile(member))
    found = sql_dump.describe(MemoryRanges(out.getvalue()), much())
    assert found.wholeness.verdict is Completeness.SUSPECT
    assert "sales.lines" in " ".join(found.wholeness.reasons)


def test_a_plain_tar_is_no_dump():
    """Without a table of contents of pg_dump a tar stays a tar."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("toc.dat")
        info.size = 3
        tar.addfile(info, io.BytesIO(b"abc"))
    assert pg_archive.kind_of(out.getvalue()) is None
    assert detect(ends_of(MemoryRanges(out.getvalue())))[0].value == "tar"


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_no_byte_breaks_it(place, value):
    """Whichever byte of an archive is another one, it is described and read without an exception."""
    data = bytearray(archive(1, zlib.compress(DATA)))
    data[place % len(data)] = value
    ranges = MemoryRanges(bytes(data))
    found = sql_dump.describe(ranges, much())
    for table in found.tables:
        list(sql_dump.batches(ranges, found, table.name, much()))
