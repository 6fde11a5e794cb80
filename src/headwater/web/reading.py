"""Looking: deliveries, changes, attempts and feeds, each caller within its scope."""

from __future__ import annotations

import asyncio
import contextlib
from fnmatch import fnmatchcase
from typing import Final
from urllib.parse import parse_qsl, urlencode

from headwater.errors import Refused
from headwater.gate.allow import Scope as Reach
from headwater.gate.allow import Verb, allow, granted, scope
from headwater.layout import id_ending, parse_feed
from headwater.ports.books import AttemptQuery
from headwater.ports.catalog import Change, DeliveryQuery, FeedSummary
from headwater.ports.ledger import Entered
from headwater.terms import (
    Delivery,
    Id,
    Now,
    Outcome,
    Position,
    Receipt,
    State,
    name_of,
    shown,
)
from headwater.web.answers import App, Headers, json_answer
from headwater.web.asked import AttemptsAsked, ChangesAsked, DeliveriesAsked, feed_of, moment_of
from headwater.web.calls import Call
from headwater.web.services import Services
from headwater.web.shapes import (
    AttemptPage,
    AttemptView,
    ChangePage,
    ChangeView,
    DeliveryPage,
    FeedPage,
    FeedView,
    attempt_view,
    feed_view,
    plain,
)

CATCH_UP_SECONDS_MAX: Final = 2.0
"""How long an answer waits for the catalog to know what was committed before the question."""


# --- deliveries -------------------------------------------------------------------------------------------------------


async def deliveries(call: Call) -> App:
    """A page of deliveries."""
    query: DeliveriesAsked = call.query
    reach = scope(call.caller.identity, Verb.READ)
    await caught_up(call.services)
    if query.id is not None:
        return json_answer(DeliveryPage(await _by_ending(call, query.id)))
    found = await call.services.catalog.deliveries(
        DeliveryQuery(
            feeds=_patterns(reach),
            source=query.source,
            feed=feed_of(query.source, query.feed),
            sender=_own(reach, query.sender),
            door=query.door,
            name_glob=query.name,
            completeness=query.completeness,
            state=query.state,
            since=moment_of(query.since),
            until=moment_of(query.until),
            before=None if query.cursor is None else Position(int(query.cursor, 16)),
            after=None if query.after is None else Position(query.after),
            limit=query.limit + 1,
        )
    )
    page = found[: query.limit]
    if len(found) <= query.limit:
        return json_answer(DeliveryPage([plain(each) for each in page]))
    last = page[-1].position
    field = ("cursor", f"{last:x}") if query.after is None else ("after", str(last))
    return json_answer(DeliveryPage([plain(each) for each in page], field[1]), headers=link(call, *field))


async def delivery(call: Call) -> App:
    """One delivery."""
    return json_answer(plain(await visible(call, Verb.READ)))


async def visible(call: Call, verb: Verb) -> Delivery:
    """The delivery that the path names. Raises Refused("not_found") for what the caller may not see."""
    found = await find(call.services, Id(call.path["id"]))
    if found is None:
        scope(call.caller.identity, verb)  # who may see nothing of the kind learns that first
        raise Refused("not_found")
    allow(call.caller.identity, verb, found.receipt.feed_name, found.receipt.sender.name)
    return found


async def find(services: Services, id: Id) -> Delivery | None:
    """A delivery by its id, also one that the catalog does not know yet."""
    if found := await services.catalog.delivery(id):
        return found
    entered = await services.ledger.holder(f"delivery:{id}")
    return None if entered is None else await fresh(services, entered)


async def fresh(services: Services, entered: Entered) -> Delivery:
    """A delivery as it stands right after its receipt was entered."""
    receipt = entered.entry
    if not isinstance(receipt, Receipt):
        raise TypeError(receipt)
    state = State.EFFECTIVE
    if receipt.repeat_of is not None:
        first = await services.catalog.delivery(receipt.repeat_of)
        state = State.REPEAT if first is None or first.now.state in {State.EFFECTIVE, State.REPEAT} else state
    place = entered.place
    return Delivery(receipt, place.log, place.index, place.position, Now(name_of(receipt), receipt.completeness, state))


