from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.ledger.merkle import EMPTY_ROOT, leaf_hash
from headwater.ledger.proof import (
    ProofError,
    consistency_proof,
    hashes_in,
    inclusion_proof,
    tiles_for_consistency,
    tiles_for_inclusion,
    verify_consistency,
    verify_inclusion,
)
from headwater.ledger.tiles import EMPTY_FRONTIER, Tile
from tests.unit.ledger.naive import TREE, entry
from tests.unit.ledger.test_merkle import RFC6962_LEAVES, RFC6962_ROOTS

SIZE_MAX = 70
BIG = 70_000


def in_tree(level, index):
    """The hash that a tile of the naive tree would hold."""
    return TREE.root(index * 256**level, (index + 1) * 256**level)


def corruptions(proof):
    """The proof with each hash changed in a bit, or left out, or with one too many."""
    for at in range(len(proof)):
        flipped = bytes([proof[at][0] ^ 1]) + proof[at][1:]
        yield [*proof[:at], flipped, *proof[at + 1 :]]
        yield [*proof[:at], *proof[at + 1 :]]
    yield [*proof, EMPTY_ROOT]
    yield [EMPTY_ROOT, *proof]


@cache
def log_of(size):
    """The files of a log, by their paths."""
    return dict(EMPTY_FRONTIER.extend([entry(index) for index in range(size)])[1])


def test_every_inclusion_proof_is_that_of_rfc_6962_and_verifies():
    """For all sizes up to 70 and all entries in them: PATH word for word, and the verifier takes it."""
    for size in range(1, SIZE_MAX + 1):
        for index in range(size):
            proof = inclusion_proof(index, size, in_tree)
            assert proof == TREE.path(index, 0, size)
            verify_inclusion(TREE.root(index, index + 1), index, size, proof, TREE.root(0, size))


def test_every_consistency_proof_is_that_of_rfc_6962_and_verifies():
    """For all pairs of sizes up to 70: SUBPROOF word for word, and the verifier takes it."""
    for new in range(1, SIZE_MAX + 1):
        for old in range(1, new + 1):
            proof = consistency_proof(old, new, in_tree)
            assert proof == TREE.subproof(old, 0, new)
            verify_consistency(old, new, proof, TREE.root(0, old), TREE.root(0, new))


def test_no_corrupted_inclusion_proof_verifies():
    """One wrong bit, hash, leaf, root or index in any proof of the trees up to 20 entries, and it is refused."""
    for size in range(1, 21):
        root = TREE.root(0, size)
        for index in range(size):
            leaf = TREE.root(index, index + 1)
            proof = TREE.path(index, 0, size)
            wrong = [(leaf, index, each, root) for each in corruptions(proof)]
            wrong += [(leaf, other, proof, root) for other in range(-1, size + 1) if other != index]
            wrong += [(EMPTY_ROOT, index, proof, root), (leaf, index, proof, EMPTY_ROOT)]
            for leaf_, index_, proof_, root_ in wrong:
                with pytest.raises(ProofError):
                    verify_inclusion(leaf_, index_, size, proof_, root_)


def test_no_corrupted_consistency_proof_verifies():
    """One wrong bit, hash or root in any proof between trees up to 20 entries, and it is refused."""
    for new in range(1, 21):
        for old in range(1, new + 1):
            roots = TREE.root(0, old), TREE.root(0, new)
            proof = TREE.subproof(old, 0, new)
            wrong = [(each, *roots) for each in corruptions(proof)]
            wrong += [([], *roots)] if proof else []
            wrong += [(proof, EMPTY_ROOT, roots[1]), (proof, roots[0], EMPTY_ROOT)]
            for each in wrong:
                with pytest.raises(ProofError):
                    verify_consistency(old, new, *each)


def test_a_proof_of_another_length_is_told_so():
    """A hash too many and a hash too few are named, in both kinds of proof."""
    leaf, old_root, root = TREE.root(4, 5), TREE.root(0, 6), TREE.root(0, 9)
    for harm, said in ((lambda proof: [*proof, EMPTY_ROOT], "too long"), (lambda proof: proof[:-1], "too short")):
        with pytest.raises(ProofError, match=said):
            verify_inclusion(leaf, 4, 9, harm(TREE.path(4, 0, 9)), root)
        with pytest.raises(ProofError, match=said):
            verify_consistency(6, 9, harm(TREE.subproof(6, 0, 9)), old_root, root)


