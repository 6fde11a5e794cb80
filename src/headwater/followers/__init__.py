"""What follows the ledger: the loop, and the projections that it feeds."""
