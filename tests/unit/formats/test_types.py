from __future__ import annotations

import random
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.formats.finding import SAMPLE_CHARS_MAX, Type
from headwater.formats.values.types import typed, uncounted

WRITTEN = [
    (["1", "2", "-3"], Type.INTEGER, ""),
    (["0", "1", "1"], Type.INTEGER, ""),
    (["1700000000", "1700000060"], Type.INTEGER, ""),
    (["9223372036854775807"], Type.INTEGER, ""),
    (["9223372036854775808"], Type.DECIMAL, ""),
    (["9" * 39], Type.TEXT, ""),
    (["1.5", "2"], Type.DECIMAL, ""),
    (["1e5", "2.5E-3"], Type.FLOAT, ""),
    (["inf", "-2.5"], Type.FLOAT, ""),
    (["007", "123"], Type.TEXT, ""),
    (["+491701234567", "+491701234568"], Type.TEXT, ""),
    (["192.168.001.100", "192.168.002.101"], Type.TEXT, ""),
    (["$1,234.50", "$2.00"], Type.TEXT, ""),
    (["true", "FALSE"], Type.BOOLEAN, ""),
    (["ja", "nein"], Type.BOOLEAN, ""),
    (["y", "y"], Type.TEXT, ""),
    (["2024-01-31"], Type.DATE, "%Y-%m-%d"),
    (["20240131", "20231201"], Type.DATE, "%Y%m%d"),
    (["20240131", "99999999"], Type.INTEGER, ""),
    (["31.01.2024", "1.2.2024"], Type.DATE, "%d.%m.%Y"),
    (["05-Jan-2024", "06-Feb-2024"], Type.DATE, "%d-%b-%Y"),
    (["January 5, 2024", "March 6, 2024"], Type.DATE, "%B %d, %Y"),
    (["10:30", "23:59"], Type.TIME, "%H:%M"),
    (["1:30 PM", "11:45 AM"], Type.TIME, "%I:%M %p"),
    (["2024-01-01 10:00:00"], Type.TIMESTAMP, "%Y-%m-%d %H:%M:%S"),
    (["2024-01-01T10:00:00.123"], Type.TIMESTAMP, "%Y-%m-%dT%H:%M:%S.%f"),
    (["2024-01-01 10:00:00", "2024-01-01 10:00:00.5"], Type.TIMESTAMP, ""),
    (["2024-01-01T10:00:00Z", "2024-01-01T10:00:00+02:00"], Type.TIMESTAMPTZ, "%Y-%m-%dT%H:%M:%S%z"),
    (["2024-02-30", "2024-02-28"], Type.TEXT, ""),
    (["NULL", ""], Type.NULL, ""),
    ([], Type.NULL, ""),
]


@pytest.mark.parametrize(("values", "kind", "pattern"), WRITTEN, ids=[str(each[0])[:40] for each in WRITTEN])
def test_a_column_is_read_as_what_it_is(values, kind, pattern):
    """Each of these columns has the type that a person gives it, and dates the pattern that reads them."""
    column = typed("x", values)
    assert (column.type, column.format) == (kind, pattern)
    if pattern and "%z" not in pattern and "%n" not in pattern:
        assert all(datetime.strptime(value, pattern) for value in values)  # noqa: DTZ007  (no zone is written)


MARKS = [
    (["1,234", "12,345"], ".", ","),
    (["1,5", "2,25"], ",", ""),
    (["0,123", "4,567"], ",", ""),
    (["1.234,56", "2.000,10", "7,5"], ",", "."),
    (["12 345,67", "1 000,00"], ",", " "),
    (["1.234.567", "1.000"], ",", "."),
    (["1'234.50", "99.95"], ".", "'"),
    (["1.5", "2.25"], ".", ""),
]


@pytest.mark.parametrize(("values", "decimal", "thousands"), MARKS)
def test_the_whole_column_decides_on_marks(values, decimal, thousands):
    """Decimal and thousands marks are those that read every number of the column."""
    column = typed("x", values)
    assert (column.decimal_mark, column.thousands_mark, column.misfits) == (decimal, thousands, 0)


