"""Bad days on the line: a network that breaks at every kind of place, and bodies that are not what they say."""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.client
import os
import shutil
import socket
import struct
import subprocess
import threading
import time
import uuid
from typing import Any

import pytest

from tests.end_to_end.conftest import PATH, landed, raw, status_of

MIB = 1 << 20
SIZE = 3 * MIB


def attempts(server, name: str) -> list[dict[str, Any]]:
    """What is known of every try to deliver a file of this name, the newest first."""
    until = time.monotonic() + 10
    while True:
        page = server.ask("GET", "/v1/attempts?limit=200").json["attempts"]
        found = [each for each in page if each.get("name") == name]
        if time.monotonic() > until or all(each["outcome"] != "sealing" for each in found):
            return found  # the row says so some hundredths of a second after the ledger does


def put(server, name: str, data: bytes, *, port: int | None = None, key: str | None = None):
    """A whole upload with its length declared."""
    headers = {"Idempotency-Key": key} if key else {}
    return server.ask("PUT", PATH + name, data, headers, port=port)


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"{uuid.uuid4().hex}.bin"


@pytest.fixture
def proxy(toxiproxy, server):
    """A network between the sender and the server."""
    return toxiproxy.proxy(f"127.0.0.1:{server.port}")


def port_of(proxy) -> int:
    """Where senders connect to."""
    return int(proxy.address.rpartition(":")[2])


@pytest.mark.parametrize("after_bytes", [0, 100, 1000, 100_000, SIZE // 2, SIZE + 100])
def test_a_line_cut_anywhere_lands_nothing_and_the_retry_lands_once(server, proxy, name, after_bytes):
    """Cut in the head, at the body's beginning, in its middle or close to its end: no yes, then one delivery."""
    data = os.urandom(SIZE)
    with (
        proxy.toxic("limit_data", is_upstream=True, bytes=after_bytes),
        pytest.raises((OSError, http.client.HTTPException)),
    ):
        put(server, name, data, port=port_of(proxy), key=name)
    assert landed(server.home / "zone", name) == []

    answer = retried(server, name, data)

    assert answer.status == 201
    assert landed(server.home / "zone", name) == [data]


def retried(server, name: str, data: bytes):
    """As a sender does: again under the same key, as long as the server says that the first try is still open."""
    for _ in range(100):
        answer = put(server, name, data, key=name)
        if answer.status != 409:
            return answer
        threading.Event().wait(0.1)
    pytest.fail(f"{name} is still open, says the server")


def test_a_reset_is_no_end(server, proxy, name):
    """A connection that is reset in the middle is held as partial, with the bytes that came as evidence."""
    with proxy.toxic("reset_peer", timeout=0):
        line = raw(server, f"PUT {PATH}{name} HTTP/1.1\r\nContent-Length: {SIZE}", b"x" * MIB, port=port_of(proxy))
        assert status_of(line) is None
    direct = raw(server, f"PUT {PATH}{name} HTTP/1.1\r\nContent-Length: {SIZE}", b"x" * MIB)
    direct.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    direct.close()

    until(lambda: attempts(server, name) and all(each["outcome"] == "held" for each in attempts(server, name)))

    assert {each["completeness"] for each in attempts(server, name)} == {"partial"}
    assert landed(server.home / "zone", name) == []


def until(holds, seconds: float = 10.0) -> None:
    """Waits for something that the server does by itself."""
    for _ in range(int(seconds / 0.05)):
        if holds():
            return
        threading.Event().wait(0.05)
    raise AssertionError(f"it did not come true in {seconds} s")


def test_an_answer_that_is_lost_is_given_again(server, proxy, name):
    """The delivery stands, its answer was lost: the same key gets the first receipt, and nothing lands twice."""
    data = os.urandom(SIZE)
    with proxy.toxic("limit_data", bytes=0), pytest.raises((OSError, http.client.HTTPException)):
        put(server, name, data, port=port_of(proxy), key=name)

    answer = retried(server, name, data)

    assert (answer.status, answer.headers["Idempotent-Replayed"]) == (200, "true")
    assert landed(server.home / "zone", name) == [data]


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("slicer", {"average_size": 700, "size_variation": 300, "delay": 0}),
        ("bandwidth", {"rate": 2000}),
        ("latency", {"latency": 300, "jitter": 100}),
    ],
)
def test_a_slow_and_choppy_line_lands_whole(server, proxy, name, kind, settings):
    """Bytes that come in crumbs, late or slowly land as if they had come at once."""
    data = os.urandom(300_000 if kind == "slicer" else SIZE)
    with proxy.toxic(kind, is_upstream=True, **settings):
        assert put(server, name, data, port=port_of(proxy)).status == 201

    assert landed(server.home / "zone", name) == [data]


@pytest.mark.parametrize("sent", [0, 10, 200_000])
def test_a_sender_who_falls_silent_is_cut_off(server, name, sent):
    """A half-open line is ended by the server with 408; what came is evidence, nothing landed, others are served."""
    line = raw(server, f"PUT {PATH}{name} HTTP/1.1\r\nContent-Length: {SIZE}", b"x" * sent)
    assert put(server, f"other-{name}", b"abc").status == 201

    assert status_of(line) == 408
    (attempt,) = attempts(server, name)
    assert (attempt["outcome"], attempt["reason"]) == ("held" if sent else "refused", "too_slow")
    assert landed(server.home / "zone", name) == []


