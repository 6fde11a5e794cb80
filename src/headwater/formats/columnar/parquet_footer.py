"""What a Parquet footer says of its columns and of where their parts lie (parquet.thrift: FileMetaData)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from headwater.formats.budget import Budget
from headwater.formats.columnar.arrow_schema import schema_problems
from headwater.formats.columnar.parquet_schema import INT96, PHYSICAL, Node, columns_of, tree
from headwater.formats.columnar.parquet_values import Bound, bound, spoken
from headwater.formats.columnar.thrift import LIST, STRUCT, Compact, Malformed, Value
from headwater.formats.finding import COLUMNS_MAX, Column, Problem

_MAGIC_BYTES: Final = 4
_VERSION, _SCHEMA, _ROWS, _GROUPS, _CREATED_BY, _ENCRYPTION = 1, 2, 3, 4, 6, 8
_REQUIRED: Final = frozenset({_VERSION, _SCHEMA, _ROWS, _GROUPS})
_SIGNATURE_BYTES: Final = 28  # behind a footer that is signed, not encrypted
_CODECS: Final = ("uncompressed", "snappy", "gzip", "lzo", "brotli", "lz4", "zstd", "lz4_raw")
_GROUPS_MAX: Final = 1_000_000


@dataclass
class _Leaf:
    """What is gathered of one plain column over all row groups."""

    nulls: int | None = 0
    low: Bound | None = None
    high: Bound | None = None
    is_bounded: bool = True
    distinct: int | None = None


@dataclass
class Footer:
    """A footer that was read. `fault` says what is wrong with the places of its parts; "" where all lie inside.

    `first_page_at` is where the header of the first page lies. `is_all` says that every row group was looked at.
    """

    version: int = 0
    rows: int = 0
    created_by: str = ""
    is_encrypted: bool = False
    nodes: tuple[Node, ...] = ()
    leaves: list[Node] = field(default_factory=list)
    groups: int = 0
    empty_groups: int = 0
    group_rows: int = 0
    codecs: dict[str, None] = field(default_factory=dict)
    fault: str = ""
    first_page_at: int | None = None
    is_all: bool = True
    gathered: list[_Leaf] = field(default_factory=list)

    def columns(self) -> tuple[Column, ...]:
        """The columns with what their statistics say together."""
        found = columns_of(self.nodes)
        for number, node in enumerate(self.nodes[:COLUMNS_MAX]):
            if node.is_plain and self.groups and self.is_all:
                leaf = self.gathered[node.leaf]
                is_known = leaf.is_bounded and leaf.low is not None and leaf.high is not None
                found[number] = msgspec.structs.replace(
                    found[number],
                    nulls=leaf.nulls,
                    distinct=leaf.distinct if self.groups == 1 else None,
                    min=spoken(node, leaf.low) if is_known and leaf.low is not None else None,
                    max=spoken(node, leaf.high) if is_known and leaf.high is not None else None,
                )
        return tuple(found)

    def problems(self) -> Iterator[Problem]:
        """What readers stumble over though the file is whole."""
        yield from schema_problems(node.name for node in self.nodes)
        fine = [
            leaf.name
            for leaf in self.leaves
            if leaf.physical == INT96 or (leaf.unit == "nanos" and leaf.logical == "TIMESTAMP")
        ]
        if fine:
            sentence = "Times are written in billionths of a second (or as INT96), which some versions of Spark refuse."
            yield Problem("nanosecond_timestamps", sentence, len(fine), examples=tuple(name[:80] for name in fine[:5]))
        if self.empty_groups:
            yield Problem("empty_row_groups", "The file has row groups without rows.", self.empty_groups)


def read_footer(data: bytes, footer_at: int, budget: Budget) -> Footer:
    """Reads a footer that lies at `footer_at` of its file. Raises Malformed."""
    compact = Compact(data)
    footer = Footer()
    number = 0
    seen: set[int] = set()
    while True:
        number, kind = compact.field(number)
        if not kind:
            break
        seen.add(number)
        if number == _GROUPS and kind == LIST:
            if _SCHEMA not in seen:
                raise Malformed(compact.at)  # the schema comes before the row groups
            _read_groups(compact, footer, footer_at, budget)
            if not footer.is_all:
                break
        else:
            value = kind == 1 if kind <= 2 else compact.value(kind)  # noqa: PLR2004  (booleans have no bytes)
            _take(footer, number, value)
    if footer.is_all and (not seen >= _REQUIRED or len(data) - compact.at > _SIGNATURE_BYTES):
        raise Malformed(compact.at)
    if footer.is_all and not footer.fault and footer.group_rows != footer.rows:
        footer.fault = (
            f"Its row groups have {footer.group_rows:,} rows together, and the footer states {footer.rows:,}."
        )
    return footer


def _take(footer: Footer, number: int, value: Value) -> None:
    if number == _VERSION and isinstance(value, int):
        footer.version = value
    elif number == _SCHEMA and isinstance(value, list):
        footer.nodes = tree(value)
        footer.leaves = [leaf for node in footer.nodes for leaf in node.leaves()]
        footer.gathered = [_Leaf() for _ in footer.leaves]
    elif number == _ROWS and isinstance(value, int):
        footer.rows = value
    elif number == _CREATED_BY and isinstance(value, bytes):
        footer.created_by = value[:200].decode("utf-8", "replace")
    elif number == _ENCRYPTION:
        footer.is_encrypted = True


def _read_groups(compact: Compact, footer: Footer, footer_at: int, budget: Budget) -> None:
    size, kind = compact.elements()
    if kind != STRUCT and size:
        raise Malformed(compact.at)
    footer.groups = size
    for number in range(size):
        if not budget.has() or number >= _GROUPS_MAX:
            footer.is_all = False
            return
        _read_group(compact.struct(), footer, footer_at, number)


def _read_group(group: dict[int, Value], footer: Footer, footer_at: int, number: int) -> None:
    chunks, rows = group.get(1), group.get(3)
    if not isinstance(chunks, list) or not isinstance(rows, int) or rows < 0:
        raise Malformed(0)
    if len(chunks) != len(footer.leaves):
        footer.fault = f"Row group {number + 1} has {len(chunks):,} columns, and the schema {len(footer.leaves):,}."
        return
    footer.group_rows += rows
    footer.empty_groups += rows == 0
    for leaf, chunk, gathered in zip(footer.leaves, chunks, footer.gathered, strict=True):
        if not isinstance(chunk, dict):
            raise Malformed(0)
        metadata = chunk.get(3)
        if isinstance(metadata, dict):
            _look_at_place(footer, leaf, chunk, metadata, footer_at, number)
            _gather(leaf, gathered, metadata.get(12), rows)
        else:
            footer.is_encrypted = footer.is_encrypted or 8 in chunk  # noqa: PLR2004  (crypto_metadata)
            gathered.is_bounded, gathered.nulls = False, None


def _look_at_place(
    footer: Footer,
    leaf: Node,
    chunk: dict[int, Value],
    metadata: dict[int, Value],
    footer_at: int,
    number: int,
) -> None:
    codec, packed, start = metadata.get(4), metadata.get(7), metadata.get(9)
    if not isinstance(codec, int) or not isinstance(packed, int) or not isinstance(start, int):
        raise Malformed(0)
    footer.codecs[_CODECS[codec] if 0 <= codec < len(_CODECS) else f"codec {codec}"] = None
    if metadata.get(1) != leaf.physical and not footer.fault:
        spoken_type = PHYSICAL[leaf.physical or 0]
        footer.fault = f"Column {leaf.name} is {spoken_type} in the schema, and another type in row group {number + 1}."
    if chunk.get(1) or not metadata.get(5):  # the values lie in another file, or there are none
        return
    dictionary = metadata.get(11)
    if isinstance(dictionary, int) and 0 < dictionary < start:
        start = dictionary
    if not (_MAGIC_BYTES <= start <= start + packed <= footer_at) and not footer.fault:
        footer.fault = f"The values of column {leaf.name} in row group {number + 1} would lie outside of the file."
    if footer.first_page_at is None and start < footer_at:
        footer.first_page_at = start


def _gather(leaf: Node, gathered: _Leaf, statistics: Value | None, rows: int) -> None:
    found = statistics if isinstance(statistics, dict) else {}
    nulls, distinct = found.get(3), found.get(4)
    if gathered.nulls is not None:
        gathered.nulls = gathered.nulls + nulls if isinstance(nulls, int) and nulls >= 0 else None
    gathered.distinct = distinct if isinstance(distinct, int) and distinct > 0 else None
    is_number = leaf.physical is not None and leaf.physical <= 5 and not leaf.is_unsigned_64  # noqa: PLR2004  (DOUBLE)
    low = found.get(6, found.get(2) if is_number else None)
    high = found.get(5, found.get(1) if is_number else None)
    if not isinstance(low, bytes) or not isinstance(high, bytes):
        gathered.is_bounded = gathered.is_bounded and (nulls == rows)
        return
    lowest, highest = bound(leaf, low), bound(leaf, high)
    if lowest is None or highest is None:
        gathered.is_bounded = False
        return
    gathered.low = lowest if gathered.low is None else min(gathered.low, lowest)
    gathered.high = highest if gathered.high is None else max(gathered.high, highest)
