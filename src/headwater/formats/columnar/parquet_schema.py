"""The schema of Parquet (apache/parquet-format, parquet.thrift and LogicalTypes.md) in the words of a finding."""

from __future__ import annotations

from typing import Final

import msgspec

from headwater.formats.columnar.thrift import Malformed, Value
from headwater.formats.finding import COLUMNS_MAX, Column, Type

DEPTH_MAX: Final = 100
BOOLEAN, INT32, INT64, INT96, FLOAT, DOUBLE, BYTES, FIXED = range(8)
PHYSICAL: Final = ("BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")

_WRITTEN_CHARS_MAX: Final = 200
_REPEATED: Final = 2
_OF_PHYSICAL: Final = {
    BOOLEAN: Type.BOOLEAN,
    INT32: Type.INTEGER,
    INT64: Type.INTEGER,
    INT96: Type.TIMESTAMP,
    FLOAT: Type.FLOAT,
    DOUBLE: Type.FLOAT,
}
_LOGICAL: Final = {
    1: "STRING",
    2: "MAP",
    3: "LIST",
    4: "ENUM",
    5: "DECIMAL",
    6: "DATE",
    7: "TIME",
    8: "TIMESTAMP",
    10: "INTEGER",
    11: "UNKNOWN",
    12: "JSON",
    13: "BSON",
    14: "UUID",
    15: "FLOAT16",
    16: "VARIANT",
    17: "GEOMETRY",
    18: "GEOGRAPHY",
}
_CONVERTED: Final = {
    0: "STRING",
    1: "MAP",
    2: "MAP",
    3: "LIST",
    4: "ENUM",
    5: "DECIMAL",
    6: "DATE",
    7: "TIME",
    8: "TIME",
    9: "TIMESTAMP",
    10: "TIMESTAMP",
    19: "JSON",
    20: "BSON",
    21: "INTERVAL",
    **dict.fromkeys(range(11, 19), "INTEGER"),
}
_OF_LOGICAL: Final = {
    "STRING": Type.TEXT,
    "ENUM": Type.TEXT,
    "JSON": Type.TEXT,
    "UUID": Type.TEXT,
    "DECIMAL": Type.DECIMAL,
    "DATE": Type.DATE,
    "TIME": Type.TIME,
    "FLOAT16": Type.FLOAT,
    "UNKNOWN": Type.NULL,
    "VARIANT": Type.JSON,
    "MAP": Type.STRUCT,
    "LIST": Type.LIST,
    "INTEGER": Type.INTEGER,
}
_UNITS: Final = {1: "millis", 2: "micros", 3: "nanos"}
_CONVERTED_UNITS: Final = {7: "millis", 8: "micros", 9: "millis", 10: "micros"}
_UNSIGNED_64: Final = 14


