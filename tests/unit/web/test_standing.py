"""How the server is, what its ledger shows, and what it says of its own API."""

from __future__ import annotations

import re
from pathlib import Path

from headwater.doors.http.door import ROUTES as DOOR_ROUTES
from headwater.ledger.note import Checkpoint, Verifier, open_note
from headwater.web.reference import reference
from headwater.web.routes import ROUTES
from tests.unit.web.live import Live
from tests.unit.web.world import LOG

PAGE = Path(__file__).parents[3] / "docs/reference/http-api.md"


def test_ready_says_what_is_not(live):
    """/healthz answers while the process does; /readyz turns to 503 with the reasons when it cannot land."""
    assert live.call("GET", "/readyz", who=None).json == {"ready": True, "problems": []}
    live.world.problems.append("The zone is full.")
    answer = live.call("GET", "/readyz", who=None)
    assert (answer.status, answer.json["problems"]) == (503, ["The zone is full."])
    assert live.call("GET", "/healthz", who=None).json["status"] == "ok"


def test_what_happened_is_measured(live):
    """Requests, landings, bytes, refusals and latencies are counted; no sender, feed or name is among the labels."""
    live.call("PUT", "/v1/feeds/acme-crm/daily/secret-name", b"abc")
    live.call("PUT", "/v1/feeds/acme-crm/daily/..", b"abc")
    live.call("BREW", "/v1/deliveries")
    text = live.call("GET", "/metrics", who=None).body.decode()
    assert 'headwater_landed_bytes_total{door="http"} 3\n' in text
    assert 'headwater_not_landed_total{door="http",reason="bad_name"} 1\n' in text
    assert 'headwater_seal_seconds_count{door="http"} 1\n' in text
    assert 'headwater_http_requests_total{method="PUT",status="201"} 1\n' in text
    assert re.search(r"^headwater_ledger_entries [1-9]\d*$", text, re.MULTILINE)
    assert re.search(r"^headwater_catalog_lag_entries \d+$", text, re.MULTILINE)
    assert "headwater_memory_used_bytes 0\n" in text
    assert not re.search("acme|secret", text)


def test_the_ledger_can_be_read(live):
    """A checkpoint covers what landed before; checkpoint, key and tiles are given to all who are let in."""
    for number in range(3):
        live.call("PUT", f"/v1/feeds/acme-crm/daily/{number}", b"x")
    note = live.call("GET", "/v1/checkpoint").body.decode()
    vkey = live.call("GET", f"/ledger/{LOG}/vkey").body.decode().strip()
    checkpoint = Checkpoint.parse(open_note(note, [Verifier.parse(vkey)]))
    assert checkpoint.size == len(live.run(live.world.entries))
    assert live.call("GET", f"/ledger/{LOG}/checkpoint").body.decode() == note
    tile = f"/ledger/{LOG}/tile/0/000.p/{checkpoint.size}"
    assert len(live.call("GET", tile).body) == 32 * checkpoint.size
    bundle = tile.replace("tile/0", "tile/entries")
    assert live.call("GET", bundle).status == 403
    assert b"acme-crm" in live.call("GET", bundle, who="auditor").body
    assert live.call("GET", tile, who=None).status == 401


def test_nothing_else_of_the_ledger_is_given(live):
    """The head, other files of the zone and paths out of it are not found, however they are written."""
    log = f"/ledger/{LOG}"
    paths = (
        f"{log}/head",
        f"{log}/../../zone.json",
        f"{log}/%2e%2e/%2e%2e/zone.json",
        "/ledger/x/checkpoint",
        f"{log}/",
    )
    for path in (*paths, f"{log}/tile/0/000.p/0000", f"{log}/tile/0/abc", "/ledger/..%2f..%2fbooks.sqlite3/vkey"):
        assert live.call("GET", path, who="admin").status == 404, path


def test_a_public_ledger_hides_entries(tmp_path):
    """Where the ledger is public, anybody reads checkpoint, key and hash tiles; entry bundles stay the auditors'."""
    with Live(tmp_path, settings={"ledger_public": True}) as live:
        size = Checkpoint.parse(live.call("GET", "/v1/checkpoint").body.decode().partition("\n\n")[0] + "\n").size
        tile = live.call("GET", f"/ledger/{LOG}/tile/0/000.p/{size}", who=None)
        assert (tile.status, tile.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
        assert live.call("GET", f"/ledger/{LOG}/checkpoint", who=None).headers["cache-control"] == "no-store"
        assert live.call("GET", f"/ledger/{LOG}/tile/entries/000.p/{size}", who=None).status == 401


def test_the_api_describes_itself(live):
    """/openapi.json is OpenAPI 3.1 with every route and no dangling reference."""
    answer = live.call("GET", "/openapi.json", who=None)
    described = answer.json
    assert described["openapi"] == "3.1.0"
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', answer.body.decode()))
    assert references <= set(described["components"]["schemas"])
    assert described["info"]["version"] == "0.test"
    told = {(method.upper(), path) for path, ways in described["paths"].items() for method in ways}
    assert told == {(route.method, route.path) for route in (*ROUTES, *DOOR_ROUTES)}


def test_the_docs_are_the_code():
    """docs/reference/http-api.md is what the code says; write `headwater.web.reference.reference()` there if it is not.

    Its argument is both tables of routes, this room's and the door's.
    """
    assert PAGE.read_text(encoding="utf-8") == reference((*ROUTES, *DOOR_ROUTES))


def test_a_fault_of_ours_is_a_problem(live, caplog):
    """Whatever goes wrong inside, the caller gets a problem without its story, and the log has it."""
    live.world.services.feeds.all_declared = lambda: 1 / 0
    answer = live.call("GET", "/v1/feeds")
    assert (answer.status, answer.json["reason"]) == (500, "internal")
    assert b"ZeroDivision" not in answer.body
    assert "ZeroDivisionError" in caplog.text
