"""What is said of a problem beside its sentence."""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    """What a code means; an example of its sentence; what to tell the sender, "" where there is nothing to tell."""

    meaning: str
    example: str
    advice: str = ""
