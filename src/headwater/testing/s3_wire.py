"""HTTP/1.1 as the S3 double speaks it: requests in, answers out, errors in S3's form; it knows no S3 operation."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol, cast
from xml.sax.saxutils import escape

import httptools

STATUSES = {
    "AccessDenied": 403,
    "AuthorizationHeaderMalformed": 400,
    "BadDigest": 400,
    "BadRequest": 400,
    "BucketAlreadyOwnedByYou": 409,
    "ConditionalRequestConflict": 409,
    "EntityTooLarge": 400,
    "EntityTooSmall": 400,
    "IllegalLocationConstraintException": 400,
    "IncompleteBody": 400,
    "InternalError": 500,
    "InvalidAccessKeyId": 403,
    "InvalidArgument": 400,
    "InvalidBucketName": 400,
    "InvalidBucketState": 409,
    "InvalidChunkSizeError": 403,
    "InvalidDigest": 400,
    "InvalidPart": 400,
    "InvalidPartOrder": 400,
    "InvalidRange": 416,
    "InvalidRequest": 400,
    "InvalidURI": 400,
    "KeyTooLongError": 400,
    "MalformedTrailerError": 400,
    "MalformedXML": 400,
    "MetadataTooLarge": 400,
    "MethodNotAllowed": 405,
    "MissingContentLength": 411,
    "NoSuchBucket": 404,
    "NoSuchBucketPolicy": 404,
    "NoSuchKey": 404,
    "NoSuchPublicAccessBlockConfiguration": 404,
    "NoSuchUpload": 404,
    "NoSuchVersion": 404,
    "NotImplemented": 501,
    "NotModified": 304,
    "ObjectLockConfigurationNotFoundError": 404,
    "PreconditionFailed": 412,
    "RequestTimeTooSkewed": 403,
    "SignatureDoesNotMatch": 403,
    "SlowDown": 503,
    "TooManyRequests": 429,
    "XAmzContentSHA256Mismatch": 400,
}


class S3Error(Exception):
    """An answer that says no: the error code of the S3 API reference, its usual status, and a sentence for people."""

    def __init__(self, code: str, message: str = "", *, status: int = 0, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status or STATUSES[code]
        self.headers = headers or {}

    def answer(self) -> Answer:
        """The error as S3 sends it; a 304 has no body."""
        if self.status == HTTPStatus.NOT_MODIFIED:
            return Answer(self.status, self.headers)
        body = tag("Error", leaf("Code", self.code), leaf("Message", self.message))
        return xml_answer(body, self.status, self.headers)


@dataclass(slots=True)
class Request:
    """The head of a request: path and query as they were sent, header names in lower case, repeated ones joined."""

    method: str
    path: bytes
    query: bytes
    headers: dict[str, str]


@dataclass(slots=True)
class Answer:
    """Status, headers, and the pieces of a body of ``size_bytes``; to a HEAD only the head of it is sent."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    content: Iterable[bytes] = ()
    size_bytes: int = 0


def tag(name: str, *content: str) -> str:
    """An XML element around content that is XML already."""
    return f"<{name}>{''.join(content)}</{name}>"


def leaf(name: str, text: object) -> str:
    """An XML element around text."""
    return tag(name, escape(str(text)))


def xml_answer(body: str, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """An answer whose body is this one XML element."""
    content = b'<?xml version="1.0" encoding="UTF-8"?>\n' + body.encode()
    return Answer(status, {"Content-Type": "application/xml", **(headers or {})}, (content,), len(content))


class Call(Protocol):
    """One request under way, as the service behind the wire sees it."""

    @property
    def refused(self) -> bool:
        """Whether the answer is known to be a no."""

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body."""

    async def answer(self) -> Answer | None:
        """Do the work, once the body is whole; None cuts the connection without a word."""


class Connection(asyncio.Protocol):
    """One connection of a client: keep-alive, ``Expect: 100-continue``, one request at a time, never pipelined.

    Work once begun goes on when the client goes away, as on a real server. A body that ends early never begins it.
    """

    def __init__(self, begin: Callable[[Request], Call], http_date: Callable[[], str]) -> None:
        self._begin = begin
        self._http_date = http_date
        self._transport: asyncio.Transport
        self._parser: httptools.HttpRequestParser
        self._url = b""
        self._headers: dict[str, str] = {}
        self._method = ""
        self._call: Call | None = None
        self._working: asyncio.Task[None] | None = None
        self._keep_alive = True
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # noqa: D102
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:  # noqa: D102
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            self._transport.abort()
            raise
        except httptools.HttpParserError:
            self._transport.close()

    def eof_received(self) -> bool:
        """A client that stops sending in the middle of a body hears so, and nothing of it is kept."""
        self._keep_alive = False
        if self._call is not None and self._working is None:
            answer = S3Error("IncompleteBody", "The body ended before the bytes that Content-Length states").answer()
            self._transport.writelines([self._head(answer), *answer.content])
        return self._working is not None

    def pause_writing(self) -> None:  # noqa: D102
        self._writable.clear()

    def resume_writing(self) -> None:  # noqa: D102
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002, D102
        self._call = None
        self._writable.set()

    def abort(self) -> None:
        """End at once, whatever is under way."""
        self._transport.abort()

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Make ready for a head."""
        if self._working is not None:
            raise NotImplementedError("pipelining is not spoken here")
        self._url = b""
        self._headers = {}

    def on_url(self, url: bytes) -> None:
        """Gather the request target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Gather a header; bytes beyond ASCII stay what they were."""
        lower, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[lower] = f"{self._headers[lower]},{text}" if lower in self._headers else text

    def on_headers_complete(self) -> None:
        """Begin the call; one that is refused from its head gets its answer instead of a 100."""
        path, _, query = self._url.partition(b"?")
        self._method = self._parser.get_method().decode()
        self._call = self._begin(Request(self._method, path, query, self._headers))
        if self._headers.get("expect", "").lower() == "100-continue":
            if self._call.refused:
                self._keep_alive = False  # whether the body still comes is the client's choice
                self._start(self._call)
            else:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        """Hand the bytes on."""
        if self._call is not None and self._working is None:
            self._call.feed(data)

    def on_message_complete(self) -> None:
        """The body is whole: work."""
        if self._call is not None and self._working is None:
            self._keep_alive = self._keep_alive and self._parser.should_keep_alive()
            self._start(self._call)

    def _start(self, call: Call) -> None:
        self._working = asyncio.get_running_loop().create_task(self._work(call))

    async def _work(self, call: Call) -> None:
        try:
            answer = await call.answer()
        except BaseException:
            self._transport.abort()
            raise
        if answer is None:
            self._transport.abort()
            return
        self._transport.write(self._head(answer))
        if self._method != "HEAD":
            for piece in answer.content:
                await self._writable.wait()
                if self._transport.is_closing():
                    return
                self._transport.write(piece)
        self._call = self._working = None
        if not self._keep_alive:
            self._transport.close()

    def _head(self, answer: Answer) -> bytes:
        lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        if answer.status not in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}:
            lines.append(f"Content-Length: {answer.size_bytes}")
        if not self._keep_alive:
            lines.append("Connection: close")
        lines += [
            f"Date: {self._http_date()}",
            f"x-amz-request-id: {uuid.uuid4().hex[:16].upper()}",
            "Server: S3Double",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
