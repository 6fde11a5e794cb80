"""One pass over the rows of delimited text in a known dialect: how many, how wide, which come last, some to look at."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from headwater.formats.delimited.csv_footer import FOOTER_ROWS_MAX
from headwater.formats.delimited.csv_rows import Row, RowReader
from headwater.formats.finding import Csv

ROWS_KEPT: Final = 10_000
CELLS_KEPT: Final = 300_000
_PIECE_CHARS: Final = 1024 * 1024
_EXAMPLES_MAX: Final = 5


@dataclass
class Pass:
    """What a pass learnt of the rows after the header.

    `kept` are the first rows, `last` the last ones (footers too); `odd` are examples of rows that have more or fewer
    fields than `width`: (number from 1, fields).
    """

    reader: RowReader
    width: int
    rows: int = 0
    widths: Counter[int] = field(default_factory=Counter)
    kept: list[Row] = field(default_factory=list)
    last: deque[Row] = field(default_factory=lambda: deque(maxlen=FOOTER_ROWS_MAX + 10))
    odd: list[tuple[int, int]] = field(default_factory=list)

    @property
    def is_all_kept(self) -> bool:
        """Whether `kept` holds every row."""
        return len(self.kept) == self.rows

    def take(self, rows: list[Row]) -> None:
        """Counts rows that were read."""
        if not rows:
            return
        widths = Counter(map(len, rows))
        if len(self.odd) < _EXAMPLES_MAX + FOOTER_ROWS_MAX and (len(widths) > 1 or self.width not in widths):
            for number, row in enumerate(rows, self.rows + 1):
                if len(row) != self.width:
                    self.odd.append((number, len(row)))
                    if len(self.odd) >= _EXAMPLES_MAX + FOOTER_ROWS_MAX:
                        break
        room = min(ROWS_KEPT, CELLS_KEPT // max(1, self.width)) - len(self.kept)
        if room > 0:
            self.kept += rows[:room]
        self.rows += len(rows)
        self.widths.update(widths)
        self.last.extend(rows[-(FOOTER_ROWS_MAX + 10) :])


def pieces_of(text: str) -> Iterator[str]:
    """A text in pieces that end no line end in its midst."""
    start = 0
    while start < len(text):
        end = start + _PIECE_CHARS
        if text[end - 1 : end] == "\r":
            end += 1
        yield text[start:end]
        start = end


def passed(texts: Iterable[str], dialect: Csv, width: int, *, is_end: bool = True) -> Pass:
    """Reads all rows of a text, given in pieces, and counts those after the header; where the pieces do not end the
    text, a row that is not finished is none.
    """
    reader = RowReader(dialect, columns=width)
    found = Pass(reader, width)
    headers = dialect.header_rows
    for text in texts:
        rows = reader.feed(text)
        if headers:
            taken = min(headers, len(rows))
            headers -= taken
            rows = rows[taken:]
        found.take(rows)
    rows = reader.end() if is_end else []
    found.take(rows[headers:])
    return found
