from __future__ import annotations

import csv as reference
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.formats.delimited.csv_rows import RowReader
from headwater.formats.finding import COLUMNS_MAX, Csv

FIELDS = st.lists(st.lists(st.text(st.sampled_from("ab1 ,;\"'\n")), min_size=2, max_size=4), min_size=1, max_size=6)


def rows_of(text, dialect=None, *, size=None, columns=None, **limits):
    """The rows of a text, given in pieces of this size, and the reader that read them."""
    reader = RowReader(dialect or Csv(","), columns=columns, **limits)
    rows = []
    for start in range(0, len(text), size or len(text) or 1):
        rows += reader.feed(text[start : start + (size or len(text))])
    return rows + reader.end(), reader


@given(FIELDS, st.integers(1, 9), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_what_a_writer_wrote_is_read(table, size, line_end, is_all_quoted):
    """Rows that Python's own module wrote come back field by field, whatever the pieces."""
    written = io.StringIO(newline="")
    reference.writer(
        written,
        lineterminator=line_end,
        quoting=reference.QUOTE_ALL if is_all_quoted else reference.QUOTE_MINIMAL,
    ).writerows(table)
    rows, reader = rows_of(written.getvalue(), size=size)
    kept = [row for row in table if len(row) > 1 or row[0].strip()]
    assert rows == kept
    assert not reader.is_open


@given(st.text(st.sampled_from('a,"')), st.integers(1, 5))
def test_pieces_change_nothing(line, size):
    """Any text, sound or not, gives the same rows in pieces as at once."""
    assert rows_of(line + "\nx,y\n", size=size)[0] == rows_of(line + "\nx,y\n")[0]


@given(st.text(st.sampled_from('a,"\\'), max_size=15))
def test_the_short_way_is_the_long_way(line):
    """A line that is read with few steps has the fields that the full reading finds."""
    reader = RowReader(Csv(","))
    quick = reader._quick(line)
    fields, is_open = reader._split(line)
    assert quick is None or (quick == fields and not is_open)


DIALECTS = [
    (Csv("||"), "a||b||c\n1||||3\n", [["a", "b", "c"], ["1", "", "3"]]),
    (Csv("~|~"), "a~|~b\n1~|~2\n", [["a", "b"], ["1", "2"]]),
    (Csv(",", "'"), "'a,b',c\n'it''s',d\n", [["a,b", "c"], ["it's", "d"]]),
    (Csv(",", '"', "\\"), '"a \\"b\\", c",d\n"e\\\\",f\n', [['a "b", c', "d"], ["e\\", "f"]]),
    (Csv(",", ""), 'a","b\nc",d\n', [['a"', '"b'], ['c"', "d"]]),
    (Csv(",", pads=True), 'a, "b, c" , d\n1 , 2,3\n', [["a", "b, c", "d"], ["1", "2", "3"]]),
    (Csv(",", comment="#"), "#x,y\na,b\n#z\n", [["a", "b"]]),
    (Csv(",", skip_lines=2), "title\n\na,b\n", [["a", "b"]]),
    (Csv(",", line_end="\r"), "a,b\rc,d\r", [["a", "b"], ["c", "d"]]),
    (Csv("\t"), "a\t\t\n\t\t\n  \n", [["a", "", ""], ["", "", ""]]),
    (Csv(","), 'a,"b"c,d\n', [["a", "bc", "d"]]),
]


@pytest.mark.parametrize(("dialect", "text", "rows"), DIALECTS)
def test_each_dialect_is_read(dialect, text, rows):
    """Delimiters of many characters, other quotes, escapes, blanks, comments, preambles and old line ends."""
    assert rows_of(text, dialect)[0] == rows


def test_a_quote_that_nobody_closes_ends_with_its_line():
    """When the lines behind an open quote are rows by themselves, the quote was a character, and one row is no four."""
    text = 'id,name,n\n1,a,2\n2,"b,3\n3,c,4\n4,d,5\n5,e,6\n'
    rows, reader = rows_of(text, columns=3)
    assert [len(row) for row in rows] == [3] * 6
    assert (rows[2][1], reader.strays, reader.is_open) == ('"b', 1, False)


def test_an_end_inside_a_quoted_text_is_told():
    """A text that ends inside quotes gives its last row, and says so."""
    rows, reader = rows_of('a,b\n1,"x, y', columns=2)
    assert reader.is_open
    assert rows[-1] == ["1", "x, y"]


def test_rows_beyond_all_measure_are_left_out():
    """A row of more characters than the limit is counted and skipped, and the next one is read."""
    rows, reader = rows_of("a,b\n" + "x" * 500 + "\n1,2\n", size=50, row_chars_max=100)
    assert rows == [["a", "b"], ["1", "2"]]
    assert reader.too_long == 1


def test_columns_beyond_all_measure_are_left_out():
    """Of a row of more fields than the limit the first are kept."""
    rows, reader = rows_of("," * (COLUMNS_MAX + 5) + "\n")
    assert len(rows[0]) == COLUMNS_MAX
    assert reader.too_wide == 1
