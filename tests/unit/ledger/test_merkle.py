from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.ledger.merkle import EMPTY_EDGE, EMPTY_ROOT, Edge, leaf_hash, node_hash
from tests.unit.ledger.naive import TREE, entry

# The eight leaves and the roots over the first 1, 2, … of them that implementations of RFC 6962 are tested with.
RFC6962_LEAVES = (
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
)
RFC6962_ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
HASH = bytes(32)


def edge_of(size):
    """The edge of the naive tree's first leaves."""
    return EMPTY_EDGE.extend([leaf_hash(entry(index)) for index in range(size)])


def test_the_empty_tree_has_the_hash_of_nothing_as_root():
    """MTH({}) is SHA-256 of the empty string."""
    expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert EMPTY_ROOT.hex() == EMPTY_EDGE.root().hex() == expected


def test_roots_are_those_of_rfc_6962():
    """Over the known leaves every tree of one to eight leaves has the known root, grown leaf by leaf."""
    edge = EMPTY_EDGE
    roots = []
    for leaf in RFC6962_LEAVES:
        edge = edge.extend([leaf_hash(bytes.fromhex(leaf))])
        roots.append(edge.root().hex())
    assert tuple(roots) == RFC6962_ROOTS


def test_a_leaf_cannot_pass_for_a_node():
    """An entry made of two hashes has not the hash of the node over them."""
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)


def test_an_edge_is_the_same_however_it_was_grown():
    """For all sizes up to 70, growing in any two steps gives the edge of one step, and the naive tree's root."""
    leaves = [leaf_hash(entry(index)) for index in range(70)]
    for size in range(71):
        whole = EMPTY_EDGE.extend(leaves[:size])
        assert whole.root() == TREE.root(0, size)
        for step in range(size + 1):
            assert EMPTY_EDGE.extend(leaves[:step]).extend(leaves[step:size]) == whole


@given(st.lists(st.integers(0, 300), max_size=6))
def test_an_edge_grown_in_batches_has_the_naive_root(batches):
    """After batches of any sizes the root is that of the naive tree, and the size their sum."""
    edge = EMPTY_EDGE
    for batch in batches:
        edge = edge.extend([leaf_hash(entry(index)) for index in range(edge.size, edge.size + batch)])
    assert (edge.size, edge.root()) == (sum(batches), TREE.root(0, sum(batches)))


def test_the_hashes_of_an_edge_are_its_full_subtrees():
    """The edge of 13 leaves is the roots over the first 8, the next 4 and the last one."""
    assert edge_of(13).hashes == (TREE.root(0, 8), TREE.root(8, 12), TREE.root(12, 13))


@pytest.mark.parametrize(
    ("size", "hashes"),
    [(-1, (HASH,)), (0, (HASH,)), (1, ()), (3, (HASH,)), (4, (HASH, HASH)), (1, (b"short",)), (3, (HASH, HASH + b"."))],
)
def test_an_edge_holds_one_hash_for_each_bit_of_its_size(size, hashes):
    """A count of hashes that does not fit the size, or a hash that is not 32 bytes, is refused."""
    with pytest.raises(ValueError, match="edge"):
        Edge(size, hashes)


def test_an_edge_never_changes():
    """Growing an edge leaves the old one as it was, and its fields cannot be set."""
    edge = edge_of(5)
    before = (edge.size, edge.hashes)
    edge.extend([HASH] * 9)
    assert (edge.size, edge.hashes) == before
    with pytest.raises(dataclasses.FrozenInstanceError):
        edge.size = 6
