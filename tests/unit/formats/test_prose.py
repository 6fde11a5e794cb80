"""What people and programs write for each other is no table, though it has tables, lists and commas in it."""

from __future__ import annotations

import pytest

from headwater.formats.detect import detect
from headwater.formats.examine import ends_of
from headwater.testing.memory_ranges import MemoryRanges

PIPES = "| id | name | price |\n|---|:---|---:|\n" + "".join(f"| {n} | thing {n} | {n}.5 |\n" for n in range(30))
OPTIONS = "Name | Meaning | Default\n---- | ------- | -------\n" + "".join(
    f"o{n} | option {n} | {n}\n" for n in range(30)
)
BARS = "id|name|price\n" + "".join(f"{n}|thing {n}|{n}.5\n" for n in range(30))
LICENCE = """Permission to use, copy, modify, and distribute this software for any
purpose with or without fee is hereby granted, provided that the above
copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF FITNESS.
IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY DAMAGES WHATSOEVER.
"""
NUMBERS = "".join(f"    ({n}, {n + 9}, {n % 3}),\n" for n in range(0, 900, 10))
NOT_TABLES = {
    "a README with a table": ("markdown", f"# Tool\n\nIt reads files, and says what they are.\n\n- fast\n\n{PIPES}"),
    "a page of options": ("markdown", f"# Tool\n\n## Options\n\n{OPTIONS}\n[Back to the top](#tool)\n"),
    "a README with code": (
        "markdown",
        "# Tool\n\n```sh\nread a, b, c\nread d, e, f\n```\n\n```\nx, y, z\nu, v, w\n```\n",
    ),
    "a licence": ("text", LICENCE),
    "a page with directives": (
        "text",
        ".. |Alpha|  unicode:: U+0391 .. CAPITAL\n.. |beta|   unicode:: U+03B2 .. SMALL\n" * 9,
    ),
    "numbers in Python": ("python", f"# made by a script\n\nfrom cells import Table\n\nTABLE = Table(\n{NUMBERS})\n"),
    "numbers in C": ("source", "static const uint8_t TABLE[] = {\n" + "    0x00, 0x01, 0x02, 0x03,\n" * 60 + "};\n"),
    "bytes in Go": ("source", "package table\n\nvar bytes = []byte{\n" + "\t0x0a, 0x22, 0x67, 0x72,\n" * 60 + "}\n"),
    "macros": ("source", "".join(f"#define CALL_{n} {n}\n" for n in range(40))),
    "JavaScript in one line": ("javascript", 'window.ITEMS = {"constant":["A","B","C"],"fn":["d","e","f"]};\n'),
    "packages under comments": ("text", "# deps\nduckdb==1.0\npolars>=1\n# test\npytest\n"),
    "hosts under comments": ("text", "# this one\n127.0.0.1 localhost\n# others\n10.0.0.1 db\n"),
    "headings that stand apart": ("markdown", "# Note\n\nSome words here.\n\n# Other\n\nmore\n"),
    "a log": ("log", "".join(f"agent 2026-11-30 10:00:{n:02}: run{' with it,' * (n % 3)} done\n" for n in range(20))),
}
TABLES = {
    "a ruled table": PIPES,
    "a ruled table without bars around it": OPTIONS,
    "a ruled table under its title": f"# Prices\n\n{PIPES}",
    "bars": BARS,
    "bars under comments": f"# exported by the plant\n# on 2026-11-30, and not to be given to any other\n\n{BARS}",
    "sentences between tabs": "the first is what it was\tand this is for the other.\n" * 20,
    "sentences in quotes": "id,text\n" + '1,"it is good and it was\nwhat we liked of the year. It is\nthe best"\n' * 20,
    "sentences with commas in them": "text;label\n" + "it is good, and it was what we liked of all.;1\n" * 20,
    "a table under a notice": f"{LICENCE}\n{BARS}",
    "a header of the words of programs": "package type,import date,const\n" + "1,2026-11-30,3\n" * 20,
    "a host and a time first": "agent 2026-11-30 10:00:00,1,2\n" * 20,
}


def _best(text: str) -> str:
    return detect(ends_of(MemoryRanges(text.encode())))[0].value


@pytest.mark.parametrize("name", NOT_TABLES)
def test_what_is_written_for_people_or_compilers_is_no_table(name):
    """Pages, licences, sources and logs are called what they are, whatever tables and commas stand in them."""
    kind, text = NOT_TABLES[name]
    assert _best(text) == kind


@pytest.mark.parametrize("name", TABLES)
def test_a_table_stays_one_whatever_is_written_in_it(name):
    """Neither a ruling, nor a title, nor comments, nor sentences in its fields make a table a text."""
    assert _best(TABLES[name]) == "csv"


def test_why_it_is_no_table_is_said():
    """A README is called Markdown surely, because of a ruled table among text, and the table is told as well."""
    best, *others = detect(ends_of(MemoryRanges(NOT_TABLES["a README with a table"][1].encode())))
    assert best.confidence > 0.95
    assert "a table as Markdown rules them" in best.evidence[0]
    assert "csv" in {other.value for other in others}


@pytest.mark.parametrize(
    "line", [" " * 8000 + "(),x", "<!-- -->" * 2000, "(function" + " " * 16_000, "a:" + " " * 16_000]
)
def test_no_line_is_gone_over_again_and_again(line):
    """What patterns could be led astray by, blanks and marks without end, is told at once (else this does not end)."""
    assert detect(ends_of(MemoryRanges(f"{line}x\nb\nc\n".encode())))[0].value in {"text", "html", "csv", "yaml"}
