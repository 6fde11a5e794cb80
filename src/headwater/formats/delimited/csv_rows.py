"""Rows out of delimited text, piece by piece, in fixed memory, whatever the text is.

Lenient where partners are: a quote inside a field without quotes is a character; what follows a closing quote belongs
to the field; a quote that nobody closes ends with its line if the lines behind it are rows by themselves. Quoted text
follows RFC 4180, but for delimiters and quotes of one's own and an optional escape character.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from headwater.formats.finding import COLUMNS_MAX, Csv

ROW_CHARS_MAX: Final = 16 * 1024 * 1024
OPEN_LINES_MAX: Final = 2_000
"""Lines that one quoted text may go over."""

_OPEN_LINES_LATER: Final = 50  # after some quotes that nobody closed
_STRAY_PATIENCE: Final = 3
_ROWS_BEHIND: Final = 2
_MARKS_TELLING: Final = 2
_LOOKED_AT: Final = 20

Row = list[str]


class RowReader:
    """Reads rows in one dialect. `columns`, where it is known, helps to tell a stray quote from a long text.

    Attributes:
        lines: lines that were read, blank ones too.
        blanks: lines without anything.
        comments: lines that are comments.
        strays: quotes that opened a text and were not closed, or had characters behind the closing one.
        too_long: rows of more than ROW_CHARS_MAX characters, which are left out.
        too_wide: rows of more than COLUMNS_MAX fields, whose further fields are left out.
        quoted_ends: line ends inside quoted texts.
        is_open: after `end`, whether the text ends inside a quoted field; `open_lines`: over how many lines it goes.
    """

    def __init__(self, dialect: Csv, *, columns: int | None = None, row_chars_max: int = ROW_CHARS_MAX) -> None:
        self._delimiter = dialect.delimiter
        self._quote = dialect.quote
        self._escape = dialect.escape
        self._comment = dialect.comment
        self._pads = dialect.pads
        self._columns = columns
        self._row_chars_max = row_chars_max
        self._is_cr = dialect.line_end in {"\r", "mixed"}
        self._skip = dialect.skip_lines
        self._is_simple = not (dialect.escape or dialect.pads)
        self._fields = _fields_pattern(dialect.delimiter, dialect.quote, dialect.escape, is_padded=dialect.pads)
        self._partial: list[str] = []
        self._partial_chars = 0
        self._is_skipping = False
        self._held: list[str] = []
        self._held_chars = 0
        self.lines = self.blanks = self.comments = self.strays = self.too_long = self.too_wide = 0
        self.quoted_ends = 0
        self.is_open = False
        self.open_lines = 0

    @property
    def is_held(self) -> bool:
        """Whether a row goes on, inside a quoted text, on the next line."""
        return bool(self._held)

    def feed(self, text: str) -> list[Row]:
        """The rows that end in this text. A text must not end between the two characters of a line end CR LF, if
        lone CR end lines as well.
        """
        if self._is_cr:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        first, *lines = text.split("\n")
        if not lines:
            self._keep(first)
            return []
        if self._is_skipping:
            self._is_skipping = False
        else:
            lines.insert(0, "".join([*self._partial, first]))
        self._partial = [lines.pop()]
        self._partial_chars = len(self._partial[0])
        return self._rows(lines)

    def end(self) -> list[Row]:
        """The rows left when nothing more comes."""
        rows: list[Row] = []
        last = "".join(self._partial)
        self._partial = []
        if last and not self._is_skipping:
            rows += self._rows([last])
        while self._held:
            held = self._held
            if not self._are_rows(held[1:]):
                self.is_open = True
                self.open_lines = len(held)
                rows.append(self._split("\n".join(held))[0])
                self._held = []
                break
            self._held = []
            rows.append(self._literal(held[0]))
            rows += self._rows(held[1:])
        return rows

    def _keep(self, text: str) -> None:
        if self._is_skipping:
            return
        self._partial.append(text)
        self._partial_chars += len(text)
        if self._partial_chars > self._row_chars_max:
            self._partial = []
            self._partial_chars = 0
            self._is_skipping = True
            self.too_long += 1

    def _rows(self, lines: list[str]) -> list[Row]:
        self.lines += len(lines)
        if self._skip:
            skipped = min(self._skip, len(lines))
            self._skip -= skipped
            del lines[:skipped]
        if not self._held and not (self._quote and any(self._quote in line for line in lines)):
            return [self._plain(line) for line in lines if self._is_row(line)]
        rows: list[Row] = []
        number = 0
        while number < len(lines):
            line = lines[number]
            number += 1
            if self._held:
                self._held.append(line)
                self._held_chars += len(line)
                again = self._close(rows)
                if again:
                    lines[:number] = again
                    number = 0
            elif self._is_row(line):
                self._open(line, rows)
        return rows

    def _is_row(self, line: str) -> bool:
        if not line or line == "\r" or (line[0] in " \t\r\x00" and self._is_blank(line)):
            self.blanks += 1
            return False
        if self._comment and line.startswith(self._comment):
            self.comments += 1
            return False
        return True

    def _is_blank(self, line: str) -> bool:
        return not line.strip(" \t\r\x00") and self._delimiter not in line

    def _open(self, line: str, rows: list[Row]) -> None:
        """Takes a line that begins a row."""
        if self._quote not in line:
            rows.append(self._plain(line))
            return
        quick = self._quick(line) if self._is_simple else None
        if quick is not None:
            rows.append(quick)
            return
        row, is_open = self._split(line)
        if is_open:
            self._held = [line]
            self._held_chars = len(line)
        else:
            rows.append(row)

    def _quick(self, line: str) -> Row | None:
        """The fields of a line whose quotes are all as they should be, with the fewest steps; None for any other."""
        line = line.removesuffix("\r")
        delimiter, quote = self._delimiter, self._quote
        parts = line.split(quote)
        if len(parts) % 2 == 0 or len(parts) > COLUMNS_MAX:
            return None
        row = parts[0].split(delimiter)
        number, last = 1, len(parts) - 1
        while number < last:
            if row.pop():
                return None  # a quote in the midst of a field
            text, rest = parts[number], parts[number + 1]
            number += 2
            while not rest and number < last:  # a doubled quote
                text += quote + parts[number]
                rest = parts[number + 1]
                number += 2
            row.append(text)
            if rest:
                between = rest.split(delimiter)
                if between[0] or len(between) == 1:
                    return None  # something behind the closing quote
                row += between[1:]
        return row if len(row) <= COLUMNS_MAX else None

    def _close(self, rows: list[Row]) -> list[str]:
        """Looks whether the last held line closes the quoted text; the lines to be read again if a quote was stray."""
        if self._is_odd(self._held[-1]):
            row, is_open = self._split("\n".join(self._held))
            if not is_open:
                held = self._held
                self._held = []
                if self._are_rows(held[1:]) and (len(row) != self._columns or self._are_all_rows(held)):
                    rows.append(self._literal(held[0]))
                    return held[1:]
                self.quoted_ends += len(held) - 1
                rows.append(row)
                return []
        lines_max = OPEN_LINES_MAX if self.strays < _STRAY_PATIENCE else _OPEN_LINES_LATER
        if len(self._held) > lines_max or self._held_chars > self._row_chars_max:
            held = self._held
            self._held = []
            rows.append(self._literal(held[0]))
            return held[1:]
        return []

    def _is_odd(self, line: str) -> bool:
        count = line.count(self._quote)
        if self._escape:
            count -= line.count(self._escape + self._quote)
        return count % 2 == 1

    def _are_rows(self, lines: Sequence[str]) -> bool:
        """Whether lines are rows by themselves, so that the quote before them was stray."""
        if not self._columns or self._columns == 1:
            return False
        seen = [line for line in lines[:_LOOKED_AT] if line]
        whole = sum(1 for line in seen if line.count(self._delimiter) == self._columns - 1)
        return whole >= _ROWS_BEHIND and whole * 2 > len(seen)

    def _are_all_rows(self, lines: Sequence[str]) -> bool:
        """Whether each line is a row by itself, so that quotes among them are characters."""
        marks = (self._columns or 0) - 1
        return marks >= _MARKS_TELLING and all(line.count(self._delimiter) == marks for line in lines)

    def _plain(self, line: str) -> Row:
        line = line.removesuffix("\r")
        fields = line.split(self._delimiter, COLUMNS_MAX)
        if len(fields) > COLUMNS_MAX:
            self.too_wide += 1
            fields.pop()
        return [field.strip(" ") for field in fields] if self._pads else fields

    def _literal(self, line: str) -> Row:
        """A line whose quote opens nothing."""
        self.strays += 1
        return self._plain(line)

    def _split(self, record: str) -> tuple[Row, bool]:
        """The fields of a record, and whether it ends inside a quoted one."""
        if record.count(self._delimiter) >= COLUMNS_MAX:
            return self._plain(record), False
        record = record.removesuffix("\r")
        found = self._fields.findall(record)
        if len(found) > 1 and not found[-2][-1]:
            found.pop()  # the empty match behind the end
        row: Row = []
        undo = _unescape(self._quote, self._escape)
        for quoted, rest, opened, plain, _ in found:
            if quoted:
                if rest and not rest.isspace():
                    self.strays += 1
                row.append(undo(quoted[1:-1]) + rest.rstrip())
            else:
                row.append(undo(opened[1:]) if opened else plain.rstrip(" ") if self._pads else plain)
        return row, bool(found[-1][2])


@lru_cache(maxsize=256)
def _fields_pattern(delimiter: str, quote: str, escape: str, *, is_padded: bool) -> re.Pattern[str]:
    """One match a field: (quoted, what follows it, text that is not closed, text without quotes, delimiter)."""
    mark = re.escape(delimiter)
    rest = f"(?:(?!{mark}).)*+" if len(delimiter) > 1 else f"[^{mark}]*+"
    pad = "[ ]*+" if is_padded else ""
    if not quote:
        return re.compile(f"{pad}()()()({rest})({mark}|\\Z)", re.DOTALL)
    end = re.escape(quote)
    if escape and escape != quote:
        away = re.escape(escape)
        inner = f"(?:[^{end}{away}]++|{away}.?|{end}{end})*+"
    else:
        inner = f"(?:[^{end}]++|{end}{end})*+"
    return re.compile(
        f"{pad}(?:({end}{inner}{end})({rest})|({end}{inner})\\Z|({rest}))({mark}|\\Z)",
        re.DOTALL,
    )


@lru_cache(maxsize=64)
def _unescape(quote: str, escape: str) -> Callable[[str], str]:
    """What turns the inside of a quoted text into the text that is meant."""
    if not quote:
        return str
    if not escape:
        return lambda text: text.replace(quote + quote, quote) if quote in text else text
    away = re.compile(f"{re.escape(escape)}(.)|{re.escape(quote)}({re.escape(quote)})", re.DOTALL)
    return lambda text: away.sub(lambda match: match[1] or match[2], text) if escape in text or quote in text else text
