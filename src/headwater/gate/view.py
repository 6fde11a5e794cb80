"""What a sender sees of its own folders: `/source/feed/…`, with what it delivered, what is on its way, and receipts.

Nothing here is a folder on a disk. Folders are what `allow` and the known feeds make of them, and those that the sender
made; files are names that point to deliveries. Paths are whole ones: `/source/feed/name`, whatever the sender's root.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from headwater.errors import Refused
from headwater.gate.allow import granted
from headwater.gate.route import Feeds, Manners
from headwater.gate.underway import Underway, UploadsUnderway
from headwater.ports.books import Identity, NameBook, ShownName
from headwater.ports.clock import Clock
from headwater.terms import FeedName, Id, Offer, Receipt, Time, name_of, shown

PATH_BYTES_MAX: Final = 4096
_PAGE: Final = 500
_FOLDERS_MAX: Final = 10_000
FILES: Final = "files"
"""The feed that a sender who may create feeds finds in its own source, to begin with."""


class Kind(StrEnum):
    """What stands under a path."""

    FOLDER = "folder"
    DELIVERY = "delivery"
    UPLOAD = "upload"


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """What a path shows. `changed_at` is the client's own time where it gave one, in seconds since the epoch."""

    kind: Kind
    name: str
    size_bytes: int = 0
    changed_at: int = 0
    mode: int | None = None
    id: Id | None = None


class Names:
    """The rows of a `NameBook`, with those that are still on their way into it; one a process."""

    def __init__(self, book: NameBook) -> None:
        self._book = book
        self._unwritten: dict[str, dict[tuple[str, str], ShownName | None]] = {}

    def show(self, sender: str, name: ShownName) -> None:
        """Shows a name from now on."""
        self._put(sender, (name.folder, name.name), name)

    def hide(self, sender: str, folder: str, name: str) -> None:
        """Shows it no more."""
        self._put(sender, (folder, name), None)

    def _put(self, sender: str, place: tuple[str, str], value: ShownName | None) -> None:
        mine = self._unwritten.setdefault(sender, {})
        mine[place] = value
        written = self._book.show(sender, value) if value is not None else self._book.hide(sender, *place)

        def forget(_: object) -> None:
            if place in mine and mine[place] is value:
                del mine[place]
            if not mine and self._unwritten.get(sender) is mine:
                del self._unwritten[sender]

        written.add_done_callback(forget)  # type: ignore[attr-defined]

    async def shown(self, sender: str, folder: str, name: str) -> ShownName | None:
        """What a name shows."""
        mine = self._unwritten.get(sender, {})
        if (folder, name) in mine:
            return mine[folder, name]
        return await self._book.shown(sender, folder, name)

    async def listed(self, sender: str, folder: str) -> AsyncIterator[ShownName]:
        """The names of a folder."""
        mine = {name: value for (of, name), value in self._unwritten.get(sender, {}).items() if of == folder}
        after = ""
        while page := await self._book.listed(sender, folder, after, _PAGE):
            for each in page:
                known = mine.pop(each.name, each)
                if known is not None:
                    yield known
            after = page[-1].name
        for left in mine.values():
            if left is not None:
                yield left

    async def holds(self, sender: str, folder: str) -> bool:
        """Whether a folder, or one below it, holds a name."""
        inside = f"{folder.rstrip('/')}/"
        mine = self._unwritten.get(sender, {})
        if any(value and (of == folder or of.startswith(inside)) for (of, _), value in mine.items()):
            return True
        return await self._book.holds(sender, folder)

    async def folders(self, sender: str, folder: str) -> set[str]:
        """The folders below one: those that hold names, at any depth, and those that were made in it."""
        above = folder.rstrip("/")
        found = set(await self._book.folders(sender, folder, _FOLDERS_MAX))
        for (of, name), value in self._unwritten.get(sender, {}).items():
            if value is not None and value.id is None and of == folder:
                found.add(f"{above}/{name}")
            elif value is not None and of.startswith(f"{above}/"):
                found.add(of)
            elif value is None and of == folder:
                found.discard(f"{above}/{name}")
        return found


