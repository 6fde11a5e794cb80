from __future__ import annotations

import contextlib

import botocore.exceptions
import pytest

from headwater.testing.s3_double import Fault
from tests.unit.testing.s3_calls import connect, head, outcome, receive, send


class TestBodies:
    def test_cut_short(self, double):
        """A connection that ends inside a body stores nothing, and was no call."""
        with connect(double) as connection:
            connection.sendall(head(double, "PUT", "/b/k", content_length="10") + b"12345")
        assert send(double, head(double, "HEAD", "/b"))[0] == 200
        assert (double.objects("b"), double.calls["PutObject"]) == ({}, 0)

    def test_half_closed(self, double):
        """A client that stops sending inside a body, and still listens, hears IncompleteBody."""
        with connect(double) as connection:
            connection.sendall(head(double, "PUT", "/b/k", content_length="10") + b"12345")
            connection.shutdown(1)
            status, body = receive(connection)
        assert (status, "IncompleteBody" in body, double.objects("b")) == (400, True, {})

    def test_half_closed_after(self, double):
        """A client that stops sending after its request still gets the answer."""
        double.latency_seconds = 0.05
        with connect(double) as connection:
            connection.sendall(head(double, "PUT", "/b/k", content_length="1") + b"1")
            connection.shutdown(1)
            assert receive(connection)[0] == 200
            assert connection.recv(1) == b""

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({}, 411),
            ({"transfer_encoding": "chunked"}, 501),
            ({"content_length": str((5 << 30) + 1), "expect": "100-continue"}, 400),
        ],
    )
    def test_length(self, double, headers, status):
        """A Put must state its length, in the way that S3 takes it and within 5 GiB."""
        body = b"0\r\n\r\n" if "transfer_encoding" in headers else b""
        assert send(double, head(double, "PUT", "/b/k", **headers) + body)[0] == status
        assert double.objects("b") == {}


class TestExpect:
    def test_continue(self, double):
        """A client that expects 100-continue is asked for the body."""
        with connect(double) as connection:
            connection.sendall(head(double, "PUT", "/b/k", content_length="1", expect="100-continue"))
            assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(b"1")
            assert receive(connection)[0] == 200
        assert double.objects("b") == {"k": b"1"}

    def test_refused(self, double):
        """What is refused from its head is answered before the body, and the connection ends."""
        with connect(double) as connection:
            connection.sendall(head(double, "PUT", "/none/k", content_length="1", expect="100-continue"))
            assert receive(connection)[0] == 404
            assert connection.recv(1) == b""


class TestConnections:
    def test_keep_alive(self, double):
        """One connection serves many requests, errors and bodies that nobody wanted among them."""
        with connect(double) as connection:
            for target, status in (("/b/k", 200), ("/none/k", 404), ("/b/k?torrent", 501), ("/b/k", 200)):
                connection.sendall(head(double, "PUT", target, content_length="100000") + b"x" * 100_000)
                assert receive(connection)[0] == status

    def test_head_has_no_body(self, double, s3):
        """The answer to HEAD states the length of the object and brings none of it."""
        s3.put_object(Bucket="b", Key="k", Body=b"x" * 1000)
        with connect(double) as connection:
            for _ in range(2):
                connection.sendall(head(double, "HEAD", "/b/k"))
                assert receive(connection, "HEAD") == (200, "")

    def test_pieces(self, double):
        """A request may come a byte at a time."""
        with connect(double) as connection:
            for byte in head(double, "PUT", "/b/a%20b", content_length="3") + b"abc":
                connection.sendall(bytes([byte]))
            assert receive(connection)[0] == 200
        assert double.objects("b") == {"a b": b"abc"}

    def test_pipelining(self, double):
        """A second request before the first one's answer ends the connection; the first one is done all the same."""
        request = head(double, "PUT", "/b/k", content_length="1") + b"1"
        with connect(double) as connection, contextlib.suppress(ConnectionResetError):
            connection.sendall(request + request)
            assert connection.recv(1) == b""
        assert send(double, head(double, "HEAD", "/b"))[0] == 200
        assert (double.objects("b"), double.calls["PutObject"]) == ({"k": b"1"}, 1)

    @pytest.mark.parametrize("request_", [b"nonsense\r\n\r\n", b"GET / HTTP/x\r\n\r\n"])
    def test_no_http(self, double, request_):
        """What is not HTTP/1 ends its connection and no other."""
        with connect(double) as connection:
            connection.sendall(request_)
            assert connection.recv(1) == b""
        assert send(double, head(double, "HEAD", "/b"))[0] == 200

    def test_slow_reader(self, double, s3):
        """A reader that goes away in the middle of a large answer leaves the double well."""
        s3.put_object(Bucket="b", Key="k", Body=b"x" * 30_000_000)
        with connect(double) as connection:
            connection.sendall(head(double, "GET", "/b/k"))
            assert connection.recv(1000)
        assert outcome(s3.head_object, Bucket="b", Key="k") == (200, "")

    def test_large_answer(self, s3):
        """A large object streams whole to a reader slower than the double."""
        body = bytes(range(256)) * 120_000
        s3.put_object(Bucket="b", Key="k", Body=body)
        assert b"".join(s3.get_object(Bucket="b", Key="k")["Body"].iter_chunks(100_000)) == body


