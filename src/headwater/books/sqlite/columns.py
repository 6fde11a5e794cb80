"""Values as columns: JSON for structs, bytes for names that need not be UTF-8."""

from __future__ import annotations

import json
from typing import Any, Generic, TypeVar

import msgspec

from headwater.terms import Position

T = TypeVar("T")

_encoder = msgspec.json.Encoder()
_positions = msgspec.json.Decoder(tuple[Position, ...])


class Column(Generic[T]):
    """A column of JSON. A text that is not UTF-8 (surrogate escapes, PEP 383) takes the slow way, escaped."""

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._decoder = msgspec.json.Decoder(kind)

    def encode(self, value: T) -> bytes:
        """The column."""
        try:
            return _encoder.encode(value)
        except UnicodeEncodeError:
            return json.dumps(msgspec.to_builtins(value)).encode()

    def decode(self, data: bytes) -> T:
        """The value."""
        try:
            return self._decoder.decode(data)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            return msgspec.convert(json.loads(data), self._kind)


def json_array(values: Any) -> str:
    """A parameter for `json_each`."""
    return _encoder.encode(values).decode()


def plain_text(text: str) -> str:
    """A sentence for people, with what is not UTF-8 in it spelt out."""
    return text.encode(errors="backslashreplace").decode()


def name_bytes(name: str) -> bytes:
    """The bytes of a name, as they were sent."""
    return name.encode(errors="surrogateescape")


def name_text(data: bytes) -> str:
    """The name of these bytes."""
    return data.decode(errors="surrogateescape")


def positions(array: str) -> tuple[Position, ...]:
    """The positions of a column of them."""
    return _positions.decode(array)
