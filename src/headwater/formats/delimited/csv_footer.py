"""What stands after the rows of a table: totals, notes, marks of the end, trailers that state a number of rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from headwater.formats.delimited.csv_dialect import sense_of
from headwater.formats.delimited.csv_header import class_of
from headwater.formats.delimited.csv_rows import Row
from headwater.formats.delimited.csv_words import NOTE_PATTERNS, ROWS_PATTERNS, TOTAL_PATTERNS

FOOTER_ROWS_MAX: Final = 40
_NOTE_CHARS_MIN: Final = 30
_TOTAL_CHARS_MAX: Final = 40
_COUNT_DIGITS_MAX: Final = 12
_WIDE: Final = 3

_TOTAL: Final = re.compile("|".join(TOTAL_PATTERNS), re.IGNORECASE)
_THINGS: Final = "|".join(ROWS_PATTERNS)
_COUNTED: Final = re.compile(
    rf"(?:(?:{_THINGS})\s*(?:count|total|read|written|exported)?|(?:row|record|line|total)[ _-]?count|count"
    rf"|anzahl(?: der)?(?: {_THINGS})?|number of (?:{_THINGS})|nombre de (?:{_THINGS})"
    rf"|n[úu]mero de (?:{_THINGS}))\W{{0,4}}(?P<after>\d[\d.,' ]*)$"
    rf"|\(?(?P<before>\d[\d.,']*)\s*(?:{_THINGS})\b",
    re.IGNORECASE,
)
_END: Final = re.compile(
    r"\W*(?:eof|end|ende|fin|fine|end[ _-]of[ _-](?:the )?\w+|dateiende|ende de[rs] \w+|fin (?:du|de|del) \w+|koniec|"
    r"slut|конец(?: \w+)?|以上|\x1a)\W*",
    re.IGNORECASE,
)
_TRAILER: Final = re.compile(
    r"(?:trailer|trail|trl|tlr|trlr|footer|ftr|foot|eof|end|ende|fin|endofdata)", re.IGNORECASE
)
_TRAILER_CODE: Final = re.compile(r"(?:T|TR|Z|ZZ|9|99|999|9999|E|F|S)")
_NOTE: Final = re.compile("|".join(NOTE_PATTERNS), re.IGNORECASE)
_INTEGER: Final = re.compile(r"\d{1,3}(?:[.,' ]\d{3})+|\d+")


class Footer(NamedTuple):
    """The rows after the data; `stated` is how many rows they say there are, `mark` what they say it with."""

    rows: int = 0
    stated: int | None = None
    mark: str = ""
    is_end_mark: bool = False


class Table(NamedTuple):
    """What is known of the table above: fields of most rows, how many of them are usually filled, and its first fields.

    `rows` counts all rows after the header, footers too; None if they were not counted.
    """

    width: int
    filled: int
    leading: frozenset[str]
    rows: int | None
    is_ragged: bool
    ends_line: bool


def footer_of(last: Sequence[Row], table: Table) -> Footer:
    """The footer among the last rows; rows of the table end it. Half of a table is never its footer."""
    count = 0
    stated: int | None = None
    mark = ""
    is_end_mark = False
    most = min(FOOTER_ROWS_MAX, len(last), (table.rows or FOOTER_ROWS_MAX * 2) // 2 + 1)
    for row in reversed(last[len(last) - most :]):
        is_very_last = count == 0 and not table.ends_line
        if not _is_footer(row, table, is_very_last=is_very_last):
            break
        count += 1
        told = _stated(row, table, count)
        if told is not None and stated is None:
            stated = told
            mark = " ".join(cell.strip() for cell in row if cell.strip())
        is_end_mark = is_end_mark or bool(_END.fullmatch(row[0]) or _TRAILER.fullmatch(row[0].strip()))
    if table.rows is not None and count >= table.rows:
        return Footer()
    return Footer(count, stated, mark, is_end_mark)


def _is_footer(row: Row, table: Table, *, is_very_last: bool) -> bool:
    cells = [cell.strip() for cell in row if cell.strip()]
    first = cells[0] if cells else ""
    if not first:
        return True  # a row of empty fields behind everything
    if first in table.leading or (is_very_last and any(each.startswith(first) for each in table.leading)):
        return False
    whole = len(row) == table.width and len(cells) >= table.filled
    if (
        _END.fullmatch(first)
        or (_TRAILER.fullmatch(first) and (not whole or table.width > 1))
        or _is_total(cells, table)
    ):
        return True
    if _TRAILER_CODE.fullmatch(first) and len(row) != table.width and _integers(cells[1:]):
        return not (is_very_last and first.isdigit())
    if whole:
        return table.width == 1 and _COUNTED.fullmatch(first) is not None
    return _is_note(" ".join(cells), cells, table, is_very_last=is_very_last)


def _is_total(cells: Sequence[str], table: Table) -> bool:
    """Whether a row begins with a word for a total, and has nothing but numbers behind it."""
    if table.width == 1 or not _TOTAL.match(cells[0]) or len(cells[0]) > _TOTAL_CHARS_MAX:
        return False
    return all(class_of(cell) in "nde" or sense_of(cell) == 1.0 for cell in cells[1:])


def _is_note(text: str, cells: Sequence[str], table: Table, *, is_very_last: bool) -> bool:
    """Whether a row of fewer fields than the table's is a remark."""
    if _COUNTED.search(text) and len(cells) <= _WIDE:
        return True
    if _NOTE.match(text) and len(cells) < max(2, table.filled):
        return True
    if is_very_last or table.is_ragged or table.width < _WIDE:
        return False
    is_one = len(cells) == 1 and not _INTEGER.fullmatch(cells[0])
    return is_one and (table.filled >= _WIDE or len(text) >= _NOTE_CHARS_MIN)


def _stated(row: Row, table: Table, count: int) -> int | None:
    """The number of rows that a footer states."""
    cells = [cell.strip() for cell in row if cell.strip()]
    if not cells:
        return None
    text = " ".join(cells)
    told = _COUNTED.search(text)
    if told:
        return _number(told["after"] or told["before"])
    if len(cells) > 1 and (_TRAILER.fullmatch(cells[0]) or _TRAILER_CODE.fullmatch(cells[0])):
        numbers = [number for cell in _integers(cells[1:]) if (number := _number(cell)) is not None]
        if table.rows is not None and table.rows - count in numbers:
            return table.rows - count
        return numbers[0] if len(numbers) == 1 else None
    return None


def _integers(cells: Sequence[str]) -> list[str]:
    return [cell for cell in cells if _INTEGER.fullmatch(cell)]


def _number(text: str) -> int | None:
    digits = re.sub(r"\D", "", text)
    return int(digits) if 0 < len(digits) <= _COUNT_DIGITS_MAX else None


def is_trailer(line: str) -> bool:
    """Whether a line says that it is the end, or how many rows there are."""
    first = line.split(maxsplit=1)[0] if line.strip() else ""
    return bool(_END.fullmatch(line.strip()) or _COUNTED.search(line) or _TRAILER.match(first) or _TOTAL.match(first))
