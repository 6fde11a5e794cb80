from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.ledger.tiles import (
    EMPTY_FRONTIER,
    Tile,
    TileFrontier,
    bundle_path,
    decode_bundle,
    encode_bundle,
    frontier_paths,
    parse_tile_path,
    tile_path,
)
from tests.unit.ledger.naive import TREE, entry


def entries(first, end):
    """The naive tree's entries in [first, end)."""
    return [entry(index) for index in range(first, end)]


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 1234067), "tile/0/x001/x234/067"),  # the specification's example
        (Tile(0, 0), "tile/0/000"),
        (Tile(2, 999), "tile/2/999"),
        (Tile(63, 1000), "tile/63/x001/000"),
        (Tile(0, 1234, 12), "tile/0/x001/234.p/12"),
        (Tile(1, 0, 1), "tile/1/000.p/1"),
        (Tile(None, 0), "tile/entries/000"),
        (Tile(None, 1234067, 255), "tile/entries/x001/x234/067.p/255"),
    ],
)
def test_a_tile_lies_where_the_specification_says(tile, path):
    """Index groups of three digits, all but the last behind an x; a partial tile's width behind `.p/`."""
    assert tile.path == path
    assert parse_tile_path(path) == tile


def test_tiles_and_bundles_have_each_their_path():
    """`tile_path` and `bundle_path` name full ones where no width is given."""
    assert (tile_path(3, 70), tile_path(3, 70, 9)) == ("tile/3/070", "tile/3/070.p/9")
    assert (bundle_path(70), bundle_path(70, 9)) == ("tile/entries/070", "tile/entries/070.p/9")


@given(st.builds(Tile, st.none() | st.integers(0, 63), st.integers(0, 2**63 - 1), st.integers(1, 256)))
def test_every_path_leads_back_to_its_tile(tile):
    """Parsing a tile's path gives the tile, for every level, index and width."""
    assert parse_tile_path(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/00/000",
        "tile/01/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/x000/001",
        "tile/0/001/234",
        "tile/0/x001/x234",
        "tile/0/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/000/",
        "tile/0/000\n",
        "/tile/0/000",
        "tile/entries/0",
        "tile/Entries/000",
        "tile/0/\u0660\u0660\u0660",
        "tile/0/" + "x001/" * 7 + "000",
        "checkpoint",
        "",
    ],
)
def test_a_path_has_one_spelling(path):
    """Anything but the exact spelling of a tile's path is refused."""
    with pytest.raises(ValueError, match=r"not the path|no such tile"):
        parse_tile_path(path)


