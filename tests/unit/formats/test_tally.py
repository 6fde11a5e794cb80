"""What is counted of columns while their values stream by."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from headwater.formats.finding import Column, Type
from headwater.formats.values.distinct import Distinct
from headwater.formats.values.tally import Tally, runs_of


def column(*runs: Sequence[object], rows: int | None = None) -> Column:
    """The column of these runs."""
    tally = Tally("x")
    for run in runs:
        tally.add(run)
    return tally.column(sum(map(len, runs)) if rows is None else rows)


def test_types():
    """The type is that of all values together; a decimal among integers makes decimals, a text makes a mixture."""
    assert [
        column(run).type for run in ([1, 2], [1, 2.5], [1, 1e300], [True], ["a"], [[1]], [{"a": 1}], [1, "a"], [])
    ] == [
        *(
            Type.INTEGER,
            Type.DECIMAL,
            Type.FLOAT,
            Type.BOOLEAN,
            Type.TEXT,
            Type.LIST,
            Type.STRUCT,
            Type.JSON,
            Type.NULL,
        ),
    ]
    assert column([2**63]).type is Type.DECIMAL
    assert column(["1", "2"]).type is Type.INTEGER


def test_nulls_are_what_is_null_and_what_is_missing():
    """Rows without a value count as null; an empty text does not, unless texts are read as another type."""
    assert column([1, None, 2], rows=5).nulls == 3
    assert (column(["", "a"]).nulls, column(["", "a"]).null_texts) == (0, ())
    assert (column(["", "1"]).nulls, column(["", "1"]).null_texts) == (1, ("",))


def test_ends_and_lengths_are_of_all_runs():
    """Least, most and lengths are of every run; samples are the first different values."""
    found = column([5, 7], [1], [9, 5])
    assert (found.min, found.max, found.samples, found.distinct, found.is_unique) == (
        "1",
        "9",
        ("5", "7", "1", "9"),
        4,
        False,
    )
    found = column(["bb", "a"], ["ccc"])
    assert (found.min, found.max, found.length_min, found.length_max, found.is_unique) == ("a", "ccc", 1, 3, True)


def test_the_order_of_texts_is_that_of_their_type():
    """Numbers and days that are written as texts have their own order."""
    assert (column(["9", "10"]).min, column(["9", "10"]).max) == ("9", "10")
    assert (column(["02.01.2026", "01.02.2026"]).min, column(["31.01.2026", "01.02.2026"]).max) == (
        "02.01.2026",
        "01.02.2026",
    )


def test_long_texts_are_told_apart():
    """Texts that begin alike, and differ only after what is kept, are different."""
    found = column([f"{'x' * 5000}{number % 3}" for number in range(9)])
    assert (found.distinct, found.length_max) == (3, 5001)


@given(st.integers(0, 60_000), st.integers(1, 4))
def test_distinct_is_near(count, times):
    """Up to its room the count is exact; beyond it the estimate is near, and the same each time."""
    found = Distinct(2_000)
    for _ in range(times):
        for begin in range(0, count, 5_000):
            found.add(range(begin, min(count, begin + 5_000)))
    if count <= 2_000:
        assert (found.count, found.is_exact) == (count, True)
    else:
        assert not found.is_exact
        assert abs(found.count - count) < 0.15 * count


@given(st.lists(st.dictionaries(st.sampled_from("abcdefghij"), st.integers(), max_size=3), max_size=30))
def test_runs_hold_every_value(rows):
    """Whether rows are alike or sparse, the runs hold each value once, in the order of the rows."""
    runs = runs_of(rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    assert list(runs) == names
    for name in names:
        assert [value for value in runs[name] if value is not None] == [row[name] for row in rows if name in row]
