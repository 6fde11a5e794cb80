from __future__ import annotations

import msgspec

from headwater.gate.bans import Ban
from headwater.gate.credentials import dated, token_credential
from headwater.gate.views import detail, view
from headwater.ports.books import Count
from headwater.terms import Time, time_text
from headwater.testing.manual_clock import START
from tests.unit.gate.world import sender

LIVE = dated(token_credential("1" * 64), START, 100)
NEXT = msgspec.structs.replace(
    dated(token_credential("2" * 64), START, 50), first_used_at=Time(START + 1), last_used_at=Time(START + 2)
)
EXPIRED = dated(token_credential("3" * 64), START, 1)
REVOKED = msgspec.structs.replace(token_credential("4" * 64), revoked_at=START)
NOW = Time(START + 10_000_000)


def test_everything_is_shown_but_the_secrets():
    """Each credential with its state and uses, last use and next expiry of all, and no stored secret."""
    seen = view(sender("acme", ("*",), LIVE, NEXT, EXPIRED, REVOKED), NOW)
    assert [one.state for one in seen.credentials] == ["live", "live", "expired", "revoked"]
    assert seen.state == "live"
    assert seen.last_used_at == time_text(Time(START + 2))
    assert seen.next_expiry_at == time_text(Time(START + 50_000_000))
    assert seen.credentials[1].first_used_at == time_text(Time(START + 1))
    assert not any(digit * 17 in msgspec.json.encode(seen).decode() for digit in "1234")


def test_the_credentials_of_a_dead_identity_are_dead():
    """What is over for the identity is over for each of its credentials."""
    assert view(sender("acme", ("*",), LIVE, revoked_at=START), NOW).credentials[0].state == "revoked"
    assert view(sender("acme", ("*",), LIVE, expires_at=NOW), NOW).credentials[0].state == "expired"


def test_what_was_turned_away_is_summed():
    """By reason, door and address, over all minutes, the newest first, with when it was last."""
    minute = Time(START)
    rows = [
        Count(minute, "sftp", "wrong_key", "acme", "192.0.2.1", 3),
        Count(Time(minute + 60_000_000), "sftp", "wrong_key", "acme", "192.0.2.1", 2),
        Count(minute, "http", "wrong", "acme", "192.0.2.1", 1),
    ]
    seen = detail(sender(), NOW, rows, [])
    assert [(one.reason, one.door, one.address, one.count) for one in seen.refused] == [
        ("wrong_key", "sftp", "192.0.2.1", 5),
        ("wrong", "http", "192.0.2.1", 1),
    ]
    assert seen.refused[0].last_at == time_text(Time(START + 60_000_000))
    assert seen.name == "acme"


def test_bans_are_shown_where_they_concern_the_sender():
    """An address from which it was turned away, or from which it may come; nobody else's."""
    rows = [Count(START, "sftp", "wrong_key", "acme", "2001:db8::7", 3)]
    bans = [Ban("2001:db8::/64", 9.2), Ban("198.51.100.7", 5.0), Ban("203.0.113.9", 5.0)]
    seen = detail(sender(addresses=("198.51.100.0/24",)), NOW, rows, bans)
    assert [(one.address, one.seconds_left) for one in seen.bans] == [("2001:db8::/64", 10), ("198.51.100.7", 5)]


def test_who_never_came_has_no_times():
    """Without uses and expiries there is nothing to show."""
    seen = view(sender(), NOW)
    assert (seen.last_used_at, seen.next_expiry_at) == (None, None)
