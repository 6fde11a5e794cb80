from __future__ import annotations

import itertools
from typing import Any

import pytest

from headwater.errors import Damaged
from headwater.followers.catalog import Standing, amended, begins, landed, read_entry, state_of, subject_of
from headwater.ledger.entries import (
    KINDS,
    Admin,
    Amended,
    Entry,
    Erased,
    ErasureOrdered,
    Heartbeat,
    Renamed,
    Void,
    encode,
)
from headwater.terms import Completeness, Place, Position, State
from tests.contract.books.samples import LOG, a_receipt, an_id

PLACE = Place(LOG, 0, Position(1))
ABOUT: dict[str, Any] = {"v": 1, "id": an_id(1)}
MARKING: dict[State, Entry] = {
    State.SUPERSEDED: Amended(**ABOUT, completeness=Completeness.SUSPECT, reason="prefix_of"),
    State.WITHDRAWN: Amended(**ABOUT, completeness=Completeness.SUSPECT, reason="withdrawn"),
    State.VOID: Void(**ABOUT, by="op", reason="wrong"),
    State.ERASED: Erased(**ABOUT, versions=1),
}
"""Each entry that takes a delivery out, the weaker before the stronger."""


def after(*entries: Entry) -> Standing:
    """How a delivery stands after these, at the positions from 2 on."""
    standing = landed(a_receipt(1))
    for position, entry in enumerate(entries, start=2):
        standing = amended(standing, entry, Position(position))
    return standing


@pytest.mark.parametrize("states", list(itertools.permutations(MARKING, 2)), ids=str)
def test_the_stronger_mark_stands_in_any_order(states):
    """Erased before void before withdrawn before superseded, whichever entry came first."""
    strength = list(MARKING)
    standing = after(*(MARKING[state] for state in states))
    assert state_of(standing.mark, first=True) == max(states, key=strength.index)


def test_without_a_mark_the_first_of_a_set_counts():
    """Effective if no earlier one is left, else a repeat; a mark is stronger than either."""
    assert state_of(None, first=True) == State.EFFECTIVE
    assert state_of(None, first=False) == State.REPEAT
    assert state_of(State.VOID, first=False) == State.VOID


def test_the_latest_word_on_completeness_and_name_holds():
    """Each amendment and each rename replaces the one before; all are named by position."""
    standing = after(
        MARKING[State.SUPERSEDED],
        Renamed(**ABOUT, name="b", by="acme"),
        Amended(**ABOUT, completeness=Completeness.PROVEN, reason="check_file"),
        Renamed(**ABOUT, name_b64="/w==", by="acme"),
    )
    assert standing == Standing("\udcff", Completeness.PROVEN, State.SUPERSEDED, tuple(map(Position, range(2, 6))))


def test_what_readers_need_not_know_changes_nothing():
    """An order to erase, or an administrative act, is about a delivery but does not amend it."""
    ordered = ErasureOrdered(**ABOUT, by="eraser", basis="law")
    assert after(ordered, Admin(v=1, by="op", act="assign", subject=an_id(1))) == landed(a_receipt(1))


def test_each_entry_has_its_subject():
    """The id it names; of an administrative act its subject, if that is an id; of the log's own entries none."""
    assert subject_of(a_receipt(1)) == an_id(1)
    assert subject_of(MARKING[State.VOID]) == an_id(1)
    assert subject_of(Admin(v=1, by="op", act="promote", subject=an_id(2))) == an_id(2)
    assert subject_of(Admin(v=1, by="op", act="senders add", subject="acme")) is None
    assert subject_of(Heartbeat(v=1)) is None
    assert begins(a_receipt(1))
    assert not begins(MARKING[State.VOID])


def test_what_a_newer_version_enters_is_passed_over():
    """A kind that is not known is None, and only that: anything else that cannot be read is damage."""
    receipt = a_receipt(1)
    assert read_entry(PLACE, encode(receipt)) == receipt
    assert read_entry(PLACE, b'{"kind":"praised","v":2}') is None
    for broken in (b"", b"{}", b"null", b'{"kind":7}', *(b'{"kind":"%s"}' % kind.encode() for kind in KINDS)):
        with pytest.raises(Damaged, match=LOG):
            read_entry(PLACE, broken)
