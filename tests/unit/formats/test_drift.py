"""What a finding says of what changed in its feed."""

from __future__ import annotations

import msgspec
import pytest

from headwater.formats.drift import with_drift
from headwater.formats.finding import Column, Csv, Encoding, Finding, Layer, Table, Type, Wholeness
from headwater.terms import Completeness

ID, NAME, AMOUNT = Column("id", Type.INTEGER), Column("name", Type.TEXT), Column("amount", Type.DECIMAL)
WHOLE = Wholeness(Completeness.PRESUMED, ("It ends with a line end.",))


def csv(*columns: Column, name: str = "sales_2026-11-01.csv", size_bytes: int = 1000, **dialect) -> Finding:
    """A finding of a CSV file."""
    return Finding(
        format="csv",
        confidence=0.9,
        name=name,
        size_bytes=size_bytes,
        encoding=Encoding("utf-8", 1.0),
        dialect=Csv(**({"delimiter": ";"} | dialect)),
        schema=(Table("", columns or (ID, NAME, AMOUNT), 10),),
        rows=10,
        wholeness=WHOLE,
    )


def codes(finding: Finding, *history: Finding) -> list[str]:
    """The codes of what changed."""
    return [problem.code for problem in with_drift(finding, history).problems]


def test_the_same_again_is_no_drift():
    """Nor is the first of a feed."""
    assert codes(csv(), csv()) == []
    assert codes(csv()) == []


@pytest.mark.parametrize(
    ("columns", "code", "sentence"),
    [
        ((ID, NAME, AMOUNT, Column("discount")), "column_added", "Column discount is new: number 4 of 4."),
        ((ID, NAME), "column_gone", "Column amount is gone."),
        ((ID, Column("customer"), AMOUNT), "column_renamed", "Column name seems to be called customer now"),
        ((NAME, ID, AMOUNT), "column_moved", "Columns stand in another order"),
        ((ID, NAME, Column("amount", Type.TEXT)), "type_changed", "Column amount has values of type text; earlier"),
    ],
)
def test_a_change_of_columns_is_one_sentence(columns, code, sentence):
    """Which column, and what became of it."""
    (problem,) = with_drift(csv(*columns), [csv()]).problems
    assert problem.code == code
    assert problem.sentence.startswith(sentence)


@pytest.mark.parametrize(
    ("now", "code"),
    [
        ({"delimiter": ","}, "delimiter_changed"),
        ({"quote": "'"}, "quote_changed"),
        ({"line_end": "\r\n"}, "line_end_changed"),
        ({"skip_lines": 3}, "preamble_changed"),
        ({"header_rows": 0}, "header_gone"),
    ],
)
def test_a_change_of_dialect_is_one_sentence(now, code):
    """And a header that is gone is not told as columns that are gone."""
    columns = (Column("column0", Type.INTEGER), Column("column1"), Column("column2")) if code == "header_gone" else ()
    assert codes(csv(*columns, **now), csv()) == [code]


def test_another_encoding_is_told_and_ascii_is_not_another():
    """Plain ASCII is UTF-8 too."""
    latin = msgspec.structs.replace(csv(), encoding=Encoding("cp1252", 0.8))
    plain = msgspec.structs.replace(csv(), encoding=Encoding("ascii", 1.0))
    assert codes(latin, csv()) == ["encoding_changed"]
    assert codes(plain, csv()) == []


def test_another_format_in_a_feed_is_told_whatever_its_name():
    """Engines that read the folder fail on it."""
    other = msgspec.structs.replace(csv(name="x.parquet"), format="parquet", dialect=None, encoding=None)
    assert codes(other, csv()) == ["format_changed"]
    packed = msgspec.structs.replace(csv(), layers=(Layer("gzip"),))
    assert codes(packed, csv()) == ["compression_changed"]


def test_files_of_other_names_in_one_feed_are_not_compared():
    """Orders and customers of one day."""
    customers = csv(Column("customer_id", Type.INTEGER), name="customers_2026-11-01.csv")
    orders = csv(name="orders_2026-11-02.csv")
    assert codes(customers, orders) == []
    assert codes(csv(ID, name="orders_2026-11-03.csv"), customers, orders) == ["column_gone", "column_gone"]


def test_what_was_cut_is_no_measure():
    """The newest sound one is."""
    cut = msgspec.structs.replace(csv(ID), wholeness=Wholeness(Completeness.SUSPECT))
    assert codes(csv(), cut, csv()) == []


def test_a_file_far_smaller_than_all_before_is_suspect():
    """Said in bytes; with too few before it, nothing is said; and what is proven stays so."""
    history = [csv(size_bytes=size) for size in (90_000, 110_000, 100_000, 95_000, 105_000)]
    small = csv(size_bytes=2_000)
    found = with_drift(small, history)
    assert [problem.code for problem in found.problems] == ["smaller_than_usual"]
    assert found.wholeness.verdict is Completeness.SUSPECT
    assert codes(small, *history[:4]) == []
    proven = msgspec.structs.replace(small, wholeness=Wholeness(Completeness.PROVEN))
    assert with_drift(proven, history).wholeness.verdict is Completeness.PROVEN


def test_sizes_that_always_vary_say_nothing():
    """A feed of a thousand bytes one day and a million the next."""
    history = [csv(size_bytes=size) for size in (1_000, 1_000_000, 5_000, 400_000, 20_000)]
    assert codes(csv(size_bytes=290), *history) == []
