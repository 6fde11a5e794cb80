"""Plain text: what reads as text and is no table, no record and no language that is known."""

from __future__ import annotations

from typing import Final

from headwater.formats.budget import Budget
from headwater.formats.encodings.glimpse import glimpse
from headwater.formats.encodings.passages import read_passages
from headwater.formats.finding import Description, Guess, Wholeness
from headwater.formats.format import Ends
from headwater.ports.ranges import Ranges
from headwater.terms import Completeness

_CONFIDENCE: Final = 0.4
_NULS_MIN: Final = 8


def recognise(ends: Ends) -> Guess | None:
    """As `Format.recognise`; with little confidence, because nearly everything written in characters is text."""
    if glimpse(ends.head) is None:
        return None
    return Guess("text", _CONFIDENCE, ("It reads as text.",))


def describe(ranges: Ranges, budget: Budget) -> Description:
    """As `Format.describe`: the encoding, and what no text holds."""
    passages = read_passages(ranges, budget)
    signs = []
    if passages.broken is not None:
        signs.append(passages.broken.sentence)
    if passages.is_half:
        signs.append("The file ends in the middle of a character.")
    nuls = len(passages.tail) - len(passages.tail.rstrip("\x00"))
    if nuls >= _NULS_MIN:
        signs.append(f"The file ends in {nuls:,} NUL bytes: its writer died, or its disk did.")
    if signs:
        wholeness = Wholeness(Completeness.SUSPECT, tuple(signs))
    else:
        wholeness = Wholeness(Completeness.PRESUMED, ("Nothing in plain text tells where it should end.",))
    return Description(
        wholeness=wholeness,
        encoding=passages.encoding,
        problems=passages.problems,
        is_all=passages.is_whole,
        unread=passages.unread,
    )
