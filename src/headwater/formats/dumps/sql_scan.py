"""SQL text from piece to piece: what is said, and the rows in it, without ever holding more than a row.

`Scanner.events` gives comments, statements, commands of a client program, and rows in portions; at its end
`Scanner.ended` says inside of what the text ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from headwater.formats.dumps.sql_events import (
    BLOCKS,
    COMMANDS,
    COPY,
    INSERT,
    NEXT_STATEMENT,
    STARTS_INSERT,
    Bad,
    Command,
    CopyRows,
    Event,
    Rows,
    Statement,
    copy_end,
    ends_compound,
    starts_comment,
    starts_compound,
)
from headwater.formats.dumps.sql_feed import LOOK_BYTES, ROW_BYTES_MAX, STATEMENT_BYTES_MAX, Feed
from headwater.formats.dumps.sql_lexer import Grammar, Open, Tongue, Walk, row_pattern

PORTION_ROWS: Final = 10_000
_SLOW_ROWS_MAX: Final = 16  # in one piece: beyond them the pattern is not tried again, as it may run to the piece's end
_LOOSE: Final = frozenset({Tongue.TSQL, Tongue.ANY})  # statements may follow one another without a semicolon


class Scanner(Feed):
    """Reads text of `pieces` in `grammar`. Use `events` once."""

    def __init__(self, pieces: Iterator[bytes], grammar: Grammar, *, row_bytes_max: int = ROW_BYTES_MAX) -> None:
        super().__init__(pieces, grammar.tongue, row_bytes_max)
        self._grammar = grammar
        self._delimiter = b";"

    def events(self) -> Iterator[Event]:
        """All of it, in order."""
        tongue = self._tongue
        while self._skip_space():
            if starts_comment(tongue, self._text, self._pos):
                yield self._comment()
            elif COMMANDS[tongue].match(self._text, self._pos):
                yield self._command()
            elif (head := self._insert()) is not None:
                yield from self._rows(head)
            else:
                statement = self._statement()
                if statement is not None:
                    yield statement
                    if COPY.match(statement.text):
                        yield from self._copy(statement.text)

    def _command(self) -> Command:
        """A line for the client program."""
        at = self._base + self._pos
        line = self._line()
        words = line[:100].split()
        if words[0].upper() == b"DELIMITER" and len(words) > 1:
            self._delimiter = words[1][:16]
        return Command(line[:STATEMENT_BYTES_MAX], at)

    def _insert(self) -> bytes | None:
        """The head of an INSERT with rows, if one starts here; `_pos` then stands on its first bracket."""
        if not STARTS_INSERT.match(self._text, self._pos):
            return None
        while True:
            found = INSERT.match(self._text, self._pos)
            if found:
                self._pos = found.end()
                return found[0]
            is_long = len(self._text) - self._pos > STATEMENT_BYTES_MAX
            if self._is_end or is_long or self._text.find(b";", self._pos) >= 0:
                return None
            self._fill(self._pos)

    def _rows(self, head: bytes) -> Iterator[Event]:
        """The rows of an INSERT, and of those that follow with the same head."""
        slow, base, total, is_more = 0, self._base, 0, True
        while is_more:
            at = self._base + self._pos
            rows, is_more = self._fast_rows(head) if slow < _SLOW_ROWS_MAX else ([], True)
            total += len(rows)
            if rows:
                yield Rows(head, rows, at)
            if not is_more or len(rows) >= PORTION_ROWS:
                continue
            row = self._slow_row(head, total)
            if row is None:
                return
            yield row
            if isinstance(row, Bad):
                return
            total += 1
            slow = slow + 1 if base == self._base else 0
            base = self._base
            self._skip_gap()
            is_more = self._text.startswith(b",", self._pos)
            self._pos += is_more
        self._tail(head, total)

    def _fast_rows(self, head: bytes) -> tuple[list[bytes], bool]:
        """Rows as far as the pattern takes them, and whether another one is expected behind."""
        match = row_pattern(self._grammar).match
        text, pos = self._text, self._pos
        is_loose = self._tongue in _LOOSE
        sure = len(text) if self._is_end else len(text) - len(head)
        rows: list[bytes] = []
        is_more = True
        if len(text) > self._row_bytes_max:
            return rows, is_more
        while is_more and len(rows) < PORTION_ROWS and (found := match(text, pos)):
            row, mark = found.groups()
            after = found.end()
            if mark != b",":
                is_more = text.startswith(head, after)
                if after >= sure or (not mark and not (is_more and is_loose)):
                    is_more = True
                    break
                after = after + len(head) if is_more else found.end(1)
            rows.append(row)
            pos = after
        self._pos = pos
        return rows, is_more

    def _slow_row(self, head: bytes, before: int) -> Rows | Bad | None:
        """A row that the pattern did not take: cut by the piece's end, very long, deeply nested, or broken.

        None where the text ends in it.
        """
        self._skip_gap()
        at, start = self._base + self._pos, self._pos
        if self._text[start : start + 1] != b"(":
            if self._pos < len(self._text):
                return Bad(head, at)
            self._end_in(Open.STATEMENT, head, before)
            return None
        walk, look, is_held = Walk(self._grammar, is_row=True), start, True
        while True:
            look = walk.step(self._text, look, is_end=self._is_end)
            if walk.is_done or walk.is_bad:
                break
            if self._is_end:
                self._end_in(walk.open, head, before)
                return None
            is_held = is_held and look - start <= self._row_bytes_max
            keep_from = start if is_held else max(0, look - 2)
            self._fill(keep_from)
            look, start = look - keep_from, 0
        self._pos = look
        if walk.is_bad:
            return Bad(head, at)
        is_held = is_held and look - start <= self._row_bytes_max
        return Rows(head, [self._text[start:look]] if is_held else [], at, lost=0 if is_held else 1)

    def _end_in(self, what: Open, head: bytes, rows: int) -> None:
        self._pos = len(self._text)
        self.ended, self.ended_in, self.ended_rows = what, head, rows

    def _tail(self, head: bytes, rows: int) -> None:
        """What follows the last row up to the end of the INSERT: nothing, or ON CONFLICT … and the like."""
        self._skip_gap()
        tongue = self._tongue
        if self._text.startswith(self._delimiter, self._pos):
            self._pos += len(self._delimiter)
        elif self._pos >= len(self._text):
            if tongue is not Tongue.TSQL:
                self._end_in(Open.STATEMENT, head, rows)
        elif tongue not in _LOOSE or not NEXT_STATEMENT.match(self._text, self._pos):
            self._statement()

    def _statement(self) -> Statement | None:
        """A statement, to its end; None where there is nothing but its end."""
        at, start, look = self._base + self._pos, self._pos, self._pos
        kept: bytes | None = None
        is_compound: bool | None = None
        walk = self._walk()
        while True:
            look = walk.step(self._text, look, is_end=self._is_end)
            if walk.is_done:
                if is_compound is None:
                    is_compound = kept is None and starts_compound(self._text[start:look], self._tongue)
                if (
                    not is_compound
                    or kept is not None
                    or ends_compound(self._text[max(start, look - LOOK_BYTES) : look])
                ):
                    break
                walk = Walk(self._grammar, delimiter=self._delimiter)
            elif self._is_end:
                return self._cut_statement(self._text[start:] if kept is None else kept, at, walk.open)
            else:
                if kept is None and look - start > STATEMENT_BYTES_MAX:
                    kept = self._text[start : start + STATEMENT_BYTES_MAX]
                keep_from = start if kept is None else max(0, look - 2)
                self._fill(keep_from)
                look, start = look - keep_from, 0
        text = self._text[start:look][:STATEMENT_BYTES_MAX] if kept is None else kept
        self._pos = look
        return Statement(text, at) if text.strip() != self._delimiter else None

    def _walk(self) -> Walk:
        """A walk to the end of the statement that starts here."""
        block = BLOCKS.get(self._tongue)
        is_block = block is not None and block.match(self._text, self._pos) is not None
        return Walk(self._grammar, delimiter=self._delimiter, is_block=is_block)

    def _cut_statement(self, text: bytes, at: int, what: Open) -> Statement:
        """The text ends in a statement, which only T-SQL does without an end mark."""
        is_whole = self._tongue is Tongue.TSQL and what is Open.STATEMENT
        if is_whole:
            self._pos = len(self._text)
        else:
            self._end_in(what, text[:200], 0)
        return Statement(text[:STATEMENT_BYTES_MAX], at, is_whole=is_whole)

    def _copy(self, head: bytes) -> Iterator[Event]:
        """The lines of a COPY block, which start behind the line of its statement."""
        self._line()
        rows = 0
        while True:
            found = copy_end(self._text, self._pos, is_end=self._is_end)
            if found:
                yield CopyRows(head, self._text[self._pos : found[0]], self._base + self._pos, is_last=True)
                self._pos = found[1]
                return
            whole = self._text.rfind(b"\n", self._pos) + 1
            if whole > self._pos:
                lines = self._text[self._pos : whole]
                rows += lines.count(b"\n")
                yield CopyRows(head, lines, self._base + self._pos)
                self._pos = whole
            if self._is_end:
                self._end_in(Open.ROW, head, rows)
                return
            self._fill_line()
