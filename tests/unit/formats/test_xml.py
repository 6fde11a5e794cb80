"""What is said of XML documents."""

from __future__ import annotations

import itertools
from unittest.mock import patch

import pytest

from headwater.formats.budget import Budget
from headwater.formats.finding import Description, Problem, Type, Xml
from headwater.formats.format import Ends
from headwater.formats.trees import xml
from headwater.terms import Completeness
from headwater.testing.memory_ranges import MemoryRanges

ROWS = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<!-- made by hand -->\n<rows at="2026">\n'
    b' <row id="1"><name>Ann</name><price cur="EUR">1.50</price><at>2026-01-01</at></row>\n'
    b' <row id="2"><name>B\xc3\xb6b &amp; Co</name><price cur="USD">2</price><sub><x>1</x><y/></sub></row>\n</rows>\n'
)
ATOM, OTHER = "http://www.w3.org/2005/Atom", "urn:other"


def budget(size_bytes: int = 1 << 40) -> Budget:
    """A budget that is not spent."""
    return Budget(size_bytes, 1e9, lambda: 0.0)


def described(data: bytes | str, *, piece_bytes: int = 1 << 20, breaks_at: int | None = None) -> Description:
    """What is said of these bytes."""
    data = data if isinstance(data, bytes) else data.encode()
    with patch("headwater.formats.encodings.text_source.BLOCK_BYTES", piece_bytes):  # as it comes
        return xml.describe(MemoryRanges(data, piece_bytes=piece_bytes, breaks_at=breaks_at), budget())


def rows_of(data: bytes | str) -> list[dict[str, str | None]]:
    """The rows of all batches."""
    ranges = MemoryRanges(data if isinstance(data, bytes) else data.encode())
    batches = xml.batches(ranges, xml.describe(ranges, budget()), "", budget())
    return list(itertools.chain.from_iterable(batch.to_pylist() for batch in batches))


def problem(found: Description, code: str) -> Problem:
    """The problem with a code; there is one."""
    (one,) = [each for each in found.problems if each.code == code]
    return one


def records(found: Description) -> str:
    """The path of the records, without namespaces."""
    assert isinstance(found.dialect, Xml)
    return "/".join(name.rpartition("}")[2] for name in found.dialect.records)


@pytest.mark.parametrize("piece_bytes", [1, 17, 1 << 20])
def test_rows(piece_bytes):
    """Attributes, elements and what lies in them become columns, with types, wherever the pieces end."""
    found = described(ROWS, piece_bytes=piece_bytes)
    (table,) = found.tables
    assert [(column.name, column.type, column.nulls) for column in table.columns] == [
        ("@id", Type.INTEGER, 0),
        ("name", Type.TEXT, 0),
        ("price", Type.DECIMAL, 0),
        ("price/@cur", Type.TEXT, 0),
        ("at", Type.DATE, 1),
        ("sub/x", Type.INTEGER, 1),
        ("sub/y", Type.NULL, 2),
    ]
    assert table.columns[3].path == ("price", "@cur")
    assert (table.rows, records(found), found.problems) == (2, "rows/row", ())
    assert (found.wholeness.verdict, found.is_all) == (Completeness.PROVEN, True)


def test_rows_as_texts():
    """The batches have the columns as described, with the texts as they stand."""
    assert rows_of(ROWS) == [
        {
            "@id": "1",
            "name": "Ann",
            "price": "1.50",
            "price/@cur": "EUR",
            "at": "2026-01-01",
            "sub/x": None,
            "sub/y": None,
        },
        {
            "@id": "2",
            "name": "Böb & Co",
            "price": "2",
            "price/@cur": "USD",
            "at": None,
            "sub/x": "1",
            "sub/y": None,
        },
    ]


def test_what_repeats_is_a_list():
    """An element that comes twice in any record is a list in all, also where the first records had it once."""
    once = "<r><n>1</n><tag>a</tag></r>"
    twice = '<r><n>2</n><tag>b</tag><tag k="v"><x>1</x><x>2</x></tag></r>'
    data = "<rs>" + once * 5_000 + twice + once + "</rs>"
    (table,) = described(data).tables
    assert [(column.name, column.type, column.nulls) for column in table.columns] == [
        ("n", Type.INTEGER, 0),
        ("tag", Type.LIST, 0),
    ]
    rows = rows_of(data)
    assert (rows[0]["tag"], rows[-2]["tag"]) == ('["a"]', '["b",{"@k":"v","x":["1","2"]}]')
    assert len(rows) == table.rows == 5_002


