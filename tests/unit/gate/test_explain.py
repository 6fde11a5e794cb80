from __future__ import annotations

import msgspec
import pytest

from headwater.errors import Refused
from headwater.gate.explain import explain
from headwater.terms import FeedName, Role
from headwater.testing.manual_clock import START
from tests.unit.gate.world import ELSEWHERE, HOME, Known, World, sender, with_token

SALES = FeedName("acme-crm", "sales")
ACME, TOKEN = with_token(sender(addresses=("127.0.0.0/8",)))


def ask(identity=ACME, address=HOME, path="/acme-crm/sales/x.csv", world=None):
    """What is explained of a caller."""
    world = world or World()
    return explain(identity, address, path, feeds=Known(SALES), bans=world.bans, now=world.clock.now())


def test_a_good_sender_is_let_in_and_told_where_it_lands():
    """With everything right, the answer is yes, and names credentials, address and feed."""
    told = ask()
    assert told.let_in
    assert told.routed.feed == SALES
    assert any(ACME.credentials[0].fingerprint in rule for rule in told.rules)
    assert any("acme-crm/sales" in rule for rule in told.rules)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"revoked_at": START}, "revoked"),
        ({"expires_at": START}, "expired"),
        ({"credentials": ()}, "no live credential"),
        ({"addresses": ("192.0.2.0/24",)}, "not within"),
        ({"role": Role.READER}, "does not deliver"),
    ],
)
def test_the_rule_that_says_no_is_named(change, word):
    """Whatever keeps a sender out is said in a sentence."""
    told = ask(msgspec.structs.replace(ACME, **change))
    assert not told.let_in
    assert any(word in rule for rule in told.rules)


def test_without_ranges_any_address_will_do():
    """A sender held to no addresses may come from anywhere."""
    assert ask(msgspec.structs.replace(ACME, addresses=()), ELSEWHERE).let_in


def test_what_must_be_shown_together_is_told():
    """Who must show key and password reads that it comes by SFTP alone."""
    told = ask(msgspec.structs.replace(ACME, factors=("ssh_key", "password")))
    assert any("key and its password" in rule for rule in told.rules)


def test_a_ban_is_told():
    """A banned address is named with its time, and does not keep a right credential out."""
    world = World()
    for _ in range(20):
        world.bans.wrong(HOME)
    told = ask(world=world)
    assert told.let_in
    assert any("600 s" in rule for rule in told.rules)


def test_unexpected_and_refused_paths_are_explained():
    """A path outside known feeds is said to land unsorted, a companion as such, others' feeds not at all."""
    assert any("acme-crm/unsorted" in rule and "/x" in rule for rule in ask(path="/x").rules)
    assert any("as a companion" in rule for rule in ask(path="/acme-crm/sales/x.md5").rules)
    told = ask(msgspec.structs.replace(ACME, allow=("a1a/*", "b1b/*")))
    assert told.routed is None
    assert any("a1a/*" in rule for rule in told.rules)
    assert ask(path=None).routed is None


def test_what_is_no_address_is_refused():
    """A host name, or anything else that is no address, is refused with an example."""
    with pytest.raises(Refused, match=r"198\.51\.100\.7"):
        ask(address="partner.example")
