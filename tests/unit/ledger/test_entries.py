from __future__ import annotations

import json

import pytest

from headwater.ledger.entries import (
    ENTRY_BYTES_MAX,
    KINDS,
    Admin,
    Amended,
    Found,
    Held,
    Verdict,
    claims_of,
    decode,
    encode,
    follows_of,
    stamped,
    time_of,
)
from headwater.terms import (
    Completeness,
    Declared,
    Door,
    Durability,
    Evidence,
    Fidelity,
    Follows,
    Id,
    Key,
    Receipt,
    SenderRef,
    Time,
    name_fields,
    name_of,
)

RECEIPT = Receipt(
    v=1,
    id=Id("0" * 32),
    source="acme-crm",
    feed="daily_sales",
    door=Door.HTTP,
    sender=SenderRef("acme", "SHA256:abc"),
    name="März.csv",
    declared=Declared(size_bytes=3),
    opened_at="2026-11-23T00:00:00.000000Z",
    key=Key("raw/x"),
    size_bytes=3,
    sha256="ab",
    crc64nvme="cd",
    fidelity=Fidelity.VERBATIM,
    completeness=Completeness.PROVEN,
    evidence=(Evidence("size", "3", "3"),),
    durability=Durability.ZONE,
    claims=("journal:a:1-2",),
    follows=Follows("kafka:x", 1, 2),
)


def test_an_entry_is_canonical_json():
    """Keys are sorted at every depth, there is no white space, text is UTF-8, and kind and version always stand."""
    data = encode(stamped(RECEIPT, Time(1)))

    plain = json.dumps(json.loads(data), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    assert data == plain
    assert json.loads(data)["kind"] == "receipt"
    assert json.loads(data)["v"] == 1


def test_an_entry_is_read_back_as_it_was():
    """Decoding gives the value that was encoded."""
    entry = stamped(RECEIPT, Time(1_795_000_000_000_000))

    assert decode(encode(entry)) == entry
    assert time_of(entry) == "2026-11-18T11:06:40.000000Z"


def test_unknown_fields_are_ignored():
    """An entry of a later version with more fields is still read."""
    data = json.dumps({**json.loads(encode(RECEIPT)), "later": {"x": 1}}).encode()

    assert decode(data) == RECEIPT


@pytest.mark.parametrize("name", ["a.csv", "../x", "März", b"\xff\xfe.csv".decode(errors="surrogateescape")])
def test_a_name_is_kept_exactly(name):
    """Any name, also one that is not UTF-8, comes back from the entry byte for byte."""
    entry = Receipt(
        **{**{f: getattr(RECEIPT, f) for f in RECEIPT.__struct_fields__}, "name": None, **name_fields(name)}
    )
    read = decode(encode(entry))

    assert isinstance(read, Receipt)
    assert name_of(read).encode(errors="surrogateescape") == name.encode(errors="surrogateescape")


def test_an_entry_is_bounded():
    """An entry over the limit is refused, not cut."""
    with pytest.raises(ValueError, match="limit"):
        encode(Admin(v=1, by="x", act="y", subject="z" * ENTRY_BYTES_MAX))


def test_claims_and_conditions_stand_in_the_entry():
    """What an entry takes and follows is read from the entry alone."""
    assert claims_of(RECEIPT) == (f"delivery:{RECEIPT.id}", "journal:a:1-2")
    assert follows_of(RECEIPT) == Follows("kafka:x", 1, 2)
    assert claims_of(Found(v=1, key=Key("raw/y"), size_bytes=1)) == ("found:raw/y",)
    assert claims_of(Verdict(v=1, slot="s", state="late", claims=("verdict:s:late",))) == ("verdict:s:late",)
    amended = Amended(v=1, id=Id("1"), completeness=Completeness.PROVEN, reason="companion", claims=("companion:2:1",))
    assert claims_of(amended) == ("companion:2:1",)
    assert claims_of(Admin(v=1, by="a", act="b", subject="c")) == ()


def test_a_held_attempt_is_held_once():
    """Two owners of one attempt that drop it end with one entry."""
    held = Held(
        v=1, id=Id("1"), source="a", feed="b", door="http", sender=SenderRef("x", "y"), reason="cut", size_bytes=1,
        kept_bytes=1,
    )  # fmt: skip

    assert claims_of(held) == ("held:1",)


def test_every_kind_has_its_own_name():
    """Kinds are found by the name that stands in the ledger."""
    assert {"receipt", "renamed", "amended", "held", "void", "verdict", "admin", "erased", "heartbeat"} <= set(KINDS)
