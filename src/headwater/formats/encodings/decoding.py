"""Text out of bytes, whatever they are."""

from __future__ import annotations

import codecs
import re
from typing import Final, NamedTuple

_HALF_BYTES_MAX: Final = 3
_CONTINUATION: Final = range(0x80, 0xC0)


class Decoded(NamedTuple):
    """Text out of bytes. `bad` counts bytes or characters that are none, the first at `bad_at` (an offset in the
    bytes); `is_half` where the bytes end inside a character.
    """

    text: str
    bad: int = 0
    bad_at: int | None = None
    is_half: bool = False


def decode(data: bytes, name: str, *, is_start: bool = True, is_end: bool = True) -> Decoded:
    """The text of these bytes, with U+FFFD where they are none. Bytes that do not start or end the whole may be cut
    inside a character there, which is no error; at the end of the whole it is `is_half`.
    """
    skipped = _edge(data, name) if not is_start else 0
    body = data[skipped:]
    try:
        return Decoded(body.decode(name))
    except UnicodeDecodeError as error:
        bad_at = error.start
        is_half = bad_at >= len(body) - _HALF_BYTES_MAX and _is_half(body[bad_at:], name)
    if is_half:
        return Decoded(body[:bad_at].decode(name), is_half=is_end)
    text = body.decode(name, "replace")
    genuine = body.count("\ufffd".encode(name)) if name.startswith("utf") else 0
    tail = body[-_HALF_BYTES_MAX:]
    is_half = is_end and any(_is_half(tail[start:], name) for start in range(len(tail)) if name.startswith("utf"))
    return Decoded(text, max(1, text.count("\ufffd") - genuine), skipped + bad_at, is_half)


def _edge(data: bytes, name: str) -> int:
    """How many bytes at the start of a window belong to a character that began before it."""
    if name != "utf-8":
        return 0
    for number, byte in enumerate(data[:_HALF_BYTES_MAX]):
        if byte not in _CONTINUATION:
            return number
    return min(_HALF_BYTES_MAX, len(data))


def _is_half(rest: bytes, name: str) -> bool:
    """Whether these last bytes are a character that is not finished."""
    decoder = codecs.getincrementaldecoder(name)()
    try:
        return bool(rest) and decoder.decode(rest) == "" and len(rest) <= _HALF_BYTES_MAX
    except UnicodeDecodeError:
        return False


def beyond_ascii(text: str) -> str:
    """What of a text is not ASCII."""
    return re.sub(r"[\x00-\x7f]+", "", text)
