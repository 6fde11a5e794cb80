"""The server itself: who is there, over which line, for how long."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
import struct
import threading
import time

import pytest
import uvloop

from headwater.errors import Misconfigured
from headwater.gate.limits import LimitRules
from headwater.terms import Role
from headwater.web import server as room
from headwater.web.tls import ServerTls
from tests.unit.web.certificates import Authority
from tests.unit.web.live import Live, until_closed

LOOPS = pytest.mark.parametrize("loop_factory", [uvloop.new_event_loop, asyncio.new_event_loop])
FEED = "/v1/feeds/acme-crm/daily/"


def trusting(authority: Authority) -> ssl.SSLContext:
    """What a client of this CA checks servers with."""
    return ssl.create_default_context(cafile=str(authority.path))


def address_seen(live: Live, *pieces: bytes) -> bytes:
    """The answer of /v1/whoami to a connection that begins with these bytes."""
    return live.raw(*pieces, live.head("GET", "/v1/whoami", "Connection: close"))


# --- TLS --------------------------------------------------------------------------------------------------------------


@LOOPS
def test_tls_and_client_certificates(tmp_path, loop_factory):
    """A file is taken over TLS; a client certificate, checked against the CA, says who its sender is."""
    authority = Authority(tmp_path)
    certificate, key, _ = authority.issue("server")
    shown, shown_key, fingerprint = authority.issue("partner")
    tls = ServerTls(certificate, key, authority.path)
    with Live(tmp_path, tls=tls, loop_factory=loop_factory) as live:
        live.run(lambda: live.world.add("partner", Role.SENDER, "acme-crm/*", certificates=(fingerprint,)))
        context = trusting(authority)
        assert live.call("PUT", FEED + "a", b"a" * 300_000, context=context).status == 201
        assert live.call("GET", "/v1/whoami", who=None, context=context).status == 401
        context.load_cert_chain(shown, shown_key)
        who = live.call("GET", "/v1/whoami", who=None, context=context).json
        assert (who["name"], who["secure"], who["credential"]) == ("partner", True, f"certificate:{fingerprint}")
        assert live.call("GET", "/v1/whoami", context=context).json["name"] == "acme"


def test_a_certificate_of_another_ca_is_refused(tmp_path):
    """A client certificate that the CA did not sign ends the handshake; one that no sender has is 401."""
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    tls = ServerTls(*authority.issue("server")[:2], authority.path)
    with Live(tmp_path, tls=tls) as live:
        for issuer, raises in ((other, True), (authority, False)):
            context = trusting(authority)
            context.load_cert_chain(*issuer.issue("stranger")[:2])
            if raises:
                with pytest.raises((ssl.SSLError, ConnectionError)):
                    live.call("GET", "/v1/whoami", who=None, context=context)
            else:
                assert live.call("GET", "/v1/whoami", who=None, context=context).status == 401


@LOOPS
def test_a_new_certificate_is_used_without_a_restart(tmp_path, loop_factory):
    """Once the files change new connections get the new one, old ones go on, and broken files change nothing."""
    old, new = Authority(tmp_path, "old"), Authority(tmp_path, "new")
    certificate, key, _ = old.issue("server")
    tls = ServerTls(certificate, key)
    with Live(tmp_path, tls=tls, loop_factory=loop_factory) as live:
        kept = http.client.HTTPSConnection("127.0.0.1", live.port, context=trusting(old))
        kept.request("GET", "/healthz")
        kept.getresponse().read()
        certificate.write_bytes(b"half a certif")
        with pytest.raises(Misconfigured):
            tls.reload()
        assert live.call("GET", "/healthz", context=trusting(old)).status == 200
        new.issue("server", "server")
        until = time.monotonic() + 10
        while not new_is_served(live, new):
            assert time.monotonic() < until
        kept.request("GET", "/healthz")
        assert kept.getresponse().read()
        kept.close()


def new_is_served(live: Live, authority: Authority) -> bool:
    """Whether a client that trusts this CA alone is served."""
    try:
        return live.call("GET", "/healthz", context=trusting(authority)).status == 200
    except ssl.SSLError:
        time.sleep(0.05)
        return False


def test_files_that_do_not_belong_together_are_refused(tmp_path):
    """A key of another certificate, or files that are not there, are said at once."""
    authority = Authority(tmp_path)
    one, other = authority.issue("one"), authority.issue("other")
    for certificate, key in ((one[0], other[1]), (tmp_path / "absent", one[1])):
        with pytest.raises(Misconfigured):
            ServerTls(certificate, key)


# --- proxies ----------------------------------------------------------------------------------------------------------

V1 = b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n"
V2 = b"\r\n\r\n\x00\r\nQUIT\n" + struct.pack(">BBH", 0x21, 0x11, 12) + bytes([192, 0, 2, 1, 1, 1, 1, 1]) + b"\0\1\0\2"


@LOOPS
@pytest.mark.parametrize("preamble", [V1, V2])
def test_a_trusted_proxy_says_who_comes(tmp_path, preamble, loop_factory):
    """From a trusted proxy the PROXY preamble gives the address, in one piece with the request or in many."""
    with Live(tmp_path, trusted_proxies=("127.0.0.0/8",), loop_factory=loop_factory) as live:
        assert b'"address":"192.0.2.1"' in address_seen(live, preamble)
        assert b'"address":"127.0.0.1"' in address_seen(live)
        with socket.create_connection(("127.0.0.1", live.port), timeout=10) as connection:
            for byte in preamble:
                connection.send(bytes([byte]))
                time.sleep(0.001)
            connection.sendall(live.head("GET", "/v1/whoami", "Connection: close"))
            assert b'"address":"192.0.2.1"' in until_closed(connection)
        assert live.raw(b"PROXY TCP4 nobody\r\n", live.head("GET", "/healthz")) == b""


def test_a_proxy_in_front_of_tls(tmp_path):
    """The preamble comes before the TLS handshake, and the client's certificate still counts."""
    authority = Authority(tmp_path)
    tls = ServerTls(*authority.issue("server")[:2])
    with Live(tmp_path, tls=tls, trusted_proxies=("127.0.0.1",)) as live:
        plain = socket.create_connection(("127.0.0.1", live.port))
        plain.sendall(V2)
        with trusting(authority).wrap_socket(plain, server_hostname="localhost") as secured:
            secured.sendall(live.head("GET", "/v1/whoami", "Connection: close"))
            assert b'"address":"192.0.2.1","secure":true' in until_closed(secured)


