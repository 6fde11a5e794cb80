"""XML against what chance makes: no exception, no cut that is proven, rows as described, wherever pieces end."""

from __future__ import annotations

from unittest.mock import patch
from xml.sax.saxutils import escape, quoteattr

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.formats.budget import Budget
from headwater.formats.finding import Description
from headwater.formats.format import Ends
from headwater.formats.trees import xml
from headwater.terms import Completeness
from headwater.testing.memory_ranges import MemoryRanges

NAMES = st.sampled_from(["a", "b", "row", "p:c", "ü"])
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=("Cc", "Cs")), max_size=6)
PARTS = [
    *("<a>", "</a>", "<b k='1'>", "</b>", "<b/>", "x", " ", "&amp;", "&x;", "<!--", "-->", "<![CDATA[", "]]>", "<?p"),
    *("?>", '<!DOCTYPE a [<!ENTITY x "y">', "]>", '<?xml version="1.0"?>', "<p:q xmlns:p='u'>", "\0", "\xff"),
]
NOISE = st.binary(max_size=150) | st.lists(st.sampled_from(PARTS), max_size=25).map(
    lambda parts: "".join(parts).encode("latin-1")
)
PIECES = st.integers(1, 64)


@st.composite
def elements(draw, level: int = 0) -> str:
    """A well-formed element."""
    name = draw(NAMES)
    attributes = "".join(f" {key}={quoteattr(draw(TEXTS))}" for key in draw(st.sets(st.sampled_from("kl"), max_size=2)))
    inner = [] if level > 3 else draw(st.lists(elements(level + 1), max_size=3))
    return f"<{name}{attributes}>{escape(draw(TEXTS))}{''.join(inner)}</{name}>"


DOCUMENTS = st.lists(elements(), max_size=4).map(lambda inner: f'<r xmlns:p="urn:p">{"".join(inner)}</r>'.encode())


def described(data: bytes, piece_bytes: int, breaks_at: int | None = None) -> Description:
    """What is said of these bytes."""
    ranges = MemoryRanges(data, piece_bytes=piece_bytes, breaks_at=breaks_at)
    with patch("headwater.formats.encodings.text_source.BLOCK_BYTES", piece_bytes):  # as it comes
        return xml.describe(ranges, Budget(1 << 40, 1e9, lambda: 0.0))


def but_bytes(found: Description) -> Description:
    """Without what is counted in the bytes alone: where the look ends early, that is of the blocks that were read."""
    problems = tuple(each for each in found.problems if each.code not in {"nul_bytes", "bad_encoding"})
    return msgspec.structs.replace(found, problems=problems, encoding=None)


def row_count(data: bytes, found: Description) -> int:
    """How many rows the batches have."""
    batches = xml.batches(MemoryRanges(data), found, "", Budget(1 << 40, 1e9, lambda: 0.0))
    return sum(batch.num_rows for batch in batches)


@settings(max_examples=60)
@given(NOISE, PIECES)
def test_noise_has_a_description(data, piece_bytes):
    """Any bytes are described, in pieces of any size alike, and have the rows that are said."""
    found = described(data, piece_bytes)
    assert but_bytes(found) == but_bytes(described(data, 1 << 20))
    xml.recognise(Ends(data, b"", None))
    rows = row_count(data, found)
    assert not found.tables or not found.tables[0].columns or rows == found.tables[0].rows


@settings(max_examples=60)
@given(DOCUMENTS, PIECES)
def test_documents_are_proven(data, piece_bytes):
    """Any well-formed document is proven, has no fault, and as many rows as are said."""
    found = described(data, piece_bytes)
    assert found.wholeness.verdict is Completeness.PROVEN
    assert {problem.code for problem in found.problems} <= {"other_records"}
    assert not found.tables[0].columns or row_count(data, found) == found.tables[0].rows


@settings(max_examples=60)
@given(DOCUMENTS, st.data(), PIECES)
def test_a_cut_document_is_suspect(data, chance, piece_bytes):
    """A document that is cut anywhere is suspect."""
    cut = data[: chance.draw(st.integers(1, len(data) - 1))]
    assert described(cut, piece_bytes).wholeness.verdict is Completeness.SUSPECT


@given(DOCUMENTS, st.data())
@settings(max_examples=50)
def test_bytes_that_break_off_are_suspect(data, chance):
    """Where the bytes cannot be had any more, the verdict is suspect."""
    at = chance.draw(st.integers(0, len(data) - 1))
    assert described(data, 16, breaks_at=at).wholeness.verdict is Completeness.SUSPECT