def test_a_server_that_hangs_for_a_moment_loses_nothing(server, name):
    """A stopped and continued server takes the upload on as if nothing had been."""
    data = os.urandom(SIZE)
    os.kill(server.pid, 19)
    try:
        line = raw(server, f"PUT {PATH}{name} HTTP/1.1\r\nContent-Length: {SIZE}", data[:100_000])
    finally:
        os.kill(server.pid, 18)
    line.sendall(data[100_000:])

    assert status_of(line) == 201
    assert landed(server.home / "zone", name) == [data]


# --- bodies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("came", [0, 1, 70_000, SIZE - 1])
def test_a_body_shorter_than_declared_is_no_delivery(server, name, came):
    """The sender closes his side early: refused as cut, held with what came, and told so where he still listens."""
    line = raw(server, f"PUT {PATH}{name} HTTP/1.1\r\nContent-Length: {SIZE}", b"x" * came)
    line.shutdown(socket.SHUT_WR)
    assert status_of(line) in {400, None}

    until(lambda: attempts(server, name) and attempts(server, name)[0]["outcome"] in {"held", "refused"})
    (attempt,) = attempts(server, name)

    assert (attempt["reason"], attempt["outcome"]) == ("cut", "held" if came else "refused")
    assert landed(server.home / "zone", name) == []


def test_a_body_longer_than_declared_is_cut_where_it_was_declared(server, name):
    """What follows the declared length is no part of the file: it is a bad request of its own."""
    line = raw(server, f"PUT {PATH}{name} HTTP/1.1\r\nContent-Length: 5", b"12345678 trailing\r\n\r\n")

    assert status_of(line) == 201
    assert landed(server.home / "zone", name) == [b"12345"]


@pytest.mark.parametrize(
    "body",
    [
        b"5\r\nabcde\r\n",  # no last chunk
        b"5\r\nabcdeXX",  # no line end behind the chunk
        b"zz\r\nabcde\r\n0\r\n\r\n",  # a size that is none
        b"ffffffffffffffffff\r\nabc",  # a size beyond any
        b"-5\r\nabcde\r\n0\r\n\r\n",
        b"5\r\nabc",
        b"0\r\n",  # the last chunk without its end
    ],
)
def test_bad_chunking_lands_nothing(server, name, body):
    """A chunked body that breaks the rules, or stops inside them, is never taken for a whole one."""
    line = raw(server, f"PUT {PATH}{name} HTTP/1.1\r\nTransfer-Encoding: chunked", body)
    line.shutdown(socket.SHUT_WR)

    assert status_of(line) in {400, None}
    until(lambda: all(each["outcome"] in {"held", "refused"} for each in attempts(server, name)))
    assert landed(server.home / "zone", name) == []


def test_two_lengths_are_refused(server, name):
    """A length and chunks in one request is how requests are smuggled (RFC 9112 §6.3): it lands nothing twice."""
    head = f"PUT {PATH}{name} HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked"
    line = raw(server, head, b"5\r\nabcde\r\n0\r\n\r\n")

    assert status_of(line) in {400, None}
    assert landed(server.home / "zone", name) == []


@pytest.mark.parametrize("size", [10, SIZE])
@pytest.mark.parametrize("header", ["Content-MD5", "Content-Digest", "Repr-Digest"])
def test_a_wrong_digest_is_held(server, name, header, size):
    """Bytes that are not what their digest says are refused with the reason, and kept as evidence."""
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    if header != "Content-MD5":
        wrong = f"sha-256=:{base64.b64encode(hashlib.sha256(b'other').digest()).decode()}:"
    data = os.urandom(size)
    answer = server.ask("PUT", PATH + name, data, {header: wrong})

    assert (answer.status, answer.reason) == (400, "digest_mismatch")
    (attempt,) = attempts(server, name)
    assert (attempt["outcome"], attempt["size_bytes"]) == ("held", size)
    assert landed(server.home / "zone", name) == []


@pytest.mark.parametrize("data", [b"not gzip at all", gzip.compress(b"x" * 1000, mtime=0)])
def test_a_content_encoding_is_believed_by_nobody(server, name, data):
    """The bytes land as they came over the wire, whatever their encoding is said to be; the word is kept."""
    answer = server.ask("PUT", PATH + name, data, {"Content-Encoding": "gzip"})

    assert answer.status == 201
    assert answer.json["receipt"]["declared"]["content_encoding"] == "gzip"
    assert landed(server.home / "zone", name) == [data]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on this machine")
def test_a_pipe_whose_left_side_dies_is_never_proven(server, name):
    """`curl -T -` ends its body cleanly when the left side is killed: that is an end, and no proof of one."""
    url = f"http://127.0.0.1:{server.port}{PATH}{name}"
    dies = "head -c 3000000 /dev/urandom; kill -9 $$"
    command = f"sh -c '{dies}' | curl -sS -T - -H @{server.home}/keys/first.header {url}"
    told = subprocess.run(command, shell=True, check=False, capture_output=True, timeout=30)

    (attempt,) = attempts(server, name)
    assert attempt["outcome"] == "landed", (attempt, told)
    receipt = server.ask("GET", f"/v1/deliveries/{attempt['delivery']}").json["receipt"]
    assert receipt["completeness"] == "presumed"


def test_a_clean_end_after_a_cancel_is_never_proven(server, name):
    """A client that gives up and then ends its chunks properly is presumed to have meant it, and no more."""
    line = raw(server, f"PUT {PATH}{name} HTTP/1.1\r\nTransfer-Encoding: chunked", b"3\r\nabc\r\n0\r\n\r\n")

    assert status_of(line) == 201
    (attempt,) = attempts(server, name)
    receipt = server.ask("GET", f"/v1/deliveries/{attempt['delivery']}").json["receipt"]
    assert receipt["completeness"] == "presumed"
