"""The follower that has each delivery inspected: off the path of landing, in the ledger's order, once.

A finding is compared with the earlier ones of its feed. So the bytes of many deliveries are looked at side by side, and
what was found is stored one after the other, in the order of the ledger; the cursor moves once all before it stand. A
process that dies anywhere goes on with what is not stored yet, and ends with the same findings.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

from headwater.errors import Refused
from headwater.followers.catalog import read_entry
from headwater.formats.drift import HISTORY_MAX, with_drift
from headwater.formats.finding import DETECTOR, Finding
from headwater.formats.redact import without_samples
from headwater.layout import parse_key
from headwater.ledger.entries import Amended, Erased, Void
from headwater.ports.books import CursorBook
from headwater.ports.clock import Clock
from headwater.ports.findings import FIRST_RUN, FindingBook, Inspected
from headwater.terms import FeedName, Id, Place, Position, Receipt

FOLLOWER: Final = "findings"

_FEEDS_AT_HAND_MAX: Final = 32
_COLUMNS_AT_HAND_MAX: Final = 3000

_KINDS: Final = (b'"kind":"receipt"', b'"kind":"void"', b'"kind":"erased"', b'"kind":"amended"')
_TAKES_OUT: Final = frozenset({"withdrawn", "prefix_of"})


class Inspector(Protocol):
    """What looks at bytes, somewhere else; see `headwater.inspector.pool`."""

    async def inspect(self, receipt: Receipt) -> Finding:
        """What these bytes are, with nothing of earlier ones. A parser that fails is a finding too.

        Raises Refused where the bytes are gone, Unavailable where they cannot be had just now.
        """
        ...


async def _at_once() -> None:
    pass


class Findings:
    """A `follow.Projection`. `samples`: whether values of the bytes are kept in findings. `quiet` is waited for before
    each finding that is stored: it returns once landing has no need of the processor and the books just now.
    """

    def __init__(
        self,
        inspector: Inspector,
        book: FindingBook,
        cursors: CursorBook,
        clock: Clock,
        *,
        samples: bool = True,
        quiet: Callable[[], Awaitable[None]] = _at_once,
    ) -> None:
        self._inspector = inspector
        self._book = book
        self._cursors = cursors
        self._clock = clock
        self._samples = samples
        self._quiet = quiet
        self._recent: OrderedDict[FeedName, list[Finding]] = OrderedDict()
        self._changes = 0  # of what stands in the book already
        self._pending: list[asyncio.Future[None]] = []  # on their way into the book, in order

    async def applied(self) -> Position:
        """The cursor."""
        return Position(await self._cursors.cursor(FOLLOWER))

    async def apply(self, entries: Sequence[tuple[Place, bytes]]) -> None:
        """Has the deliveries among these entries inspected, and stores what was found. Raises Unavailable."""
        told = [(place.position, read_entry(place, data)) for place, data in entries if _matters(data)]
        receipts = [entry for _, entry in told if isinstance(entry, Receipt) and entry.key.startswith("raw/")]
        have = await self._book.have([receipt.id for receipt in receipts], DETECTOR) if receipts else set()
        under_way = {
            receipt.id: asyncio.ensure_future(self._found(receipt)) for receipt in receipts if receipt.id not in have
        }
        try:
            for position, entry in told:
                if isinstance(entry, Receipt):
                    if entry.id in have:
                        self._recent.pop(entry.feed_name, None)
                    elif entry.id in under_way and (finding := await under_way.pop(entry.id)) is not None:
                        await self._store(entry, position, finding)
                else:
                    await self._hear(entry)
            await self._stored()
        finally:
            for task in under_way.values():
                task.cancel()
            await asyncio.gather(*under_way.values(), *self._pending, return_exceptions=True)
            self._pending.clear()
        await self._cursors.advance(FOLLOWER, entries[-1][0].position)

    async def again(self, receipt: Receipt, position: Position) -> Inspected:
        """Inspects a delivery now, once more: the finding is added to the earlier ones. Raises Refused, Unavailable."""
        finding = await self._inspector.inspect(receipt)
        history = await self._book.earlier(receipt.feed_name, position, HISTORY_MAX)
        self._forget()
        kept = await self._book.add(self._made(receipt, position, with_drift(finding, history), FIRST_RUN + 1))
        self._forget()
        return kept

    async def _found(self, receipt: Receipt) -> Finding | None:
        with suppress(Refused):  # the bytes were erased meanwhile: there is nothing to look at
            return await self._inspector.inspect(receipt)
        return None

    async def _store(self, receipt: Receipt, position: Position, finding: Finding) -> None:
        """The next finding of its feed, compared with those before it, goes to the book; `_stored` waits for it."""
        feed = receipt.feed_name
        await self._quiet()
        history = await self._history(feed, position)
        made = self._made(receipt, position, with_drift(finding, history), FIRST_RUN)
        self._pending.append(asyncio.ensure_future(self._keep(made, feed)))
        if feed in self._recent:
            self._recent[feed] = [made.finding, *history][:HISTORY_MAX]

    async def _keep(self, made: Inspected, feed: FeedName) -> None:
        if (await self._book.add(made)).finding is not made.finding:  # another stood there already
            self._recent.pop(feed, None)

    async def _stored(self) -> None:
        """Returns once what was found so far stands in the book. Raises Unavailable."""
        pending, self._pending = self._pending, []
        for failed in await asyncio.gather(*pending, return_exceptions=True):
            if failed is not None:
                self._forget()
                raise failed

    async def _history(self, feed: FeedName, position: Position) -> list[Finding]:
        """The earlier findings of a feed, newest first; those that were read or stored just now are kept at hand."""
        if (known := self._recent.get(feed)) is not None:
            self._recent.move_to_end(feed)
            return known
        await self._stored()
        changes = self._changes
        found = await self._book.earlier(feed, position, HISTORY_MAX)
        columns = sum(len(table.columns) for finding in found for table in finding.schema)
        if changes == self._changes and columns <= _COLUMNS_AT_HAND_MAX:
            self._recent[feed] = found
            if len(self._recent) > _FEEDS_AT_HAND_MAX:
                self._recent.popitem(last=False)
        return found

    def _forget(self) -> None:
        """What is at hand may no longer be what the book says."""
        self._changes += 1
        self._recent.clear()

    def _made(self, receipt: Receipt, position: Position, found: Finding, run: int) -> Inspected:
        return Inspected(
            id=receipt.id,
            position=position,
            feed=receipt.feed_name,
            sender=receipt.sender.name,
            day=parse_key(receipt.key).day,
            detector=found.detector,
            run=run,
            made_at=self._clock.now(),
            finding=found if self._samples else without_samples(found),
        )

    async def _hear(self, entry: object) -> None:
        """What the ledger says later of a delivery."""
        if isinstance(entry, Erased):
            await self._book.erase(entry.id)
            self._forget()
        elif isinstance(entry, Void) or (isinstance(entry, Amended) and entry.reason in _TAKES_OUT):
            await self._book.leave_out(Id(entry.id))
            self._forget()


def _matters(data: bytes) -> bool:
    return any(kind in data for kind in _KINDS)
