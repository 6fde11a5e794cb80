"""What a sender's request becomes: landed, held or refused, with a clear answer, over a real connection."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import http.client
import re
import socket
import time

import pytest

from headwater.errors import Unavailable
from headwater.gate.limits import Bounds, LimitRules
from headwater.ledger.entries import Held
from headwater.terms import Receipt, name_of
from tests.unit.web.world import Live, until_closed

FEED = "/v1/feeds/acme-crm/daily/"
SHA256 = base64.b64encode(hashlib.sha256(b"a,b\n").digest()).decode()
SHA512 = base64.b64encode(hashlib.sha512(b"a,b\n").digest()).decode()
MD5 = base64.b64encode(hashlib.md5(b"a,b\n").digest()).decode()
NO_SHA256 = base64.b64encode(b"\0" * 32).decode()


def status_of(answer: bytes) -> int:
    """The status of a raw answer."""
    return int(answer.split(b" ", 2)[1])


def outcome(live: Live, attempt: str):
    """What became of an attempt."""
    return live.call("GET", f"/v1/attempts/{attempt}").json


def entered(live: Live, kind: type):
    """The ledger's entries of one kind."""
    return [entry for entry in live.run(live.world.entries) if isinstance(entry, kind)]


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


# --- a no -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Content-Digest": f"sha-256=:{NO_SHA256}:"}, "digest_mismatch"),
        ({"Content-MD5": base64.b64encode(b"\0" * 16).decode()}, "digest_mismatch"),
    ],
)
def test_a_digest_that_disagrees_is_held(live, headers, reason):
    """Bytes that do not have the sender's own digest are kept as evidence and refused, with the attempt's story."""
    put = live.call("PUT", FEED + "a.csv", b"a,b\n", headers=headers)
    assert (put.status, put.json["reason"]) == (400, reason)
    found = outcome(live, put.headers["headwater-attempt"])
    assert (found["outcome"], found["reason"]) == ("held", reason)
    assert found["transcript"][1]["status"] == 400
    assert [path.read_bytes() for path in live.world.objects("held")] == [b"a,b\n"]
    assert not live.world.objects()


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Digest": "sha-256=nonsense"},
        {"Content-Digest": "sha-256=:AAAA:"},
        {"Content-Digest": f"sha-256=:{SHA256}:", "Repr-Digest": f"sha-256=:{NO_SHA256}:"},
        {"Content-MD5": "?"},
        {"Content-Range": "bytes 0-3/8"},
        {"Idempotency-Key": ""},
        {"Idempotency-Key": "k" * 300},
    ],
)
def test_a_head_that_cannot_be_honoured_is_refused(live, headers):
    """Digests that cannot be read or contradict each other, parts of files, and keys that are none: refused at once."""
    put = live.call("PUT", FEED + "a.csv", b"a,b\n", headers=headers)
    assert (put.status, put.json["reason"]) == (400, "bad_request")
    assert "attempt" not in put.json
    assert not live.world.objects()


@pytest.mark.parametrize("sent", [b"", b"only this", b"x" * 300_000])
def test_a_short_body_is_never_a_file(live, sent):
    """A connection that ends before the declared length did: held with what came, never landed."""
    with socket.create_connection(("127.0.0.1", live.port)) as connection:
        connection.sendall(live.head("PUT", FEED + "a.csv", "Content-Length: 1000000") + sent)
        wait_for(lambda: live.call("GET", "/v1/attempts?outcome=open").json["attempts"])
    wait_for(lambda: live.call("GET", "/v1/attempts?outcome=held,refused").json["attempts"])
    (found,) = live.call("GET", "/v1/attempts").json["attempts"]
    assert (found["outcome"], found["reason"]) == ("held" if sent else "refused", "cut")
    assert found["transcript"][1]["whole"] is False
    assert not live.world.objects()
    assert len(entered(live, Held)) == (1 if sent else 0)


