"""What changed in a feed: a finding beside the earlier ones of the same feed, one sentence a change.

A feed may hold several files a day (`orders_2026-11-30.csv`, `customers_2026-11-30.csv`). A finding is compared with
the newest sound one whose name is alike but for digits; where there is none, with the newest one's format alone.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final

import msgspec

from headwater.formats.finding import PROBLEMS_MAX, Column, Csv, Finding, Problem, Table, Type, Wholeness
from headwater.formats.names import spoken
from headwater.terms import Completeness

HISTORY_MAX: Final = 30
"""How many earlier findings of a feed are looked at."""

SIZES_MIN: Final = 5
"""With fewer earlier sizes nothing is said about size."""

_FAR_BELOW: Final = 0.3  # of the smallest so far
_DEVIATIONS_MAX: Final = 6.0
_SPREAD_MIN: Final = 0.05  # of log size: sizes that were all alike may still differ so much
_ALIKE: Final = 0.6
_KNOWN_AS: Final = frozenset({"empty", "unknown"})


def with_drift(finding: Finding, history: Sequence[Finding]) -> Finding:
    """The finding with what changed since `history`, the earlier findings of its feed, newest first."""
    family = _family(finding.name)
    alike = [each for each in history[:HISTORY_MAX] if _family(each.name) == family]
    sound = [each for each in alike if each.wholeness.verdict is not Completeness.SUSPECT]
    other = next(iter(sound or alike), None)
    problems: list[Problem] = []
    if other is not None:
        problems += _changes(finding, other)
    elif history:
        problems += _format_changes(finding, history[0])
    doubts = list(_size_doubts(finding, [each.size_bytes for each in sound]))
    problems += doubts
    wholeness = finding.wholeness
    if doubts and wholeness.verdict is Completeness.PRESUMED:
        wholeness = Wholeness(Completeness.SUSPECT, tuple(each.sentence for each in doubts))
    return msgspec.structs.replace(finding, wholeness=wholeness, problems=(*problems, *finding.problems)[:PROBLEMS_MAX])


def _family(name: str) -> str:
    return re.sub(r"[0-9]+", "0", name.rpartition("/")[2].lower())


def _changes(finding: Finding, other: Finding) -> Iterator[Problem]:
    yield from _format_changes(finding, other)
    if finding.format != other.format or "empty" in {finding.format, other.format}:
        return
    yield from _dialect_changes(finding, other)
    before = {table.name: table for table in other.schema}
    now = {table.name: table for table in finding.schema}
    for name in now.keys() - before.keys():
        yield Problem("table_added", f"Table {name} is new.", table=name)
    for name in before.keys() - now.keys():
        yield Problem("table_gone", f"Table {name} is gone.", table=name)
    for name, table in now.items():
        if name in before and not _lost_header(finding, other):
            yield from _column_changes(table, before[name])


def _format_changes(finding: Finding, other: Finding) -> Iterator[Problem]:
    if finding.format != other.format and not _KNOWN_AS & {finding.format, other.format}:
        yield Problem(
            "format_changed",
            f"This is {spoken(finding.format)}; earlier files of this feed were {spoken(other.format)}. "
            "Engines that read the whole feed fail on it.",
        )
    layers, before = ([layer.format for layer in each.layers] for each in (finding, other))
    if layers != before and "empty" not in {finding.format, other.format}:
        said = " in ".join(layers) or "not compressed"
        yield Problem("compression_changed", f"It is {said}; earlier it was {' in '.join(before) or 'not compressed'}.")


def _dialect_changes(finding: Finding, other: Finding) -> Iterator[Problem]:
    now, before = finding.dialect, other.dialect
    if isinstance(now, Csv) and isinstance(before, Csv):
        for code, what, new, old in (
            ("delimiter_changed", "delimiter", now.delimiter, before.delimiter),
            ("quote_changed", "quote", now.quote, before.quote),
            ("line_end_changed", "line end", now.line_end, before.line_end),
            ("preamble_changed", "number of lines before the header", now.skip_lines, before.skip_lines),
        ):
            if new != old:
                yield Problem(code, f"The {what} changed from {_quoted(old)} to {_quoted(new)}.")
        if _lost_header(finding, other):
            yield Problem("header_gone", "The header row is gone: the first line is data.")
        elif now.header_rows and not before.header_rows:
            yield Problem("header_added", "There is a header row now; earlier files had none.")
    if finding.encoding and other.encoding and finding.encoding.name != other.encoding.name:
        plain = {finding.encoding.name, other.encoding.name} <= {"ascii", "utf-8"}
        if not plain:
            yield Problem(
                "encoding_changed", f"The encoding changed from {other.encoding.name} to {finding.encoding.name}."
            )


def _lost_header(finding: Finding, other: Finding) -> bool:
    now, before = finding.dialect, other.dialect
    return isinstance(now, Csv) and isinstance(before, Csv) and not now.header_rows and bool(before.header_rows)


def _quoted(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    names = {"\t": "tab", "\n": "LF", "\r\n": "CR LF", "\r": "CR", "": "none", " ": "blank"}
    return names.get(value, value)


def _column_changes(table: Table, before: Table) -> Iterator[Problem]:
    now = {column.name: column for column in table.columns}
    old = {column.name: column for column in before.columns}
    added = [column for column in table.columns if column.name not in old]
    gone = [column for column in before.columns if column.name not in now]
    for new, earlier in _renamed(table, before, added, gone):
        added.remove(new)
        gone.remove(earlier)
        yield Problem(
            "column_renamed",
            f"Column {earlier.name} seems to be called {new.name} now: it has the same place and kind of values.",
            table=table.name,
            column=new.name,
        )
    for column in added:
        place = table.columns.index(column) + 1
        sentence = f"Column {column.name} is new: number {place} of {len(table.columns)}."
        yield Problem("column_added", sentence, table=table.name, column=column.name)
    for column in gone:
        yield Problem("column_gone", f"Column {column.name} is gone.", table=table.name, column=column.name)
    both = [column.name for column in table.columns if column.name in old]
    if both != [column.name for column in before.columns if column.name in now]:
        moved = _moved(both, [column.name for column in before.columns if column.name in now])
        yield Problem("column_moved", f"Columns stand in another order: {', '.join(moved[:5])}.", table=table.name)
    for name in both:
        if Type.NULL not in {now[name].type, old[name].type} and now[name].type is not old[name].type:
            sentence = f"Column {name} has values of type {now[name].type}; earlier they were {old[name].type}."
            yield Problem("type_changed", sentence, table=table.name, column=name)


def _renamed(table: Table, before: Table, added: list[Column], gone: list[Column]) -> list[tuple[Column, Column]]:
    """New and old column at the same place (or with names alike) and of the same type, where nothing else fits."""
    pairs: list[tuple[Column, Column]] = []
    for column in added:
        place = table.columns.index(column)
        same_place = len(table.columns) == len(before.columns)
        for earlier in gone:
            alike = SequenceMatcher(None, column.name.lower(), earlier.name.lower()).ratio() >= _ALIKE
            stands_there = same_place and before.columns.index(earlier) == place
            if column.type is earlier.type and (alike or stands_there) and earlier not in [old for _, old in pairs]:
                pairs.append((column, earlier))
                break
    return pairs


def _moved(now: Sequence[str], before: Sequence[str]) -> list[str]:
    """The names that keep no common order with the others."""
    kept: set[str] = set()
    for block in SequenceMatcher(None, list(before), list(now), autojunk=False).get_matching_blocks():
        kept.update(now[block.b : block.b + block.size])
    return [name for name in now if name not in kept]


def _size_doubts(finding: Finding, sizes: Sequence[int]) -> Iterator[Problem]:
    known = [math.log(size) for size in sizes if size > 0]
    if len(known) < SIZES_MIN or finding.format == "empty":
        return
    middle = statistics.median(known)
    spread = max(statistics.median(abs(each - middle) for each in known), _SPREAD_MIN)
    size = math.log(max(finding.size_bytes, 1))
    if finding.size_bytes < _FAR_BELOW * min(sizes) and (middle - size) / spread > _DEVIATIONS_MAX:
        yield Problem(
            "smaller_than_usual",
            f"It has {finding.size_bytes:,} bytes; the last {len(known)} files like it had {min(sizes):,} to "
            f"{max(sizes):,}.",
        )
