from __future__ import annotations

import asyncio
from contextlib import closing
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from headwater.errors import Damaged
from headwater.ledger.entries import Amended, Erased, Heartbeat, Held, Void
from headwater.ports.catalog import Change, DeliveryQuery
from headwater.terms import Completeness, Id, Key, Place, Position, State
from tests.contract.books.histories import (
    FEEDS,
    GLOBS,
    NAMES,
    WALKS,
    a_long_history,
    histories,
    patterns,
    queries,
    some_feed,
)
from tests.contract.books.model import Model
from tests.contract.books.samples import DAILY, LOG, SENDER, a_receipt, an_id, placed, sha256

property_of_the_engine = settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def kept(engine):
    """Books that stay open from one example to the next: opening syncs, and this disk has other users."""
    with closing(Kept(engine, "kept")) as kept:
        yield kept


class Kept:
    """Books outside of any loop, emptied before each history."""

    def __init__(self, engine, name):
        self.books = engine.open(name)

    def filled(self, entries, ask, cuts=()):
        """Applies entries, in batches cut at these places, and returns what `ask` returns."""

        async def run():
            await self.books.catalog.clear()
            for start, end in pairwise([0, *sorted(cuts), len(entries)]):
                await self.books.catalog.apply(placed(*entries[start:end], after=start))
            return await ask(self.books.catalog)

        return asyncio.run(run())

    def close(self):
        asyncio.run(self.books.close())


def walked(kept, entries, query):
    """All deliveries that one page after the other gives."""

    async def ask(catalog):
        met, asked = [], query
        while page := await catalog.deliveries(asked):
            met += page
            asked = replace(asked, **{"before" if query.after is None else "after": page[-1].position})
        return met

    return kept.filled(entries, ask)


async def states(catalog):
    """The states of all deliveries, oldest first."""
    return [d.now.state for d in await catalog.deliveries(DeliveryQuery(after=Position(0)))]


class TestCatalog:
    @property_of_the_engine
    @given(entries=histories(), asked=st.lists(queries(), min_size=4, max_size=12))
    def test_a_page_is_what_the_definitions_say(self, kept, entries, asked):
        """Any page under any filters holds just the deliveries that fit, in order, each as it is now."""

        async def ask(catalog):
            return [await catalog.deliveries(query) for query in asked]

        assert kept.filled(entries, ask) == [Model(entries).deliveries(query) for query in asked]

    @property_of_the_engine
    @given(entries=histories(), feed=some_feed, limit=st.sampled_from((2, 50)))
    def test_names_fit_a_pattern_or_do_not(self, kept, entries, feed, limit):
        """A pattern finds the names that a shell would find, newest and oldest first, also those that are not UTF-8."""
        asked = [
            DeliveryQuery(feed=feed, name_glob=glob, after=after, limit=limit)
            for glob in GLOBS
            for after in (None, Position(0), Position(9))
        ]

        async def ask(catalog):
            return [await catalog.deliveries(query) for query in asked]

        assert kept.filled(entries, ask) == [Model(entries).deliveries(query) for query in asked]

    @property_of_the_engine
    @given(entries=histories(), limit=st.integers(1, 3), query=queries())
    def test_pages_join_without_gap_or_double(self, kept, entries, limit, query):
        """Going on before (or after) the last position of each page meets every delivery that fits just once."""
        everything = Model(entries).deliveries(replace(query, limit=10**6))

        assert walked(kept, entries, replace(query, limit=limit)) == everything

    @pytest.mark.parametrize("query", WALKS, ids=str)
    @pytest.mark.parametrize("limit", [1, 2, 7])
    def test_any_walk_meets_every_delivery_once(self, kept, limit, query):
        """Forward and backward through 150 deliveries of 24 kinds and a hundred later entries, page by page."""
        entries = a_long_history()
        for start in ({}, {"after": Position(0)}, {"after": Position(99)}, {"before": Position(99)}):
            whole = replace(query, **start, limit=10**6)
            assert walked(kept, entries, replace(whole, limit=limit)) == Model(entries).deliveries(whole)

    async def test_a_feed_of_another_source_has_nothing(self, books):
        """Filters that contradict each other leave an empty page."""
        await books.catalog.apply(placed(a_receipt(1)))
        assert await books.catalog.deliveries(DeliveryQuery(feed=DAILY, source="beta")) == []
        assert await books.catalog.deliveries(DeliveryQuery(feed=DAILY, feeds=("beta/*",))) == []
        assert await books.catalog.deliveries(DeliveryQuery(feeds=())) == []

    @property_of_the_engine
    @given(entries=histories())
    def test_single_answers_are_what_the_definitions_say(self, kept, entries):
        """One delivery, the feeds, and what came before of a name and of bytes."""
        model = Model(entries)

        async def ask(catalog):
            assert await catalog.feeds() == model.feeds()
            for id in model.landed:
                assert await catalog.delivery(id) == model.delivery(id)
            for feed in FEEDS:
                own = model.deliveries(DeliveryQuery(feed=feed, limit=10**6))
                for name in NAMES:
                    named = [d for d in own if d.name == name]
                    assert await catalog.same_name(feed, name, 100) == named
                    for body in "xyz":
                        same = [d.id for d in own if d.sha256 == sha256(body)]
                        expected = (named[0].id if named else None, same[-1] if same else None)
                        assert await catalog.precedents(feed, name, sha256(body)) == expected
            assert await catalog.delivery(an_id(999)) is None

        kept.filled(entries, ask)

    async def test_precedents_may_be_answered_with_the_next_row(self, books):
        """Not `soon`, the answer comes with the row that is written next, and does not see that row's own delivery."""
        await books.catalog.apply(placed(a_receipt(1)))
        precedents = books.catalog.precedents(DAILY, "sales.csv", sha256(""), soon=False)
        await books.catalog.apply(placed(a_receipt(2), after=1))
        assert precedents.done()
        assert await precedents == (an_id(1), an_id(1))

    async def test_ids_are_found_by_their_ending_and_key(self, books):
        """Deliveries and held tries, by any ending, in full, or by the key of their object; at most ten."""
        held_key = Key(f"held/lz_source=acme-crm/lz_feed=daily/lz_date=2026-11-23/{an_id(50)}-a.csv")
        held = Held(
            v=1, id=an_id(50), source="acme-crm", feed="daily", door="sftp", sender=SENDER, name="a.csv",
            reason="cut", key=held_key, size_bytes=1, kept_bytes=1,
        )  # fmt: skip
        twins = [Id(f"{n:026x}c0ffee") for n in range(12)]
        receipts = [a_receipt(n) for n in range(1, 9)] + [a_receipt(100 + n, id=id) for n, id in enumerate(twins)]
        await books.catalog.apply(placed(*receipts, held))
        for id in (an_id(5), an_id(50)):
            for length in (6, 10, 15, 16, 31, 32):
                assert await books.catalog.matching(id[-length:]) == [id]
        assert await books.catalog.matching(receipts[4].key) == [receipts[4].id]
        assert await books.catalog.matching(held_key) == [an_id(50)]
        assert sorted(await books.catalog.matching("c0ffee")) == sorted(twins)[:10]
        assert await books.catalog.matching(twins[11]) == [twins[11]]
        for nothing in ("", "nothex", "%", an_id(77), f"raw/{an_id(5)}-x", "0" + an_id(5), "/"):
            assert await books.catalog.matching(nothing) == []


