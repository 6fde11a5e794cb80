from __future__ import annotations

import bz2
import gzip
import lzma
import random
import zlib
from typing import Any

import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.formats.budget import Budget
from headwater.formats.detect import detect
from headwater.formats.examine import ends_of, examine
from headwater.formats.layers import bzip2, lz4, unpacked, xz, zstd
from headwater.formats.layers import gzip as gzip_format
from headwater.ports.ranges import PIECE_BYTES, Broken
from headwater.terms import Completeness
from headwater.testing.memory_ranges import MemoryRanges

CHANCE = random.Random(7)
PLAIN = b"".join(b"%d,%s,%.3f\n" % (n, CHANCE.choice([b"ab", b"cde"]), CHANCE.random()) for n in range(9000))


def lz4_frame(data):
    """An LZ4 frame as Arrow writes it."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "lz4") as out:
        out.write(data)
    return sink.getvalue().to_pybytes()


def zstd_frame(data, **options):
    """A frame of Zstandard."""
    return zstandard.ZstdCompressor(**{"write_checksum": True, **options}).compress(data)


PACKERS: dict[str, tuple[Any, Any]] = {
    "gzip": (gzip_format, gzip.compress),
    "bzip2": (bzip2, bz2.compress),
    "xz": (xz, lzma.compress),
    "zstd": (zstd, zstd_frame),
    "lz4": (lz4, lz4_frame),
}


def budget(size_bytes=1 << 30):
    """A budget whose clock stands still."""
    return Budget(size_bytes, 60, lambda: 0.0)


def opened(name, data):
    """What opening these bytes gives."""
    return PACKERS[name][0].open(MemoryRanges(data), budget())


def had(ranges):
    """All bytes that can be had, and what ended them."""
    pieces = []
    try:
        for piece in ranges.stream():
            assert 0 < len(piece) <= PIECE_BYTES
            pieces.append(piece)
    except Broken as broken:
        return b"".join(pieces), broken
    return b"".join(pieces), None


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("parts", [1, 3])
def test_whole(name, parts):
    """A whole compression, of one part or many, is proven and gives exactly its contents."""
    third = len(PLAIN) // parts + 1
    data = b"".join(PACKERS[name][1](PLAIN[start : start + third]) for start in range(0, len(PLAIN), third))
    found = opened(name, data)
    assert detect(ends_of(MemoryRanges(data)))[0].value == name
    assert found.wholeness.verdict is Completeness.PROVEN
    assert (found.layer.size_bytes, found.layer.unpacked_bytes) == (len(data), len(PLAIN))
    assert found.problems == ()
    assert had(found.contents) == (PLAIN, None)


@pytest.mark.parametrize("name", PACKERS)
def test_ranges(name):
    """Every range is the same as in the plain bytes: in the head, in the tail, between, and beyond the end."""
    found = opened(name, PACKERS[name][1](PLAIN))
    for offset, size in ((0, 10), (70_000, 5), (69_000, 100_000), (len(PLAIN) - 3, 10), (len(PLAIN) + 1, 4), (5, 0)):
        assert found.contents.read(offset, size) == PLAIN[offset : offset + size]
    assert b"".join(found.contents.stream(123_456)) == PLAIN[123_456:]
    assert found.contents.size_bytes == len(PLAIN)


@pytest.mark.parametrize("name", PACKERS)
def test_cut_anywhere(name):
    """Cut at 200 places, none is proven, all are suspect, and all that can be had comes before Broken."""
    data = PACKERS[name][1](PLAIN[:20_000]) * 2
    magic_bytes = 10
    for place in sorted(random.Random(3).sample(range(magic_bytes, len(data)), 200)):
        if place == len(data) // 2:
            continue  # between two parts: whole
        found = opened(name, data[:place])
        assert found.wholeness.verdict is Completeness.SUSPECT, place
        got, broken = had(found.contents)
        assert broken.is_cut
        assert broken.offset == len(got)
        assert (PLAIN[:20_000] * 2).startswith(got)
        assert found.contents.size_bytes is None


def test_gzip_damaged_gives_all_before():
    """Of a damaged gzip comes as much as zlib gives when it is fed byte by byte."""
    data = bytearray(gzip.compress(PLAIN))
    chance = random.Random(9)
    for _ in range(20):
        wrong = bytearray(data)
        wrong[chance.randrange(20, len(data) - 8)] ^= 0xFF
        inflater, expected = zlib.decompressobj(31), b""
        try:
            for byte in wrong:
                expected += inflater.decompress(bytes([byte]))
        except zlib.error:
            pass
        got, broken = had(opened("gzip", bytes(wrong)).contents)
        assert not broken.is_cut
        assert broken.offset == len(got)
        assert got == expected


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz", "zstd"])
def test_damage_is_never_proven(name):
    """A compression with a checksum is never proven when a bit is wrong, and never raises."""
    data = PACKERS[name][1](PLAIN[:30_000])
    chance = random.Random(5)
    for _ in range(100):
        wrong = bytearray(data)
        wrong[chance.randrange(12, len(data))] ^= 1 << chance.randrange(8)
        assert opened(name, bytes(wrong)).wholeness.verdict is not Completeness.PROVEN


def test_lz4_without_checksum_says_so():
    """An LZ4 frame that has no checksum is proven by its end mark, and the sentence says that it has none."""
    assert "no checksum" in opened("lz4", lz4_frame(PLAIN)).wholeness.reasons[0]


@pytest.mark.parametrize("name", PACKERS)
def test_junk_behind(name):
    """Bytes behind the end are said and make it suspect; zeros are said and do not."""
    data = PACKERS[name][1](b"a,b\n1,2\n")
    junk = opened(name, data + b"junk behind")
    assert [problem.code for problem in junk.problems] == ["junk_after_end"]
    assert junk.wholeness.verdict is Completeness.SUSPECT
    assert had(junk.contents) == (b"a,b\n1,2\n", None)
    padded = opened(name, data + bytes(514))
    assert padded.wholeness.verdict is Completeness.PROVEN
    assert [problem.code for problem in padded.problems] == ["junk_after_end"]


def test_half_a_header_behind_a_part_is_a_cut():
    """A gzip whose second part is cut inside its first bytes is no whole gzip with junk."""
    for mark in (b"\x1f", b"\x1f\x8b", b"\x1f\x8b\x08\x00"):
        assert opened("gzip", gzip.compress(PLAIN) + mark).wholeness.verdict is Completeness.SUSPECT


def test_checksum_of_another_content():
    """A gzip whose checksum is another's says that they disagree, after all its bytes."""
    data = gzip.compress(PLAIN)
    found = opened("gzip", data[:-8] + b"\0\0\0\0" + data[-4:])
    assert "does not agree" in found.wholeness.reasons[0]
    assert had(found.contents)[0] == PLAIN


