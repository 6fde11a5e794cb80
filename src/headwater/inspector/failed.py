"""Findings of what could not be inspected, or not to the end."""

from __future__ import annotations

import msgspec

from headwater.formats.finding import DETECTOR, PROBLEMS_MAX, Finding, Problem, Wholeness
from headwater.terms import Completeness


def failed(name: str, size_bytes: int, how: str) -> Finding:
    """The finding of what could not be inspected: the program that tried was ended, or ended itself, twice."""
    sentence = f"It could not be looked at: {how}. The bytes are as they came."
    return Finding(
        detector=DETECTOR,
        format="unknown",
        confidence=0.0,
        evidence=(sentence,),
        name=name,
        size_bytes=size_bytes,
        wholeness=Wholeness(Completeness.PRESUMED, ("Nobody could look at it.",)),
        problems=(Problem("inspection_failed", sentence),),
        is_all=False,
        unread="All of it.",
    )


def cut_short(finding: Finding, how: str) -> Finding:
    """A finding whose later steps came to a bad end, twice: what was found before them stands."""
    sentence = f"Not everything could be counted and tried: {how}."
    return msgspec.structs.replace(
        finding,
        problems=(Problem("inspection_incomplete", sentence), *finding.problems)[:PROBLEMS_MAX],
        is_all=False,
        unread=" ".join(filter(None, (finding.unread, sentence))),
    )
