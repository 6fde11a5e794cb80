from __future__ import annotations

import json

from headwater.config_values import Secret
from headwater.gate.transcript import Transcript, harmless
from headwater.terms import Door
from headwater.testing.manual_clock import ManualClock

TOKEN = "hw_" + "A1_-" * 10 + "abc"


def test_events_are_kept_in_order_with_their_times():
    """Each event has the time it was noted at, its name and its detail."""
    clock = ManualClock()
    transcript = Transcript(clock)
    transcript.add("open", name="a.csv", door=Door.HTTP)
    clock.advance(1.5)
    transcript.add("end", size_bytes=12, clean=True)
    first, last = transcript.rows()
    assert (first["event"], first["name"], first["door"]) == ("open", "a.csv", "http")
    assert (last["event"], last["size_bytes"], last["clean"]) == ("end", 12, True)
    assert first["at"] < last["at"]


def test_of_many_events_the_first_and_the_last_are_kept():
    """Beginning and end stay, what lies between is counted."""
    transcript = Transcript(ManualClock(), events_max=10)
    for n in range(100):
        transcript.add("write", n=n)
    rows = transcript.rows()
    assert [row["n"] for row in rows if row["event"] == "write"] == [0, 1, 2, 3, 4, 95, 96, 97, 98, 99]
    assert rows[5] == {"event": "dropped", "count": 90}


def test_it_goes_on_after_an_earlier_one_in_the_same_room():
    """What an earlier connection noted comes first, what it had to drop is counted on, and all of it is bounded."""
    clock = ManualClock()
    first = Transcript(clock, events_max=10)
    for n in range(20):
        first.add("write", n=n)
    second = Transcript(clock, first.rows(), events_max=10)
    second.add("close")
    rows = second.rows()
    assert [row.get("n") for row in rows] == [0, 1, 2, 3, 4, None, 16, 17, 18, 19, None]
    assert (rows[5]["count"], rows[-1]["event"]) == (11, "close")


def test_large_events_are_bounded_too():
    """However large the events, all of it stays within its bytes."""
    transcript = Transcript(ManualClock(), bytes_max=4096)
    for n in range(300):
        transcript.add("write", n=n, text="x" * (n % 97) * 10)
    rows = transcript.rows()
    assert len(json.dumps(rows[:-1])) < 4096 * 1.2
    assert rows[0]["n"] == 0
    assert rows[-1]["n"] == 299


def test_an_event_larger_than_all_its_room_is_counted_only():
    """An event that fits nowhere is dropped and counted, and later ones are kept."""
    transcript = Transcript(ManualClock(), bytes_max=400)
    transcript.add("monster", text="x" * 500)
    transcript.add("end")
    assert [row["event"] for row in transcript.rows()] == ["dropped", "end"]


def test_no_secret_gets_in():
    """Secrets, bytes and objects leave only their type; what looks like a token is cut out of text."""
    transcript = Transcript(ManualClock())
    transcript.add("login", password=Secret("swordfish"), body=b"swordfish", where=["swordfish"], said=f"a {TOKEN} b")
    text = json.dumps(transcript.rows())
    assert "swordfish" not in text
    assert TOKEN[3:] not in text
    assert transcript.rows()[0]["password"] == "<Secret>"


def test_a_token_at_the_cut_does_not_get_in():
    """A token that lies across the place where long text is cut leaves no more than its beginning."""
    for before in range(440, 512):
        assert TOKEN[:20] not in str(harmless("x" * before + TOKEN))


def test_text_cannot_steer_a_terminal():
    """Control characters are escaped and text is cut."""
    assert harmless("a\x1b[2Jb") == "a\\x1b[2Jb"
    assert len(str(harmless("\x1b" * 1000))) == 512


def test_a_subclass_of_text_is_not_text():
    """A secret that is a kind of str does not pass as plain text."""

    class Hidden(str):
        __slots__ = ()

    assert harmless(Hidden("swordfish")) == "<Hidden>"
