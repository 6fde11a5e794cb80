"""Dates and times as people write them, and which pattern of strptime reads a whole column of them.

Patterns are those of Python's `datetime.strptime`; ISO 8601 (and RFC 3339) is known in its usual forms.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from headwater.formats.finding import Type
from headwater.formats.values.numbers import LIKELY_MIN, shaped_as

_CHARS_MAX: Final = 48
_SHAPES_MAX: Final = 24
_DAY_ALWAYS: Final = 28
_SURE, _LIKELY, _TOSSED = 1.0, 0.9, 0.6

_MONTHS: Final = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_SHORT: Final = {name[:3]: number for number, name in enumerate(_MONTHS, 1)} | {"sept": 9}
_MONTH_NAME: Final = re.compile(rf"\b0*({'|'.join(_MONTHS)})|({'|'.join(_SHORT)})(?![a-z])", re.IGNORECASE)
_LIKE: Final = re.compile(
    r"(?:[A-Za-z]{3},?\ )?(?:0{1,4}[-/.\ ]|0{8}(?:0{6}|T|$)|0{1,2}:00|0{1,2}\.?[A-Za-z]{3})|"
    r"[A-Za-z]{3,9}\.?\ 0{1,2},?\ "
)
_DAY_NAME: Final = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun)(?![a-z])", re.IGNORECASE)

_TIME: Final = (
    r"(?P<hours>0{1,2}):00(?P<seconds>:00(?P<fraction>[.,]0{1,9})?)?"
    r"(?P<half>\ ?[AaPp][Mm])?(?P<zone>\ ?(?:[Zz]|[+-]00(?::?00)?|UTC|GMT))?"
)
_ONLY_TIME: Final = re.compile(_TIME)
_WITH_TIME: Final = re.compile(rf"(?P<date>.+?)(?P<between>,\ |[T\ ]){_TIME}")
_YEAR_FIRST: Final = re.compile(r"0000([-/.])0{1,2}\1[0]{1,2}")
_YEAR_LAST: Final = re.compile(r"0{1,2}([-/.])0{1,2}\1(0000|00)")
_NAMED: Final = re.compile(r"(?P<day>%a,?\ )?0{1,2}(?P<dot>\.?)(?P<s>[-/\ ]?)(?P<b>%[bB])(?P<t>[-/\ ]?)(?P<y>0000|00)")
_NAME_FIRST: Final = re.compile(r"(?P<b>%[bB])\ 0{1,2}(?P<comma>,?)\ 0000")
_NAME_MIDDLE: Final = re.compile(r"0000([-/\ ])(%[bB])\1[0]{1,2}")

_PARTS: Final = {
    "Y": r"(?P<Y>[12]\d{3})",
    "y": r"(?P<y>\d{2})",
    "m": r"(?P<m>1[0-2]|0?[1-9])",
    "d": r"(?P<d>[12]\d|3[01]|0?[1-9])",
    "H": r"(?P<H>1\d|2[0-3]|0?\d)",
    "I": r"(?P<I>1[0-2]|0?[1-9])",
    "M": r"(?P<M>[0-5]\d)",
    "S": r"(?P<S>[0-5]\d|60)",
    "f": r"(?P<f>\d{1,9})",
    "p": r"(?P<p>[AaPp][Mm])",
    "b": rf"(?P<b>{'|'.join(sorted(_SHORT, key=len, reverse=True))})",
    "B": rf"(?P<B>{'|'.join(_MONTHS)})",
    "a": r"(?:mon|tue|wed|thu|fri|sat|sun)",
    "z": r"(?P<z>[Zz]|[+-]\d{2}(?::?\d{2})?)",
    "Z": r"(?:UTC|GMT)",
}

Moment = tuple[int, ...]
"""Year, month, day, seconds, nanoseconds; in UTC where an offset stands."""


class Moments(NamedTuple):
    """How the dates or times of a column are written. `order` gives the place in time of each text that is one.

    `format` is "" where a column mixes forms of ISO 8601 (with and without fractions of a second).
    """

    type: Type
    format: str
    confidence: float
    order: dict[str, Moment]

    def ends(self) -> tuple[str, str]:
        """The texts of the first and the last moment."""
        return min(self.order, key=self.order.__getitem__), max(self.order, key=self.order.__getitem__)


def read_moments(counts: Mapping[str, int], shapes: Mapping[str, str]) -> Moments | None:
    """How most of these texts (with how often each occurs) are dates or times; None where none is."""
    likely = shaped_as(lambda shape: len(shape) <= _CHARS_MAX and bool(_LIKE.match(shape)), shapes)
    if sum(counts[text] for text in likely) < sum(counts.values()) * LIKELY_MIN:
        return None
    told: Counter[str] = Counter()
    for text, shape in likely.items():
        told[shape] += counts[text]
    seen: Counter[str] = Counter()
    for shape, count in told.most_common(_SHAPES_MAX * 4):
        seen[_named(shape)] += count
    patterns: dict[str, Type] = {}
    for shape, _ in seen.most_common(_SHAPES_MAX):
        patterns.update(_patterns(shape))
    found = [
        Moments(kind, pattern, _SURE, order)
        for pattern, kind in patterns.items()
        if (order := {text: moment for text in counts if (moment := moment_of(text, pattern)) is not None})
    ]
    if not found:
        return None
    iso = _iso(found)
    if iso is not None:
        return iso
    weights = [sum(counts[text] for text in each.order) for each in found]
    best = max(weights)
    return _decided([each for each, weight in zip(found, weights, strict=True) if weight == best])


def moment_of(text: str, pattern: str) -> Moment | None:
    """The place in time of a text that the pattern reads; None where it does not read it."""
    match = _reader(pattern).fullmatch(text)
    if match is None:
        return None
    parts: dict[str, str] = match.groupdict()
    year = int(parts["Y"]) if "Y" in parts else _century(parts.get("y"))
    month = int(parts["m"]) if "m" in parts else _month(parts)
    day = int(parts.get("d", 1))
    if day > _DAY_ALWAYS and day > monthrange(year, month)[1]:
        return None
    hour = int(parts.get("H", 0))
    if "I" in parts:
        hour = int(parts["I"]) % 12 + (12 if parts["p"][0] in "pP" else 0)
    seconds = hour * 3600 + int(parts.get("M", 0)) * 60 + int(parts.get("S", 0))
    if "z" in parts:
        seconds -= _offset_seconds(parts["z"])
    return year, month, day, seconds, int(parts["f"].ljust(9, "0")) if "f" in parts else 0


def _century(two: str | None) -> int:
    if two is None:
        return 1904  # times alone; a leap year, so that no day is refused
    turn = 69  # as POSIX has it
    return int(two) + (1900 if int(two) >= turn else 2000)


def _month(parts: Mapping[str, str]) -> int:
    name = parts.get("b") or parts.get("B")
    return _SHORT[name[:3].lower()] if name else 1


def _offset_seconds(zone: str) -> int:
    if zone in "Zz":
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -seconds if zone[0] == "-" else seconds


@lru_cache(maxsize=256)
def _reader(pattern: str) -> re.Pattern[str]:
    pieces = re.split(r"%(.)", pattern)
    made = [_PARTS[piece] if number % 2 else re.escape(piece) for number, piece in enumerate(pieces)]
    if "%m%d" in pattern:  # nothing between the parts: each has its full width
        made = [each.replace("0?", "0") for each in made]
    return re.compile("".join(made), re.IGNORECASE)


def _named(shape: str) -> str:
    """A shape with its names of months and days as strptime calls them."""
    if not any(each.isalpha() for each in shape):
        return shape
    named = _MONTH_NAME.sub(lambda match: "%B" if match[1] and match[1].lower() != "may" else "%b", shape, count=1)
    return _DAY_NAME.sub("%a", named, count=1) if "%" in named else named


@lru_cache(maxsize=4096)
def _patterns(shape: str) -> dict[str, Type]:
    """The patterns that may read a shape."""
    if shape == "0" * 14:
        return {"%Y%m%d%H%M%S": Type.TIMESTAMP}
    compact = re.fullmatch(r"0{8}T0{6}([Zz]|[+-]0000)?", shape)
    if compact:
        return {"%Y%m%dT%H%M%S" + ("%z" if compact[1] else ""): Type.TIMESTAMPTZ if compact[1] else Type.TIMESTAMP}
    only = _ONLY_TIME.fullmatch(shape)
    if only:
        return {} if only["zone"] else {_time_pattern(only): Type.TIME}
    with_time = _WITH_TIME.fullmatch(shape)
    if with_time is None:
        return dict.fromkeys(_date_patterns(shape), Type.DATE)
    kind = Type.TIMESTAMPTZ if with_time["zone"] else Type.TIMESTAMP
    rest = with_time["between"] + _time_pattern(with_time)
    return {date + rest: kind for date in _date_patterns(with_time["date"])}


def _time_pattern(match: re.Match[str]) -> str:
    half, zone, fraction = match["half"], match["zone"], match["fraction"]
    made = ("%I" if half else "%H") + ":%M"
    made += ":%S" if match["seconds"] else ""
    made += f"{fraction[0]}%f" if fraction else ""
    if half:
        made += " %p" if half[0] == " " else "%p"
    if zone:
        made += (" " if zone[0] == " " else "") + ("%Z" if "T" in zone.upper() else "%z")
    return made


def _date_patterns(shape: str) -> Iterator[str]:
    if shape == "0" * 8:
        yield "%Y%m%d"
    elif match := _YEAR_FIRST.fullmatch(shape):
        yield "%Y{0}%m{0}%d".format(match[1])
    elif match := _YEAR_LAST.fullmatch(shape):
        year = "%Y" if match[2] == "0000" else "%y"
        yield "%d{0}%m{0}{1}".format(match[1], year)
        yield "%m{0}%d{0}{1}".format(match[1], year)
        if year == "%y":
            yield "%y{0}%m{0}%d".format(match[1])
    elif match := _NAMED.fullmatch(shape):
        day = (match["day"] or "") + "%d" + match["dot"]
        yield f"{day}{match['s']}{match['b']}{match['t']}{'%Y' if match['y'] == '0000' else '%y'}"
    elif match := _NAME_FIRST.fullmatch(shape):
        yield f"{match['b']} %d{match['comma']} %Y"
    elif match := _NAME_MIDDLE.fullmatch(shape):
        yield f"%Y{match[1]}{match[2]}{match[1]}%d"


_ISO: Final = re.compile(r"%Y-%m-%d[T ]%H:%M(:%S([.]%f)?)?(%z)?")


def _iso(found: list[Moments]) -> Moments | None:
    """Several forms of ISO 8601 together: engines read them by themselves."""
    forms = [each for each in found if _ISO.fullmatch(each.format)]
    kinds = {each.type for each in forms}
    if len(forms) < 2 or len(forms) < len(found) or len(kinds) > 1:  # noqa: PLR2004
        return None
    return Moments(kinds.pop(), "", _SURE, {text: each.order[text] for each in forms for text in each.order})


def _decided(found: list[Moments]) -> Moments:
    """One of several that fit alike: day before month or month before day; the narrower range of days is likelier."""
    if len(found) == 1:
        (only,) = found
        return only._replace(confidence=_LIKELY) if only.format.startswith("%Y%m%d") else only

    def days(each: Moments) -> int:
        first, last = min(each.order.values()), max(each.order.values())
        return (last[0] - first[0]) * 372 + (last[1] - first[1]) * 31 + last[2] - first[2]

    if all("." in each.format for each in found):
        return found[0]._replace(confidence=_LIKELY)
    ranked = sorted(found, key=days)
    if days(ranked[0]) == days(ranked[1]):
        ranked = [each for each in found if not each.format.startswith("%d/")] + found
    return ranked[0]._replace(confidence=_TOSSED)
