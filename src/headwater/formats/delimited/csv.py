"""Delimited text (RFC 4180 and its kin): recognised, described, and its rows for engines that cannot read it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from headwater.formats.budget import Budget
from headwater.formats.delimited.csv_columns import columns_of, problems_of
from headwater.formats.delimited.csv_dialect import LINE_CHARS_MAX, LINES_JUDGED, Table, candidates, margin
from headwater.formats.delimited.csv_footer import FOOTER_ROWS_MAX, Footer, footer_of
from headwater.formats.delimited.csv_footer import Table as Above
from headwater.formats.delimited.csv_recognise import recognise
from headwater.formats.delimited.csv_rows import Row, RowReader
from headwater.formats.delimited.csv_shape import Shape, shape_of
from headwater.formats.delimited.csv_table import Pass, passed, pieces_of
from headwater.formats.delimited.csv_wholeness import End, wholeness_of
from headwater.formats.delimited.text_batches import batches_of, texts, without_last
from headwater.formats.encodings.passages import Passages, read_passages
from headwater.formats.finding import COLUMNS_MAX, Csv, Description, Encoding, Problem, Wholeness
from headwater.formats.finding import Table as Found
from headwater.ports.ranges import Ranges
from headwater.terms import Completeness

if TYPE_CHECKING:
    import pyarrow as pa

_HEAD_CHARS: Final = 256 * 1024
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_SEP: Final = re.compile(r"\ufeff?\"?sep=(.{1,3}?)\"?\r?", re.IGNORECASE)
_MIXED_FROM: Final = 0.02
_PADDED: Final = 0.9
_MARGIN_SURE: Final = 0.06
_STARTS_TRIED: Final = 50
_START_CHARS: Final = 8192
_ROWS_ALIKE: Final = 5


class Dialect(NamedTuple):
    """A dialect that was found, with its shape, and the other candidates."""

    csv: Csv
    shape: Shape
    ranked: list[Table]
    margin: float


def describe(ranges: Ranges, budget: Budget) -> Description:
    """As `Format.describe`. Texts up to 8 MiB are read whole and counted; of larger ones passages."""
    return described(read_passages(ranges, budget), budget)


def described(passages: Passages, budget: Budget) -> Description:
    """The description of a text that was read."""
    found = dialect_of(passages)
    is_end = passages.tail is passages.head
    pieces = _while_it_lasts(pieces_of(passages.head), budget)
    head = passed(pieces, found.csv, found.shape.width, is_end=is_end)
    if passages.is_whole and budget.is_spent:
        unread = f"Of the rows only the first {head.rows:,} were looked at; the budget ended there."
        passages = passages._replace(is_whole=False, is_end_read=False, unread=unread)
    end = head if is_end else _tail_pass(passages, found)
    is_counted = passages.is_whole
    footer = _footer(end, found, passages, is_counted=is_counted)
    rows = head.rows - footer.rows if is_counted else None
    columns = columns_of(head, found.shape.names, footer.rows if is_counted else 0, is_all=is_counted)
    strange = _without(head, footer if is_counted else Footer())
    dialect = msgspec.structs.replace(
        found.csv,
        footer_rows=footer.rows,
        footer_count=footer.stated,
        null_texts=tuple(dict.fromkeys(text for column in columns for text in column.null_texts)),
        short_rows=sum(count for width, count in strange.items() if width < found.shape.width),
        long_rows=sum(count for width, count in strange.items() if width > found.shape.width),
    )
    table = Found("", columns, rows)
    wholeness = _wholeness(passages, found, end, footer, rows)
    problems = [*_doubts(found), *problems_of(head, dialect, found.shape, footer, passages)]
    return Description(
        wholeness=wholeness,
        dialect=dialect,
        encoding=passages.encoding,
        tables=(table,),
        problems=(*passages.problems, *problems),
        is_all=passages.is_whole,
        unread=passages.unread,
    )


def _doubts(found: Dialect) -> Iterator[Problem]:
    """Another dialect that fits nearly as well."""
    if found.margin >= _MARGIN_SURE or len(found.ranked) < 2:  # noqa: PLR2004
        return
    first, second = (each.dialect.delimiter for each in found.ranked[:2])
    yield Problem(
        "dialect_unsure",
        f"The fields may be delimited by {second!r} as well as by {first!r}; both make tables of it.",
        examples=(repr(first), repr(second)),
    )


def _while_it_lasts(texts: Iterable[str], budget: Budget) -> Iterator[str]:
    for text in texts:
        yield text
        if not budget.has():
            return


def dialect_of(passages: Passages) -> Dialect:
    """The dialect in which a text is written."""
    head = passages.head[:_HEAD_CHARS]
    line_end = line_end_of(passages.texts())
    lines = lines_of(head)
    if len(lines) > 1 and len(passages.head) > _HEAD_CHARS:
        lines.pop()
    told = _SEP.fullmatch(lines[0]) if lines else None
    body = lines[1:] if told else lines
    sample = _sample(body, [lines_of(text)[1:-1] for text in (*passages.between, *_tails(passages))])
    ranked = candidates(sample)
    if told:
        ranked = [each for each in ranked if each.dialect.delimiter == told[1]] or ranked
    csv = ranked[0].dialect if ranked else Csv(",")
    width = _full_width(ranked[0], sample) if ranked else 1
    if line_end == "mixed" and csv.quote:
        inside = re.compile(f"{csv.quote}[^{csv.quote}]*(?:{csv.quote}|\\Z)")
        line_end = line_end_of([inside.sub("", passages.head)])
    csv = msgspec.structs.replace(csv, line_end=line_end)
    if ranked and not csv.pads and _is_padded(ranked[0].rows, width):
        csv = msgspec.structs.replace(csv, pads=True)
    shape = shape_of(body, csv, width)
    csv = msgspec.structs.replace(
        csv,
        skip_lines=shape.skip_lines + (1 if told else 0),
        header_rows=shape.header_rows,
        comment=shape.comment,
    )
    return Dialect(csv, shape, ranked, margin(ranked))


def _full_width(best: Table, lines: Sequence[str]) -> int:
    """The fields of most rows, also where lines were too long to be judged as a whole."""
    if max(map(len, lines)) <= LINE_CHARS_MAX:
        return best.width
    counts = Counter(line.count(best.dialect.delimiter) + 1 for line in lines)
    return min(COLUMNS_MAX, counts.most_common(1)[0][0])


def lines_of(text: str) -> list[str]:
    """The lines of a text, without their ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def line_end_of(texts: Sequence[str]) -> str:
    r"""How lines end: \n, \r\n, \r or mixed."""
    both = sum(text.count("\r\n") for text in texts)
    counts = Counter(
        {
            "\r\n": both,
            "\n": sum(text.count("\n") for text in texts) - both,
            "\r": sum(text.count("\r") for text in texts) - both - (1 if both and texts[-1].endswith("\r") else 0),
        }
    )
    usual, count = counts.most_common(1)[0]
    if not count:
        return "\n"
    others = [end for end, seen in counts.items() if end != usual and seen >= max(1, count * _MIXED_FROM)]
    return "mixed" if others else usual


