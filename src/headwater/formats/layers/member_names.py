"""The names in archives: which of them would land outside of the folder they are unpacked into."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from headwater.formats.finding import SAMPLES_MAX, Problem

_DRIVE: Final = re.compile(r"[A-Za-z]:")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def is_unsafe(name: str) -> bool:
    """Whether a name is absolute, climbs out of its folder, or holds control characters."""
    plain = name.replace("\\", "/")
    return (
        plain.startswith("/")
        or ".." in plain.split("/")
        or _DRIVE.match(plain) is not None
        or _CONTROL.search(plain) is not None
    )


def unsafe_names(names: Iterable[str], count: int | None = None) -> Iterator[Problem]:
    """One problem for all of them, or none; `count` where these are not all."""
    found = [name for name in names if is_unsafe(name)]
    if found:
        yield Problem(
            "unsafe_names",
            "Members have names that would be written outside of the folder they are unpacked into.",
            len(found) if count is None else count,
            examples=tuple(repr(name)[1:-1][:80] for name in found[:SAMPLES_MAX]),
        )
