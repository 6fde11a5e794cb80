"""What each format brings: the functions of its module, by these names and signatures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import msgspec

from headwater.formats.budget import Budget
from headwater.formats.finding import Description, Guess, Layer, Problem, Wholeness
from headwater.ports.ranges import Ranges

if TYPE_CHECKING:
    import pyarrow as pa

HEAD_BYTES = 64 * 1024
TAIL_BYTES = 64 * 1024


class Ends(msgspec.Struct, frozen=True):
    """The first and last bytes of contents, for recognising them. `tail` is empty where it cannot be had cheaply;
    where all is in `head`, `tail` is its end.
    """

    head: bytes
    tail: bytes
    size_bytes: int | None
    name: str = ""  # as declared; a hint for what bytes alone leave open, never a reason against them


class Format(Protocol):
    """A module of `formats/`. Importing it MUST be cheap: what is heavy is imported where it is used."""

    def recognise(self, ends: Ends) -> Guess | None:
        """How likely these bytes are this format; None: they are not. Never raises, whatever the bytes.

        1.0 only for what a magic number says; `evidence` in the words of a person. At most 5 ms.
        """
        ...

    def describe(self, ranges: Ranges, budget: Budget) -> Description:
        """Dialect, encoding, tables, wholeness, problems, as far as the budget goes.

        MUST run in fixed memory, MUST end when the budget does (`is_all` false then, and `unread` says what was not
        looked at), and MUST turn whatever is wrong with the bytes into wholeness and problems: the only exceptions are
        those of `Ranges` (Broken as soon as it comes: what was learnt before is described, and the verdict is suspect).
        """
        ...


class Rows(Protocol):
    """Of those formats that query engines cannot read: their rows."""

    def batches(self, ranges: Ranges, described: Description, table: str, budget: Budget) -> Iterator[pa.RecordBatch]:
        """The rows of a table in file order, in batches of at most 10,000 rows and some MiB; its columns as described,
        in that order, as text unless the format itself has types. What cannot be read as a row is left out and counted
        by the caller against `Table.rows`. Stops at Broken, and where the budget ends.
        """
        ...


class Held(msgspec.Struct, frozen=True):
    """A file that an archive holds; without `contents` it is not looked into, and `why` says so."""

    name: str
    size_bytes: int | None = None
    contents: Ranges | None = None
    why: str = ""


class Opened(msgspec.Struct, frozen=True):
    """A layer taken off. A compression has `contents`; an archive has `members`."""

    layer: Layer
    wholeness: Wholeness
    contents: Ranges | None = None
    members: tuple[Held, ...] = ()
    problems: tuple[Problem, ...] = ()


class Wrapping(Protocol):
    """A module of `formats/` for a compression or an archive."""

    def recognise(self, ends: Ends) -> Guess | None:
        """As `Format.recognise`."""
        ...

    def open(self, ranges: Ranges, budget: Budget) -> Opened:
        """Takes it off, and reads it to its end once, as far as the budget goes, for the wholeness of the layer.

        The contents are `Ranges`, unpacked anew for each `stream`, with head and tail kept; they raise Broken where the
        layer is cut or damaged. Bombs end at the budget, and by ratio, with a problem that says so. No member
        is ever written to a path. The only exception is Unavailable.
        """
        ...
