"""How large the sheets of a workbook really are, before a library lays them out in memory cell by cell."""

from __future__ import annotations

import re
from typing import Final

from headwater.formats.budget import Budget
from headwater.ports.ranges import Broken, Ranges

CELLS_MAX: Final = 10_000_000
"""Rows times columns of the used range of one sheet."""

_REFERENCE: Final = re.compile(rb' r="([A-Z]{1,3})([0-9]{1,7})"')
_REPEATED: Final = re.compile(rb'number-(columns|rows)-repeated="([0-9]{1,9})"')
_OVERLAP_BYTES: Final = 64
_REPEATED_MAX: Final = 16_384


def cells_of(sheet: Ranges, budget: Budget) -> int:
    """Rows times columns up to the last cell that the XML of a sheet of .xlsx names."""
    rows, columns = set[bytes](), set[bytes]()
    before = b""
    try:
        for piece in budget.stream(sheet):
            text = before + piece
            for column, row in _REFERENCE.findall(text):
                columns.add(column)
                rows.add(row)
            if len(rows) > CELLS_MAX:
                break
            before = text[-_OVERLAP_BYTES:]
    except Broken:
        pass
    rows_max = max((int(row) for row in rows), default=0)
    columns_max = max((_number(column) for column in columns), default=0)
    return rows_max * columns_max


def repeats(contents: Ranges, budget: Budget) -> int:
    """The most cells that one element of an OpenDocument sheet stands for, as far as it holds a value."""
    most = 0
    before = b""
    try:
        for piece in budget.stream(contents):
            text = before + piece
            for element in text.split(b"<table:table-cell")[1:]:
                start = element.partition(b">")[0]
                if b"office:value" in start or b"office:string-value" in start:
                    for _, count in _REPEATED.findall(start):
                        most = max(most, int(count))
            before = text[-1024:]
    except Broken:
        pass
    return most


def are_too_many(count: int) -> bool:
    """Whether so many repeated cells are no sheet but a trap."""
    return count > _REPEATED_MAX


def _number(column: bytes) -> int:
    """A column's letters as its number, from 1."""
    number = 0
    for letter in column:
        number = number * 26 + letter - 64
    return number