@pytest.mark.parametrize("tile", [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_numbers_that_name_no_tile_have_no_path(tile):
    """Levels beyond 0–63, negative indices and widths beyond 1–256 are refused."""
    with pytest.raises(ValueError, match="no such tile"):
        tile_path(*tile)


def test_a_bundle_is_entries_behind_their_lengths():
    """Each entry stands behind its length in two bytes, big-endian; an empty one is only a length."""
    assert encode_bundle([b"ab", b"", b"c" * 258]) == b"\x00\x02ab" + b"\x00\x00" + b"\x01\x02" + b"c" * 258


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_gives_its_entries_back(written):
    """Decoding an encoded bundle gives the entries."""
    assert decode_bundle(encode_bundle(written), len(written)) == written


def test_an_entry_has_at_most_65535_bytes():
    """65,535 bytes go into a bundle and come back; one more is refused."""
    longest = bytes(65_535)
    assert decode_bundle(encode_bundle([longest]), 1) == [longest]
    with pytest.raises(ValueError, match="more than 65535"):
        encode_bundle([longest + b"."])


def test_a_bundle_with_too_few_or_too_many_bytes_is_refused():
    """Cut at any byte, with a byte more, or with another width, a bundle is refused."""
    data = encode_bundle([b"abc", b"", b"de"])
    for cut in range(len(data)):
        with pytest.raises(ValueError, match="does not hold just 3"):
            decode_bundle(data[:cut], 3)
    for wrong, width in ((data + b"\0", 3), (data, 2), (data, 4), (b"\0", 0), (b"", 1)):
        with pytest.raises(ValueError, match="does not hold just"):
            decode_bundle(wrong, width)


def test_a_log_of_70000_has_the_tiles_of_the_specification():
    """273 full and one 112 wide at level 0, one full and one 17 wide at level 1, one 1 wide at level 2."""
    _, files = EMPTY_FRONTIER.extend(entries(0, 70_000))
    tiles = [parse_tile_path(path) for path, _ in files]
    counts = Counter((tile.level, tile.width) for tile in tiles if tile.level is not None)
    assert counts == {(0, 256): 273, (0, 112): 1, (1, 256): 1, (1, 17): 1, (2, 1): 1}
    assert dict(files) == TREE.files(70_000)


def test_a_log_of_256_has_no_partial_leaves():
    """One full level-0 tile, one bundle, and a level-1 tile one hash wide: nothing else."""
    frontier, files = EMPTY_FRONTIER.extend(entries(0, 256))
    assert [path for path, _ in files] == ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]
    assert frontier_paths(256) == ["tile/1/000.p/1"]
    assert frontier.tiles == (b"", TREE.root(0, 256))


@pytest.mark.parametrize("old", [0, 1, 37, 255, 256, 257, 300, 511, 512, 600])
@pytest.mark.parametrize("more", [1, 2, 211, 255, 256, 257, 600])
def test_growing_writes_just_the_files_that_were_not_there(old, more):
    """From any size to any other: the files the new size needs and the old one had not, once each, with right bytes."""
    frontier, before = EMPTY_FRONTIER.extend(entries(0, old))
    _, files = frontier.extend(entries(old, old + more))
    needed, there = TREE.files(old + more), TREE.files(old)
    assert dict(before) == there
    assert dict(files) == {path: data for path, data in needed.items() if path not in there}
    assert len(files) == len(dict(files))


def test_growing_across_a_level_1_tile():
    """At 65,536 entries the level-1 tile becomes full and level 2 begins, in small steps as in a big one."""
    frontier, _ = EMPTY_FRONTIER.extend(entries(0, 65_500))
    stepped = frontier
    store: dict[str, bytes] = {}
    for first in range(65_500, 65_600, 10):
        stepped, files = stepped.extend(entries(first, first + 10))
        store.update(files)
    whole, files = frontier.extend(entries(65_500, 65_600))
    assert stepped == whole
    assert store.items() >= dict(files).items()
    assert dict(files).keys() >= {"tile/1/000", "tile/2/000.p/1", "tile/0/256.p/64", "tile/entries/256.p/64"}


def test_files_come_bundles_first_then_from_level_0_up():
    """The order in which files are to be written is the same every time."""
    _, files = EMPTY_FRONTIER.extend(entries(0, 300))[0].extend(entries(300, 600))
    assert [path for path, _ in files] == [
        "tile/entries/001",
        "tile/entries/002.p/88",
        "tile/0/001",
        "tile/0/002.p/88",
        "tile/1/000.p/2",
    ]


def test_growing_by_nothing_changes_nothing():
    """No entries: the same frontier and no files."""
    frontier, _ = EMPTY_FRONTIER.extend(entries(0, 300))
    assert frontier.extend([]) == (frontier, [])


@pytest.mark.parametrize("size", [*range(40), *range(250, 260), 511, 512, 513, 65_535, 65_536, 65_537])
def test_the_frontier_can_be_read_back(size):
    """Rebuilt from the stored files, the frontier is the one that wrote them, and it reads just what it announces."""
    frontier, files = EMPTY_FRONTIER.extend(entries(0, size))
    wanted = frontier_paths(size)
    stored = {path: data for path, data in files if path in wanted}
    rebuilt = TileFrontier.at(size, stored.pop)
    assert rebuilt == frontier
    assert not stored
    assert rebuilt.edge().root() == TREE.root(0, size)


@pytest.mark.parametrize("path", ["tile/0/001.p/44", "tile/entries/001.p/44", "tile/1/000.p/1"])
@pytest.mark.parametrize("harm", [lambda data: data[:-1], lambda data: data + b"\0"], ids=["short", "long"])
def test_a_frontier_is_not_built_from_files_of_another_length(path, harm):
    """A partial tile or bundle that is cut or has grown is refused."""
    files = TREE.files(300)
    files[path] = harm(files[path])
    with pytest.raises(ValueError, match=r"partial tiles|does not hold just"):
        TileFrontier.at(300, files.__getitem__)


@pytest.mark.parametrize("path", ["tile/0/001.p/44", "tile/entries/001.p/44"])
def test_a_frontier_is_not_built_from_a_tile_and_a_bundle_that_disagree(path):
    """One flipped bit in the last leaf hashes or the last entries is refused."""
    files = TREE.files(300)
    files[path] = files[path][:-1] + bytes([files[path][-1] ^ 1])
    with pytest.raises(ValueError, match="disagree"):
        TileFrontier.at(300, files.__getitem__)


def test_what_reading_raises_passes_through():
    """A missing file is the reader's to report."""
    with pytest.raises(KeyError):
        TileFrontier.at(300, dict[str, bytes]().__getitem__)


def test_an_entry_too_long_leaves_the_frontier_as_it_was():
    """A batch with an entry over 65,535 bytes is refused whole."""
    frontier, _ = EMPTY_FRONTIER.extend(entries(0, 7))
    with pytest.raises(ValueError, match="more than 65535"):
        frontier.extend([b"fine", bytes(65_536)])
    assert frontier == EMPTY_FRONTIER.extend(entries(0, 7))[0]
