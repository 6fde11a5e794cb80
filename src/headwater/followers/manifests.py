"""The effective set of a feed, written down for engines that cannot ask us: one manifest for each state of the feed.

A manifest is a function of the ledger up to a position, so whoever makes it makes the same bytes, and it is
created once and never changed:

- `views/lz_source=S/lz_feed=F/P.json` lists the objects that count, with what a reader wants to check;
- `views/lz_source=S/lz_feed=F/P/symlink.txt` has their addresses, one a line, which Athena, Trino and Hive read as a
  table (`SymlinkTextInputFormat`) whose location is that folder.

P is the position of the feed's last change, in 20 digits: the newest manifest is the last one by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Final, Protocol

import msgspec

from headwater.landing.digest import Checksum, Digester
from headwater.layout import manifest_key, symlink_key
from headwater.ports.books import CursorBook
from headwater.ports.catalog import Catalog, DeliveryQuery, History
from headwater.ports.store import KeyTaken, ObjectCreator
from headwater.terms import Delivery, FeedName, Position, State

FOLLOWER: Final = "manifests"
_DATA: Final = "raw/"
_PAGE: Final = 1000
_TRIES_MAX: Final = 5


class Listed(msgspec.Struct, frozen=True):
    """An object that counts."""

    key: str
    id: str
    name: str
    size_bytes: int
    sha256: str
    landed_at: str
    position: int


class Manifest(msgspec.Struct, frozen=True):
    """The effective set of a feed as it is at a position, in the order of landing."""

    v: int
    feed: str
    position: int
    objects: tuple[Listed, ...]


def manifest(feed: FeedName, position: Position, deliveries: Iterable[Delivery]) -> Manifest:
    """The manifest of a feed whose last change is at `position`; of its deliveries those count that are effective."""
    objects = [
        Listed(
            each.receipt.key,
            each.id,
            each.name.encode(errors="surrogateescape").decode(errors="replace"),
            each.receipt.size_bytes,
            each.receipt.sha256,
            each.receipt.landed_at,
            each.position,
        )
        for each in deliveries
        if each.now.state is State.EFFECTIVE and each.receipt.key.startswith(_DATA)
    ]
    return Manifest(1, str(feed), position, tuple(sorted(objects, key=lambda each: each.position)))


def manifest_bytes(made: Manifest) -> bytes:
    """The manifest as it is stored."""
    return msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n"


def symlink_bytes(made: Manifest, zone_url: str) -> bytes:
    """The addresses, one a line, in the zone that the engine reaches at `zone_url`: `s3://bucket/prefix`."""
    return "".join(f"{zone_url.rstrip('/')}/{each.key}\n" for each in made.objects).encode()


class Deliveries(Catalog, History, Protocol):
    """What is known of deliveries."""


class Manifests:
    """Writes the manifests of the feeds that have changed since the last time. `zone_url` is where engines find it."""

    def __init__(
        self, known: Deliveries, creator: ObjectCreator, cursors: CursorBook, crc64nvme: Checksum, zone_url: str
    ) -> None:
        self._known = known
        self._creator = creator
        self._cursors = cursors
        self._crc64nvme = crc64nvme
        self._zone_url = zone_url

    async def write_what_changed(self) -> int:
        """One manifest for each feed that has changed; returns how many. Raises Unavailable; repeatable."""
        after = Position(await self._cursors.cursor(FOLLOWER))
        changed: dict[FeedName, Position] = {}
        while changes := await self._known.changes(None, None, after, _PAGE):
            for change in changes:
                changed[change.delivery.receipt.feed_name] = after = change.position
        written = 0
        for feed, position in changed.items():
            written += await self._write(feed, position)
        if changed:
            await self._cursors.advance(FOLLOWER, after)
        return written

    async def _write(self, feed: FeedName, position: Position) -> bool:
        """False where the feed changed each time while it was read: the next time will do."""
        for _ in range(_TRIES_MAX):
            made = manifest(feed, position, await self._effective(feed))
            later = await self._known.changes(None, feed, position, _PAGE)
            if not later:
                for key, body in (
                    (symlink_key(feed, position), symlink_bytes(made, self._zone_url)),
                    (manifest_key(feed, position), manifest_bytes(made)),
                ):
                    digester = Digester(self._crc64nvme)
                    digester.update([body])
                    with suppress(KeyTaken):  # made before, with another address of the zone
                        await self._creator.create(key, [body], digester.digests())
                return True
            position = later[-1].position
        return False

    async def _effective(self, feed: FeedName) -> list[Delivery]:
        found: list[Delivery] = []
        after = Position(0)
        while page := await self._known.deliveries(
            DeliveryQuery(feed=feed, state=State.EFFECTIVE, after=after, limit=_PAGE)
        ):
            found += page
            after = page[-1].position
        return found
