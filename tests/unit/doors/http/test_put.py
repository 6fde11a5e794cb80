"""What a sender's request becomes: landed, held or refused, with a clear answer, over a real connection."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import socket

import pytest

from headwater.errors import Unavailable
from headwater.ledger.entries import Held
from headwater.terms import Receipt, name_of
from tests.unit.doors.http.asking import FEED, entered, outcome, status_of, wait_for
from tests.unit.web.live import Live

SHA256 = base64.b64encode(hashlib.sha256(b"a,b\n").digest()).decode()
SHA512 = base64.b64encode(hashlib.sha512(b"a,b\n").digest()).decode()
MD5 = base64.b64encode(hashlib.md5(b"a,b\n").digest()).decode()


# --- a yes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_000])
def test_what_is_sent_comes_back(live, size):
    """A file of any size is answered 201 with its delivery, and its bytes come back as they were sent."""
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    put = live.call("PUT", FEED + "a.bin", data)
    assert put.status == 201
    receipt = put.json["receipt"]
    assert put.headers["location"] == f"/v1/deliveries/{receipt['id']}"
    assert put.headers["headwater-attempt"] == receipt["id"]
    assert receipt["sha256"] == hashlib.sha256(data).hexdigest()
    assert receipt["completeness"] == "proven"
    assert {"kind": "content_length", "declared": str(size), "observed": str(size)} in receipt["evidence"]
    assert live.call("GET", put.headers["location"] + "/content").body == data


def test_the_end_alone_presumes(live):
    """A chunked body without a length is whole as far as the protocol says: presumed."""
    chunks = b"4\r\na,b\n\r\n0\r\n\r\n"
    head = live.head("PUT", FEED + "a.csv", "Transfer-Encoding: chunked", "Connection: close")
    answer = live.raw(head, chunks)
    assert status_of(answer) == 201
    assert b'"completeness":"presumed"' in answer


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("Content-Digest", f"sha-256=:{SHA256}:", "sha256"),
        ("Repr-Digest", f"sha-512=:{SHA512}:, sha-256=:{SHA256}:", "sha512"),
        ("Content-Digest", f"md5=:{MD5}:", "md5"),
        ("Content-MD5", MD5, "md5"),
    ],
)
def test_a_digest_that_agrees_proves(live, field, value, kind):
    """A digest that the sender gave and that is that of the bytes makes even a chunked upload proven."""
    head = live.head("PUT", FEED + "a.csv", "Transfer-Encoding: chunked", "Connection: close", f"{field}: {value}")
    answer = live.raw(head, b"4\r\na,b\n\r\n0\r\n\r\n")
    assert status_of(answer) == 201
    assert b'"completeness":"proven"' in answer
    assert f'{{"kind":"{kind}",'.encode() in answer


def test_a_content_encoding_changes_nothing(live):
    """Bytes that claim to be gzip, whether they are or not, land as they came and are given back so, not encoded."""
    for data in (b"not gzip at all", gzip.compress(b"a,b\n")):
        put = live.call("PUT", FEED + "a.csv", data, headers={"Content-Encoding": "gzip"})
        assert put.status == 201
        assert put.json["receipt"]["declared"]["content_encoding"] == "gzip"
        got = live.call("GET", put.headers["location"] + "/content", headers={"Accept-Encoding": "gzip"})
        assert (got.body, got.headers.get("content-encoding")) == (data, None)


def test_a_request_to_upgrade_loses_no_byte(live):
    """A client that offers HTTP/2 by Upgrade, as Java's does, is served over HTTP/1.1 with its whole body."""
    fields = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA")
    first = live.head("PUT", FEED + "a", *fields, "Content-Length: 9")
    second = live.head("PUT", FEED + "b", "Transfer-Encoding: chunked", "Connection: close, upgrade", "Upgrade: h2c")
    answer = live.raw(first + b"some", b"bytes" + second, b"3\r\nabc\r\n0\r\n\r\n")
    assert [status_of(b"HTTP/1.1 " + part) for part in answer.split(b"HTTP/1.1 ")[1:]] == [201, 201]
    assert {path.read_bytes() for path in live.world.objects()} == {b"somebytes", b"abc"}


def test_a_push_is_named_by_its_attempt(live):
    """POST lands what has no name of its own under its attempt's id, with an ending by its media type."""
    headers = {"Content-Type": "application/json; charset=utf-8"}
    put = live.call("POST", "/v1/feeds/acme-crm/daily", b'{"a": 1}', headers=headers)
    assert put.status == 201
    assert put.json["receipt"]["name"] == f"{put.json['receipt']['id']}.json"
    assert live.call("POST", "/v1/feeds/acme-crm/daily?durability=zone", b"x").status == 201
    assert live.call("POST", "/v1/feeds/acme-crm/daily?durability=journal", b"x").json["reason"] == "unsupported"
    assert live.call("POST", "/v1/feeds/acme-crm/daily/name.csv", b"x").json["reason"] == "method_not_allowed"


