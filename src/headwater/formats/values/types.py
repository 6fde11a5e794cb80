"""What texts can be read as: numbers, dates, booleans, nulls, decided over a whole column and never by one value.

A type is given where at least 95 of 100 values that are no nulls fit it; what does not is counted in `misfits`.
Digits that name things (leading zeros, telephone numbers, addresses) stay text: reading them as numbers loses them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from headwater.formats.finding import SAMPLE_CHARS_MAX, SAMPLES_MAX, Column, Type
from headwater.formats.values.dates import Moments, read_moments
from headwater.formats.values.numbers import Numbers, read_numbers, shapes_of

NULLS_ALWAYS: Final = frozenset(
    ["", "NULL", "null", "Null", "\\N", "(null)", "<null>", "[NULL]", "#N/A", "#NULL!", "<NA>"]
)
"""Texts that mean null in any column."""

NULLS_BESIDE: Final = frozenset(
    [
        *(
            "na",
            "n/a",
            "n.a.",
            "n.a",
            "none",
            "nil",
            "nan",
            "-nan",
            "-",
            "--",
            "---",
            "\u2013",
            "\u2014",
            ".",
            "..",
            "?",
        ),
        *(
            "*",
            "#n/a n/a",
            "#na",
            "#value!",
            "#div/0!",
            "#ref!",
            "missing",
            "unknown",
            "n.v.",
            "k.a.",
            "nd",
            "n.d.",
            "nat",
        ),
        *("null", "\\n", "(none)", "<none>", "not available"),
    ]
)
"""Texts (in small letters) that mean null beside values of another type; in a column of texts they are texts."""

_FITTING_MIN: Final = 0.95
_MISFITS_FROM: Final = 20  # among fewer values one that does not fit makes a column of texts
_COMPACT_YEARS: Final = (1900, 2100)
_PAIRS: Final = (
    *(("true", "false"), ("t", "f"), ("yes", "no"), ("y", "n"), ("on", "off")),
    *(("ja", "nein"), ("j", "n"), ("wahr", "falsch"), ("oui", "non"), ("o", "n"), ("vrai", "faux")),
    *(("si", "no"), ("s\u00ed", "no"), ("s", "n"), ("sim", "n\u00e3o"), ("verdadero", "falso"), ("vero", "falso")),
    *(("ja", "nee"), ("ja", "nej"), ("tak", "nie"), ("ano", "ne"), ("igen", "nem"), ("evet", "hay\u0131r")),
    *(("\u0434\u0430", "\u043d\u0435\u0442"), ("\u662f", "\u5426"), ("\u306f\u3044", "\u3044\u3044\u3048")),
)
_WORDS_CHARS_MAX: Final = 10


def typed(name: str, values: Sequence[str | None]) -> Column:
    """The column of these values: what they can be read as, how nulls and booleans are written, and what was counted.

    None is a null that the format itself tells. Blanks around a value do not count. Every count is of exactly these
    values: whoever hands in a sample removes with `uncounted` what is no truth of the whole.
    """
    written = Counter(values)
    nulls = written.pop(None, 0)
    counts: dict[str, int] = {}
    for text, count in written.items():
        if text is not None:
            bare = text.strip(" ")  # no engine strips more
            counts[bare] = counts.get(bare, 0) + count
    null_texts = [text for text in counts if text in NULLS_ALWAYS]
    column = _read(name, _without(counts, null_texts))
    null_texts += column.null_texts
    valued = _without(counts, null_texts)
    lengths = list(map(len, valued))
    total = sum(valued.values())
    return msgspec.structs.replace(
        column,
        null_texts=tuple(null_texts),
        nulls=nulls + sum(counts[text] for text in null_texts),
        distinct=len(valued),
        length_min=min(lengths, default=None),
        length_max=max(lengths, default=None),
        is_unique=len(valued) == total if total else None,
        samples=tuple(clipped(text) for text in list(valued)[:SAMPLES_MAX]),
    )


def uncounted(column: Column) -> Column:
    """The column without what counts every value: for columns of which only a part was seen."""
    return msgspec.structs.replace(
        column,
        misfits=None,
        nulls=None,
        distinct=None,
        min=None,
        max=None,
        length_min=None,
        length_max=None,
        is_unique=None,
    )


def clipped(text: str) -> str:
    """A text short enough for a finding."""
    return text if len(text) <= SAMPLE_CHARS_MAX else text[: SAMPLE_CHARS_MAX - 1] + "\u2026"


def _without(counts: Mapping[str, int], texts: Iterable[str]) -> Mapping[str, int]:
    left_out = frozenset(texts)
    return {text: count for text, count in counts.items() if text not in left_out} if left_out else counts


def _read(name: str, counts: Mapping[str, int]) -> Column:
    """The type of the values, with texts that mean null beside it."""
    if not counts:
        return Column(name, Type.NULL, misfits=0)
    beside = [text for text in counts if text.lower() in NULLS_BESIDE]
    rest = _without(counts, beside)
    if not rest:
        return Column(name, Type.NULL, null_texts=tuple(beside), misfits=0)
    found = _booleans(name, rest) or _ordered(name, rest)
    if found is not None:
        return msgspec.structs.replace(found, null_texts=tuple(beside))
    return Column(name, Type.TEXT, misfits=0, min=clipped(min(counts)), max=clipped(max(counts)))


def _booleans(name: str, counts: Mapping[str, int]) -> Column | None:
    """A column that says yes and no, in any of the languages known; both are said, or it is true and false in full."""
    words: dict[str, list[str]] = {}
    for text in counts:
        words.setdefault(text.lower(), []).append(text)
        if len(words) > 2 or len(text) > _WORDS_CHARS_MAX:  # noqa: PLR2004 - yes and no
            return None
    for true, false in _PAIRS:
        if words.keys() == {true, false} or ((true, false) == _PAIRS[0] and words.keys() <= {true, false}):
            texts = [text for each in (false, true) for text in words.get(each, [])]
            return Column(
                name,
                Type.BOOLEAN,
                true_texts=tuple(words.get(true, ())),
                false_texts=tuple(words.get(false, ())),
                misfits=0,
                min=texts[0],
                max=texts[-1],
            )
    return None


def _ordered(name: str, counts: Mapping[str, int]) -> Column | None:
    """A column of numbers or of places in time."""
    total = sum(counts.values())
    shapes = dict(zip(counts, shapes_of(counts), strict=True))
    numbers = read_numbers(counts, shapes)
    moments = read_moments(counts, shapes) if numbers is None or _may_be_days(shapes) else None
    if moments is not None and numbers is not None and not _are_days(moments, counts):
        moments = None
    if moments is not None and (misfits := _misfits(counts, moments, total)) is not None:
        return _ranged(Column(name, moments.type, format=moments.format), moments, misfits, total)
    if numbers is not None and (misfits := _misfits(counts, numbers, total)) is not None:
        decimal, thousands = numbers.marks
        column = Column(name, numbers.type, decimal_mark=decimal, thousands_mark=thousands)
        return _ranged(column, numbers, misfits, total)
    return None


def _may_be_days(shapes: Mapping[str, str]) -> bool:
    """Whether all are of 8 or 14 digits: days written without anything between."""
    return set(shapes.values()) <= {"0" * 8, "0" * 14}


def _are_days(moments: Moments, counts: Mapping[str, int]) -> bool:
    first, last = _COMPACT_YEARS
    return moments.order.keys() == counts.keys() and all(first <= day[0] < last for day in moments.order.values())


def _misfits(counts: Mapping[str, int], found: Numbers | Moments, total: int) -> int | None:
    """How many values do not fit; None if these are too many for the type."""
    misfits = total - sum(counts[text] for text in found.order)
    if not misfits:
        return 0
    return misfits if total >= _MISFITS_FROM and misfits <= total * (1 - _FITTING_MIN) else None


def _ranged(column: Column, found: Numbers | Moments, misfits: int, total: int) -> Column:
    least, most = found.ends()
    return msgspec.structs.replace(
        column,
        confidence=round(found.confidence * (1 - misfits / total), 3),
        misfits=misfits,
        min=clipped(least),
        max=clipped(most),
    )
