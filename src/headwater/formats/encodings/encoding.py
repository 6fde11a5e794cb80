"""How text is written: by its mark, by where its NULs lie, by strict UTF-8, else by its words beyond ASCII."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Final

from headwater.formats.encodings.decoding import Decoded, beyond_ascii, decode
from headwater.formats.encodings.encoding_words import weighed
from headwater.formats.finding import Encoding

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WINDOW_BYTES: Final = 4096
_NULS_MIN: Final = 0.05
_LOPSIDED: Final = 20
_UTF8_AMONG: Final = 4  # sound characters for each broken one, where it is still UTF-8


def encoding_of(windows: Sequence[bytes], *, is_whole: bool) -> Encoding:
    """The encoding of a text, of which these windows were read: the first from its beginning; all of it, if `is_whole`.

    A character cut at an edge of a window is no error. Never raises.
    """
    return certain_encoding(windows, is_whole=is_whole) or weighed(windows)


def certain_encoding(windows: Sequence[bytes], *, is_whole: bool) -> Encoding | None:
    """The same, without weighing words, which takes some milliseconds: None for the old encodings."""
    head = windows[0] if windows else b""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return Encoding(name, 1.0, ("It begins with the mark of this encoding.",), (), len(mark), is_certain=True)
    wide = _wide(head)
    if wide is not None:
        return wide
    if b"\x1b$" in head and decode(head, "iso2022_jp").bad == 0:
        return Encoding("iso2022_jp", 0.95, ("It switches between alphabets as ISO-2022-JP does.",))
    if all(window.isascii() for window in windows):
        seen = "Every byte" if is_whole else "Every byte that was looked at"
        return Encoding("utf-8", 1.0, (f"{seen} is ASCII, which UTF-8 reads as well.",), is_certain=is_whole)
    return _utf8(windows, is_whole=is_whole)


def _wide(head: bytes) -> Encoding | None:
    """UTF-16 or UTF-32 without a mark: the NULs of its ASCII characters lie at every second place, or three of four."""
    seen = head[: _WINDOW_BYTES - _WINDOW_BYTES % 4]
    nuls = [seen[start::4].count(0) for start in range(4)]
    if sum(nuls) < max(1, len(seen) * _NULS_MIN):
        return None
    quarter = len(seen) / 4
    for name, places in (("utf-32-le", (2, 3)), ("utf-32-be", (0, 1))):
        other = {0, 1, 2, 3} - set(places)
        if all(nuls[place] >= quarter * 0.99 for place in places) and min(nuls[place] for place in other) < quarter / 2:
            return _if_sound(head, name)
    even, odd = nuls[0] + nuls[2], nuls[1] + nuls[3]
    lines = seen.count(b"\n")
    if lines > 1 and max(seen.count(b"\n\x00"), seen.count(b"\x00\n")) < lines / 2:
        return None  # line ends of single bytes: its NULs are a broken writer's
    if odd > _LOPSIDED * even:
        return _if_sound(head, "utf-16-le")
    return _if_sound(head, "utf-16-be") if even > _LOPSIDED * odd else None


def _if_sound(head: bytes, name: str) -> Encoding | None:
    decoded = decode(head, name, is_end=False)
    if decoded.bad * _LOPSIDED > len(decoded.text):
        return None
    return Encoding(name, 0.97, ("NULs lie where this encoding has them; there is no mark at the beginning.",))


def _utf8(windows: Sequence[bytes], *, is_whole: bool) -> Encoding | None:
    """UTF-8 where all of it is, or all but a few places."""
    pieces = [
        decode(window, "utf-8", is_start=number == 0, is_end=is_whole and number == len(windows) - 1)
        for number, window in enumerate(windows)
    ]
    bad = sum(piece.bad for piece in pieces)
    if not bad:
        seen = "All of it" if is_whole else "All that was looked at"
        return Encoding("utf-8", 1.0, (f"{seen} is strict UTF-8.",), is_certain=is_whole)
    sound = sum(len(beyond_ascii(piece.text)) for piece in pieces) - bad
    if sound < bad * _UTF8_AMONG:
        return None
    return Encoding("utf-8", round(sound / (sound + bad), 3), (f"It is UTF-8 but for {bad:,} places.",))


__all__ = ["Decoded", "certain_encoding", "decode", "encoding_of"]
