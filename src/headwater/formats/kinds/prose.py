"""What people write for people: sentences, and Markdown or reStructuredText with tables and lists in it."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import Final

from headwater.formats.kinds.source import Found

_MARKDOWN: Final = re.compile(r"(#{1,6} \S|[-*+] \S|\d+\. \S|> |```|~~~|!?\[[^\]]+\]\(|\|.*\|$|===+$|---+$)")
_HEADING: Final = re.compile(r"#{1,6} \S")
_RULING: Final = re.compile(r"\|?(\s*:?-{2,}:?\s*\|)+(\s*:?-{2,}:?\s*)?$")
_DIRECTIVE: Final = re.compile(r"\.\. (\|[^|]+\|\s+[\w-]+::|[\w:-]+::|_[^:]+:)")
_ROLE: Final = re.compile(r":[\w:-]+:`[^`]+`|``[^`]+``|\.\. [\w:-]+::")
_WORD: Final = re.compile(r"[^\W\d_]+")
_NUMBER: Final = re.compile(r"\b\d[\d.,:/-]*")
_SENTENCE_END: Final = re.compile(r"[^\W\d_]{2}[.!?:]\W*(\s|$)")
_QUOTED: Final = re.compile(r"""["'][,;|\t]|[,;|\t]["']|^"[^"]*$""")
_SMALL_WORDS: Final = frozenset(
    re.findall(
        r"\w+",
        "the of and to in is for that it this with as be are on or by not from you any at if which have may was an a"
        " i we der die das und ist von zu den nicht mit ein eine im auf für sich es auch als werden oder sind dem des"
        " le la les des et est un une du que pour dans qui pas sur au avec ce il sont ou par"
        " el los las y en por con no se del una para su lo más como di che è per non della"
        " o os do da em um uma não com het een van niet dat op",
    )
)
_COMMENTS: Final = ("#", "//", "%", "--")
_ROLE_CHARS_MAX: Final = 200
_LINES_MIN: Final = 3
_WORDS_MIN: Final = 20
_OUTSIDE_MIN: Final = 3


def restructured(lines: list[str]) -> Found:
    """Text with the directives of reStructuredText."""
    full = [line for line in lines if line.strip()]
    if len(full) < _LINES_MIN:
        return None
    directives = sum(_DIRECTIVE.match(line) is not None for line in full)
    is_underlined = len(full[0]) <= len(full[1]) and set(full[1]) in ({"="}, {"-"})
    if directives >= max(2, len(full) * 0.1) or (
        is_underlined and any(_ROLE.search(line, 0, _ROLE_CHARS_MAX) for line in full)
    ):
        return "text", 0.96, "It has titles and directives as reStructuredText writes them."
    return None


def markdown(lines: list[str]) -> Found:
    """Markdown. A ruled table that is all of a file, or that one title stands over, is none."""
    full = [line for line in lines if line.strip()]
    headings = {line.partition(" ")[0] for line in full if _HEADING.match(line)}
    if len(full) < _LINES_MIN or not headings:
        return None
    outside = sum("|" not in line for line in full)
    is_among_text = len(headings) > 1 or outside >= max(_OUTSIDE_MIN, len(full) * 0.05)
    marks = [line for line in full if _MARKDOWN.match(line)]
    many = sum(line[0] == "#" for line in marks) > 1 or len({line[0] for line in marks}) > 1
    if is_among_text and any(_RULING.match(line.strip()) for line in full):
        return "markdown", 0.96, "It has headings, and among its text a table as Markdown rules them."
    if sum(line.startswith(("```", "~~~")) for line in full) > 1:
        return "markdown", 0.92, "It has headings and blocks of code as Markdown writes them."
    if is_prose(lines):
        return "markdown", 0.84, "It has headings as Markdown writes them, over sentences."
    has_lists = any(line[0] != "#" for line in marks)  # with hashes alone it may be settings under their comments
    if many and len(marks) >= len(full) * 0.15 and (has_lists or _stands_apart(lines)):
        return "markdown", 0.7, "It has headings and lists as Markdown writes them."
    return None


def _stands_apart(lines: list[str]) -> bool:
    """Whether most headings have a blank line after them."""
    after = [not other.strip() for one, other in pairwise(lines) if _HEADING.match(one)]
    return sum(after) > len(after) / 2


def is_prose(lines: list[str]) -> bool:
    """Whether these are sentences: small words, ends of sentences, lines that run on, and marks that keep no order."""
    lines = [line.strip() for line in lines if not line.startswith(_COMMENTS)]
    full = [line for line in lines if line]
    words = [word.lower() for line in full for word in _WORD.findall(line)]
    numbers = sum(len(_NUMBER.findall(line)) for line in full)
    if len(full) < _LINES_MIN or len(words) < max(_WORDS_MIN, 4 * len(full)) or numbers > len(words) * 0.2:
        return False
    if sum(word in _SMALL_WORDS for word in words) < len(words) * 0.2:
        return False
    if sum(_QUOTED.search(line) is not None for line in full) > len(full) * 0.1:
        return False
    if sum(_SENTENCE_END.search(line) is not None for line in full) < len(full) * 0.1:
        return False
    for mark, share in ((",", 0.7), (";", 0.4), ("|", 0.4), ("\t", 0.4)):
        counts = Counter(line.count(mark) for line in full)
        if any(count > len(full) * share for marks, count in counts.items() if marks):
            return False
    pairs = [(one, other) for one, other in pairwise(lines) if one and other]
    running = sum(
        one[-1] not in ".;:" and (other[0].islower() or (one.isupper() and other.isupper())) for one, other in pairs
    )
    return running >= len(pairs) * 0.3
