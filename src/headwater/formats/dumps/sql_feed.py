"""SQL text as it comes, piece by piece, with the few moves that every reader of it makes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from headwater.formats.dumps.sql_events import Comment, starts_comment
from headwater.formats.dumps.sql_lexer import Open, Tongue

ROW_BYTES_MAX: Final = 16 * 1024 * 1024
"""A row that is longer is counted, and not looked into."""

STATEMENT_BYTES_MAX: Final = 1024 * 1024
"""A statement without rows that is longer is not looked into beyond it."""

LOOK_BYTES: Final = 256
"""What is looked at to tell what starts."""

_SPACE: Final = re.compile(rb"\s*+")


class Feed:
    """Text of which a window is held, from which what was read falls away.

    Attributes:
        ended: inside of what the text ended.
        ended_in: the head of the INSERT or COPY it ended in, or the start of the statement.
        ended_rows: rows of that INSERT or COPY before its end.
    """

    def __init__(self, pieces: Iterator[bytes], tongue: Tongue, row_bytes_max: int) -> None:
        self._pieces = pieces
        self._tongue = tongue
        self._row_bytes_max = row_bytes_max
        self._text = b""
        self._pos = 0
        self._base = 0  # offset of `_text` in all
        self._is_end = False
        self.ended = Open.NOTHING
        self.ended_in = b""
        self.ended_rows = 0

    def _fill(self, keep_from: int) -> None:
        """Takes another piece, and forgets what stands before `keep_from`."""
        piece = next(self._pieces, None)
        self._is_end = piece is None
        self._text = self._text[keep_from:] + (piece or b"")
        self._base += keep_from
        self._pos = max(0, self._pos - keep_from)

    def _skip_space(self) -> bool:
        """Past blanks; whether anything comes after them, of which some is then there to be looked at."""
        while True:
            found = _SPACE.match(self._text, self._pos)
            self._pos = found.end() if found else self._pos
            if len(self._text) - self._pos >= LOOK_BYTES or self._is_end:
                return self._pos < len(self._text)
            self._fill(self._pos)

    def _skip_gap(self) -> None:
        """Past blanks and comments."""
        while self._skip_space() and starts_comment(self._tongue, self._text, self._pos):
            self._comment()

    def _comment(self) -> Comment:
        """A comment; of a long one only its beginning."""
        at = self._base + self._pos
        is_block = self._text.startswith(b"/*", self._pos)
        mark = b"*/" if is_block else b"\n"
        look = self._pos + 2
        kept = b""
        while (end := self._text.find(mark, look)) < 0 and not self._is_end:
            if not kept and len(self._text) - self._pos > STATEMENT_BYTES_MAX:
                kept = self._text[self._pos : self._pos + STATEMENT_BYTES_MAX]
            keep_from = max(0, len(self._text) - 1) if kept else self._pos
            look = max(look, len(self._text) - 1) - keep_from
            self._fill(keep_from)
        if end < 0:
            end = len(self._text)
            self.ended = Open.COMMENT if is_block else self.ended
        text = kept or self._text[self._pos : end + len(mark)]
        self._pos = min(end + len(mark), len(self._text))
        return Comment(text, at)

    def _line(self) -> bytes:
        """The rest of the line, with its end."""
        while self._text.find(b"\n", self._pos) < 0 and not self._is_end:
            if len(self._text) - self._pos > self._row_bytes_max:
                break
            self._fill(self._pos)
        end = self._text.find(b"\n", self._pos) + 1 or len(self._text)
        line = self._text[self._pos : end]
        self._pos = end
        return line

    def _fill_line(self) -> None:
        """Takes pieces up to one with a line end; a line beyond all measure loses its middle."""
        parts = [self._text[self._pos :]]
        size_bytes = len(parts[0])
        self._base += self._pos
        for piece in self._pieces:
            parts.append(piece)
            size_bytes += len(piece)
            if b"\n" in piece:
                break
            if size_bytes > self._row_bytes_max:
                self._base += size_bytes - LOOK_BYTES
                parts, size_bytes = [parts[0][:LOOK_BYTES]], LOOK_BYTES
        else:
            self._is_end = True
        self._text, self._pos = b"".join(parts), 0
