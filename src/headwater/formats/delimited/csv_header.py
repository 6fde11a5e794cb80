"""What names the columns of a table: how many of its first rows, and which names they give.

A header is told from data by its columns: it is text where all below are numbers or dates, or it differs from all below
in a way that they share. Known words for columns help where nothing else tells.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

from headwater.formats.delimited.csv_dialect import MOMENT, NUMBER, sense_of
from headwater.formats.delimited.csv_rows import Row
from headwater.formats.delimited.csv_words import HEADER_WORDS
from headwater.formats.values.types import NULLS_ALWAYS, NULLS_BESIDE

HEADER_ROWS_MAX: Final = 4
_BODY_ROWS_MAX: Final = 150
_CELL_CHARS_MAX: Final = 100
_NAME_CHARS_MAX: Final = 60
_YEARS: Final = (1900, 2100)
_HALF, _MOST = 0.5, 0.8
_COUNTED_MIN: Final = 5
_PREFERENCE: Final = 0.25  # for a header where nothing tells: most files have one

_PLAIN_PATTERNS: Final = frozenset({"a", "a a", "a a a"})
_DIGIT: Final = re.compile(r"\d")
_RULE: Final = re.compile(r"[-=+_*\s:|]{2,}")
YEAR: Final = re.compile(r"(?:19|20)\d\d")
_SNAKE: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+|[a-z]+(?:[A-Z][a-z0-9]+)+|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")


def header_rows(rows: Sequence[Row], width: int) -> tuple[int, float]:
    """How many of the first rows name the columns, and how sure that is."""
    body = [row for row in rows[1:] if len(row) == width][:_BODY_ROWS_MAX]
    if not body:
        is_header = bool(rows) and looks_like_header(rows[0]) and knows(rows[0]) > 0
        return (1, 0.6) if is_header else (0, 0.5)
    later = body[3:] if len(body) > 8 else body[-max(2, len(body) // 2) :]  # noqa: PLR2004
    columns = list(zip(*later, strict=True))
    classes = [_class_of_column(cells) for cells in columns]
    votes = _votes(rows[0], columns, classes)
    count = _rows_over(rows, classes)
    if not count and votes + _PREFERENCE * looks_like_header(rows[0]) <= 0:
        return 0, min(1.0, 0.5 + abs(votes) / 4)
    count = max(1, count)
    while count < min(HEADER_ROWS_MAX, len(rows) - 1) and _goes_on(rows[count], classes):
        count += 1
    return count, min(1.0, 0.5 + abs(votes) / 4)


def _rows_over(rows: Sequence[Row], classes: Sequence[str]) -> int:
    """How many first rows stand over the data for certain: up to the last one with texts over all numbers and dates."""
    told = 0
    for number, row in enumerate(rows[: min(HEADER_ROWS_MAX, len(rows) - 1)]):
        if not all(class_of(cell) == "x" or YEAR.fullmatch(cell.strip()) for cell in row if cell.strip()):
            break
        over = [class_of(cell) for cell, kind in zip(row, classes, strict=False) if kind in "nd" and cell.strip()]
        numbers = sum(1 for kind in classes if kind in "nd")
        if numbers and over.count("x") >= max(1, numbers * _MOST):
            told = number + 1
    return told


def _votes(row: Row, columns: Sequence[Sequence[str]], classes: Sequence[str]) -> float:
    """For (above 0) and against (below 0) a row being a header, column by column."""
    cells = [cell.strip() for cell in row]
    votes = 0.0
    counting = _counts_up(cells, columns)
    for cell, below, kind in zip(cells, columns, classes, strict=False):
        if not cell or kind == "e":
            continue
        own = class_of(cell)
        if kind in "nd":
            votes += _typed_votes(own, kind, is_counting=counting)
        elif kind == "b":
            votes += 1.0 if own != "b" else -1.0
        else:
            votes += _text_votes(cell, own, below)
    return votes + knows(row) * 0.7


def _typed_votes(own: str, kind: str, *, is_counting: bool) -> float:
    """What a column of numbers or dates says of the field above it."""
    if own == "x":
        return 1.0
    if own == kind:
        return 0.5 if is_counting and own == "n" else -1.0
    return 0.6 if own == "d" else -0.5


def _text_votes(cell: str, own: str, below: Sequence[str]) -> float:
    """What a column of texts says of the text above it."""
    texts = [text.strip() for text in below if text.strip()]
    if cell in texts:
        return -1.0 if len(texts) > 1 else -0.3
    if own in "nd":
        return -0.3
    if len(texts) < 2:  # noqa: PLR2004
        return 0.1
    votes = 0.0
    patterns = {_pattern(text) for text in texts}
    if len(patterns) == 1:
        same = _pattern(cell) in patterns
        if same:
            votes -= 0.5 if patterns.isdisjoint(_PLAIN_PATTERNS) else 0.2 * (patterns != {"a"})
        else:
            votes += 0.7 if patterns == {"a"} else 1.0
    elif sense_of(cell) == 1.0 and all(sense_of(text) == 1.0 for text in texts):
        votes -= 0.7  # an address above addresses
    elif all(map(_DIGIT.search, texts)):
        votes += 0.7 if not _DIGIT.search(cell) else -0.2
    if _case(cell) != "" and {_case(cell)}.isdisjoint(map(_case, texts)):
        votes += 0.4
    if len(set(texts)) <= len(texts) * _HALF:
        votes += 0.7  # few values, again and again, and this is none of them
    return votes


def _case(text: str) -> str:
    """How a text is written: small, Capital, UPPER; "" where it has no letters to tell."""
    if text.islower():
        return "small"
    if text.isupper():
        return "UPPER"
    return "Capital" if text[:1].isupper() else ""


def _counts_up(cells: Sequence[str], columns: Sequence[Sequence[str]]) -> bool:
    """Whether the numbers in a row are years or a sequence, as headers have them, and those below are not."""
    numbers = [int(cell) for cell in cells if cell.isascii() and cell.isdigit() and len(cell) <= 6]  # noqa: PLR2004
    if len(numbers) < 2 or len(set(numbers)) != len(numbers):  # noqa: PLR2004
        return False
    steps = {after - before for before, after in pairwise(numbers)}
    if len(steps) != 1:
        return False
    below = [text for cell, texts in zip(cells, columns, strict=False) if cell.isdigit() for text in texts if text]
    is_count = steps == {1} and (
        (numbers[0] in {0, 1} and len(numbers) >= _COUNTED_MIN) or not any(text.strip().isdigit() for text in below)
    )
    return is_count or _YEARS[0] <= min(numbers) <= max(numbers) < _YEARS[1]


def _goes_on(row: Row, classes: Sequence[str]) -> bool:
    """Whether the row after a header belongs to it: texts over numbers and dates, units, or a rule."""
    cells = [cell.strip() for cell in row]
    if len(cells) > 1 and any(cells) and all(_RULE.fullmatch(cell) for cell in cells if cell):
        return True
    over = [class_of(cell) for cell, kind in zip(cells, classes, strict=False) if kind in "nd" and cell]
    if any(kind == "b" and class_of(cell) == "b" for cell, kind in zip(cells, classes, strict=False)):
        return False
    texts = over.count("x")
    return texts > 0 and texts == len(over) and texts >= sum(1 for kind in classes if kind in "nd") * 0.4


def looks_like_header(row: Row) -> bool:
    """Whether all fields are names: texts, each other than the others."""
    cells = [cell.strip() for cell in row if cell.strip()]
    if not cells or is_sentence(row) or len(set(cells)) <= len(cells) * _MOST:
        return False
    return all(class_of(cell) == "x" for cell in cells)


def is_sentence(row: Row) -> bool:
    """Whether the fields of a row are rather the parts of a sentence."""
    cells = [cell.strip() for cell in row if cell.strip()]
    return len(cells) > 1 and cells[-1].endswith(".") and sum(map(len, cells)) > _NAME_CHARS_MAX // 2


def are_texts(row: Row) -> bool:
    """Whether no field is a number, a date or the like."""
    return all(class_of(cell) == "x" for cell in row if cell.strip())


def knows(row: Row) -> int:
    """How many of the fields are words that name columns, or are written as programs write names."""
    cells = [cell.strip() for cell in row]
    words = [re.split(r"[\W_]+", cell.lower()) for cell in cells]
    return sum(
        1
        for cell, parts in zip(cells, words, strict=True)
        if len(cell) <= _NAME_CHARS_MAX
        and (cell.lower() in HEADER_WORDS or _SNAKE.fullmatch(cell) or (len(parts) <= 3 and HEADER_WORDS & set(parts)))  # noqa: PLR2004
    )


def names_of(header: Sequence[Row], width: int) -> Row:
    """The names that header rows give: parts joined by a blank, a merged cell names all under it. "" for none."""
    filled = []
    for number, row in enumerate(header):
        cells = [cell.strip() for cell in row[:width]] + [""] * (width - len(row))
        if number < len(header) - 1 and "" in cells:
            for place in range(1, width):
                cells[place] = cells[place] or cells[place - 1]
        filled.append(["" if _RULE.fullmatch(cell) else cell for cell in cells])
    return [" ".join(dict.fromkeys(filter(None, parts))) for parts in zip(*filled, strict=True)] or [""] * width


def is_rule(line: str) -> bool:
    """Whether a line is drawn, of dashes and their kin, to part a header from what it names."""
    return _RULE.fullmatch(line) is not None and any(not each.isspace() for each in line)


def class_of(cell: str) -> str:
    """The class of a field: n(umber), d(ate or time), b(oolean), e(mpty or null), or x for any other text."""
    return _class_of(cell.strip()[:_CELL_CHARS_MAX])


@lru_cache(maxsize=20_000)
def _class_of(text: str) -> str:
    if text in NULLS_ALWAYS or text.lower() in NULLS_BESIDE:
        return "e"
    if NUMBER.fullmatch(text):
        return "n"
    if MOMENT.fullmatch(text):
        return "d"
    return "b" if text.lower() in {"true", "false"} else "x"


def _class_of_column(cells: Sequence[str]) -> str:
    counted = Counter(map(class_of, cells))
    counted.pop("e", None)
    if counted.total() < min(2, len(cells)):
        return "e"
    kind, count = counted.most_common(1)[0]
    return kind if count >= counted.total() * _MOST else "x"


@lru_cache(maxsize=20_000)
def _pattern(text: str) -> str:
    """A text with its digits as 0 and its letters as a, one for a run of letters."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d", "0", text[:_CELL_CHARS_MAX]))
