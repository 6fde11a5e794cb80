"""Findings: of one delivery, every run; of a feed, the newest of each delivery. And to look once more."""

from __future__ import annotations

import contextlib

from headwater.errors import Refused
from headwater.formats.redact import without_samples
from headwater.gate.allow import Scope as Reach
from headwater.gate.allow import Verb, allow, granted, scope
from headwater.layout import parse_feed
from headwater.ports.findings import Inspected
from headwater.terms import Position, State, time_text
from headwater.web.answers import App, Headers, json_answer
from headwater.web.asked import FeedFindingsAsked
from headwater.web.calls import Call
from headwater.web.reading import caught_up, link, visible
from headwater.web.shapes import FindingPage, FindingView


async def findings(call: Call) -> App:
    """Every finding of one delivery, the newest first; none where inspection has not come so far."""
    found = await visible(call, Verb.READ)
    return json_answer(FindingPage([_view(call, each) for each in await call.services.findings.of(found.id)]))


async def feed_findings(call: Call) -> App:
    """The newest finding of each delivery of a feed."""
    query: FeedFindingsAsked = call.query
    identity = call.caller.identity
    feed = parse_feed(f"{call.path['source']}/{call.path['feed']}")
    reach: Reach = scope(identity, Verb.READ)
    before = None if query.before is None else Position(query.before)
    if reach.own is None and not granted(identity, feed):
        raise Refused("not_found")
    found = await call.services.findings.of_feed(feed, before, query.limit + 1, reach.own)
    if not found and not granted(identity, feed):
        raise Refused("not_found")
    page = [_view(call, each) for each in found[: query.limit]]
    if len(found) <= query.limit:
        return json_answer(FindingPage(page))
    last = str(page[-1].position)
    headers: Headers = link(call, "before", last)
    return json_answer(FindingPage(page, last), headers=headers)


async def again(call: Call) -> App:
    """Looks at a delivery once more, now; the finding is added to the earlier ones."""
    services = call.services
    found = await visible(call, Verb.OPERATE)
    await caught_up(services)
    known = await services.catalog.delivery(found.id) or found
    if known.now.state is State.ERASED:
        raise Refused("erased")
    if not known.receipt.key.startswith("raw/"):
        raise Refused("bad_request", "This goes with data and is none itself: it is not inspected.")
    if services.inspect_again is None:
        raise Refused("method_not_allowed", "Inspection is off here: `[inspect] enabled = true` turns it on.")
    return json_answer(_view(call, await services.inspect_again(known.receipt, known.position)))


def _view(call: Call, inspected: Inspected) -> FindingView:
    """A finding for this caller: who may not read the bytes sees none of their values."""
    finding = inspected.finding
    may_read = False
    with contextlib.suppress(Refused):
        allow(call.caller.identity, Verb.READ_BYTES, inspected.feed, inspected.sender)
        may_read = True
    return FindingView(
        inspected.id,
        inspected.position,
        str(inspected.feed),
        inspected.detector,
        inspected.run,
        time_text(inspected.made_at),
        finding if may_read else without_samples(finding),
    )
