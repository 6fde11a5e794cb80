from __future__ import annotations

import pytest

from headwater.errors import Refused
from headwater.gate.allow import TABLE, Scope, Verb, allow, scope
from headwater.terms import FeedName, Role
from tests.unit.gate.world import sender

OURS, OTHERS = FeedName("acme-crm", "daily_sales"), FeedName("beta", "orders")

# o: what it delivered itself · g: the feeds granted · a: it all · -: nothing
EXPECTED = """
                 sender reader operator admin auditor eraser
deliver          g      -      -        g     -       -
read             o      g      g        g     g       g
read_bytes       o      g      g        g     -       -
proof            o      g      g        g     g       -
changes          o      g      g        g     g       g
attempts         o      -      g        g     -       -
status           g      g      g        g     g       -
ledger_entries   -      -      -        a     a       -
checkpoint       a      a      a        a     a       a
operate          -      -      g        g     -       -
erase            -      -      -        -     -       g
admin            -      -      -        a     -       -
metrics          -      -      a        a     a       -
"""


def cells():
    """The expected table, cell by cell."""
    header, *rows = [line.split() for line in EXPECTED.strip().splitlines()]
    return [(Role(role), Verb(row[0]), reach) for row in rows for role, reach in zip(header, row[1:], strict=True)]


def test_the_expectation_covers_the_whole_table():
    """Every role and every verb stands in the expected table, so that a new one cannot pass by unseen."""
    assert {(role, verb) for role, verb, _ in cells()} == {(role, verb) for role in Role for verb in Verb}
    assert set(TABLE) == set(Role)


@pytest.mark.parametrize(("role", "verb", "reach"), cells())
def test_the_table(role, verb, reach):
    """Each role may do what the table says: on its own deliveries, on feeds granted, at all; and nothing else."""
    who = sender("ada", ("acme-crm/*",), role=role)

    def may(feed, owner=None):
        try:
            allow(who, verb, feed, owner)
        except Refused as refusal:
            return refusal.reason
        return "yes"

    on_ours, on_others, on_own_elsewhere, on_nothing = {
        "o": ("not_found", "not_found", "yes", "not_found"),
        "g": ("yes", "not_found", "not_found", "yes"),
        "a": ("yes", "not_found", "not_found", "yes"),
        "-": ("not_allowed", "not_found", "not_found", "not_allowed"),
    }[reach]
    assert may(OURS, "someone") == on_ours
    assert may(OTHERS, "someone") == on_others
    assert may(OTHERS, "ada") == on_own_elsewhere
    assert may(None) == on_nothing


@pytest.mark.parametrize(("role", "verb", "reach"), cells())
def test_the_scope_of_queries_follows_the_table(role, verb, reach):
    """A query returns what the table says, and is refused where that is nothing."""
    who = sender("ada", ("acme-crm/*",), role=role)
    expected = {"o": Scope(("*",), "ada"), "g": Scope(("acme-crm/*",)), "a": Scope(("*",))}
    if reach == "-":
        with pytest.raises(Refused) as caught:
            scope(who, verb)
        assert caught.value.reason == "not_allowed"
    else:
        assert scope(who, verb) == expected[reach]


def test_a_sender_owns_nothing_by_default():
    """Whoever forgets to say whose delivery it is gets a not_found, not the delivery."""
    with pytest.raises(Refused) as caught:
        allow(sender("ada"), Verb.READ_BYTES, OURS)
    assert caught.value.reason == "not_found"
