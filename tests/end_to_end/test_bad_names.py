"""Names as hostile as they come: each lands under its exact name, or is refused with a reason; none is ever a path."""

from __future__ import annotations

import base64
from urllib.parse import quote_from_bytes

import pytest

from tests import checker
from tests.end_to_end.conftest import PATH

LANDS = [
    "plain.csv",
    "with space.csv",
    "a+b.csv",
    "100%25.csv".replace("%25", "%"),
    "%2e%2e%2fetc%2fpasswd",  # percent signs that are part of the name
    "deep/er/than.csv",
    "case.csv",
    "CASE.csv",
    ".hidden",
    "...",
    "trailing.",
    "~user",
    "-rf",
    "$(reboot).csv",
    "';drop table--.csv",
    "a\\..\\b.csv",
    "C:\\windows\\x",
    "naïve.csv",
    "nai\u0308ve.csv",  # the same to the eye
    "数据.csv",
    "🧾.csv",
    "\u202egpj.exe",  # right-to-left override
    "zero\u200bwidth.csv",
    "\ufeffbom.csv",
    "con.csv",
    "x" * 255,
    "?query#fragment",
    "semi;colon=1.csv",
]
REFUSED = [
    b"../up.csv",
    b"a/../../up.csv",
    b"..",
    b".",
    b"a/./b",
    b"/etc/passwd",
    b"a//b",
    b"nul\0byte.csv",
    b"x" * 4096,
]


def put(server, name: bytes, data: bytes = b"abc"):
    """A file under a name of any bytes, percent-encoded once."""
    return server.ask("PUT", PATH + quote_from_bytes(name, safe="/"), data)


@pytest.mark.parametrize("name", LANDS, ids=ascii)
def test_a_name_is_data(server, name):
    """Whatever it looks like, it stands in the receipt as it was sent, and the bytes come back by its id."""
    answer = put(server, name.encode(), name.encode())

    assert answer.status == 201, answer.body
    receipt = answer.json["receipt"]
    assert receipt["name"] == name
    assert server.ask("GET", f"/v1/deliveries/{receipt['id']}/content").body == name.encode()


def test_a_name_that_is_not_utf8_is_kept_byte_for_byte(server):
    """Bytes that are no text stand in the receipt as they are."""
    name = b"caf\xe9-\xff\xfe.csv"
    answer = put(server, name)

    assert answer.status == 201, answer.body
    assert base64.b64decode(answer.json["receipt"]["name_b64"]) == name


@pytest.mark.parametrize("name", REFUSED, ids=lambda name: ascii(name[:20]))
def test_what_is_no_name_is_refused(server, name):
    """Steps up, absolute paths, empty parts, NUL and what is too long are refused with a reason, and leave nothing."""
    answer = put(server, name)

    assert (answer.status, answer.reason) == (400, "bad_name")


def test_no_name_leaves_the_zone(server):
    """After all of that the zone holds keys of the one form, and nothing stands beside it."""
    for name in (*map(str.encode, LANDS), *REFUSED):
        put(server, name)
    zone = checker.DirectoryZone(server.home / "zone")

    assert checker.check(zone).problems == []
    assert all(checker.KEY.fullmatch(key) for key in zone.list("raw/"))
    assert {each.name for each in server.home.parent.iterdir()} == {"home", "log"}
    assert {each.name for each in (server.home / "zone").iterdir()} <= {
        "raw", "held", "incoming", "ledger", "zone.json", "lock"
    }  # fmt: skip


def test_twins_by_case_are_two(server):
    """Names that differ in case only are two files, each with its own bytes."""
    ids = [put(server, name, name).json["receipt"]["id"] for name in (b"Twin.CSV", b"twin.csv")]

    assert [server.ask("GET", f"/v1/deliveries/{id_}/content").body for id_ in ids] == [b"Twin.CSV", b"twin.csv"]