def _tails(passages: Passages) -> list[str]:
    return [] if passages.tail is passages.head else [passages.tail]


def _sample(lines: Sequence[str], others: Sequence[Sequence[str]]) -> list[str]:
    """Lines to judge dialects by: the first, some from the midst, the last."""
    if len(lines) <= LINES_JUDGED:
        chosen = list(lines)
    else:
        part = LINES_JUDGED // 4
        middle = len(lines) // 2
        chosen = [*lines[: part * 2], *lines[middle : middle + part], *lines[-part:]]
    for other in others:
        chosen += other[: LINES_JUDGED // 4]
    return chosen


def _is_padded(rows: Sequence[Row], width: int) -> bool:
    cells = [cell for row in rows if len(row) == width for cell in row[1:] if cell.strip()]
    padded = sum(1 for cell in cells if cell[0] == " " or cell[-1] == " ")
    return bool(cells) and padded >= len(cells) * _PADDED


def _tail_pass(passages: Passages, found: Dialect) -> Pass:
    """The rows at the end, from a line on that begins a row: the passage may begin inside a quoted text."""
    csv = msgspec.structs.replace(found.csv, skip_lines=0, header_rows=0)
    width = found.shape.width
    ends = "\r" if csv.line_end == "\r" else "\n"
    at = 0
    for _ in range(_STARTS_TRIED):
        some = passed([passages.tail[at : at + _START_CHARS]], csv, width)
        first = some.kept[:_ROWS_ALIKE]
        if not csv.quote or all(len(row) == width for row in first):
            break
        at = passages.tail.find(ends, at) + 1
        if not at:
            break
    return passed(pieces_of(passages.tail[at:]), csv, width)


def _footer(end: Pass, found: Dialect, passages: Passages, *, is_counted: bool) -> Footer:
    if not passages.is_end_read or end.reader.is_open:
        return Footer()
    width = found.shape.width
    rows = list(end.last)
    body = [row for row in rows[:-FOOTER_ROWS_MAX] or end.kept if len(row) == width] or rows
    fills = sorted(sum(1 for cell in row if cell.strip()) for row in body)
    leading = Counter(row[0].strip() for row in end.kept[: max(0, end.rows - 5)] if row)
    short = sum(count for each, count in end.widths.items() if each != width)
    above = Above(
        width=width,
        filled=fills[len(fills) // 2] if fills else width,
        leading=frozenset(leading),
        rows=end.rows if is_counted else None,
        is_ragged=short > max(FOOTER_ROWS_MAX, end.rows * 0.2) or (short > 2 and short > end.rows * 0.3),  # noqa: PLR2004
        ends_line=passages.tail.endswith(("\n", "\r")),
    )
    return footer_of(rows, above)


def _without(end: Pass, footer: Footer) -> Counter[int]:
    """Rows by their number of fields, without the footer."""
    widths = Counter(end.widths)
    if footer.rows:
        widths.subtract(len(row) for row in list(end.last)[-footer.rows :])
    return widths


def _wholeness(passages: Passages, found: Dialect, end: Pass, footer: Footer, rows: int | None) -> Wholeness:
    if passages.broken is not None:
        return Wholeness(Completeness.SUSPECT, (passages.broken.sentence,))
    if not passages.is_end_read:
        return Wholeness(Completeness.PRESUMED, ("Its end was not looked at.",))
    last = list(end.last)[: len(end.last) - footer.rows]
    text = passages.tail
    width = found.shape.width
    short = sum(count for each, count in _without(end, footer).items() if each < width)
    is_crlf = found.csv.line_end == "\r\n"
    bare = text.rstrip("\x00")
    return wholeness_of(
        End(
            rows=rows,
            width=width,
            last=last[-1] if last else [],
            before=end.kept[-1000:-1] if len(end.kept) == end.rows else last[:-1],
            header_rows=found.csv.header_rows,
            footer=footer,
            ends_line=text.endswith(("\n", "\r", "\x1a")),
            has_line_ends="\n" in text or "\r" in text,
            is_half_line_end=is_crlf and text.endswith("\r"),
            is_in_quotes=end.reader.is_open,
            is_half_character=passages.is_half,
            nul_tail_bytes=len(text) - len(bare) if len(bare) < len(text) - 8 else 0,
            short_share=max(0, short - 1) / max(1, end.rows - footer.rows),
            size_bytes=passages.size_bytes,
        )
    )


def batches(ranges: Ranges, described: Description, table: str, budget: Budget) -> Iterator[pa.RecordBatch]:
    """As `Rows.batches`. Every column is text as written; rows that are too short are padded with nulls, of those that
    are too long the further fields are left out.
    """
    if table or not isinstance(described.dialect, Csv) or described.encoding is None or not described.tables:
        return
    names = [column.name for column in described.tables[0].columns]
    dialect = described.dialect
    reader = RowReader(dialect, columns=len(names))

    def rows() -> Iterator[Row]:
        for text in texts(ranges, described.encoding or Encoding("utf-8", 1.0), budget):
            yield from reader.feed(text)
        yield from reader.end()

    data = islice(rows(), dialect.header_rows, None)
    yield from batches_of(without_last(data, dialect.footer_rows), names)


__all__ = ["batches", "describe", "recognise"]
