"""Which old encoding a text has, by its words that are not ASCII, each weighed once.

By their statistics (chardet), by whether what comes out looks like words in any writing, and by single bytes and
characters where two encodings are nearly one.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from headwater.formats.encodings.characters import EAST_ASIAN
from headwater.formats.encodings.decoding import decode
from headwater.formats.finding import Encoding, Guess

# A match begins where a run does: tried from every place in a long run, it would take the square of its length.
_WORDS: Final = re.compile(rb"(?<![0-9\x40-\x7e])[0-9\x40-\x7e]*+[\x80-\xff][0-9\x40-\xff]*")
_WORD_BYTES_MAX: Final = 4096
_WEIGHED_BYTES_MAX: Final = 16 * 1024
_ALTERNATIVES_MAX: Final = 3
_C1: Final = frozenset(range(0x80, 0xA0))
_EURO_IN_LATIN_9: Final = 0xA4  # in Latin-1 a sign for any currency, which nobody writes
_CLEARLY: Final = 1.5
_CHARACTERS: Final = {
    "euc_jp": frozenset(EAST_ASIAN["japanese"]),
    "shift_jis": frozenset(EAST_ASIAN["japanese"]),
    "gb18030": frozenset(EAST_ASIAN["chinese"]),
    "big5": frozenset(EAST_ASIAN["taiwanese"]),
    "euc_kr": frozenset(EAST_ASIAN["korean"]),
}
_IN_WORDS_OF_LATIN_9: Final = re.compile(rb"[A-Za-z][\xa6\xa8\xb4\xb8\xbc\xbd\xbe][A-Za-z]")
_LETTERS_FROM: Final = 0xC0
_TURKISH: Final = frozenset("\u011f\u0131\u015f\u011e\u0130\u015e".encode("cp1254"))
_TURKISH_BESIDE: Final = frozenset("\xe7\xc7\xf6\xd6\xfc\xdc\xe2\xc2\xee\xce\xfb\xdb".encode("cp1254"))
_RANKED_MAX: Final = 12
_PRIORS: Final = {
    "cp1252": 1.2,
    **dict.fromkeys(("cp852", "cp857", "cp437", "cp855", "cp737", "mac-latin2"), 0.8),
    **dict.fromkeys(("cp1256", "cp1255", "iso8859-6", "iso8859-8", "cp1258", "big5", "euc_kr"), 0.9),
}
"""How common an encoding is among deliveries, beside the others of its kind."""

_UNRANKED: Final = 0.05
_WESTERN: Final = ("cp1252", "mac-roman", "cp850", "cp437", "iso8859-15")
_USUAL: Final = {
    "shift_jis_2004": ("shift_jis", "cp932"),
    "cp932": ("shift_jis",),
    "euc_jis_2004": ("euc_jp",),
    "big5hkscs": ("big5",),
    "cp949": ("euc_kr",),
    "tis-620": ("cp874",),
}
_KNOWN: Final = (
    *("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
    *("iso8859-1", "iso8859-2", "iso8859-5", "iso8859-6", "iso8859-7", "iso8859-8", "iso8859-9", "iso8859-13"),
    *("iso8859-15", "koi8-r", "koi8-u", "mac-roman", "mac-cyrillic", "mac-latin2", "cp437", "cp737", "cp850", "cp852"),
    *("cp855", "cp857", "cp866", "cp874", "tis-620", "shift_jis_2004", "cp932", "euc_jis_2004", "euc_kr", "cp949"),
    *("gb18030", "big5hkscs"),
)
_MARKS_OF_TEXT: Final = frozenset(
    "\u20ac\xa3\xa5\xa7\xb0\u2018\u2019\u201c\u201d\u201e\u201a\u2013\u2014\u2026\u2022\u2122\xab\xbb\xbf\xa1\xa9\xae\xb1\xb2\xb3\xbd\xbc\xbe\xb5\xd7\xb7\xa0"
    "\u2116\u3000\u3001\u3002\uff08\uff09\uff0c\uff1a\u30fb\u30fc\u300c\u300d"
)
_MARKS_INSIDE: Final = frozenset("\u2019\u2013\xb7")
_RARE_LETTERS: Final = frozenset(map(chr, (0xAA, 0xBA, *range(0xFF61, 0xFFA0))))
_NEVER_WRITTEN: Final = frozenset({"Cc", "Co", "Cn"})


def weighed(windows: Sequence[bytes]) -> Encoding:
    """The old encoding in which the words that are not ASCII read best."""
    words: dict[bytes, None] = {}
    size_bytes = 0
    for window in windows:
        for match in _WORDS.finditer(window):
            word = match[0][:_WORD_BYTES_MAX]
            if word not in words:
                words[word] = None
                size_bytes += len(word) + 1
            if size_bytes > _WEIGHED_BYTES_MAX:
                break
    told = b" ".join(words)
    ranked = _by_statistics(told)
    ranked = _by_looks(told, ranked)
    name, confidence = ranked[0]
    name = _by_single_bytes(told, name)
    others = tuple(
        Guess(other, round(weight, 3)) for other, weight in ranked[1 : 1 + _ALTERNATIVES_MAX] if other != name
    )
    evidence = [f"It is no UTF-8; {len(words):,} different words hold bytes beyond ASCII, and read best like this."]
    if name == "cp1252" and not _C1 & set(told):
        evidence.append("No byte tells Windows-1252 from Latin-1; both read it alike.")
    return Encoding(name, round(min(confidence, 0.95), 3), tuple(evidence), others)


def _by_statistics(told: bytes) -> list[tuple[str, float]]:
    import chardet  # noqa: PLC0415  (heavy)

    found = chardet.detect_all(told, ignore_threshold=True, compat_names=False, include_encodings=_KNOWN)
    ranked = [(str(each["encoding"]), float(each["confidence"] or 0)) for each in found if each["encoding"]]
    return [(_plainest(name, told), weight) for name, weight in ranked[:_RANKED_MAX]]


def _plainest(name: str, told: bytes) -> str:
    """The usual name of a codec, where the usual one reads all of it."""
    for usual in _USUAL.get(name, ()):
        if not decode(told, usual).bad:
            return usual
    return codecs.lookup(name).name


def _by_looks(told: bytes, ranked: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """The same, weighed by whether what comes out looks like words."""
    names = dict(ranked)
    for name in _WESTERN:
        names.setdefault(name, _UNRANKED)
    weighed = []
    for name, weight in names.items():
        decoded = decode(told, name)
        if not decoded.bad:
            weighed.append((name, weight * _looks(decoded.text) * _PRIORS.get(name, 1.0)))
    return sorted(weighed, key=lambda each: -each[1]) or [("iso8859-1", 0.1)]


def _looks(text: str) -> float:
    """How much of what is beyond ASCII stands where people write such characters: 0 to 1."""
    points = [_looks_at(text, number) for number, each in enumerate(text) if each > "\x7f"]
    return max(0.01, sum(points) / len(points)) if points else 0.01


def _looks_at(text: str, number: int) -> float:
    each = text[number]
    before = text[number - 1] if number else " "
    after = text[number + 1] if number + 1 < len(text) else " "
    kind = unicodedata.category(each)
    if kind in _NEVER_WRITTEN:
        return -1
    if kind[0] in "LM":
        return _letter_looks(each, before, after)
    is_inside = before.isalpha() and after.isalpha()
    if each in _MARKS_OF_TEXT:
        return 0.1 if is_inside and each not in _MARKS_INSIDE else 0.8
    return -0.3 if before.isalpha() or after.isalpha() else 0.3


def _letter_looks(each: str, before: str, after: str) -> float:
    if each.isupper() and before.isalpha() and before.islower():
        return -0.5
    if _is_foreign(each) and _is_latin(before, after):
        return -0.5
    return 0.4 if each in _RARE_LETTERS else 1.0


def _is_foreign(each: str) -> bool:
    """Whether a letter is of a script that is not written together with Latin letters."""
    return each >= "\u0370" and not "\u1e00" <= each <= "\u1eff"


def _is_latin(before: str, after: str) -> bool:
    return (before.isascii() and before.isalpha()) or (after.isascii() and after.isalpha())


def _by_single_bytes(told: bytes, name: str) -> str:
    """What single bytes decide between encodings that are nearly one."""
    if name in _CHARACTERS:
        return _by_characters(told, name)
    if name not in {"iso8859-1", "iso8859-15", "cp1252"}:
        return name
    present = set(told)
    if _C1 & present:
        return name if decode(told, "cp1252").bad else "cp1252"
    letters = {byte for byte in present if byte >= _LETTERS_FROM}
    if letters & _TURKISH and letters <= _TURKISH | _TURKISH_BESIDE:
        return "cp1254"
    is_latin_9 = _EURO_IN_LATIN_9 in present or _IN_WORDS_OF_LATIN_9.search(told) or name == "iso8859-15"
    return "iso8859-15" if is_latin_9 else "cp1252"


def _by_characters(told: bytes, name: str) -> str:
    """Between encodings of East Asia, which read each other's bytes: the one that gives more usual characters."""
    counted = {}
    for other, usual in _CHARACTERS.items():
        decoded = decode(told, other)
        if not decoded.bad:
            counted[other] = sum(1 for each in decoded.text if each in usual or "\u3041" <= each <= "\u30fe")
    best = max(counted, key=counted.__getitem__, default=name)
    return best if counted.get(best, 0) > counted.get(name, 0) * _CLEARLY + 1 else name
