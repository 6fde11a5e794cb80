"""The least and the greatest value of a column of Parquet, from the bytes in its statistics."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import struct
from typing import Final

from headwater.formats.columnar.parquet_schema import BOOLEAN, BYTES, DOUBLE, FIXED, FLOAT, INT32, INT64, INT96, Node
from headwater.formats.finding import SAMPLE_CHARS_MAX

Bound = bool | int | float | str | bytes | decimal.Decimal

_UNPACKED: Final = {BOOLEAN: "<?", INT32: "<i", INT64: "<q", FLOAT: "<f", DOUBLE: "<d"}
_DAY: Final = dt.date(1970, 1, 1).toordinal()
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_PER_SECOND: Final = {"millis": 1000, "micros": 1_000_000, "nanos": 1_000_000_000}


def bound(node: Node, data: bytes) -> Bound | None:
    """The value, comparable with others of its column; None where it cannot be read."""
    physical = node.physical
    if physical in _UNPACKED:
        return _number(node, data, _UNPACKED[physical])
    if physical == INT96 or node.logical in {"INTERVAL", "FLOAT16"}:
        return None
    if node.logical == "DECIMAL" and physical in {BYTES, FIXED}:
        return int.from_bytes(data, "big", signed=True) if len(data) <= 32 else None  # noqa: PLR2004  (76 digits)
    return data.decode("utf-8", "replace") if node.logical in {"STRING", "ENUM", "JSON"} else data


def _number(node: Node, data: bytes, layout: str) -> bool | int | float | None:
    if len(data) != struct.calcsize(layout):
        return None
    value: bool | int | float = struct.unpack(layout, data)[0]
    if node.is_unsigned_64 and isinstance(value, int):
        return value % (1 << 64)
    if isinstance(value, float):
        return None if math.isnan(value) else value + 0.0  # which makes 0.0 of -0.0
    return value


def spoken(node: Node, value: Bound) -> str | None:
    """The value as text, in the order of its type."""
    if node.logical == "UUID" and isinstance(value, bytes):
        return value.hex()
    if isinstance(value, bytes):
        return value.hex()[:SAMPLE_CHARS_MAX]
    if isinstance(value, int) and not isinstance(value, bool):
        return _whole(node, value)
    return str(value).lower() if isinstance(value, bool) else str(value)[:SAMPLE_CHARS_MAX]


def _whole(node: Node, value: int) -> str | None:
    try:
        if node.logical == "DECIMAL":
            return str(decimal.Decimal(value).scaleb(-node.scale))
        if node.logical == "DATE":
            return dt.date.fromordinal(_DAY + value).isoformat()
        if node.logical == "TIMESTAMP":
            per_second = _PER_SECOND[node.unit]
            moment = _EPOCH + dt.timedelta(microseconds=value * 1_000_000 // per_second)
            text = moment.replace(tzinfo=None).isoformat(sep=" ")
            return f"{text}+00:00" if node.is_utc else text
        if node.logical == "TIME":
            micros = value * 1_000_000 // _PER_SECOND[node.unit]
            return (_EPOCH + dt.timedelta(microseconds=micros)).time().isoformat()
    except (OverflowError, ValueError, KeyError, decimal.DecimalException):
        return None
    return str(value)
