from __future__ import annotations

import msgspec

from headwater.gate.credentials import dated, token_credential
from headwater.gate.views import view
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


def test_who_never_came_has_no_times():
    """Without uses and expiries there is nothing to show."""
    seen = view(sender(), NOW)
    assert (seen.last_used_at, seen.next_expiry_at) == (None, None)