class TestSignatures:
    def test_wrong_keys(self, double):
        """A wrong secret and an unknown key are refused, each with its code, and nothing is done."""
        double.secret_key, right = "other", double.secret_key
        assert outcome(double.client().put_object, Bucket="b", Key="k") == (403, "SignatureDoesNotMatch")
        double.secret_key, double.access_key = right, "OTHER"
        assert outcome(double.client().put_object, Bucket="b", Key="k") == (403, "InvalidAccessKeyId")
        assert double.objects("b") == {}

    def test_other_region(self, double):
        """A request signed for another region is refused."""
        double.region = "eu-west-1"
        answer = outcome(double.client().list_objects_v2, Bucket="b")
        assert answer == (400, "AuthorizationHeaderMalformed")

    @pytest.mark.parametrize(
        ("old", "new", "code"),
        [
            (b"/b/k", b"/b/l", "SignatureDoesNotMatch"),
            (b"x-amz-meta-a: 1", b"x-amz-meta-a: 2", "SignatureDoesNotMatch"),
            (b"x-amz-meta-a: 1", b"x-amz-meta-a: 1\r\nx-amz-meta-b: 1", "AccessDenied"),
            (b"AWS4-HMAC-SHA256 ", b"AWS ", "AuthorizationHeaderMalformed"),
            (b"Authorization", b"X-Authorization", "AccessDenied"),
            (b"X-Amz-Date", b"X-Date", "AccessDenied"),
            (b"X-Amz-Content-SHA256", b"X-Content-SHA256", "InvalidRequest"),
        ],
    )
    def test_changed(self, double, old, new, code):
        """A head that was changed after it was signed is refused, and so is one that is not whole."""
        request = head(double, "PUT", "/b/k", content_length="0", x_amz_meta_a="1")
        assert old in request
        assert f"<Code>{code}</Code>" in send(double, request.replace(old, new, 1))[1]
        assert double.objects("b") == {}

    def test_target_as_sent(self, double):
        """A target that escapes more or less than it must still has the signature of its canonical form."""
        request = head(double, "PUT", "/b/a~b", content_length="0").replace(b"a~b", b"%61%7eb", 1)
        assert send(double, request)[0] == 200
        assert double.objects("b") == {"a~b": b""}

    @pytest.mark.parametrize("target", ["/b/%FF", "/b?prefix=%FF"])
    def test_no_utf8(self, double, target):
        """A key that is not UTF-8 is refused."""
        assert "<Code>InvalidURI</Code>" in send(double, head(double, "GET", target))[1]


def test_no_retry(double):
    """The double's own client tries once, so that what a test sees is what was answered."""
    double.faults.add(Fault("PutObject", status=None))
    with pytest.raises(botocore.exceptions.ConnectionClosedError):
        double.client().put_object(Bucket="b", Key="k")
    assert double.calls == {"PutObject": 1}
