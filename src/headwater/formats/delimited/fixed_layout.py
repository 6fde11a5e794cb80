"""Where the fields of fixed width stand: at the places that are blank in all lines, or where digits end."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from headwater.formats.delimited.csv_header import class_of, is_rule
from headwater.formats.delimited.csv_rows import Row

LINES_MIN: Final = 3
_LINE_CHARS_MAX: Final = 4_000
_FIELDS_MAX: Final = 500
_OUTSIDE_MAX: Final = 0.12  # of a line's characters may stand where other lines have none
_EDGES_MAX: Final = 12  # lines before and after that may be none of the table
_STRANGERS_MAX: Final = 0.05  # lines within that are none of it
_DIGITS_MIN: Final = 4
_SPARSE: Final = 0.5

Fields = tuple[tuple[int, int], ...]


class Layout(NamedTuple):
    """`first` and `end` are the lines of the table among those looked at (blank ones counted)."""

    fields: Fields
    first: int
    end: int
    is_even: bool  # all lines are of one length


def layout_of(lines: Sequence[str]) -> Layout | None:
    """Where the fields stand, if they do so in nearly all lines."""
    told = [(number, line[:_LINE_CHARS_MAX].rstrip()) for number, line in enumerate(lines) if line.strip("\x00 ")]
    if len(told) < LINES_MIN:
        return None
    rule = next((line for _, line in told[:_EDGES_MAX] if is_rule(line) and " " in line.strip()), None)
    table = _table_lines(told)
    if len(table) < LINES_MIN - 1:
        return None
    texts_of = [line for _, line in table if not is_rule(line)]
    width = max(map(len, texts_of), default=0)
    padded = [line.ljust(width) for line in texts_of]
    places = list(zip(*padded, strict=True))
    fields = _runs(["x" if each != " " else " " for each in rule.ljust(width)]) if rule else _fields(padded, places)
    if not 2 <= len(fields) <= _FIELDS_MAX:  # noqa: PLR2004
        return None
    first = table[0][0]
    end = table[-1][0] + 1
    lengths = Counter(len(lines[number].rstrip("\r")) for number, _ in table)
    is_even = lengths.most_common(1)[0][1] == len(table)
    return Layout(_stretched(fields, width, padded), first, end, is_even)


def _table_lines(told: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """The lines of the table: those that leave free what most leave free, from the first on to the last."""
    core = [line for _, line in told if not is_rule(line)]
    inner = core[len(core) // 4 : len(core) - len(core) // 8] if len(core) > 8 else core  # noqa: PLR2004
    width = max(map(len, inner), default=0)
    places = list(zip(*(line.ljust(width) for line in inner), strict=True))
    free = [number for number, chars in enumerate(places) if chars.count(" ") == len(chars)]

    def fits(line: str) -> bool:
        outside = sum(1 for place in free if line[place : place + 1].strip())
        return is_rule(line) or outside <= _OUTSIDE_MAX * len(line.replace(" ", ""))

    first = next((number for number, (_, line) in enumerate(told) if fits(line)), 0)
    last = next((number for number in range(len(told) - 1, -1, -1) if fits(told[number][1])), len(told) - 1)
    if first > _EDGES_MAX or len(told) - 1 - last > _EDGES_MAX:
        return []
    kept = list(told[first : last + 1])
    bad = sum(1 for _, line in kept if not fits(line))
    return kept if bad <= len(kept) * _STRANGERS_MAX else []


def _runs(marks: Sequence[str]) -> Fields:
    """(first, end) of each run of marks that are no blanks."""
    runs: list[tuple[int, int]] = []
    start: int | None = None
    for number, mark in enumerate([*marks, " "]):
        if mark != " " and start is None:
            start = number
        elif mark == " " and start is not None:
            runs.append((start, number))
            start = None
    return tuple(runs)


def _fields(lines: Sequence[str], places: Sequence[tuple[str, ...]]) -> Fields:
    """Fields by the places that are blank in all lines, joined where a blank is in a text, split where digits end."""
    runs = list(_runs([" " if chars.count(" ") == len(chars) else "x" for chars in places]))
    joined: list[tuple[int, int]] = []
    for run in runs:
        if joined and run[0] - joined[-1][1] == 1 and _is_one_text(lines, joined[-1], run):
            joined[-1] = (joined[-1][0], run[1])
        else:
            joined.append(run)
    split: list[tuple[int, int]] = []
    for first, end in joined:
        at = _digits_end(places, first, end)
        split += [(first, at), (at, end)] if at else [(first, end)]
    return tuple(split)


def _is_one_text(lines: Sequence[str], before: tuple[int, int], after: tuple[int, int]) -> bool:
    """Whether what stands behind a single free place goes on with the text before it: it is text, and often absent."""
    if not lines[0][after[0] : after[1]].strip():
        return True  # the header has no name for it
    body = lines[1:]
    right = [line[after[0] : after[1]].strip() for line in body]
    left = [line[before[0] : before[1]] for line in body]
    filled = [text for text in right if text]
    if len(filled) >= len(right) * _SPARSE or any(class_of(text) != "x" for text in filled):
        return False
    starts = lines[0][after[0] : after[0] + 1].strip() and not lines[0][after[0] - 1 : after[0]].strip()
    return all(class_of(text) in "xe" for text in left) and not starts


def _digits_end(places: Sequence[tuple[str, ...]], first: int, end: int) -> int:
    """Where digits of fixed number are followed by letters without anything between; 0 if nowhere."""
    at = first
    while at < end and all(char.isdigit() for char in places[at]):
        at += 1
    if at - first < _DIGITS_MIN or at == end:
        return 0
    return at if all(char.isalpha() for char in places[at]) else 0


def _stretched(fields: Fields, width: int, lines: Sequence[str]) -> Fields:
    """Each field with the free places beside it: values wider than those seen grow to the side that is not aligned."""
    firsts = [0 if fields[0][0] == 0 or _is_right_aligned(lines, fields[0]) else fields[0][0]]
    ends = []
    for left, right in itertools.pairwise(fields):
        edge = left[1] if _is_right_aligned(lines, right) else right[0]
        ends.append(edge)
        firsts.append(edge)
    ends.append(max(width, fields[-1][1]))
    return tuple(zip(firsts, ends, strict=True))


def _is_right_aligned(lines: Sequence[str], field: tuple[int, int]) -> bool:
    body = [line[field[0] : field[1]] for line in lines[1:] if line[field[0] : field[1]].strip()]
    at_right = sum(1 for cell in body if cell[-1] != " ")
    at_left = sum(1 for cell in body if cell[0] != " ")
    return at_right > at_left


def cut(line: str, fields: Fields) -> Row:
    """The fields of a line, without the blanks around them."""
    return [line[first:end].strip() for first, end in fields]
