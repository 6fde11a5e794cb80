"""What holds in the gate for any input and any order."""

from __future__ import annotations

import asyncio
import json

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.errors import HeadwaterError, Refused, Unavailable
from headwater.gate.bans import BanRules, Bans
from headwater.gate.credentials import NewSecrets, token_credential, token_digest
from headwater.gate.identify import Caller
from headwater.gate.limits import Bounds, Bucket, LimitRules, Limits, Passage
from headwater.gate.new_identity import NewIdentity
from headwater.gate.refusals import NotLetIn, TryLater
from headwater.gate.route import UNSORTED, route_path
from headwater.gate.transcript import Transcript
from headwater.gate.turned_away import TurnedAway
from headwater.layout import matches
from headwater.terms import FeedName
from headwater.testing.manual_clock import ManualClock
from tests.unit.gate.world import HOME, Book, Known, World, sender

WORDS = st.sampled_from(["acme-crm", "beta", "sales", "orders", "unsorted"])
PATTERNS = st.one_of(st.just("*"), st.builds("{}/{}".format, WORDS, st.one_of(WORDS, st.sampled_from(["*", "s*"]))))
PIECES = st.one_of(WORDS, st.text(st.characters(exclude_characters="/"), min_size=1, max_size=5))


@given(
    allow=st.lists(PATTERNS, max_size=3),
    pieces=st.lists(PIECES, min_size=1, max_size=5),
    declared=st.lists(st.builds(FeedName, WORDS, WORDS), max_size=4),
    may_create=st.booleans(),
)
def test_no_path_leads_out_of_what_a_sender_may_use(allow, pieces, declared, may_create):
    """Whatever path is given, a file lands in a feed that `allow` covers, or in `unsorted` of a source named there, or
    is refused.
    """
    who = sender("acme", tuple(allow), may_create_feeds=may_create)
    path = "/" + "/".join(pieces)
    try:
        routed = route_path(who, path, Known(*declared))
    except Refused:
        return
    if routed.unexpected:
        assert routed.feed.feed == UNSORTED
        assert routed.path == path
        assert any(matches(f"{pattern.partition('/')[0]}/*".replace("*/*", "*"), routed.feed) for pattern in allow)
    else:
        assert routed.feed.feed != UNSORTED
        assert any(matches(pattern, routed.feed) for pattern in allow)
        assert may_create or routed.feed in declared or str(routed.feed) in allow
    assert routed.name
    assert path.endswith(routed.name)


@given(
    rate=st.floats(0.1, 1000),
    burst=st.floats(1, 100),
    steps=st.lists(st.floats(0, 2), max_size=200),
)
def test_a_bucket_never_gives_more_than_it_holds(rate, burst, steps):
    """However requests are spread, in any time no more are let through than the burst and the rate allow; and whoever
    waits as long as it is told gets one.
    """
    clock = ManualClock()
    bucket = Bucket(clock, rate, burst)
    taken = 0
    for step in steps:
        clock.advance(step)
        taken += bucket.take() == 0
    assert taken <= burst + rate * sum(steps) + 1e-6
    if seconds := bucket.take():
        clock.advance(seconds + 1e-9)
        assert bucket.take() == 0


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=60))
def test_places_are_never_overdrawn_and_all_come_back(steps):
    """In any order of coming and going nobody has more uploads open than the bounds say; in the end none is held."""
    callers = [Caller(sender(name), "token:1", HOME, secure=True) for name in ("acme", "beta", "gamma")]
    gate = Limits(ManualClock(), LimitRules(each=Bounds(uploads=2), overall=Bounds(uploads=4)))
    open_: list[list[Passage]] = [[], [], []]
    for who, coming in steps:
        if coming:
            full = len(open_[who]) == 2 or sum(map(len, open_)) == 4
            try:
                open_[who].append(gate.enter(callers[who]).__enter__())
            except TryLater:
                assert full
            else:
                assert not full
        elif open_[who]:
            open_[who].pop().__exit__(None, None, None)
    for passages in open_:
        for passage in passages:
            passage.__exit__(None, None, None)
    assert all(use.uploads == 0 for use in [gate._overall, *gate._each.values()])


