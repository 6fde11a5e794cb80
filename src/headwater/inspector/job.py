"""What is told to a worker, and what it tells."""

from __future__ import annotations

from typing import Final

import msgspec

FOLDER: Final = "headwater-inspect-"
"""What the names of workers' folders begin with."""

LOADS: Final = (
    *("pyarrow", "pyarrow.compute", "pyarrow.csv", "pyarrow.json", "pyarrow.parquet"),
    *("headwater.formats.examine", "duckdb", "pandas", "polars"),
)
"""What nearly every job needs: loaded before the first, and shared by all children."""

PIECE_BYTES: Final = 1024 * 1024


class Limits(msgspec.Struct, frozen=True):
    """What one try may use."""

    memory_bytes: int = 2 << 30
    time_seconds: float = 300.0
    file_bytes_max: int = 4 << 30  # of each file in the temp folder


class Start(msgspec.Struct, frozen=True):
    """How a worker is to live: its limits, its temp folder, and what it loads before the first job."""

    limits: Limits
    folder: str
    loads: tuple[str, ...] = ()


class Job(msgspec.Struct, frozen=True):
    """What to inspect. `name` as it was sent, `file_name` one that is safe in a folder and ends as the key does.

    `has_file`: a descriptor of the bytes comes with it; else they are asked for by range. `engines`: whose recipes are
    tried; all, where none is named.
    """

    name: str
    file_name: str
    size_bytes: int
    has_file: bool
    engines: tuple[str, ...] = ()


class Range(msgspec.Struct, frozen=True):
    """Bytes that are asked for."""

    offset: int
    size_bytes: int


class Ended(msgspec.Struct, frozen=True):
    """How a job ended, or its child: the exit code, or the number of the signal that killed it.

    `is_last`: the child takes no other job.
    """

    code: int | None = None
    signal: int | None = None
    is_last: bool = False
