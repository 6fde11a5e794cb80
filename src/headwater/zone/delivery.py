"""What a zone gives out: deliveries and changes, that print well, open, and check their bytes against the receipt."""

from __future__ import annotations

import builtins
import hashlib
import html
import io
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from headwater.errors import Damaged, Refused, Unavailable
from headwater.terms import Completeness, FeedName, Id, Now, Outcome, Position, Receipt, State, shown
from headwater.terms import Delivery as Known
from headwater.web.shapes import FindingPage, FindingView
from headwater.zone.transport import Reply

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from headwater.readers.reading import Reading
    from headwater.zone.zone import Zone

CHANGES_PAGE = 1000
SHOWN_CHANGES = 20
"""How many changes are printed where all of them could be many."""

_INSPECT_SECONDS_MAX = 3600.0
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEP = 1024


class NoDelivery(Refused):
    """There is no such delivery."""

    def __init__(self, sentence: str) -> None:
        super().__init__("not_found", sentence)


class Delivery:
    """One delivery: `receipt` is its ledger entry and never changes, `now` what is known today.

    `outcome` is `landed`, or `repeated` where `land` found that it was there already. Bytes come by `open`, `bytes` and
    `save`; each raises Damaged when they are not those of the receipt.
    """

    def __init__(self, known: Known, zone: Zone, outcome: Outcome = Outcome.LANDED) -> None:
        self.known = known
        self.outcome = outcome
        self._zone = zone

    @property
    def receipt(self) -> Receipt:
        """The receipt."""
        return self.known.receipt

    @property
    def now(self) -> Now:
        """Name, completeness and state as they are now."""
        return self.known.now

    @property
    def id(self) -> Id:
        """The id."""
        return self.known.id

    @property
    def feed(self) -> FeedName:
        """The feed."""
        return self.receipt.feed_name

    @property
    def name(self) -> str:
        """The file's name, as it is known now."""
        return self.known.name

    @property
    def size_bytes(self) -> int:
        """How many bytes it has."""
        return self.receipt.size_bytes

    @property
    def sha256(self) -> str:
        """The SHA-256 of the bytes, lower-case hex."""
        return self.receipt.sha256

    @property
    def position(self) -> Position:
        """The place in the zone, from 1: where readers go on."""
        return self.known.position

    @property
    def state(self) -> State:
        """What it counts for now."""
        return self.now.state

    @property
    def completeness(self) -> Completeness:
        """What is known now about it being whole."""
        return self.now.completeness

    @property
    def landed_at(self) -> datetime:
        """When it was durable, in UTC."""
        return datetime.fromisoformat(self.receipt.landed_at)

    def open(self) -> BinaryIO:
        """The bytes, as a file to read; at their end they are held against the receipt."""
        reply = self._zone.calls.stream(f"/v1/deliveries/{self.id}/content")
        return io.BufferedReader(_Checked(reply, self.receipt), io.DEFAULT_BUFFER_SIZE)

    def bytes(self) -> builtins.bytes:
        """All the bytes."""
        with self.open() as file:
            return file.read()

    def pieces(self) -> Iterator[builtins.bytes]:
        """The bytes as they come; the last piece is followed by the check."""
        return _checked(self._zone.calls.stream(f"/v1/deliveries/{self.id}/content"), self.receipt)

    def save(self, path: str | Path | None = None, seen: Callable[[int], None] = lambda _: None) -> Path:
        """Writes the bytes to a file, whole or not at all. Without a path: under their own name, here, if none has it.

        `seen` is told of each piece's size. Raises Refused("exists") where such a file is.
        """
        target = Path(self.file_name) if path is None else Path(path)
        if path is None and target.exists():
            raise Refused("exists", f"{shown(str(target))} is there already. Give another path.")
        temporary = target.with_name(f".{self.id}.{os.getpid()}.part")
        try:
            with temporary.open("wb") as file:
                for piece in self.pieces():
                    file.write(piece)
                    seen(len(piece))
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        return target

    # --- what inspection found ---------------------------------------------------------------------------------------

    @property
    def findings(self) -> builtins.list[FindingView]:
        """What inspection found, every run, the newest first; none where it has not come so far."""
        return self._zone.calls.get(f"/v1/deliveries/{self.id}/findings", FindingPage).findings

    def inspect(self) -> FindingView:
        """Has it inspected once more, now; the finding is added to the earlier ones. Wants the role of an operator."""
        before = {each.made_at for each in self.findings}
        try:
            return self._zone.calls.post(f"/v1/deliveries/{self.id}/findings", FindingView, {})
        except Unavailable as unavailable:
            if unavailable.reason != "timed_out":
                raise
        deadline = time.monotonic() + _INSPECT_SECONDS_MAX
        while time.monotonic() < deadline:
            found = self.findings
            if found and found[0].made_at not in before:
                return found[0]
            time.sleep(1.0)
        raise Unavailable("timed_out", f"The inspection of {self.id} has not ended yet. `headwater show` will tell.")

    # --- reading -----------------------------------------------------------------------------------------------------

    @property
    def reading(self) -> Reading:
        """How it is read: its finding, made on the spot where inspection has not come so far, tables and recipes."""
        from headwater.readers.reading import Reading  # noqa: PLC0415 - engines, where something is read
        from headwater.zone.reading import content_of, finding_of  # noqa: PLC0415

        return Reading(lambda: content_of(self, self._zone), self.name, finding_of(self, self._zone))

    @property
    def recipe(self) -> dict[str, str]:
        """How each engine reads it by itself: a call to paste, by the engine's name; of several tables the first."""
        found: dict[str, str] = {}
        for each in self.reading.recipes:
            found.setdefault(each.engine, each.code)
        return found

    def arrow(self, table: str = "") -> pa.Table:
        """Its rows as a PyArrow table; `table` names one of several, of a dump, a workbook or an archive.

        Raises Refused("unsupported") where there are no rows to be had, with the tables that there are.
        """
        return self.reading.arrow(table)

    def polars(self, table: str = "") -> pl.DataFrame:
        """The same as a Polars frame. Raises Misconfigured without Polars."""
        return self.reading.polars(table)

    def pandas(self, table: str = "") -> pd.DataFrame:
        """The same as a pandas frame. Raises Misconfigured without pandas."""
        return self.reading.pandas(table)

    def duckdb(self, table: str = "") -> duckdb.DuckDBPyRelation:
        """The same as a DuckDB relation, to be queried on: it is read in place, when it is."""
        return self.reading.duckdb(table)

    @property
    def file_name(self) -> str:
        """The last component of the name, fit for a folder of ours."""
        last = shown(self.name.replace("\\", "/").rpartition("/")[2])
        return self.id if last in {"", ".", ".."} else last

    def __repr__(self) -> str:
        return (
            f"<Delivery …{self.id[-8:]} {self.feed} {shown(self.name)!r} {size_text(self.size_bytes)} "
            f"{self.completeness} {self.state} landed {self.receipt.landed_at[:19]}Z>"
        )

    def _repr_html_(self) -> str:
        return _table(("", ""), [(key, value) for key, value in zip(_HEAD, _row(self), strict=True)])


