"""The ledger as pure functions: entries, the head and its transitions, the Merkle tree, tiles, proofs, signed notes."""
