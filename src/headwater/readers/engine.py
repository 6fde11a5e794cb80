"""DuckDB, opened so that it touches nothing but the files handed in: no network, no extension, no setting changed."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from headwater.formats.budget import Budget
from headwater.formats.recipes.duckdb_casts import listed

if TYPE_CHECKING:
    import duckdb

MEMORY_BYTES: Final = 320 * 1024 * 1024
"""What DuckDB may hold in memory, unless the caller says otherwise."""

QUERY_SPILL_BYTES: Final = 256 * 1024 * 1024 * 1024

COPY_BYTES_MAX: Final = 8 * 1024 * 1024
"""A file up to this size is copied rather than DuckDB opened anew."""

_WATCH_SECONDS: Final = 0.2


class Engine:
    """One DuckDB in memory and one folder of its own; a context manager. It opens the files in that folder and those
    in `allowed` (files, or folders with all in them), and nothing else.

    `memory_bytes` None is DuckDB's own measure, most of what the machine has. `spill_bytes`: how much it may write in
    its folder when that does not suffice; without it, it fails instead.
    Made once and used for many files, because making it costs some 20 ms.
    """

    def __init__(
        self,
        *,
        allowed: Sequence[Path] = (),
        folder: Path | None = None,
        memory_bytes: int | None = MEMORY_BYTES,
        threads: int = 1,
        reads_ahead: bool = True,
        spill_bytes: int = 0,
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="headwater-", dir=folder)).resolve()
        self._allowed = [path.resolve() for path in allowed]
        self._allowed_always = len(self._allowed)
        self._settings: dict[str, str | bool | int | float | list[str]] = {
            **({} if memory_bytes is None else {"memory_limit": f"{memory_bytes}B"}),
            "threads": threads,
            **({} if reads_ahead else {"async_threads": 0}),
            "temp_directory": str(self.folder / "spill") if spill_bytes else "",
            "max_temp_directory_size": f"{spill_bytes}B",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        self._count = 0
        try:
            self.connection = self._connect()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def _connect(self) -> duckdb.DuckDBPyConnection:
        import duckdb  # noqa: PLC0415 - heavy

        connection = duckdb.connect(":memory:", config=self._settings)
        folders = [self.folder, *(path for path in self._allowed if path.is_dir())]
        files = [path for path in self._allowed if not path.is_dir()]
        connection.execute(f"SET allowed_directories=[{listed(f'{path}/' for path in folders)}]")
        connection.execute(f"SET allowed_paths=[{listed(map(str, files))}]")
        connection.execute("SET TimeZone='UTC'")
        connection.execute("SET enable_external_access=false")
        connection.execute("SET lock_configuration=true")
        return connection

    @classmethod
    def for_queries(cls, allowed: Sequence[Path] = ()) -> Self:
        """One for what a person asks: all threads, most of the memory, and room on the disk."""
        return cls(allowed=allowed, memory_bytes=None, threads=os.cpu_count() or 1, spill_bytes=QUERY_SPILL_BYTES)

    def hand_in(self, path: Path) -> Path:
        """A name under which DuckDB can open this file. A small file outside of what is allowed is copied; for a large
        one DuckDB is opened anew, and the relations in it are gone.
        """
        real = path.resolve()
        if any(real == each or each in real.parents for each in (self.folder, *self._allowed)):
            return real
        if path.stat().st_size <= COPY_BYTES_MAX:
            copy = self.new_path()
            shutil.copyfile(path, copy)
            return copy
        self._allowed.append(real)
        self.connection.close()
        self.connection = self._connect()
        return real

    def new_path(self) -> Path:
        """A name in the folder that no file has yet."""
        self._count += 1
        return self.folder / f"{self._count:06}"

    def tidy(self) -> None:
        """Removes every file that was copied or made here; what was handed in is allowed no longer."""
        del self._allowed[self._allowed_always :]
        for path in self.folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    @contextmanager
    def within(self, budget: Budget | None) -> Iterator[None]:
        """What runs inside is interrupted when the budget is spent: duckdb.InterruptException."""
        if budget is None:
            yield
            return
        done = threading.Event()

        def watch() -> None:
            while not done.wait(_WATCH_SECONDS):
                if not budget.has():
                    self.connection.interrupt()

        watcher = threading.Thread(target=watch, name="headwater-watch", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """The rows that a query gives. Raises duckdb.Error."""
        rows: list[tuple[object, ...]] = self.connection.execute(sql, parameters or None).fetchall()
        return rows

    def columns(self, sql: str) -> list[tuple[str, str]]:
        """Names and types of the columns that a query gives; it is bound, not run. Raises duckdb.Error."""
        return [(str(row[0]), str(row[1])) for row in self.rows(f"DESCRIBE {sql}")]

    def close(self) -> None:
        """Ends it, and removes the folder. Repeatable."""
        self.connection.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
