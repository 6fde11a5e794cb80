"""A first look at bytes that may be text, as quick as recognising must be."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from headwater.formats.encodings.encoding import certain_encoding, decode

GLIMPSE_BYTES: Final = 16 * 1024
_STRANGE: Final = re.compile(r"[\x00\x03-\x08\x0e-\x19\x7f]")
_STRANGE_MAX: Final = 0.01
_NULS_A_LINE: Final = 2


def glimpse(head: bytes) -> str | None:
    """The first lines as text, of which each is whole but for a very long one; None for bytes that are no text."""
    return _glimpse(head[:GLIMPSE_BYTES], is_all=len(head) <= GLIMPSE_BYTES)


@lru_cache(maxsize=4)
def _glimpse(head: bytes, *, is_all: bool) -> str | None:
    if not head.strip(b"\x00"):
        return None
    known = certain_encoding([head], is_whole=False)
    name, skipped = ("latin-1", 0) if known is None else (known.name, known.bom_bytes)
    text = decode(head[skipped:], name, is_end=False).text
    if 0 < text.count("\x00") <= _NULS_A_LINE * text.count("\n"):
        text = text.replace("\x00", "")  # a broken writer's; text it is all the same
    strange = _STRANGE.findall(text.rstrip("\x00\r\n"))
    if len(strange) > max(1, len(text) * _STRANGE_MAX) and len(strange) > 4:  # noqa: PLR2004
        return None
    if not is_all:
        ends = max(text.rfind("\n"), text.rfind("\r"))
        text = text[: ends + 1] if ends > 0 else text
    return text
