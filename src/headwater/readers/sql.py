"""SQL over deliveries in place: every name that is written like a feed becomes a relation, all formats alike.

Of what could not be read nothing is dropped in silence: it stands in the table `headwater_unread`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import msgspec

from headwater.errors import HeadwaterError, Refused, Unavailable
from headwater.formats.counted import counted
from headwater.formats.finding import Finding
from headwater.formats.recipes.duckdb_casts import identifier
from headwater.ports.ranges import Broken, Ranges
from headwater.readers.contents import Chosen, choose
from headwater.readers.engine import Engine
from headwater.readers.local import borrowed
from headwater.readers.names_in_sql import Reference, check_asks, quoted, reference
from headwater.readers.relation import Part, Place, as_converted, as_text, part_of
from headwater.readers.union import Lying, alike, make_files_table, union
from headwater.terms import FeedName

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")

UNREAD: Final = "headwater_unread"
WHY_CHARS_MAX: Final = 300


class Lent(msgspec.Struct, frozen=True):
    """A delivery that may be read: `open` gives its bytes, `examine` its finding, which costs what it costs."""

    id: str
    name: str
    landed_at: str
    date: str
    open: Callable[[], Ranges]
    examine: Callable[[Ranges], Finding]


class Library(Protocol):
    """Where deliveries come from."""

    def feeds(self) -> set[FeedName]:
        """The feeds that there are."""
        ...

    def lend(self, asked: Reference) -> Sequence[Lent]:
        """The deliveries that a name stands for, oldest first. Raises Refused where there is no such delivery."""
        ...


class Unread(msgspec.Struct, frozen=True):
    """Something that a query asked for and that could not be read: a delivery, or of it `lost_rows`."""

    name: str  # as the query has it
    lz_id: str
    lz_name: str
    lost_rows: int | None
    why: str


class _Read(msgspec.Struct, frozen=True):
    lying: Lying
    chosen: Chosen
    finding: Finding
    lent: Lent


class Session:
    """Queries over a library, one after the other; relations stay from query to query. Not for several threads.

    Attributes:
        unread: what could not be read so far, as in `headwater_unread`.
    """

    def __init__(self, library: Library, engine: Engine) -> None:
        self._library = library
        self._engine = engine
        self._feeds: set[FeedName] | None = None
        self._made: dict[str, list[_Read]] = {}
        self.unread: list[Unread] = []
        make_files_table(engine)
        engine.rows(
            f"CREATE TEMP TABLE {UNREAD} (name VARCHAR, lz_id VARCHAR, lz_name VARCHAR, lost_rows BIGINT, why VARCHAR)"
        )

    def run(self, sql: str, take: Callable[[duckdb.DuckDBPyRelation], T]) -> T | None:
        """Runs the statements; `take` fetches from the result of the last one, if it has one, and may be called twice.

        Where the rows of a delivery turn out otherwise than found, all that the query asks for are read once more, with
        care: a delivery that fails then is listed as unread, and the others are given. Raises Refused("bad_request")
        for what is wrong in the SQL, Refused("not_found") for a feed that does not exist, Unavailable.
        """
        import duckdb  # noqa: PLC0415 - heavy

        asked = self._prepare(sql)
        try:
            return self._execute(sql, take)
        except duckdb.Error as error:
            is_data = isinstance(
                error, duckdb.InvalidInputException | duckdb.ConversionException | duckdb.OperationalError
            )
            if not is_data or not asked or not self._mend(asked):
                raise Refused("bad_request", str(error).strip()) from None
        try:
            return self._execute(sql, take)
        except duckdb.Error as error:
            raise Refused("bad_request", str(error).strip()) from None

    def relation(self, name: str) -> str:
        """The SQL of the relation that a name stands for; it is made if it is not there yet. Raises as `run`."""
        if not self._prepare(identifier(name)):
            raise Refused("not_found", f"There is no feed {name} here, or it is not yours to see.")
        return f"SELECT * FROM {identifier(name)}"

    # --- relations ---------------------------------------------------------------------------------------------------

    def _execute(self, sql: str, take: Callable[[duckdb.DuckDBPyRelation], T]) -> T | None:
        result = None
        for statement in self._engine.connection.extract_statements(sql):
            check_asks(statement.type.name, statement.query)
            result = self._engine.connection.sql(statement)
        return None if result is None else take(result)

    def _prepare(self, sql: str) -> list[Reference]:
        asked = [found for text in quoted(sql) if (found := reference(text)) is not None]
        known = [each for each in asked if each.feed in self._known(asked)]
        for each in known:
            if each.text not in self._made:
                self._make(each)
        self._refuse_missing(sql, [each for each in asked if each not in known])
        return known

    def _known(self, asked: Sequence[Reference]) -> set[FeedName]:
        if self._feeds is None or any(each.feed not in self._feeds for each in asked):
            self._feeds = self._library.feeds() if asked else self._feeds
        return self._feeds or set()

    def _refuse_missing(self, sql: str, missing: Iterable[Reference]) -> None:
        """A text that looks like a feed is a text, unless it stands where a table stands."""
        for each in missing:
            for written in (f"'{each.text}'", identifier(each.text)):
                before = sql.partition(written)[0].rstrip().lower()
                if before != sql.rstrip().lower() and before.endswith(("from", "join")):
                    raise Refused("not_found", f"There is no feed {each.feed} here, or it is not yours to see.")

    def _make(self, asked: Reference) -> None:
        reads = []
        for lent in self._library.lend(asked):
            try:
                reads.append(self._read(asked, lent))
            except Unavailable:  # an answer without what is there would be a wrong one
                raise
            except (HeadwaterError, Broken, OSError, ValueError) as error:
                self._miss(asked, lent.id, lent.name, None, str(error))
        self._made[asked.text] = reads
        self._view(asked, reads)

    def _read(self, asked: Reference, lent: Lent) -> _Read:
        with borrowed(lent.open) as ranges:
            finding = lent.examine(ranges)
            chosen = choose(finding, asked.table)
            part = part_of(finding, chosen, Place(ranges), self._engine)
        if part.lost_rows or part.why:
            why = part.why or f"{counted(part.lost_rows, 'row')} cannot be read."
            self._miss(asked, lent.id, lent.name, part.lost_rows or None, why)
        return _Read(Lying(part, lent.id, lent.name, lent.landed_at, lent.date), chosen, finding, lent)

    def _view(self, asked: Reference, reads: Sequence[_Read]) -> None:
        """A view over all that can be bound; what cannot is unread."""
        whys: dict[object, str] = {}
        bound = []
        for number, each in enumerate(reads):
            key = alike(each.lying.part, number)
            if key not in whys:
                whys[key] = self._unbound(each.lying.part)
            why = whys[key] and self._unbound(each.lying.part)
            if why:
                self._miss(asked, each.lying.id, each.lying.name, None, why)
            else:
                bound.append(each.lying)
        text = union(self._engine, bound)
        self._engine.rows(f"CREATE OR REPLACE TEMP VIEW {identifier(asked.text)} AS {text}")

    def _unbound(self, part: Part) -> str:
        """Why DuckDB does not take a part at all; nothing where it does."""
        import duckdb  # noqa: PLC0415 - heavy

        try:
            self._engine.columns(part.text())
        except duckdb.Error as error:
            return str(error)
        return ""

    def _miss(self, asked: Reference, id_: str, name: str, lost_rows: int | None, why: str) -> None:
        sentence = " ".join(why.split())
        if len(sentence) > WHY_CHARS_MAX:
            sentence = sentence[: WHY_CHARS_MAX - 1] + "…"
        missed = Unread(asked.text, id_, name, lost_rows, sentence)
        self.unread.append(missed)
        self._engine.rows(f"INSERT INTO {UNREAD} VALUES (?, ?, ?, ?, ?)", msgspec.structs.astuple(missed))

    # --- with care ---------------------------------------------------------------------------------------------------

    def _mend(self, asked: Sequence[Reference]) -> bool:
        """Reads each delivery once to its end; whether any was otherwise than found, and is read in another way now."""
        is_mended = False
        for each in asked:
            reads = self._made[each.text]
            kept = []
            for read in reads:
                if self._fails(read.lying.part) == "":
                    kept.append(read)
                    continue
                is_mended = True
                other = self._otherwise(each, read)
                if other is not None:
                    kept.append(other)
            self._made[each.text] = kept
            if len(kept) != len(reads) or any(a is not b for a, b in zip(kept, reads, strict=False)):
                self._view(each, kept)
        return is_mended

    def _fails(self, part: Part) -> str:
        import duckdb  # noqa: PLC0415 - heavy

        try:
            self._engine.rows(f"SELECT count(COLUMNS(*)) FROM ({part.text()})")
        except duckdb.Error as error:
            return str(error)
        return ""

    def _otherwise(self, asked: Reference, read: _Read) -> _Read | None:
        """Every value as text, else by our own reader of the format; None, and unread, where neither does."""
        why = self._fails(read.lying.part)
        for make in (as_text, as_converted):
            try:
                with borrowed(read.lent.open) as ranges:
                    part = make(read.lying.part, read.finding, read.chosen, Place(ranges), self._engine)
            except Unavailable:
                raise
            except (HeadwaterError, Broken, OSError, ValueError) as error:
                why = str(error)
                continue
            if part is not None and not (why := self._fails(part)):
                return msgspec.structs.replace(read, lying=msgspec.structs.replace(read.lying, part=part))
        self._miss(asked, read.lying.id, read.lying.name, None, why)
        return None
