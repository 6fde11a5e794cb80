"""Whether bytes look like JSON: the grammar of RFC 8259 over the first tokens, and the lines one by one."""

from __future__ import annotations

import codecs
import re
from typing import Final, NamedTuple

import msgspec

from headwater.formats.encodings.transcode import written
from headwater.formats.finding import Guess
from headwater.formats.format import Ends
from headwater.formats.names import suffixes
from headwater.formats.trees.json_repair import TooDeep, Unreadable, leniently

_TOKENS_MAX: Final = 1_500
_LINES_MAX: Final = 200
_GOOD_MIN: Final = 0.7
_LINE_BYTES_MAX: Final = 64 * 1024
_TOKEN: Final = re.compile(
    r"""(?P<blank>[ \t\r\n\x1e]+)
    | (?P<text>"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+")
    | (?P<number>-?(?:0|[1-9]\d*+)(?:\.\d++)?(?:[eE][+-]?\d++)?(?![\w.+-]))
    | (?P<word>(?:true|false|null)(?!\w))
    | (?P<open>[\[{]) | (?P<close>[\]}]) | (?P<comma>,) | (?P<colon>:)
    | (?P<loose>'(?:[^'\\\n]|\\.)*+' | //[^\n]*+ | /\*.*?\*/ | (?:NaN|-?Infinity|None|True|False|undefined)(?!\w))
    | (?P<bare>[A-Za-z_$][\w$]*+(?=\s*:))
    """,
    re.VERBOSE | re.DOTALL,
)
_LOOSE_VALUE: Final = frozenset("'NITFu-")
_CUT: Final = re.compile(
    r"""("(?:[^"\\]|\\.)*+\\?|'(?:[^'\\]|\\.)*+\\?|-?[\d.eE+-]*|[A-Za-z_$][\w$]*|/[*/]?.*)\Z""", re.DOTALL
)

_decode: Final = msgspec.json.Decoder().decode


class Looks(NamedTuple):
    """What the bytes look like: one document, lines, both, or neither."""

    document: Guess | None = None
    lines: Guess | None = None


class _Grammar(NamedTuple):
    """What the first tokens are: whether all fit, how many there were, and how many are no JSON."""

    is_json: bool
    tokens: int = 0
    loose: int = 0
    values: int = 0  # outermost ones that ended


def looks(ends: Ends) -> Looks:
    """As `Format.recognise`, for JSON and for NDJSON at once."""
    text = _text(ends.head)
    is_cut = ends.size_bytes is None or ends.size_bytes > len(ends.head)
    begin = text.lstrip(" \t\r\n\x1e")[:1]
    if not begin or begin not in '{["-0123456789tfn':
        return Looks()
    if begin not in "{[":
        return _scalar(text, ends, is_cut=is_cut)
    lines = _lines(text, is_cut=is_cut)
    grammar = _follow(text, is_cut=is_cut)
    last = _last_line(ends) if is_cut and lines.good + lines.bad == 0 else None
    if lines.good + lines.bad > 1 and lines.good >= _GOOD_MIN * (lines.good + lines.bad):
        return _as_lines(lines, grammar, ends)
    if not grammar.is_json:
        return Looks()
    if last:
        evidence = ("The first line is very long, and the last one is a JSON value of its own.",)
        return Looks(Guess("json", 0.3, evidence), Guess("ndjson", 0.9, evidence))
    return _as_document(lines, grammar, ends, text)


def _text(head: bytes) -> str:
    how = written(head)
    decoder = codecs.getincrementaldecoder(how.codec)("replace")
    return decoder.decode(head[how.bom_bytes :]).rstrip("\0")


def _scalar(text: str, ends: Ends, *, is_cut: bool) -> Looks:
    """A single text, number or word: JSON, but so is much that is none."""
    value = text.strip()
    if is_cut or "\n" in value or not _is_value(value.encode("utf-8", "replace")):
        return Looks()
    is_named = bool({"json", "geojson"} & set(suffixes(ends.name)[-1:]))
    evidence = ("All of it is one JSON value, but no list and no object.",)
    sure = 0.9 if is_named else 0.6 if value[0] == '"' and "," not in value else 0.3
    return Looks(Guess("json", sure, evidence))


class _Lines(NamedTuple):
    """How many of the first whole lines are JSON lists or objects, how many are not, and how many are objects."""

    good: int = 0
    bad: int = 0
    objects: int = 0


def _lines(text: str, *, is_cut: bool) -> _Lines:
    lines = text.split("\n")
    if is_cut:
        lines = lines[:-1]
    good = bad = objects = 0
    for line in lines:
        stripped = line.strip(" \t\r")
        if not stripped:
            continue
        if good + bad >= _LINES_MAX:
            break
        is_good = stripped[0] in "{[" and _is_value(stripped.encode("utf-8", "replace"))
        good, bad = good + is_good, bad + (not is_good)
        objects += is_good and stripped[0] == "{"
        if bad > 2 * good + 8:
            break
    return _Lines(good, bad, objects)


def _is_value(raw: bytes) -> bool:
    try:
        _decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return raw[:1] in {b"{", b"["} and len(raw) <= _LINE_BYTES_MAX and _is_meant(raw)
    return True