class View:
    """The folders of one sender."""

    def __init__(self, identity: Identity, feeds: Feeds, names: Names, underway: UploadsUnderway, clock: Clock) -> None:
        self._identity = identity
        self._feeds = feeds
        self._names = names
        self._underway = underway
        self._clock = clock

    @property
    def sender(self) -> str:
        """Whose folders they are."""
        return self._identity.name

    def whole(self, path: str, folder: str = "/") -> str:
        """The whole path of what a client calls by a path below its root: absolute, without `.`, `..` and `//`.

        Raises Refused("bad_name") for a path with a NUL or of more than 4 KiB. Nothing leads above the root.
        """
        if "\0" in path or len(path.encode(errors="surrogateescape")) > PATH_BYTES_MAX:
            raise Refused("bad_name", "That is no path: it holds a NUL, or more than 4,096 bytes.")
        parts: list[str] = []
        for part in (path if path.startswith("/") else f"{folder}/{path}").split("/"):
            if part == "..":
                parts[-1:] = []
            elif part not in {"", "."}:
                parts.append(part)
        return f"{self._identity.root or ''}/{'/'.join(parts)}".rstrip("/") or "/"

    def seen(self, whole: str) -> str:
        """The same as the client calls it."""
        return whole.removeprefix(self._identity.root or "") or "/"

    def manners(self, whole: str) -> Manners:
        """How names behave there."""
        feed = _feed_of(whole)
        return self._feeds.manners(feed) if feed is not None else Manners()

    async def look(self, whole: str) -> Node | None:
        """What stands under a path; None where nothing does."""
        folder, name = split(whole)
        if (upload := self._underway.find(self.sender, whole)) is not None:
            return _upload(upload)
        if name and (row := await self._names.shown(self.sender, folder, name)) is not None and self._is_visible(row):
            return _shown(row)
        return self._folder(name) if await self._is_folder(whole, known=True) else None

    async def row(self, whole: str) -> ShownName | None:
        """The row behind a delivery's name."""
        folder, name = split(whole)
        row = await self._names.shown(self.sender, folder, name) if name else None
        return row if row is not None and row.id is not None and self._is_visible(row) else None

    async def list(self, whole: str) -> AsyncIterator[Node]:
        """What a folder shows, each name once. Raises Refused("not_found") for what is none."""
        if not await self._is_folder(whole):
            raise Refused("not_found", f"There is no folder {shown(self.seen(whole))}.")
        told: set[str] = set()
        for name in sorted(await self._folders_in(whole)):
            told.add(name)
            yield self._folder(name)
        for each in self._underway.within(self.sender, whole):
            folder, name = split(each.path)
            if folder == whole and name not in told:
                told.add(name)
                yield _upload(each)
        async for row in self._names.listed(self.sender, whole):
            if row.name not in told and row.id is not None and self._is_visible(row):
                yield _shown(row)

    async def is_empty(self, whole: str) -> bool:
        """Whether a folder shows nothing."""
        async for _ in self.list(whole):
            return False
        return True

    def show(
        self, whole: str, id: Id | None, size_bytes: int = 0, modified_at: int | None = None, mode: int | None = None
    ) -> None:
        """Shows a delivery, or (without an id) a folder."""
        folder, name = split(whole)
        row = ShownName(
            folder=folder,
            name=name,
            id=id,
            size_bytes=size_bytes,
            shown_at=self._clock.now(),
            modified_at=modified_at,
            mode=mode,
        )
        self._names.show(self.sender, row)

    def change(self, row: ShownName, modified_at: int | None, mode: int | None) -> None:
        """Keeps what the client says of time and mode."""
        changed = msgspec.structs.replace(
            row,
            modified_at=row.modified_at if modified_at is None else modified_at,
            mode=row.mode if mode is None else mode,
        )
        self._names.show(self.sender, changed)

    def hide(self, whole: str) -> None:
        """Shows a name no more."""
        self._names.hide(self.sender, *split(whole))

    async def make_folder(self, whole: str) -> None:
        """A folder of the sender's own. Raises Refused: "exists", and "not_found" where it may put nothing."""
        if await self.look(whole) is not None:
            raise Refused("exists", f"There is {shown(self.seen(whole))} already.")
        if not self._is_mine(whole):
            raise Refused("not_found", f"Folders can be made below {', '.join(self._identity.allow)} only.")
        self.show(whole, None)

    async def remove_folder(self, whole: str) -> None:
        """Forgets a folder that it made. Raises Refused for one that is not empty, or not of its own making."""
        if not await self.is_empty(whole):
            raise Refused("exists", f"{shown(self.seen(whole))} is not empty.")
        folder, name = split(whole)
        if await self._names.shown(self.sender, folder, name) is None:
            raise Refused("not_allowed", f"{shown(self.seen(whole))} is a feed's folder and stays.")
        self.hide(whole)

    # --- folders -----------------------------------------------------------------------------------------------------

    def _is_mine(self, whole: str) -> bool:
        source = whole.strip("/").partition("/")[0]
        return any(fnmatchcase(source, pattern.partition("/")[0]) for pattern in self._identity.allow)

    async def _is_folder(self, whole: str, *, known: bool = False) -> bool:
        """Whether a path is a folder; `known` that no name of that kind is shown there."""
        if whole == (self._identity.root or "/"):
            return True
        parts = whole.strip("/").split("/")
        if any(given[: len(parts)] == tuple(parts) for given in self._given()):
            return True
        folder, name = split(whole)
        row = None if known else await self._names.shown(self.sender, folder, name)
        if row is not None and row.id is None:
            return True
        if self._underway.within(self.sender, whole):
            return True
        return await self._names.holds(self.sender, whole)

    async def _folders_in(self, whole: str) -> set[str]:
        parts = tuple(whole.strip("/").split("/")) if whole != "/" else ()
        depth = len(parts)
        found = {given[depth] for given in self._given() if depth < len(given) and given[:depth] == parts}
        inside = f"{whole.rstrip('/')}/"
        deeper = await self._names.folders(self.sender, whole)
        deeper |= {split(each.path)[0] for each in self._underway.within(self.sender, whole)}
        found |= {path[len(inside) :].partition("/")[0] for path in deeper if path.startswith(inside)}
        return found

    def _given(self) -> set[tuple[str, ...]]:
        """The folders that it sees without having made any: what it may use and is known, or is named to it."""
        identity = self._identity
        given: set[tuple[str, ...]] = {
            (feed.source, feed.feed) for feed in self._feeds.known() if granted(identity, feed)
        }
        for pattern in identity.allow:
            source, _, feed = pattern.partition("/")
            if "*" not in source:
                given.add((source, feed) if feed and "*" not in feed else (source,))
        if identity.may_create_feeds and granted(identity, FeedName(identity.name, FILES)):
            given.add((identity.name, FILES))
        return given

    def _folder(self, name: str) -> Node:
        return Node(kind=Kind.FOLDER, name=name, changed_at=_seconds(self._clock.now()))

    def _is_visible(self, row: ShownName) -> bool:
        if row.id is None:
            return True
        visible = self.manners(f"{row.folder}/{row.name}").visible_seconds
        return row.shown_at >= self._clock.now() - int(visible * 1_000_000)


