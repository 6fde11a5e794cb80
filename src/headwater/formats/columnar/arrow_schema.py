"""Arrow's types in the words of a finding: what Parquet, ORC and Arrow files say of their columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from headwater.formats.finding import COLUMNS_MAX, Column, Problem, Type

if TYPE_CHECKING:
    import pyarrow as pa

_WRITTEN_CHARS_MAX: Final = 200
_EXAMPLES_MAX: Final = 5


def type_of(arrow: pa.DataType) -> Type:
    """The type of a column of this Arrow type."""
    import pyarrow.types as kinds  # noqa: PLC0415  (heavy)

    if kinds.is_dictionary(arrow):
        arrow = arrow.value_type
    if kinds.is_timestamp(arrow):
        return Type.TIMESTAMPTZ if arrow.tz else Type.TIMESTAMP
    for is_kind, kind in (
        (kinds.is_null, Type.NULL),
        (kinds.is_boolean, Type.BOOLEAN),
        (kinds.is_uint64, Type.DECIMAL),
        (kinds.is_integer, Type.INTEGER),
        (kinds.is_floating, Type.FLOAT),
        (kinds.is_decimal, Type.DECIMAL),
        (kinds.is_date, Type.DATE),
        (kinds.is_time, Type.TIME),
        (kinds.is_struct, Type.STRUCT),
        (kinds.is_map, Type.STRUCT),
        (kinds.is_nested, Type.LIST),
        (_is_bytes, Type.BINARY),
    ):
        if is_kind(arrow):
            return kind
    return Type.TEXT


def columns_of(schema: pa.Schema) -> tuple[Column, ...]:
    """The columns of a schema, at most COLUMNS_MAX of them."""
    return tuple(column_of(schema.field(number)) for number in range(min(len(schema), COLUMNS_MAX)))


def column_of(field: pa.Field) -> Column:
    """The column of a field."""
    return Column(field.name, type_of(field.type), str(field.type)[:_WRITTEN_CHARS_MAX])


def schema_problems(names: Iterable[str]) -> Iterator[Problem]:
    """Names that occur twice, and more columns than are described."""
    counts = Counter(names)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        yield Problem(
            "duplicate_names",
            "Columns have the same name; readers that go by names see only one of them, or refuse the file.",
            len(twice),
            examples=tuple(name[:80] for name in twice[:_EXAMPLES_MAX]),
        )
    total = sum(counts.values())
    if total > COLUMNS_MAX:
        yield Problem("too_many_columns", f"There are {total:,} columns; {COLUMNS_MAX:,} are described.")


def _is_bytes(arrow: pa.DataType) -> bool:
    import pyarrow.types as kinds  # noqa: PLC0415  (heavy)

    return any(
        is_kind(arrow)
        for is_kind in (kinds.is_binary, kinds.is_large_binary, kinds.is_fixed_size_binary, kinds.is_binary_view)
    )
