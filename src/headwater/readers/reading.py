"""Rows as Python has them: Arrow, Polars, pandas, DuckDB; of one file or delivery, whatever its format."""

from __future__ import annotations

import atexit
import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from headwater.errors import Misconfigured, Refused
from headwater.formats.finding import Finding, Recipe
from headwater.formats.recipes.recipes import recipes
from headwater.ports.ranges import Ranges
from headwater.readers.contents import choose, tables
from headwater.readers.engine import Engine
from headwater.readers.local import LocalFile, borrowed
from headwater.readers.look import look
from headwater.readers.relation import Place, part_of
from headwater.terms import shown

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import polars as pl
    import pyarrow as pa

_kept: list[Engine] = []


class Asks(Protocol):
    """The SQL of what is to be read, once its engine is there."""

    def __call__(self, engine: Engine) -> str:
        """Raises Refused for what has no rows, Unavailable, OSError."""
        ...


class Rows:
    """Rows to be had in any of four ways; each call reads anew. `allowed`: what DuckDB may open in place."""

    def __init__(self, asks: Asks, allowed: list[Path]) -> None:
        self._asks = asks
        self._allowed = allowed

    def arrow(self) -> pa.Table:
        """A PyArrow table."""
        with self._result() as result:
            return result.to_arrow_table()

    def polars(self) -> pl.DataFrame:
        """A Polars frame. Raises Misconfigured without Polars."""
        _wants("polars")
        import polars as pl  # noqa: PLC0415 - an extra

        frame = pl.from_arrow(self.arrow())
        return frame if isinstance(frame, pl.DataFrame) else frame.to_frame()

    def pandas(self) -> pd.DataFrame:
        """A pandas frame. Raises Misconfigured without pandas."""
        _wants("pandas")
        with self._result() as result:
            return result.df()

    def duckdb(self) -> duckdb.DuckDBPyRelation:
        """A relation on a connection of its own, to be queried on: the files are read when it is."""
        engine = Engine.for_queries(self._allowed)
        if not _kept:
            atexit.register(_end)
        _kept.append(engine)
        return engine.connection.sql(self._asks(engine))

    @contextmanager
    def _result(self) -> Iterator[Any]:
        import duckdb  # noqa: PLC0415 - heavy

        with Engine.for_queries(self._allowed) as engine:
            try:
                yield engine.connection.sql(self._asks(engine))
            except duckdb.Error as error:
                raise Refused("unsupported", f"It cannot be read: {' '.join(str(error).split())}") from error


class Reading:
    """A file, or a delivery, that is read as its finding says. Of several tables the one that is named.

    Raises Refused("unsupported") where there are no rows to be had, with the tables that there are.
    """

    def __init__(self, opens: Callable[[], Ranges], name: str, finding: Finding | None = None) -> None:
        self._opens = opens
        self._name = name
        self._finding = finding

    @property
    def finding(self) -> Finding:
        """What it is. It is looked at now, if nobody did before."""
        if self._finding is None:
            with borrowed(self._opens) as ranges, Engine(allowed=_allowed(ranges)) as engine:
                self._finding = look(ranges, self._name, engine)
        return self._finding

    @property
    def tables(self) -> list[str]:
        """The names of its tables; one without a name where it is a table itself."""
        return [each.name for each in tables(self.finding)]

    @property
    def recipes(self) -> tuple[Recipe, ...]:
        """How each engine reads it by itself: a call to paste."""
        return self.finding.recipes or recipes(self.finding)

    def rows(self, table: str = "") -> Rows:
        """The rows of a table."""
        finding = self.finding
        chosen = choose(finding, table)

        def asks(engine: Engine) -> str:
            with borrowed(self._opens) as ranges:
                return part_of(finding, chosen, Place(ranges), engine).text()

        with borrowed(self._opens) as ranges:
            return Rows(asks, _allowed(ranges))

    def arrow(self, table: str = "") -> pa.Table:
        """As `Rows.arrow`."""
        return self.rows(table).arrow()

    def polars(self, table: str = "") -> pl.DataFrame:
        """As `Rows.polars`."""
        return self.rows(table).polars()

    def pandas(self, table: str = "") -> pd.DataFrame:
        """As `Rows.pandas`."""
        return self.rows(table).pandas()

    def duckdb(self, table: str = "") -> duckdb.DuckDBPyRelation:
        """As `Rows.duckdb`."""
        return self.rows(table).duckdb()

    def __repr__(self) -> str:
        return f"<Reading {shown(self._name)!r}>"


def read(path: str | Path) -> Reading:
    """Any file of this machine, to be read as what it is: `headwater.read("sales.csv.gz").polars()`.

    No zone is needed. Raises OSError, Refused("bad_request") for what is no regular file.
    """
    place = Path(path).expanduser()
    LocalFile(place).close()
    return Reading(lambda: LocalFile(place), place.name)


def _allowed(ranges: Ranges) -> list[Path]:
    return [] if ranges.path is None else [ranges.path]


def _wants(module: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise Misconfigured(f"{module} is not installed. Install headwater[{module}].")


def _end() -> None:
    for engine in _kept:
        engine.close()
    _kept.clear()
