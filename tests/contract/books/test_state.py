from __future__ import annotations

from headwater.ledger.entries import Amended, Entry, Erased, Renamed, Void
from headwater.ports.catalog import DeliveryQuery
from headwater.terms import Completeness
from tests.contract.books.samples import DAILY, HOURLY, a_receipt, an_id, at, placed
from tests.contract.books.test_catalog import states


class TestState:
    async def test_the_next_of_a_set_takes_the_place_of_the_first(self, books):
        """When the first of three is voided the second counts; when that is withdrawn too, the third."""
        receipts = [a_receipt(n, repeat_of=an_id(1) if n > 1 else None) for n in (1, 2, 3)]
        await books.catalog.apply(placed(*receipts))
        assert await states(books.catalog) == ["effective", "repeat", "repeat"]
        await books.catalog.apply(placed(Void(v=1, id=an_id(1), by="op", reason="wrong"), after=3))
        assert await states(books.catalog) == ["void", "effective", "repeat"]
        withdrawn = Amended(v=1, id=an_id(2), completeness=Completeness.SUSPECT, reason="withdrawn")
        await books.catalog.apply(placed(withdrawn, after=4))
        assert await states(books.catalog) == ["void", "withdrawn", "effective"]
        await books.catalog.apply(placed(a_receipt(6, repeat_of=an_id(2)), after=5))
        assert await states(books.catalog) == ["void", "withdrawn", "effective", "repeat"]

    async def test_what_was_taken_out_stays_out(self, books):
        """The stronger mark stands, in whatever order they come; a later amendment moves the completeness alone."""
        marks: list[tuple[Entry, str]] = [
            (Amended(v=1, id=an_id(1), completeness=Completeness.SUSPECT, reason="prefix_of"), "superseded"),
            (Amended(v=1, id=an_id(1), completeness=Completeness.SUSPECT, reason="withdrawn"), "withdrawn"),
            (Amended(v=1, id=an_id(1), completeness=Completeness.SUSPECT, reason="prefix_of"), "withdrawn"),
            (Amended(v=1, id=an_id(1), completeness=Completeness.PROVEN, reason="check_file"), "withdrawn"),
            (Erased(v=1, id=an_id(1), versions=1), "erased"),
            (Void(v=1, id=an_id(1), by="op", reason="wrong"), "erased"),
        ]
        await books.catalog.apply(placed(a_receipt(1)))
        for position, (entry, state) in enumerate(marks, start=1):
            await books.catalog.apply(placed(entry, after=position))
            assert await states(books.catalog) == [state]
        delivery = await books.catalog.delivery(an_id(1))
        assert delivery.now.completeness == Completeness.PROVEN
        assert delivery.now.amended_by == (2, 3, 4, 5, 6, 7)

    async def test_a_renamed_delivery_is_found_by_its_new_name(self, books):
        """By the name it has now and not by the one it had, which its receipt keeps."""
        await books.catalog.apply(placed(a_receipt(1, "a.tmp"), Renamed(v=1, id=an_id(1), name="a.csv", by="acme")))
        (delivery,) = await books.catalog.same_name(DAILY, "a.csv", 5)
        assert (delivery.name, delivery.receipt.name) == ("a.csv", "a.tmp")
        assert await books.catalog.same_name(DAILY, "a.tmp", 5) == []
        assert await books.catalog.same_name(HOURLY, "a.csv", 5) == []

    async def test_since_and_until_are_moments_of_landing(self, books):
        """Since is inclusive, until exclusive, also among deliveries of one moment and outside all of them."""
        await books.catalog.apply(placed(*(a_receipt(n, landed_at=_text(n // 2)) for n in range(2, 10))))

        async def landed(**bounds):
            return [int(d.id[:16], 16) for d in await books.catalog.deliveries(DeliveryQuery(**bounds))]

        assert await landed(since=at(2), until=at(4)) == [7, 6, 5, 4]
        assert await landed(since=at(5)) == []
        assert await landed(until=at(1)) == []
        assert len(await landed(since=at(0), until=at(99))) == 8


def _text(second):
    return a_receipt(second).landed_at
