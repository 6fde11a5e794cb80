"""Avro's schemas (Apache Avro 1.12) in the words of a finding."""

from __future__ import annotations

import json
from typing import Final

from headwater.formats.finding import COLUMNS_MAX, Column, Type

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

DEPTH_MAX: Final = 50

_PRIMITIVE: Final = {
    "null": Type.NULL,
    "boolean": Type.BOOLEAN,
    "int": Type.INTEGER,
    "long": Type.INTEGER,
    "float": Type.FLOAT,
    "double": Type.FLOAT,
    "bytes": Type.BINARY,
    "string": Type.TEXT,
}
_COMPLEX: Final = {
    "record": Type.STRUCT,
    "error": Type.STRUCT,
    "enum": Type.TEXT,
    "array": Type.LIST,
    "map": Type.STRUCT,
    "fixed": Type.BINARY,
}
_LOGICAL: Final = {
    "decimal": Type.DECIMAL,
    "uuid": Type.TEXT,
    "date": Type.DATE,
    "time-millis": Type.TIME,
    "time-micros": Type.TIME,
    "timestamp-millis": Type.TIMESTAMPTZ,
    "timestamp-micros": Type.TIMESTAMPTZ,
    "timestamp-nanos": Type.TIMESTAMPTZ,
    "local-timestamp-millis": Type.TIMESTAMP,
    "local-timestamp-micros": Type.TIMESTAMP,
    "local-timestamp-nanos": Type.TIMESTAMP,
}


def parsed(text: bytes) -> Json:
    """The schema as written. Raises ValueError."""
    try:
        schema: Json = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if _depth(schema) > DEPTH_MAX:
        raise ValueError("it is nested too deeply")
    return schema


def columns_of(schema: Json) -> tuple[Column, ...]:
    """The columns: the fields of a record, or one column for anything else."""
    named: dict[str, Json] = {}
    _collect(schema, named)
    if isinstance(schema, dict) and str(schema.get("type")) in {"record", "error"}:
        fields = schema.get("fields")
        return tuple(
            _column(str(field.get("name", "")), field.get("type"), named)
            for field in (fields if isinstance(fields, list) else [])[:COLUMNS_MAX]
            if isinstance(field, dict)
        )
    return (_column("value", schema, named),)


def type_of(schema: Json, named: dict[str, Json]) -> Type:
    """What a value of a schema can be read as."""
    if isinstance(schema, list):
        others = [each for each in schema if each != "null"]
        if len(others) == 1:
            return type_of(others[0], named)
        return Type.NULL if not others else Type.JSON
    if isinstance(schema, str):
        meant = named.get(schema)
        return _PRIMITIVE.get(schema) or (type_of(meant, {}) if isinstance(meant, dict) else Type.JSON)
    if not isinstance(schema, dict):
        return Type.JSON
    logical, kind = schema.get("logicalType"), schema.get("type")
    found = _LOGICAL.get(str(logical)) or _COMPLEX.get(str(kind))
    return found or type_of(kind, named)


def _column(name: str, schema: Json, named: dict[str, Json]) -> Column:
    return Column(name, type_of(schema, named), written_of(schema)[:200])


def written_of(schema: Json, depth: int = 0) -> str:
    """A type as Avro calls it."""
    if isinstance(schema, list):
        return " | ".join(written_of(each, depth + 1) for each in schema[:20])
    if isinstance(schema, dict):
        kind, logical = schema.get("type"), schema.get("logicalType")
        if isinstance(logical, str):
            size = f"({schema.get('precision')}, {schema.get('scale', 0)})" if logical == "decimal" else ""
            return logical + size
        inside = schema.get("items", schema.get("values"))
        if inside is not None and depth < 4:  # noqa: PLR2004  (deep enough to read)
            return f"{kind}<{written_of(inside, depth + 1)}>"
        return f"{kind} {schema['name']}" if "name" in schema else written_of(kind, depth + 1)
    return str(schema)


def _collect(schema: Json, named: dict[str, Json]) -> None:
    """Every type that has a name, by it and with its namespace."""
    if isinstance(schema, list):
        for each in schema:
            _collect(each, named)
    elif isinstance(schema, dict):
        name, space, kind = schema.get("name"), schema.get("namespace"), schema.get("type")
        if isinstance(name, str) and isinstance(kind, str) and kind in _COMPLEX:
            named.setdefault(name, schema)
            if isinstance(space, str):
                named.setdefault(f"{space}.{name}", schema)
        for each in schema.values():
            if isinstance(each, list | dict):
                _collect(each, named)


def _depth(schema: Json) -> int:
    """How deep it is nested, without recursion."""
    depth = 0
    level = [schema]
    while level and depth <= DEPTH_MAX * 4:
        depth += 1
        level = [
            inner
            for each in level
            if isinstance(each, list | dict)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return depth // 2
