"""Ids by their ending: the last digits, backwards, as a number, so that all ids with an ending are one range."""

from __future__ import annotations

import re

_DIGITS = 15  # 60 bits; SQLite's integers have 63
_HEX = re.compile(r"[0-9a-f]+")


def ending_number(id: str) -> int:
    """Where an id stands in the order of endings."""
    return int(id[: -_DIGITS - 1 : -1], 16)


def ending_range(ending: str) -> tuple[int, int] | None:
    """The first and last number of ids that end so; what is longer than 15 digits is for the caller to compare. None
    for what no id ends with.
    """
    if not _HEX.fullmatch(ending):
        return None
    backwards = ending[: -_DIGITS - 1 : -1]
    return int(backwards.ljust(_DIGITS, "0"), 16), int(backwards.ljust(_DIGITS, "f"), 16)
