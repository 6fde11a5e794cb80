from __future__ import annotations

import contextlib
import gzip
import io
import random
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.formats.budget import Budget
from headwater.formats.detect import detect
from headwater.formats.examine import ends_of, examine
from headwater.formats.layers import tar
from headwater.ports.ranges import Broken
from headwater.terms import Completeness
from headwater.testing.memory_ranges import MemoryRanges

ROWS = b"".join(b"%d,name %d\n" % (n, n) for n in range(1000))
LONG = "folder/" + "n" * 150 + "/" + "ü" * 60 + ".csv"


def budget(size_bytes=1 << 30):
    """A budget whose clock stands still."""
    return Budget(size_bytes, 60, lambda: 0.0)


def tarred(members, form=tarfile.PAX_FORMAT):
    """A tar of these members."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=form) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return sink.getvalue()


def opened(data):
    """What opening these bytes gives."""
    return tar.open(MemoryRanges(data), budget())


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_members(form):
    """Members come by their names, long ones too, byte for byte; two zero blocks prove the end."""
    data = tarred({"a.csv": ROWS, LONG: ROWS[:700], "empty.csv": b""}, form)
    assert detect(ends_of(MemoryRanges(data)))[0].value == "tar"
    found = opened(data)
    assert found.wholeness.verdict is Completeness.PROVEN
    got = {held.name: b"".join(held.contents.stream()) for held in found.members}
    assert got == {"a.csv": ROWS, LONG: ROWS[:700], "empty.csv": b""}
    assert found.members[0].contents.read(5, 9) == ROWS[5:14]


def test_one_member_is_the_contents():
    """An archive of one file is looked through, also inside a gzip."""
    data = tarred({"a.csv": ROWS}, tarfile.USTAR_FORMAT)
    assert b"".join(opened(data).contents.stream()) == ROWS
    examined = examine(MemoryRanges(gzip.compress(data)), budget, name="a.tgz")
    assert [layer.format for layer in examined.finding.layers] == ["gzip", "tar"]
    assert examined.finding.layers[1].member == "a.csv"
    assert examined.finding.format == "csv"


def test_links_and_folders():
    """Links, devices and folders are said, and not followed."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for name, kind in (
            ("d", tarfile.DIRTYPE),
            ("l", tarfile.SYMTYPE),
            ("h", tarfile.LNKTYPE),
            ("p", tarfile.FIFOTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    found = opened(sink.getvalue())
    assert [(held.name, held.contents is None, bool(held.why)) for held in found.members] == [
        ("l", True, True),
        ("h", True, True),
        ("p", True, True),
    ]
    assert found.wholeness.verdict is Completeness.PROVEN


def test_cut_anywhere():
    """Cut at 200 places before its end mark, a tar is suspect; what is left of a member can be had."""
    data = tarred({"a.csv": ROWS, "b.csv": ROWS})
    end = len(data.rstrip(b"\0")) // 512 * 512 + 512
    for place in random.Random(4).sample(range(600, end + 512), 200):
        found = opened(data[:place])
        assert found.wholeness.verdict is Completeness.SUSPECT, place
        held = found.members[0] if found.members else None
        contents = held.contents if held else found.contents
        try:
            got = b"".join(contents.stream())
        except Broken as broken:
            got = contents.read(0, broken.offset)
        assert ROWS.startswith(got)


def test_cut_in_the_padding():
    """A tar whose padding is cut is not proven: something is missing, though no member is."""
    data = tarred({"a.csv": ROWS})
    end = len(data.rstrip(b"\0")) // 512 * 512 + 512 + 1024
    for place in range(end + 1, len(data), 311):
        assert opened(data[:place]).wholeness.verdict is not Completeness.PROVEN


def test_written_without_padding():
    """A tar that ends right behind its end mark, as some programs write it, is proven."""
    data = tarred({"a.csv": ROWS})
    end = len(data.rstrip(b"\0")) // 512 * 512 + 512 + 1024
    assert opened(data[:end]).wholeness.verdict is Completeness.PROVEN


def test_damaged_header():
    """A header whose checksum does not hold is damage, and the members before it are kept."""
    data = bytearray(tarred({"a.csv": ROWS, "b.csv": ROWS}))
    data[data.rfind(b"b.csv")] ^= 1
    found = opened(bytes(data))
    assert found.wholeness.verdict is Completeness.SUSPECT
    assert [problem.code for problem in found.problems] == ["damaged_member"]


def test_unsafe_names():
    """Names that climb out or are absolute are said."""
    found = opened(tarred({"../a": b"1", "/b": b"2", "fine": b"3"}))
    assert [(problem.code, problem.count) for problem in found.problems] == [("unsafe_names", 2)]


def test_junk_behind():
    """Bytes behind the end mark, such as a second archive, are said."""
    data = tarred({"a.csv": ROWS, "b.csv": b""})
    found = opened(data + data)
    assert [problem.code for problem in found.problems] == ["junk_after_end"]
    assert found.wholeness.verdict is Completeness.SUSPECT


def test_lying_size():
    """A member that states more than there is ends where the bytes do."""
    info = tarfile.TarInfo("a.csv")
    info.size = 1 << 40
    data = info.tobuf(tarfile.GNU_FORMAT) + ROWS
    found = opened(data)
    assert found.wholeness.verdict is Completeness.SUSPECT
    with pytest.raises(Broken) as broken:
        list(found.contents.stream())
    assert broken.value.offset == len(ROWS)


def test_huge_extension():
    """A name that states to be gigabytes long is not read."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1 << 33
    found = opened(info.tobuf(tarfile.GNU_FORMAT) + b"x" * 2000)
    assert found.wholeness.verdict is Completeness.SUSPECT


def test_pg_dump_tar_is_left_to_others():
    """A tar that begins with toc.dat is recognised with less confidence than the dump that it is."""
    guess = tar.recognise(ends_of(MemoryRanges(tarred({"toc.dat": b"PGDMP", "1.dat": b""}))))
    assert guess.confidence <= 0.5


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_hostile_bytes_never_raise(data):
    """Whatever bytes are changed, opening ends with a verdict."""
    wrong = bytearray(tarred({"a.csv": ROWS[:600], LONG: b"1"}))
    for _ in range(data.draw(st.integers(1, 6))):
        wrong[data.draw(st.integers(0, 4000))] = data.draw(st.integers(0, 255))
    found = opened(bytes(wrong))
    for held in found.members:
        if held.contents is not None:
            with contextlib.suppress(Broken):
                list(held.contents.stream())
