"""Which claims are taken and where streams stand: the book's tables, and in memory what they do not hold yet."""

from __future__ import annotations

from collections.abc import Iterable

from headwater.errors import Misconfigured
from headwater.ledger.entries import claims_of, decode, follows_of
from headwater.ports.ledger import ClaimBook
from headwater.sequencer.reading import LogReader
from headwater.terms import Follows, Position

_CATCH_UP_ENTRIES = 4096


class Claims:
    """Derived from the ledger; complete up to the last committed entry before the first append."""

    def __init__(self, book: ClaimBook) -> None:
        self._book = book
        self._taken: dict[str, Position] = {}
        self._streams: dict[str, Follows] = {}
        self._upto = book.position()

    @classmethod
    async def catch_up(cls, book: ClaimBook, reader: LogReader) -> Claims:
        """Feeds the book every entry it has not seen. Raises Misconfigured when it has seen more than there are."""
        claims = cls(book)
        if claims._upto > reader.position:
            raise Misconfigured(
                f"The books have seen {claims._upto} entries, but the zone's ledger holds {reader.position}. "
                "These books belong to another zone, or an older copy of the zone was put back.",
                "wrong_zone",
            )
        while claims._upto < reader.position:
            async for place, data in reader.read(claims._upto, _CATCH_UP_ENTRIES):
                entry = decode(data)
                follows = follows_of(entry)
                claims.take(
                    ((claim, place.position) for claim in claims_of(entry)),
                    [follows] if follows else [],
                    place.position,
                )
            await claims.flush()
        return claims

    def holder(self, claim: str) -> Position | None:
        """The position of the entry that took a claim."""
        return self._taken.get(claim) or self._book.holders([claim]).get(claim)

    def stream(self, name: str) -> int:
        """Where a stream stands; 0 if it was never followed."""
        if moved := self._streams.get(name):
            return moved.to
        return self._book.stream(name) or 0

    def take(self, claims: Iterable[tuple[str, Position]], streams: Iterable[Follows], upto: Position) -> None:
        """Notes what the entries up to `upto` took."""
        self._taken.update(claims)
        self._streams.update((follows.stream, follows) for follows in streams)
        self._upto = upto

    async def flush(self) -> None:
        """Moves what is in memory into the book."""
        if self._upto == self._book.position():
            return
        upto, taken, streams = self._upto, self._taken.copy(), self._streams.copy()
        await self._book.record(upto, list(taken.items()), list(streams.values()))
        self._taken = {claim: at for claim, at in self._taken.items() if claim not in taken}
        self._streams = {name: follows for name, follows in self._streams.items() if streams.get(name) is not follows}
