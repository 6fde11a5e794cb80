from __future__ import annotations

import tomllib

import msgspec
import pytest

from headwater.config_schema import Sender
from headwater.errors import Refused
from headwater.gate.credentials import password_credential, token_digest
from headwater.gate.declared import declared_identity, refuse_declared, table
from headwater.gate.passwords import NOBODYS
from headwater.terms import Role
from tests.unit.gate.test_credentials import KEY
from tests.unit.gate.world import HOME, World, sender

TOKEN = "hw_" + "t" * 43
DECLARED = Sender(
    allow=("acme-crm/*", "beta/orders"),
    ssh_keys=(f"{KEY} me@here",),
    tokens_sha256=(token_digest(TOKEN),),
    certificates_sha256=("ab" * 32,),
    addresses=("198.51.100.0/24", "127.0.0.1"),
    root="/beta/orders",
    may_create_feeds=True,
    ssh_ca=(KEY,),
    passwords=(NOBODYS,),
    factors=("password", "ssh_key"),
    legacy=True,
)


async def test_what_is_declared_is_let_in():
    """A declared sender has the role sender, all it was given, and its token works."""
    acme = declared_identity("acme", msgspec.structs.replace(DECLARED, factors=()))
    assert (acme.role, acme.declared, acme.allow) == (Role.SENDER, True, DECLARED.allow)
    assert (acme.root, acme.may_create_feeds, acme.addresses) == ("/beta/orders", True, DECLARED.addresses)
    assert [one.kind for one in acme.credentials] == ["ssh_key", "ssh_ca", "password", "token", "certificate"]
    assert acme.credentials[2] == password_credential(NOBODYS)
    assert acme.legacy
    world = await World(declared=(acme,)).start()
    assert world.identities.by_token(TOKEN, HOME, secure=True).name == "acme"


def test_its_table_declares_it_again():
    """The table that is printed is TOML, and says of the sender all that was declared, without its token."""
    text = table(declared_identity("acme", DECLARED))
    values = tomllib.loads(text)["senders"]["acme"]
    assert values == {
        "allow": ["acme-crm/*", "beta/orders"],
        "ssh_keys": [KEY],
        "ssh_ca": [KEY],
        "passwords": [NOBODYS],
        "factors": ["ssh_key", "password"],
        "legacy": True,
        "tokens": [f"sha256:{token_digest(TOKEN)}"],
        "certificates": ["ab" * 32],
        "addresses": ["198.51.100.0/24", "127.0.0.1"],
        "root": "/beta/orders",
        "may_create_feeds": True,
    }
    assert TOKEN not in text


def test_what_was_not_declared_is_not_printed():
    """Defaults do not clutter the table."""
    assert table(sender(declared=True)) == '[senders.acme]\nallow = ["acme-crm/*"]\n'


def test_a_declared_identity_is_not_changed_here():
    """A change is refused with the table to paste; identities of the books pass."""
    with pytest.raises(Refused, match=r"\[senders\.acme\]") as caught:
        refuse_declared(sender(declared=True))
    assert caught.value.reason == "not_allowed"
    refuse_declared(sender())
