"""Which delimiter, quote and escape a text is written with: every candidate is tried, and the table it makes is judged.

A table is good when its rows have as many fields as each other, and its fields are values people write: numbers, dates,
words; a wrong delimiter cuts through values and leaves crumbs.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from headwater.formats.delimited.csv_rows import Row, RowReader
from headwater.formats.finding import Csv

SINGLE: Final = (*",;\t|:^~", *"\x01\x1f\x1e\x02", *"\xa6\xa7\xac", *"#! ")
PRIORS: Final = {
    **dict.fromkeys((",", ";", "\t", "|"), 1.0),
    **dict.fromkeys(("\x01", "\x1f", "\x1e", "\x02"), 1.0),
    **dict.fromkeys(("^", "~", "\xa6", "\xa7", "\xac"), 0.9),
    ":": 0.6,
    " ": 0.5,
    "#": 0.5,
    "!": 0.5,
}
_PRIOR_WIDE: Final = 0.95
QUOTES: Final = ('"', "'", "`")
LINES_JUDGED: Final = 120
_SHARE_MIN: Final = 0.3  # of lines that hold a delimiter
_CANDIDATES_MAX: Final = 5
_NEARLY_ALL: Final = 0.9
_MOST: Final = 0.5
LINE_CHARS_MAX: Final = 20_000
_SAMPLE_CHARS_MAX: Final = 400_000
_CELL_CHARS_MAX: Final = 200
_CELLS_A_ROW_MAX: Final = 60
_TELLING_WIDTH: Final = 3
_OPEN_LINES_MAX: Final = 3  # of a quoted text that the end of the text cuts

NUMBER: Final = re.compile(
    r"(?=\D{0,2}\d)[+-]?(?:\d{1,3}(?:[., '\u00a0\u202f\u2019]\d{3})+|\d+)?(?:[.,]\d+)?(?:[eE][+-]?\d+)?\s?%?"
)
MOMENT: Final = re.compile(
    r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}(?:[T ,]+\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?:\s?[AaPp]\.?[Mm]\.?)?)?"
    r"\s?(?:Z|[+-]\d\d:?(?:\d\d)?|[A-Z]{3,4})?|\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?:\s?[AaPp][Mm])?"
    r"|\d{1,2}[-. ][A-Za-z]{3,9}[-. ]\d{2,4}|[A-Z][a-z]{2,8} \d{1,2}, \d{4}"
)
_THING: Final = re.compile(
    r"[\w.+-]+@[\w-]+\.[\w.-]+|(?:https?|ftp|s3|file)://\S+|www\.\S+|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"|(?:\d{1,3}\.){3}\d{1,3}|[$\u20ac\u00a3\u00a5]\s?-?[\d.,]+|-?[\d.,]+\s?[$\u20ac\u00a3\u00a5]|\\N|N/A|n/a|-|#N/A"
    r"|\+?\d[\d ()/-]{5,}\d"
)
_TIMES: Final = re.compile(r"(?<!\d)[0-2]?\d:[0-5]\d(?::[0-5]\d)?(?!\d)|://|(?<=\d):(?=[0-2]\d:[0-5]\d)")
_AROUND_TIMES: Final = re.compile(r"\d{0,3}:[\d:/]*")  # all that _TIMES looks at, and found much faster
_WORD: Final = re.compile(r"\w[\w.\-/'\u2019()+&%\u00b0#*@]*")
_WORDS: Final = re.compile(r"[\w(\u00bf\u00a1][\w .\-/'\u2019()+&%\u00b0#*@\u2013\u2014\u00ae\u2122?!]*")
_SEVERAL: Final = re.compile(r"(?:[+-]?\d[\d.,:/T-]*Z?\s+)+[+-]?\d[\d.,:/T-]*Z?")
_PROSE: Final = re.compile(r"[\w(\u00bf\u00a1\u201c\u201e\u00ab\[<*].*", re.DOTALL)
_TORN: Final = re.compile(r"\S[,;|\t^~\x01\x1f]\S|[;|\t\x01\x1f]")


class Table(NamedTuple):
    """A candidate, judged. `width` is the number of fields that most rows have."""

    dialect: Csv
    score: float
    width: int
    share: float  # of rows that have this width
    sense: float  # of fields that are values people write
    rows: list[Row]


def candidates(lines: Sequence[str]) -> list[Table]:
    """The dialects in which these lines (without their ends) may be written, best first; with none left, one column."""
    lines = [line[:LINE_CHARS_MAX] for line in lines if line.strip(" ")]
    lines = lines[: max(3, _SAMPLE_CHARS_MAX // max(map(len, lines), default=1))]
    if not lines:
        return []
    made = [
        judged(lines, Csv(delimiter, quote, escape, pads=_is_padded(lines, delimiter, quote)))
        for delimiter in _delimiters(lines)
        for quote in _quotes(lines, delimiter)
        for escape in _escapes(lines, quote)
    ]
    made = [table for table in made if table.width > 1]
    if all(re.fullmatch(r'"[^"]*"', line) for line in lines):
        return [judged(lines, Csv(","))]
    best: dict[str, Table] = {}
    for table in sorted(made, key=lambda each: -each.score):
        best.setdefault(table.dialect.delimiter, table)
    return list(best.values())


def judged(lines: Sequence[str], dialect: Csv) -> Table:
    """A dialect, and how good the table is that it makes of these lines."""
    reader = RowReader(dialect)
    rows = reader.feed("\n".join(lines) + "\n") + reader.end()
    if not rows:
        return Table(dialect, 0.0, 0, 0.0, 0.0, rows)
    widths = Counter(len(row) for row in rows)
    width = max(widths, key=lambda each: widths[each] * math.sqrt(each))
    share = share_of(rows, width)
    body = [row for row in rows if len(row) == width]
    sense = _sense(body)
    prior = PRIORS.get(dialect.delimiter, _PRIOR_WIDE)
    score = math.pow(share, 1.5) * sense * math.sqrt((width - 1) / width) * prior
    score *= 1 - min(0.5, 2 * reader.strays / len(rows))
    if dialect.quote and not reader.strays and not reader.is_open and any(dialect.quote in line for line in lines):
        score *= 1.05
    if reader.quoted_ends and width >= _TELLING_WIDTH:
        plain = sum(1 for line in lines if line.count(dialect.delimiter) == width - 1)
        score *= 0.8 if plain >= len(lines) * 0.95 else 1.0  # what it takes for one quoted text are rows
    if reader.open_lines > _OPEN_LINES_MAX:
        score *= 0.5
    return Table(dialect, score, width, share, sense, rows)


def share_of(rows: Sequence[Row], width: int) -> float:
    """How many of the rows have this width; one that is near counts for a part."""
    widths = Counter(map(len, rows))
    near = sum(min(each, width) / max(each, width) * count for each, count in widths.items())
    return (0.75 * widths[width] + 0.25 * near) / len(rows) if rows else 0.0


def margin(ranked: Sequence[Table]) -> float:
    """How clearly the first is better than the second: 0 to 1."""
    if len(ranked) < 2:  # noqa: PLR2004
        return 1.0
    return max(0.0, 1 - ranked[1].score / ranked[0].score) if ranked[0].score else 0.0


def _sense(rows: Sequence[Row]) -> float:
    """How many of the fields are values that people write; columns that are always empty speak against a table."""
    if not rows:
        return 0.0
    width = min(len(rows[0]), _CELLS_A_ROW_MAX)
    total = 0.0
    told = 0
    empty = 0
    for cells in islice(zip(*rows, strict=True), width):
        counted = Counter(cells)
        nothing = counted.pop("", 0)
        if nothing == len(cells):
            empty += 1
            continue
        total += sum([sense_of(cell) * count for cell, count in counted.items()])
        told += len(cells) - nothing
    full = total / told if told else 0.0
    inner = empty - (1 if all(row[-1] == "" for row in rows) else 0)
    return full * (1 - 0.6 * max(0, inner) / width)


@lru_cache(maxsize=20_000)
def _sense_of(cell: str) -> float:
    text = cell.strip()
    if not text:
        return 0.5
    factor = 1.0 if len(text) == len(cell) else 0.93
    if NUMBER.fullmatch(text) or MOMENT.fullmatch(text) or _THING.fullmatch(text):
        return factor
    if text[0] in QUOTES or text[-1] in '"`':
        return 0.15
    if _WORD.fullmatch(text):
        return 0.9 * factor
    return _sense_of_words(text) * factor


def _sense_of_words(text: str) -> float:
    if "   " in text:
        return 0.35  # more than one field, aligned with blanks
    if _WORDS.fullmatch(text):
        return 0.45 if _SEVERAL.fullmatch(text) else 0.85
    if _TORN.search(text):
        return 0.25
    return 0.7 if _PROSE.fullmatch(text) else 0.4


def sense_of(cell: str) -> float:
    """How much a field looks like a value that people write: 0 to 1."""
    return _sense_of(cell[:_CELL_CHARS_MAX])


def _delimiters(lines: Sequence[str]) -> list[str]:
    """What may be the delimiter: what stands in enough of the lines, most regular first."""
    counted: list[tuple[float, str]] = []
    joined = "".join(lines)
    for mark in SINGLE:
        if mark not in joined:
            continue
        told = [_TIMES.sub("", " ".join(_AROUND_TIMES.findall(line))) for line in lines] if mark == ":" else lines
        counts = [line.count(mark) for line in told]
        holding = sum(1 for count in counts if count)
        if holding < max(1, len(lines) * _SHARE_MIN):
            continue
        usual = Counter(count for count in counts if count).most_common(1)[0][1]
        counted.append(((holding + usual) * PRIORS[mark], mark))
    chosen = [mark for _, mark in sorted(counted, reverse=True)[:_CANDIDATES_MAX]]
    wide = dict.fromkeys(filter(None, (_widened(lines, mark) for mark in chosen)))
    return [*chosen, *wide]


def _widened(lines: Sequence[str], mark: str) -> str:
    """A delimiter of more characters around this one, if it never stands alone: `||`, `~|~`, `::`."""
    if mark in " \t":
        return ""
    joined = "\n".join(lines)
    total = joined.count(mark)
    runs = re.findall(f"{re.escape(mark)}+", joined) if mark not in ",;" else []
    if runs and sum(1 for run in runs if len(run) % 2 == 0) >= len(runs) * _NEARLY_ALL:
        return mark * 2
    other = r"([^\w\s\"'`])"
    around: Counter[tuple[str, str]] = Counter(
        re.findall(rf"{re.escape(mark)}(?<={other}{re.escape(mark)})(?={other})", joined)
    )
    if around:
        (before, after), count = around.most_common(1)[0]
        if count >= total * _NEARLY_ALL and mark not in {before, after}:
            return before + mark + after
    follows: Counter[str] = Counter(re.findall(rf"{re.escape(mark)}([^\w\s\"'`.+-])", joined))
    if follows:
        after, count = follows.most_common(1)[0]
        if count >= total * _NEARLY_ALL and after != mark:
            return mark + after
    return ""


def _quotes(lines: Sequence[str], delimiter: str) -> Iterable[str]:
    """What may be the quote: what opens fields; and none, where a quote stands in the text and may be a character."""
    mark = re.escape(delimiter)
    joined = "\n".join(lines)
    found = []
    for quote in QUOTES:
        if quote not in joined:
            continue
        before = "|".join(f"(?<={begin}{quote})" for begin in ("^", "^ ", mark, f"{mark}[ ]"))
        opens = len(re.findall(f"{quote}(?:{before})", joined, re.MULTILINE))
        closes = len(re.findall(rf"{quote}[ ]?(?:$|{mark})", joined, re.MULTILINE))
        if opens and (closes >= opens * 0.5 or quote == '"'):
            found.append(quote)
    if not found:
        return ('"',)
    return (*found, "")


def _is_padded(lines: Sequence[str], delimiter: str, quote: str) -> bool:
    """Whether blanks stand between delimiters and quotes."""
    if not quote or delimiter == " ":
        return False
    marks = re.findall(rf"{re.escape(delimiter)}( *){quote}", "\n".join(lines))
    return sum(1 for blanks in marks if blanks) > len(marks) * _MOST


def _escapes(lines: Sequence[str], quote: str) -> Iterable[str]:
    if quote and any(f"\\{quote}" in line for line in lines):
        return ("", "\\")
    return ("",)


__all__ = ["Table", "candidates", "judged", "margin", "sense_of"]