def show_landed(names: Names, clock: Clock, offer: Offer, receipt: Receipt) -> None:
    """Shows a delivery to the sender that gave it a place; what a rename landed after a crash, under its new name."""
    if offer.place is None:
        return
    whole, name = offer.place, name_of(receipt)
    if name != offer.name:
        whole = receipt.path or f"/{receipt.feed_name}/{name}"
    folder, last = split(whole)
    declared, before_bytes = receipt.declared, receipt.continues.offset if receipt.continues else 0
    row = ShownName(
        folder=folder,
        name=last,
        id=receipt.id,
        size_bytes=before_bytes + receipt.size_bytes,
        shown_at=clock.now(),
        modified_at=int(datetime.fromisoformat(declared.modified_at).timestamp()) if declared.modified_at else None,
        mode=declared.mode,
    )
    names.show(offer.sender.name, row)


def split(whole: str) -> tuple[str, str]:
    """The folder and the last component of a whole path; the root has no name."""
    folder, _, name = whole.rpartition("/")
    return folder or "/", name


def _feed_of(whole: str) -> FeedName | None:
    parts = whole.strip("/").split("/")
    return FeedName(parts[0], parts[1]) if len(parts) > 1 else None


def _upload(each: Underway) -> Node:
    return Node(
        kind=Kind.UPLOAD,
        name=split(each.path)[1],
        size_bytes=each.taken_bytes,
        changed_at=_seconds(each.begun_at) if each.modified_at is None else each.modified_at,
        mode=each.mode,
        id=each.id,
    )


def _shown(row: ShownName) -> Node:
    return Node(
        kind=Kind.FOLDER if row.id is None else Kind.DELIVERY,
        name=row.name,
        size_bytes=row.size_bytes,
        changed_at=_seconds(row.shown_at) if row.modified_at is None else row.modified_at,
        mode=row.mode,
        id=row.id,
    )


def _seconds(at: Time) -> int:
    return at // 1_000_000
