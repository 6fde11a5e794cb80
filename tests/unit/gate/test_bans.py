from __future__ import annotations

from headwater.gate.bans import Ban, BanRules, Bans
from headwater.testing.manual_clock import ManualClock

RULES = BanRules(threshold=3, half_life_seconds=100, seconds=60, doublings_max=2, addresses_max=4)
FOE = "198.51.100.7"


def fail(bans, times=3, address=FOE):
    """An address fails so often."""
    for _ in range(times):
        bans.wrong(address)


def test_a_ban_begins_at_the_threshold_and_ends_by_itself():
    """So many wrong credentials in a row ban an address, one fewer does not, and the ban ends with its time."""
    clock = ManualClock()
    bans = Bans(clock, RULES)
    fail(bans, 2)
    assert bans.seconds_left(FOE) == 0
    fail(bans, 1)
    assert bans.seconds_left(FOE) == 60
    assert bans.listed() == [Ban(FOE, 60)]
    clock.advance(60)
    assert bans.seconds_left(FOE) == 0
    assert bans.listed() == []


def test_points_decay():
    """Wrong credentials that come slowly enough never ban."""
    clock = ManualClock()
    bans = Bans(clock, RULES)
    for _ in range(50):
        fail(bans, 1)
        clock.advance(100)
    assert bans.seconds_left(FOE) == 0


def test_each_further_ban_is_twice_as_long_up_to_a_limit():
    """Bans of one day double up to the longest; after a day of peace they begin anew."""
    clock = ManualClock()
    bans = Bans(clock, RULES)
    lengths = []
    for _ in range(4):
        fail(bans)
        lengths.append(bans.seconds_left(FOE))
        clock.advance(lengths[-1])
    assert lengths == [60, 120, 240, 240]
    clock.advance(25 * 3600)
    fail(bans)
    assert bans.seconds_left(FOE) == 60


def test_failing_while_banned_changes_nothing():
    """What fails during a ban neither lengthens it nor counts for the next."""
    clock = ManualClock()
    bans = Bans(clock, RULES)
    fail(bans, 100)
    assert bans.seconds_left(FOE) == 60
    clock.advance(60)
    fail(bans, 2)
    assert bans.seconds_left(FOE) == 0


def test_a_ban_is_of_one_address_or_one_ipv6_network():
    """Neighbours of a banned IPv4 address are not banned; a banned IPv6 address stands for its /64."""
    bans = Bans(ManualClock(), RULES)
    fail(bans)
    assert bans.seconds_left("198.51.100.8") == 0
    fail(bans, 3, "2001:db8::1")
    assert bans.seconds_left("2001:db8::ffff") == 60
    assert bans.seconds_left("2001:db8:0:1::1") == 0


def test_the_table_is_bounded():
    """However many addresses fail, the table keeps only the newest."""
    bans = Bans(ManualClock(), RULES)
    fail(bans)
    for last in range(100):
        bans.wrong(f"192.0.2.{last}")
    assert len(bans._records) == RULES.addresses_max
    assert bans.seconds_left(FOE) == 0
