"""The types and statistics of ORC (Apache ORC specification, v1: Type Information, Column Statistics)."""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Callable
from typing import Final

from headwater.formats.columnar.protobuf import Fields, Malformed, fields_of, number, numbers, signed, texts
from headwater.formats.finding import COLUMNS_MAX, SAMPLE_CHARS_MAX, Column, Type

_KINDS: Final = (
    ("boolean", Type.BOOLEAN),
    ("tinyint", Type.INTEGER),
    ("smallint", Type.INTEGER),
    ("int", Type.INTEGER),
    ("bigint", Type.INTEGER),
    ("float", Type.FLOAT),
    ("double", Type.FLOAT),
    ("string", Type.TEXT),
    ("binary", Type.BINARY),
    ("timestamp", Type.TIMESTAMP),
    ("list", Type.LIST),
    ("map", Type.STRUCT),
    ("struct", Type.STRUCT),
    ("union", Type.JSON),
    ("decimal", Type.DECIMAL),
    ("date", Type.DATE),
    ("varchar", Type.TEXT),
    ("char", Type.TEXT),
    ("timestamp with local time zone", Type.TIMESTAMPTZ),
)
_Say = Callable[[int | bytes], str | None]
_STRUCT: Final = 12
_DEPTH_MAX: Final = 5
_DAY: Final = dt.date(1970, 1, 1).toordinal()


def columns_of(footer: Fields) -> tuple[Column, ...]:
    """The columns of a footer with their statistics. Raises Malformed."""
    types = [fields_of(data) for data in texts(footer, 4)]
    if not types:
        raise Malformed
    statistics = texts(footer, 7)
    rows = number(footer, 6)
    if number(types[0], 1) != _STRUCT:
        return (_column("value", types, 0, statistics, rows),)
    names, places = texts(types[0], 3), numbers(types[0], 2)
    if len(names) != len(places):
        raise Malformed
    return tuple(
        _column(name.decode("utf-8", "replace"), types, place, statistics, rows)
        for name, place in list(zip(names, places, strict=True))[:COLUMNS_MAX]
    )


def _column(name: str, types: list[Fields], place: int, statistics: list[bytes], rows: int) -> Column:
    if place >= len(types):
        raise Malformed
    _, kind = _kind(types[place])
    found = fields_of(statistics[place]) if place < len(statistics) else {}
    counted = number(found, 1, -1)
    low, high = _bounds(found, kind)
    nulls = rows - counted if 0 <= counted <= rows and kind not in {Type.LIST, Type.STRUCT} else None
    return Column(name, kind, _written(types, place, 0)[:200], nulls=nulls, min=low, max=high)


def _kind(fields: Fields) -> tuple[str, Type]:
    kind = number(fields, 1)
    return _KINDS[kind] if kind < len(_KINDS) else (f"kind {kind}", Type.BINARY)


def _written(types: list[Fields], place: int, depth: int) -> str:
    """A type as Hive writes it."""
    if place >= len(types):
        raise Malformed
    fields = types[place]
    name, kind = _kind(fields)
    inner = numbers(fields, 2)[:20]
    if kind is Type.DECIMAL:
        return f"decimal({number(fields, 5)},{number(fields, 6)})"
    if not inner or depth >= _DEPTH_MAX:
        return f"{name}({number(fields, 4)})" if number(fields, 4) else name
    parts = [_written(types, each, depth + 1) for each in inner if each > place]
    names = texts(fields, 3)
    if names:
        parts = [f"{each.decode('utf-8', 'replace')}:{part}" for each, part in zip(names, parts, strict=False)]
    return f"{name}<{','.join(parts)}>"


def _bounds(found: Fields, kind: Type) -> tuple[str | None, str | None]:
    """The least and the greatest value as text."""
    if kind is Type.INTEGER:
        return _pair(found, 2, lambda value: str(signed(value)) if isinstance(value, int) else None)
    if kind is Type.FLOAT:
        return _pair(found, 3, _double)
    if kind is Type.TEXT:
        return _pair(found, 4, _text)
    if kind is Type.DECIMAL:
        return _pair(found, 6, _text)
    if kind is Type.DATE:
        return _pair(found, 7, _date)
    return None, None


def _pair(found: Fields, field: int, say: _Say) -> tuple[str | None, str | None]:
    inner = texts(found, field)
    if not inner:
        return None, None
    bounds = fields_of(inner[-1])
    low, high = bounds.get(1), bounds.get(2)
    return (say(low[-1]), say(high[-1])) if low and high else (None, None)


def _double(value: int | bytes) -> str | None:
    is_double = isinstance(value, bytes) and len(value) == 8  # noqa: PLR2004  (64 bits)
    return str(struct.unpack("<d", value)[0]) if isinstance(value, bytes) and is_double else None


def _text(value: int | bytes) -> str | None:
    return value.decode("utf-8", "replace")[:SAMPLE_CHARS_MAX] if isinstance(value, bytes) else None


def _date(value: int | bytes) -> str | None:
    try:
        return dt.date.fromordinal(_DAY + signed(value)).isoformat() if isinstance(value, int) else None
    except (ValueError, OverflowError):
        return None
