"""Records that are not quite JSON: what is wrong with them, and what they say nevertheless."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from enum import StrEnum
from itertools import accumulate
from typing import Final

import msgspec

_TEXT: Final = rb'"(?:[^"\\]++|\\.)*+"'
_FOREIGN: Final = re.compile(
    _TEXT + rb"|(?P<comment>//[^\n]*+|/\*.*?\*/)|(?P<single>'(?:[^'\\]++|\\.)*+')"
    rb"|(?<![\w$])(?P<word>None|True|False|undefined)(?![\w$])",
    re.DOTALL,
)
_LOOSE: Final = re.compile(
    _TEXT + rb"|(?P<comma>,(?=\s*[\]}]))|(?P<before>[{,]\s*)(?P<key>[A-Za-z_$][\w$]*)(?P<after>\s*:)", re.DOTALL
)
_ESCAPES: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_WORDS: Final = {b"None": b"null", b"True": b"true", b"False": b"false", b"undefined": b"null"}
_TEXTS: Final = re.compile(_TEXT, re.DOTALL)
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_STEPS: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_BYTE: Final = re.compile(r"\(byte (\d+)\)")
_EXCERPT_CHARS: Final = 60

_REASONS: Final = (
    ("truncated", "it ends in the middle of a value"),
    ("trailing characters", "after the value something else follows"),
    ("utf", "a text holds what is no UTF-8"),
    ("range", "a number is too large to be read"),
)

_decode: Final = msgspec.json.Decoder().decode


class Sign(StrEnum):
    """What is no JSON in a record that can be read nevertheless; the names are codes of problems."""

    NUMBERS = "not_json_numbers"
    COMMENTS = "comments"
    SINGLE_QUOTES = "single_quotes"
    WORDS = "not_json_words"
    TRAILING_COMMA = "trailing_comma"
    UNQUOTED_KEYS = "unquoted_keys"
    SURROGATES = "lone_surrogates"


class TooDeep(Exception):
    """The value is nested deeper than can be followed."""


class Unreadable(Exception):
    """The bytes are no JSON, even with good will. `sentence` says why."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def strictly(raw: bytes) -> object:
    """The value that these bytes are. Raises TooDeep, Unreadable."""
    try:
        value: object = _decode(raw)
    except RecursionError:
        raise TooDeep from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable(_why(raw, str(error))) from None
    return value


def leniently(raw: bytes) -> tuple[object, frozenset[Sign]]:
    """The value that these bytes mean, and what in them is no JSON. Raises TooDeep, Unreadable (as `strictly` does)."""
    try:
        return strictly(raw), frozenset()
    except Unreadable as error:
        strict = error
    signs: set[Sign] = set()
    raw = _paired(raw, signs)
    for mend in (_as_it_is, mended):
        text = mend(raw, signs).decode("utf-8", "replace")
        try:
            value: object = json.loads(text, parse_constant=lambda word: _noted(word, signs))
        except RecursionError:
            raise TooDeep from None
        except ValueError:
            continue
        return value, frozenset(signs)
    raise strict


def _as_it_is(raw: bytes, signs: set[Sign]) -> bytes:
    del signs
    return raw


def _noted(word: str, signs: set[Sign]) -> float:
    signs.add(Sign.NUMBERS)
    return float(word)


def _paired(raw: bytes, signs: set[Sign]) -> bytes:
    """The record without halves of surrogate pairs, which are no characters."""
    if b"\\u" not in raw:
        return raw

    def pair(match: re.Match[bytes]) -> bytes:
        if match[1] is None:
            return match[0]
        signs.add(Sign.SURROGATES)
        return b"\\ufffd"

    return _ESCAPES.sub(pair, raw)


def mended(raw: bytes, signs: set[Sign]) -> bytes:
    """The record without what is no JSON, as far as it can be told; `signs` takes up what there was."""
    return _LOOSE.sub(_tightened(signs), _FOREIGN.sub(_translated(signs), raw))


def _translated(signs: set[Sign]) -> Callable[[re.Match[bytes]], bytes]:
    def translate(match: re.Match[bytes]) -> bytes:
        if match["comment"] is not None:
            signs.add(Sign.COMMENTS)
            return b" "
        if match["single"] is not None:
            signs.add(Sign.SINGLE_QUOTES)
            inner = match["single"][1:-1].replace(b"\\'", b"'")
            return b'"' + re.sub(rb'(\\.)|"', lambda each: each[1] or b'\\"', inner, flags=re.DOTALL) + b'"'
        if match["word"] is not None:
            signs.add(Sign.WORDS)
            return _WORDS[match["word"]]
        return match[0]

    return translate


def _tightened(signs: set[Sign]) -> Callable[[re.Match[bytes]], bytes]:
    def tighten(match: re.Match[bytes]) -> bytes:
        if match["comma"] is not None:
            signs.add(Sign.TRAILING_COMMA)
            return b""
        if match["key"] is not None:
            signs.add(Sign.UNQUOTED_KEYS)
            return match["before"] + b'"' + match["key"] + b'"' + match["after"]
        return match[0]

    return tighten


def duplicates(raw: bytes) -> list[str]:
    """The keys that one object of this record has more than once; none if the record is no JSON."""
    found: dict[str, None] = {}

    def look(pairs: list[tuple[str, object]]) -> dict[str, object]:
        known: dict[str, object] = {}
        for key, value in pairs:
            if key in known:
                found[key] = None
            known[key] = value
        return known

    try:
        json.loads(raw, object_pairs_hook=look)
    except (ValueError, RecursionError):
        return []
    return list(found)


def depth_of(raw: bytes) -> int:
    """How deep brackets are nested in a record."""
    brackets = _TEXTS.sub(b"", raw).translate(None, _NO_BRACKETS)
    return max(accumulate(map(_STEPS.__getitem__, brackets)), default=0)


def _why(raw: bytes, message: str) -> str:
    """What a decoder says, in plain words."""
    place = _BYTE.search(message)
    at = int(place[1]) if place else None
    if at is not None and at < len(raw) and raw[at] < ord(" "):
        return f"a text holds a line break or another control character at byte {at + 1:,}"
    for told, sentence in _REASONS:
        if told in message:
            return sentence
    return f"at byte {(at or 0) + 1:,} it stops being JSON{_seen(raw, at)}"


def _seen(raw: bytes, at: int | None) -> str:
    if at is None:
        return ""
    begin = max(0, at - _EXCERPT_CHARS // 3)
    text = raw[begin : begin + _EXCERPT_CHARS].decode("utf-8", "replace")
    return f", near {text!r}"
