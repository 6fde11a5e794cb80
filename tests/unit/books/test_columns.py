from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.books.queries import named_queries
from headwater.books.sqlite.columns import Column, name_bytes, name_text
from headwater.books.sqlite.endings import ending_number, ending_range
from headwater.terms import Offer
from tests.contract.books.samples import an_offer

names = st.binary(max_size=20).map(lambda data: data.decode(errors="surrogateescape"))


@given(names)
def test_any_name_is_kept(name):
    """A name of any bytes survives as a column of bytes and within a struct."""
    assert name_text(name_bytes(name)) == name
    column = Column(Offer)
    offer = an_offer(name=name, path=name)
    assert column.decode(column.encode(offer)) == offer


def test_what_is_no_json_is_not_guessed_at():
    """A column that does not hold what it should raises."""
    for data in (b"", b"{", b"[]", b'{"feed": 1}'):
        with pytest.raises(ValueError):  # noqa: PT011 - any kind of it
            Column(Offer).decode(data)


ids = st.text("0123456789abcdef", min_size=32, max_size=32)


@given(ids, ids, st.integers(1, 32))
def test_an_ending_is_a_range(id, other, length):
    """An id's number lies in the range of each of its endings; another's does just if its last digits agree."""
    first, last = ending_range(id[-length:]) or (0, -1)
    assert first <= ending_number(id) <= last
    seen = min(length, 15)
    assert (first <= ending_number(other) <= last) == (other[-seen:] == id[-seen:])
    assert last < 2**63


def test_no_id_ends_with_what_is_not_hex():
    """Nor with nothing at all, nor with capitals."""
    assert [ending_range(text) for text in ("", "g", "ABC", "a b", "é")] == [None] * 5


def test_queries_are_found_by_their_names(tmp_path):
    """Each statement up to the next name, comments within it kept, what stands above the first left out."""
    file = tmp_path / "q.sql"
    file.write_text("-- About.\n\n-- name: one\nSELECT 1\n-- why\n\n-- name: two\nSELECT\n  2\n", encoding="utf-8")
    assert named_queries(file) == {"one": "SELECT 1\n-- why", "two": "SELECT\n  2"}
