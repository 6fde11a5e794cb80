from __future__ import annotations

import datetime as dt
import io
import random
import struct
import zipfile

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.formats.budget import Budget
from headwater.formats.detect import detect
from headwater.formats.examine import ends_of, examine
from headwater.formats.finding import Type
from headwater.formats.workbooks import workbook, workbook_limits
from headwater.terms import Completeness
from headwater.testing.memory_ranges import MemoryRanges

HEADER = ["id", "when", "price", "code", "open"]
ROWS = [[n, dt.datetime(2026, 1, 1) + dt.timedelta(hours=n), n * 1.5, f"{n:05}", n % 2 == 0] for n in range(200)]  # noqa: DTZ001


def budget():
    """A budget whose clock stands still."""
    return Budget(1 << 30, 60, lambda: 0.0)


def book(sheets):
    """A workbook of these rows by sheet."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    sink = io.BytesIO()
    made.save(sink)
    return sink.getvalue()


def ods(rows):
    """A small OpenDocument spreadsheet."""
    cells = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string" {more}><text:p>{text}</text:p></table:table-cell>'
            for text, more in row
        )
        + "</table:table-row>"
        for row in rows
    )
    content = (
        '<?xml version="1.0" encoding="UTF-8"?><office:document-content'
        ' xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
        ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
        ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
        f'<table:table table:name="Sheet">{cells}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    manifest = (
        '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        '<manifest:file-entry manifest:full-path="/" '
        'manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>'
    )
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", manifest)
    return sink.getvalue()


def compound(streams, sectors=4):
    """An OLE2 file with these stream names in its directory, and nothing in them."""
    table = [0xFFFFFFFD, 0xFFFFFFFE] + [0xFFFFFFFE] * (sectors - 2)
    header = bytearray(512)
    header[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    struct.pack_into("<3H", header, 24, 0x3E, 3, 0xFFFE)
    struct.pack_into("<2H", header, 30, 9, 6)
    struct.pack_into("<2I", header, 44, 1, 1)
    struct.pack_into("<109I", header, 76, 0, *[0xFFFFFFFF] * 108)
    entries = b""
    for name in ["Root Entry", *streams]:
        wide = name.encode("utf-16-le") + b"\0\0"
        entries += wide.ljust(64, b"\0") + struct.pack("<H", len(wide)) + bytes(62)
    fat = struct.pack("<128I", *table, *[0xFFFFFFFF] * (128 - len(table)))
    return bytes(header) + fat + entries.ljust(512, b"\0")[:512] + bytes(512 * (sectors - 2))


DATA = book({"Data": [["Report of January"], [], HEADER, *ROWS], "Notes": [["only text"]], "Empty": []})


def described(data):
    """What is said of these bytes."""
    return workbook.describe(MemoryRanges(data), budget())


def test_sheets():
    """Sheets are tables: the rows above the header are found, rows counted, columns typed."""
    assert detect(ends_of(MemoryRanges(DATA)))[0].value == "xlsx"
    found = described(DATA)
    assert found.wholeness.verdict is Completeness.PROVEN
    assert found.dialect.kind_of_book == "xlsx"
    assert (found.dialect.skip_rows, found.dialect.header_rows) == ({"Data": 2}, {"Data": 1, "Notes": 1})
    data, _, empty = found.tables
    assert (data.name, data.rows, empty.rows) == ("Data", 200, 0)
    assert [(column.name, column.type, column.written) for column in data.columns] == [
        ("id", Type.INTEGER, "number"),
        ("when", Type.TIMESTAMP, "date"),
        ("price", Type.DECIMAL, "number"),
        ("code", Type.TEXT, "text"),
        ("open", Type.BOOLEAN, "boolean"),
    ]
    assert found.is_all


def test_rows():
    """Rows come as texts in the order of the columns, numbers without a needless fraction."""
    found = described(DATA)
    rows = [row for each in workbook.batches(MemoryRanges(DATA), found, "Data", budget()) for row in each.to_pylist()]
    assert len(rows) == 200
    assert rows[3] == {"id": "3", "when": "2026-01-01 03:00:00", "price": "4.5", "code": "00003", "open": "false"}
    assert list(workbook.batches(MemoryRanges(DATA), found, "no such sheet", budget())) == []


def test_no_header():
    """A sheet of numbers alone has no header."""
    found = described(book({"s": [[1, 2], [3, 4]]}))
    assert found.dialect.header_rows == {}
    assert found.tables[0].rows == 2


def test_names_that_occur_twice():
    """A header may name two columns alike; that is said, with the sheet."""
    found = described(book({"s": [["id", "amount", "amount"], [1, 2.5, 3.5], [2, 4.5, 5.5]]}))
    assert found.dialect.header_rows == {"s": 1}
    assert [(problem.code, problem.table) for problem in found.problems] == [("duplicate_names", "s")]


def test_cut_anywhere():
    """Cut at 200 places, a workbook is suspect each time, and recognised as one where its names are there."""
    for place in random.Random(6).sample(range(40, len(DATA)), 200):
        assert described(DATA[:place]).wholeness.verdict is Completeness.SUSPECT, place
    assert detect(ends_of(MemoryRanges(DATA[: len(DATA) // 2])))[0].value == "xlsx"


def test_damage():
    """Damaged members of a workbook give a verdict and never raise."""
    chance = random.Random(8)
    for _ in range(60):
        wrong = bytearray(DATA)
        wrong[chance.randrange(len(DATA))] ^= 1 << chance.randrange(8)
        assert described(bytes(wrong)).wholeness.reasons


def test_far_away_cell(monkeypatch):
    """A sheet with one cell in the last corner is not laid out in memory."""
    made = openpyxl.Workbook()
    made.active["A1"], made.active["XFD1048576"] = 1, 2
    sink = io.BytesIO()
    made.save(sink)
    found = described(sink.getvalue())
    assert [problem.code for problem in found.problems] == ["too_large"]
    assert not found.is_all


def test_ods():
    """An OpenDocument spreadsheet is read alike; a cell that is repeated millions of times is not."""
    fine = ods([[("id", ""), ("town", "")], [("1", ""), ("Ulm", "")]])
    assert detect(ends_of(MemoryRanges(fine)))[0].value == "ods"
    found = described(fine)
    assert [column.name for column in found.tables[0].columns] == ["id", "town"]
    assert found.tables[0].rows == 1
    trap = ods([[("1", 'office:value="1" table:number-columns-repeated="16000000"')]])
    assert [problem.code for problem in described(trap).problems] == ["too_large"]


def test_old_workbooks():
    """Compound files are told apart by their streams, and their cuts are seen by their allocation table."""
    for name, kind in (("Workbook", "xls"), ("WordDocument", "doc"), ("__properties_version1.0", "msg")):
        assert detect(ends_of(MemoryRanges(compound([name]))))[0].value == kind
    assert detect(ends_of(MemoryRanges(compound(["EncryptedPackage", "EncryptionInfo"]))))[0].value == "ooxml_encrypted"
    whole = compound(["Workbook"], sectors=20)
    for place in range(600, len(whole), 97):
        assert described(whole[:place]).wholeness.verdict is Completeness.SUSPECT
    assert described(whole).wholeness.verdict is Completeness.PROVEN


def test_macros_and_hidden_sheets():
    """Macros and hidden sheets are said."""
    made = openpyxl.Workbook()
    made.create_sheet("Secret").sheet_state = "hidden"
    sink = io.BytesIO()
    made.save(sink)
    with zipfile.ZipFile(sink, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0")
    assert {problem.code for problem in described(sink.getvalue()).problems} == {"macros", "hidden_sheets"}


def test_examined():
    """A workbook is no archive: its finding has tables and rows."""
    finding = examine(MemoryRanges(DATA), budget, name="january.xlsx").finding
    assert (finding.format, finding.layers, finding.rows) == ("xlsx", (), 200)
    assert finding.problems == ()


def test_references():
    """The used range is measured by the cells that are there, not by what a sheet states of itself."""
    sheet = b'<dimension ref="A1:B2"/><row r="7"><c r="C7" t="n"><v>1</v></c></row>'
    assert workbook_limits.cells_of(MemoryRanges(sheet, piece_bytes=5), budget()) == 21


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_hostile_bytes_never_raise(data):
    """Whatever bytes are changed, there is a verdict."""
    wrong = bytearray(compound(["Workbook"], sectors=8))
    for _ in range(data.draw(st.integers(1, 8))):
        wrong[data.draw(st.integers(8, len(wrong) - 1))] = data.draw(st.integers(0, 255))
    assert described(bytes(wrong)).wholeness.reasons


@pytest.mark.parametrize("name", ["docx", "pptx", "jar", "epub", "odt"])
def test_other_zips(name):
    """Documents, books and programs are called what they are."""
    inside = {
        "docx": ["[Content_Types].xml", "word/document.xml"],
        "pptx": ["[Content_Types].xml", "ppt/presentation.xml"],
        "jar": ["META-INF/MANIFEST.MF", "a/B.class"],
        "epub": ["mimetype", "META-INF/container.xml"],
        "odt": ["mimetype", "content.xml"],
    }[name]
    first = {"epub": "application/epub+zip", "odt": "application/vnd.oasis.opendocument.text"}.get(name, "x")
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for place, member in enumerate(inside):
            archive.writestr(member, first if not place else "x")
    assert detect(ends_of(MemoryRanges(sink.getvalue())))[0].value == name
