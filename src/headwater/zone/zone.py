"""A zone as Python uses it: sync, small, typed. Over a server, or over a home with or without one: all work alike."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

import msgspec

from headwater.errors import Refused, Unavailable
from headwater.layout import parse_feed
from headwater.terms import Delivery as Known
from headwater.terms import FeedName, Id, Outcome, State
from headwater.web.shapes import (
    AttemptPage,
    AttemptView,
    ChangePage,
    DeliveryPage,
    EntryPage,
    EntryView,
    FeedPage,
    FeedView,
)
from headwater.zone.calls import Calls, name_target
from headwater.zone.delivery import Change, Changes, Deliveries, Delivery, NoDelivery
from headwater.zone.moment import Moment, moment_text
from headwater.zone.reach import folder_of, transport_to
from headwater.zone.source import Source, source_of
from headwater.zone.transport import Transport
from headwater.zone.where import Where, looked_for, named

if TYPE_CHECKING:
    from headwater.zone.reading import FeedReading

PAGE = 1000
_ACCEPTED = 202
_SEAL_SECONDS_MAX = 3600.0


def open(where: str | Path | None = None, token: str | None = None) -> Zone:  # noqa: A001 - headwater.open(…)
    """Opens a zone: a server's URL, a home's folder, or what the command line would find.

    On a home, a running server is used; where none runs the home belongs to this zone until it is closed. A server's
    token is `token`, HEADWATER_TOKEN or that of the saved login. A bare zone (its folder or `s3://` URL) is read-only.
    Raises Misconfigured (no_home, in_use …), Refused("unauthenticated"), Unavailable.
    """
    found = looked_for(token=token) if where is None else named(where, token)
    return Zone(transport_to(found), found)


class Zone:
    """A landing zone. A context manager; may be used from several threads.

    Every method raises Refused, Unavailable (try again), Damaged or Misconfigured, each with its `reason`.
    """

    def __init__(self, transport: Transport, where: Where | None = None) -> None:
        self.calls = Calls(transport)
        self._where = where

    @property
    def name(self) -> str:
        """Where it is: a URL, or a folder."""
        return self.calls.transport.name

    @cached_property
    def folder(self) -> Path | None:
        """The folder of the zone, where it lies on this machine: its files may be read in place."""
        return None if self._where is None else folder_of(self._where)

    # --- landing -----------------------------------------------------------------------------------------------------

    def land(
        self,
        feed: str | FeedName,
        what: str | Path | bytes | BinaryIO | Source,
        *,
        name: str | None = None,
        idempotency_key: str | None = None,
        once: bool = False,
    ) -> Delivery:
        """Lands a file, bytes or a stream, and returns when it is durable. Bytes and unnamed streams need a `name`.

        A path and bytes are declared with size and SHA-256, so that the receipt says `proven`; a stream is `presumed`.
        The same bytes again under one `idempotency_key` land nothing and return the first delivery, for 7 days; with
        `once` nothing lands whose name and SHA-256 stand in the feed already (a stream has no SHA-256 beforehand). Both
        are told by `outcome == "repeated"`. After Unavailable, only a call with a key can be repeated without landing
        twice. Raises OSError where the file cannot be read, Refused("changed_while_read") where it changed meanwhile.
        """
        target = _feed(feed)
        with what if isinstance(what, Source) else source_of(what, name) as source:
            if once and (standing := self._standing(target, source)) is not None:
                return standing
            headers = source.headers()
            if idempotency_key is not None:
                headers["idempotency-key"] = idempotency_key
            path = f"/v1/feeds/{target}/{name_target(source.name)}"
            reply = self.calls.request("PUT", path, headers, source.pieces())
            if reply.status == _ACCEPTED:
                return self._awaited(reply.headers["location"])
            known = msgspec.json.decode(reply.read(), type=Known)
        repeated = "idempotent-replayed" in reply.headers
        return Delivery(known, self, Outcome.REPEATED if repeated else Outcome.LANDED)

    def _standing(self, feed: FeedName, source: Source) -> Delivery | None:
        if source.sha256 is None:
            raise Refused("bad_request", "A stream's digest is not known before it is sent; once=True takes files.")
        same_name = self._pages(source=feed.source, feed=feed.feed, name=literal(source.name))
        gone = {State.VOID, State.ERASED, State.WITHDRAWN}
        for known in same_name:
            if known.sha256 == source.sha256 and known.now.state not in gone:
                return Delivery(known, self, Outcome.REPEATED)
        return None

    def _awaited(self, location: str) -> Delivery:
        """All bytes were taken, the seal lasts: asks until it is decided."""
        deadline = time.monotonic() + _SEAL_SECONDS_MAX
        while time.monotonic() < deadline:
            attempt = self.calls.get(location, AttemptView)
            match attempt.outcome:
                case Outcome.LANDED:
                    return self.delivery(attempt.id)
                case Outcome.REPEATED:
                    return Delivery(self.delivery(attempt.delivery or attempt.id).known, self, Outcome.REPEATED)
                case Outcome.HELD | Outcome.REFUSED:
                    raise Refused(attempt.reason or "cut", attempt.sentence or "")
                case _:
                    time.sleep(1.0)
        raise Unavailable("timed_out", f"The attempt {location.rpartition('/')[2]} is still being sealed.")

    # --- looking -----------------------------------------------------------------------------------------------------

    def deliveries(  # noqa: PLR0913 - each is one question of the API
        self,
        feed: str | FeedName | None = None,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        name: str | None = None,
        door: str | None = None,
        sender: str | None = None,
        completeness: str | None = None,
        state: str | None = None,
        limit: int | None = 50,
    ) -> Deliveries:
        """Deliveries, newest first, at most `limit` (None: all), of a `source`, a `source/feed`, or of everything.

        `since` is inclusive, `until` exclusive, by `landed_at`; `name` is a glob over names as they are now.
        """
        now = datetime.now(UTC)
        found = self._pages(
            limit,
            **_scope(feed),
            since=None if since is None else moment_text(since, now),
            until=None if until is None else moment_text(until, now),
            name=name,
            door=door,
            sender=sender,
            completeness=completeness,
            state=state,
        )
        return Deliveries([Delivery(known, self) for known in found])

    def delivery(self, id: str) -> Delivery:
        """One delivery, by its id, an unambiguous ending of it of at least 6 characters, or its object's key or URL.

        Raises NoDelivery, and Refused("bad_request") for an ending that several have.
        """
        with suppress(Refused):
            return Delivery(self.calls.get(f"/v1/deliveries/{_exact(id)}", Known), self)
        found = self.calls.get("/v1/deliveries", DeliveryPage, id=id).deliveries
        if len(found) > 1:
            raise Refused(
                "bad_request", f"{len(found)} deliveries end with {id}: {', '.join(one.id for one in found)}."
            )
        if not found:
            raise NoDelivery(f"There is no delivery {id} here, or it is not yours to see.")
        return Delivery(found[0], self)

    def entries(self, id: str) -> list[EntryView]:
        """Every entry about a delivery, oldest first, exactly as entered: its receipt, then what became known later."""
        return self.calls.get(f"/v1/deliveries/{self.delivery(id).id}/entries", EntryPage).entries

    def attempts(
        self,
        feed: str | FeedName | None = None,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        sender: str | None = None,
        outcome: str | None = None,
        limit: int = 50,
    ) -> list[AttemptView]:
        """Tries to deliver, newest first, at most `limit`; `outcome` names some, with commas: `held,refused`."""
        now = datetime.now(UTC)
        found: list[AttemptView] = []
        cursor = None
        while len(found) < limit:
            page = self.calls.get(
                "/v1/attempts",
                AttemptPage,
                **_scope(feed),
                since=None if since is None else moment_text(since, now),
                until=None if until is None else moment_text(until, now),
                sender=sender,
                outcome=outcome,
                cursor=cursor,
                limit=min(limit - len(found), PAGE),
            )
            found += page.attempts
            if page.next is None:
                break
            cursor = page.next
        return found

    def attempt(self, id: str) -> AttemptView:
        """One try to deliver, by its id or an ending of it as for `delivery`, with what its client did.

        Raises Refused("not_found"), also for what is 90 days old, and Refused("bad_request") for what several have.
        """
        with suppress(Refused):
            return self.calls.get(f"/v1/attempts/{_exact(id)}", AttemptView)
        found = self.calls.get("/v1/attempts", AttemptPage, id=id).attempts
        if len(found) > 1:
            raise Refused("bad_request", f"{len(found)} tries end with {id}: {', '.join(one.id for one in found)}.")
        if not found:
            raise Refused("not_found", f"There is no try {id} here, or it is not yours to see.")
        return found[0]

    def latest(self, feed: str | FeedName) -> Delivery:
        """The newest effective delivery of a feed that is neither suspect nor partial. Raises NoDelivery if none is."""
        for known in self._pages(None, **_scope(_feed(feed)), state=State.EFFECTIVE):
            if known.now.completeness in {"proven", "presumed"}:
                return Delivery(known, self)
        raise NoDelivery(f"{feed} has no effective delivery that is not suspect.")

    def changes(self, feed: str | FeedName | None = None, *, after: int = 0, wait_seconds: float = 0.0) -> Changes:
        """What a reader must know after a position, oldest first: `landed renamed amended void erased`.

        To read exactly once, store the last position in the transaction that stores your result. Two changes can have
        one position (a delivery is taken out, and one that repeats it has `landed` in its place): store it with the
        second. With `wait_seconds` (at most 30) it waits for the first change if there is none yet.
        """

        def pages(size: int) -> Iterator[Sequence[Change]]:
            position, wait = after, wait_seconds
            while True:
                page = self.calls.get(
                    "/v1/changes", ChangePage, **_scope(feed), after=position, wait=wait or None, limit=size
                )
                if not page.changes:
                    return
                yield [Change(one.kind, one.position, Delivery(one.delivery, self)) for one in page.changes]
                position, wait = page.position, 0.0

        return Changes(pages)

    def feeds(self) -> list[FeedView]:
        """Every feed with its state, by name."""
        return self.calls.get("/v1/feeds", FeedPage).feeds

    def feed(
        self,
        feed: str | FeedName,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        table: str = "",
        all: bool = False,  # noqa: A002 - as the command has it
    ) -> FeedReading:
        """A feed to be read as one relation, all formats alike, across drift: `.duckdb() .arrow() .polars() .pandas()`.

        It holds the effective set, or with `all` also repeats, what is void, withdrawn and superseded; `table` names
        a table of dumps, workbooks and archives. What could not be read is in `.unread` of it, never left out silently.
        """
        from headwater.zone.reading import FeedReading  # noqa: PLC0415 - engines, where something is read

        name = "#".join(filter(None, (str(_feed(feed)), table)))
        return FeedReading(self, name, since=since, until=until, all=all)

    # --- proving -----------------------------------------------------------------------------------------------------

    def checkpoint(self) -> str:
        """A signed checkpoint that covers all that is committed by now; keep it outside."""
        return self.calls.text("/v1/checkpoint")

    def proof(self, id: str, path: str | Path, *, with_bytes: bool = False, bare: bool = False) -> Path:
        """Writes an auditor's bundle (a zip; `bare`: the .tlog-proof alone) to `path`, whole or not at all."""
        target = Path(path)
        reply = self.calls.stream(
            f"/v1/deliveries/{self.delivery(id).id}/proof",
            format="tlog-proof" if bare else None,
            bytes=True if with_bytes else None,
        )
        temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            with temporary.open("wb") as file:
                file.writelines(reply.pieces)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        return target

    # --- the rest ----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Gives connections, or the home, back."""
        self.calls.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Zone {self.name}>"

    def _pages(self, limit: int | None = None, **query: Any) -> Iterator[Known]:
        cursor = None
        while limit is None or limit > 0:
            size = PAGE if limit is None else min(limit, PAGE)
            page = self.calls.get("/v1/deliveries", DeliveryPage, **query, cursor=cursor, limit=size)
            yield from page.deliveries
            limit = None if limit is None else limit - len(page.deliveries)
            if page.next is None:
                return
            cursor = page.next


# --- what callers say -------------------------------------------------------------------------------------------------


def _feed(feed: str | FeedName) -> FeedName:
    return feed if isinstance(feed, FeedName) else parse_feed(feed)


def _scope(feed: str | FeedName | None) -> dict[str, str]:
    """The query for a source, a feed or everything."""
    if feed is None:
        return {}
    if isinstance(feed, str) and "/" not in feed:
        return {"source": feed}
    return {"feed": str(_feed(feed))}


def _exact(id: str) -> Id:
    text = id.strip().lower()
    if len(text) != 32 or set(text) - set("0123456789abcdef"):  # noqa: PLR2004 - a UUID in hex
        raise Refused("not_found")
    return cast("Id", text)


def literal(name: str) -> str:
    """A glob that matches this name alone."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