FEED = f'<feed xmlns="{ATOM}"><title>t</title><id>1</id><entry><a/></entry><entry><a/></entry></feed>'
RSS = "<rss><channel><title>t</title><item><a>1</a></item><item><a>2</a></item></channel></rss>"
SOAP = (
    '<s:Envelope xmlns:s="urn:s"><s:Header><id>1</id></s:Header><s:Body><R><row><a>1</a></row>'
    "<row><a>2</a></row></R></s:Body></s:Envelope>"
)


@pytest.mark.parametrize(
    ("data", "path", "rows"),
    [
        (FEED, "feed/entry", 2),
        (RSS, "rss/channel/item", 2),
        (SOAP, "Envelope/Body/R/row", 2),
        ("<orders><order><id>1</id><line><a>1</a></line></order><order><id>2</id></order></orders>", "orders/order", 2),
        ("<orders><order><id>1</id></order></orders>", "orders/order", 1),
        ("<entries><entry><id>1</id></entry></entries>", "entries/entry", 1),
        ("<values><v>1</v><v>2</v><v>3</v></values>", "values/v", 3),
        ("<config><host>a</host><port>1</port></config>", "", 1),
        ("<empty/>", "", 0),
    ],
)
def test_the_records_path(data, path, rows):
    """The element that repeats and holds the data is found, whatever stands around it."""
    found = described(data)
    assert (records(found), found.tables[0].rows) == (path, rows)
    assert len(rows_of(data)) == rows


def test_other_records_are_told():
    """What repeats beside the records is named with its count."""
    data = "<d>" + "<a><x>1</x><y>2</y></a>" * 5 + "<b><z>1</z></b>" * 4 + "</d>"
    found = described(data)
    assert records(found) == "d/a"
    assert "/d/b (4 times)" in problem(found, "other_records").sentence


def test_records_that_come_late_are_found(monkeypatch):
    """A long preamble does not hide the records: they are chosen again when most lies outside of the first choice."""
    monkeypatch.setattr("headwater.formats.trees.xml_describe._HEAD_BYTES", 1_000)
    rows = "<row><a>1</a><b>2</b></row>" * 20_000
    found = described("<d><head>" + "<h>x</h>" * 18_000 + f"</head><rows>{rows}</rows></d>", piece_bytes=1_000)
    assert (records(found), found.tables[0].rows) == ("d/rows/row", 20_000)


def test_namespaces():
    """Columns have local names, but where two namespaces share one; prefixes are told with what they stand for."""
    data = (
        f'<feed xmlns="{ATOM}" xmlns:o="{OTHER}"><entry><o:id>1</o:id><id>2</id><o:x o:k="3">4</o:x></entry>'
        f"<entry><id>5</id></entry></feed>"
    )
    found = described(data)
    assert isinstance(found.dialect, Xml)
    assert found.dialect.root == f"{{{ATOM}}}feed"
    assert found.dialect.namespaces == {"": ATOM, "o": OTHER}
    assert rows_of(data)[0] == {"id": "1", f"{{{ATOM}}}id": "2", "x": "4", "x/@k": "3"}
    assert found.tables[0].columns[0].path == (f"{{{OTHER}}}id",)


def test_a_prefix_without_a_namespace():
    """A document that forgets to declare a prefix is read by its plain names, and it is told."""
    found = described("<a><p:b><c>1</c></p:b><p:b><c>2</c></p:b></a>")
    assert (found.tables[0].rows, found.wholeness.verdict) == (2, Completeness.PROVEN)
    assert problem(found, "unbound_prefix").sentence
    assert rows_of("<a><p:b><c>1</c></p:b><p:b><c>2</c></p:b></a>") == [{"c": "1"}, {"c": "2"}]


