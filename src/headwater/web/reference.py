"""The page `docs/reference/http-api.md`: prose that stays true, and the routes as the code has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from headwater.errors import REASONS
from headwater.gate.allow import TABLE, Verb
from headwater.web.calls import Open, Route
from headwater.web.openapi import query_parameters

_PREFACE: Final = """\
# The HTTP API

This page is made from the code; a running server gives the same for programs, as OpenAPI 3.1, at `/openapi.json`.

**Who calls** shows a bearer token (`Authorization: Bearer hw_…`), a client certificate, or, over TLS or on loopback,
Basic with its name and its token or password. Each role has its verbs: a sender lands, and sees what it delivered
itself; the others see the feeds that they were granted. What one may not see is not found: 404.

**What goes wrong** is answered as `application/problem+json` (RFC 9457) with a stable `reason` of
[the table](errors.md), and with `attempt` wherever there is one. `Retry-After` says when to come again.

**Landing.** `PUT` sends one file, `POST` one push without a name. 201 is the yes: the bytes are durable and the receipt
is in the ledger. Every answer about an attempt has its id in `Headwater-Attempt`.

- The name is what stands behind the feed, percent-decoded once. It may hold `/` and any byte but NUL, up to 1,024 of
  them; it is data, never a path. A path that ends in `/` is for `curl -T`, which appends the file's name.
- The request says where the file ends: by `Content-Length`, or by chunks. Neither is refused.
- The bytes land as they came, whatever `Content-Encoding` says of them. Parts of files (`Content-Range`) are refused.
- A `Content-Length` that is reached, or a digest that agrees (`Content-Digest`, `Repr-Digest`, `Content-MD5`), makes a
  delivery `proven`; a chunked body without any, `presumed`. One that disagrees is refused and kept as evidence.
- A connection that ends before its body does never lands: what came is held, and `GET /v1/attempts` tells.
- With `Expect: 100-continue` a refusal comes before the body. Without it, a refused sender of more than 64 KiB gets the
  answer and then the end of the connection.
- Under an `Idempotency-Key` (by sender and feed, 7 days) the same bytes land once: 200, the first receipt,
  `Idempotent-Replayed: true`. Other bytes: 422. Still on its way: 409 and `Retry-After`.
- 202 is not a yes: landing takes longer than `answer_within`. `Location` names the attempt to ask for.
- A push is named by its attempt's id, with an ending by its media type. Any durability but `zone` is refused yet.

**Reading.** Lists come in pages; `Link: <…>; rel="next"` and `next` lead on. Positions never change and nothing appears
below one that was answered, so whoever keeps the last position reads everything exactly once. A `feed` is written
`source/feed`. Bytes are given as an attachment without any encoding, whole or one range, with `ETag` (the SHA-256) and
`Repr-Digest`.

**Operators' calls** (marked *apart*) answer on the `[admin]` listener alone, where there is one. Their bodies are JSON
with `Content-Type: application/json`; unknown fields are refused.

"""


def reference(routes: Sequence[Route]) -> str:
    """The page."""
    return _PREFACE + "\n".join(line for route in routes for line in _section(route))


def _section(route: Route) -> Iterator[str]:
    yield f"## `{route.method} {route.path}`"
    yield ""
    yield f"{route.about} {_who(route)}"
    yield ""
    parameters = [(one["name"], "query", one["schema"], one["required"]) for one in query_parameters(route)]
    parameters += [(name, "header", {"description": about}, False) for name, about, _ in route.headers]
    if route.body is not None:
        parameters += _body(route)
    if parameters:
        yield "| field | in | what |"
        yield "|---|---|---|"
        for name, place, schema, required in parameters:
            yield f"| `{name}`{' (needed)' if required else ''} | {place} | {_what(schema)} |"
        yield ""
    answer = f"`{route.answer.decode()}`" if isinstance(route.answer, bytes) else f"`{route.answer.__name__}`"
    statuses = ", ".join(map(str, sorted({route.status, *route.statuses})))
    reasons = ", ".join(f"`{reason}` ({REASONS[reason].http})" for reason in route.reasons)
    yield f"Answers {statuses} with {answer}.{f' May refuse with {reasons}.' if reasons else ''}"
    yield ""


def _who(route: Route) -> str:
    apart = " *Apart.*" if route.apart else ""
    match route.verb:
        case Open.TO_ALL:
            return f"Open to all.{apart}"
        case Open.TO_KNOWN:
            return f"For everybody who is let in.{apart}"
        case Verb():
            roles = ", ".join(role for role, verbs in TABLE.items() if route.verb in verbs)
            return f"Verb `{route.verb}`: {roles}.{apart}"
    return apart.strip()


def _body(route: Route) -> list[tuple[str, str, dict[str, Any], bool]]:
    schema = msgspec.json.schema(route.body)
    fields = schema["$defs"][route.body.__name__] if route.body else {}
    needed = fields.get("required", [])
    return [(name, "body", field, name in needed) for name, field in fields["properties"].items()]


def _what(schema: dict[str, Any]) -> str:
    """A schema in a few words."""
    options = [option for option in schema.get("anyOf", [schema]) if option != {"type": "null"}]
    schema = {**schema, **options[0]}
    words = [schema["description"]] if "description" in schema else []
    if "enum" in schema:
        words.append(", ".join(f"`{value}`" for value in schema["enum"]))
    elif "type" in schema and not words:
        words.append(schema["type"])
    if "minimum" in schema and "maximum" in schema and schema["maximum"] < 10**6:
        words.append(f"{schema['minimum']} to {schema['maximum']}")
    if schema.get("default") not in (None, [], False, ""):
        words.append(f"default `{schema['default']}`")
    return "; ".join(words).replace("|", "\\|")
