"""Rows of delimited text that are no rows of their table, as DuckDB told them in a pass over all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from headwater.formats.counted import counted
from headwater.formats.finding import SAMPLE_CHARS_MAX, Csv, Problem
from headwater.readers.engine import Engine

EXAMPLES_MAX: Final = 3


class Ragged(msgspec.Struct, frozen=True):
    """How many rows have too few fields, too many, or bytes that are no text; with the lines of some."""

    short_rows: int
    long_rows: int
    undecodable: int
    other: int
    lines: tuple[int, ...] = ()
    examples: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        """Whether there was any."""
        return bool(self.short_rows or self.long_rows or self.undecodable or self.other)

    def dialect(self, csv: Csv) -> Csv:
        """The dialect with what is known now."""
        return msgspec.structs.replace(csv, short_rows=self.short_rows, long_rows=self.long_rows)

    def problems(self, known: Sequence[Problem]) -> list[Problem]:
        """The problems with what is known now in place of what a part of the file had told."""
        kept = [problem for problem in known if problem.code != "ragged_rows"]
        if self.short_rows or self.long_rows:
            told = [
                f"{counted(count, 'row has', 'rows have')} {word} fields than there are columns"
                for count, word in ((self.short_rows, "fewer"), (self.long_rows, "more"))
                if count
            ]
            where = f", the first in line {self.lines[0]:,}" if self.lines else ""
            sentence = f"{' and '.join(told)}{where}."
            kept.append(Problem("ragged_rows", sentence, self.short_rows + self.long_rows, examples=self.examples))
        if self.undecodable and not any(problem.code == "bad_encoding" for problem in kept):
            told_rows = counted(self.undecodable, "row holds", "rows hold")
            sentence = f"{told_rows} bytes that are no text in the encoding of the file."
            kept.append(Problem("bad_encoding", sentence, self.undecodable))
        return kept


def forget_rejects(engine: Engine) -> None:
    """Removes what an earlier pass told."""
    for table in ("reject_errors", "reject_scans"):
        engine.rows(f"DROP TABLE IF EXISTS {table}")


def read_rejects(engine: Engine, csv: Csv) -> Ragged:
    """What the last pass told, and forgets it. Footer rows are no rows of the table, and not counted."""
    kinds = engine.rows("SELECT error_type, count(DISTINCT line) FROM reject_errors GROUP BY 1")
    shown = engine.rows(
        "SELECT DISTINCT line, csv_line FROM reject_errors WHERE error_type IN ('MISSING COLUMNS', 'TOO MANY COLUMNS') "
        f"ORDER BY line LIMIT {EXAMPLES_MAX}"
    )
    forget_rejects(engine)
    counts = {str(kind): int(str(count)) for kind, count in kinds}
    short, long = counts.pop("MISSING COLUMNS", 0), counts.pop("TOO MANY COLUMNS", 0)
    undecodable = counts.pop("INVALID ENCODING", 0) + counts.pop("INVALID UNICODE", 0)
    return Ragged(
        max(0, short - csv.footer_rows),
        long,
        undecodable,
        sum(counts.values()),
        tuple(int(str(line)) for line, _ in shown),
        tuple(str(text).strip()[:SAMPLE_CHARS_MAX] for _, text in shown),
    )
