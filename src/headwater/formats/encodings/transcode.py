"""Text of any encoding as UTF-8, in pieces and in fixed memory, and what was wrong with it on the way.

For the formats whose parsers want UTF-8 and whose standards say how to tell an encoding from the first bytes: JSON
(RFC 4627 §3) and XML (XML 1.0, appendix F).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

BOMS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NULS: Final = {
    (True, True, True, False): "utf-32-be",
    (True, False, True, False): "utf-16-be",
    (False, True, True, True): "utf-32-le",
    (False, True, False, True): "utf-16-le",
}
_CODECS: Final = re.compile(
    r"ascii|utf-(8|16|32)(-[lb]e)?|iso8859-\d+|cp(\d{3,4})|koi8-[rut]|mac-roman|gb2312|gbk|gb18030|big5(hkscs)?"
    r"|shift_jis(_2004|x0213)?|euc_(jp|kr|jis_2004|jisx0213)|iso2022_(jp|kr)\w*|johab|hz|tis-620"
)
"""What a file may ask for by name: encodings of text alone, none of Python's other codecs."""
_REPLACEMENT: Final = "\ufffd"
_REPLACEMENT_UTF8: Final = _REPLACEMENT.encode()


class Written(msgspec.Struct, frozen=True):
    """How text begins: its codec, the size of the mark before it, and whether the first bytes prove it."""

    codec: str = "utf-8"
    bom_bytes: int = 0
    is_certain: bool = False


def written(head: bytes) -> Written:
    """The encoding by a byte order mark, or by where the zero bytes stand in the first four."""
    for bom, codec in BOMS:
        if head.startswith(bom):
            return Written(codec, len(bom), is_certain=True)
    zeros = tuple(byte == 0 for byte in head[:4])
    if zeros in _NULS:
        return Written(_NULS[zeros], is_certain=True)
    if zeros in {(True, False), (False, True)}:
        return Written("utf-16-be" if zeros[0] else "utf-16-le")
    return Written()


def codec_of(name: str) -> str | None:
    """Python's name of an encoding that a file names; None for one that is unknown or no encoding of text."""
    try:
        codec = codecs.lookup(name).name if re.fullmatch(r"[A-Za-z0-9._:-]{1,40}", name) else ""
    except LookupError:
        return None
    return codec if _CODECS.fullmatch(codec) else None


class Utf8:
    """Makes UTF-8 of pieces of text. What cannot be read becomes U+FFFD and is counted.

    Attributes:
        bad_count: how many places could not be read.
        bad_at: where the first of them is, in bytes of the source; near it where the encoding is not UTF-8.
        ends_inside: whether the last character is cut.
        is_same: whether what comes out is what went in, byte for byte, but for the mark.
    """

    def __init__(self, how: Written) -> None:
        self._how = how
        self._offset = how.bom_bytes
        self.is_same = how.codec in {"utf-8", "ascii"}
        self.bad_count = 0
        self.bad_at: int | None = None
        self.ends_inside = False

    def pieces(self, source: Iterable[bytes]) -> Iterator[bytes]:
        """The text after the mark. Raises as `source`, after all that came before it."""
        source = _without(source, self._how.bom_bytes)
        yield from self._checked(source) if self.is_same else self._recoded(source)
        if self.ends_inside:
            self._bad(1, self._offset)
            yield _REPLACEMENT_UTF8

    def _checked(self, source: Iterable[bytes]) -> Iterator[bytes]:
        rest = b""
        for piece in source:
            data = rest + piece if rest else piece
            used = len(data)
            if not data.isascii():
                try:
                    used = codecs.utf_8_decode(data, "strict", False)[1]  # noqa: FBT003 - takes no keywords
                except UnicodeDecodeError as error:
                    at = self._offset + error.start
                    text, used = codecs.utf_8_decode(data, "replace", False)  # noqa: FBT003 - takes no keywords
                    self._bad(text.count(_REPLACEMENT) - data.count(_REPLACEMENT_UTF8), at)
                    self._offset += used
                    rest = data[used:]
                    yield text.encode()
                    continue
            rest = data[used:]
            self._offset += used
            if used:
                yield data if not rest else data[:used]
        self.ends_inside = bool(rest)

    def _recoded(self, source: Iterable[bytes]) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(self._how.codec)("replace")
        for piece in source:
            text = decoder.decode(piece)
            self._replaced(text)
            self._offset += len(piece)
            if text:
                yield text.encode("utf-8", "replace")
        self.ends_inside = bool(decoder.decode(b"", final=True))

    def _replaced(self, text: str) -> None:
        count = text.count(_REPLACEMENT)
        if count:
            self._bad(count, self._offset)

    def _bad(self, count: int, at: int) -> None:
        self.bad_count += count
        self.bad_at = at if self.bad_at is None else self.bad_at


def _without(source: Iterable[bytes], size_bytes: int) -> Iterator[bytes]:
    """The pieces after the first bytes of all."""
    for piece in source:
        if size_bytes:
            size_bytes, piece = max(0, size_bytes - len(piece)), piece[size_bytes:]  # noqa: PLW2901 - the rest of it
        if piece:
            yield piece
