"""One batch on its way into the log: what each caller's entries become, decided before anything is written."""

from __future__ import annotations

from collections.abc import Sequence

from headwater.errors import Refused
from headwater.ledger.entries import Entry, claims_of, encode, follows_of, stamped
from headwater.ledger.head import Head
from headwater.ports.ledger import Entered
from headwater.sequencer.claims import Claims
from headwater.terms import Follows, Place, Position, Time


class Batch:
    """Entries that will be committed by one write of the head, all at the time `at`."""

    def __init__(self, head: Head, claims: Claims, at: Time) -> None:
        self._head = head
        self._claims = claims
        self.at = at
        self.encoded: list[bytes] = []
        self.claims: dict[str, Position] = {}
        self.streams: dict[str, Follows] = {}

    def add(self, entries: Sequence[Entry]) -> list[Entered | Position]:
        """Adds one caller's entries: each becomes an `Entered`, or the position of the entry that holds its claim.

        Raises Refused("stream_moved") or ValueError (an entry is too large), and then none of them is added.
        """
        added: list[Entered | Position] = []
        encoded: list[bytes] = []
        claims: dict[str, Position] = {}
        streams: dict[str, Follows] = {}
        for entry in entries:
            names = claims_of(entry)
            holders = (self.claims.get(name) or claims.get(name) or self._claims.holder(name) for name in names)
            if holder := next(filter(None, holders), None):
                added.append(holder)
                continue
            if follows := follows_of(entry):
                self._check(follows, streams)
                streams[follows.stream] = follows
            final = stamped(entry, self.at)
            index = self._head.size + len(self.encoded) + len(encoded)
            place = Place(self._head.log, index, Position(self._head.base + index + 1))
            encoded.append(encode(final))
            claims.update(dict.fromkeys(names, place.position))
            added.append(Entered(place, final, fresh=True))
        self.encoded += encoded
        self.claims |= claims
        self.streams |= streams
        return added

    def _check(self, follows: Follows, streams: dict[str, Follows]) -> None:
        moved = streams.get(follows.stream) or self.streams.get(follows.stream)
        stands = moved.to if moved else self._claims.stream(follows.stream)
        if stands != follows.after:
            raise Refused("stream_moved", f"{follows.stream} stands at {stands}, not at {follows.after}.")
