"""Deliveries of a zone as the readers want them: their bytes, in place or through the API, and their findings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.errors import Refused
from headwater.formats.finding import Finding
from headwater.layout import parse_feed, parse_key
from headwater.ports.ranges import PIECE_BYTES, Ranges
from headwater.readers.engine import Engine
from headwater.readers.local import LocalFile
from headwater.readers.look import look
from headwater.readers.names_in_sql import Reference
from headwater.readers.reading import Rows
from headwater.readers.sql import Lent, Session, Unread
from headwater.terms import FeedName, State, shown
from headwater.web.shapes import FindingPage
from headwater.zone.moment import Moment

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from headwater.zone.delivery import Delivery
    from headwater.zone.zone import Zone

_DATA = "raw/"
_PAGE = 200


class Content:
    """Implements `ports.ranges.Ranges` over a delivery's content in the API: one request for each range."""

    def __init__(self, delivery: Delivery, zone: Zone) -> None:
        self._target = f"/v1/deliveries/{delivery.id}/content"
        self._zone = zone
        self._size_bytes = delivery.size_bytes

    @property
    def size_bytes(self) -> int:
        """As the receipt has it."""
        return self._size_bytes

    @property
    def path(self) -> Path | None:
        """None."""
        return None

    def read(self, offset: int, size_bytes: int) -> bytes:
        """As `Ranges.read`."""
        return b"".join(self._pieces(offset, min(size_bytes, self._size_bytes - offset)))

    def stream(self, offset: int = 0) -> Iterator[bytes]:
        """As `Ranges.stream`."""
        return self._pieces(offset, self._size_bytes - offset)

    def _pieces(self, offset: int, size_bytes: int) -> Iterator[bytes]:
        if size_bytes <= 0:
            return
        wanted = {"range": f"bytes={offset}-{offset + size_bytes - 1}"}
        for piece in self._zone.calls.stream(self._target, wanted).pieces:
            for at in range(0, len(piece), PIECE_BYTES):
                yield piece[at : at + PIECE_BYTES]


def content_of(delivery: Delivery, zone: Zone) -> Ranges:
    """The bytes, in place where this process may read the zone's folder."""
    if zone.folder is not None:
        path = zone.folder / delivery.receipt.key
        if os.access(path, os.R_OK):
            file = LocalFile(path)
            if file.size_bytes == delivery.size_bytes:
                return file
            file.close()
    return Content(delivery, zone)


def finding_of(delivery: Delivery, zone: Zone) -> Finding | None:
    """The newest finding; None where inspection has not come so far."""
    with suppress(Refused):  # a server of before there were findings
        found = zone.calls.get(f"/v1/deliveries/{delivery.id}/findings", FindingPage).findings
        return found[0].finding if found else None
    return None


class ZoneLibrary:
    """Implements `readers.sql.Library` over a zone: the effective set, or with `all` everything but what is erased."""

    def __init__(
        self,
        zone: Zone,
        engine: Engine,
        *,
        all: bool = False,  # noqa: A002 - the word of the command and of the API
        since: Moment | None = None,
        until: Moment | None = None,
        seen: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._zone = zone
        self._engine = engine
        self._all = all
        self._since = since
        self._until = until
        self._seen = seen

    def feeds(self) -> set[FeedName]:
        """As `Library.feeds`."""
        return {parse_feed(view.feed) for view in self._zone.feeds()}

    def lend(self, asked: Reference) -> Sequence[Lent]:
        """As `Library.lend`."""
        found = self._asked(asked)
        counted = {State.EFFECTIVE} if not self._all and not asked.id else set(State) - {State.ERASED}
        data = [each for each in found if each.state in counted and each.receipt.key.startswith(_DATA)]
        if asked.id and not data:
            raise Refused("not_found", f"There is no delivery {asked.id} with data in {asked.feed}.")
        known = self._findings(asked.feed) if len(data) > 1 else {}
        return [self._lent(each, known.get(each.id)) for each in sorted(data, key=lambda each: each.position)]

    def _asked(self, asked: Reference) -> Sequence[Delivery]:
        if asked.id:
            one = self._zone.delivery(asked.id)
            return [one] if one.feed == asked.feed else []
        if asked.day:
            first = date.fromisoformat(asked.day)
            return self._zone.deliveries(asked.feed, since=first, until=first + timedelta(days=1), limit=None)
        return self._zone.deliveries(asked.feed, since=self._since, until=self._until, limit=None)

    def _findings(self, feed: FeedName) -> dict[str, Finding]:
        """The newest finding of each delivery of a feed."""
        known: dict[str, Finding] = {}
        before: str | None = None
        with suppress(Refused):  # a server of before there were findings
            while True:
                page = self._zone.calls.get(f"/v1/feeds/{feed}/findings", FindingPage, before=before, limit=_PAGE)
                for each in page.findings:
                    known.setdefault(each.id, each.finding)
                if page.next is None:
                    break
                before = page.next
        return known

    def _lent(self, delivery: Delivery, known: Finding | None) -> Lent:
        def examine(ranges: Ranges) -> Finding:
            self._seen(delivery.name)
            return known or finding_of(delivery, self._zone) or look(ranges, delivery.name, self._engine)

        day = parse_key(delivery.receipt.key).day
        name = shown(delivery.name)
        return Lent(
            delivery.id, name, delivery.receipt.landed_at, day, lambda: content_of(delivery, self._zone), examine
        )


class FeedReading:
    """The deliveries of a feed as one relation, each row with `lz_id lz_name lz_row lz_landed_at lz_date`.

    Attributes:
        unread: of the last reading, what could not be read.
    """

    def __init__(self, zone: Zone, name: str, **chosen: Any) -> None:
        self._zone = zone
        self._name = name
        self._chosen = chosen
        self.unread: list[Unread] = []
        self._rows = Rows(self._text, [] if zone.folder is None else [zone.folder / "raw"])

    def _text(self, engine: Engine) -> str:
        session = Session(ZoneLibrary(self._zone, engine, **self._chosen), engine)
        text = session.relation(self._name)
        self.unread = session.unread
        return text

    def arrow(self) -> pa.Table:
        """A PyArrow table."""
        return self._rows.arrow()

    def polars(self) -> pl.DataFrame:
        """A Polars frame. Raises Misconfigured without Polars."""
        return self._rows.polars()

    def pandas(self) -> pd.DataFrame:
        """A pandas frame. Raises Misconfigured without pandas."""
        return self._rows.pandas()

    def duckdb(self) -> duckdb.DuckDBPyRelation:
        """A DuckDB relation, to be queried on; the files are read when it is."""
        return self._rows.duckdb()

    def __repr__(self) -> str:
        return f"<Feed {self._name}>"
