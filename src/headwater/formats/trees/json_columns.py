"""Lines of objects decoded straight into columns, where they have no other keys than those before them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

NO_VALUE: Final = msgspec.UNSET
"""Stands in a column where an object has no such key."""

_COLUMNS_MAX: Final = 200
_MISSES_MAX: Final = 10  # lines that have other keys again and again are faster decoded as they are
_FULL_MIN: Final = 0.5


class Columns:
    """A decoder that learns keys as they come."""

    def __init__(self) -> None:
        self._decoder: msgspec.json.Decoder[Any] | None = None
        self._known = 0
        self._is_off = False
        self._misses = 0

    def decode(self, lines: bytes, count: int, names: Sequence[str]) -> list[tuple[Any, ...]] | None:
        """The columns of so many objects, one for each name; None where it cannot be told that they have no other keys.

        Also where the lines are no JSON, no objects, or not as many.
        """
        if self._is_off or not names:
            return None
        if self._known != len(names):
            self._known = len(names)
            self._decoder = _decoder_of(names)
        if self._decoder is None:
            return None
        try:
            objects = self._decoder.decode_lines(lines)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            objects = []
        if len(objects) != count:
            self._misses += 1
            self._is_off = self._misses > _MISSES_MAX
            return None
        return list(zip(*map(msgspec.structs.astuple, objects), strict=True))

    def tell_missing(self, missing: int, cells: int) -> None:
        """How many of the values were `NO_VALUE`."""
        self._is_off = self._is_off or cells - missing < cells * _FULL_MIN


def _decoder_of(names: Sequence[str]) -> msgspec.json.Decoder[Any] | None:
    if len(names) > _COLUMNS_MAX:
        return None
    fields: list[tuple[str, Any, Any]] = [
        (f"f{number}", Any, msgspec.field(name=name, default=NO_VALUE)) for number, name in enumerate(names)
    ]
    try:
        return msgspec.json.Decoder(msgspec.defstruct("Row", fields, forbid_unknown_fields=True, gc=False))
    except ValueError:  # a name with a quote or a backslash
        return None
