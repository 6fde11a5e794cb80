"""Archives of pg_dump: custom (-Fc), tar (-Ft), and the files of the directory format in a tar.

Whole is one in which every entry of the table of contents that has data has them, with their end marks, and nothing is
behind the last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Final

import msgspec

from headwater.formats.budget import Budget
from headwater.formats.dumps.pg_parts import Counted, Custom, Parts, Tarred, has_toc
from headwater.formats.dumps.pg_toc import CUSTOM, DIRECTORY, MAGIC, TAR, Entry, Toc, TocReader
from headwater.formats.dumps.sql_events import Statement
from headwater.formats.dumps.sql_gather import Gathering
from headwater.formats.dumps.sql_lexer import Grammar, Open, Tongue
from headwater.formats.dumps.sql_places import Places
from headwater.formats.dumps.sql_plain import Portion, event_rows
from headwater.formats.dumps.sql_scan import Scanner
from headwater.formats.dumps.sql_values import Reading
from headwater.formats.dumps.sql_writers import Writer, pg_codec
from headwater.formats.finding import Description, Dump, Encoding, Problem, Table, Wholeness
from headwater.formats.layers.pull import Pull
from headwater.formats.layers.tar_header import BLOCK_BYTES
from headwater.ports.ranges import Broken, Ranges
from headwater.terms import Completeness

_FORMAT_AT: Final = len(MAGIC) + 5
_ENCODING: Final = re.compile(rb"client_encoding\s*=\s*'([^']+)'")
_NAMED_MAX: Final = 3


class Kind(msgspec.Struct, frozen=True):
    """Which archive it is: the word for `Dump.writer`, and by what it is known."""

    writer: str
    evidence: str


def kind_of(head: bytes) -> Kind | None:
    """Which archive begins like this; None: none of pg_dump."""
    if head.startswith(MAGIC):
        number = head[_FORMAT_AT] if len(head) > _FORMAT_AT else CUSTOM
        name = {TAR: "pg_dump_tar", DIRECTORY: "pg_dump_directory"}.get(number, "pg_dump_custom")
        return Kind(name, "It begins with the magic of pg_dump's archives.")
    if len(head) >= BLOCK_BYTES and has_toc(head):
        return Kind("pg_dump_tar", "It is a tar that holds the table of contents of a dump of pg_dump.")
    return None


def describe(ranges: Ranges, budget: Budget) -> Description:
    """See `Format.describe`."""
    try:
        kind = kind_of(ranges.read(0, _HEAD_BYTES))
    except Broken as broken:
        kind = kind_of(ranges.read(0, min(broken.offset, _HEAD_BYTES)) if broken.offset else b"")
    writer = kind.writer if kind else "pg_dump_custom"
    counted = Counted(ranges, budget)
    try:
        if writer == "pg_dump_directory" or (writer == "pg_dump_tar" and ranges.read(0, len(MAGIC)) == MAGIC):
            return _contents_alone(TocReader(Pull(counted)).toc(), writer)
        archive: Parts = Tarred(counted) if writer == "pg_dump_tar" else Custom(counted)
    except Broken as broken:
        return _without_toc(broken, writer, budget)
    return _Archive(archive, writer, budget).described()


_HEAD_BYTES: Final = 64 * 1024


def rows(ranges: Ranges, table: Table, budget: Budget) -> Iterator[Portion]:
    """The rows of a table, each with the columns it was given for; they end where the archive breaks off."""
    counted = Counted(ranges, budget)
    try:
        is_custom = ranges.read(0, len(MAGIC)) == MAGIC
        archive: Parts = Custom(counted) if is_custom else Tarred(counted)
        ids = {entry.id for entry in archive.toc.entries if _name(entry) == table.name and entry.kind == "TABLE DATA"}
        if is_custom and len(ids) == 1:
            archive = Custom(counted, next(iter(ids)))
        yield from _rows_of(archive, ids, table)
    except Broken:
        return


def _rows_of(archive: Parts, ids: set[int], table: Table) -> Iterator[Portion]:
    grammar, codec = _written(archive.toc)
    reading = Reading(grammar, codec)
    left = set(ids)
    for entry, pieces in archive.parts():
        if entry.id not in left:
            continue
        left.discard(entry.id)
        places = _places(entry, codec)
        for event in Scanner(_text(entry, pieces), grammar).events():
            yield from event_rows(event, places, reading, table)
        if not left:
            return


class _Archive:
    """What is learnt of an archive on the way through it."""

    def __init__(self, archive: Parts, writer: str, budget: Budget) -> None:
        self._archive = archive
        self._toc = archive.toc
        self._writer = writer
        self._budget = budget
        self._grammar, self._codec = _written(archive.toc)
        self._gathering = Gathering(Writer("pg_dump", self._grammar, 1.0, ""), self._codec)
        self._missing = {entry.id: entry for entry in self._toc.entries if _has_block(entry)}
        self._count = len(self._missing)
        self._signs: list[str] = []
        self._problems: list[Problem] = []

    def described(self) -> Description:
        for entry in self._toc.entries:
            self._define(entry)
        try:
            for entry, pieces in self._archive.parts():
                self._missing.pop(entry.id, None)
                if entry.kind == "TABLE DATA":
                    self._data(entry, pieces)
        except Broken as broken:
            self._against(broken.sentence)
        spent = self._budget.is_spent
        wholeness = self._wholeness()
        mark = "table of contents" if wholeness.verdict is Completeness.PROVEN else ""
        return Description(
            wholeness,
            Dump(self._writer, self._toc.dump_version.split(" ")[0], self._toc.database, mark),
            Encoding(self._codec, 1.0, ("The archive itself names this encoding.",), is_certain=self._codec == "utf-8"),
            self._gathering.described(self._codec),
            (*self._problems, *self._gathering.problems()),
            is_all=not spent,
            unread=f"Only the first {self._budget.read_bytes:,} bytes were read." if spent else "",
        )

    def _define(self, entry: Entry) -> None:
        """What a definition says; the data come later, in blocks."""
        if entry.kind in {"TABLE", "FOREIGN TABLE"}:
            self._gathering.places = _places(entry, self._codec)
        if entry.definition:
            self._gathering.take(Statement(entry.definition.lstrip(), 0))

    def _data(self, entry: Entry, pieces: Iterator[bytes]) -> None:
        broken: list[Broken] = []
        self._gathering.places = _places(entry, self._codec)
        scanner = Scanner(_text(entry, _caught(pieces, broken)), self._grammar)
        for event in scanner.events():
            self._gathering.take(event)
        if broken:
            if not self._budget.is_spent:
                table = self._gathering.tables.get(_name(entry))
                row = f", after {table.rows:,} rows" if table and table.rows else ""
                self._against(f"The data of table {_name(entry)} break off{row}: {broken[0].sentence}", entry)
        elif scanner.ended is not Open.NOTHING:
            self._against(f"The data of table {_name(entry)} have no end mark.", entry)

    def _against(self, sentence: str, entry: Entry | None = None) -> None:
        if self._budget.is_spent:
            return
        self._signs.append(sentence)
        self._problems.append(
            Problem("copy_cut", sentence, table=_name(entry)) if entry else Problem("no_end_mark", sentence)
        )

    def _wholeness(self) -> Wholeness:
        if self._budget.is_spent and not self._signs:
            return Wholeness(Completeness.PRESUMED, ("The archive was not read to its end.",))
        if self._missing:
            names = [_name(entry) for entry in self._missing.values()]
            more = f" and {len(names) - _NAMED_MAX:,} more" if len(names) > _NAMED_MAX else ""
            self._against(
                f"Of {self._count:,} blocks of data that the table of contents lists, {len(names):,} are missing: "
                f"{', '.join(names[:_NAMED_MAX])}{more}."
            )
        if self._signs or not self._archive.ended:
            return Wholeness(Completeness.SUSPECT, tuple(self._signs) or ("The archive has no end.",))
        if not self._count:
            return Wholeness(Completeness.PROVEN, ("The table of contents is whole, and lists no data.",))
        sentence = f"All {self._count:,} blocks of data that the table of contents lists are here, each with its end."
        return Wholeness(Completeness.PROVEN, (sentence,))


def _has_block(entry: Entry) -> bool:
    return entry.has_data and (entry.kind != "TABLE DATA" or entry.offset != -1)


def _name(entry: Entry) -> str:
    return f"{entry.schema}.{entry.tag}" if entry.schema else entry.tag


def _places(entry: Entry, codec: str) -> Places:
    places = Places(Tongue.POSTGRES, codec)
    if entry.schema:
        places.statement(b"SET search_path = " + entry.schema.encode())
    return places


def _written(toc: Toc) -> tuple[Grammar, str]:
    """How texts are quoted, and their encoding."""
    found = _ENCODING.search(toc.definition("ENCODING"))
    codec = pg_codec(found[1].decode("ascii", "replace")) if found else ""
    return Grammar(Tongue.POSTGRES, b"off" in toc.definition("STDSTRINGS")), codec or "utf-8"


def _text(entry: Entry, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The data of an entry as SQL text."""
    return chain([entry.copy], pieces)


def _caught(pieces: Iterator[bytes], broken: list[Broken]) -> Iterator[bytes]:
    try:
        yield from pieces
    except Broken as caught:
        broken.append(caught)


def _without_toc(broken: Broken, writer: str, budget: Budget) -> Description:
    problem = Problem("no_end_mark", broken.sentence)
    is_spent = budget.is_spent
    verdict = Completeness.PRESUMED if is_spent else Completeness.SUSPECT
    return Description(
        Wholeness(verdict, (broken.sentence,)),
        Dump(writer),
        problems=() if is_spent else (problem,),
        is_all=False,
        unread="Without its table of contents nothing of the dump can be told.",
    )


def _contents_alone(toc: Toc, writer: str) -> Description:
    """The `toc.dat` of a directory by itself."""
    sentence = "It is the table of contents of a dump; its data lie in other files, of which nothing is known here."
    tables = [Table(_name(entry)) for entry in toc.entries if entry.kind == "TABLE"]
    return Description(
        Wholeness(Completeness.PRESUMED, (sentence,)),
        Dump(writer, toc.dump_version.split(" ")[0], toc.database),
        tables=tuple(tables),
        unread="The data lie in other files.",
        is_all=False,
    )
