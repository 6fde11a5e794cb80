"""Text of any encoding as UTF-8."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.formats.encodings.transcode import Utf8, Written, codec_of, written

CODECS = ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "cp1252", "shift_jis", "gb18030"]


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """These bytes in pieces."""
    return (data[at : at + size] for at in range(0, len(data), size))


@given(st.sampled_from(CODECS), st.text(st.characters(codec="ascii"), max_size=30), st.integers(1, 9))
def test_the_text_stays_the_text(codec, text, size):
    """Whatever the encoding and the pieces, what comes out is the text."""
    utf8 = Utf8(Written(codec))
    assert b"".join(utf8.pieces(pieces(text.encode(codec), size))).decode() == text
    assert (utf8.bad_count, utf8.bad_at, utf8.ends_inside) == (0, None, False)


@given(st.text(max_size=30), st.integers(1, 9), st.sampled_from(CODECS[:5]), st.booleans())
def test_unicode_stays_unicode(text, size, codec, has_mark):
    """All characters, also at the edges of pieces, and the mark is no part of them."""
    data = (("\ufeff" if has_mark else "") + text).encode(codec)
    mark = len("\ufeff".encode(codec)) if has_mark else 0
    utf8 = Utf8(Written(codec, mark))
    assert b"".join(utf8.pieces(pieces(data, size))).decode() == text


@given(st.binary(max_size=60), st.integers(1, 9))
def test_bad_bytes_are_as_python_replaces_them(data, size):
    """What is no UTF-8 becomes U+FFFD; the first place is told exactly."""
    utf8 = Utf8(Written())
    text = b"".join(utf8.pieces(pieces(data, size))).decode()
    assert text == data.decode("utf-8", "replace")
    sound = next(
        size for size in range(len(data), -1, -1) if data[:size].decode("utf-8", "ignore").encode() == data[:size]
    )
    assert utf8.bad_at == (None if sound == len(data) else sound)
    assert (utf8.bad_count > 0) is (sound < len(data))


def test_half_a_character_at_the_end_is_told():
    """A text that ends inside a character says so."""
    for codec, cut in (("utf-8", 1), ("utf-16-le", 1), ("shift_jis", 1)):
        utf8 = Utf8(Written(codec))
        list(utf8.pieces([b"", "a語".encode(codec)[:-cut]]))
        assert utf8.ends_inside, codec


@pytest.mark.parametrize(
    ("head", "codec"),
    [
        *((b"\xef\xbb\xbf{}", "utf-8"), (b"\xff\xfe{\0", "utf-16-le"), (b"\xfe\xff\0{", "utf-16-be"), (b"{}", "utf-8")),
        *((b"\xff\xfe\0\0{\0\0\0", "utf-32-le"), (b"{\0}\0", "utf-16-le"), (b"\0{\0}", "utf-16-be"), (b"", "utf-8")),
        *((b"\0\0\0{", "utf-32-be"), (b"{\0\0\0", "utf-32-le"), (b"\0\0\0\0", "utf-8"), (b"7", "utf-8")),
    ],
)
def test_the_first_bytes_tell(head, codec):
    """The mark, or where the zero bytes stand, tells which Unicode encoding it is."""
    assert written(head).codec == codec


@pytest.mark.parametrize(
    "name", ["rot13", "zlib", "idna", "unicode_escape", "hex", "x" * 100, "../../x", "", "undefined"]
)
def test_what_is_no_encoding_of_text(name):
    """A file cannot ask for a codec that is none of text."""
    assert codec_of(name) is None


def test_names_of_encodings():
    """Names as files write them are known."""
    names = {
        "ISO-8859-1": "iso8859-1",
        "windows-1252": "cp1252",
        "UTF8": "utf-8",
        "Shift_JIS": "shift_jis",
        "EUC-KR": "euc_kr",
    }
    assert {name: codec_of(name) for name in names} == names
