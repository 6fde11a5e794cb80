"""What does not land: held or refused, with a clear answer, over a real connection."""

from __future__ import annotations

import base64
import hashlib
import http.client
import re
import socket
import time

import pytest

from headwater.gate.limits import Bounds, LimitRules
from headwater.ledger.entries import Held
from tests.unit.doors.http.asking import FEED, entered, outcome, status_of, wait_for
from tests.unit.web.live import Live, until_closed

SHA256 = base64.b64encode(hashlib.sha256(b"a,b\n").digest()).decode()
NO_SHA256 = base64.b64encode(b"\0" * 32).decode()


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
    wait_for(lambda: "transcript" in str(live.call("GET", "/v1/attempts?outcome=held,refused").json["attempts"]))
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
