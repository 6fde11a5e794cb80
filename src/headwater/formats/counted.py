"""A count with its word, as a sentence has it."""

from __future__ import annotations


def counted(count: int, one: str, more: str = "") -> str:
    """`1 row`, `2,000 rows`. `more` is the word for all other counts, where it is not `one` and an s."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"
