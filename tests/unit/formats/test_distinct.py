"""How many different values are counted."""

from __future__ import annotations

from zlib import crc32

from hypothesis import example, given, settings
from hypothesis import strategies as st

from headwater.formats.values.distinct import Distinct

ROOM = 8
VALUES = (
    st.lists(st.floats(), min_size=20)
    | st.lists(st.integers(), min_size=20)
    | st.lists(st.text(), min_size=20)
    | st.lists(st.floats(1e-6, 1e-3), min_size=20)
    | st.lists(st.floats(1.1e-5, 1.1e-4), min_size=20)
    | st.lists(st.floats(1e15, 1e17), min_size=20)
    | st.lists(st.sampled_from(["a", 1, 2.5, 3, "\ud800"]) | st.integers(0, 99), min_size=20)
)


@given(VALUES, st.integers(1, 20))
@example([0.0, *map(float, range(1, 20)), -0.0], 1)
@example([float("nan"), float("nan"), 1.0], 1)
@settings(max_examples=200, deadline=None)
def test_an_estimate_is_of_the_texts_of_values(values, step):
    """Beyond its room the count is estimated from the check sums of the values as texts, in whatever runs they came."""
    counts = Distinct(ROOM)
    for begin in range(0, len(values), step):
        counts.add(counts.fresh(values[begin : begin + step]))
    texts = {str(value + 0.0 if isinstance(value, float) else value) for value in values}
    if counts.is_exact:
        assert counts.count == len(texts) <= ROOM
        return
    sums = {crc32(text.encode("utf-8", "surrogatepass")) for text in texts}
    zeros = next(zeros for zeros in range(33) if sum(not each & ((1 << zeros) - 1) for each in sums) <= ROOM)
    assert counts.count == sum(not each & ((1 << zeros) - 1) for each in sums) << zeros
