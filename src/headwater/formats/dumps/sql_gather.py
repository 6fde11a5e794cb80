"""One pass over SQL text: tables, counts, samples, statements that do more, and what tells how it ended."""

from __future__ import annotations

import re
from collections import Counter
from operator import methodcaller
from typing import Final

import msgspec

from headwater.formats.dumps.sql_ddl import created
from headwater.formats.dumps.sql_ends import Ending
from headwater.formats.dumps.sql_events import Bad, Command, Comment, CopyRows, Event, Rows, Statement
from headwater.formats.dumps.sql_lexer import Grammar, Open, Tongue
from headwater.formats.dumps.sql_places import Places
from headwater.formats.dumps.sql_scan import Scanner
from headwater.formats.dumps.sql_statements import Kind, example_of, kind_of, kind_of_command
from headwater.formats.dumps.sql_tables import (
    SAMPLE_BYTES_MAX,
    SAMPLE_BYTES_TOTAL_MAX,
    SAMPLE_ROWS_MAX,
    TABLES_MAX,
    Gathered,
    described,
    of_bytes,
    placed,
    row_problems,
)
from headwater.formats.dumps.sql_values import Reading
from headwater.formats.dumps.sql_writers import Writer
from headwater.formats.finding import PROBLEMS_MAX, Problem, Table, Type

_EXAMPLES_MAX: Final = 5
_IDENTITY: Final = re.compile(rb"SET\s+IDENTITY_INSERT\s+(\S+)\s+(ON|OFF)\b", re.IGNORECASE)
_BEGIN: Final = re.compile(rb"(?:BEGIN(?:\s+TRANSACTION|\s+WORK)?|START\s+TRANSACTION)\s*;?\s*\Z", re.IGNORECASE)
_COMMIT: Final = re.compile(rb"(?:COMMIT|ROLLBACK)\b", re.IGNORECASE)
_SAVED: Final = re.compile(rb"/\*!\d+ SET @OLD_SQL_NOTES\s*=")
_RESTORED: Final = re.compile(rb"/\*!\d+ SET SQL_NOTES\s*=\s*(?:IFNULL\()?@OLD_SQL_NOTES")
_SENTENCES: Final = {
    Kind.OTHER: ("contains_statements", "Beside tables and rows it holds statements that change data or run code: {}"),
    Kind.DANGEROUS: (
        "dangerous_statement",
        "It holds a statement that destroys data, touches files or runs programs, if anybody runs it: {}",
    ),
}


