"""Network addresses as a connection shows them, and the ranges that identities are held to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from headwater.errors import Refused

Network = IPv4Network | IPv6Network

_HOST_BITS = 64


@lru_cache(maxsize=4096)
def parse(address: str) -> IPv4Address | IPv6Address | None:
    """The address, IPv4 out of its IPv6 mapping (RFC 4291 §2.5.5.2); None if the text is none."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, IPv6Address) else parsed


@lru_cache(maxsize=4096)
def block(address: str) -> str:
    """What one party can be taken to hold: an IPv4 address, an IPv6 /64, or the text itself where it is neither."""
    parsed = parse(address)
    if isinstance(parsed, IPv6Address):
        return f"{IPv6Address(int(parsed) >> _HOST_BITS << _HOST_BITS)}/{_HOST_BITS}"
    return str(parsed or address)


def is_loopback(address: str) -> bool:
    """Whether the connection comes from this machine itself."""
    parsed = parse(address)
    return parsed is not None and parsed.is_loopback


def networks(ranges: Iterable[str]) -> tuple[Network, ...]:
    """The ranges of `198.51.100.0/24` or `2001:db8::1`; Refused("bad_request") for what is none."""
    try:
        return tuple(ip_network(text, strict=False) for text in ranges)
    except ValueError as error:
        raise Refused("bad_request", f"{error}. An address range is written 198.51.100.0/24.") from error


def within(address: str, ranges: Sequence[Network]) -> bool:
    """Whether the address lies in one of the ranges."""
    parsed = parse(address)
    return parsed is not None and any(parsed in network for network in ranges)
