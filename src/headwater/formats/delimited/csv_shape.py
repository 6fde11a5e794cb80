"""Where the table begins in delimited text: what stands before it, what are comments, and how many columns it has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from headwater.formats.delimited.csv_header import (
    YEAR,
    are_texts,
    class_of,
    header_rows,
    is_rule,
    is_sentence,
    looks_like_header,
    names_of,
)
from headwater.formats.delimited.csv_rows import Row, RowReader
from headwater.formats.finding import Csv

LINES_SHAPED: Final = 200
_LINES_NUMBERED: Final = 80
_PREAMBLE_LINES_MAX: Final = 60
_HALF, _MOST = 0.5, 0.8

_COMMENTS: Final = ("#", "//", "--", "%", "!", ";", "*")
_HEAD_CODE: Final = re.compile(r"(?:H|HD|HDR|HEADER|HEAD|0|00|01|000|BOF|BEGIN|START|FILEHEADER|FH)", re.IGNORECASE)


class Shape(NamedTuple):
    """Of a text in one dialect: lines before the table, rows that name its columns, and what begins a comment."""

    skip_lines: int
    header_rows: int
    names: Row
    comment: str
    confidence: float
    width: int


class _Numbered(NamedTuple):
    line: int
    row: Row
    is_after_blank: bool


def shape_of(lines: Sequence[str], dialect: Csv, width: int) -> Shape:
    """The shape of a text by its first lines (without their ends); `width` is the number of fields of most rows."""
    comment = _comment(lines, dialect, width)
    numbered = _numbered(lines[:LINES_SHAPED], dialect, comment)
    if not numbered:
        return Shape(0, 0, [], comment, 0.0, width)
    first = _first(numbered, width)
    rows = [each.row for each in numbered[first:]]
    count, confidence = header_rows(rows, width)
    header = rows[:count]
    if header and len(header[-1]) != width:
        width = _agreed(header[-1], rows[count:], width)
    if header and len(header[-1]) == width - 1 and any(row[-1].strip() for row in rows[count:] if len(row) == width):
        header = [["", *row] for row in header]  # rows with names of their own, and none over these
    if comment and not any(line.startswith(comment) for line in lines[numbered[first].line :]):
        comment = ""  # all stand before the table: what skips these lines needs to know no more
    skip_lines = 0 if comment and not first else numbered[first].line
    return Shape(skip_lines, count, names_of(header, width), comment, confidence, width)


def _numbered(lines: Sequence[str], dialect: Csv, comment: str) -> list[_Numbered]:
    reader = RowReader(Csv(dialect.delimiter, dialect.quote, dialect.escape, comment=comment, pads=dialect.pads))
    found: list[_Numbered] = []
    began = 0
    is_after_blank = False
    for number, line in enumerate(lines[:_LINES_NUMBERED]):
        blanks = reader.blanks
        rows = reader.feed(line + "\n")
        for row in rows:
            found.append(_Numbered(began, row, is_after_blank))
            is_after_blank = False
        if rows or reader.blanks > blanks or reader.comments:
            is_after_blank = is_after_blank or reader.blanks > blanks
        if rows or not reader.is_held:
            began = number + 1
    rest = reader.feed("\n".join([*lines[_LINES_NUMBERED:], ""])) if len(lines) > _LINES_NUMBERED else []
    return found + [_Numbered(_LINES_NUMBERED, row, is_after_blank=False) for row in rest]


def _comment(lines: Sequence[str], dialect: Csv, width: int) -> str:
    """What begins comment lines, if some do, before or among the rows; but not what begins the header itself."""
    for mark in _COMMENTS:
        if dialect.delimiter[0] in mark:
            continue
        told = [line for line in lines if line.startswith(mark) and not is_rule(line)]
        others = [line for line in lines if line and not line.startswith(mark)]
        if mark != "#" and told and not next(filter(None, lines)).startswith(mark):
            continue
        if not told or len(told) > len(lines) * _HALF or not others:
            continue
        wide = [line for line in told if line.count(dialect.delimiter) == width - 1] if width > 1 else []
        is_above = lines.index(told[-1]) < lines.index(others[0])
        is_header = (
            is_above and bool(wide) and wide[-1] is told[-1] and (len(told) - len(wide) <= len(wide) or mark == "#")
        )
        if is_header and (len(told) == 1 or not looks_like_header(others[0].split(dialect.delimiter))):
            return ""
        return mark
    return ""


def _is_head_record(numbered: Sequence[_Numbered], width: int) -> bool:
    """Whether the first row is a record of its own kind: `HDR|20240301|…` before rows, as senders with trailers do."""
    if len(numbered) < 3 or not _HEAD_CODE.fullmatch(numbered[0].row[0].strip()):  # noqa: PLR2004
        return False
    first, second = numbered[0].row, numbered[1].row
    if width > 1 and len(second) == width and looks_like_header(second):
        return len(first) != width or not looks_like_header(first)
    codes = {each.row[0] for each in numbered[1:-1]}
    is_code = not first[0].strip().isdigit() or len(first) != width
    return len(codes) == 1 and first[0] not in codes and len(first) > 1 and is_code


def _first(numbered: Sequence[_Numbered], width: int) -> int:
    """The index of the first row of the table; what stands before it is a preamble."""
    if width == 1:
        return 0
    if _is_head_record(numbered, width):
        return 1
    fills = sorted(_filled(each.row) for each in numbered if len(each.row) == width)
    usual = fills[len(fills) // 2] if fills else width
    least = max(1 if usual == 1 else 2, usual * _HALF)
    for number, each in enumerate(numbered):
        if each.line > _PREAMBLE_LINES_MAX:
            break
        near = len(each.row) == width or (_is_whole(each.row) and _is_header_beside(numbered, number, width))
        if near and _filled(each.row) >= least and not _stands_apart(numbered, number, width):
            return _merged_above(numbered, number, width)
    return 0


def _is_header_beside(numbered: Sequence[_Numbered], number: int, width: int) -> bool:
    """Whether a row of one field more or less than the rows below may be their header."""
    row = numbered[number].row
    if len(row) < max(2, width - 1) or not looks_like_header(row):
        return False
    if number + 1 < len(numbered) and numbered[number + 1].is_after_blank:
        return False
    below = [each.row for each in numbered[number + 1 :]]
    if len(row) - width > 1:
        fitting = sum(1 for each in below if width <= len(each) <= len(row))
        return fitting > len(below) * _MOST and not looks_like_header(below[0])
    return bool(below) and all(len(each) == width and not looks_like_header(each) for each in below[:3])


def _stands_apart(numbered: Sequence[_Numbered], number: int, width: int) -> bool:
    """Whether a row belongs to a block before the table: a blank line stands behind it, and a longer block."""
    ends = next((place for place in range(number + 1, len(numbered)) if numbered[place].is_after_blank), None)
    if ends is None or numbered[ends].line > _PREAMBLE_LINES_MAX:
        return False
    block = numbered[number:ends]
    if len(block) == 1 and is_sentence(block[0].row):
        return True
    after = numbered[ends:]
    behind = next((place for place in range(1, len(after)) if after[place].is_after_blank), len(after))
    if behind <= len(block) or len(after[0].row) < width - 1:
        return False
    is_header_alone = len(block) <= 2 and not looks_like_header(after[0].row) and looks_like_header(block[-1].row)  # noqa: PLR2004
    return not is_header_alone and (width == 2 or looks_like_header(after[0].row))  # noqa: PLR2004


def _merged_above(numbered: Sequence[_Numbered], number: int, width: int) -> int:
    """Rows of merged cells directly above the header belong to it."""
    while number and not numbered[number].is_after_blank:
        above = numbered[number - 1].row
        cells = [cell for cell in above if cell.strip()]
        named = all(class_of(cell) == "x" or YEAR.fullmatch(cell.strip()) for cell in cells)
        if len(above) != width or len(cells) < 2 or not named:  # noqa: PLR2004
            break
        if any(cell.strip().endswith(":") for cell in cells) or not are_texts(numbered[number].row):
            break
        number -= 1
    return number


def _filled(row: Row) -> int:
    return len(list(filter(str.strip, row)))


def _is_whole(row: Row) -> bool:
    return all(cell.strip() for cell in row)


def _agreed(header: Row, rows: Sequence[Row], width: int) -> int:
    """How many columns there are when header and rows disagree."""
    if not rows:
        return len(header)
    if len(header) > width:  # each name is a column, but for what a last delimiter makes
        return len(header) if header[-1].strip() else max(width, len(header) - 1)
    is_ended = all(not row[-1].strip() for row in rows if len(row) == width)
    return len(header) if is_ended and len(header) == width - 1 else width
