"""Who a request comes from, by the headers of trusted proxies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.web.forwarded import UNKNOWN, client_of


def trusts(address: str) -> bool:
    """The proxies of these tests."""
    return address.startswith("10.")


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({}, (None, None)),
        ({b"x-forwarded-proto": b"https"}, (None, "https")),
        ({b"x-forwarded-for": b"192.0.2.1"}, ("192.0.2.1", None)),
        ({b"x-forwarded-for": b"1.1.1.1, 192.0.2.1, 10.0.0.2", b"x-forwarded-proto": b"https"}, ("192.0.2.1", "https")),
        ({b"x-forwarded-for": b"10.0.0.3, 10.0.0.2"}, ("10.0.0.3", None)),
        ({b"x-forwarded-for": b"192.0.2.1:4711"}, ("192.0.2.1", None)),
        ({b"x-forwarded-for": b"[2001:db8::1]:80"}, ("2001:db8::1", None)),
        ({b"x-forwarded-for": b"2001:db8::1"}, ("2001:db8::1", None)),
        ({b"x-forwarded-for": b"localhost"}, (UNKNOWN, None)),
        ({b"x-forwarded-for": b""}, (UNKNOWN, None)),
        ({b"forwarded": b"for=192.0.2.1;proto=https;by=10.0.0.1"}, ("192.0.2.1", "https")),
        ({b"forwarded": b'for="[2001:db8::1]:4711"; Proto=HTTP'}, ("2001:db8::1", "http")),
        ({b"forwarded": b"for=1.1.1.1, for=192.0.2.1;proto=https, for=10.0.0.2;proto=http"}, ("192.0.2.1", "https")),
        ({b"forwarded": b"for=_hidden;proto=https"}, (UNKNOWN, "https")),
        ({b"forwarded": b"proto=https"}, (UNKNOWN, "https")),
        ({b"forwarded": b"for=127.0.0.1 for=x"}, (UNKNOWN, None)),
        ({b"forwarded": b"for=192.0.2.1", b"x-forwarded-for": b"127.0.0.1"}, ("192.0.2.1", None)),
    ],
)
def test_the_nearest_hop_that_is_not_trusted_counts(headers, found):
    """What a client wrote itself stands further left than what its proxy added, and what cannot be read is nobody."""
    assert client_of(headers, trusts) == found


@given(st.binary(max_size=80))
def test_no_header_upsets_it(value):
    """Whatever stands there, an address comes of it or `unknown`, never a fault."""
    for name in (b"forwarded", b"x-forwarded-for"):
        address, _ = client_of({name: value}, trusts)
        assert address
