from __future__ import annotations

from headwater.ports.books import Count
from headwater.terms import Follows, Position, Time
from tests.contract.books.samples import at


def a_count(minute: int = 0, reason: str = "unauthenticated", sender: str = "", count: int = 1) -> Count:
    """So often, in the n-th minute."""
    return Count(at(60 * minute), "sftp", reason, sender, "192.0.2.1", count)


class TestCursorBook:
    async def test_a_cursor_goes_forward_or_back_to_the_start(self, books):
        """0 at first; a lower position than it has does not move it, 0 does; each follower has its own."""
        assert await books.cursors.cursor("f") == 0
        for position, stands in ((7, 7), (5, 7), (8, 8), (0, 0), (3, 3)):
            await books.cursors.advance("f", position)
            assert await books.cursors.cursor("f") == stands
        assert await books.cursors.cursor("g") == 0


class TestCounterBook:
    async def test_counts_of_the_same_add_up(self, books):
        """Minute, door, reason, sender and address together are one count."""
        await books.counters.add([a_count(count=2), a_count(reason="banned")])
        await books.counters.add([a_count(count=3), a_count(1)])
        counts = await books.counters.counts(None, Time(0))
        assert counts == [a_count(1), a_count(reason="banned"), a_count(count=5)]

    async def test_counts_are_asked_for_by_sender_and_time(self, books):
        """A known sender's, those of no known sender, or all; from a minute on."""
        await books.counters.add([a_count(0, sender="acme"), a_count(2, sender="acme"), a_count(2)])
        assert await books.counters.counts("acme", at(60)) == [a_count(2, sender="acme")]
        assert await books.counters.counts("", at(0)) == [a_count(2)]
        assert len(await books.counters.counts(None, at(120))) == 2

    async def test_pruning_keeps_the_newest(self, books):
        """What is older goes, and of the rest the oldest beyond the number of rows."""
        await books.counters.add([a_count(minute) for minute in range(10)])
        await books.counters.prune(at(60 * 2), 5)
        assert await books.counters.counts(None, Time(0)) == [a_count(minute) for minute in (9, 8, 7, 6, 5)]
        await books.counters.prune(at(60 * 7), 5)
        assert await books.counters.counts(None, Time(0)) == [a_count(minute) for minute in (9, 8, 7)]


class TestClaimBook:
    async def test_what_was_recorded_is_answered_at_once(self, books):
        """Holders, streams and position, by plain calls, as soon as the record is awaited."""
        assert (books.claims.position(), books.claims.holders(["a"]), books.claims.stream("s")) == (0, {}, None)
        await books.claims.record(Position(5), [("a", Position(3)), ("b", Position(5))], [Follows("s", 0, 10)])
        assert books.claims.position() == 5
        assert books.claims.holders(["a", "b", "c"]) == {"a": 3, "b": 5}
        assert books.claims.holders([]) == {}
        assert books.claims.stream("s") == 10

    async def test_recording_is_repeatable(self, books, engine):
        """The same again, or something older again, changes nothing: the first holder stays, no stream goes back."""
        old = (Position(5), [("a", Position(3))], [Follows("s", 0, 10)])
        new = (Position(9), [("b", Position(9))], [Follows("s", 10, 20)])
        for record in (old, new, new, (Position(9), [("a", Position(8))], []), old):
            await books.claims.record(*record)
        assert books.claims.position() == 9
        assert books.claims.holders(["a", "b"]) == {"a": 3, "b": 9}
        assert books.claims.stream("s") == 20

    async def test_claims_are_found_again(self, books, engine):
        """The tables outlive the process."""
        await books.claims.record(Position(5), [("a", Position(3))], [Follows("s", 0, 10)])
        await books.close()
        again = engine.open()
        assert (again.claims.position(), again.claims.holders(["a"]), again.claims.stream("s")) == (5, {"a": 3}, 10)
        await again.close()