@pytest.mark.parametrize("broken", [b"zz\r\n", b"2\r\nabXX", b"-1\r\n\r\n", b"4\r\nabcdX\r\n0\r\n\r\n"])
def test_broken_chunks_are_never_a_file(live, broken):
    """Chunked framing that breaks is answered 400 with the attempt, and what came before is evidence at most."""
    head = live.head("PUT", FEED + "a.csv", "Transfer-Encoding: chunked")
    answer = live.raw(head, b"4\r\na,b\n\r\n" + broken)
    assert status_of(answer) == 400
    assert b'"reason":"cut"' in answer
    attempt = re.search(rb"headwater-attempt: (\w+)", answer)
    assert attempt
    assert outcome(live, attempt[1].decode())["outcome"] == "held"
    assert not live.world.objects()


def test_bytes_beyond_the_length_do_not_spoil_what_was_whole(live):
    """Content-Length says where a body ends: it lands, with 201, and then the connection is closed."""
    answer = live.raw(
        live.head("PUT", FEED + "a.csv", "Content-Length: 4") + b"a,b\nand more that is no request\r\n\r\n"
    )
    assert status_of(answer) == 201
    assert b"connection: close" in answer.lower()
    assert answer.count(b"HTTP/1.1 ") == 1
    assert [path.read_bytes() for path in live.world.objects()] == [b"a,b\n"]


def test_two_lengths_are_refused(live):
    """A request framed by a length and chunks, or by two lengths, is refused: proxies disagree on where it ends."""
    for fields in (("Content-Length: 4", "Transfer-Encoding: chunked"), ("Content-Length: 4", "Content-Length: 5")):
        assert status_of(live.raw(live.head("PUT", FEED + "a", *fields) + b"4\r\nabcd\r\n0\r\n\r\n")) == 400
    gzipped = live.head("PUT", FEED + "a", "Transfer-Encoding: gzip, chunked", "Connection: close")
    assert b'"reason":"unsupported"' in live.raw(gzipped, b"4\r\nabcd\r\n0\r\n\r\n")
    assert not live.world.objects()


def test_a_body_without_an_end_is_refused(live):
    """A request that says neither length nor chunks would be an empty file to the protocol: it is refused."""
    answer = live.raw(live.head("PUT", FEED + "a") + b"the file")
    assert (status_of(answer), answer.count(b"HTTP/1.1 ")) == (400, 1)
    old = live.head("PUT", FEED + "a").replace(b"HTTP/1.1", b"HTTP/1.0")
    assert status_of(live.raw(old + b"the file")) == 400
    assert not live.world.objects()


def test_trailers_are_no_headers(live):
    """A field that comes after a chunked body is not taken for one of the head."""
    head = live.head("PUT", FEED + "a", "Transfer-Encoding: chunked", "Connection: close")
    answer = live.raw(head, b"1\r\na\r\n0\r\nContent-Digest: nonsense\r\nAuthorization: Bearer x\r\n\r\n")
    assert status_of(answer) == 201


# --- refused before the body ------------------------------------------------------------------------------------------


def test_a_refusal_comes_before_the_body(live):
    """With Expect: 100-continue a refused sender is told before it sends, and an allowed one is asked to go on."""
    for who, feed, status in (
        ("acme", "acme-crm/daily", 100),
        ("acme", "shop/orders", 404),
        (None, "acme-crm/daily", 401),
    ):
        head = live.head("PUT", f"/v1/feeds/{feed}/a", "Content-Length: 100000000", "Expect: 100-continue", who=who)
        with socket.create_connection(("127.0.0.1", live.port), timeout=10) as connection:
            connection.sendall(head)
            assert status_of(connection.recv(65536)) == status


