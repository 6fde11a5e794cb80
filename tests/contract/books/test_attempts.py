from __future__ import annotations

import asyncio

import pytest

from headwater.ports.books import AttemptQuery
from headwater.terms import Completeness, FeedName, Id, Key, Outcome, SenderRef, Time
from tests.contract.books.samples import DAILY, HOURLY, OTHER, a_receipt, an_attempt, an_id, an_offer, at


class TestAttemptBook:
    async def test_a_row_comes_back_as_it_went_in(self, books):
        """Every field of an attempt survives, also a name that is not UTF-8 and a transcript of any shape."""
        attempt = an_attempt(
            1,
            outcome=Outcome.HELD,
            offer=an_offer(name="s\udcff.csv", path="in/\udcfe", idempotency_key="k", claims=("a", "b")),
            fence=3,
            lease_until=at(9),
            key=Key("held/x"),
            size_bytes=5,
            draft=a_receipt(1),
            reason="cut",
            sentence="It was cut.",
            completeness=Completeness.PARTIAL,
            ended_at=at(2),
            delivery=an_id(7),
            transcript=({"step": "CLOSE", "at": 1}, {"answer": ["226", None]}),
        )
        await books.attempts.open(attempt)
        assert await books.attempts.get(attempt.id) == attempt
        assert await books.attempts.get(an_id(2)) is None

    async def test_rows_are_written_in_the_order_of_the_calls(self, books):
        """An `open` that nobody awaits comes before the `move`s that are called after it."""
        attempt = an_attempt(1)
        books.attempts.open(attempt)
        first = books.attempts.move(attempt.id, 1, size_bytes=1)
        last = books.attempts.move(attempt.id, 1, size_bytes=2)
        assert await last
        assert first.done()
        assert (await books.attempts.get(attempt.id)).size_bytes == 2

    async def test_a_row_that_nobody_waits_for_is_written_all_the_same(self, books):
        """Not `soon`, a row comes before the next one that is, and within a moment if there is none."""
        last = books.attempts.open(an_attempt(1), soon=False)
        assert not await books.attempts.move(an_id(1), 2, size_bytes=1)
        assert last.done()
        books.attempts.move(an_id(1), 1, soon=False, size_bytes=2)
        await asyncio.wait_for(books.attempts.move(an_id(1), 1, soon=False, outcome=Outcome.PARKED), 10)
        row = await books.attempts.get(an_id(1))
        assert (row.size_bytes, row.outcome) == (2, Outcome.PARKED)

    async def test_only_the_holder_of_the_fence_moves_a_row(self, books):
        """A move with another fence changes nothing and says so; so does one of a row that is not there."""
        await books.attempts.open(an_attempt(1, fence=2))
        assert not await books.attempts.move(an_id(1), 1, size_bytes=9)
        assert not await books.attempts.move(an_id(2), 1, size_bytes=9)
        assert await books.attempts.move(an_id(1), 2, durable=True, outcome=Outcome.PARKED)
        row = await books.attempts.get(an_id(1))
        assert (row.size_bytes, row.outcome) == (0, Outcome.PARKED)

    async def test_what_did_not_land_is_found_by_the_end_of_its_id(self, books):
        """Whatever its outcome; what landed is found in the catalog."""
        await books.attempts.open(an_attempt(1, outcome=Outcome.REFUSED))
        await books.attempts.open(an_attempt(2, outcome=Outcome.PARKED))
        await books.attempts.open(an_attempt(3, outcome=Outcome.LANDED))
        for n, found in ((1, [an_id(1)]), (2, [an_id(2)]), (3, [])):
            query = AttemptQuery(ending=an_id(n)[-6:])
            assert [row.id for row in await books.attempts.attempts(query)] == found

    async def test_a_moved_offer_is_found_under_its_new_feed(self, books):
        """Moving the offer moves what lists look for: feed, sender and idempotency key."""
        await books.attempts.open(an_attempt(1))
        await books.attempts.move(an_id(1), 1, offer=an_offer(OTHER, "beta", idempotency_key="k"))
        for query in (AttemptQuery(feed=OTHER), AttemptQuery(sender="beta"), AttemptQuery(idempotency_key="k")):
            assert [row.id for row in await books.attempts.attempts(query)] == [an_id(1)]
        assert await books.attempts.attempts(AttemptQuery(feed=DAILY)) == []

    async def test_a_sentence_may_speak_of_any_name(self, books):
        """A sentence with a name that is not UTF-8 is kept, the name spelt out."""
        await books.attempts.open(an_attempt(1))
        assert await books.attempts.move(an_id(1), 1, sentence="\udcff.csv was cut.", transcript=())
        assert (await books.attempts.get(an_id(1))).sentence == "\\udcff.csv was cut."

    @pytest.mark.parametrize("column", ["id", "fence", "opened_at", "nonsense"])
    async def test_what_names_a_row_cannot_be_moved(self, books, column):
        """Id, fence, time of opening and what is no column are refused, before anything is queued."""
        with pytest.raises(TypeError, match=column):
            await books.attempts.move(an_id(1), 1, **{column: 1})

    async def test_a_row_is_taken_once_its_lease_has_expired(self, books):
        """Not a moment before the lease ends; then the fence rises and the row comes back as taken."""
        await books.attempts.open(an_attempt(1, lease_until=at(10)))
        assert await books.attempts.take(an_id(1), Time(at(10) - 1), at(20)) is None
        taken = await books.attempts.take(an_id(1), at(10), at(20))
        assert (taken.fence, taken.lease_until) == (2, at(20))
        assert await books.attempts.take(an_id(1), at(11), at(21)) is None
        assert not await books.attempts.move(an_id(1), 1, size_bytes=1)

    async def test_force_takes_any_unfinished_row_and_no_finished_one(self, books):
        """A lease does not protect against force; an end does."""
        await books.attempts.open(an_attempt(1, lease_until=at(10)))
        assert (await books.attempts.take(an_id(1), at(1), at(20), force=True)).fence == 2
        await books.attempts.move(an_id(1), 2, outcome=Outcome.LANDED)
        assert await books.attempts.take(an_id(1), at(30), at(40), force=True) is None
        assert await books.attempts.take(an_id(2), at(30), at(40), force=True) is None

    async def test_one_of_many_takes_a_row(self, books):
        """Of twenty who try at once one has the row."""
        await books.attempts.open(an_attempt(1))
        taken = await asyncio.gather(*(books.attempts.take(an_id(1), at(1), at(9)) for _ in range(20)))
        assert sum(row is not None for row in taken) == 1

    async def test_the_unfinished_are_those_whose_holder_is_gone(self, books):
        """Open, parked and sealing rows with an expired lease, oldest first, and no others."""
        unfinished = [Outcome.SEALING, Outcome.OPEN, Outcome.PARKED]
        ended = [Outcome.LANDED, Outcome.HELD, Outcome.REFUSED, Outcome.REPEATED]
        for n, outcome in enumerate(unfinished + ended):
            await books.attempts.open(an_attempt(n, outcome=outcome, opened_at=at(90 - n)))
        await books.attempts.open(an_attempt(50, lease_until=at(100)))
        rows = await books.attempts.unfinished(at(99))
        assert [row.id for row in rows] == [an_id(2), an_id(1), an_id(0)]