class Deliveries(Sequence[Delivery]):
    """A page of deliveries."""

    def __init__(self, deliveries: Sequence[Delivery]) -> None:
        self._deliveries = tuple(deliveries)

    def __len__(self) -> int:
        return len(self._deliveries)

    def __getitem__(self, index: Any) -> Any:
        return self._deliveries[index]

    def __repr__(self) -> str:
        return _text(_HEAD, [_row(one) for one in self]) or "no deliveries"

    def _repr_html_(self) -> str:
        return _table(_HEAD, [_row(one) for one in self])


class Change:
    """What a reader must know: `kind` is `landed renamed amended void erased`; the delivery is as it is now.

    A repeat has `landed` once more, at the position of what took the delivery out that it repeats.
    """

    def __init__(self, kind: str, position: Position, delivery: Delivery) -> None:
        self.kind = kind
        self.position = position
        self.delivery = delivery

    def __repr__(self) -> str:
        return f"<Change {self.position} {self.kind} {self.delivery!r}>"


class Changes(Iterable[Change]):
    """Changes after a position, in order, to the newest there is; asked for as they are needed, anew each time."""

    def __init__(self, pages: Callable[[int], Iterator[Sequence[Change]]]) -> None:
        self._pages = pages

    def __iter__(self) -> Iterator[Change]:
        for page in self._pages(CHANGES_PAGE):
            yield from page

    def __repr__(self) -> str:
        return _text(_CHANGE_HEAD, self._rows()) or "no changes"

    def _repr_html_(self) -> str:
        return _table(_CHANGE_HEAD, self._rows())

    def _rows(self) -> list[tuple[str, ...]]:
        first = next(self._pages(SHOWN_CHANGES), ())
        return [(str(one.position), one.kind, *_row(one.delivery)) for one in first]


def size_text(size_bytes: int) -> str:
    """`12.3 KiB`."""
    size = float(size_bytes)
    for unit in _UNITS:
        if size < _STEP or unit == _UNITS[-1]:
            break
        size /= _STEP
    return f"{size_bytes} B" if unit == "B" else f"{size:.1f} {unit}"


# --- checking ---------------------------------------------------------------------------------------------------------


def _checked(reply: Reply, receipt: Receipt) -> Iterator[bytes]:
    digest = hashlib.sha256()
    size_bytes = 0
    for piece in reply.pieces:
        digest.update(piece)
        size_bytes += len(piece)
        yield piece
    if (size_bytes, digest.hexdigest()) != (receipt.size_bytes, receipt.sha256):
        raise Damaged(
            f"The {size_bytes} bytes of {receipt.id} are not those of its receipt: they have the SHA-256 "
            f"{digest.hexdigest()}, not {receipt.sha256}. Run `headwater verify`."
        )


class _Checked(io.RawIOBase):
    def __init__(self, reply: Reply, receipt: Receipt) -> None:
        self._reply = reply
        self._pieces = _checked(reply, receipt)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            self._left = memoryview(next(self._pieces, b""))
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def close(self) -> None:
        self._reply.close()
        super().close()


# --- tables -----------------------------------------------------------------------------------------------------------

_HEAD = ("landed (UTC)", "feed", "name", "size", "whole", "state", "id")
_CHANGE_HEAD = ("position", "change", *_HEAD)


def _row(delivery: Delivery) -> tuple[str, ...]:
    return (
        delivery.receipt.landed_at[:19].replace("T", " "),
        str(delivery.feed),
        shown(delivery.name),
        size_text(delivery.size_bytes),
        delivery.completeness.value,
        delivery.state.value,
        f"…{delivery.id[-8:]}",
    )


def _text(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [head, *rows])
    return "\n".join(line.rstrip() for line in lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    first = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{first}</tr></thead><tbody>{body}</tbody></table>"
