from __future__ import annotations

import asyncio

from headwater.ports.books import KeyClaim, Part
from headwater.terms import Time
from tests.contract.books.samples import DAILY, HOURLY, an_id, at, sha256

WEEK = 7 * 24 * 60 * 60


class TestIdempotencyBook:
    async def test_the_first_to_claim_has_the_key(self, books):
        """The first gets it, whoever comes later is told who has it, the holder itself may ask again."""
        claim = books.keys.claim
        assert await claim("acme", DAILY, "k", an_id(1), at(0)) is None
        assert await claim("acme", DAILY, "k", an_id(2), at(1)) == KeyClaim(an_id(1), None)
        assert await claim("acme", DAILY, "k", an_id(1), at(1)) is None

    async def test_keys_are_per_sender_and_feed(self, books):
        """The same key of another sender, or for another feed, is another key."""
        claims = [("acme", DAILY), ("beta", DAILY), ("acme", HOURLY)]
        for n, (sender, feed) in enumerate(claims):
            assert await books.keys.claim(sender, feed, "k", an_id(n), at(0)) is None

    async def test_one_of_many_gets_the_key(self, books):
        """Of fifty claims at once one wins, and all others name it."""
        claims = await asyncio.gather(*(books.keys.claim("acme", DAILY, "k", an_id(n), at(0)) for n in range(50)))
        (winner,) = [an_id(n) for n, claim in enumerate(claims) if claim is None]
        assert all(claim == KeyClaim(winner, None) for claim in claims if claim)

    async def test_a_fulfilled_key_names_its_bytes(self, books):
        """Once its attempt has landed, a claim says which bytes; also to the attempt itself."""
        await books.keys.claim("acme", DAILY, "k", an_id(1), at(0))
        await books.keys.fulfil("acme", DAILY, "k", an_id(1), sha256("a"))
        for claimer in (an_id(1), an_id(2)):
            assert await books.keys.claim("acme", DAILY, "k", claimer, at(1)) == KeyClaim(an_id(1), sha256("a"))

    async def test_only_the_holder_fulfils_or_releases(self, books):
        """What another attempt says of the key changes nothing."""
        await books.keys.claim("acme", DAILY, "k", an_id(1), at(0))
        await books.keys.fulfil("acme", DAILY, "k", an_id(2), sha256("a"))
        await books.keys.release("acme", DAILY, "k", an_id(2))
        assert await books.keys.claim("acme", DAILY, "k", an_id(3), at(1)) == KeyClaim(an_id(1), None)

    async def test_a_released_key_is_free(self, books):
        """After a release the next one has it; a key that was fulfilled cannot be released any more."""
        await books.keys.claim("acme", DAILY, "k", an_id(1), at(0))
        await books.keys.release("acme", DAILY, "k", an_id(1))
        assert await books.keys.claim("acme", DAILY, "k", an_id(2), at(1)) is None
        await books.keys.fulfil("acme", DAILY, "k", an_id(2), sha256("a"))
        await books.keys.release("acme", DAILY, "k", an_id(2))
        assert await books.keys.claim("acme", DAILY, "k", an_id(3), at(2)) is not None

    async def test_a_key_is_held_for_seven_days(self, books):
        """To the last moment of the seventh day, and no longer."""
        await books.keys.claim("acme", DAILY, "k", an_id(1), at(0))
        await books.keys.fulfil("acme", DAILY, "k", an_id(1), sha256("a"))
        assert await books.keys.claim("acme", DAILY, "k", an_id(2), Time(at(WEEK) - 1)) is not None
        assert await books.keys.claim("acme", DAILY, "k", an_id(2), at(WEEK)) is None
        assert await books.keys.claim("acme", DAILY, "k", an_id(3), at(WEEK)) == KeyClaim(an_id(2), None)

    async def test_expired_keys_leave_no_rows(self, books, engine):
        """However many keys a sender uses, those that have expired do not stay."""
        for n in range(20):
            await books.keys.claim("acme", DAILY, f"old {n}", an_id(n), at(0))
        for n in range(20):
            await books.keys.claim("acme", DAILY, f"new {n}", an_id(n), at(WEEK))
        await books.close()
        assert len(engine.dump()["idempotency"]) == 20


class TestPartBook:
    async def test_a_number_is_taken_once(self, books):
        """The second to take a part number is refused, also if it asks at the same time, also once it is committed."""
        await books.parts.begin(an_id(1), "store-1")
        taken = await asyncio.gather(*(books.parts.take(an_id(1), Part(1, 0, size)) for size in range(1, 9)))
        assert taken == [True] + [False] * 7
        await books.parts.commit(an_id(1), Part(1, 0, 1, "etag", "crc"))
        assert not await books.parts.take(an_id(1), Part(1, 0, 1))
        assert await books.parts.take(an_id(2), Part(1, 0, 1))

    async def test_parts_come_in_order_with_what_the_store_said(self, books):
        """Taken and committed parts by number, each as last written, under the store's own id."""
        await books.parts.begin(an_id(1), "store-1")
        for part in (Part(10, 90, 10), Part(2, 8, 8), Part(1, 0, 8)):
            await books.parts.take(an_id(1), part)
        await books.parts.commit(an_id(1), Part(2, 8, 8, "etag", "crc"))
        assert await books.parts.parts(an_id(1)) == (
            "store-1",
            [Part(1, 0, 8), Part(2, 8, 8, "etag", "crc"), Part(10, 90, 10)],
        )

    async def test_a_new_beginning_forgets_the_old_parts(self, books):
        """The store's new id comes with no parts; other uploads keep theirs."""
        for upload in (an_id(1), an_id(2)):
            await books.parts.begin(upload, "first")
            await books.parts.take(upload, Part(1, 0, 8))
        await books.parts.begin(an_id(1), "second")
        assert await books.parts.parts(an_id(1)) == ("second", [])
        assert await books.parts.parts(an_id(2)) == ("first", [Part(1, 0, 8)])

    async def test_an_ended_upload_is_forgotten(self, books):
        """After its end there is nothing, as before its beginning."""
        assert await books.parts.parts(an_id(1)) == (None, [])
        await books.parts.begin(an_id(1), "store-1")
        await books.parts.take(an_id(1), Part(1, 0, 8))
        await books.parts.end(an_id(1))
        assert await books.parts.parts(an_id(1)) == (None, [])