def test_an_unknown_feed_lands_unsorted(live):
    """What a known sender puts into a feed that nobody declared lands in that source's `unsorted`, with its path."""
    put = live.call("PUT", "/v1/feeds/acme-crm/nobody-knows/x/a.csv", b"a")
    receipt = put.json["receipt"]
    assert (receipt["feed"], receipt["path"]) == ("unsorted", "/acme-crm/nobody-knows/x/a.csv")
    odd = live.call("PUT", "/v1/feeds/acme-crm/nobody-knows/%ff.csv", b"a")
    assert odd.status == 201, odd.body


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("plain.csv", "plain.csv"),
        ("a+b%20c%2Bd.csv", "a+b c+d.csv"),
        ("100%2525.csv", "100%25.csv"),
        ("gr%C3%BCn/%F0%9F%98%80.csv", "grün/😀.csv"),
        ("gru%CC%88n.csv", "gru\u0308n.csv"),
        ("a%2Fb.csv", "a/b.csv"),
        ("..a/...%5c..", "..a/...\\.."),
        ("%E2%80%AEtxt.exe", "\u202etxt.exe"),
        ("%01%7f", "\x01\x7f"),
        ("a?q=1", "a"),
        ("a" * 1024, "a" * 1024),
        ("%FF%FEx", "\udcff\udcfex"),
    ],
)
def test_a_name_is_exact(live, path, name):
    """A name is percent-decoded once and stands exactly so in the receipt, whatever it is made of."""
    put = live.call("PUT", FEED + path, b"x")
    assert put.status == 201, put.body
    (receipt,) = entered(live, Receipt)
    assert name_of(receipt) == name
    assert all(path.parent.name.startswith("lz_date=") for path in live.world.objects())
    listed = live.call("GET", "/v1/deliveries").json["deliveries"]
    assert [one["receipt"]["id"] for one in listed] == [receipt.id]
    assert live.call("GET", put.headers["location"] + "/content").body == b"x"


@pytest.mark.parametrize(
    "path",
    ["", "../x", "a/../b", "%2e%2e/x", ".", "a//b", "a/", "%2Fetc/passwd", "a%00b", "a" * 1025, "%C0%AE%C0%AE/%00"],
)
def test_a_name_that_cannot_be_is_refused(live, path):
    """A name that could walk out of its folder, or be none, is refused before anything is kept."""
    put = live.call("PUT", FEED + path, b"x")
    assert (put.status, put.json["reason"]) == (400, "bad_name")
    assert not live.world.objects()
    assert live.call("GET", "/v1/attempts").json["attempts"] == []


# --- idempotency ------------------------------------------------------------------------------------------------------


def test_the_same_bytes_under_a_key_land_once(live):
    """Under an idempotency key a repeated upload is answered 200 with the first receipt, other bytes 422."""
    headers = {"Idempotency-Key": "run-17"}
    first = live.call("PUT", FEED + "a.csv", b"a", headers=headers)
    again = live.call("PUT", FEED + "a.csv", b"a", headers={"Idempotency-Key": '"run-17"'})
    other = live.call("PUT", FEED + "a.csv", b"b", headers=headers)
    elsewhere = live.call("PUT", "/v1/feeds/acme-crm/other/a.csv", b"b", headers=headers)
    assert [answer.status for answer in (first, again, other, elsewhere)] == [201, 200, 422, 201]
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json["receipt"] == first.json["receipt"]
    assert again.headers["headwater-attempt"] != first.headers["headwater-attempt"]
    assert other.json["reason"] == "key_reused"
    assert len(live.world.objects()) == 2
    found = live.call("GET", "/v1/attempts?key=run-17&feed=acme-crm/daily").json["attempts"]
    assert [one["outcome"] for one in found] == ["refused", "repeated", "landed"]


def test_a_key_in_use_asks_to_wait(live):
    """While an upload under a key is still open, a second one is told 409 and when to ask again."""
    fields = ("Content-Length: 10", "Idempotency-Key: k")
    with socket.create_connection(("127.0.0.1", live.port)) as connection:
        connection.sendall(live.head("PUT", FEED + "a", *fields) + b"12345")
        wait_for(lambda: live.call("GET", "/v1/attempts?key=k").json["attempts"])
        second = live.call("PUT", FEED + "a", b"1234567890", headers={"Idempotency-Key": "k"})
        assert (second.status, second.json["reason"], second.headers["retry-after"]) == (409, "in_progress", "5")
        connection.sendall(b"67890")
        assert status_of(connection.recv(65536)) == 201