@pytest.mark.parametrize(
    ("declared", "codec", "name", "disagrees"),
    [
        ("UTF-8", "utf-8", "utf-8", False),
        ("", "utf-8-sig", "utf-8", False),
        ("UTF-16", "utf-16", "utf-16", False),
        ("UTF-16", "utf-16-be", "utf-16-be", False),
        ("ISO-8859-1", "latin-1", "iso8859-1", False),
        ("windows-1252", "cp1252", "cp1252", False),
        ("Shift_JIS", "shift_jis", "shift_jis", False),
        ("GB18030", "gb18030", "gb18030", False),
        ("ISO-8859-1", "utf-8", "utf-8", True),
        ("UTF-8", "utf-16", "utf-16", True),
        ("UTF-16", "utf-8", "utf-8", True),
        ("UTF-8", "cp1252", "cp1252", True),
        ("no-such-thing", "utf-8", "utf-8", True),
        ("rot13", "utf-8", "utf-8", True),
    ],
)
def test_encodings(declared, codec, name, disagrees):
    """The text is read in the encoding that it has; where it declares another one, that is told."""
    text = "日本語" if codec in {"shift_jis", "gb18030"} else "Größe – „Straße“ Köln" if codec != "latin-1" else "Größe"
    declaration = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    found = described(f"{declaration}<a><b>{text}</b><b>{text}</b></a>".encode(codec))
    assert found.tables[0].columns[0].samples == (text,)
    assert found.encoding is not None
    assert found.encoding.name.startswith(name)
    assert ("encoding_disagrees" in {each.code for each in found.problems}) is disagrees


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BILLION = f'<!DOCTYPE a [<!ENTITY l0 "lol">{LAUGHS}]><a><b>&l9;</b><b k="&l9;">1</b></a>'
QUADRATIC = f'<!DOCTYPE a [<!ENTITY x "{"x" * 100_000}">]><a><b k="{"&x;" * 10_000}"/></a>'
PARAMETER = '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd">%p;]><a><b>2</b><b>1</b></a>'


@pytest.mark.parametrize(
    ("data", "codes", "value"),
    [
        (BILLION, {"entities", "entity_attack"}, None),
        (QUADRATIC, {"entities", "entity_attack"}, None),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a><b>&x;</b><b>1</b></a>', {"entities"}, (None, "1")),
        ('<!DOCTYPE a [<!ENTITY x "short">]><a><b>&x;</b><b>1</b></a>', {"entities"}, (None, "1")),
        (PARAMETER, {"entities"}, ("2", "1")),
        ('<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><a><b>&nbsp;</b><b>1</b></a>', {"entities"}, (None, "1")),
        ('<!DOCTYPE a PUBLIC "-//X//Y" "x.dtd"><a><b>2</b><b>1</b></a>', set(), ("2", "1")),
    ],
)
def test_entities_are_never_expanded(data, codes, value):
    """A document type is told, entities stay what they are, and what would grow ends the look at once."""
    found = described(data)
    assert {each.code for each in found.problems} == {"dtd", *codes}
    if value is None:
        assert not found.is_all
        assert found.wholeness.verdict is Completeness.SUSPECT
    else:
        assert tuple(row["#text"] for row in rows_of(data)) == value


@pytest.mark.parametrize(
    ("data", "code", "says"),
    [
        ("<a><b>1</c></a>", "not_well_formed", "line 1, column 10"),
        ("<a>\n<b>1 & 2</b></a>", "not_well_formed", "line 2, column"),
        ("<a><b>&nbsp;</b></a>", "not_well_formed", "not declared"),
        ('<a><b k="1" k="2"/></a>', "not_well_formed", "same attribute twice"),
        ("<a/><a/>", "many_documents", "another document"),
        ('<?xml version="1.0"?><a/>\n<?xml version="1.0"?><a/>', "many_documents", "another document"),
        ("<a/> and more", "junk_after_end", "something else"),
        ("<a/>" + "\0" * 100, "junk_after_end", "something else"),
        ("<a>" * 1_000_000, "deep_nesting", "1,000 deep"),
    ],
)
def test_what_is_wrong_is_said(data, code, says):
    """What is wrong is told where it is, and makes the verdict suspect."""
    found = described(data)
    assert says in problem(found, code).sentence
    assert found.wholeness.verdict is Completeness.SUSPECT


def test_rows_before_a_fault_are_counted():
    """The records that ended before a fault are there."""
    found = described("<r><x><a>1</a></x><x><a>2</a></x><x><a>3</b></x></r>")
    assert found.tables[0].rows == 2


