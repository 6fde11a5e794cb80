from __future__ import annotations

import pytest

from headwater.errors import Refused
from headwater.gate.addresses import block, is_loopback, networks, parse, within


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("somewhere", "somewhere"),
    ],
)
def test_a_block_is_what_one_party_holds(address, expected):
    """An IPv4 address stands for itself, also mapped into IPv6; an IPv6 address for its /64; other text for itself."""
    assert block(address) == expected


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_loopback_in_every_spelling(address):
    """Each spelling of this machine's own address counts as loopback."""
    assert is_loopback(address)


@pytest.mark.parametrize("address", ["128.0.0.1", "::2", "localhost", "", "127.0.0.1:80"])
def test_nothing_else_is_loopback(address):
    """Other addresses, and text that is no address, do not count as loopback."""
    assert not is_loopback(address)


def test_ranges_hold_what_lies_in_them():
    """An address is within ranges of its own family only, and what is no address is within none."""
    ranges = networks(["198.51.100.0/24", "2001:db8::/32", "192.0.2.1"])
    assert within("198.51.100.200", ranges)
    assert within("::ffff:198.51.100.200", ranges)
    assert within("2001:db8:ffff::1", ranges)
    assert within("192.0.2.1", ranges)
    assert not within("198.51.101.1", ranges)
    assert not within("", ranges)
    assert parse("198.51.100") is None


def test_what_is_no_range_is_refused():
    """A range that cannot be read is refused with an example of one."""
    with pytest.raises(Refused, match=r"198\.51\.100\.0/24") as caught:
        networks(["everywhere"])
    assert caught.value.reason == "bad_request"