def test_a_proxy_says_it_in_headers(tmp_path):
    """Forwarded headers of a trusted proxy give address and scheme; of others they are nothing."""
    headers = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}
    with Live(tmp_path, trusted_proxies=("127.0.0.1",)) as live:
        who = live.call("GET", "/v1/whoami", headers=headers).json
        assert (who["address"], who["secure"]) == ("192.0.2.1", True)
        assert live.call("GET", "/metrics", who=None, headers=headers).status == 401
    with Live(tmp_path / "other") as live:
        who = live.call("GET", "/v1/whoami", headers=headers).json
        assert (who["address"], who["secure"]) == ("127.0.0.1", False)
        assert address_seen(live, V1).startswith(b"HTTP/1.1 400")


# --- limits and bad lines ---------------------------------------------------------------------------------------------


def test_too_many_connections_are_told_so(tmp_path):
    """Beyond the limit a connection gets 429 and is closed; one that ends makes room."""
    with Live(tmp_path, limits=LimitRules(connections_per_address=2)) as live:
        kept = [socket.create_connection(("127.0.0.1", live.port)) for _ in range(2)]
        until = time.monotonic() + 10
        while live.server.connections < 2:
            assert time.monotonic() < until
        answer = live.raw(b"")
        assert answer.startswith(b"HTTP/1.1 429")
        assert b"retry-after: 1\r\n" in answer
        kept.pop().close()
        while live.server.connections == 2:
            assert time.monotonic() < until
        assert live.call("GET", "/healthz").status == 200
        kept.pop().close()