class Node(msgspec.Struct, frozen=True):
    """An element of the schema. `physical` is None for a group; `unit` of times; `leaf` counts plain columns from 0."""

    name: str
    physical: int | None
    logical: str
    children: tuple[Node, ...]
    leaf: int
    is_repeated: bool = False
    unit: str = ""
    is_utc: bool = False
    scale: int = 0
    precision: int = 0
    is_unsigned_64: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it holds one value a row."""
        return self.physical is not None and not self.is_repeated

    def leaves(self) -> list[Node]:
        """All plain columns below it, in order."""
        return [self] if self.physical is not None else [leaf for child in self.children for leaf in child.leaves()]

    def type(self) -> Type:
        """What a value of it is."""
        if self.is_repeated:
            return Type.LIST
        if self.logical == "TIMESTAMP":
            return Type.TIMESTAMPTZ if self.is_utc else Type.TIMESTAMP
        if self.is_unsigned_64:
            return Type.DECIMAL
        if self.logical in _OF_LOGICAL:
            return _OF_LOGICAL[self.logical]
        return Type.STRUCT if self.physical is None else _OF_PHYSICAL.get(self.physical, Type.BINARY)

    def written(self, depth: int = 0) -> str:
        """Its type as Parquet has it."""
        if self.logical == "LIST" and len(self.children) == 1 and len(self.children[0].children) == 1:
            text = f"list<{self.children[0].children[0].written(depth + 1)}>"
        elif self.physical is None:
            inside = ", ".join(f"{child.name}: {child.written(depth + 1)}" for child in self.children[:20])
            name = (self.logical or "group").lower()
            text = f"{name}<{inside}>" if depth < 4 else name  # noqa: PLR2004  (deep enough to read)
        else:
            details = [self.unit] if self.unit else []
            details += ["UTC"] if self.is_utc else []
            details += [str(self.precision), str(self.scale)] if self.logical == "DECIMAL" else []
            detail = f"({', '.join(details)})" if details else ""
            text = " ".join(filter(None, (PHYSICAL[self.physical], self.logical + detail)))
        return (f"repeated {text}" if self.is_repeated else text)[:_WRITTEN_CHARS_MAX]


def tree(elements: list[Value]) -> tuple[Node, ...]:
    """The columns under the root, from the flat list of the footer. Raises Malformed."""
    reader = _Tree(elements)
    root = reader.element()
    nodes = tuple(reader.node(1) for _ in range(_number(root, 5)))
    if reader.at != len(elements):
        raise Malformed(reader.at)
    return nodes


def column_of(node: Node) -> Column:
    """The column of a node directly under the root."""
    return Column(node.name, node.type(), node.written())


def columns_of(nodes: tuple[Node, ...]) -> list[Column]:
    """At most COLUMNS_MAX of them."""
    return [column_of(node) for node in nodes[:COLUMNS_MAX]]


class _Tree:
    def __init__(self, elements: list[Value]) -> None:
        self._elements = elements
        self._leaves = 0
        self.at = 0

    def element(self) -> dict[int, Value]:
        if self.at >= len(self._elements):
            raise Malformed(self.at)
        element = self._elements[self.at]
        self.at += 1
        if not isinstance(element, dict):
            raise Malformed(self.at)
        return element

    def node(self, depth: int) -> Node:
        if depth > DEPTH_MAX:
            raise Malformed(self.at)
        element = self.element()
        physical = element.get(1)
        name = element.get(4)
        if not isinstance(name, bytes) or not (
            physical is None or (isinstance(physical, int) and 0 <= physical <= FIXED)
        ):
            raise Malformed(self.at)
        first = self._leaves
        children: tuple[Node, ...] = ()
        if physical is None:
            if _number(element, 5) > len(self._elements) - self.at:
                raise Malformed(self.at)
            children = tuple(self.node(depth + 1) for _ in range(_number(element, 5)))
        else:
            self._leaves += 1
        return _node(element, name.decode("utf-8", "replace"), physical, children, first)


def _node(element: dict[int, Value], name: str, physical: int | None, children: tuple[Node, ...], leaf: int) -> Node:
    converted = _number(element, 6, -1)
    logical = element.get(10)
    kind = next(iter(logical), 0) if isinstance(logical, dict) else 0
    details = logical.get(kind) if isinstance(logical, dict) else None
    details = details if isinstance(details, dict) else {}
    spoken = _LOGICAL.get(kind) or _CONVERTED.get(converted, "")
    unit = details.get(2)
    is_time = spoken in {"TIME", "TIMESTAMP"}
    from_unit = _UNITS.get(next(iter(unit), 0), "") if isinstance(unit, dict) else _CONVERTED_UNITS.get(converted, "")
    return Node(
        name,
        physical,
        spoken,
        children,
        leaf,
        is_repeated=_number(element, 3) == _REPEATED,
        unit=from_unit if is_time else "",
        is_utc=is_time and bool(details.get(1, converted >= 0)),
        scale=_number(details, 1) if spoken == "DECIMAL" and details else _number(element, 7),
        precision=_number(details, 2) if spoken == "DECIMAL" and details else _number(element, 8),
        is_unsigned_64=converted == _UNSIGNED_64
        or (spoken == "INTEGER" and _number(details, 1) == 64 and not details.get(2, True)),  # noqa: PLR2004  (bits)
    )


def _number(fields: dict[int, Value], field: int, default: int = 0) -> int:
    value = fields.get(field, default)
    if not isinstance(value, int) or value < min(default, 0):
        return default
    return value
