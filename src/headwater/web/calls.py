"""One request to the read API, checked: who calls, what is asked for. And the routes that take such calls."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from headwater.errors import Refused
from headwater.gate.allow import Verb
from headwater.gate.identify import Caller
from headwater.terms import Door
from headwater.web.answers import JSON, App, Receive, Scope
from headwater.web.asked import Asked
from headwater.web.services import Services

BODY_BYTES_MAX: Final = 64 * 1024
_QUERY_FIELDS_MAX: Final = 50


class Open(Enum):
    """Routes that need no verb: everybody's, or everybody's who is let in. `LOOSE` ones decide for themselves."""

    TO_ALL = "all"
    TO_KNOWN = "known"
    LOOSE = "loose"


@dataclass(frozen=True, kw_only=True)
class Route:
    """One line of the table. `path` holds `{parameters}`; `handler` is None where a door answers.

    `answer` is the type of the JSON answer, or a media type, `also` another one; `statuses` are others that give the
    same. `headers` are those that are understood, each with meaning and schema. `reasons` are refusals beside those
    that any call can get.
    `apart`: where there is an admin listener, it answers there alone.
    """

    method: str
    path: str
    verb: Verb | Open
    about: str
    answer: Any
    handler: Callable[[Call], Awaitable[App]] | None = None
    query: type[Asked] | None = None
    body: type[Asked] | None = None
    takes_bytes: bool = False
    also: bytes | None = None
    headers: tuple[tuple[str, str, dict[str, Any]], ...] = ()
    status: int = 200
    statuses: tuple[int, ...] = ()
    reasons: tuple[str, ...] = ()
    apart: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request whose credentials, query and body were accepted."""

    services: Services
    scope: Scope
    headers: Mapping[bytes, bytes]
    path: Mapping[str, str]
    query: Any
    body: Any
    identified: Caller | None

    @property
    def caller(self) -> Caller:
        """Who calls; on routes that let nobody in unknown."""
        if self.identified is None:
            msg = "this route is open to all"
            raise RuntimeError(msg)
        return self.identified


async def admit(services: Services, scope: Scope, headers: Mapping[bytes, bytes]) -> Caller:
    """Who sends this request: by bearer token, basic credentials or client certificate. Raises as `Admission.admit`."""
    token, basic = _credentials(headers.get(b"authorization"))
    return await services.admission.admit(
        Door.HTTP,
        peer_of(scope),
        secure=scope["scheme"] == "https",
        token=token,
        basic=basic,
        certificate=scope["state"].get("certificate"),
        detail=f"{scope['method']} {scope['path']}",
    )


def peer_of(scope: Scope) -> str:
    """The address that the request comes from."""
    client = scope["client"]
    return client[0] if client else ""


def _credentials(value: bytes | None) -> tuple[str | None, tuple[str, str] | None]:
    """(token, None) of a bearer (RFC 6750), (None, (name, secret)) of basic (RFC 7617)."""
    if value is None:
        return None, None
    scheme, _, rest = value.partition(b" ")
    match scheme.lower():
        case b"bearer":
            return rest.strip().decode("latin-1"), None
        case b"basic":
            try:
                pair = base64.b64decode(rest.strip(), validate=True).decode(errors="surrogateescape")
            except (binascii.Error, ValueError):
                pair = ""
            name, _, secret = pair.partition(":")
            return None, (name, secret)
    return None, None


def asked(kind: type[Asked] | None, scope: Scope) -> Asked | None:
    """The query as the route's type. Raises Refused("bad_request"), saying which field is wrong."""
    if kind is None:
        return None
    text = scope["query_string"].decode("latin-1")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_QUERY_FIELDS_MAX, errors="strict")
    except ValueError as error:
        raise Refused("bad_request", "The query cannot be read.") from error
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise Refused("bad_request", "Each field of the query may stand there once.")
    try:
        found = msgspec.convert(fields, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Refused("bad_request", f"The query is not right: {error}.") from error
    understood = msgspec.to_builtins(found)
    for name in fields:
        if understood[name] is None:  # msgspec takes the word "null" for it
            raise Refused("bad_request", f"The query is not right: {name} cannot be null.")
    return found


async def given(
    kind: type[Asked] | None, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive
) -> Asked | None:
    """The JSON body as the route's type. Raises Refused("bad_request", "unsupported", "too_large", "cut")."""
    if kind is None:
        return None
    media = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media != JSON:  # also what keeps a foreign web page from calling with a browser's own credentials
        raise Refused("unsupported", "Send the body as application/json.")
    data = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused("cut")
        data += message.get("body", b"")
        more = message.get("more_body", False)
        if len(data) > BODY_BYTES_MAX:
            raise Refused("too_large", f"A call's body may have {BODY_BYTES_MAX} bytes.")
    if broken := scope["state"].get("broken"):
        raise Refused("bad_request", broken)
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("bad_request", f"The body is not right: {error}.") from error