class TestHistory:
    @property_of_the_engine
    @given(
        entries=histories(), feeds=patterns, feed=some_feed, after=st.integers(0, 41), limit=st.sampled_from((1, 5, 99))
    )
    def test_changes_are_what_the_definitions_say(self, kept, entries, feeds, feed, after, limit):
        """What a reader must know, after any position, of any feeds, oldest first, each delivery as it is now."""
        changes = kept.filled(entries, lambda catalog: catalog.changes(feeds, feed, Position(after), limit))
        assert changes == Model(entries).changes(feeds, feed, after, limit)

    @pytest.mark.parametrize(
        "taken_out",
        [
            Void(v=1, id=an_id(1), by="op", reason="wrong"),
            Erased(v=1, id=an_id(1), versions=1),
            Amended(v=1, id=an_id(1), completeness=Completeness.SUSPECT, reason="withdrawn"),
            Amended(v=1, id=an_id(1), completeness=Completeness.SUSPECT, reason="prefix_of"),
        ],
        ids=lambda entry: getattr(entry, "reason", "erased"),
    )
    async def test_a_repeat_that_counts_from_now_on_is_told(self, books, taken_out):
        """Whoever reads by position gets it when the one before it is taken out, at that entry's position, after it."""
        repeats = [a_receipt(n, repeat_of=an_id(1)) for n in (2, 3)]
        await books.catalog.apply(placed(a_receipt(1), *repeats, taken_out, Void(v=1, id=an_id(2), by="op", reason="")))
        changes = await books.catalog.changes(None, DAILY, Position(3), 99)
        told = [(change.position, change.kind, change.delivery.id, change.delivery.now.state) for change in changes]
        first_mark = changes[0].kind, an_id(1), changes[0].delivery.now.state
        assert told == [
            (4, *first_mark),
            (4, "landed", an_id(2), State.VOID),
            (5, "void", an_id(2), State.VOID),
            (5, "landed", an_id(3), State.EFFECTIVE),
        ]

    async def test_only_what_takes_out_the_first_one_is_told_twice(self, books):
        """A change that leaves the first one in, or is about a later one, or comes again, brings no other with it."""
        suspect = Amended(v=1, id=an_id(1), completeness=Completeness.SUSPECT, reason="check_file")
        later, again = Void(v=1, id=an_id(2), by="op", reason=""), Void(v=1, id=an_id(1), by="op", reason="")
        await books.catalog.apply(placed(a_receipt(1), a_receipt(2, repeat_of=an_id(1)), suspect, later, again, again))
        changes = await books.catalog.changes(None, None, Position(2), 99)
        assert [(change.position, change.kind) for change in changes] == [
            (3, "amended"),
            (4, "void"),
            (5, "void"),
            (6, "void"),
        ]

    @property_of_the_engine
    @given(entries=histories(), feeds=patterns, limit=st.integers(1, 3))
    def test_pages_of_changes_join_without_gap_or_double(self, kept, entries, feeds, limit):
        """Going on after the last position of each page meets every change just once: no page parts a position."""

        async def ask(catalog):
            met: list[Change] = []
            while page := await catalog.changes(feeds, None, met[-1].position if met else Position(0), limit):
                met += page
            return met

        assert kept.filled(entries, ask) == Model(entries).changes(feeds, None, 0, 10**6)

    @property_of_the_engine
    @given(entries=histories())
    def test_every_entry_about_an_id_is_found(self, kept, entries):
        """Also those about held tries and about ids that nothing landed under; the bytes are exact."""
        ids = [an_id(n) for n in range(1, len(entries) + 1)] + [an_id(10_000 + n) for n in range(21)]

        async def ask(catalog):
            return [await catalog.entries_about(id) for id in ids]

        everything = dict(enumerate(placed(*entries), start=1))
        model = Model(entries)
        assert kept.filled(entries, ask) == [[everything[p] for p in model.about(id)] for id in ids]

    async def test_an_entry_of_a_newer_version_is_exact_and_harmless(self, books):
        """A kind of entry that this version does not know changes nothing; what follows it is applied."""
        unknown = b'{"kind":"praised","id":"%s","v":2}' % an_id(1).encode()
        (landed,) = placed(a_receipt(1))
        (voided,) = placed(Void(v=1, id=an_id(1), by="op", reason="wrong"), after=2)
        await books.catalog.apply([landed, (Place(LOG, 1, Position(2)), unknown), voided])
        assert await books.catalog.applied() == 3
        assert await states(books.catalog) == [State.VOID]


