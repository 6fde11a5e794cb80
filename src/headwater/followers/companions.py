"""The actor on companions: what a checksum file says of the delivery that it came with becomes an `amended` entry.

A companion (`sales.csv.sha256`, `SHA256SUMS`) speaks of the newest delivery of a name before it, by the same sender in
the same feed; where it comes first, of the next one. It proves at any distance. It speaks against a delivery only if
both came within an hour, and neither agrees with another one: a companion sent ahead says nothing of yesterday's file.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final, Protocol

import msgspec

from headwater.errors import Refused
from headwater.landing.digest import new_hash
from headwater.ledger.entries import Amended, decode
from headwater.ports.books import CursorBook
from headwater.ports.catalog import Catalog, DeliveryQuery, History
from headwater.ports.ledger import Ledger
from headwater.ports.store import ObjectReader
from headwater.terms import (
    Completeness,
    Delivery,
    Evidence,
    FeedName,
    Id,
    Place,
    Position,
    Receipt,
    State,
    Time,
    name_of,
    time_value,
)

FOLLOWER: Final = "companions"

COMPANION_BYTES_MAX: Final = 64 * 1024
HASHED_BYTES_MAX: Final = 10 * 1024**3
"""Up to here an object is read for a digest that does not stand in its receipt."""

TOGETHER_SECONDS_MAX: Final = 3600
_NAMES_MAX: Final = 10_000
_RECALLED_MAX: Final = 10_000
_OF_NAME_MAX: Final = 20
_LOOKED_AT_MAX: Final = 3
_DIGESTS_MAX: Final = 256

_HEX_CHARS: Final = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128, "crc32": 8}
_ALGORITHMS: Final = "|".join(_HEX_CHARS)
_SINGLE: Final = re.compile(rf"(.+)\.({_ALGORITHMS})", re.IGNORECASE | re.DOTALL)
_LIST: Final = re.compile(r"(?:.*/)?(md5|sha1|sha256|sha512)sums(?:\.txt)?", re.IGNORECASE | re.DOTALL)
_LINE: Final = re.compile(r"([0-9a-f]+)(?:[ \t]+\*?(.+))?", re.IGNORECASE)
_BSD_LINE: Final = re.compile(r"([a-z0-9-]+) ?\((.+)\) ?= ?([0-9a-f]+)", re.IGNORECASE)
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")


class Deliveries(Catalog, History, Protocol):
    """What is known of deliveries."""


class Stated(msgspec.Struct, frozen=True):
    """The digest that a companion says a file has, in lower-case hex."""

    name: str
    algorithm: str
    digest: str


class _Word(msgspec.Struct, frozen=True):
    companion: Receipt
    stated: Stated


_Subject = tuple[FeedName, str, str]  # feed, sender, name


class Companions:
    """A `follow.Projection` that enters what it finds, once for each companion and delivery.

    `known` returns when the catalog knows the entry at a position.
    """

    def __init__(
        self,
        deliveries: Deliveries,
        objects: ObjectReader,
        ledger: Ledger,
        cursors: CursorBook,
        known: Callable[[Position], Awaitable[None]],
    ) -> None:
        self._deliveries = deliveries
        self._objects = objects
        self._ledger = ledger
        self._cursors = cursors
        self._known = known
        self._words: OrderedDict[_Subject, dict[str, _Word]] | None = None  # the last of each companion's name
        self._digests: OrderedDict[tuple[Id, str], str] = OrderedDict()
        self._entered = Position(0)

    async def applied(self) -> Position:
        """The cursor."""
        return Position(await self._cursors.cursor(FOLLOWER))

    async def apply(self, entries: Sequence[tuple[Place, bytes]]) -> None:
        """Weighs the companions and the deliveries among these entries. Raises Unavailable; repeatable."""
        for place, data in entries:
            is_companion = b'"key":"companion/' in data
            if b'"kind":"receipt"' not in data or not (is_companion or self._words or self._words is None):
                continue
            receipt = decode(data)
            if isinstance(receipt, Receipt):
                if self._words is None:
                    await self._recall(receipt, place.position)
                await (self._hear if is_companion else self._meet)(receipt, place.position)
        await self._cursors.advance(FOLLOWER, entries[-1][0].position)

    # --- what companions say -----------------------------------------------------------------------------------------

    async def _recall(self, first: Receipt, position: Position) -> None:
        """Hears again, after a start, the companions that deliveries from here on may still go with."""
        self._words = OrderedDict()
        await self._known(Position(position - 1))
        since = Time(time_value(first.landed_at) - 2 * TOGETHER_SECONDS_MAX * 1_000_000)
        query = DeliveryQuery(since=since, before=position, limit=_RECALLED_MAX)
        for each in reversed(await self._deliveries.deliveries(query)):
            if each.receipt.key.startswith("companion/"):
                for stated in await self._read(each.receipt):
                    self._remember(_Word(each.receipt, stated))

    async def _read(self, companion: Receipt) -> list[Stated]:
        name = name_of(companion)
        if companion.size_bytes > COMPANION_BYTES_MAX or not (_SINGLE.fullmatch(name) or _LIST.fullmatch(name)):
            return []
        try:
            pieces = [piece async for piece in self._objects.read(companion.key, version=companion.version)]
        except Refused:  # it was forgotten since
            return []
        return list(statements(name, b"".join(pieces)))

    def _remember(self, word: _Word) -> _Word | None:
        """Keeps what was said last; returns what a companion of this name said of the same file before."""
        if self._words is None:
            self._words = OrderedDict()
        companion = word.companion
        subject = companion.feed_name, companion.sender.name, word.stated.name
        said = self._words.setdefault(subject, {})
        self._words.move_to_end(subject)
        if len(self._words) > _NAMES_MAX:
            self._words.popitem(last=False)
        before = said.pop(name_of(companion), None)
        said[name_of(companion)] = word
        return before

    # --- companion and delivery, in either order ---------------------------------------------------------------------

    async def _hear(self, companion: Receipt, position: Position) -> None:
        """A companion came: what it says of a delivery before it."""
        for stated in await self._read(companion):
            word = _Word(companion, stated)
            before = self._remember(word)
            found = await self._of_name(companion, stated.name, position)
            if not found or await self._proves(word, found[:_LOOKED_AT_MAX]):
                continue
            newest = found[0]
            settled = before is not None and await self._agree(before.stated, newest.receipt)
            if not settled and _together(newest.receipt.landed_at, companion.landed_at):
                await self._contradict(word, newest)

    async def _meet(self, receipt: Receipt, position: Position) -> None:
        """A delivery came: what companions before it say of it."""
        subject = receipt.feed_name, receipt.sender.name, name_of(receipt)
        said = {} if self._words is None else self._words.get(subject, {})
        for word in list(said.values()):
            if not _together(word.companion.landed_at, receipt.opened_at):
                continue
            found = await self._of_name(receipt, name_of(receipt), Position(position + 1))
            if not found or found[0].id != receipt.id or await self._proves(word, found[:1]):
                continue
            for other in found[1:_LOOKED_AT_MAX]:
                if await self._agree(word.stated, other.receipt):
                    break  # it came with that one
            else:
                await self._contradict(word, found[0])

    async def _of_name(self, like: Receipt, name: str, before: Position) -> list[Delivery]:
        """The deliveries of a name by the same sender that stand before a position, newest first, as they are now."""
        await self._known(max(Position(before - 1), self._entered))
        found = await self._deliveries.same_name(like.feed_name, name, _OF_NAME_MAX)
        gone = {State.VOID, State.ERASED}
        return [
            each
            for each in found
            if each.receipt.sender.name == like.sender.name and each.position < before and each.now.state not in gone
        ]

    async def _proves(self, word: _Word, found: Sequence[Delivery]) -> bool:
        """Whether a companion agrees with one of these; an entry says so where nothing else proves it already."""
        for each in found:
            if await self._agree(word.stated, each.receipt):
                if each.now.completeness is not Completeness.PROVEN:
                    await self._enter(word, each, word.stated.digest, Completeness.PROVEN, "companion")
                return True
        return False

    async def _contradict(self, word: _Word, delivery: Delivery) -> None:
        observed = await self._observed(delivery.receipt, word.stated.algorithm)
        if observed is not None and delivery.now.completeness is not Completeness.SUSPECT:
            await self._enter(word, delivery, observed, Completeness.SUSPECT, "companion_mismatch")

    async def _enter(
        self, word: _Word, delivery: Delivery, observed: str, completeness: Completeness, reason: str
    ) -> None:
        entry = Amended(
            v=1,
            id=delivery.id,
            completeness=completeness,
            reason=reason,
            evidence=(Evidence(f"companion_{word.stated.algorithm}", word.stated.digest, observed),),
            claims=(f"companion:{word.companion.id}:{delivery.id}",),
        )
        (entered,) = await self._ledger.append(entry)
        self._entered = max(self._entered, entered.place.position)

    # --- digests -----------------------------------------------------------------------------------------------------

    async def _agree(self, stated: Stated, receipt: Receipt) -> bool:
        return await self._observed(receipt, stated.algorithm) == stated.digest

    async def _observed(self, receipt: Receipt, algorithm: str) -> str | None:
        """A digest of the stored bytes; None where they are too many, or gone."""
        if algorithm == "sha256":
            return receipt.sha256
        declared = receipt.declared.digests.get(algorithm)
        if declared is not None and receipt.completeness is Completeness.PROVEN:
            return declared
        known = self._digests.get((receipt.id, algorithm))
        if known is not None or receipt.size_bytes > HASHED_BYTES_MAX:
            return known
        digest = new_hash(algorithm)
        try:
            async for piece in self._objects.read(receipt.key, version=receipt.version):
                await asyncio.to_thread(digest.update, piece)
        except Refused:
            return None
        self._digests[receipt.id, algorithm] = digest.hexdigest()
        if len(self._digests) > _DIGESTS_MAX:
            self._digests.popitem(last=False)
        return digest.hexdigest()


def statements(companion: str, data: bytes) -> Iterator[Stated]:
    """What a companion of this name says: `hex`, `hex  name`, `hex *name`, `SHA256 (name) = hex`, one a line.

    Names lie in the companion's own folder. A digest alone is that of the file that the companion is named for. What
    cannot be read is passed over.
    """
    single, listed = _SINGLE.fullmatch(companion), _LIST.fullmatch(companion)
    stem = single[1].rpartition("/")[2] if single else None
    usual = (single[2] if single else listed[1] if listed else "").lower()
    encoding = "utf-16" if data[:2] in _UTF_16 else "utf-8-sig"
    for line in data.decode(encoding, errors="replace" if encoding == "utf-16" else "surrogateescape").splitlines():
        algorithm, said, digest = usual, "", ""
        if found := _BSD_LINE.fullmatch(line.strip()):
            algorithm, said, digest = found[1].lower().replace("sha2-", "sha"), found[2], found[3].lower()
        elif found := _LINE.fullmatch(line.strip()):
            said, digest = found[2] or "", found[1].lower()
        name = _named(companion, stem, said)
        if name is not None and _HEX_CHARS.get(algorithm) == len(digest):
            yield Stated(name, algorithm, digest)


def _named(companion: str, stem: str | None, said: str) -> str | None:
    """The file that a line is about. A path on the sender's own machine tells its last component alone."""
    folder, slash, _ = companion.rpartition("/")
    parts = [part for part in said.replace("\\", "/").split("/") if part not in {"", "."}]
    if not parts or parts == ["-"]:
        return None if stem is None else f"{folder}{slash}{stem}"
    if parts[-1] == stem or said[0] in "/\\" or ".." in parts or parts[0].endswith(":"):
        parts = parts[-1:]
    return f"{folder}{slash}{'/'.join(parts)}"


def _together(first: str, second: str) -> bool:
    return time_value(second) - time_value(first) <= TOGETHER_SECONDS_MAX * 1_000_000
