"""The text of a dump in pieces, in an encoding in which ASCII stands for itself, and what was wrong on the way."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from typing import Final

from headwater.formats.dumps.sql_writers import Writer
from headwater.formats.encodings.transcode import Utf8, Written
from headwater.ports.ranges import Broken

TAIL_BYTES: Final = 4096
_UNSAFE: Final = frozenset({"cp932", "shift_jis", "big5", "gbk", "gb18030", "johab"})
"""Encodings in which the second byte of a character may look like a quote or a backslash."""


class SqlText:
    """Gives the text of `source`, which begins as `how` says and was written by `writer`.

    Attributes:
        codec: the encoding of what `pieces` gives.
        tail: the last bytes of it that were given.
        broken: where `source` broke off, the text then ends there.
        how: how the source begins. `declared`: the encoding that its mark or the text names, "" without one.
        bad_at: the first byte that is no UTF-8 though it should be.
        bad_count: pieces with such bytes.
    """

    def __init__(self, source: Iterable[bytes], how: Written, writer: Writer) -> None:
        self._source = source
        self._recoder = self._recoder_of(how, writer)
        self._skip = how.bom_bytes if self._recoder is None else 0
        self.how = how
        self.writer_codec = writer.codec
        self.is_recoded = self._recoder is not None
        self.declared = how.codec if how.codec != "utf-8" or how.bom_bytes else writer.codec
        self.codec = "utf-8" if self._recoder else writer.codec or "utf-8"
        self.is_marked = how.bom_bytes > 0
        self.tail = b""
        self.broken: Broken | None = None
        self.bad_at: int | None = None
        self.bad_count = 0
        self.has_foreign = False  # bytes beyond ASCII were seen

    def pieces(self) -> Iterator[bytes]:
        """The text, until it ends or breaks."""
        source = self._caught()
        if self._recoder is not None:
            yield from self._kept(self._recoder.pieces(source))
            self.bad_at, self.bad_count = self._recoder.bad_at, self._recoder.bad_count
            return
        yield from self._kept(self._checked(self._unmarked(source)) if self.codec == "utf-8" else source)

    @staticmethod
    def _recoder_of(how: Written, writer: Writer) -> Utf8 | None:
        if how.codec != "utf-8":
            return Utf8(how)
        return Utf8(Written(writer.codec)) if writer.codec in _UNSAFE else None

    def _caught(self) -> Iterator[bytes]:
        try:
            yield from self._source
        except Broken as broken:
            self.broken = broken

    def _unmarked(self, source: Iterator[bytes]) -> Iterator[bytes]:
        for piece in source:
            skip, self._skip = self._skip, max(0, self._skip - len(piece))
            yield piece[skip:] if skip else piece

    def _kept(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self.tail = piece[-TAIL_BYTES:] if len(piece) >= TAIL_BYTES else (self.tail + piece)[-TAIL_BYTES:]
            yield piece

    def _checked(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The same pieces; counts those that are no UTF-8, and never changes a byte."""
        rest = b""
        offset = 0
        for piece in pieces:
            data = rest + piece if rest else piece
            if rest or not data.isascii():
                self.has_foreign = True
                rest = self._rest_of(data, offset - len(rest))
            offset += len(piece)
            yield piece
        if rest:
            self._bad(offset - len(rest))

    def _rest_of(self, data: bytes, offset: int) -> bytes:
        """The half of a character at the end."""
        try:
            used = codecs.utf_8_decode(data, "strict", False)[1]  # noqa: FBT003 – takes no keywords
        except UnicodeDecodeError as error:
            self._bad(offset + error.start)
            return b""
        return data[used:]

    def _bad(self, at: int) -> None:
        self.bad_count += 1
        self.bad_at = at if self.bad_at is None else self.bad_at
