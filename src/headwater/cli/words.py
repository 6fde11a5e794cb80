"""Words that several commands take: flags, durations, sizes, lists of feeds."""

# ruff: noqa: PLC0415 - what a command does not need is not imported

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from headwater.errors import Refused

DASH = "\0-"
"""What stands for a `-` among the words, which the grammar would take for an option; no argument can hold a NUL."""

Flag = Annotated[bool, Parameter(show_default=False)]
"""An option without a value."""

Feed = Annotated[str, Parameter(name="SOURCE/FEED", help="A feed, or all those of a source.")]


def seconds_of(text: str) -> float:
    """A duration such as `30m`. Raises Refused("bad_request")."""
    from headwater.config_values import DURATION, Wrong

    try:
        return float(DURATION.parse(text))
    except Wrong as wrong:
        raise Refused("bad_request", f"{text!r} {wrong.sentence}. {wrong.suggestion}".rstrip()) from None


def size_of(text: str) -> int:
    """A size such as `128MiB`. Raises Refused("bad_request")."""
    from headwater.config_values import SIZE, Wrong

    try:
        return int(SIZE.parse(text))
    except Wrong as wrong:
        raise Refused("bad_request", f"{text!r} {wrong.sentence}. {wrong.suggestion}".rstrip()) from None
