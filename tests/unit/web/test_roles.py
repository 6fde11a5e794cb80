"""Route × role: every route of the table, asked by every role and by nobody."""

from __future__ import annotations

import pytest

from headwater.doors.http.door import ROUTES as DOOR_ROUTES
from headwater.gate.allow import TABLE, Reach, Verb
from headwater.terms import Role
from headwater.web.calls import Open, Route
from headwater.web.routes import ROUTES
from tests.unit.web.live import Live
from tests.unit.web.world import LOG

EVERY = (*ROUTES, *DOOR_ROUTES)
WHO = {role: "shop" if role is Role.SENDER else role.value for role in Role}
BODIES = {
    "/v1/deliveries/{id}/void": {"reason": "r"},
    "/v1/senders": {"name": "made-sender", "allow": ["acme-crm/*"], "token": True},
    "/v1/users": {"name": "made-user", "role": "auditor", "token": True},
    "/v1/senders/{name}/root": {"root": None},
}


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """One server for all of them, with a delivery of acme's and, for each role, what it is to change."""
    with Live(tmp_path_factory.mktemp("roles")) as running:
        yield running


@pytest.fixture(scope="module")
def landed(live):
    """A delivery of acme's, which the sender `shop` may not see."""
    return live.call("PUT", "/v1/feeds/acme-crm/daily/a.csv", b"a").json["receipt"]["id"]


def ask(live: Live, route: Route, landed: str, who: str | None) -> int:
    """The status of a route for somebody."""
    name = "acme" if "/senders" in route.path else "reader"
    path = route.path.replace("{id}", landed).replace("{log}", LOG).replace("{file}", "tile/entries/000.p/9")
    path = path.replace("{source}", "acme-crm").replace("{feed}", "daily").replace("/daily/{name}", "/daily/x.csv")
    path = path.replace("{name}", name) + ("?from=127.0.0.1" if path.endswith("/check") else "")
    if route.takes_bytes:
        return live.call(route.method, path, b"bytes", who=who).status
    body = BODIES.get(route.path, {}) if route.body else None
    if "revoke" in path:  # of something that is not there: it is the gate that is asked
        body = {"credential": "no-such-credential"}
    return live.call(route.method, path, body, who=who).status


def expected(route: Route, role: Role | None) -> set[int]:
    """What a route is to answer."""
    if route.verb is Open.TO_ALL or route.path == "/metrics":  # from loopback
        return {200}
    if role is None:
        return {401}
    if route.verb is Open.TO_KNOWN:
        return {200}
    verb = Verb.LEDGER_ENTRIES if route.path.startswith("/ledger") else route.verb
    assert isinstance(verb, Verb)
    reach = TABLE[role].get(verb)
    if reach is None:
        return {403}
    others = role is Role.SENDER and any(part in route.path for part in ("{id}", "{source}"))
    if others:  # another sender's things are not there
        return {404}
    return {404} if "revoke" in route.path else {404, 200} if "ledger" in route.path else {route.status, 400, 409}


@pytest.mark.parametrize("role", [*Role, None])
@pytest.mark.parametrize("route", EVERY, ids=lambda route: f"{route.method} {route.path}")
def test_a_route_answers_those_it_is_for(live, landed, route, role):
    """Who has the verb is served, who lacks it gets 403, who may not see the thing 404, who is nobody 401."""
    status = ask(live, route, landed, WHO[role] if role else None)
    assert status in expected(route, role)
    if role is not None and isinstance(route.verb, Verb) and TABLE[role].get(route.verb) is Reach.ALL:
        assert status < 400 or status in {404, 409, 400}


def test_every_route_has_a_verb_or_says_that_it_needs_none():
    """What is open to all is on a short list; nothing becomes so by being forgotten."""
    opened = {route.path for route in EVERY if route.verb is Open.TO_ALL}
    assert opened == {"/healthz", "/readyz"}
    assert {route.path for route in EVERY if route.verb is Open.LOOSE} == {"/ledger/{log}/{file}", "/metrics"}
    assert {route.path for route in EVERY if route.verb is Open.TO_KNOWN} == {"/v1/whoami"}


def test_operators_calls_answer_on_their_own_listener(tmp_path):
    """Where there is an admin listener, the calls that change things and /metrics are not found on the public one."""
    apart = [route for route in ROUTES if route.apart]
    assert {route.path for route in apart if route.verb in {Verb.ADMIN, Verb.OPERATE}} == {
        route.path for route in ROUTES if route.verb in {Verb.ADMIN, Verb.OPERATE}
    }
    with Live(tmp_path, admin_apart=True) as live:
        for path in ("/v1/senders", "/metrics", "/v1/users/admin"):
            assert live.call("GET", path, who="admin").status == 404
            assert live.call("GET", path, who="admin", port=live.admin_port).status == 200
        assert live.call("GET", "/v1/whoami", who="admin").status == 200
