"""Whether a text is delimited at all: prose, logs, source code and other languages of computers are not."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, TypeVar

from headwater.formats.delimited.csv_dialect import Table, candidates, sense_of, share_of
from headwater.formats.delimited.csv_header import class_of, knows
from headwater.formats.encodings.glimpse import glimpse
from headwater.formats.finding import Guess
from headwater.formats.format import Ends
from headwater.formats.names import suffixes

_LINES: Final = 60
_CHARS_MAX: Final = 6_000
_SUFFIXES: Final = frozenset({"csv", "tsv", "tab", "psv"})
_HINT: Final = 0.15
_CODE: Final = re.compile(
    r"^\s*(?:import |from [\w.]+ import|def |class |function |public |private |static |#include|#!|@\w+|return\b|"
    r"if ?\(|for ?\(|while ?\(|else\b|var |let |const |package |using |namespace |SELECT |INSERT |CREATE |UPDATE |"
    r"DELETE |ALTER |DROP |"
    r"BEGIN\b|COMMIT\b|END;|\}|\{|/\*|\*/|</?\w|<[?!])",
)
_CODE_END: Final = re.compile(r"[;{}]\s*$|\\\s*$|\):\s*$")
_LOG: Final = re.compile(
    r"^(?:\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*\]?|\[?\w{3} +\d{1,2} \d\d:\d\d:\d\d|\[[^\]]+\])\s*\S*\s*"
    r"(?:\[?(?:DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|FATAL|CRITICAL|TRACE)\b|\w+\[\d+\]:|\S+:\s)",
    re.IGNORECASE,
)
_SECTION: Final = re.compile(r"^\s*\[[\w .:-]+\]\s*$")
_SETTING: Final = re.compile(r"^\s*[\w.-]+\s*[=:]\s*\S?.*$")
_SENTENCE: Final = re.compile(r"[a-z\u00e0-\u024f]{2}[.!?](?:\s+[A-Z]|\s*$)")
_HALF: Final = 0.5
_NEARLY_ALL: Final = 0.95
_WIDE: Final = 3
_FEW: Final = 3
_PREAMBLE_MAX: Final = 15
_SOME, _MOST = 0.3, 0.8
_EQUALS: Final = frozenset({"=", ":=", ":", "->", "=>"})
_WEAK: Final = " :!#"
_LITTLE: Final = 0.1
_RARE: Final = "\t|;\x01\x1f"
_Value = TypeVar("_Value")

_NAMES: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "blanks", ":": "colons"}


def recognise(ends: Ends) -> Guess | None:
    """As `Format.recognise`."""
    text = glimpse(ends.head)
    if text is None:
        return None
    found = _judged(text)
    if found is None:
        return None
    confidence, evidence = found
    if _SUFFIXES & set(suffixes(ends.name)):
        confidence = min(0.97, confidence + _HINT)
    return Guess("csv", round(confidence, 3), evidence)


@lru_cache(maxsize=4)
def _judged(text: str) -> tuple[float, tuple[str, ...]] | None:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[: _LINES * 2]
    filled = [line for line in lines if line.strip()][:_LINES]
    while len(filled) > _LINES // 4 and sum(map(len, filled)) > _CHARS_MAX:
        del filled[len(filled) * 3 // 4 :]
    if not filled:
        return None
    other = _other(filled)
    filled = _without_comments(filled)
    ranked = candidates(filled)
    if ranked and ranked[0].dialect.delimiter == ";" and ranked[0].width >= _WIDE and ranked[0].share > _HALF:
        other = _other([line.rstrip("; ") for line in filled])
    if not ranked or ranked[0].width == 1:
        return _one_column(filled, other)
    best = _without_edges(ranked[0])
    mark = best.dialect.delimiter
    if best.share >= _NEARLY_ALL and best.width >= _WIDE and len(best.rows) >= _FEW and mark not in ",:! #":
        other *= _LITTLE  # no program and no log keeps this up by chance
    confidence = _confidence(best, filled) * (1 - other)
    is_plain = best.share == 1 and mark in _RARE and best.width >= _WIDE and len(best.rows) >= _FEW
    if is_plain and other < _LITTLE and confidence > _HALF:
        confidence = max(confidence, 0.94)
    told = _NAMES.get(mark, repr(mark))
    return confidence, (f"{best.share:.0%} of its rows have {best.width} fields between {told}.",)


def _without_edges(table: Table) -> Table:
    """A table from its first row of full width to its last."""
    whole = [number for number, row in enumerate(table.rows) if len(row) == table.width]
    first, last = (whole[0], whole[-1]) if whole else (0, 0)
    rows = table.rows[first : last + 1]
    if first > _PREAMBLE_MAX or len(table.rows) - last > _FEW + 1 or len(rows) < _FEW:
        return table
    return table._replace(rows=rows, share=max(table.share, share_of(rows, table.width)))


def _without_comments(lines: list[str]) -> list[str]:
    rest = [line for line in lines if not line.startswith(("#", "//", "%"))]
    return rest if len(rest) > len(lines) * _HALF else lines


def _confidence(best: Table, lines: Sequence[str]) -> float:
    """How much a table this is."""
    mark, rows = best.dialect.delimiter, best.rows
    whole = [row for row in rows if len(row) == best.width]
    later = [cell for row in rows for cell in row[1:] if cell]
    is_told = _typed(best) > _SOME
    is_loose = best.share < _MOST or len(rows) < _FEW
    aligned = _share_of(lines, lambda line: "  " in line.strip()) if mark == " " else 0.0
    spaced = _share_of(later, lambda cell: cell[0] == " ")
    sentences = _share_of(lines, lambda line: _SENTENCE.search(line) is not None)
    doubts = (  # what a table mostly has not, and how much of the confidence is left
        (len(rows) == 1, 0.3 if mark == " " else 0.75),
        (1 < len(rows) < _FEW, 0.85),
        (mark in _WEAK, 0.5 if best.width < _WIDE else 0.85),
        (mark == " " and not is_told and best.dialect.quote not in "".join(lines), 0.6),
        (mark == " ", 1 - aligned / 2),
        (not is_told and best.share < _MOST and sentences > _SOME, 0.5),
        (is_loose and mark in ",;:" and spaced > _HALF, 0.6),
        (not is_told and mark in ",;:" and spaced > _MOST and sentences > _HALF, 0.3),
        (
            mark in ",;:~" and best.width < _WIDE and _share_of(whole, lambda row: not row[-1].strip()) > _MOST,
            0.4,
        ),  # it only ends lines
        (mark == " " and _share_of(whole, lambda row: row[1] in _EQUALS) > _MOST, 0.4),  # settings
        (mark in " \t" and is_loose and _share_of(rows, lambda row: not row[0].strip()) > _HALF, 0.5),  # indented
    )
    confidence = 0.2 + 0.75 * math.pow(best.share, 1.5) * min(1.0, best.sense / 0.85)
    for holds, left in doubts:
        confidence *= left if holds else 1.0
    return min(confidence, 0.96)


def _typed(table: Table) -> float:
    """How many of its fields are numbers or dates: 0 to 1."""
    return _share_of([cell for row in table.rows for cell in row if cell], lambda cell: class_of(cell) in "nd")


def _share_of(values: Sequence[_Value], holds: Callable[[_Value], bool]) -> float:
    """Of how many of the values something holds: 0 to 1."""
    return sum(1 for value in values if holds(value)) / len(values) if values else 0.0


def _other(lines: Sequence[str]) -> float:
    """How much the lines look like something else that computers read: 0 to 0.9."""
    count = len(lines)
    code = sum(1 for line in lines if _CODE.match(line)) / count
    ends = sum(1 for line in lines if _CODE_END.search(line)) / count
    log = sum(1 for line in lines if _LOG.match(line)) / count
    section = any(_SECTION.match(line) for line in lines)
    setting = sum(1 for line in lines if _SETTING.match(line)) / count
    first = lines[0].lstrip()
    worst = max(
        code if code > 0.1 else 0.0,  # noqa: PLR2004
        ends if ends > 0.25 and not _is_ended(lines) else 0.0,  # noqa: PLR2004
        log if log > _HALF else 0.0,
        0.8 if section and setting > _HALF else 0.0,
        0.7 if first[:1] in "{[" and _is_json_like(first) else 0.0,
        0.8 if first[:1] == "<" and re.match(r"<[\w?!/]", first) else 0.0,
    )
    return min(0.9, worst * 1.2)


def _is_ended(lines: Sequence[str]) -> bool:
    """Whether each line ends in the mark that also stands inside it: delimited, with one more at the end."""
    return all(line.rstrip().endswith(";") for line in lines[:-1]) and all(line.count(";") > 1 for line in lines[:-1])


def _is_json_like(first: str) -> bool:
    return re.match(r'[{\[]\s*(?:["{\[\d\-]|$|\}|\]|true|false|null)', first) is not None


def _one_column(lines: Sequence[str], other: float) -> tuple[float, tuple[str, ...]]:
    """A list: of one column if its lines are short and alike."""
    cells = [line.strip() for line in lines]
    told = cells[1:] or cells
    typed = sum(1 for cell in told if sense_of(cell) == 1.0) / len(told)
    words = sum(1 for cell in told if " " not in cell and len(cell) < 40) / len(told)  # noqa: PLR2004
    confidence = 0.2
    if len(cells) > 2 and all(cell[0] == cell[-1] == '"' for cell in cells):  # noqa: PLR2004
        confidence = 0.6
    elif len(cells) > 2 and typed > 0.9:  # noqa: PLR2004
        confidence = 0.55
    elif len(cells) > 2 and words > 0.95:  # noqa: PLR2004
        confidence = 0.5 if knows(cells[:1]) and len(set(told)) == len(told) else 0.35
    return confidence * (1 - other), ("Its lines are values of one column, without any delimiter.",)