@pytest.mark.parametrize(
    ("index", "size", "proof"),
    [
        (0, 1, []),
        (
            0,
            8,
            [
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            5,
            8,
            [
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    ],
)
def test_known_inclusion_proofs_verify_and_are_made(index, size, proof):
    """Proofs over the known leaves that other implementations of RFC 6962 agree on."""
    leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in RFC6962_LEAVES]
    expected = [bytes.fromhex(each) for each in proof]
    assert inclusion_proof(index, size, lambda _, at: leaves[at]) == expected
    verify_inclusion(leaves[index], index, size, expected, bytes.fromhex(RFC6962_ROOTS[size - 1]))


@pytest.mark.parametrize(
    ("old", "new", "proof"),
    [
        (1, 1, []),
        (
            6,
            8,
            [
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (
            2,
            5,
            [
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ],
)
def test_known_consistency_proofs_verify_and_are_made(old, new, proof):
    """Proofs over the known leaves that other implementations of RFC 6962 agree on."""
    leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in RFC6962_LEAVES]
    expected = [bytes.fromhex(each) for each in proof]
    assert consistency_proof(old, new, lambda _, at: leaves[at]) == expected
    roots = [bytes.fromhex(RFC6962_ROOTS[size - 1]) for size in (old, new)]
    verify_consistency(old, new, expected, *roots)


@given(st.data())
def test_a_proof_is_made_from_just_the_tiles_it_names(data):
    """In a log with full and partial tiles at three levels, proofs come from the named files, each of them needed."""
    size = data.draw(st.sampled_from([1, 255, 256, 257, 600, 65_535, 65_536, 65_537, BIG]))
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(0, size))
    for tiles, prove, expected in (
        (tiles_for_inclusion(index, size), lambda read: inclusion_proof(index, size, read), TREE.path(index, 0, size)),
        (
            tiles_for_consistency(old, size),
            lambda read: consistency_proof(old, size, read),
            TREE.subproof(old, 0, size) if old else [],
        ),
    ):
        fetched = {tile: log_of(size)[tile.path] for tile in tiles}
        assert prove(hashes_in(fetched)) == expected
        for tile in tiles:
            with pytest.raises(KeyError):
                prove(hashes_in({other: data for other, data in fetched.items() if other != tile}))


def test_proofs_need_few_tiles():
    """An inclusion proof in 70,000 entries reads the entry's tile on each level, and what its neighbours need."""
    assert tiles_for_inclusion(1_000, BIG) == [Tile(0, 3), Tile(1, 0), Tile(1, 1, 17), Tile(0, 273, 112)]
    assert tiles_for_inclusion(0, 1) == []
    assert tiles_for_consistency(BIG, BIG) == []
    assert tiles_for_consistency(256, BIG) == [Tile(1, 0), Tile(1, 1, 17), Tile(0, 273, 112)]


def test_a_full_tile_stands_in_for_a_partial_one_that_is_no_more():
    """A proof for a size of long ago is made from today's wider tiles."""
    tiles = tiles_for_inclusion(270, 300)
    assert Tile(0, 1, 44) in tiles
    fetched = {tile: log_of(BIG)[Tile(tile.level, tile.index).path] for tile in tiles}
    assert inclusion_proof(270, 300, hashes_in(fetched)) == TREE.path(270, 0, 300)


@pytest.mark.parametrize("size_bytes", [0, 43 * 32, 44 * 32 - 1, 44 * 32 + 1])
def test_a_tile_too_short_or_torn_is_refused(size_bytes):
    """A tile that is not at least as wide as named, in whole hashes, gives no proof."""
    with pytest.raises(ProofError, match=r"tile/0/001\.p/44"):
        hashes_in({Tile(0, 1, 44): bytes(size_bytes)})


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 3), (3, 3), (4, 3)])
def test_there_is_no_proof_for_an_entry_that_is_not_there(index, size):
    """Neither tiles nor proof for an index outside the tree."""
    for ask in (tiles_for_inclusion, lambda index, size: inclusion_proof(index, size, in_tree)):
        with pytest.raises(ValueError, match="has no entry"):
            ask(index, size)


@pytest.mark.parametrize(("old", "new"), [(-1, 3), (4, 3), (1, 0)])
def test_a_tree_cannot_begin_with_a_bigger_one(old, new):
    """Neither tiles, proof nor verification for sizes in the wrong order."""
    for ask in (
        tiles_for_consistency,
        lambda old, new: consistency_proof(old, new, in_tree),
        lambda old, new: verify_consistency(old, new, [], EMPTY_ROOT, EMPTY_ROOT),
    ):
        with pytest.raises(ValueError, match="cannot begin with"):
            ask(old, new)


def test_every_tree_begins_with_the_empty_one():
    """The proof from size 0 is empty; the root of size 0 must be the empty root."""
    assert consistency_proof(0, 5, in_tree) == []
    verify_consistency(0, 5, [], EMPTY_ROOT, TREE.root(0, 5))
    verify_consistency(0, 0, [], EMPTY_ROOT, EMPTY_ROOT)
    for proof, old_root in (([], TREE.root(0, 1)), ([EMPTY_ROOT], EMPTY_ROOT)):
        with pytest.raises(ProofError):
            verify_consistency(0, 5, proof, old_root, TREE.root(0, 5))
