"""Calls of the HTTP API, over any transport: values in, values out, problems as errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from headwater.errors import REASONS, Damaged, HeadwaterError, Misconfigured, Refused, Unavailable
from headwater.zone.transport import Reply, Transport

T = TypeVar("T")

_OUTSIDE = frozenset({503, 504, 507})
_BAD_GATEWAYS = frozenset({502, 503, 504})
_OK_BELOW = 300
_FAULT = 500
_RETRY_SECONDS = 5


class _Problem(msgspec.Struct, frozen=True):
    reason: str
    detail: str = ""


class Calls:
    """The API at the other end of a transport."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    def get(self, target: str, answer: type[T], **query: Any) -> T:
        """The answer to a GET; fields of the query that are None are left out."""
        return _value(self.stream(target, **query), answer)

    def text(self, target: str, **query: Any) -> str:
        """The same, of an answer that is text."""
        return self.stream(target, **query).read().decode()

    def post(self, target: str, answer: type[T], body: dict[str, Any]) -> T:
        """The answer to a POST of a JSON object."""
        headers = {"content-type": "application/json"}
        return _value(self.request("POST", target, headers, msgspec.json.encode(body)), answer)

    def stream(self, target: str, headers: Mapping[str, str] | None = None, **query: Any) -> Reply:
        """The answer to a GET, its body not read yet."""
        pairs = {name: _plain(value) for name, value in query.items() if value is not None}
        return self.request("GET", f"{target}?{urlencode(pairs)}" if pairs else target, headers or {})

    def request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | Iterable[bytes] | None = None
    ) -> Reply:
        """Any call. Raises what a problem says: Refused, Unavailable, Damaged, Misconfigured."""
        reply = self.transport.request(method, target, headers, body)
        if reply.status >= _OK_BELOW:
            raise _failure(reply, self.transport.name)
        return reply

    def close(self) -> None:
        """Closes the transport."""
        self.transport.close()


def name_target(name: str) -> str:
    """A file's name as the rest of a path: percent-encoded, slashes kept; bytes that are not UTF-8 as they are."""
    return quote(name.encode(errors="surrogateescape"), safe="/")


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(reply: Reply, answer: type[T]) -> T:
    try:
        return msgspec.json.decode(reply.read(), type=answer)
    except msgspec.DecodeError as error:
        raise Unavailable("server_unavailable", f"The answer cannot be understood: {error}.") from error


def _failure(reply: Reply, name: str) -> HeadwaterError:
    retry_after = reply.headers.get("retry-after", "")
    retry_seconds = int(retry_after) if retry_after.isdecimal() else _RETRY_SECONDS
    try:
        problem = msgspec.json.decode(reply.read(), type=_Problem)
    except msgspec.DecodeError:
        problem = _Problem("")
    if problem.reason not in REASONS:  # a proxy's own words, or a newer server's
        sentence = f"{name} answered {reply.status}. {problem.detail}".rstrip()
        if reply.status in _BAD_GATEWAYS:
            return Unavailable("server_unavailable", sentence, retry_after_seconds=retry_seconds)
        return Refused("not_found" if reply.status == REASONS["not_found"].http else "bad_request", sentence)
    if problem.reason == "damaged":
        return Damaged(problem.detail)
    status = REASONS[problem.reason].http
    if status in _OUTSIDE:
        return Unavailable(problem.reason, problem.detail, retry_after_seconds=retry_seconds)
    if status == _FAULT:
        return Misconfigured(problem.detail, problem.reason)
    return Refused(problem.reason, problem.detail)
