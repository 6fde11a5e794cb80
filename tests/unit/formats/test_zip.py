from __future__ import annotations

import contextlib
import gzip
import io
import random
import struct
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.formats.budget import Budget
from headwater.formats.detect import detect
from headwater.formats.examine import ends_of, examine
from headwater.formats.layers import zip as zip_format
from headwater.formats.layers import zip_directory
from headwater.ports.ranges import Broken
from headwater.terms import Completeness
from headwater.testing.memory_ranges import MemoryRanges

ROWS = b"".join(b"%d,name %d,%d\n" % (n, n, n * 37 % 101) for n in range(3000))
METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]


def budget(size_bytes=1 << 30):
    """A budget whose clock stands still."""
    return Budget(size_bytes, 60, lambda: 0.0)


def zipped(members, method=zipfile.ZIP_DEFLATED, comment=b""):
    """A zip of these members."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        archive.comment = comment
    return sink.getvalue()


def opened(data):
    """What opening these bytes gives."""
    return zip_format.open(MemoryRanges(data), budget())


def contents(held):
    """All bytes of a member."""
    return b"".join(held.contents.stream())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("comment", [b"", b"made by PK\x05\x06 somebody"])
def test_members(method, comment):
    """A zip gives its members by name, each byte for byte, and is proven when all checksums hold."""
    found = opened(zipped({"a.csv": ROWS, "b/c.csv": b"x\n", "b/": b""}, method, comment))
    assert found.wholeness.verdict is Completeness.PROVEN
    assert {held.name: contents(held) for held in found.members} == {"a.csv": ROWS, "b/c.csv": b"x\n"}
    assert found.layer.members == 3
    assert found.contents is None


def test_one_member_is_the_contents():
    """An archive of one file is looked through: its contents are the file's."""
    found = opened(zipped({"folder/": b"", "folder/a.csv": ROWS, "__MACOSX/folder/._a.csv": b"\0"}))
    assert found.layer.member == "folder/a.csv"
    assert b"".join(found.contents.stream()) == ROWS


def test_streamed_and_prefixed():
    """Members whose sizes stand behind them, and bytes before the archive, are read all the same."""

    class Pipe(io.RawIOBase):
        def __init__(self):
            self.data = bytearray()

        def writable(self):
            return True

        def write(self, data):
            self.data += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.csv", "w") as member:
        member.write(ROWS)
    data = bytes(pipe.data)
    assert b"".join(opened(data).contents.stream()) == ROWS
    prefixed = opened(b"#!/bin/sh\nexit\n" + data)
    assert [problem.code for problem in prefixed.problems] == ["prefix"]
    assert b"".join(prefixed.contents.stream()) == ROWS
    assert detect(ends_of(MemoryRanges(b"\x01\x02junk" + data)))[0].value == "zip"


