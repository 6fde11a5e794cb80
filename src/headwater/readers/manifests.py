"""The effective set of a feed, written down for engines that cannot ask us: one manifest for each state of the feed.

Pure. A manifest is a function of the ledger up to a position, so whoever makes it makes the same bytes, and it is
created once and never changed:

- `views/lz_source=S/lz_feed=F/P.json` lists the objects that count, with what a reader wants to check;
- `views/lz_source=S/lz_feed=F/P/symlink.txt` has their addresses, one a line, which Athena, Trino and Hive read as a
  table (`SymlinkTextInputFormat`) whose location is that folder.

P is the position of the feed's last change, in 20 digits: the newest manifest is the last one by name.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from headwater.terms import Delivery, FeedName, Key, Position, State

_DATA = "raw/"


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


def manifest_key(feed: FeedName, position: Position) -> Key:
    """Where a manifest is stored."""
    return Key(f"{_folder(feed)}/{position:020}.json")


def symlink_key(feed: FeedName, position: Position) -> Key:
    """Where its addresses are stored."""
    return Key(f"{_folder(feed)}/{position:020}/symlink.txt")


def _folder(feed: FeedName) -> str:
    return f"views/lz_source={feed.source}/lz_feed={feed.feed}"
