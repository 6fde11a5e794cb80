from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.gate.temporary import FOLDERS, PATTERNS, expected_name, is_temporary


@pytest.mark.parametrize(
    "name",
    [
        "x.csv.filepart",
        "x.csv.PART",
        "x.part",
        "x.csv.8f14e45f.partial",
        "x.tmp",
        "x.Temp",
        "x.writing",
        "x.uploading",
        "x.incomplete",
        "x.crdownload",
        ".x.csv",
        "_x.csv",
        ".in.x.csv.",
        ".~x.csv",
        "tmp/x.csv",
        "a/TEMP/b/x.csv",
        "_tmp/x.csv",
        ".staging/x.csv",
        "\udcff.tmp",
        "x\n.tmp",
    ],
)
def test_names_that_clients_write_to_and_rename_are_temporary(name):
    """By their ending, their beginning or their folder, in any case of letters."""
    assert is_temporary(name)


@pytest.mark.parametrize(
    "name",
    [
        "x.csv",
        "part",
        "x.part.csv",
        "template",
        "tmp",
        "temp.csv",
        "tmp.d/x.csv",
        "partial/x.csv",
        "_SUCCESS",
        "x_.csv",
        "x.tmpl",
        "",
        ".hidden.md5",
        "a_b/x.csv",
    ],
)
def test_other_names_are_final(name):
    """What only looks like one, and marks and checksums, which go with other files."""
    assert not is_temporary(name)


@pytest.mark.parametrize(
    ("name", "is_one"), [("x.upl", True), ("in/x.csv", True), ("a/x.upl", True), ("x.UPL", False), ("out/x.csv", False)]
)
def test_a_feed_has_patterns_of_its_own(name, is_one):
    """On the last component or the whole name, beside the usual ones."""
    assert is_temporary(name, ["*.upl", "in/*"]) == is_one
    assert is_temporary("x.tmp", ["*.upl"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x.csv.filepart", "x.csv"),
        ("a/x.csv.part", "x.csv"),
        ("x.csv.8f14e45f.partial", "x.csv"),
        ("x.part.tmp", "x.part"),
        (".x.csv", "x.csv"),
        ("_x.csv", "x.csv"),
        (".in.x.csv", "x.csv"),
        (".~x.csv", "x.csv"),
        ("x.csv", "x.csv"),
        ("tmp/x.csv", "x.csv"),
        (".part", ""),
        (".", "."),
    ],
)
def test_what_a_name_will_become_is_guessed(name, expected):
    """Without the ending and the beginning that made it temporary; never nothing."""
    assert expected_name(name) == (expected or name)


@given(st.text(max_size=30))
def test_any_name_has_an_answer(name):
    """Nothing is raised, and a guess is never empty for a name that is not."""
    is_temporary(name, ["*"])
    assert bool(expected_name(name)) == bool(name)


def test_the_patterns_are_of_small_letters():
    """They are held against names in small letters."""
    assert [each for each in (*PATTERNS, *FOLDERS) if each != each.lower()] == []