def test_zip64():
    """Sizes that stand in the fields of zip64 are read from there."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive, archive.open("a.csv", "w", force_zip64=True) as member:
        member.write(ROWS)
    assert b"".join(opened(sink.getvalue()).contents.stream()) == ROWS


@pytest.mark.parametrize("method", METHODS)
def test_cut_anywhere(method):
    """Cut at 200 places, a zip is suspect each time, and its members give what is left of them."""
    data = zipped({"a.csv": ROWS, "b.csv": ROWS[:9000]}, method)
    for place in random.Random(1).sample(range(40, len(data)), 200):
        found = opened(data[:place])
        assert found.wholeness.verdict is Completeness.SUSPECT, place
        one = found.contents or found.members[0].contents
        try:
            got = b"".join(one.stream())
        except Broken as broken:
            got = one.read(0, broken.offset)
        assert ROWS.startswith(got)


def test_damage_is_never_proven():
    """A wrong bit anywhere behind the names is suspect, and nothing raises."""
    data = zipped({"a.csv": ROWS, "b.csv": ROWS[:5000]})
    chance = random.Random(2)
    for _ in range(200):
        wrong = bytearray(data)
        place = chance.randrange(40, data.find(b"PK\x01\x02"))
        wrong[place] ^= 1 << chance.randrange(8)
        found = opened(bytes(wrong))
        header = data.find(b"PK\x03\x04", 4)
        if not header <= place < header + 35:  # a local header repeats what the directory says
            assert found.wholeness.verdict is Completeness.SUSPECT, place


def test_lying_size():
    """A member that holds more than its directory says is stopped there, and suspect."""
    data = bytearray(zipped({"a.csv": ROWS}))
    at = data.find(b"PK\x01\x02")
    struct.pack_into("<I", data, at + 24, 100)
    found = opened(bytes(data))
    assert found.wholeness.verdict is Completeness.SUSPECT
    assert "states" in found.wholeness.reasons[0]


def test_overlap():
    """Members that share their bytes are said and not unpacked."""
    data = bytearray(zipped({"a.csv": ROWS, "b.csv": ROWS}))
    first = data.find(b"PK\x01\x02")
    second = data.find(b"PK\x01\x02", first + 4)
    struct.pack_into("<I", data, second + 42, 0)
    found = opened(bytes(data))
    assert "overlapping_members" in [problem.code for problem in found.problems]
    assert found.wholeness.verdict is Completeness.SUSPECT
    assert all(held.contents is None for held in found.members)


@pytest.mark.parametrize("name", ["../up.csv", "/etc/passwd", "a/../../b", "C:\\x.csv", "..\\x", "a\x00b", "x\ny"])
def test_unsafe_names(name):
    """Names that would land elsewhere are said; the member is looked into all the same."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        info = zipfile.ZipInfo("q" * len(name))
        archive.writestr(info, ROWS)
        archive.writestr("fine.csv", b"1")
    data = sink.getvalue().replace(b"q" * len(name), name.encode())
    found = opened(data)
    assert [problem.code for problem in found.problems] == ["unsafe_names"]
    assert contents(found.members[0]) == ROWS


def test_encrypted():
    """A member under a password is listed and not looked into; the archive has its end all the same."""
    data = bytearray(zipped({"a.csv": ROWS, "b.csv": b"1"}))
    data[6] |= 1
    data[data.find(b"PK\x01\x02") + 8] |= 1
    found = opened(bytes(data))
    assert [problem.code for problem in found.problems] == ["encrypted"]
    assert (found.members[0].contents, found.members[0].why) == (None, "It is encrypted.")
    assert found.wholeness.verdict is Completeness.PROVEN


def test_bomb():
    """A zip that unpacks to far more than its size is given up at the limit."""
    found = opened(zipped({f"{n}.csv": bytes(40 << 20) for n in range(4)}))
    assert "bomb" in [problem.code for problem in found.problems]


def test_too_many_members(monkeypatch):
    """Members beyond the limit are counted, not listed."""
    monkeypatch.setattr(zip_directory, "ENTRIES_MAX", 20)
    monkeypatch.setattr(zip_format, "ENTRIES_MAX", 20)
    found = opened(zipped({f"{n}.csv": b"1" for n in range(50)}))
    assert len(found.members) == 20
    assert found.layer.members == 50
    assert "too_many_members" in [problem.code for problem in found.problems]


def test_inside_a_compression():
    """A zip in a gzip gives its members too."""
    examined = examine(MemoryRanges(gzip.compress(zipped({"a.csv": ROWS, "b.csv": ROWS}))), budget, name="x.zip.gz")
    assert [layer.format for layer in examined.finding.layers] == ["gzip", "zip"]
    assert [member.finding.format for member in examined.finding.members] == ["csv", "csv"]
    assert examined.finding.rows is not None


def test_junk_behind():
    """Bytes behind the end of a zip are said."""
    found = opened(zipped({"a.csv": ROWS}) + b"behind")
    assert "junk_after_end" in [problem.code for problem in found.problems]
    assert found.wholeness.verdict is Completeness.SUSPECT


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_hostile_bytes_never_raise(data):
    """Whatever bytes are changed, opening ends with a verdict."""
    wrong = bytearray(zipped({"a.csv": ROWS[:300], "b.csv": b"1"}))
    for _ in range(data.draw(st.integers(1, 6))):
        wrong[data.draw(st.integers(0, len(wrong) - 1))] = data.draw(st.integers(0, 255))
    found = opened(bytes(wrong))
    for held in found.members:
        if held.contents is not None:
            with contextlib.suppress(Broken):
                list(held.contents.stream())
