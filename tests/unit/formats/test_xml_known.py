"""Records of XML that are found without expat are what expat would have read."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.formats.finding import Description
from headwater.formats.trees.xml_known import Form
from tests.unit.formats.test_xml import described

PIECE_BYTES = 1_500
COUNT = 200
TEXTS = st.lists(st.sampled_from(["", "1", "Köln", "&amp;", "&#65;", ">", "]", "\r\n", "\x01", "x" * 101]), max_size=3)


def document(records: list[str], *, joint: str = "\n ", root: str = "rows") -> str:
    """An XML document of these records."""
    return f"<{root}>{joint}{joint.join(records)}{joint}</{root.split(maxsplit=1)[0]}>"


def plain(number: int) -> str:
    """A record like all others."""
    return f'<row n="{number}"><a>{number}</a><b>text {number % 7}</b></row>'


def assert_same(text: str) -> Description:
    """What is told is the same where no form is learnt, so that expat reads each record."""
    found = described(text, piece_bytes=PIECE_BYTES)
    with patch("headwater.formats.trees.xml_known._FORMS_MAX", 0):
        assert found == described(text, piece_bytes=PIECE_BYTES)
    return found


@pytest.mark.parametrize("joint", ["", "\n", "\n  ", "\r\n", " "])
@pytest.mark.parametrize(
    "odd",
    [
        *(
            "<row n='1'><a>1</a><b/></row>",
            '<row n="1"><b/></row>',
            "<row><a>x</a></row>",
            "<row/>",
            "<other>1</other>",
        ),
        *('<row n="1"><a>1</a><b>&lt;</b></row>', '<row n="1"><a>&#65;</a><b>]]</b></row>', "<!-- </row> -->"),
        *('<row n="1"><a>1</a><a>2</a></row>', '<row n="1"><a k="1">1</a><c><d>1</d></c></row>', "<![CDATA[</row>]]>"),
        *(
            '<row n=""><a></a><b></b></row>',
            '<row n="&quot;"><a>1</a><b>2\n3</b></row>',
            '<row n="1"> x <a>1</a></row>',
        ),
    ],
)
def test_a_record_that_is_not_like_the_others(joint, odd):
    """What differs in one record is told as if all had been read, and the records beside it are counted."""
    records = [plain(number) for number in range(COUNT)]
    records[150:150] = [odd]
    found = assert_same(document(records, joint=joint))
    assert not {"not_well_formed"} & {problem.code for problem in found.problems}


@pytest.mark.parametrize("joint", ["", "\n", "\n  ", "\r\n"])
@pytest.mark.parametrize("wrong", ["&", "<", "</b>", "]]>", "\x01", "\ufffe", "&x;", "</row></row>", "<!--"])
@pytest.mark.parametrize("place", [80, 199])
def test_what_is_wrong_has_its_line_and_column(joint, wrong, place):
    """An error behind records that were passed over is told at its own line and column."""
    records = [plain(number) for number in range(COUNT)]
    records[place] = records[place].replace("text", f"téxt{wrong}")
    assert_same(document(records, joint=joint))


def test_cut_behind_known_records():
    """A document that ends inside a record tells the number of the last whole one."""
    text = document([plain(number) for number in range(COUNT)])
    assert_same(text[: text.rindex("<b>")])


@pytest.mark.parametrize("root", ['rows xmlns="urn:d"', 'rows xmlns:o="urn:o" xmlns="urn:d"', "rows"])
def test_prefixes_that_mean_something_else_later(root):
    """A prefix that is declared anew inside of the document makes other columns."""
    records = [plain(number) for number in range(COUNT)]
    records[150:150] = [
        '<row xmlns="urn:e" n="1"><a>1</a><b>2</b></row>',
        '<row n="1"><o:a xmlns:o="urn:p">1</o:a></row>',
    ]
    assert_same(document(records, root=root))


def test_records_under_several_parents():
    """Where a parent ends, the records of the next are told apart by what the prefixes mean there."""
    group = document([plain(number).replace("b>", "o:b>") for number in range(40)], root="g")
    other = group.replace("<g", '<g xmlns:o="urn:p"')
    with patch("headwater.formats.trees.xml_describe._HEAD_BYTES", PIECE_BYTES):
        found = assert_same(f'<top xmlns:o="urn:o">{group * 3}{other}</top>')
    assert found.tables[0].rows == 160
    assert [column.name for column in found.tables[0].columns] == ["@n", "a", "b", "{urn:p}b"]


def test_what_is_written_like_records_elsewhere():
    """Only what lies under the path of the records is one, however much elsewhere is written like them."""
    records = [plain(number) for number in range(COUNT)]
    elsewhere = document(records[:90], root="else")
    found = assert_same(f"<top>{elsewhere}{document(records, root='rows')}\n{elsewhere}</top>")
    assert found.tables[0].rows == COUNT


@given(st.lists(TEXTS.map("".join), min_size=1, max_size=30), st.sampled_from(["", "\n", "\r\n\t"]))
@settings(max_examples=60, deadline=None)
def test_whatever_the_texts(texts, joint):
    """Whatever stands in the records, all is told as if expat had read each."""
    records = [plain(number) for number in range(60)]
    for number, text in enumerate(texts):
        records.insert(40 + number, f'<row n="{number}"><a>{text}</a>{"<b/>" * (number % 3 > 0)}</row>')
    assert_same(document(records, joint=joint))


def test_it_finds_records_up_to_one_that_differs():
    """A form finds all records from the first byte on that are written like it, and none behind another one."""
    form = Form("row", [("n", "@n", False)], [("a", "a", False), ("b", "b", True)], is_blank=False, tags={})
    run = form.find(b'<row n="1"><a>x</a></row>\n<row n="2"><a></a><b>y</b></row><row/><row n="3"><a>z</a></row>')
    assert run is not None
    assert (run.count, run.cells) == (2, 5)
    assert {name: list(values) for name, values in run.values.items()} == {"@n": ["1", "2"], "a": ["x"], "b": ["y"]}
    assert form.find(b"x" + run.data) is None