def test_one_day_decides_for_all():
    """A day beyond 12 tells day before month from month before day; without one the answer is said to be unsure."""
    assert typed("x", ["01/02/2024", "13/02/2024"]).format == "%d/%m/%Y"
    assert typed("x", ["01/02/2024", "02/13/2024"]).format == "%m/%d/%Y"
    unsure = typed("x", ["01/02/2024", "03/04/2024"])
    assert unsure.type is Type.DATE
    assert unsure.confidence < 1


def test_nulls_are_counted_as_written():
    """Words for null beside numbers are nulls and named; in a column of texts they are texts."""
    column = typed("x", ["1", "n/a", "", None, "3", "NULL"])
    assert (column.type, column.nulls, set(column.null_texts)) == (Type.INTEGER, 4, {"n/a", "", "NULL"})
    assert typed("x", ["a", "na", "-"]).nulls == 0


def test_few_misfits_are_counted_and_many_make_texts():
    """One in a hundred that does not fit is a misfit; one in four makes it a column of texts."""
    column = typed("x", [*map(str, range(99)), "oops"])
    assert (column.type, column.misfits) == (Type.INTEGER, 1)
    assert column.confidence < 1
    assert typed("x", ["1", "2", "3", "oops"] * 9).type is Type.TEXT


def test_least_and_greatest_go_by_value():
    """Min and max follow the order of the type, not of the letters."""
    assert (typed("x", ["9", "10", "-2"]).min, typed("x", ["9", "10", "-2"]).max) == ("-2", "10")
    days = typed("x", ["31.01.2024", "01.02.2024"])
    assert (days.min, days.max) == ("31.01.2024", "01.02.2024")
    zones = typed("x", ["2024-01-01T10:00:00Z", "2024-01-01T10:00:00+02:00"])
    assert zones.min == "2024-01-01T10:00:00+02:00"


def test_what_is_counted_is_exact():
    """Distinct values, lengths and uniqueness are those of the values given; a sample of them keeps none."""
    column = typed("x", ["aa", "b", "aa", "cccc"])
    assert (column.distinct, column.length_min, column.length_max, column.is_unique) == (3, 1, 4, False)
    assert typed("x", ["a", "b"]).is_unique
    bare = uncounted(column)
    assert (bare.distinct, bare.nulls, bare.min, bare.samples) == (None, None, None, ("aa", "b", "cccc"))


@given(st.lists(st.one_of(st.none(), st.text(), st.from_regex(r"[0-9.,:/ eE+\-TZ]{1,20}", fullmatch=True))))
def test_no_text_is_too_strange(values):
    """Whatever the texts are, a column comes out: never an error, nothing long in it, as many nulls as there are."""
    column = typed("x", values)
    assert values.count(None) <= (column.nulls or 0) <= len(values)
    assert all(len(text) <= SAMPLE_CHARS_MAX for text in (*column.samples, column.min or "", column.max or ""))


@given(
    st.lists(
        st.decimals(allow_nan=False, allow_infinity=False, places=2, max_value=10**9, min_value=-(10**9)), min_size=2
    )
)
def test_numbers_with_marks_keep_their_order(numbers):
    """Numbers written the German way are read as numbers, with the least and greatest of them."""
    texts = [f"{number:,.2f}".translate(str.maketrans(",.", ".,")) for number in numbers]
    column = typed("x", texts)
    assert column.type is Type.DECIMAL
    assert column.min == texts[numbers.index(min(numbers))]


def test_the_same_values_make_the_same_column():
    """The order in which texts for null come up does not hang on chance."""
    values = ["1", *(["NA", "n/a", "none", "NULL", "-"] * 3)]
    random.Random(1).shuffle(values)
    assert typed("x", values) == typed("x", list(values))
    assert typed("x", values).null_texts == tuple(
        dict.fromkeys([*(v for v in values if v == "NULL"), *(v for v in values if v not in {"NULL", "1"})])
    )


def test_a_thousand_millions_are_no_address():
    """Three dots and a decimal comma are a number; three dots alone may be an address."""
    assert typed("x", ["1.000.000.000,00", "1.000.000.000,00"]).type is Type.DECIMAL
    assert typed("x", ["10.100.100.100", "10.100.100.101"]).type is Type.TEXT


def test_what_engines_do_not_strip_is_no_null():
    """A form feed is no blank."""
    assert typed("x", ["1", "\x0c"]).type is Type.TEXT
    assert typed("x", ["1", " "]).type is Type.INTEGER
