from __future__ import annotations

from headwater.formats.counted import counted


def test_a_count_has_its_word():
    """One thing is one thing, and all else are many, none too."""
    assert [counted(n, "row") for n in (0, 1, 2000)] == ["0 rows", "1 row", "2,000 rows"]
    assert [counted(n, "line is", "lines are") for n in (1, 2)] == ["1 line is", "2 lines are"]
