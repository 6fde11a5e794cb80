"""Whether delimited text is whole: what its last row, its last line end and its trailer tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from headwater.formats.counted import counted
from headwater.formats.delimited.csv_footer import Footer
from headwater.formats.delimited.csv_rows import Row
from headwater.formats.finding import Column, Type, Wholeness
from headwater.formats.values.types import typed
from headwater.terms import Completeness

_BLOCK_BYTES: Final = 512
_BLOCKS_MIN: Final = 8
_RAGGED: Final = 0.05
_COMPARED_MIN: Final = 5
_FILLED_MIN: Final = 8
_ALL_BUT_FEW: Final = 0.98
_FEW_VALUES: Final = 0.2


class End(NamedTuple):
    """How a text ends. `rows` are data rows, None if they were not counted; `last` the last of them, `before` some rows
    before it; `header_rows` and `footer` as found.
    """

    rows: int | None
    width: int
    last: Row
    before: Sequence[Row]
    header_rows: int
    footer: Footer
    ends_line: bool
    has_line_ends: bool
    is_half_line_end: bool
    is_in_quotes: bool
    is_half_character: bool
    nul_tail_bytes: int
    short_share: float
    size_bytes: int | None


def wholeness_of(end: End) -> Wholeness:
    """The verdict, with sentences for the sender."""
    signs = list(_signs(end))
    stated = end.footer.stated
    agrees = False
    if stated is not None and end.rows is not None:
        told = f'The trailer "{end.footer.mark[:60]}" states {counted(stated, "row")}'
        with_all = {
            end.rows + end.header_rows,
            end.rows + end.footer.rows,
            end.rows + end.header_rows + end.footer.rows,
        }
        if stated == end.rows:
            agrees = end.ends_line
            if not agrees:
                return _with(signs, f"{told}, and there are as many; but its line has no end.")
        elif stated in with_all:
            return _with(signs, f"{told}, which is right if header and trailer are counted as well.")
        else:
            signs.append(f"{told}, but there are {end.rows:,}.")
    if signs:
        return Wholeness(Completeness.SUSPECT, tuple(signs))
    if agrees and stated is not None:
        return Wholeness(Completeness.PROVEN, (f"The trailer states {counted(stated, 'row')}, and there are as many.",))
    return Wholeness(Completeness.PRESUMED, (_plain_reason(end),))


def _with(signs: Sequence[str], reason: str) -> Wholeness:
    if signs:
        return Wholeness(Completeness.SUSPECT, (*signs, reason))
    return Wholeness(Completeness.PRESUMED, (reason,))


def _plain_reason(end: End) -> str:
    if end.footer.is_end_mark:
        return "It ends with a mark of its end, which states no number of rows."
    if end.rows == 0:
        return "There is no row under the header, and nothing in it tells how many there should be."
    if end.ends_line or not end.has_line_ends:
        return "The last row is well formed. Nothing in the file tells how many rows there should be."
    return "The last row is well formed but has no line end, while all others have one; many programs write it so."


def _signs(end: End) -> Iterator[str]:
    """What speaks against it."""
    if end.nul_tail_bytes:
        yield f"The file ends in {end.nul_tail_bytes:,} NUL bytes: its writer died, or its disk did."
    if end.is_half_character:
        yield "The file ends in the middle of a character."
    if end.is_half_line_end:
        yield "The file ends in the middle of a line end: all others have two characters, it has the first."
    if end.is_in_quotes:
        yield f"The last row has {len(end.last):,} of {end.width:,} fields; the file ends inside a quoted text."
        return
    if end.footer.rows or not end.last or end.rows == 0:
        return
    yield from _signs_of_last_row(end)


def _signs_of_last_row(end: End) -> Iterator[str]:
    fields = len(end.last)
    is_open = not end.ends_line and end.has_line_ends
    if fields < end.width and (is_open or end.short_share < _RAGGED):
        yield f"The last row has {fields:,} of {end.width:,} fields" + ("." if end.ends_line else ", and no line end.")
        return
    if not is_open or fields != end.width:
        return
    doubt = _doubt(end.last[-1].strip(), [row[-1].strip() for row in end.before if len(row) == end.width])
    size = end.size_bytes or 0
    is_block = size >= _BLOCK_BYTES * _BLOCKS_MIN and size % _BLOCK_BYTES == 0
    if doubt or is_block:
        yield "The last row has no line end, while all others have one" + (f", and {doubt}." if doubt else ".")
    if is_block:
        yield f"The size is an exact multiple of {_BLOCK_BYTES} bytes, as of a copy that stopped between two blocks."


def _doubt(last: str, others: Sequence[str]) -> str:
    """Why the last field looks cut, beside those of the rows before; "" if it does not."""
    filled = [text for text in others if text]
    if len(others) < _COMPARED_MIN or not filled:
        return ""
    if not last:
        is_told = len(filled) == len(others) >= _FILLED_MIN
        return "its last field is empty, which no other is" if is_told else ""
    column = typed("", others)
    length, count = Counter(len(text) for text in filled).most_common(1)[0]
    seen = set(filled)
    few = last not in seen and len(seen) <= len(filled) * _FEW_VALUES
    if count >= len(filled) * _ALL_BUT_FEW and length > max(1, len(last)):
        doubt = f"its last field has {len(last)} characters, all others {length}"
    elif column.type not in {Type.TEXT, Type.NULL} and _reads_otherwise(last, column, others):
        doubt = f"its last field cannot be read as {_article(column.type)}, as all others can"
    elif column.type in {Type.TEXT, Type.BOOLEAN} and few and any(text.startswith(last) for text in seen):
        doubt = f"its last field is only the beginning of what others hold ({last!r})"
    else:
        doubt = ""
    return doubt


def _reads_otherwise(last: str, column: Column, others: Sequence[str]) -> bool:
    """Whether one value more spoils a column that had no misfit."""
    if column.misfits:
        return False
    again = typed("", [*others, last])
    return again.type is not column.type or bool(again.misfits) or again.thousands_mark != column.thousands_mark


def _article(kind: Type) -> str:
    named = {Type.INTEGER: "an integer", Type.TIMESTAMPTZ: "a timestamp"}
    return named.get(kind, f"a {kind.value}")