def test_a_head_must_end(tmp_path, monkeypatch):
    """A head without end is refused when it has become too long, and its connection closed when it takes too long."""
    monkeypatch.setattr(room, "HEAD_SECONDS_MAX", 0.5)
    with Live(tmp_path) as live:
        long = b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 20_000
        assert live.raw(long).startswith(b"HTTP/1.1 400")
        began = time.monotonic()
        assert live.raw(b"GET / HTTP/1.1\r\nx: ") == b""
        assert live.raw(b"") == b""
        assert time.monotonic() - began < 8


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01",
        b"GET\r\n\r\n",
        b"GET /gr\xc3\xbcn HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_request_gets_a_problem(live, garbage):
    """Bytes that are no HTTP/1.1 are answered 400 as a problem, and the connection is closed."""
    answer = live.raw(garbage)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"application/problem+json" in answer
    assert live.call("GET", "/healthz").status == 200


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS", "DELETE", "PATCH", "PROPFIND"])
def test_other_methods_are_405(live, method):
    """A method that a path does not have is answered 405 with those it has, and never echoes the request."""
    answer = live.call(method, "/v1/deliveries")
    assert (answer.status, answer.headers["allow"], answer.json["reason"]) == (405, "GET, HEAD", "method_not_allowed")
    put = live.call(method, FEED + "a")
    assert (put.status, put.headers["allow"]) == (405, "PUT")
    assert live.call(method, "/nowhere").status == 404


def test_nothing_says_what_serves(live):
    """No answer names the software that serves it, and every one is marked not to be guessed at."""
    for path in ("/healthz", "/nowhere", "/v1/deliveries"):
        headers = live.call("GET", path).headers
        assert "server" not in headers
        assert headers["x-content-type-options"] == "nosniff"


# --- stopping ---------------------------------------------------------------------------------------------------------


def test_stopping_lets_uploads_end(tmp_path):
    """A stopping server takes no more, ends idle connections and long waits at once, and lets an upload finish."""
    with Live(tmp_path) as live:
        idle = http.client.HTTPConnection("127.0.0.1", live.port)
        idle.request("GET", "/healthz")
        idle.getresponse().read()
        waiting = threading.Thread(target=live.call, args=("GET", "/v1/changes?wait=30&after=1000"))
        waiting.start()
        with socket.create_connection(("127.0.0.1", live.port), timeout=10) as upload:
            upload.sendall(live.head("PUT", FEED + "a", "Content-Length: 4", "Expect: 100-continue"))
            upload.recv(100)
            until = time.monotonic() + 10
            while len(live.server._state.tasks) < 2:
                assert time.monotonic() < until
            stopping = asyncio.run_coroutine_threadsafe(live.server.stop(30.0), live.loop)
            waiting.join(15)
            assert not waiting.is_alive()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", live.port))
            assert not stopping.done()
            upload.sendall(b"abcd")
            answer = until_closed(upload)
        assert answer.startswith(b"HTTP/1.1 201")
        assert b"connection: close" in answer
        assert stopping.result(10) == 0
        idle.close()


def test_the_grace_ends(tmp_path):
    """What does not end within the grace is cut; an upload so cut is held, not landed."""
    with Live(tmp_path) as live:
        with socket.create_connection(("127.0.0.1", live.port), timeout=10) as upload:
            upload.sendall(live.head("PUT", FEED + "a", "Content-Length: 9", "Expect: 100-continue"))
            upload.recv(100)
            upload.sendall(b"abcd")
            until = time.monotonic() + 10
            while not any(one.size_bytes for one in live.world.landing._live.values()):
                assert time.monotonic() < until
            assert asyncio.run_coroutine_threadsafe(live.server.stop(0.2), live.loop).result(10) == 1
        assert [path.read_bytes() for path in live.world.objects("held")] == [b"abcd"]
        assert not live.world.objects()
