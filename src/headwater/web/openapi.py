"""The OpenAPI 3.1 description: from the routes and the types that they take and give, so that it cannot lag behind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from headwater.errors import REASONS
from headwater.gate.allow import Verb
from headwater.web.answers import BYTES, ProblemDetails
from headwater.web.asked import ID, WORD
from headwater.web.calls import Open, Route

_BINARY: Final = {"type": "string", "format": "binary"}
_REF: Final = "#/components/schemas/{name}"
_PROBLEM: Final = _REF.format(name=ProblemDetails.__name__)
_PATH: Final[dict[str, dict[str, Any]]] = {
    "id": {"type": "string", "pattern": ID},
    "source": {"type": "string", "pattern": WORD, "minLength": 2, "maxLength": 40},
    "feed": {"type": "string", "pattern": WORD, "minLength": 2, "maxLength": 40},
    "log": {"type": "string", "pattern": "^[0-9a-f]{32}-[0-9]{1,6}$"},
    "file": {"type": "string", "description": "`checkpoint`, `vkey` or `tile/…`; holds `/`."},
    "name": {"type": "string", "minLength": 1, "maxLength": 1024},
}
_ALWAYS: Final = ("bad_request", "method_not_allowed", "internal", "books_unavailable")
_KNOWN: Final = ("unauthenticated", "address_not_allowed", "insecure", "factors_missing", "banned", "too_many", "busy")


def document(routes: Sequence[Route], version: str) -> dict[str, Any]:
    """The description of these routes."""
    types = [kind for route in routes for kind in (route.answer, route.body) if not isinstance(kind, bytes | None)]
    _, schemas = msgspec.json.schema_components([*types, ProblemDetails], ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Headwater",
            "version": version,
            "description": "Lands deliveries byte for byte, and answers whether they are here and whole.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
                "certificate": {"type": "mutualTLS"},
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{route.method.lower()}{re.sub(r'[^a-z]+', '_', route.path)}".rstrip("_"),
        "summary": route.about,
        "parameters": [*_path_parameters(route), *query_parameters(route), *_headers(route)],
        "responses": _responses(route),
    }
    if route.verb is not Open.TO_ALL:
        operation["security"] = [{"bearer": []}, {"basic": []}, {"certificate": []}]
    if route.verb is Open.LOOSE:
        operation["security"].append({})
    if isinstance(route.verb, Verb):
        operation["description"] = f"Needs `{route.verb}`."
    if route.body is not None:
        schema = {"$ref": _REF.format(name=route.body.__name__)}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if route.takes_bytes:
        operation["requestBody"] = {"required": True, "content": {"*/*": {"schema": _BINARY}}}
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _PATH[name]}
        for name in re.findall(r"{(\w+)}", route.path)
    ]


def query_parameters(route: Route) -> list[dict[str, Any]]:
    """The fields of a route's query."""
    if route.query is None:
        return []
    schema = msgspec.json.schema(route.query)
    (body,) = [body for body in schema["$defs"].values() if body.get("title") == route.query.__name__]
    needed = body.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in needed, "schema": _inlined(field, schema["$defs"])}
        for name, field in body["properties"].items()
    ]


def _inlined(field: Any, definitions: dict[str, Any]) -> Any:
    """A parameter's schema without references, and without the null that JSON alone can say."""
    if "$ref" in field:
        return definitions[field["$ref"].rpartition("/")[2]]
    if "anyOf" in field:
        options = [option for option in field["anyOf"] if option != {"type": "null"}]
        return _inlined(options[0], definitions) if len(options) == 1 else {"anyOf": options}
    return {key: value for key, value in field.items() if key != "default" or value is not None}


def _headers(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "header", "required": False, "description": about, "schema": schema}
        for name, about, schema in route.headers
    ]


def _responses(route: Route) -> dict[str, Any]:
    media = route.answer.decode() if isinstance(route.answer, bytes) else "application/json"
    media = "application/octet-stream" if route.answer == BYTES else media
    schema = _BINARY if isinstance(route.answer, bytes) else {"$ref": _REF.format(name=route.answer.__name__)}
    content = {media: {"schema": schema}}
    if route.also is not None:
        content[route.also.decode()] = {"schema": _BINARY}
    good = {"description": "Done.", "content": content}
    responses: dict[str, Any] = {str(status): good for status in (route.status, *route.statuses)}
    reasons: dict[int, list[str]] = {}
    known = _KNOWN if route.verb is not Open.TO_ALL else ()
    allowed = ("not_allowed", "not_found") if route.verb not in {Open.TO_ALL, Open.TO_KNOWN} else ()
    body = ("unsupported", "too_large") if route.body is not None else ()
    for reason in (*_ALWAYS, *known, *allowed, *body, *route.reasons):
        reasons.setdefault(REASONS[reason].http, []).append(reason)
    for status, names in sorted(reasons.items()):
        responses.setdefault(
            str(status),
            {
                "description": " ".join(f"`{name}`: {REASONS[name].title}." for name in dict.fromkeys(names)),
                "content": {"application/problem+json": {"schema": {"$ref": _PROBLEM}}},
            },
        )
    return responses
