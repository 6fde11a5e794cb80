"""How the bytes of a file are written, in words: its encoding and its dialect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from headwater.formats.finding import Columnar, Csv, Dump, Finding, FixedWidth, Json, Workbook, Xml

_LIKELY: Final = 0.95
_SIGNS: Final = {
    "\t": "tab",
    " ": "blank",
    ",": "comma",
    ";": "semicolon",
    "|": "bar |",
    ":": "colon",
    "\n": "LF",
    "\r\n": "CR LF",
    "\r": "CR",
}


def written(finding: Finding) -> Iterator[tuple[str, str]]:
    """Names and values; an empty value is nothing to tell."""
    if finding.encoding is not None:
        encoding = finding.encoding
        guess = "not certain" if encoding.confidence >= _LIKELY else "a guess"
        sure = "" if encoding.is_certain else f" ({guess})"
        mark = ", with a byte order mark" if encoding.bom_bytes else ""
        yield "Encoding", f"{encoding.name}{mark}{sure}"
    match finding.dialect:
        case Csv() as csv:
            yield from _of_csv(csv)
        case FixedWidth() as fixed:
            yield "Fields", f"{len(fixed.fields)} of fixed width"
            yield "Before the data", _lines(fixed.skip_lines)
            yield "After the data", _lines(fixed.footer_rows)
        case Json() as json:
            yield (
                "Shape",
                {
                    "lines": "one value a line",
                    "array": "a list of records",
                    "concatenated": "one value after the other",
                    "wrapped": f"records in the list under {'.'.join(json.path)}",
                }.get(json.shape, "one document"),
            )
        case Xml() as xml:
            yield "Root", xml.root
            yield "Records", "/".join(xml.records)
        case Dump() as dump:
            yield "Written by", " ".join(filter(None, (dump.writer, dump.version)))
            yield "Database", dump.database
            yield "End mark", dump.end_mark
        case Columnar() as columnar:
            yield "Written by", columnar.created_by
            yield "Groups", "" if columnar.groups is None else f"{columnar.groups:,}"
            yield "Compression", ", ".join(columnar.compression)
        case Workbook() as book:
            yield "Workbook", book.kind_of_book


def _of_csv(csv: Csv) -> Iterator[tuple[str, str]]:
    yield "Delimiter", _SIGNS.get(csv.delimiter, csv.delimiter)
    escape = f", {csv.escape} before what is meant as it is" if csv.escape else ""
    yield "Quote", f"{csv.quote or 'none'}{escape}"
    yield "Line end", _SIGNS.get(csv.line_end, csv.line_end)
    yield "Before the header", _lines(csv.skip_lines)
    yield "Header", {0: "none", 1: "one row"}.get(csv.header_rows, f"{csv.header_rows} rows")
    count = "" if csv.footer_count is None else f"; it states {csv.footer_count:,} rows"
    yield "After the data", f"{_lines(csv.footer_rows)}{count}" if csv.footer_rows else ""
    yield "Empty is written", ", ".join(repr(text) for text in csv.null_texts if text)


def _lines(count: int) -> str:
    return f"{count:,} {'line' if count == 1 else 'lines'}" if count else ""