@pytest.mark.parametrize("name", ["gzip", "zstd", "xz", "bzip2", "lz4"])
def test_bomb(name, monkeypatch):
    """What unpacks to more than 200 times its size is given up beyond the limit, with a problem that says so."""
    monkeypatch.setattr(unpacked, "BOMB_BYTES", 8 << 20)
    found = opened(name, PACKERS[name][1](bytes(64 << 20)))
    assert [problem.code for problem in found.problems] == ["bomb"]
    assert found.wholeness.verdict is not Completeness.PROVEN
    assert had(found.contents)[1] is not None
    assert found.contents.trace.unpacked_bytes < 20 << 20


def test_nested_bomb(monkeypatch):
    """Layers that are each harmless are a bomb together."""
    monkeypatch.setattr(unpacked, "BOMB_BYTES", 8 << 20)
    monkeypatch.setattr(unpacked, "BOMB_RATIO", 2000)
    inner = gzip.compress(bytes(64 << 20))
    examined = examine(MemoryRanges(gzip.compress(inner)), budget, name="x.gz.gz")
    assert "bomb" in [problem.code for problem in examined.finding.problems]
    assert [layer.format for layer in examined.finding.layers] == ["gzip", "gzip"]


def test_budget_ends_it():
    """What the budget does not reach is not called proven."""
    found = gzip_format.open(MemoryRanges(gzip.compress(PLAIN * 10)), spent := budget(1000))
    assert spent.is_spent
    assert found.wholeness.verdict is Completeness.PRESUMED
    assert found.layer.unpacked_bytes is None


def test_window_and_dictionary_of_zstd():
    """A zstd frame that asks for more memory than is allowed, or for a dictionary, says so."""
    wide = bytearray(zstd_frame(b"x" * 100, write_content_size=False))
    wide[4] &= ~0x20
    header = bytes(wide[:5]) + bytes([20 << 3])
    found = opened("zstd", header + bytes(wide[5:]))
    assert [problem.code for problem in found.problems] == ["unpack_limit"]
    samples = [b"%d,some text,%d" % (n, n * 7) for n in range(3000)]
    dictionary = zstandard.train_dictionary(2000, [*samples])
    packed = zstandard.ZstdCompressor(dict_data=dictionary).compress(samples[0])
    assert [problem.code for problem in opened("zstd", packed).problems] == ["dictionary_missing"]


def test_skippable_frames_of_zstd():
    """Skippable frames before, between and behind are no contents and no junk."""
    skip = (0x184D2A50).to_bytes(4, "little") + (5).to_bytes(4, "little") + b"notes"
    data = skip + zstd_frame(PLAIN) + skip
    assert detect(ends_of(MemoryRanges(data)))[0].value == "zstd"
    found = opened("zstd", data)
    assert found.wholeness.verdict is Completeness.PROVEN
    assert had(found.contents) == (PLAIN, None)


def test_many_empty_parts_end():
    """A stream of nothing but empty parts is given up, not walked for hours."""
    found = opened("gzip", gzip.compress(b"") * (unpacked.EMPTY_PARTS_MAX + 10))
    assert found.wholeness.verdict is Completeness.SUSPECT


def test_outer_cut_goes_through():
    """What is cut outside is cut inside too, at the inner offset."""
    inner = gzip.compress(PLAIN)
    found = opened("gzip", gzip.compress(inner, 0)[:40_000])
    within = gzip_format.open(found.contents, budget())
    got, broken = had(within.contents)
    assert within.wholeness.verdict is Completeness.SUSPECT
    assert broken.offset == len(got) > 0
    assert PLAIN.startswith(got)


@pytest.mark.parametrize("name", PACKERS)
@settings(max_examples=40, deadline=None)
@given(tail=st.binary(max_size=300), cut=st.integers(4, 60))
def test_hostile_bytes_never_raise(name, tail, cut):
    """Whatever stands behind a good beginning, opening ends with a verdict."""
    found = opened(name, PACKERS[name][1](PLAIN[:500])[:cut] + tail)
    assert had(found.contents)[0] is not None


def blocked(data):
    """A member of BGZF."""
    member = bytearray(gzip.compress(data, mtime=0))
    member[3] |= 4
    return bytes(member[:10]) + b"\x06\x00BC\x02\x00\xff\xff" + bytes(member[10:])


def test_blocked_gzip_has_an_end():
    """Gzip in blocks (BGZF) ends with an empty block; without it, it is cut, though every block is whole."""
    data = blocked(b"a,b\n") + blocked(b"1,2\n")
    assert opened("gzip", data + blocked(b"")).wholeness.verdict is Completeness.PROVEN
    assert opened("gzip", data).wholeness.verdict is Completeness.SUSPECT