# --- when landing takes long ------------------------------------------------------------------------------------------


class Slow:
    """A store whose creates wait for `go`."""

    def __init__(self, creator):
        self._creator = creator
        self.go = None

    async def create(self, *args):
        if self.go is not None:
            await self.go.wait()
        return await self._creator.create(*args)


def test_an_answer_that_takes_too_long_is_no_yes(tmp_path):
    """Past `answer_within` the sender gets 202 with where to ask; the landing goes on, and the attempt says so."""
    made = []

    def slow(creator):
        made.append(Slow(creator))
        return made[0]

    with Live(tmp_path, settings={"answer_within_seconds": 0.2}, wrap={"creator": slow}) as live:
        made[0].go = asyncio.Event()
        put = live.call("PUT", FEED + "a.csv", b"a")
        assert (put.status, put.headers["retry-after"]) == (202, "5")
        assert put.json == {"attempt": put.headers["headwater-attempt"], "outcome": "sealing"}
        assert live.call("GET", put.headers["location"]).json["outcome"] == "sealing"
        live.loop.call_soon_threadsafe(made[0].go.set)
        wait_for(lambda: live.call("GET", put.headers["location"]).json["outcome"] == "landed")
        assert len(live.world.objects()) == 1


def test_a_client_that_does_not_wait_is_landed_all_the_same(live):
    """Who sends a whole file and goes away before the answer has delivered it: the attempt says so."""
    with socket.create_connection(("127.0.0.1", live.port)) as connection:
        connection.sendall(live.head("PUT", FEED + "a", "Content-Length: 4") + b"abcd")
    wait_for(lambda: live.call("GET", "/v1/attempts?outcome=landed").json["attempts"])
    assert [path.read_bytes() for path in live.world.objects()] == [b"abcd"]


@pytest.mark.parametrize(("home_user", "who", "door"), [("admin", "admin", "cli"), ("acme", "acme", "http")])
def test_the_homes_own_key_is_the_command_line(tmp_path, home_user, who, door):
    """What its key brings came by the door `cli`, landed or held; nobody else's did, whatever a sender is called."""
    with Live(tmp_path, settings={"home_user": home_user}) as live:
        landed = live.call("PUT", FEED + "a", b"x", who=who)
        assert landed.json["receipt"]["door"] == door
        held = live.call("PUT", FEED + "a", b"x", who=who, headers={"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="})
        assert live.call("GET", f"/v1/attempts/{held.json['attempt']}", who=who).json["door"] == door
        assert [entry.door for entry in entered(live, Held)] == [door]
        assert live.call("PUT", FEED + "a", b"x", who="shop").status == 404
        other = live.call("PUT", "/v1/feeds/shop/orders/a", b"x", who="shop", headers={"User-Agent": "headwater"})
        assert other.json["receipt"]["door"] == "http"
        assert live.world.services.metrics.landed.value(door) == 1 + (door == "http")


class Failing:
    """A store that cannot create, while `down`."""

    down = False

    def __init__(self, creator):
        self._creator = creator

    async def create(self, *args):
        if Failing.down:
            raise Unavailable("full", "There is no room on the disk.")
        return await self._creator.create(*args)


def test_a_store_that_fails_is_no_yes(tmp_path):
    """While the store fails a sender gets no yes, but when to try again; what it had sent lands once the fault ends."""
    Failing.down = True
    with Live(tmp_path, wrap={"creator": Failing}) as live:
        put = live.call("PUT", FEED + "a", b"abcd", headers={"Idempotency-Key": "k"})
        assert (put.status, put.json["reason"], put.headers["retry-after"]) == (507, "full", "5")
        assert outcome(live, put.json["attempt"])["outcome"] == "sealing"
        again = live.call("PUT", FEED + "a", b"abcd", headers={"Idempotency-Key": "k"})
        assert again.json["reason"] == "in_progress"
        Failing.down = False
        live.run(live.world.landing.recover)
        assert outcome(live, put.json["attempt"])["outcome"] in {"landed", "held", "refused"}
        last = live.call("PUT", FEED + "a", b"abcd", headers={"Idempotency-Key": "k"})
        assert last.status in {200, 201}
        assert [path.read_bytes() for path in live.world.objects()] == [b"abcd"]
