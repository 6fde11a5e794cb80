"""How the server itself is: alive, ready, measured, described; who you are to it; and the ledger's own files."""

from __future__ import annotations

import re
from typing import Final

from headwater.errors import Refused
from headwater.gate.addresses import is_loopback
from headwater.gate.allow import Verb, allow
from headwater.layout import ledger_path
from headwater.web.answers import BYTES, TEXT, Answer, App, json_answer
from headwater.web.calls import Call, admit, peer_of
from headwater.web.services import Services
from headwater.web.shapes import Alive, Ready, Whoami

_LOG: Final = re.compile(r"[0-9a-f]{32}-[0-9]{1,6}")
_TILE: Final = re.compile(r"tile/(entries|[0-9]{1,2})/(x[0-9]{3}/)*[0-9]{3}(\.p/[0-9]{1,3})?")
_FOR_EVER: Final = b"public, max-age=31536000, immutable"
_PROMETHEUS: Final = b"text/plain; version=0.0.4; charset=utf-8"


async def whoami(call: Call) -> App:
    """Who the caller is."""
    caller, identity = call.caller, call.caller.identity
    return json_answer(
        Whoami(identity.name, identity.role, identity.allow, caller.credential, caller.peer, caller.secure)
    )


async def healthz(call: Call) -> App:
    """The process answers."""
    return json_answer(Alive("ok", call.services.settings.version))


async def readyz(call: Call) -> App:
    """Whether this node can land."""
    problems = list(await call.services.readiness())
    return json_answer(Ready(not problems, problems), 503 if problems else 200)


async def metrics(call: Call) -> App:
    """What is measured. From loopback without a token."""
    if not is_loopback(peer_of(call.scope)):
        await _identified(call, Verb.METRICS)
    return Answer(200, call.services.metrics.text().encode(), _PROMETHEUS)


def measure(services: Services) -> None:
    """Adds to the metrics what others count."""
    gauge, budget = services.metrics.gauge, services.landing.means.budget
    gauge("headwater_memory_used_bytes", "Memory given out to uploads.", lambda: budget.memory_used)
    gauge("headwater_spool_used_bytes", "Spool given out to uploads.", lambda: budget.spool_used)
    gauge("headwater_ledger_entries", "Entries in the ledger, all its logs.", lambda: services.log.position)
    gauge("headwater_catalog_lag_entries", "Entries that the catalog does not know yet.", lambda: services.follower.lag)


async def checkpoint(call: Call) -> App:
    """A signed checkpoint that covers all that was committed before the call."""
    services = call.services
    await services.checkpoint()
    note = await services.ledger_files.read(ledger_path(services.log.heads[-1].log, "checkpoint"))
    if note is None:
        raise Refused("not_found")
    return Answer(200, note, TEXT)


async def ledger_file(call: Call) -> App:
    """A log's checkpoint, public key, tile or entry bundle (c2sp.org/tlog-tiles)."""
    log, path = call.path["log"], call.path["file"]
    tile = _TILE.fullmatch(path)
    if tile is not None and tile[1] == "entries":
        await _identified(call, Verb.LEDGER_ENTRIES)
    elif not call.services.settings.ledger_public:
        await _identified(call, Verb.CHECKPOINT)
    if not _LOG.fullmatch(log) or (tile is None and path not in {"checkpoint", "vkey"}):
        raise Refused("not_found")
    data = await call.services.ledger_files.read(ledger_path(log, path))
    if data is None:
        raise Refused("not_found")
    if tile is None:
        return Answer(200, data, TEXT)
    return Answer(200, data, BYTES, cache=_FOR_EVER if call.services.settings.ledger_public else None)


async def _identified(call: Call, verb: Verb) -> None:
    caller = await admit(call.services, call.scope, call.headers)
    call.services.limits.request(caller)
    allow(caller.identity, verb)
