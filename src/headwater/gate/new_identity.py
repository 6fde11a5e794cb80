"""Who is to be added, checked before anything is entered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from headwater.errors import Refused
from headwater.gate.addresses import networks
from headwater.gate.credentials import PASSWORD, SSH_KEY
from headwater.layout import check_pattern, check_word, matches, parse_feed
from headwater.ports.books import Identity
from headwater.terms import Role

FACTORS: Final = (SSH_KEY, PASSWORD)
"""What an identity can be made to show together; an SSH certificate counts as a key."""

_LOOPBACK: Final = ("127.0.0.0/8", "::1/128")


class NewIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Who is to be added, and which credentials it brings (public keys, certificates' SHA-256) or is to be given.

    `factors` and `legacy` are as in `Identity`.
    """

    name: str
    role: Role = Role.SENDER
    allow: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    root: str | None = None
    may_create_feeds: bool = False
    factors: tuple[str, ...] = ()
    legacy: bool = False
    ssh_keys: tuple[str, ...] = ()
    ssh_ca: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    token: bool = False
    password: bool = False
    lifetime_seconds: float | None = None


def first_sender(ssh_key: str) -> NewIdentity:
    """The sender of a fresh home: everywhere, but from loopback only."""
    return NewIdentity(
        name="first", allow=("*",), addresses=_LOOPBACK, may_create_feeds=True, ssh_keys=(ssh_key,), token=True
    )


def checked(new: NewIdentity) -> Identity:
    """The identity, without credentials yet. Raises Refused("bad_feed", "bad_request") for what cannot be.

    A sender who may use exactly one feed gets it as root; whoever is no sender or reader may look at every feed, unless
    told otherwise.
    """
    check_word(new.name, "sender" if new.role is Role.SENDER else "user")
    allow = new.allow
    if not allow and new.role in {Role.SENDER, Role.READER}:
        raise Refused("bad_request", f"A {new.role} needs the feeds it may use: 'source/*' or 'source/feed'.")
    for pattern in allow:
        check_pattern(pattern)
    networks(new.addresses)
    if new.lifetime_seconds is not None and new.lifetime_seconds <= 0:
        raise Refused("bad_request", "What expires must live for a while first.")
    only = f"/{allow[0]}" if len(allow) == 1 and "*" not in allow[0] and new.role is Role.SENDER else None
    return Identity(
        name=new.name,
        role=new.role,
        allow=allow or ("*",),
        addresses=new.addresses,
        root=checked_root(new.root or only, allow),
        may_create_feeds=new.may_create_feeds,
        factors=checked_factors(new.factors),
        legacy=new.legacy,
    )


def checked_factors(factors: Sequence[str]) -> tuple[str, ...]:
    """What must be shown together, in one order. Raises Refused("bad_request") for what no door can ask for."""
    if factors and set(factors) != set(FACTORS):
        raise Refused("bad_request", f"What can be demanded together is {' and '.join(FACTORS)}, and that alone.")
    return FACTORS if factors else ()


def checked_root(root: str | None, allow: Sequence[str]) -> str | None:
    """`/source/feed`, which `allow` must cover; None for None. Raises Refused("bad_feed", "bad_request")."""
    if root is None:
        return None
    feed = parse_feed(root.removeprefix("/"))
    if not any(matches(pattern, feed) for pattern in allow):
        raise Refused("bad_request", f"/{feed} cannot be the root: it is none of the feeds that the sender may use.")
    return f"/{feed}"