class TestAttemptList:
    @pytest.fixture
    async def ids(self, books):
        """Forty rows over two feeds of a source and one of another, with every outcome."""
        outcomes, feeds = list(Outcome), [DAILY, HOURLY, OTHER]
        self.rows = [
            an_attempt(
                n,
                outcome=outcomes[n % 7],
                offer=an_offer(feeds[n % 3], "acme" if n % 4 else "beta", idempotency_key="k" if n % 5 == 0 else None),
                opened_at=at(n // 2),
            )
            for n in range(40)
        ]
        for row in self.rows:
            await books.attempts.open(row)

        async def ids(**query):
            return [row.id for row in await books.attempts.attempts(AttemptQuery(**{"limit": 100} | query))]

        return ids

    def expected(self, keep):
        return [row.id for row in reversed(self.rows) if keep(row)]

    async def test_newest_first(self, ids):
        """All rows, newest first, those of one moment in the order of their opening, no more than the limit."""
        assert await ids() == self.expected(lambda _: True)
        assert await ids(limit=3) == self.expected(lambda _: True)[:3]

    @pytest.mark.parametrize(
        "query",
        [
            {"feed": DAILY},
            {"source": "acme-crm"},
            {"sender": "beta"},
            {"idempotency_key": "k"},
            {"outcomes": (Outcome.HELD, Outcome.REFUSED)},
            {"outcomes": (Outcome.LANDED, Outcome.HELD), "source": "beta"},
            {"feed": HOURLY, "sender": "acme", "outcomes": (Outcome.PARKED,)},
            {"feed": OTHER, "idempotency_key": "k"},
            {"feed": FeedName("no", "feed")},
            {"since": at(5), "until": at(9)},
            {"since": at(5), "source": "acme-crm", "before": an_id(31)},
        ],
        ids=str,
    )
    async def test_filters_hold_together(self, ids, query):
        """A list has every row that fits all of the query, and no other."""

        def fits(row):
            return (
                query.get("feed", row.offer.feed) == row.offer.feed
                and query.get("source", row.offer.feed.source) == row.offer.feed.source
                and query.get("sender", row.offer.sender.name) == row.offer.sender.name
                and query.get("idempotency_key", row.offer.idempotency_key) == row.offer.idempotency_key
                and row.outcome in query.get("outcomes", tuple(Outcome))
                and query.get("since", 0) <= row.opened_at < query.get("until", at(1000))
                and row.id < query.get("before", "g")
            )

        assert await ids(**query) == self.expected(fits)

    async def test_pages_join_without_gap_or_double(self, ids):
        """The page before the last id of a page goes on just where that one ended."""
        pages, before = [], None
        while page := await ids(limit=7, before=before):
            pages += page
            before = page[-1]
        assert pages == self.expected(lambda _: True)
        assert await ids(before=Id("f" * 32)) == []

    async def test_forgetting_spares_the_unfinished(self, books, ids):
        """Finished rows opened before a time go, counted; unfinished and newer ones stay."""
        finished = {Outcome.LANDED, Outcome.HELD, Outcome.REFUSED, Outcome.REPEATED}
        gone = self.expected(lambda row: row.outcome in finished and row.opened_at < at(10))
        assert await books.attempts.forget(at(10)) == len(gone)
        assert set(await ids()) == {row.id for row in self.rows} - set(gone)
        assert await books.attempts.forget(at(10)) == 0


async def test_the_credential_of_an_offer_is_a_fingerprint(books):
    """What an attempt keeps of a credential is what the offer has: its fingerprint."""
    await books.attempts.open(an_attempt(1))
    row = await books.attempts.get(an_id(1))
    assert row.offer.sender == SenderRef("acme", "SHA256:key")
