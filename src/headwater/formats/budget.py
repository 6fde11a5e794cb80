"""How much a step of inspection may read, and how long it may take; what was not looked at is said, never guessed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from headwater.ports.ranges import Ranges


class Budget:
    """A limit of bytes and seconds for one step. `clock` gives seconds that only grow.

    Attributes:
        read_bytes: how many were read so far.
        is_spent: whether a limit ended a step before its end.
    """

    def __init__(self, size_bytes_max: int, seconds_max: float, clock: Callable[[], float]) -> None:
        self._left_bytes = size_bytes_max
        self._clock = clock
        self._ends_at = clock() + seconds_max
        self.read_bytes = 0
        self.is_spent = False

    def has(self) -> bool:
        """Whether anything is left; once it is not, the step is marked as unfinished."""
        if self._left_bytes <= 0 or self._clock() > self._ends_at:
            self.is_spent = True
        return not self.is_spent

    def stream(self, ranges: Ranges, offset: int = 0) -> Iterator[bytes]:
        """The bytes from `offset` on, until the budget is spent. Raises as `Ranges.stream`."""
        for piece in ranges.stream(offset):
            if not self.has():
                return
            self._left_bytes -= len(piece)
            self.read_bytes += len(piece)
            yield piece

    def read(self, ranges: Ranges, offset: int, size_bytes: int) -> bytes:
        """A range of bytes, whatever is left; it counts."""
        data = ranges.read(offset, size_bytes)
        self._left_bytes -= len(data)
        self.read_bytes += len(data)
        return data
