"""Spreadsheets: .xlsx and .xlsb (ECMA-376, [MS-XLSB]), .xls ([MS-XLS]), .ods (OpenDocument 1.3): sheets as tables.

calamine reads the cells. What it would lay out in memory is measured before.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from headwater.formats.budget import Budget
from headwater.formats.columnar.arrow_schema import schema_problems
from headwater.formats.finding import Description, Guess, Problem, Table, Wholeness, Workbook
from headwater.formats.format import HEAD_BYTES, TAIL_BYTES, Ends, Held
from headwater.formats.layers import zip as zip_archive
from headwater.formats.layers.zip_kinds import kind_of
from headwater.formats.workbooks.ole2 import MAGIC as OLE2
from headwater.formats.workbooks.ole2 import ole2_kind, ole2_wholeness
from headwater.formats.workbooks.workbook_limits import CELLS_MAX, are_too_many, cells_of, repeats
from headwater.formats.workbooks.workbook_sheets import Sheet, rows_of, sheet_of
from headwater.ports.ranges import Broken, Ranges
from headwater.terms import Completeness

if TYPE_CHECKING:
    import pyarrow as pa
    from python_calamine import CalamineSheet, CalamineWorkbook

BOOK_BYTES_MAX: Final = 128 * 1024 * 1024
PARTS_BYTES_MAX: Final = 512 * 1024 * 1024
SHEETS_MAX: Final = 100
ROWS_MAX: Final = 10_000

_SPOKEN: Final = {
    "xlsx": "an Excel workbook",
    "xlsb": "a binary Excel workbook",
    "xls": "an old Excel workbook",
    "ods": "an OpenDocument spreadsheet",
}
_SHEET: Final = re.compile(r"xl/worksheets/[^/]+\.xml$")


def recognise(ends: Ends) -> Guess | None:
    """By the names inside of a zip or of a compound file."""
    kind = kind_of(ends)
    if kind in {"xlsx", "xlsb", "ods"}:
        return Guess(kind, 1.0, (f"It is a zip, and the names in it are those of {_SPOKEN[kind]}.",))
    if ole2_kind(ends) == "xls":
        return Guess("xls", 1.0, ("It is a compound file that holds an Excel workbook.",))
    return None


def describe(ranges: Ranges, budget: Budget) -> Description:
    """See `Format.describe`."""
    try:
        return _described(ranges, budget)
    except Broken as broken:
        return _unread("", Wholeness(Completeness.SUSPECT, (broken.sentence,)), "The workbook is not all there.")


def batches(ranges: Ranges, described: Description, table: str, budget: Budget) -> Iterator[pa.RecordBatch]:
    """See `Rows.batches`; all columns are text."""
    import pyarrow as pa  # noqa: PLC0415  (heavy)

    dialect = described.dialect
    columns = next((each.columns for each in described.tables if each.name == table), ())
    size_bytes = ranges.size_bytes
    if not isinstance(dialect, Workbook) or not columns or size_bytes is None or size_bytes > BOOK_BYTES_MAX:
        return
    schema = pa.schema([pa.field(column.name, pa.string()) for column in columns])
    try:
        sheet = _sheet(_book(budget.read(ranges, 0, size_bytes)), table)
    except (_Unreadable, Broken):
        return
    held: list[list[str | None]] = []
    width = len(columns)
    skip_rows = dialect.skip_rows.get(table, 0) + dialect.header_rows.get(table, 0)
    for row in rows_of(sheet, skip_rows):
        held.append((row + [None] * width)[:width])
        if len(held) >= ROWS_MAX:
            yield _batch(held, schema)
            held = []
            if not budget.has():
                return
    if held:
        yield _batch(held, schema)


class _Unreadable(Exception):
    """The library cannot read it."""


def _described(ranges: Ranges, budget: Budget) -> Description:
    size_bytes = ranges.size_bytes
    head = budget.read(ranges, 0, HEAD_BYTES)
    if size_bytes is None:
        reason = "The end of the workbook, where its directory stands, cannot be reached."
        return _unread("", Wholeness(Completeness.SUSPECT, (reason,)), reason)
    tail_bytes = min(TAIL_BYTES, size_bytes)
    ends = Ends(head, budget.read(ranges, size_bytes - tail_bytes, tail_bytes), size_bytes)
    if head.startswith(OLE2):
        kind, wholeness, problems, too_large = "xls", ole2_wholeness(ranges, budget), [], ""
        if wholeness.verdict is Completeness.SUSPECT:
            return _unread(kind, wholeness, "The workbook is not all there; it was not read.")
    else:
        kind = kind_of(ends)
        opened = zip_archive.open(ranges, budget)
        wholeness, problems = opened.wholeness, list(opened.problems)
        problems += _notes(opened.members)
        too_large = _too_large(kind, opened.members, budget)
    if not too_large and size_bytes > BOOK_BYTES_MAX:
        too_large = f"The workbook has {size_bytes:,} bytes; more than 128 MiB are not read."
    if too_large:
        problems.append(Problem("too_large", too_large))
        return _unread(kind, wholeness, too_large, problems)
    try:
        book = _book(budget.read(ranges, 0, size_bytes))
    except _Unreadable as error:
        return _unreadable(kind, wholeness, problems, str(error))
    return _sheets(book, kind, wholeness, problems, budget)


def _sheets(
    book: CalamineWorkbook, kind: str, wholeness: Wholeness, problems: list[Problem], budget: Budget
) -> Description:
    sheets: list[Sheet] = []
    unread: list[str] = []
    names = book.sheet_names
    for name in names[:SHEETS_MAX]:
        if not budget.has():
            unread.append(f"Only the first {len(sheets):,} of {len(names):,} sheets were read.")
            break
        try:
            sheets.append(sheet_of(book.get_sheet_by_name(name)))
        except BaseException as error:  # noqa: BLE001  (a panic of the library is no Exception)
            _pass_on(error)
            sheets.append(Sheet(Table(name), 0, 0))
            problems.append(Problem("damaged_sheet", f"The sheet cannot be read: {_plain(error)}", table=name))
            unread.append(f"Sheet {name} was not read.")
        problems += [
            msgspec.structs.replace(problem, table=name)
            for problem in schema_problems(column.name for column in sheets[-1].table.columns if column.name)
        ]
    if len(names) > SHEETS_MAX:
        unread.append(f"Only the first {SHEETS_MAX} of {len(names):,} sheets were read.")
    hidden = [each.name for each in book.sheets_metadata if str(each.visible) != "SheetVisibleEnum.Visible"]
    if hidden:
        problems.append(
            Problem("hidden_sheets", "The workbook has hidden sheets.", len(hidden), examples=tuple(hidden[:5]))
        )
    dialect = Workbook(
        kind,
        {sheet.table.name: sheet.header_rows for sheet in sheets if sheet.header_rows},
        {sheet.table.name: sheet.skip_rows for sheet in sheets if sheet.skip_rows},
    )
    return Description(
        wholeness,
        dialect,
        tables=tuple(sheet.table for sheet in sheets),
        problems=tuple(problems),
        is_all=not unread,
        unread=" ".join(unread),
    )


def _book(data: bytes) -> CalamineWorkbook:
    """Raises _Unreadable."""
    from python_calamine import CalamineWorkbook  # noqa: PLC0415  (heavy)

    try:
        return CalamineWorkbook.from_filelike(io.BytesIO(data))
    except BaseException as error:  # noqa: BLE001  (a panic of the library is no Exception)
        _pass_on(error)
        raise _Unreadable(_plain(error)) from None


def _sheet(book: CalamineWorkbook, name: str) -> CalamineSheet:
    """Raises _Unreadable."""
    try:
        return book.get_sheet_by_name(name)
    except BaseException as error:  # noqa: BLE001  (a panic of the library is no Exception)
        _pass_on(error)
        raise _Unreadable(_plain(error)) from None


def _pass_on(error: BaseException) -> None:
    """Raises what is no fault of the bytes."""
    if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
        raise error


def _too_large(kind: str, members: tuple[Held, ...], budget: Budget) -> str:
    """Why the parts are not unpacked; "" where they may be."""
    total_bytes = sum(member.size_bytes or 0 for member in members)
    if total_bytes > PARTS_BYTES_MAX:
        return f"The workbook unpacks to {total_bytes:,} bytes; more than 512 MiB are not read."
    for member in members:
        if member.contents is None:
            continue
        if kind == "xlsx" and _SHEET.match(member.name):
            cells = cells_of(member.contents, budget)
            if cells > CELLS_MAX:
                return f"{member.name} reaches over {cells:,} cells; more than {CELLS_MAX:,} are not read."
        if kind == "ods" and member.name == "content.xml" and are_too_many(repeats(member.contents, budget)):
            return "The spreadsheet repeats one cell so often that it is not read."
    return ""


def _notes(members: tuple[Held, ...]) -> Iterator[Problem]:
    names = [member.name for member in members]
    if any(name.endswith("vbaProject.bin") or name.startswith("Basic/") for name in names):
        yield Problem("macros", "The workbook holds macros: programs that run when it is opened.")
    outside = [name for name in names if name.startswith("xl/externalLinks/external")]
    if outside:
        yield Problem("external_links", "Cells refer to other workbooks, which are not here.", len(outside))


def _unreadable(kind: str, wholeness: Wholeness, problems: list[Problem], error: str) -> Description:
    if "assword" in error or "ncrypt" in error:
        problems.append(Problem("encrypted", "The workbook is under a password; without it nobody can read it."))
        return _unread(kind, wholeness, "It is under a password.", problems)
    sentence = f"The workbook cannot be read: {error}"
    problems.append(Problem("damaged_workbook", sentence))
    reasons = wholeness.reasons if wholeness.verdict is Completeness.SUSPECT else (sentence,)
    return _unread(kind, Wholeness(Completeness.SUSPECT, reasons), sentence, problems)


def _unread(kind: str, wholeness: Wholeness, why: str, problems: list[Problem] | None = None) -> Description:
    return Description(wholeness, Workbook(kind or "xlsx"), problems=tuple(problems or ()), is_all=False, unread=why)


def _batch(rows: list[list[str | None]], schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa  # noqa: PLC0415  (heavy)

    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _plain(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200] or type(error).__name__
