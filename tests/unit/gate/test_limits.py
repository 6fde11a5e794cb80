from __future__ import annotations

from contextlib import ExitStack

import pytest

from headwater.errors import Refused
from headwater.gate.identify import Caller
from headwater.gate.limits import Bounds, LimitRules, Limits
from headwater.gate.refusals import TryLater
from headwater.terms import Time
from headwater.testing.manual_clock import ManualClock
from tests.unit.gate.world import ELSEWHERE, HOME, sender

ACME = Caller(sender(), "token:1", HOME, secure=True)
BETA = Caller(sender("beta"), "token:2", HOME, secure=True)
WIDE = Bounds(uploads=1000)
DAY = 86_400


def limits(each=WIDE, overall=WIDE, clock=None, **more):
    """Limits with these rules."""
    return Limits(clock or ManualClock(Time(0)), LimitRules(each=each, overall=overall, **more))


def too_many(call):
    """After how many seconds a call refused for now may be tried again."""
    with pytest.raises(TryLater) as caught:
        call()
    assert caught.value.reason == "too_many"
    return caught.value.retry_after_seconds


def enter(gate, caller=ACME, size_bytes=None):
    """An upload that comes and goes."""
    with gate.enter(caller, size_bytes) as passage:
        return passage


def test_one_sender_has_so_many_uploads_at_once():
    """The next upload of a sender is refused while all its places are taken; another sender's is not."""
    gate = limits(Bounds(uploads=2))
    with gate.enter(ACME), gate.enter(ACME):
        assert too_many(lambda: enter(gate)) == 1
        enter(gate, BETA)
    enter(gate)


def test_all_together_have_so_many_uploads_at_once():
    """The limit over all holds whoever comes, and a refused upload takes no place of its sender's."""
    gate = limits(Bounds(uploads=2), Bounds(uploads=1))
    with gate.enter(BETA):
        for _ in range(3):
            too_many(lambda: enter(gate))
    with ExitStack() as stack:
        stack.enter_context(gate.enter(ACME))
        too_many(lambda: enter(gate, BETA))


def test_an_upload_that_fails_gives_its_place_back():
    """However an upload ends, its place is free afterwards."""
    gate = limits(Bounds(uploads=1))
    with pytest.raises(ZeroDivisionError), gate.enter(ACME):
        raise ZeroDivisionError
    enter(gate)


def test_requests_come_at_their_rate():
    """Two seconds' worth of requests may come at once, then as many as the rate gives, with the right time to wait."""
    clock = ManualClock()
    gate = limits(Bounds(uploads=1, requests_per_second=0.5), clock=clock)
    gate.request(ACME)
    assert too_many(lambda: gate.request(ACME)) == 2
    gate.request(BETA)
    clock.advance(1.9)
    assert too_many(lambda: gate.request(ACME)) == 1
    clock.advance(0.2)
    gate.request(ACME)


def test_requests_of_all_together_come_at_their_rate():
    """The overall rate holds over all senders; without rates nothing is refused."""
    gate = limits(overall=Bounds(uploads=1, requests_per_second=1))
    gate.request(ACME)
    gate.request(BETA)
    too_many(lambda: gate.request(ACME))
    free = limits()
    for _ in range(10_000):
        free.request(ACME)


def test_bytes_come_at_their_rate():
    """Beyond one second's worth a door is told to wait as long as the bytes take at the rate of the slower bound."""
    clock = ManualClock()
    gate = limits(Bounds(uploads=9, bytes_per_second=100), Bounds(uploads=9, bytes_per_second=1000), clock=clock)
    with gate.enter(ACME) as one, gate.enter(ACME) as two:
        assert one.received(100, 0) == 0
        assert one.received(50, 0) == pytest.approx(0.5)
        assert two.received(50, 0) == pytest.approx(1.0)
        clock.advance(1)
        assert one.received(0, 0) == 0


def test_files_of_a_day_are_counted():
    """When the files of a UTC day are used up, the next may come at midnight."""
    clock = ManualClock(Time(0))
    gate = limits(Bounds(uploads=9, files_per_day=2), clock=clock)
    clock.advance(DAY - 10)
    enter(gate)
    enter(gate)
    assert too_many(lambda: enter(gate)) == 10
    clock.advance(10)
    enter(gate)


def test_bytes_of_a_day_are_counted():
    """A file that would not fit in the day's bytes is refused when it says so, or as soon as they are used up."""
    clock = ManualClock(Time(0))
    gate = limits(Bounds(uploads=9, bytes_per_day=100), clock=clock)
    assert too_many(lambda: enter(gate, size_bytes=101)) == DAY
    with gate.enter(ACME, 60) as passage:
        passage.received(60, 0)
    too_many(lambda: enter(gate, size_bytes=41))
    with gate.enter(ACME) as passage:
        passage.received(40, 0)
        too_many(lambda: passage.received(1, 0))
    clock.advance(DAY)
    enter(gate, size_bytes=100)


def test_a_file_has_a_largest_size():
    """A declared size over the limit is refused at once, an undeclared one at the byte too many."""
    gate = limits(size_bytes_max=10)
    with pytest.raises(Refused) as caught:
        gate.enter(ACME, 11)
    assert caught.value.reason == "too_large"
    with gate.enter(ACME, 10) as passage:
        passage.received(10, 0)
        with pytest.raises(Refused) as caught:
            passage.received(1, 0)
    assert caught.value.reason == "too_large"


def test_who_sends_nothing_is_too_slow():
    """The patience of a door is what `slow_after_seconds` says at first, and less by what it has waited."""
    gate = limits(slow_after_seconds=60, slow_bytes_per_second=100)
    with gate.enter(ACME) as passage:
        assert passage.patience_seconds == 60
        passage.received(0, 59)
        assert passage.patience_seconds == 1
        with pytest.raises(Refused) as caught:
            passage.received(0, 1)
    assert caught.value.reason == passage.too_slow().reason == "too_slow"


def test_who_sends_at_the_slowest_rate_is_never_too_slow():
    """Bytes at the floor keep up the patience for ever, and bytes above it do not store more."""
    gate = limits(slow_after_seconds=60, slow_bytes_per_second=100)
    with gate.enter(ACME) as passage:
        for _ in range(1000):
            passage.received(100, 1)
        assert passage.patience_seconds == 60
        passage.received(10**9, 1)
        assert passage.patience_seconds == 60


def test_who_drips_is_cut_off_in_time():
    """A byte every ten seconds holds an upload no longer than a little over the patience."""
    gate = limits(slow_after_seconds=60, slow_bytes_per_second=100)
    with gate.enter(ACME) as passage:
        for _ in range(6):
            passage.received(1, 10)
        with pytest.raises(Refused, match="100 bytes a second"):
            passage.received(1, 10)


def test_connections_are_counted_by_address_and_in_all():
    """An address has so many connections, all together have so many, and closing gives the place back."""
    gate = limits(connections_per_address=2, connections=3)
    with ExitStack() as stack:
        stack.enter_context(gate.connect(HOME))
        with gate.connect(HOME):
            too_many(lambda: stack.enter_context(gate.connect(HOME)))
        stack.enter_context(gate.connect(HOME))
        stack.enter_context(gate.connect(ELSEWHERE))
        too_many(lambda: stack.enter_context(gate.connect("192.0.2.1")))
    assert not gate._connections
    with gate.connect("192.0.2.1"):
        pass