def test_a_refused_body_does_not_hide_the_answer(live):
    """Who sends a large body without asking first still gets the answer, and then the end of the connection."""
    head = live.head("PUT", FEED + "a", "Content-Length: 100000000", who=None)
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", live.port), timeout=10) as connection:
        connection.sendall(head + b"x" * 30_000)
        answer = until_closed(connection)
    assert status_of(answer) == 401
    assert b"connection: close" in answer
    assert time.monotonic() - began < 8


def test_a_small_refused_body_keeps_the_connection(live):
    """After a refusal with a small body the connection serves the next request."""
    connection = http.client.HTTPConnection("127.0.0.1", live.port)
    for token, status in (("wrong", 401), (live.world.tokens["acme"], 201)):
        connection.request("PUT", FEED + "a", b"abc", {"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        assert (answer.status, bool(answer.read())) == (status, True)
    connection.close()


def test_pipelined_requests_are_answered_in_order(live):
    """Two requests sent at once on one connection are landed and answered one after the other."""
    first = live.head("PUT", FEED + "a", "Content-Length: 1") + b"1"
    second = live.head("PUT", FEED + "b", "Content-Length: 1", "Connection: close") + b"2"
    answer = live.raw(first + second)
    assert re.findall(rb'"now":{"name":"(\w)"', answer) == [b"a", b"b"]


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


# --- limits -----------------------------------------------------------------------------------------------------------


def test_a_slow_sender_is_cut_off(tmp_path):
    """Who sends more slowly than the floor is answered 408, and what came is held."""
    with Live(tmp_path, limits=LimitRules(slow_after_seconds=0.5, slow_bytes_per_second=1000)) as live:
        answer = live.raw(live.head("PUT", FEED + "a", "Content-Length: 1000") + b"a few")
        assert status_of(answer) == 408
        (found,) = live.call("GET", "/v1/attempts").json["attempts"]
        assert (found["outcome"], found["reason"], found["size_bytes"]) == ("held", "too_slow", 5)


def test_the_limits_of_a_sender_are_kept(tmp_path):
    """Too large a file is refused by its length or once it has grown so; too many at once, with when to return."""
    rules = LimitRules(each=Bounds(uploads=1), size_bytes_max=1_000_000)
    with Live(tmp_path, limits=rules) as live:
        declared = live.raw(live.head("PUT", FEED + "a", "Content-Length: 1000001", "Expect: 100-continue"))
        assert status_of(declared) == 413
        chunk = b"%x\r\n" % 600_000 + b"x" * 600_000 + b"\r\n"
        grown = live.raw(live.head("PUT", FEED + "a", "Transfer-Encoding: chunked") + chunk, chunk)
        assert status_of(grown) == 413
        with socket.create_connection(("127.0.0.1", live.port)) as connection:
            connection.sendall(live.head("PUT", FEED + "a", "Content-Length: 10", "Expect: 100-continue"))
            connection.recv(100)
            second = live.call("PUT", FEED + "b", b"b")
            assert (second.status, second.json["reason"], second.headers["retry-after"]) == (429, "too_many", "1")
            assert live.call("PUT", "/v1/feeds/shop/orders/b", b"b", who="shop").status == 201


def test_a_hundred_wrong_tokens(live):
    """Wrong tokens are answered 401, then 429, in one sentence; nothing durable is written for each; others land on."""
    statuses = []
    for number in range(100):
        answer = live.call("PUT", FEED + "a", b"x", who=None, headers={"Authorization": f"Bearer hw_{number}"})
        statuses.append(answer.status)
        assert str(number) not in answer.json["detail"]
    assert statuses == sorted(statuses)
    assert {*statuses} == {401, 429}
    assert live.call("PUT", FEED + "a", b"x").status == 201
    assert live.run(lambda: live.world.books.counters.counts(None, 0)) == []
    live.run(live.world.services.turned_away.flush)
    assert sum(row.count for row in live.run(lambda: live.world.books.counters.counts(None, 0))) == 100


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


def wait_for(true, seconds: float = 10.0):
    """Asks until it is so."""
    until = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.01)
    return found
