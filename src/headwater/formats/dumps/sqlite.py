"""SQLite's database file: its tables, their rows, and whether all of its pages are here. Never opened by SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

from headwater.formats.budget import Budget
from headwater.formats.dumps.sql_plain import Portion, batched
from headwater.formats.dumps.sql_tables import SAMPLE_ROWS_MAX, described
from headwater.formats.dumps.sqlite_pages import HEADER_BYTES, MAGIC, Header, Pages, Tree, header_of
from headwater.formats.dumps.sqlite_records import Damaged, Value, record
from headwater.formats.dumps.sqlite_schema import Source, source_of
from headwater.formats.finding import Description, Dump, Encoding, Guess, Problem, Table, Wholeness
from headwater.formats.format import Ends
from headwater.formats.layers.pull import is_cheap
from headwater.ports.ranges import Broken, Ranges
from headwater.terms import Completeness

if TYPE_CHECKING:
    import pyarrow as pa

TABLES_MAX: Final = 10_000
KEPT_BYTES_MAX: Final = 64 * 1024 * 1024
"""A database inside a compression is held in memory up to this size; of a larger one only the size is checked."""

_PORTION_ROWS: Final = 1000
_SAMPLE_CHARS_MAX: Final = 4 * 1024 * 1024
_SCHEMA_FIELDS: Final = 5


def recognise(ends: Ends) -> Guess | None:
    """By its magic."""
    if not ends.head.startswith(MAGIC):
        return None
    return Guess("sqlite", 1.0, ("It begins with the magic of SQLite's database file.",))


class _Kept:
    """Bytes in memory, as `Ranges`."""

    path = None

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size_bytes: int | None = len(data)

    def read(self, offset: int, size_bytes: int) -> bytes:
        return self._data[offset : offset + size_bytes]

    def stream(self, offset: int = 0) -> Iterator[bytes]:
        yield self._data[offset:]


class _Opened(msgspec.Struct, frozen=True):
    """A database: `ranges` are cheap to read at random; None where they are too many to be held."""

    size_bytes: int
    header: Header | None
    ranges: Ranges | None
    broken: str = ""


def describe(ranges: Ranges, budget: Budget) -> Description:
    """See `Format.describe`."""
    opened = _opened(ranges, budget)
    if opened.header is None:
        sentence = opened.broken or "The file ends inside the header of the database, or the header is damaged."
        return Description(
            Wholeness(Completeness.SUSPECT, (sentence,)), Dump("sqlite"), problems=(Problem("damaged_page", sentence),)
        )
    header = opened.header
    problems: list[Problem] = []
    tables: list[Table] = []
    signs: list[str] = [opened.broken] if opened.broken else []
    unread: list[str] = []
    if opened.ranges is None:
        unread.append(
            f"The database has more than {KEPT_BYTES_MAX:,} bytes and is compressed: its tables were not read."
        )
    else:
        pages = Pages(opened.ranges, budget, header, opened.size_bytes)
        _read_tables(pages, tables, problems, unread)
    signs += [problem.sentence for problem in problems if problem.code == "damaged_page"]
    wholeness, more = _whole(opened, signs)
    if wholeness.verdict is Completeness.PROVEN and not budget.has():
        wholeness = Wholeness(Completeness.PRESUMED, (*wholeness.reasons, *unread))
    return Description(
        wholeness,
        Dump("sqlite", header.version),
        Encoding(header.encoding, 1.0, ("The header of the database names this encoding.",), is_certain=True),
        tuple(tables),
        (*more, *problems),
        is_all=not unread,
        unread=" ".join(unread),
    )


def batches(ranges: Ranges, described: Description, table: str, budget: Budget) -> Iterator[pa.RecordBatch]:
    """See `Rows.batches`. Values are texts by their storage class: bytes as hex digits."""
    opened = _opened(ranges, budget)
    known = next((each for each in described.tables if each.name == table), None)
    if known is None or opened.header is None or opened.ranges is None:
        return
    pages = Pages(opened.ranges, budget, opened.header, opened.size_bytes)
    names = tuple(column.name for column in known.columns)
    source = next((each for each in _sources(pages, [], []) if each.gathered.name == table), None)
    if source is not None:
        yield from batched(_portions(_quietly(_rows(pages, source))), names)


def _opened(ranges: Ranges, budget: Budget) -> _Opened:
    try:
        head = budget.read(ranges, 0, HEADER_BYTES)
        header = header_of(head)
        if is_cheap(ranges) and ranges.size_bytes is not None:
            return _Opened(ranges.size_bytes, header, ranges)
    except Broken as caught:
        return _Opened(0, None, None, caught.sentence)
    parts: list[bytes] = []
    size_bytes = 0
    sentence = ""
    try:
        for piece in budget.stream(ranges):
            size_bytes += len(piece)
            if size_bytes <= KEPT_BYTES_MAX:
                parts.append(piece)
    except Broken as caught:
        sentence = caught.sentence
    is_held = size_bytes <= KEPT_BYTES_MAX
    return _Opened(size_bytes, header, _Kept(b"".join(parts)) if is_held else None, sentence)


def _whole(opened: _Opened, signs: list[str]) -> tuple[Wholeness, list[Problem]]:
    """Whether the file has the pages that its header counts."""
    header = opened.header
    problems: list[Problem] = []
    if header is None:
        return Wholeness(Completeness.SUSPECT, tuple(signs)), problems
    page_bytes, size_bytes = header.page_bytes, opened.size_bytes
    if header.is_wal:
        sentence = (
            "The database is used with a write-ahead log: changes may still be in its -wal file, which is not here."
        )
        problems.append(Problem("wal_missing", sentence))
    stated_bytes = page_bytes * header.pages if header.pages is not None else None
    if stated_bytes is not None and size_bytes != stated_bytes and not (header.is_wal and size_bytes > stated_bytes):
        than = "fewer" if size_bytes < stated_bytes else "more"
        sentence = f"The header counts {stated_bytes:,} bytes; the file has {size_bytes:,}, which is {than}."
        problems.append(Problem("size_disagrees", sentence))
        signs = [sentence, *signs]
    elif size_bytes % page_bytes:
        sentence = f"The last page has {size_bytes % page_bytes:,} of {page_bytes:,} bytes: the file is cut."
        problems.append(Problem("size_disagrees", sentence))
        signs = [sentence, *signs]
    if signs:
        return Wholeness(Completeness.SUSPECT, tuple(signs)), problems
    if stated_bytes is None or header.is_wal:
        reason = (
            problems[0].sentence if header.is_wal else "The header does not count the pages; every page is complete."
        )
        return Wholeness(Completeness.PRESUMED, (reason,)), problems
    sentence = f"All {header.pages or 0:,} pages that the header counts are here."
    return Wholeness(Completeness.PROVEN, (sentence,)), problems


def _read_tables(pages: Pages, tables: list[Table], problems: list[Problem], unread: list[str]) -> None:
    for source in _sources(pages, problems, unread):
        gathered = source.gathered
        tree = Tree(pages, source.root)
        rows: list[list[Value]] = []
        count: int | None = None
        try:
            count = tree.count()
            rows = _sample(_rows(pages, source))
        except Damaged as damaged:
            problems.append(_damage(damaged, gathered.name))
        except Broken as broken:
            problems.append(Problem("damaged_page", broken.sentence, table=gathered.name))
        if not tree.is_done:
            count = None
            if not pages.has_budget():
                unread.append(
                    f"The rows of {gathered.name} were not counted: the limit of this inspection was reached."
                )
        gathered.rows = -1 if count is None else count
        tables.append(msgspec.structs.replace(described(gathered, rows), rows=count))


def _damage(damaged: Damaged, table: str) -> Problem:
    where = f" in table {table}" if table else " in its list of tables"
    return Problem("damaged_page", f"The database is damaged{where}: {damaged.sentence}", table=table)


def _sample(rows: Iterator[list[Value]]) -> list[list[Value]]:
    kept: list[list[Value]] = []
    size_chars = 0
    for row in islice(rows, SAMPLE_ROWS_MAX):
        kept.append(row)
        size_chars += sum(len(value) for value in row if value)
        if size_chars > _SAMPLE_CHARS_MAX:
            break
    return kept


def _sources(pages: Pages, problems: list[Problem], unread: list[str]) -> list[Source]:
    """The tables that the schema on page 1 lists."""
    found: list[Source] = []
    encoding = pages.header.encoding
    tree = Tree(pages, 1)
    try:
        for cell in tree.cells():
            fields = record(cell.payload, encoding)
            if len(fields) < _SCHEMA_FIELDS or fields[0] != "table" or len(found) >= TABLES_MAX:
                continue
            name, root, sql = fields[1] or "", fields[3] or "", fields[4] or ""
            if name.startswith("sqlite_"):
                continue
            if not root.isdigit() or int(root) == 0:
                unread.append(f"Table {name} is virtual: its rows lie elsewhere.")
                continue
            found.append(source_of(name, int(root), sql))
    except Damaged as damaged:
        problems.append(_damage(damaged, ""))
    except Broken as broken:
        problems.append(Problem("damaged_page", broken.sentence))
    else:
        if not tree.is_done:
            unread.append("The list of tables was not read: the limit of this inspection was reached.")
    return found


def _rows(pages: Pages, source: Source) -> Iterator[list[Value]]:
    """The rows of a table, its columns in the order of the schema. Raises Damaged, and as `Ranges`."""
    encoding = pages.header.encoding
    for cell in Tree(pages, source.root).cells():
        fields = record(cell.payload, encoding)
        row = [fields[place] if place is not None and place < len(fields) else None for place in source.order]
        if source.row_id_at is not None and row[source.row_id_at] is None:
            row[source.row_id_at] = str(cell.row_id)
        for place in source.floats:  # which are stored as integers where they are whole
            value = row[place]
            if value is not None and value.lstrip("-").isdigit():
                row[place] = f"{value}.0"
        yield row


def _portions(rows: Iterator[list[Value]]) -> Iterator[Portion]:
    """Rows by the thousand."""
    while portion := list(islice(rows, _PORTION_ROWS)):
        yield (), portion, sum(len(value) for row in portion for value in row if value)


def _quietly(rows: Iterator[list[Value]]) -> Iterator[list[Value]]:
    """Rows up to where the file is damaged."""
    try:
        yield from rows
    except (Damaged, Broken):
        return
