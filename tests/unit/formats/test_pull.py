from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.formats.budget import Budget
from headwater.formats.layers.pull import Pull, Window, is_cheap
from headwater.ports.ranges import Broken
from headwater.testing.memory_ranges import MemoryRanges

DATA = bytes(range(256)) * 4


@given(
    steps=st.lists(st.tuples(st.sampled_from(["exactly", "peek", "skip", "some", "back"]), st.integers(0, 300))),
    piece=st.integers(1, 100),
)
def test_pull_is_a_cursor(steps, piece):
    """Whatever is taken, peeked, skipped or put back, the next bytes are those at `position`."""
    pull = Pull(MemoryRanges(DATA, piece_bytes=piece))
    at, taken = 0, b""
    for what, size in steps:
        if what == "exactly":
            taken = pull.exactly(size)
            assert taken == DATA[at : at + size]
            at += len(taken)
        elif what == "peek":
            assert pull.peek(size) == DATA[at : at + size]
        elif what == "skip":
            at += pull.skip(size)
            taken = b""
        elif what == "some":
            taken = pull.some(size + 1)
            assert DATA[at:].startswith(taken)
            at += len(taken)
        else:
            pull.give_back(taken)
            at -= len(taken)
            taken = b""
        assert pull.position == at


def test_pull_asks_anew_for_what_is_far():
    """A long skip is a new request, not a read of all between."""
    ranges = MemoryRanges(bytes(9 << 20) + b"end")
    pull = Pull(ranges)
    pull.exactly(10)
    assert pull.skip((9 << 20) - 10) == (9 << 20) - 10
    assert pull.exactly(5) == b"end"
    assert ranges.reads == 2


def test_pull_ends_with_the_budget():
    """With a budget there is an end where it is spent, and the budget says so."""
    budget = Budget(100, 60, lambda: 0.0)
    pull = Pull(MemoryRanges(DATA, piece_bytes=50), budget=budget)
    assert len(pull.exactly(1000)) == 100
    assert budget.is_spent


@given(
    offset=st.integers(0, 200),
    size=st.integers(0, 500),
    start=st.integers(0, 600),
    count=st.integers(0, 600),
    kept=st.booleans(),
)
def test_window(offset, size, start, count, kept):
    """A window has exactly its bytes, read and streamed, kept in memory or not."""
    inside = DATA[offset : offset + size]
    window = Window(MemoryRanges(DATA, piece_bytes=64), offset, size, kept=inside if kept else None)
    assert window.read(start, count) == inside[start : start + count]
    assert b"".join(window.stream(start)) == inside[start:]
    assert (window.size_bytes, window.path, is_cheap(window)) == (size, None, True)


def test_window_beyond_the_end():
    """A window that states more than there is gives what there is, and then Broken at that offset."""
    window = Window(MemoryRanges(DATA), len(DATA) - 10, 100)
    got: list[bytes] = []
    with pytest.raises(Broken) as broken:
        got.extend(window.stream())
    assert b"".join(got) == DATA[-10:]
    assert (broken.value.offset, broken.value.is_cut) == (10, True)
    with pytest.raises(Broken):
        window.read(5, 20)
    outer = MemoryRanges(DATA, breaks_at=300)
    with pytest.raises(Broken) as broken:
        list(Window(outer, 200, 400).stream())
    assert broken.value.offset == 100
