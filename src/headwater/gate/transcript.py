"""What a client did and what we answered, bounded, kept with the attempt: evidence for "but I uploaded it"."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from enum import Enum
from typing import Any, Final

import msgspec

from headwater.ports.clock import Clock
from headwater.terms import shown, time_text

_TEXT_CHARS_MAX: Final = 512
_TOKEN: Final = re.compile(r"hw_[A-Za-z0-9_-]{43}")
_TOKEN_LENGTH: Final = 46
_PLAIN: Final = (str, int, float, bool, type(None))


def harmless(value: Any) -> str | int | float | bool | None:
    """The value if it is of a plain type, else the name of its type alone: so no secret, body or object gets in.

    Text is cut at 512 characters, what could steer a terminal is escaped, and what looks like one of our tokens goes.
    """
    if isinstance(value, Enum):
        value = value.value
    if type(value) not in _PLAIN:
        return f"<{type(value).__name__}>"
    if isinstance(value, str):
        return shown(_TOKEN.sub("hw_…", value[: _TEXT_CHARS_MAX + _TOKEN_LENGTH]))[:_TEXT_CHARS_MAX]
    return value  # type: ignore[no-any-return]


class Transcript:
    """Events in order. When they become too many or too large, the first half of the room keeps the beginning, the
    second the end; what fell out between is counted in an event `dropped`. It goes on after `earlier` ones.
    """

    def __init__(
        self,
        clock: Clock,
        earlier: Iterable[dict[str, Any]] = (),
        *,
        events_max: int = 200,
        bytes_max: int = 16 * 1024,
    ) -> None:
        self._clock = clock
        self._events_max = events_max // 2
        self._bytes_max = bytes_max // 2
        self._first: list[dict[str, Any]] = []
        self._first_bytes = 0
        self._last: deque[tuple[dict[str, Any], int]] = deque()
        self._last_bytes = 0
        self._dropped = 0
        for row in earlier:
            self._keep(row)

    def add(self, event: str, **detail: Any) -> None:
        """Notes an event with the time of now. Values that are not text, numbers or truth values lose their content."""
        row: dict[str, Any] = {"at": time_text(self._clock.now()), "event": event}
        self._keep(row | {key: harmless(value) for key, value in detail.items()})

    def _keep(self, row: dict[str, Any]) -> None:
        if row["event"] == "dropped":
            self._dropped += row["count"]
            return
        size = len(msgspec.json.encode(row)) + 1
        room = len(self._first) < self._events_max and self._first_bytes + size <= self._bytes_max
        if room and not self._last and not self._dropped:
            self._first.append(row)
            self._first_bytes += size
            return
        self._last.append((row, size))
        self._last_bytes += size
        while len(self._last) > self._events_max or self._last_bytes > self._bytes_max:
            self._last_bytes -= self._last.popleft()[1]
            self._dropped += 1

    def rows(self) -> tuple[dict[str, Any], ...]:
        """The events kept so far, as they go into the attempt's row."""
        dropped = ({"event": "dropped", "count": self._dropped},) if self._dropped else ()
        return (*self._first, *dropped, *(row for row, _ in self._last))
