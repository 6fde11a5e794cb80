from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from headwater.ledger.merkle import EMPTY_EDGE, EMPTY_ROOT, leaf_hash
from headwater.ledger.proof import (
    consistency_proof,
    hashes_in,
    inclusion_proof,
    tiles_for_consistency,
    tiles_for_inclusion,
    verify_consistency,
    verify_inclusion,
)
from headwater.ledger.tiles import EMPTY_FRONTIER, Tile, TileFrontier, decode_bundle, frontier_paths, parse_tile_path
from tests.unit.ledger.naive import TREE, entry

# Near the sizes at which a level-1 tile becomes full, where the naive tree alone would take too many steps to come.
STARTS = (0, 250, 65_400)


class LogMachine(RuleBasedStateMachine):
    """A log that grows, publishes, forgets and is read back, beside the naive tree over the same entries."""

    def __init__(self) -> None:
        super().__init__()
        self.edge = EMPTY_EDGE
        self.frontier = EMPTY_FRONTIER
        self.store: dict[str, bytes] = {}
        self.published = [0]

    def write(self, files):
        """Store files as a zone does: none is ever written anew with other bytes."""
        for path, data in files:
            assert self.store.setdefault(path, data) == data, f"{path} changed"

    def read(self, tiles):
        """Read tiles; where a partial one was forgotten, the full one."""
        return {
            tile: self.store[tile.path if tile.path in self.store else Tile(tile.level, tile.index).path]
            for tile in tiles
        }

    @initialize(size=st.sampled_from(STARTS))
    def start(self, size):
        """Begin with a log of some size."""
        if size:
            self.append(size)
            self.publish()

    @rule(count=st.integers(1, 5) | st.integers(1, 700))
    def append(self, count):
        """Commit entries: the edge grows, nothing is published."""
        self.edge = self.edge.extend([leaf_hash(entry(i)) for i in range(self.edge.size, self.edge.size + count)])

    @rule()
    def publish(self):
        """Write the files for all that was committed."""
        self.frontier, files = self.frontier.extend([entry(i) for i in range(self.frontier.size, self.edge.size)])
        self.write(files)
        self.published.append(self.frontier.size)

    @rule()
    def restart(self):
        """Rebuild frontier and edge from nothing but the stored files, then commit what was pending once more."""
        pending = range(self.frontier.size, self.edge.size)
        rebuilt = TileFrontier.at(self.frontier.size, self.store.__getitem__)
        assert rebuilt == self.frontier
        assert rebuilt.edge().extend([leaf_hash(entry(i)) for i in pending]) == self.edge

    @rule(data=st.data())
    def write_again(self, data):
        """After a crash the same entries are tiled again, maybe in other steps: no file changes its bytes."""
        size = data.draw(st.sampled_from(self.published))
        if any(path not in self.store for path in frontier_paths(size)):
            return  # its partial tiles are forgotten: nobody can be at that size any more
        frontier = TileFrontier.at(size, self.store.__getitem__)
        middle = data.draw(st.integers(size, self.frontier.size))
        frontier, files = frontier.extend([entry(i) for i in range(size, middle)])
        self.write(files)
        frontier, files = frontier.extend([entry(i) for i in range(middle, self.frontier.size)])
        self.write(files)
        assert frontier == self.frontier

    @rule()
    def forget(self):
        """Remove the partial tiles and bundles whose full ones stand."""
        for path in list(self.store):
            tile = parse_tile_path(path)
            if tile.width < 256 and Tile(tile.level, tile.index).path in self.store:
                del self.store[path]

    @precondition(lambda self: self.frontier.size)
    @rule(data=st.data())
    def prove_inclusion(self, data):
        """A random entry is proved in a random published size, from the stored tiles; its bundle holds it."""
        size = data.draw(st.sampled_from([size for size in self.published if size]))
        index = data.draw(st.integers(0, size - 1))
        proof = inclusion_proof(index, size, hashes_in(self.read(tiles_for_inclusion(index, size))))
        assert proof == TREE.path(index, 0, size)
        verify_inclusion(leaf_hash(entry(index)), index, size, proof, TREE.root(0, size))
        bundle = Tile(None, index // 256, min(256, self.frontier.size - index // 256 * 256))
        assert decode_bundle(self.store[bundle.path], bundle.width)[index % 256] == entry(index)

    @rule(data=st.data())
    def prove_consistency(self, data):
        """Any two published sizes are proved consistent, from the stored tiles."""
        old, new = sorted(data.draw(st.tuples(st.sampled_from(self.published), st.sampled_from(self.published))))
        proof = consistency_proof(old, new, hashes_in(self.read(tiles_for_consistency(old, new))))
        verify_consistency(old, new, proof, TREE.root(0, old) if old else EMPTY_ROOT, TREE.root(0, new))

    @invariant()
    def the_root_is_the_naive_one(self):
        """The committed edge has the naive tree's root, and so has the published frontier."""
        assert self.edge.root() == TREE.root(0, self.edge.size)
        assert self.frontier.edge().root() == TREE.root(0, self.frontier.size)

    def teardown(self):
        """In the end every file of the last published size stands, with the naive tree's bytes."""
        assert self.store.items() >= TREE.files(self.frontier.size).items()


def test_the_log_is_the_naive_merkle_tree():
    """Whatever is appended, published, forgotten and read back, the log is the naive Merkle tree over its entries."""
    run_state_machine_as_test(LogMachine, settings=settings(max_examples=50, stateful_step_count=30))
