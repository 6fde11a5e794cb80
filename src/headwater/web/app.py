"""The one ASGI app: files go straight to their door, everything else through one table of routes."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from starlette.routing import Route as StarletteRoute
from starlette.routing import Router

from headwater.errors import REASONS, HeadwaterError, Misconfigured, Refused
from headwater.gate.allow import Verb
from headwater.gate.allow import scope as reach_of
from headwater.logs import note
from headwater.terms import shown
from headwater.web.answers import JSON, App, MethodNotAllowed, Receive, Scope, Send, json_answer, problem
from headwater.web.calls import Call, Open, Route, admit, asked, given, peer_of
from headwater.web.openapi import document
from headwater.web.routes import ROUTES
from headwater.web.services import Services
from headwater.web.standing import measure

log = logging.getLogger("headwater.web")

FILES: Final = b"/v1/feeds/"
_QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})
_WITH_SLASHES: Final = {"{file}": "{file:path}", "/{feed}/{name}": "/{feed}/{name:path}"}


class Web:
    """Takes every request of a server. `files` is the door for PUT and POST below `/v1/feeds/`, `routes` its calls."""

    def __init__(self, services: Services, files: App, routes: Sequence[Route]) -> None:
        self._files = files

        measure(services)
        described = json_answer(document((*ROUTES, *routes), services.settings.version))

        async def describe(_call: Call) -> App:
            return described

        own = Route(
            method="GET",
            path="/openapi.json",
            verb=Open.TO_ALL,
            about="The description of all other calls.",
            answer=JSON,
            handler=describe,
        )
        by_path: dict[str, dict[str, Route]] = {}
        for route in (*ROUTES, *routes, own):
            by_path.setdefault(route.path, {})[route.method] = route
        endpoints: dict[str, App] = {path: _Endpoint(services, ways, files) for path, ways in by_path.items()}
        self._router = Router(
            [StarletteRoute(_pattern(path), endpoint, include_in_schema=False) for path, endpoint in endpoints.items()],
            redirect_slashes=False,
            default=_nowhere,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["method"] in {"PUT", "POST"} and scope["raw_path"].startswith(FILES):
            await self._files(scope, receive, send)
        else:
            await self._router(scope, receive, send)


def _pattern(path: str) -> str:
    for plain, converting in _WITH_SLASHES.items():
        path = path.replace(plain, converting)
    return path


async def _nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    await problem(Refused("not_found"))(scope, receive, send)


class _Endpoint:
    """All methods of one path."""

    def __init__(self, services: Services, ways: Mapping[str, Route], files: App) -> None:
        self._services = services
        self._ways = ways
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; whatever goes wrong before the first byte of an answer becomes a problem."""
        clock = self._services.clock
        began = clock.monotonic()
        caller = ""
        try:
            call, route = await self._call(scope, receive)
            if route.handler is None:
                await self._files(scope, receive, send)
                return
            caller = call.identified.name if call.identified else ""
            answer = await route.handler(call)
        except HeadwaterError as error:
            answer = problem(error)
            if REASONS[error.reason].http >= 500:  # noqa: PLR2004
                note(
                    log,
                    "failed",
                    level=logging.WARNING,
                    path=scope["path"],
                    reason=error.reason,
                    sentence=error.sentence,
                )
        except Exception:  # whatever it was, the caller gets an answer and the log the whole story
            log.exception("fault", extra={"facts": {"path": scope["path"]}})
            answer = problem(Misconfigured("It is in the log of the server.", "internal"))
        status = getattr(answer, "status", None) or getattr(answer, "status_code", 0)
        self._services.metrics.requests.add(scope["method"] if scope["method"] in self._ways else "other", str(status))
        await answer(scope, receive, send)
        note(
            log,
            "answered",
            level=logging.DEBUG if scope["path"] in _QUIET else logging.INFO,
            sender=caller or None,
            method=scope["method"],
            path=shown(scope["path"]),
            status=status,
            peer=peer_of(scope),
            seconds=round(clock.monotonic() - began, 6),
        )

    async def _call(self, scope: Scope, receive: Receive) -> tuple[Call, Route]:
        services = self._services
        route = self._ways.get("GET" if scope["method"] == "HEAD" else scope["method"])
        if route is None:
            raise MethodNotAllowed(", ".join(sorted({*self._ways, *(["HEAD"] if "GET" in self._ways else [])})))
        if route.apart and services.settings.admin_apart and not scope["state"]["admin"]:
            raise Refused("not_found")
        headers = dict(scope["headers"])
        caller = None
        if route.verb not in {Open.TO_ALL, Open.LOOSE}:
            caller = await admit(services, scope, headers)
            services.limits.request(caller)
            if isinstance(route.verb, Verb):
                reach_of(caller.identity, route.verb)  # a role without the verb learns it before anything else
        query = asked(route.query, scope)
        body = await given(route.body, scope, headers, receive)
        call = Call(
            services=services,
            scope=scope,
            headers=headers,
            path=scope["path_params"],
            query=query,
            body=body,
            identified=caller,
        )
        return call, route
