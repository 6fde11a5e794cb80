"""What looks like JSON or NDJSON, and what only begins like it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.formats.format import HEAD_BYTES, TAIL_BYTES, Ends
from headwater.formats.trees import json, ndjson

SURE = 0.5


def ends(data: bytes, name: str = "") -> Ends:
    """First and last bytes, as detection has them."""
    return Ends(data[:HEAD_BYTES], data[max(0, len(data) - TAIL_BYTES) :], len(data), name)


def best(data: bytes, name: str = "") -> str:
    """What the bytes look like most; nothing where neither is more likely than not."""
    found = [guess for module in (json, ndjson) if (guess := module.recognise(ends(data, name))) is not None]
    found = [guess for guess in found if guess.confidence > SURE]
    return max(found, key=lambda guess: guess.confidence).value if found else ""


LONG = b'{"a":"' + b"x" * 300_000 + b'"}'


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b'{"a":1}\n{"a":2}\n', "ndjson"),
        (b'\xef\xbb\xbf{"a":1}\r\n{"a":2}\r\n', "ndjson"),
        (b'{"a":1}\n\n{"a":2}\n{"a":tru}\n{"a":4}\n{"a":5}', "ndjson"),
        (b"[1,2]\n[3,4]\n", "ndjson"),
        ('{"a":1}\n{"a":2}\n'.encode("utf-16"), "ndjson"),
        (LONG + b"\n" + b'{"b":1}\n', "ndjson"),
        (b"{'a': 1, 'b': None}\n{'a': 2, 'b': True}\n", "ndjson"),
        (b'[{"a":1},\n{"a":2}]', "json"),
        (b'{"a":1}', "json"),
        (b'{\n  "a": [\n    {"b": 1}\n  ]\n}\n', "json"),
        (b"[]", "json"),
        (b'"a text"', "json"),
        (LONG, "json"),
        (b"[" + LONG + b"," + LONG + b"]", "json"),
        (b'{"a":1}{"a":2}', "json"),
        (b'\x1e{"a":1}\n', "json"),
        (b"{ // comment\n a: 1 }", "json"),
        (b'[{"a":1}]\0\0\0\0', "json"),
        (b'[{"a":"cut in the mid', "json"),
        (b'"a","b"\n"1","2"\n', ""),
        (b'"a"\n"b"\n', ""),
        (b"1,2\n3,4\n", ""),
        (b"42\n", ""),
        (b"[section]\nkey=value\n", ""),
        (b"[true]\nkey=value\n", ""),
        (b'2026-01-01 INFO {"a":1}\n2026-01-01 INFO {"a":2}\n', ""),
        (b'[2026-01-01 10:00:00] {"a":1}\n[2026-01-01 10:00:01] {"a":2}\n', ""),
        (b"[link](https://example.com) in a text\n", ""),
        (b"{1,2,3}\n{4,5,6}\n", ""),
        (b"{\\rtf1\\ansi hello}", ""),
        (b"{{ template }}\n", ""),
        (b"{% extends 'x' %}\n", ""),
        (b"body { color: red }\n", ""),
        (b"-- SQL\nSELECT 1;\n", ""),
        (b"", ""),
    ],
)
def test_kinds(data, kind):
    """Each is told for what it is."""
    assert best(data) == kind


def test_the_name_decides_what_bytes_leave_open():
    """One object on one line is JSON, unless its name says that more lines would follow."""
    assert (best(b'{"a":1}\n', "x.json"), best(b'{"a":1}\n', "x.ndjson"), best(b'{"a":1}\n', "x.jsonl")) == (
        "json",
        "ndjson",
        "ndjson",
    )


def test_lines_longer_than_the_head():
    """Where neither end shows a whole line, it looks like one document, but for its name."""
    data = LONG + b"\n" + LONG + b"\n"
    assert (best(data), best(data, "x.jsonl")) == ("json", "ndjson")


def test_no_cut_of_a_head_is_unlike_json():
    """A head that ends anywhere in a document still looks like JSON."""
    data = b'{"k\\"ey": [1.5e3, -2, true, null, "\\u00e4", {"b": {}}], "c": "\xc3\xa4"}'
    for size in range(3, len(data)):
        found = json.recognise(Ends(data[:size], b"", None))
        assert found is not None, data[:size]
        assert found.confidence > SURE


@given(st.binary(max_size=300) | st.text("{}[]\",:\\\n 0a/*'", max_size=300).map(str.encode))
def test_recognise_never_raises(data):
    """Any bytes at all have an answer."""
    for module in (json, ndjson):
        module.recognise(ends(data))
        module.recognise(Ends(data, b"", None))


def test_random_bytes_are_no_json():
    """Noise is not taken for JSON."""
    chance = random.Random(1)
    assert [data for _ in range(300) if best(data := chance.randbytes(200))] == []
