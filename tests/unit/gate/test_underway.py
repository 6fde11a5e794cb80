from __future__ import annotations

import pytest

from headwater.gate.underway import Underway, UploadsUnderway
from headwater.ports.books import Attempt
from headwater.terms import Door, FeedName, Id, Offer, Outcome, SenderRef, Time
from headwater.testing.manual_clock import START, ManualClock

FEED = FeedName("acme-crm", "daily")
LATER = Time(START + 60_000_000)


def an_id(number: int) -> Id:
    """An id; later ones are greater."""
    return Id(f"{number:032x}")


def parked(path: str = "/a/b/c", number: int = 1, sender: str = "acme", until: Time = LATER) -> Underway:
    """A parked upload of 7 bytes."""
    underway = Underway(sender, path, an_id(number), 7, START)
    underway.park(until)
    return underway


def attempt(number: int, place: str | None, *, door: Door = Door.SFTP, until: Time = LATER) -> Attempt:
    """A row that an earlier process left."""
    offer = Offer(feed=FEED, door=door, sender=SenderRef("acme", "k"), name="c", place=place)
    return Attempt(
        id=an_id(number), outcome=Outcome.PARKED, offer=offer, opened_at=START, lease_until=until, size_bytes=7
    )


@pytest.fixture
def clock():
    """A clock that stands."""
    return ManualClock()


@pytest.fixture
def uploads(clock):
    """Nothing is on its way."""
    return UploadsUnderway(clock)


def test_an_upload_is_found_by_its_sender_and_path(uploads):
    """By nobody else, and under no other path."""
    uploads.put(one := parked())
    assert uploads.find("acme", "/a/b/c") is one
    assert uploads.find("shop", "/a/b/c") is None
    assert uploads.find("acme", "/a/b") is None


def test_a_parked_one_expires(uploads, clock):
    """It is not found any more, nor listed; one that is written does not expire."""
    uploads.put(parked())
    uploads.put(open_one := parked("/a/b/d", 2))
    open_one.upload = object()  # type: ignore[assignment]
    clock.advance(60.0)
    assert uploads.find("acme", "/a/b/c") is None
    assert uploads.within("acme", "/") == [open_one]


def test_the_last_one_begun_has_the_path(uploads):
    """And the end of an earlier one does not take it away."""
    uploads.put(first := parked())
    uploads.put(second := parked(number=2))
    uploads.remove(first)
    assert uploads.find("acme", "/a/b/c") is second
    uploads.remove(second)
    uploads.remove(second)
    assert uploads.find("acme", "/a/b/c") is None


def test_a_moved_one_is_found_under_its_new_path_alone(uploads):
    """As a rename leaves it."""
    uploads.put(one := parked())
    uploads.move(one, "/a/x")
    assert uploads.find("acme", "/a/b/c") is None
    assert uploads.find("acme", "/a/x") is one


def test_what_lies_in_a_folder_is_listed_at_any_depth(uploads):
    """Below it, and nothing whose name only begins alike."""
    for number, path in enumerate(("/a/b/c", "/a/b/d/e", "/a/bb/c", "/a/b")):
        uploads.put(parked(path, number))
    assert [each.path for each in uploads.within("acme", "/a/b")] == ["/a/b/c", "/a/b/d/e"]
    assert len(uploads.within("acme", "/")) == 4
    assert uploads.within("shop", "/") == []


def test_what_an_earlier_process_left_is_taken_up(uploads):
    """By doors with folders alone; of several under one path the last one begun, in whatever order they come."""
    rows = [
        attempt(2, "/a/x"),
        attempt(3, "/a/x"),
        attempt(1, "/a/x"),
        attempt(4, None),
        attempt(5, "/h", door=Door.HTTP),
    ]
    uploads.load([*rows, attempt(6, "/a/old", until=START)])
    assert [(each.path, each.id, each.taken_bytes) for each in uploads.within("acme", "/")] == [("/a/x", an_id(3), 7)]