@pytest.mark.parametrize("piece_bytes", [9, 1 << 20])
def test_no_cut_is_proven(piece_bytes):
    """A document that is cut anywhere before its last > is suspect, and tells what is open."""
    end = len(ROWS.rstrip())
    for size in range(1, end):
        found = described(ROWS[:size], piece_bytes=piece_bytes)
        assert found.wholeness.verdict is Completeness.SUSPECT, size
    assert (
        "inside <name> (open elements: rows, row, name)"
        in described(ROWS[: ROWS.index(b"nn</name>")]).wholeness.reasons[0]
    )


@pytest.mark.parametrize("behind", ["\n", "<!-- end -->\n", "<?pi x?>", "\r\n\r\n"])
def test_what_may_follow_the_end(behind):
    """White space, comments and instructions behind the root are no sign against it."""
    assert described("<a><b/></a>" + behind).wholeness.verdict is Completeness.PROVEN


def test_a_record_that_is_too_long(monkeypatch):
    """A record longer than is held is counted alone; the ones after it are read."""
    monkeypatch.setattr("headwater.formats.trees.xml_tree.RECORD_BYTES_MAX", 1_000_000)
    data = "<r><x><a>1</a></x><x>" + "<a>2</a>" * 400_000 + "</x><x><a>3</a></x></r>"
    found = described(data)
    assert (found.tables[0].rows, problem(found, "row_too_long").row) == (3, 2)
    assert found.wholeness.verdict is Completeness.PROVEN


LONG = ["x" * 3_000_000, "<![CDATA[" + "<" * 3_000_000 + "]]>", f"<!--{'-x' * 1_500_000}-->"]


@pytest.mark.parametrize("inner", LONG, ids=["text", "section", "comment"])
def test_a_text_without_end_is_not_held(monkeypatch, inner):
    """A text, a section or a comment longer than is held ends the look, and it is said."""
    monkeypatch.setattr("headwater.formats.trees.xml_tree.RECORD_BYTES_MAX", 1_000_000)
    monkeypatch.setattr("headwater.formats.trees.xml_reader.TAG_BYTES_MAX", 1_000_000)
    found = described(f"<r><x>1</x><x>{inner}</x><x>2</x></r>")
    assert problem(found, "row_too_long").sentence
    assert (found.is_all, found.wholeness.verdict) == (False, Completeness.SUSPECT)


def test_broken_bytes_and_spent_budgets():
    """Where bytes break off it is suspect; where the budget ends, nothing is claimed of the end."""
    data = b"<r>" + b"<x><a>1</a></x>" * 40_000 + b"</r>"
    broken = described(data, breaks_at=300_000)
    assert (broken.wholeness.verdict, broken.is_all) == (Completeness.SUSPECT, True)
    short = xml.describe(MemoryRanges(data, piece_bytes=100_000), budget(900_000))
    assert (short.wholeness.verdict, short.is_all) == (Completeness.PRESUMED, False)
    assert "only the first" in short.unread


@pytest.mark.parametrize(
    ("data", "is_xml"),
    [
        ('<?xml version="1.0"?><a/>', True),
        ("<rows><row>1</row></rows>", True),
        ("<!-- c --><rows><row>1</row>", True),
        ('<svg xmlns="http://www.w3.org/2000/svg"><path d="M0"/></svg>', True),
        ('<html xmlns="http://www.w3.org/1999/xhtml"><body/></html>', True),
        ("<!DOCTYPE gpx><gpx>", True),
        ('<r a="' + "x" * 100_000, True),
        ("<!DOCTYPE html><html><body>", False),
        ("<html><body><p>x<br></body></html>", False),
        ("<div>text</div>", False),
        ("<-- not xml", False),
        ("<1, 2>", False),
        ("a,b\n<1>,2\n", False),
        ("<email@example.com> wrote:", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
def test_recognise(data, is_xml, codec):
    """XML is known by its declaration or its first element; HTML and text are not taken for it."""
    raw = data.encode(codec)
    guess = xml.recognise(Ends(raw[: 64 * 1024], b"", len(raw)))
    assert (guess is not None and guess.confidence > 0.5) is is_xml