@given(
    st.lists(st.tuples(st.text(max_size=8), st.one_of(st.text(max_size=600), st.integers(), st.binary())), max_size=80),
    st.integers(2, 20),
    st.integers(200, 3000),
)
def test_a_transcript_is_bounded_and_in_order(events, events_max, bytes_max):
    """Whatever is noted, the transcript keeps to its bounds, keeps order, encodes as JSON, and loses none uncounted."""
    transcript = Transcript(ManualClock(), events_max=events_max, bytes_max=bytes_max)
    for n, (event, value) in enumerate(events):
        transcript.add(event, n=n, value=value)
    rows = transcript.rows()
    kept = [row["n"] for row in rows if "n" in row]
    assert len(kept) <= events_max
    assert sum(len(msgspec.json.encode(row)) for row in rows if "n" in row) <= bytes_max
    assert kept == sorted(kept)
    assert len(kept) + sum(row["count"] for row in rows if "n" not in row) == len(events)
    json.dumps(rows).encode()


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 500)), max_size=100))
def test_nobody_is_banned_for_fewer_failures_than_the_threshold(steps):
    """An address is banned only when it failed at least as often as the threshold says since its last ban."""
    clock = ManualClock()
    bans = Bans(clock, BanRules(threshold=5))
    since = [0] * 4
    for who, seconds in steps:
        address = f"192.0.2.{who}"
        if not bans.seconds_left(address):
            since[who] += 1
            bans.wrong(address)
        if bans.seconds_left(address):
            assert since[who] >= 5 or since[who] == 0
            since[who] = 0
        clock.advance(seconds)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(["", "acme"]), st.integers(0, 300).map(str)), st.sampled_from(["flush", "fail"])
        ),
        max_size=300,
    )
)
@settings(max_examples=50)
def test_counts_are_bounded_and_none_is_lost(steps):
    """Through any flood and any failing flushes what waits is bounded, and in the end everything counted is written."""

    async def run():
        book, clock = Book(), ManualClock()
        turned_away = TurnedAway(book, clock, rows_max=20)
        total = 0
        for step in steps:
            book.down = step == "fail"
            if isinstance(step, str):
                try:
                    await turned_away.flush()
                except Unavailable:
                    assert book.down
            else:
                total += 1
                turned_away.count("http", "wrong", sender=step[0], address=step[1])
            assert all(len(counts) <= 21 for counts in turned_away._counts.values())
        book.down = False
        await turned_away.flush()
        assert sum(row.count for row in book.added) == total

    asyncio.run(run())


ACTS = st.tuples(st.sampled_from(["add", "rotate", "revoke", "revoke one"]), st.sampled_from(["", "entry", "books"]))


class Acts:
    """Administrative acts on one sender, and what they handed out and ordered to be revoked."""

    def __init__(self, world):
        self.world = world
        self.handed_out = set()
        self.revoked = set()

    async def do(self, act, fault):
        """One act, which fails at its entry, or between entry and books, or not. True if the process may go on."""
        world = self.world
        world.log.down, world.book.down = fault == "entry", fault == "books"
        entries, rows = len(world.log.entries), dict(world.book.rows)
        acme = world.book.rows.get("acme", sender())
        live = [one.fingerprint for one in acme.credentials if one.revoked_at is None]
        one = live[-1] if act == "revoke one" and live else None
        try:
            if act == "add":
                made = await world.senders.add(NewIdentity(name="acme", allow=("*",), token=True), "ada")
            elif act == "rotate":
                made = await world.senders.rotate("acme", "ada")
            else:
                made = NewSecrets()
                await world.senders.revoke("acme", "ada", credential=one)
        except HeadwaterError:
            assert world.book.rows == rows
        else:
            assert len(world.log.entries) == entries + 1
            self.handed_out |= {made.token} - {None}
        entered = len(world.log.entries) > entries
        if entered and act.startswith("revoke"):
            self.revoked |= {one} if one else set(live)
        return not (entered and fault)


@given(st.lists(ACTS, max_size=12))
@settings(max_examples=200)
def test_no_effect_without_an_entry_and_no_revocation_lost(steps):
    """In any order of acts no row changes without an entry; and when the process died between an entry and the books,
    redoing the entries puts out whatever was ordered to be revoked, and nothing else that was handed out.
    """

    async def run():
        acts = Acts(await World().start())
        for act, fault in steps:
            if not await acts.do(act, fault):
                break
        world = acts.world
        world.book.down = world.log.down = False
        after = await world.restart().start()
        for entry in world.log.entries:
            await after.senders.redo(entry)
        assert {token for token in acts.handed_out if not let_in(after, token)} == {
            token for token in acts.handed_out if token_credential(token_digest(token)).fingerprint in acts.revoked
        }

    asyncio.run(run())


def let_in(world, token):
    """Whether the token still opens its identity."""
    try:
        world.identities.by_token(token, HOME, secure=True)
    except NotLetIn:
        return False
    return True
