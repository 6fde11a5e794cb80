"""The attempts: the hot path of the books, one `open` and two `move`s a landing."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

from headwater.books.queries import named_queries
from headwater.books.sqlite.columns import Column, json_array, plain_text
from headwater.books.sqlite.threads import Readers, Writer
from headwater.ports.books import Attempt, AttemptQuery
from headwater.terms import Completeness, Id, Offer, Outcome, Receipt, Time

_SQL = named_queries(Path(__file__).with_name("attempts.sql"))
_OFFER = Column(Offer)
_DRAFT = Column(Receipt)
_TRANSCRIPT = Column(tuple[dict[str, Any], ...])
_MOVABLE = set(Attempt.__struct_fields__) - {"id", "opened_at", "fence"}
_FORGET_ROWS = 1000
_TIME_MAX = 2**63 - 1

_WAYS = {
    "key": ("attempts_by_key", "idempotency_key = :key"),
    "not_landed": ("attempts_not_landed", "outcome <> 'landed'"),
    "feed": ("attempts_by_feed", "source = :source AND feed = :feed"),
    "sender": ("attempts_by_sender", "sender = :sender"),
    "source": ("attempts_by_source", "source = :source"),
    "all": ("attempts_by_time", "TRUE"),
}
_LISTS = {way: _SQL["list"].format(index=index, way=term) for way, (index, term) in _WAYS.items()}


class SqliteAttempts:
    """AttemptBook and AttemptList."""

    def __init__(self, writer: Writer, quick: Readers, pages: Readers) -> None:
        self._writer = writer
        self._quick = quick
        self._pages = pages
        self._moves: dict[tuple[str, ...], str] = {}

    def open(self, attempt: Attempt, *, soon: bool = True) -> asyncio.Future[None]:
        """Adds a row."""
        fields = {name: getattr(attempt, name) for name in Attempt.__struct_fields__}
        row = _columns(fields)

        def run(connection: sqlite3.Connection) -> None:
            connection.execute(_SQL["open"], row)

        return self._writer.put(run, soon=soon)

    def move(
        self, id: Id, fence: int, *, durable: bool = False, soon: bool = True, **changes: Any
    ) -> asyncio.Future[bool]:
        """Sets columns if the fence still holds. Raises TypeError for a column that is not there to be moved."""
        if not _MOVABLE.issuperset(changes):
            raise TypeError(f"an attempt's {sorted(set(changes) - _MOVABLE)} cannot be moved")
        row = _columns(changes)
        names = tuple(row)
        sql = self._moves.get(names)
        if sql is None:
            sql = self._moves[names] = _SQL["move"].format(columns=", ".join(f"{name} = ?" for name in names))
        values = (*row.values(), id, fence)
        return self._writer.put(
            lambda connection: connection.execute(sql, values).rowcount == 1, durable=durable, soon=soon
        )

    def take(self, id: Id, now: Time, lease_until: Time, *, force: bool = False) -> asyncio.Future[Attempt | None]:
        """Raises the fence of a row whose lease has expired, or of any unfinished one."""
        values = {"id": id, "now": now, "lease_until": lease_until, "force": force}

        def run(connection: sqlite3.Connection) -> Attempt | None:
            taken = connection.execute(_SQL["take"], values).rowcount == 1
            return _get(connection, id) if taken else None

        return self._writer.put(run)

    def get(self, id: Id) -> asyncio.Future[Attempt | None]:
        """One row."""
        return self._quick.ask(lambda connection: _get(connection, id))

    def unfinished(self, now: Time) -> asyncio.Future[list[Attempt]]:
        """Unfinished rows whose lease has expired, oldest first."""
        return self._pages.ask(
            lambda connection: [_attempt(row) for row in connection.execute(_SQL["unfinished"], {"now": now})]
        )

    def attempts(self, query: AttemptQuery) -> asyncio.Future[list[Attempt]]:
        """A page, newest first: by time of opening, then by order of opening."""
        return self._pages.ask(lambda connection: _list(connection, query))

    async def forget(self, before: Time) -> int:
        """Removes finished rows that were opened before this, in steps that keep nobody waiting."""
        values = {"before": before, "limit": _FORGET_ROWS}
        forgotten = 0
        while True:
            count = await self._writer.put(lambda connection: connection.execute(_SQL["forget"], values).rowcount)
            forgotten += count
            if count < _FORGET_ROWS:
                return forgotten


def _columns(fields: dict[str, Any]) -> dict[str, Any]:
    columns = dict(fields)
    if offer := columns.get("offer"):
        columns |= {
            "source": offer.feed.source,
            "feed": offer.feed.feed,
            "sender": offer.sender.name,
            "idempotency_key": offer.idempotency_key,
            "offer": _OFFER.encode(offer),
        }
    if draft := columns.get("draft"):
        columns["draft"] = _DRAFT.encode(draft)
    if "transcript" in columns:
        columns["transcript"] = _TRANSCRIPT.encode(columns["transcript"]) if columns["transcript"] else None
    if sentence := columns.get("sentence"):
        columns["sentence"] = plain_text(sentence)
    return columns


def _attempt(row: tuple[Any, ...]) -> Attempt:
    (id, outcome, offer, opened_at, fence, lease_until, key, size_bytes, draft) = row[:9]
    (reason, sentence, completeness, ended_at, delivery, transcript) = row[9:]
    return Attempt(
        id=id,
        outcome=Outcome(outcome),
        offer=_OFFER.decode(offer),
        opened_at=opened_at,
        fence=fence,
        lease_until=lease_until,
        key=key,
        size_bytes=size_bytes,
        draft=_DRAFT.decode(draft) if draft else None,
        reason=reason,
        sentence=sentence,
        completeness=Completeness(completeness) if completeness else None,
        ended_at=ended_at,
        delivery=delivery,
        transcript=_TRANSCRIPT.decode(transcript) if transcript else (),
    )


def _get(connection: sqlite3.Connection, id: Id) -> Attempt | None:
    row = connection.execute(_SQL["get"], {"id": id}).fetchone()
    return _attempt(row) if row else None


def _list(connection: sqlite3.Connection, query: AttemptQuery) -> list[Attempt]:
    before = (_TIME_MAX, _TIME_MAX)
    if query.before is not None:
        before = connection.execute(_SQL["place"], {"id": query.before}).fetchone()
        if before is None:
            return []
    source = query.feed.source if query.feed else query.source
    values = {
        "source": source,
        "feed": query.feed.feed if query.feed else None,
        "sender": query.sender,
        "key": query.idempotency_key,
        "ending": query.ending,
        "outcomes": json_array(query.outcomes) if query.outcomes else None,
        "since": query.since or 0,
        "until": _TIME_MAX if query.until is None else query.until,
        "before_opened_at": before[0],
        "before_n": before[1],
        "limit": query.limit,
    }
    return [_attempt(row) for row in connection.execute(_LISTS[_way(query)], values)]


def _way(query: AttemptQuery) -> str:
    """The index that leaves the fewest rows to look at; tries that did not land are few beside those that did."""
    if query.idempotency_key is not None:
        return "key"
    if query.ending is not None or (query.outcomes and Outcome.LANDED not in query.outcomes):
        return "not_landed"
    if query.feed is not None:
        return "feed"
    if query.sender is not None:
        return "sender"
    return "source" if query.source is not None else "all"