async def caught_up(services: Services, position: Position | None = None) -> None:
    """Waits until the catalog knows what is committed by now (or at `position`), for a moment at most."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CATCH_UP_SECONDS_MAX):
            await services.follower.reached(services.log.position if position is None else position)


async def _by_ending(call: Call, text: str) -> list[Delivery]:
    services, identity = call.services, call.caller.identity
    ids = await services.catalog.matching(id_ending(text))
    found = [each for id in ids if (each := await services.catalog.delivery(id))]
    seen = []
    for each in found:
        with contextlib.suppress(Refused):
            allow(identity, Verb.READ, each.receipt.feed_name, each.receipt.sender.name)
            seen.append(plain(each))
    return seen


# --- changes ----------------------------------------------------------------------------------------------------------


async def changes(call: Call) -> App:
    """What a reader must know after a position; waits for it if asked to."""
    query: ChangesAsked = call.query
    services = call.services
    reach = scope(call.caller.identity, Verb.CHANGES)
    feed = feed_of(query.source, query.feed)
    patterns = _patterns(reach) if query.source is None else _within(reach.feeds, query.source)
    until = services.clock.monotonic() + query.wait
    after = Position(query.after)
    await caught_up(services)
    while True:
        known = services.follower.position
        found = await services.history.changes(patterns, feed, after, query.limit)
        seen = [change for change in found if reach.own in {None, change.delivery.receipt.sender.name}]
        if len(found) >= query.limit:  # what one entry changed is never parted
            after = found[-1].position
            if not seen:
                continue
        else:
            after = max(after, known)  # all up to there was looked at
        if seen:
            break
        seconds = until - services.clock.monotonic()
        if seconds <= 0 or not await _moved(call, known, seconds):
            break
    return json_answer(ChangePage([_change_view(change) for change in seen], after))


def _change_view(change: Change) -> ChangeView:
    return ChangeView(change.kind, change.position, plain(change.delivery))


async def _moved(call: Call, known: Position, seconds: float) -> bool:
    """Whether the catalog went on within the time, and before the server began to stop."""
    moved = asyncio.ensure_future(call.services.follower.reached(Position(known + 1)))
    stopping = asyncio.ensure_future(call.scope["state"]["stopping"].wait())
    try:
        await asyncio.wait((moved, stopping), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return moved.done() and not stopping.done()
    finally:
        moved.cancel()
        stopping.cancel()


def _within(patterns: tuple[str, ...], source: str) -> tuple[str, ...]:
    """The patterns narrowed to one source."""
    halves = [("*", "*") if pattern == "*" else pattern.split("/") for pattern in patterns]
    return tuple(f"{source}/{feed}" for half, feed in halves if fnmatchcase(source, half))


# --- attempts ---------------------------------------------------------------------------------------------------------


async def attempts(call: Call) -> App:
    """A page of attempts."""
    query: AttemptsAsked = call.query
    identity = call.caller.identity
    reach = scope(identity, Verb.ATTEMPTS)
    if query.id is not None:
        return json_answer(AttemptPage(await _attempts_by_ending(call, id_ending(query.id))))
    found = await call.services.attempts.attempts(
        AttemptQuery(
            feed=feed_of(query.source, query.feed),
            source=query.source,
            sender=_own(reach, query.sender),
            outcomes=tuple(map(Outcome, query.outcome.split(","))) if query.outcome else (),
            idempotency_key=query.key,
            since=moment_of(query.since),
            until=moment_of(query.until),
            before=None if query.cursor is None else Id(query.cursor),
            limit=query.limit + 1,
        )
    )
    page = found[: query.limit]
    seen = [attempt_view(each) for each in page if reach.own or granted(identity, each.offer.feed)]
    if len(found) <= query.limit:
        return json_answer(AttemptPage(seen))
    return json_answer(AttemptPage(seen, page[-1].id), headers=link(call, "cursor", page[-1].id))


async def _attempts_by_ending(call: Call, ending: str) -> list[AttemptView]:
    """The catalog knows the ids of what landed or was held; of the others there are few."""
    services = call.services
    ended = [await services.attempts.get(id) for id in await services.catalog.matching(ending)]
    others = await services.attempts.attempts(AttemptQuery(ending=ending))
    seen = []
    for each in {each.id: each for each in (*ended, *others) if each is not None}.values():
        with contextlib.suppress(Refused):
            allow(call.caller.identity, Verb.ATTEMPTS, each.offer.feed, each.offer.sender.name)
            seen.append(attempt_view(each))
    return seen


async def attempt(call: Call) -> App:
    """One attempt."""
    identity = call.caller.identity
    found = await call.services.attempts.get(Id(call.path["id"]))
    if found is None:
        scope(identity, Verb.ATTEMPTS)
        raise Refused("not_found")
    allow(identity, Verb.ATTEMPTS, found.offer.feed, found.offer.sender.name)
    return json_answer(attempt_view(found))


# --- feeds ------------------------------------------------------------------------------------------------------------


async def feeds(call: Call) -> App:
    """Every feed that the caller may see, declared or used."""
    await caught_up(call.services)
    return json_answer(FeedPage(await _feeds(call)))


async def feed(call: Call) -> App:
    """One feed."""
    wanted = str(parse_feed(f"{call.path['source']}/{call.path['feed']}"))
    await caught_up(call.services)
    found = next((each for each in await _feeds(call) if each.feed == wanted), None)
    if found is None:
        raise Refused("not_found")
    return json_answer(found)


async def _feeds(call: Call) -> list[FeedView]:
    identity = call.caller.identity
    scope(identity, Verb.STATUS)
    declared = set(call.services.feeds.all_declared())
    used = {summary.feed: summary for summary in await call.services.catalog.feeds()}
    return [
        feed_view(used.get(name) or FeedSummary(name, 0, 0, None, None, None), declared=name in declared)
        for name in sorted(declared | used.keys())
        if granted(identity, name)
    ]


# --- what queries say -------------------------------------------------------------------------------------------------


def _patterns(reach: Reach) -> tuple[str, ...] | None:
    return None if "*" in reach.feeds else reach.feeds


def _own(reach: Reach, sender: str | None) -> str | None:
    if reach.own is not None and sender not in {None, reach.own}:
        raise Refused("not_found", f"There is no sender {shown(sender or '')} that you may see.")
    return reach.own or sender


def link(call: Call, field: str, value: str) -> Headers:
    """RFC 8288: the same question about the next page."""
    pairs = [pair for pair in parse_qsl(call.scope["query_string"].decode("latin-1")) if pair[0] != field]
    target = f"{call.scope['path']}?{urlencode([*pairs, (field, value)])}"
    return ((b"link", f'<{target}>; rel="next"'.encode()),)
