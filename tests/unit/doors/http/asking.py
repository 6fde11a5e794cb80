"""What the door's tests ask of a server."""

from __future__ import annotations

import time

from tests.unit.web.live import Live

FEED = "/v1/feeds/acme-crm/daily/"


def status_of(answer: bytes) -> int:
    """The status of a raw answer."""
    return int(answer.split(b" ", 2)[1])


def outcome(live: Live, attempt: str):
    """What became of an attempt."""
    return live.call("GET", f"/v1/attempts/{attempt}").json


def entered(live: Live, kind: type):
    """The ledger's entries of one kind."""
    return [entry for entry in live.run(live.world.entries) if isinstance(entry, kind)]


def wait_for(true, seconds: float = 10.0):
    """Asks until it is so."""
    until = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.01)
    return found
