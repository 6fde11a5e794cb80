"""Where a file goes: from the path or the feed that a sender names to the feed it lands in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final, Protocol

import msgspec

from headwater.errors import Refused
from headwater.gate.allow import Verb, allow, granted
from headwater.layout import check_name, parse_feed
from headwater.ports.books import Identity
from headwater.terms import FeedName, shown

UNSORTED: Final = "unsorted"
"""The feed of every source that takes what a known sender delivers to no known feed."""

_COMPANION: Final = re.compile(
    r"(.*\.)?(md5|sha1|sha256|sha512|crc|crc32|crc64nvme|sfv|ok|done|ready|complete|ctl|trg|manifest)"
    r"|(md5|sha1|sha256|sha512)sums(\.txt)?|manifest\.(json|txt|xml)|_success",
    re.IGNORECASE | re.DOTALL,
)
_FOLDERS: Final = 2


class Manners(msgspec.Struct, frozen=True):
    """How a feed's names behave for those who deliver: temporary ones besides the usual, for how long they are shown,
    and whether a sender's delete hides them or is refused.
    """

    temp_names: tuple[str, ...] = ()
    visible_seconds: float = 7 * 86_400.0
    may_delete: bool = True


class Feeds(Protocol):
    """What is known of feeds beside who may use them."""

    def declared(self, feed: FeedName) -> bool:
        """Whether the feed is known: named in the configuration, or something landed in it before."""
        ...

    def known(self) -> Sequence[FeedName]:
        """Every feed that is declared in this sense."""
        ...

    def companions(self, feed: FeedName) -> Sequence[str]:
        """The patterns of the feed's contract: `{name}.md5`."""
        ...

    def manners(self, feed: FeedName) -> Manners:
        """How its names behave."""
        ...


class Routed(msgspec.Struct, frozen=True):
    """Where a file goes. An `unexpected` one goes to the source's `unsorted` feed, and `path` says where it was put.

    A `companion` (checksum, end mark, manifest) is a delivery too, kept out of the way of engines.
    """

    feed: FeedName
    name: str
    path: str | None = None
    unexpected: bool = False
    companion: bool = False


def route(identity: Identity, feed: FeedName, name: str, feeds: Feeds) -> Routed:
    """Where a file for `feed` goes.

    To that feed, if the sender's `allow` covers it and it is known: declared, named in `allow` as it is, or the sender
    may create feeds. An unknown one: to `unsorted` of that source, if the sender may use anything of the source.
    Raises Refused: `bad_name`; `not_allowed` for whoever is no sender; `not_found` for others' sources and feeds.
    """
    check_name(name)
    allow(identity, Verb.DELIVER)
    covered, declared = granted(identity, feed), feeds.declared(feed)
    if not _uses(identity, feed.source) or (declared and not covered and feed.feed != UNSORTED):
        raise _no_folder(identity, f"/{feed}")
    known = declared or identity.may_create_feeds or str(feed) in identity.allow
    if covered and known and feed.feed != UNSORTED:
        return Routed(feed, name, companion=is_companion(name, feeds.companions(feed)))
    return _unsorted(feed.source, name, f"/{feed}/{name}")


def route_path(identity: Identity, path: str, feeds: Feeds) -> Routed:
    """Where a file put at this path of the sender's own tree goes: `/source/feed/name`, below the sender's root.

    `path` is absolute and normal (no `.`, `..`, `//`). Put above any feed, or into a folder that cannot be one, it goes
    to `unsorted` of the sender's source; with several sources Refused("not_found") lists the folders there are.
    """
    allow(identity, Verb.DELIVER)
    whole = f"{identity.root or ''}{path}"
    parts = whole.strip("/").split("/", _FOLDERS)
    if len(parts) > _FOLDERS and _uses(identity, parts[0]) and (feed := _feed(*parts[:_FOLDERS])):
        return route(identity, feed, parts[-1], feeds)
    name = whole.rpartition("/")[2]
    check_name(name)
    if len(parts) > 1 and _uses(identity, parts[0]):
        return _unsorted(parts[0], name, whole)
    sources = _sources(identity)
    if len(sources) != 1 or "*" in sources[0]:
        raise _no_folder(identity, whole)
    return _unsorted(sources[0], name, whole)


def is_companion(name: str, patterns: Sequence[str] = ()) -> bool:
    """Whether a file of this name goes with another one: by the usual names, or by a pattern of its feed."""
    last = name.rpartition("/")[2]
    if _COMPANION.fullmatch(last):
        return True
    return any(
        re.fullmatch(".+".join(map(re.escape, pattern.split("{name}"))), last, re.DOTALL) for pattern in patterns
    )


def _sources(identity: Identity) -> list[str]:
    return sorted({pattern.partition("/")[0] for pattern in identity.allow})


def _uses(identity: Identity, source: str) -> bool:
    return any(fnmatchcase(source, pattern) for pattern in _sources(identity))


def _feed(source: str, feed: str) -> FeedName | None:
    try:
        return parse_feed(f"{source}/{feed}")
    except Refused:
        return None


def _unsorted(source: str, name: str, path: str) -> Routed:
    return Routed(parse_feed(f"{source}/{UNSORTED}"), name, path=path, unexpected=True, companion=is_companion(name))


def _no_folder(identity: Identity, path: str) -> Refused:
    folders = ", ".join("/" + ("SOURCE/FEED" if pattern == "*" else pattern) for pattern in identity.allow)
    return Refused("not_found", f"{identity.name} can put nothing at {shown(path)}. Its folders: {folders or 'none'}.")