class TestCatalogWriter:
    @property_of_the_engine
    @given(entries=histories(), cuts=st.lists(st.integers(1, 40), max_size=8))
    def test_the_catalog_is_a_pure_function_of_the_entries(self, engine, kept, entries, cuts):
        """In one batch or in many, and again after a clear: every table has the identical rows."""
        cuts = [min(cut, len(entries)) for cut in cuts]
        kept.filled(entries, states)
        whole = engine.dump("kept")
        kept.filled(entries, states, cuts)
        assert engine.dump("kept") == whole

    async def test_a_cleared_catalog_is_empty(self, books, engine):
        """After a clear there is nothing, and the next entry is the first."""
        await books.catalog.apply(placed(a_receipt(1), Void(v=1, id=an_id(1), by="op", reason="wrong")))
        await books.catalog.clear()
        assert await books.catalog.applied() == 0
        assert await states(books.catalog) == []
        assert (await books.catalog.feeds(), await books.catalog.entries_about(an_id(1))) == ([], [])
        await books.catalog.apply(placed(a_receipt(1)))
        assert await states(books.catalog) == [State.EFFECTIVE]

    async def test_entries_are_applied_once(self, books):
        """What is at or below the cursor is ignored, also when new entries come in the same batch."""
        entries = placed(a_receipt(1), a_receipt(2), a_receipt(3))
        await books.catalog.apply(entries[:2])
        await books.catalog.apply(entries)
        await books.catalog.apply(entries[:1])
        assert await books.catalog.applied() == 3
        assert [f.deliveries for f in await books.catalog.feeds()] == [3]

    async def test_a_gap_is_damage(self, books):
        """A batch that does not go on where the catalog stands is refused whole; the right one is applied after."""
        entries = placed(a_receipt(1), a_receipt(2), a_receipt(3))
        for wrong in (entries[1:], [entries[0], entries[2]]):
            with pytest.raises(Damaged):
                await books.catalog.apply(wrong)
            assert await books.catalog.applied() == 0
        await books.catalog.apply(entries)
        assert await books.catalog.applied() == 3

    async def test_what_is_no_entry_is_damage(self, books):
        """Bytes that are no entry, or a known kind without its fields, stop the catalog."""
        for data in (b"\x00", b"[]", b'{"kind":"void"}'):
            with pytest.raises(Damaged):
                await books.catalog.apply([(Place(LOG, 0, Position(1)), data)])

    async def test_entries_about_nobody_move_only_the_cursor(self, books):
        """Heartbeats and the like leave no rows but are passed."""
        await books.catalog.apply(placed(Heartbeat(v=1), Heartbeat(v=1)))
        assert await books.catalog.applied() == 2
