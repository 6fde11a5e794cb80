"""Answers, as bare ASGI: JSON of the API's values, and problems (RFC 9457) from the one table of reasons."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final

import msgspec

from headwater.errors import REASONS, HeadwaterError, Refused, Unavailable
from headwater.gate.refusals import TryLater
from headwater.terms import Id, shown

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]

JSON: Final = b"application/json"
TEXT: Final = b"text/plain; charset=utf-8"
BYTES: Final = b"application/octet-stream"

_NOSNIFF: Final = (b"x-content-type-options", b"nosniff")
_NO_STORE: Final = (b"cache-control", b"no-store")
_CHALLENGE: Final = (b"www-authenticate", b'Bearer realm="headwater", Basic realm="headwater", charset="UTF-8"')
_CLOSE: Final = (b"connection", b"close")
_IN_PROGRESS_SECONDS: Final = 5

_encode = msgspec.json.Encoder().encode


class ProblemDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong. `reason` is stable and for programs, `detail` for people; `attempt` can be looked up."""

    type: str
    title: str
    status: int
    detail: str
    reason: str
    attempt: Id | None = None


class MethodNotAllowed(Refused):
    """Refused("method_not_allowed"), with the methods that the path has: RFC 9110 §15.5.6 wants them told."""

    def __init__(self, allowed: str, sentence: str = "") -> None:
        super().__init__("method_not_allowed", sentence)
        self.allowed = allowed


class Answer:
    """A whole answer; awaited with an ASGI exchange, it is sent."""

    __slots__ = ("body", "headers", "status")

    def __init__(
        self, status: int, body: bytes = b"", media: bytes = JSON, headers: Headers = (), cache: bytes | None = None
    ) -> None:
        self.status = status
        self.body = body
        self.headers = [
            (b"content-type", media),
            (b"content-length", b"%d" % len(body)),
            _NOSNIFF,
            _NO_STORE if cache is None else (b"cache-control", cache),
            *headers,
        ]

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Sends it."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})

    async def send_and_close(self, send: Send, linger: Awaitable[None]) -> None:
        """Sends it to a client whose body was not read to its end, and closes the connection after `linger`.

        A connection closed with bytes unread is reset (RFC 9112 §9.6), and the client may never see the answer: so it
        is sent first, and what the client had on its way is taken in.
        """
        await send({"type": "http.response.start", "status": self.status, "headers": [*self.headers, _CLOSE]})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        await linger
        await send({"type": "http.response.body", "body": b""})


def json_answer(value: Any, status: int = 200, headers: Headers = ()) -> Answer:
    """A value of the API."""
    return Answer(status, _encode(value), JSON, headers)


def attempt_header(attempt: Id) -> tuple[bytes, bytes]:
    """Names the attempt that an answer is about."""
    return b"headwater-attempt", attempt.encode()


def problem(error: HeadwaterError, attempt: Id | None = None, headers: Headers = ()) -> Answer:
    """The answer to a failure: status and title by its reason."""
    reason = REASONS[error.reason]
    body = _encode(
        ProblemDetails(
            f"urn:headwater:problem:{error.reason}",
            reason.title,
            reason.http,
            shown(error.sentence),
            error.reason,
            attempt,
        )
    )
    more = list(headers)
    if error.reason == "unauthenticated":
        more.append(_CHALLENGE)
    if isinstance(error, MethodNotAllowed):
        more.append((b"allow", error.allowed.encode()))
    if seconds := _retry_after(error):
        more.append((b"retry-after", b"%d" % seconds))
    if attempt is not None:
        more.append(attempt_header(attempt))
    return Answer(reason.http, body, b"application/problem+json", more)


def _retry_after(error: HeadwaterError) -> int | None:
    if isinstance(error, Unavailable | TryLater):
        return error.retry_after_seconds
    return _IN_PROGRESS_SECONDS if error.reason == "in_progress" else None
