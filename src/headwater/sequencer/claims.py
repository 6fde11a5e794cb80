"""Which claims are taken and where streams stand: the book's tables, and in memory what they do not hold yet."""

from __future__ import annotations

from collections.abc import Iterable

from headwater.errors import Misconfigured
from headwater.ledger.entries import claims_of, decode, follows_of
from headwater.ports.ledger import ClaimBook
from headwater.sequencer.reading import LogReader
from headwater.terms import Follows, Position

KEPT_MAX = 50_000
_CATCH_UP_ENTRIES = 4096
_DELIVERY = "delivery:"


class Claims:
    """Derived from the ledger; complete up to the last committed entry before the first append.

    The newest `KEPT_MAX` claims stay in memory. Ids are UUIDv7 and sort by their time: one that is larger than every
    delivery's id that is in the book alone can only be found here, and the book is not asked on the way to a yes.
    """

    def __init__(self, book: ClaimBook) -> None:
        self._book = book
        self._upto = book.position()
        self._kept: dict[str, Position] = {}
        self._let_go = book.newest(_DELIVERY) or ""
        self._new_claims: list[tuple[str, Position]] = []
        self._streams: dict[str, Follows] = {}

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
                names = ((claim, place.position) for claim in claims_of(entry))
                claims.take(names, [follows] if follows else [], place.position)
            await claims.flush()
        return claims

    def holder(self, claim: str) -> Position | None:
        """The position of the entry that took a claim."""
        kept = self._kept.get(claim)
        if kept is not None or (claim.startswith(_DELIVERY) and claim > self._let_go):
            return kept
        return self._book.holders([claim]).get(claim)

    def stream(self, name: str) -> int:
        """Where a stream stands; 0 if it was never followed."""
        if moved := self._streams.get(name):
            return moved.to
        return self._book.stream(name) or 0

    def take(self, claims: Iterable[tuple[str, Position]], streams: Iterable[Follows], upto: Position) -> None:
        """Notes what the entries up to `upto` took."""
        first = len(self._new_claims)
        self._new_claims += claims
        self._kept.update(self._new_claims[first:])
        self._streams.update((follows.stream, follows) for follows in streams)
        self._upto = upto

    async def flush(self) -> None:
        """Moves what is new into the book, and lets the oldest claims in memory go."""
        if self._upto == self._book.position():
            return
        upto, claims, streams = self._upto, self._new_claims, self._streams.copy()
        self._new_claims = []
        try:
            await self._book.record(upto, claims, list(streams.values()))
        except BaseException:
            self._new_claims[:0] = claims
            raise
        self._streams = {name: follows for name, follows in self._streams.items() if streams.get(name) is not follows}
        for claim in list(self._kept)[: max(0, len(self._kept) - KEPT_MAX)]:
            del self._kept[claim]
            if claim.startswith(_DELIVERY):
                self._let_go = max(self._let_go, claim)