class Gathering:
    """Takes the events of a `Scanner` and remembers what a finding says of them."""

    def __init__(self, writer: Writer, codec: str, *, is_cluster: bool = False) -> None:
        self._grammar: Grammar = writer.grammar
        self._codec = codec
        self.places = Places(writer.grammar.tongue, codec, is_cluster=is_cluster)
        self._sample_bytes = 0
        self._found: dict[Kind, list[str]] = {}
        self._counts: Counter[Kind] = Counter()
        self._problems: list[Problem] = []
        self.tables: dict[str, Gathered] = {}
        self.ending = Ending(writer.name, b"", is_cluster=is_cluster)

    def take(self, event: Event) -> None:
        """The next event."""
        self._end(is_in_comment=_is_open_comment(event))
        if isinstance(event, Rows):
            self._rows(event)
        elif isinstance(event, CopyRows):
            self._copy(event)
        elif isinstance(event, Statement):
            self._statement(event)
        elif isinstance(event, Command):
            self._command(event)
        elif isinstance(event, Comment):
            self._comment(event.text)
        else:
            self._bad(event)

    @property
    def holds_bytes(self) -> bool:
        """Whether values are bytes and no texts, as far as the sample and the declared types tell."""
        return any(
            not table.is_created
            or any(column.type is Type.BINARY for column in table.declared)
            or any(b"_binary '" in row for _, row, _ in table.sample)
            for table in self.tables.values()
        )

    def table(self, name: str) -> Gathered | None:
        """The table of this name, made where it is new; None beyond all measure."""
        known = self.tables.get(name)
        if known is None and len(self.tables) < TABLES_MAX:
            known = self.tables[name] = Gathered(name)
        return known

    def _rows(self, event: Rows) -> None:
        name, columns = self.places.head(event.head)
        table = self._table_of_rows(name, columns)
        if table is None:
            return
        table.rows += len(event.rows) + event.lost
        table.lost += event.lost
        if event.rows and not table.width:
            table.width = len(Reading(self._grammar, self._codec).raw_values(event.rows[0][1:-1]))
        self._keep(table, columns, event.rows, table.rows - len(event.rows), is_copy=False)
        self._end(last_is_go=False)

    def _copy(self, event: CopyRows) -> None:
        name, columns = self.places.head(event.head)
        self.copied(name, columns, event.lines)

    def copied(self, name: str, columns: tuple[str, ...], lines: bytes) -> None:
        """Whole lines of a COPY block."""
        table = self._table_of_rows(name, columns)
        if table is None:
            return
        before = table.rows
        rows = lines.split(b"\n")
        rows.pop()
        table.rows += len(rows)
        width = len(columns) or len(table.declared)
        if width and not set(map(_TABS, rows)) <= {width - 1}:
            _count_misfits(table, rows, width, before)
        self._keep(table, columns, rows, before, is_copy=True)

    def _table_of_rows(self, name: str, columns: tuple[str, ...]) -> Gathered | None:
        if self._grammar.tongue is Tongue.SQLITE and name.startswith("sqlite_"):
            return None
        table = self.table(name)
        if table is not None and columns and table.inserted != columns:
            table.inserted += tuple(column for column in columns if column not in table.inserted)
        return table

    def _keep(
        self, table: Gathered, columns: tuple[str, ...], rows: list[bytes], before: int, *, is_copy: bool
    ) -> None:
        """Rows for the sample, of which `before` went by already: the first of all, and some of those behind."""
        first = max(0, SAMPLE_ROWS_MAX - before)
        kept = rows[:first]
        if len(rows) > first and len(table.sample) < SAMPLE_ROWS_MAX + _LATER_ROWS_MAX:
            start = max(first, -before % _LATER_STEP)
            kept += rows[start::_LATER_STEP]
        for row in kept:
            if max(table.sample_bytes - SAMPLE_BYTES_MAX, self._sample_bytes - SAMPLE_BYTES_TOTAL_MAX) + len(row) > 0:
                break
            table.sample.append((columns, row, is_copy))
            table.sample_bytes += len(row)
            self._sample_bytes += len(row)

    def _statement(self, event: Statement) -> None:
        text = event.text
        self._end(last_is_go=False)
        made = created(text, self._grammar, self._codec)
        if made is not None:
            table = self.table(self.places.full(made[0]))
            if table is not None and not (table.is_created or text.startswith(b"/*")):
                table.declared, table.is_created = made[1], True
            return
        self.places.statement(text)
        self._signs(text)
        if event.is_whole:
            self._note(kind_of(text, self._grammar), text)

    def _signs(self, text: bytes) -> None:
        """What must be answered before the end."""
        if found := _IDENTITY.match(text):
            name = found[1].decode(self._codec, "replace") if found[2].upper() == b"ON" else ""
            self._end(identity_on=name)
        elif _BEGIN.match(text):
            self._end(begun=self.ending.begun + 1)
        elif _COMMIT.match(text):
            self._end(begun=max(0, self.ending.begun - 1), has_failed=b"due to errors" in text)
        elif text.startswith(b"/*!"):
            self._end(
                has_saved=self.ending.has_saved or bool(_SAVED.match(text)),
                has_restored=self.ending.has_restored or bool(_RESTORED.match(text)),
            )

    def _command(self, event: Command) -> None:
        line = event.text
        is_go = line[:2].upper() == b"GO" and self._grammar.tongue in {Tongue.TSQL, Tongue.ANY}
        self._end(last_is_go=is_go, batches=self.ending.batches + is_go)
        if line.startswith(b"\\restrict "):
            self._end(restrict_key=line.split()[1] if len(line.split()) > 1 else b"")
        self.places.command(line)
        self._note(kind_of_command(line), line)

    def _comment(self, text: bytes) -> None:
        if text.startswith((b"-- MySQL dump ", b"-- MariaDB dump ")):
            self._end(has_header=True)
        elif text.startswith(b"/****** Object:"):
            self._end(has_objects=True)
        elif text.startswith(b"/**** ERROR:"):
            self._end(has_failed=True)

    def _bad(self, event: Bad) -> None:
        name, _ = self.places.head(event.head)
        sentence = f"Among the rows of table {name} stands something that is no row; it was passed over."
        if len(self._problems) < PROBLEMS_MAX:
            self._problems.append(Problem("bad_statement", sentence, table=name, at=event.at))

    def _note(self, kind: Kind, text: bytes) -> None:
        if kind is Kind.PLAIN:
            return
        self._counts[kind] += 1
        examples = self._found.setdefault(kind, [])
        if len(examples) < _EXAMPLES_MAX:
            examples.append(example_of(text, self._codec))

    def _end(self, **changes: object) -> None:
        if any(getattr(self.ending, name) != value for name, value in changes.items()):
            self.ending = msgspec.structs.replace(self.ending, **changes)

    def ended(self, scanner: Scanner, *, is_all: bool) -> None:
        """Notes inside of what the text ended."""
        table, row = "", None
        head = scanner.ended_in
        if scanner.ended is not Open.NOTHING and head:
            table, _ = self.places.head(head)
            row = scanner.ended_rows + 1 if table else None
        if table and self.tables.get(table):
            row = self.tables[table].rows + 1
        self._end(inside=scanner.ended, table=table, row=row, is_all=is_all)

    def described(self, codec: str) -> tuple[Table, ...]:
        """The tables, with what their samples say; texts are read in `codec`."""
        reading = Reading(self._grammar, codec)
        tables = []
        for table in self.tables.values():
            names = table.names()
            kinds = {column.name: (column.type, column.written) for column in table.declared}
            rows = []
            for number, (columns, raw, is_copy) in enumerate(table.sample):
                places = (
                    of_bytes(columns, kinds, names) if kinds and self._grammar.tongue is Tongue.MYSQL else frozenset()
                )
                values = reading.copied([raw.removesuffix(b"\r")])[0] if is_copy else reading.row(raw, places)
                row = placed(values, columns, names) or placed(values, (), names)
                if row is not None:
                    rows.append(row)
                elif not is_copy:
                    note_misfit(table, len(values), len(columns) or len(names), number + 1)
            tables.append(described(table, rows))
        return tuple(tables)

    def problems(self) -> list[Problem]:
        """What is wrong, dangers first."""
        problems = []
        for kind in (Kind.DANGEROUS, Kind.OTHER):
            if self._counts[kind]:
                code, sentence = _SENTENCES[kind]
                examples = tuple(self._found[kind])
                problems.append(Problem(code, sentence.format(examples[0]), self._counts[kind], examples=examples))
        for table in self.tables.values():
            problems += row_problems(table)
        return [*problems, *self._problems][:PROBLEMS_MAX]


_LATER_ROWS_MAX: Final = 2_000
_LATER_STEP: Final = 10_000


def _is_open_comment(event: Event) -> bool:
    """Whether it is a comment of one line without the end of that line."""
    if isinstance(event, Command):
        return event.text[:3].upper() == b"REM" and not event.text.endswith(b"\n")
    return isinstance(event, Comment) and not event.text.startswith(b"/*") and not event.text.endswith(b"\n")


def note_misfit(table: Gathered, fields: int, width: int, row: int) -> None:
    """Counts a row with another number of fields than there are columns."""
    table.misfits += 1
    if not table.misfit:
        table.misfit, table.misfit_row = f"has {fields:,} of {width:,} fields", row


def _count_misfits(table: Gathered, rows: list[bytes], width: int, before: int) -> None:
    for number, row in enumerate(rows, before + 1):
        fields = row.count(b"\t") + 1
        if fields != width:
            note_misfit(table, fields, width, number)


_TABS: Final = methodcaller("count", b"\t")
