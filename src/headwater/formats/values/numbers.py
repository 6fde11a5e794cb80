"""Numbers as people write them: which mark is the decimal one, which one groups thousands, decided over a column.

A *shape* is a text whose digits are all written 0; the marks are decided on shapes, of which a column has few.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

from headwater.formats.finding import Type

LIKELY_MIN: Final = 0.9
"""Of the values of a column so many must look like numbers (or moments) for it to be worth a closer look."""

DIGITS_MAX: Final = 38
"""Engines hold no decimal of more digits."""

_INT64: Final = (-(2**63), 2**63 - 1)
_TO_ZERO: Final = str.maketrans("123456789", "000000000")
_NUMBER_CHARS_MAX: Final = 64
_PHONE_CHARS_MIN: Final = 8
_SURE, _TOSSED = 1.0, 0.7
_LOOKED_AT: Final = 20

_GROUPS: Final = {
    ".": r"\.",
    ",": ",",
    " ": " ",
    "\u00a0": "\u00a0",  # no-break space
    "\u202f": "\u202f",  # narrow no-break space
    "'": "'",
    "\u2019": "\u2019",  # right single quotation mark
    "_": "_",
}


class Marks(NamedTuple):
    """A way to write numbers."""

    decimal: str
    thousands: str


PLAIN: Final = Marks(".", "")

_WAYS: Final = (
    PLAIN,
    Marks(".", ","),
    Marks(",", ""),
    Marks(",", "."),
    *(Marks(decimal, group) for group in " \u00a0\u202f'\u2019_" for decimal in ".,"),
)
"""In the order in which they are preferred where several fit alike."""

_LIKE: Final = re.compile(r"[+-]?[0.,' \u00a0\u202f\u2019_]*0[0.,' \u00a0\u202f\u2019_]*(?:[eE][+-]?0{1,3})?")
_INFINITE: Final = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)


class Numbers(NamedTuple):
    """How the numbers of a column are written. `order` gives the value of each text that is one."""

    type: Type
    marks: Marks
    confidence: float
    order: dict[str, Decimal | float]

    def ends(self) -> tuple[str, str]:
        """The texts of the least and the greatest value."""
        return min(self.order, key=self.order.__getitem__), max(self.order, key=self.order.__getitem__)


def shapes_of(texts: Iterable[str]) -> list[str]:
    """The shape of each text."""
    texts = list(texts)
    joined = "\x00".join(texts).translate(_TO_ZERO).split("\x00")
    return joined if len(joined) == len(texts) else [text.translate(_TO_ZERO) for text in texts]


def shaped_as(holds: Callable[[str], bool], shapes: Mapping[str, str]) -> Mapping[str, str]:
    """The texts (with their shapes) whose shape is such a one. A column has few shapes: each is looked at once."""
    distinct = set(shapes.values())
    such = {shape for shape in distinct if holds(shape)}
    return {text: shape for text, shape in shapes.items() if shape in such} if such != distinct else shapes


def read_numbers(counts: Mapping[str, int], shapes: Mapping[str, str]) -> Numbers | None:
    """How most of these texts (with how often each occurs) are numbers; None where none is, or where digits are
    rather names: with leading zeros, telephone numbers, addresses of machines.
    """
    likely = shaped_as(lambda shape: len(shape) <= _NUMBER_CHARS_MAX and bool(_LIKE.fullmatch(shape)), shapes)
    if not likely:
        return None
    infinite = [text for text in counts if text not in likely and _INFINITE.fullmatch(text)]
    if sum(counts[text] for text in (*likely, *infinite)) < sum(counts.values()) * LIKELY_MIN:
        return None
    ways = _best_ways(likely, counts)
    if not ways:
        return None
    marks = ways[0]
    fitting = shaped_as(lambda shape: marks in _ways(shape), likely)
    if _are_names(fitting, marks):
        return None
    kind = _kind(fitting, marks, is_infinite=bool(infinite))
    if kind is None:
        return None
    order: dict[str, Decimal | float] = {text: _value(text, marks) for text in fitting}
    if kind is Type.INTEGER and not (_INT64[0] <= min(order.values()) and max(order.values()) <= _INT64[1]):
        kind = Type.DECIMAL
    if kind is Type.FLOAT:
        order |= {text: float(text) for text in infinite}
    return Numbers(kind, marks, _TOSSED if _is_tossed(fitting, ways) else _SURE, order)


def _best_ways(likely: Mapping[str, str], counts: Mapping[str, int]) -> list[Marks]:
    """The ways that read the most of these texts, the preferred one first."""
    shaped: defaultdict[str, int] = defaultdict(int)
    for text, shape in likely.items():
        shaped[shape] += counts[text]
    weights = dict.fromkeys(_WAYS, 0)
    for shape, count in shaped.items():
        for way in _ways(shape):
            weights[way] += count
    present = set("".join(shaped))
    for way in _WAYS:
        zeros = (f"0{way.thousands}", f"-0{way.thousands}")
        if way.thousands in present and any(text.startswith(zeros) for text in likely):
            weights[way] = 0
    best = max(weights.values())
    return [way for way in _WAYS if weights[way] == best] if best else []


def _is_tossed(fitting: Mapping[str, str], ways: list[Marks]) -> bool:
    """Whether another way fits as well and reads other values."""
    marked = list(shaped_as(lambda shape: shape.strip("0+-") != "", fitting).items())[:_LOOKED_AT]
    return any(
        way in _ways(shape) and _value(text, way) != _value(text, ways[0]) for text, shape in marked for way in ways[1:]
    )


@lru_cache(maxsize=8192)
def _ways(shape: str) -> tuple[Marks, ...]:
    """The ways in which a shape is a number."""
    return tuple(way for way in _WAYS if _pattern(way).fullmatch(shape))


@lru_cache(maxsize=64)
def _pattern(way: Marks) -> re.Pattern[str]:
    decimal = re.escape(way.decimal)
    whole = "0+"
    if way.thousands:
        whole = f"(?:0{{1,3}}(?:{_GROUPS[way.thousands]}000)+|0+)"
    sign = "[+-]?" if way.thousands.strip() or not way.thousands else "-?"
    return re.compile(rf"{sign}(?:{whole}(?:{decimal}0*)?|{decimal}0+)(?:[eE][+-]?0{{1,3}})?")


def _are_names(fitting: Mapping[str, str], marks: Marks) -> bool:
    """Whether digits name things here, so that reading them as numbers would lose something."""
    whole = shaped_as(lambda shape: shape.lstrip("+-").strip("0") == "", fitting)
    if any("0" in text[:2] and text.lstrip("+-") != "0" and text.lstrip("+-")[0] == "0" for text in whole):
        return True
    if all(text[0] == "+" and len(text) >= _PHONE_CHARS_MIN for text in fitting):
        return True
    dots = 3  # in an address of a machine
    return marks.thousands == "." and all(text.count(".") == dots and marks.decimal not in text for text in fitting)


def _kind(fitting: Mapping[str, str], marks: Marks, *, is_infinite: bool) -> Type | None:
    shapes = set(fitting.values())
    if is_infinite or any("e" in shape or "E" in shape for shape in shapes):
        return Type.FLOAT
    digits = max(shape.count("0") for shape in shapes)
    if any(marks.decimal in shape for shape in shapes):
        return Type.DECIMAL if digits <= DIGITS_MAX else Type.FLOAT
    return Type.INTEGER if digits <= DIGITS_MAX else None


def _value(text: str, marks: Marks) -> Decimal:
    plain = text.replace(marks.thousands, "") if marks.thousands else text
    return Decimal(plain.replace(marks.decimal, ".") if marks.decimal != "." else plain)
