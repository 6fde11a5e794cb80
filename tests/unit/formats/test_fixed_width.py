from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.formats.budget import Budget
from headwater.formats.delimited import csv, fixed_width, text
from headwater.formats.finding import Type
from headwater.formats.format import Ends
from headwater.terms import Completeness
from headwater.testing.memory_ranges import MemoryRanges

PEOPLE = "".join(
    f"{number:04d}{name:<10}{day} {amount:>7.2f}\n"
    for number, (name, day, amount) in enumerate(
        [("SMITH", 20240101, 5.5), ("VAN DYKE", 20240102, 120.25), ("LEE K", 20240103, 17), ("OH", 20240104, 2000.5)]
        * 5
    )
)
RULED = """\
id   name            total
---- --------------- -------
   1 Ann Lee           10.50
   2 Bob               11.00
   3 Cid van Orr      101.25
"""


def budget():
    """A budget that is not spent."""
    return Budget(1 << 40, 1e9, lambda: 0.0)


def described(data):
    """What is said of this text."""
    return fixed_width.describe(MemoryRanges(data.encode()), budget())


def guesses(data):
    """How much a text is taken for fixed width, and for delimited."""
    ends = Ends(data.encode(), data.encode(), len(data.encode()))
    found = [module.recognise(ends) for module in (fixed_width, csv)]
    return [guess.confidence if guess else 0.0 for guess in found]


def test_fields_stand_where_they_stand():
    """Fields are found between blanks and where digits end, and typed; blanks inside names part nothing."""
    found = described(PEOPLE)
    assert [column.type for column in found.tables[0].columns] == [Type.TEXT, Type.TEXT, Type.DATE, Type.DECIMAL]
    assert (found.tables[0].rows, found.dialect.header_rows) == (20, 0)
    fixed, delimited = guesses(PEOPLE)
    assert fixed > 0.6 > delimited


def test_a_rule_gives_the_fields():
    """Dashes under the header say where the fields are; header and rule are no rows."""
    found = described(RULED)
    assert [column.name for column in found.tables[0].columns] == ["id", "name", "total"]
    assert (found.dialect.header_rows, found.tables[0].rows) == (2, 3)


@pytest.mark.parametrize(
    "data",
    [
        "a,b\n1,2\n3,4\n5,6\n",
        "x y\n1 2\n3 4\n5 6\n",
        "Some prose that goes on.\nAnd a second line of it.\nAnd more.\n",
        "ab\ncd\n",
    ],
)
def test_what_is_not_of_fixed_width(data):
    """Delimited text, one blank between fields, and prose are not of fixed width."""
    assert guesses(data)[0] < 0.4


def test_every_cut_line_is_seen():
    """A last line that is shorter than all others, without a line end, is a sign."""
    for cut in range(200, len(PEOPLE)):
        is_cut = PEOPLE[cut - 1] != "\n" and PEOPLE[cut] != "\n"
        verdict = described(PEOPLE[:cut]).wholeness.verdict
        assert verdict is (Completeness.SUSPECT if is_cut else Completeness.PRESUMED), cut


def test_batches_have_the_rows_as_described():
    """Rows come as text without the blanks around them."""
    ranges = MemoryRanges(RULED.encode(), piece_bytes=9)
    found = fixed_width.describe(ranges, budget())
    (batch,) = fixed_width.batches(ranges, found, "", budget())
    assert batch.to_pylist()[2] == {"id": "3", "name": "Cid van Orr", "total": "101.25"}


@given(st.binary(max_size=300) | st.text(st.sampled_from("ab1 \n-."), max_size=300).map(str.encode))
def test_no_bytes_make_it_fail(data):
    """Any bytes are recognised and described without an error, as fixed width and as text."""
    for module in (fixed_width, text):
        module.recognise(Ends(data, data, len(data)))
        assert module.describe(MemoryRanges(data), budget()).wholeness.verdict is not Completeness.PROVEN


def test_text_is_told_from_bytes():
    """What reads as text is text with little confidence; other bytes are none."""
    prose = "Prose, no table.\n".encode("utf-16")
    guess = text.recognise(Ends(prose, prose, len(prose)))
    assert guess is not None
    assert guess.confidence < 0.5
    packed = bytes(range(256)) * 9
    assert text.recognise(Ends(packed, packed, len(packed))) is None
    found = text.describe(MemoryRanges(prose), budget())
    assert (found.encoding.name, found.tables, found.is_all) == ("utf-16-le", (), True)