def _is_meant(raw: bytes) -> bool:
    try:
        return isinstance(leniently(raw)[0], dict | list)
    except (TooDeep, Unreadable):
        return False


def _last_line(ends: Ends) -> bytes | None:
    """The last whole line of a file whose first line is longer than what is at hand, if it is an object."""
    lines = [line for line in ends.tail.rstrip(b"\r\n").split(b"\n")[1:] if line.strip()]
    return lines[-1] if lines and lines[-1].startswith(b"{") and _is_value(lines[-1]) else None


def _as_lines(lines: _Lines, grammar: _Grammar, ends: Ends) -> Looks:
    evidence = [f"{lines.good:,} of the first {lines.good + lines.bad:,} lines are JSON values of their own."]
    sure = 0.97 if not lines.bad and not grammar.loose else 0.9
    if not lines.objects:
        sure = 0.8
        evidence.append("They are lists, not objects.")
    if suffixes(ends.name)[-1:] == ["ndjson"]:
        sure = min(0.99, sure + 0.05)
    return Looks(
        Guess("json", 0.3, ("Values after each other are JSON too, loosely.",)), Guess("ndjson", sure, tuple(evidence))
    )


def _as_document(lines: _Lines, grammar: _Grammar, ends: Ends, text: str) -> Looks:
    begin = text.lstrip(" \t\r\n\x1e")[0]
    kind = "a list" if begin == "[" else "an object"
    evidence = [f"It begins with {kind}, and its first {grammar.tokens:,} tokens follow the grammar of JSON."]
    sure = 0.97 if grammar.tokens > 2 else 0.7  # noqa: PLR2004  (`[]` may be anything)
    if grammar.loose:
        sure = 0.75
        evidence.append("Some of it is no JSON: comments, single quotes, bare keys or foreign words.")
    is_named = bool({"ndjson", "jsonl", "jsonlines"} & set(suffixes(ends.name)[-1:]))
    is_long = lines.good + lines.bad == 0 and "\n" not in text
    if begin != "{" or not ((lines.good, lines.bad) == (1, 0) or (is_long and is_named)):
        return Looks(Guess("json", sure, tuple(evidence)))
    evidence.append("It is one object on one line, which may also be NDJSON.")
    document = Guess("json", 0.6 if is_named else sure, tuple(evidence))
    return Looks(document, Guess("ndjson", 0.9 if is_named else 0.5, tuple(evidence)))


def _follow(text: str, *, is_cut: bool) -> _Grammar:
    """Follows the grammar over the first tokens."""
    state = _State()
    at = tokens = 0
    while at < len(text) and tokens < _TOKENS_MAX:
        match = _TOKEN.match(text, at)
        if match is None or (match.end() == len(text) and is_cut):
            is_json = match is not None or _CUT.match(text, at) is not None
            return _Grammar(is_json, tokens, state.loose, state.values)
        at = match.end()
        kind = match.lastgroup or ""
        if kind == "blank":
            continue
        if not state.takes(kind, match[0]):
            return _Grammar(is_json=False)
        tokens += 1
    return _Grammar(tokens > 0, tokens, state.loose, state.values)


class _State:
    """Where in the grammar the tokens are."""

    def __init__(self) -> None:
        self._stack: list[str] = []
        self._wants = "value"
        self.loose = 0
        self.values = 0

    def takes(self, kind: str, token: str) -> bool:
        """Whether this token may stand here; it is taken."""
        if kind == "loose":
            self.loose += 1
            if token.startswith("/"):
                return True
            kind = "text" if token.startswith("'") else "word"
        if kind == "open":
            return self._opens(token)
        if kind == "close":
            return self._closes(token)
        if kind in {"comma", "colon"}:
            return self._separates(kind)
        return (
            self._is_key(kind)
            if self._is_in_object() and self._wants in {"key", "key or end"}
            else self._is_value(kind)
        )

    def _is_in_object(self) -> bool:
        return self._stack[-1:] == ["{"]

    def _opens(self, token: str) -> bool:
        if self._wants not in {"value", "value or end"}:
            return False
        self._stack.append(token)
        self._wants = "key or end" if self._is_in_object() else "value or end"
        return True

    def _closes(self, token: str) -> bool:
        if not self._stack or self._stack.pop() != {"]": "[", "}": "{"}[token]:
            return False
        if self._wants in {"colon", "value"}:
            self.loose += 1
            return False
        self.loose += self._wants == "key"
        self._after_value()
        return True

    def _separates(self, kind: str) -> bool:
        if self._wants != kind and not (kind == "comma" and not self._stack and self.values):
            return False
        self._wants = "value" if kind == "colon" or not self._is_in_object() else "key"
        if kind == "comma" and self._stack[-1:] == ["["]:
            self._wants = "value or end"
        return True

    def _is_key(self, kind: str) -> bool:
        self.loose += kind == "bare"
        self._wants = "colon"
        return kind in {"text", "bare"}

    def _is_value(self, kind: str) -> bool:
        if self._wants not in {"value", "value or end"} or kind == "bare":
            return False
        self._after_value()
        return True

    def _after_value(self) -> None:
        if self._stack:
            self._wants = "comma"
        else:
            self.values += 1
            self._wants = "value"
