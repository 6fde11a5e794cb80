"""Opening the file: connections, schema versions, and the backup that is made before the schema changes."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from headwater.books.sqlite.failures import failure
from headwater.errors import HeadwaterError, Misconfigured

SQLITE_VERSION_MIN = (3, 34, 0)
_CACHE_KIB_WRITING, _CACHE_KIB_READING = 32 * 1024, 8 * 1024
_WAL_BYTES_KEPT = 64 * 1024 * 1024
_BUSY_SECONDS = 2.0


class Migration(NamedTuple):
    """One step of the schema. MUST only add: `oldest` is the lowest schema version whose program can still work with
    books that have taken this step, so that one version back can be started again.
    """

    script: Path
    oldest: int


MIGRATIONS = (
    Migration(Path(__file__).with_name("schema_1.sql"), oldest=1),
    Migration(Path(__file__).with_name("schema_2.sql"), oldest=1),
    Migration(Path(__file__).with_name("schema_3.sql"), oldest=1),
    Migration(Path(__file__).with_name("schema_4.sql"), oldest=1),
)
"""The steps in order; `PRAGMA user_version` counts how many the file has taken."""

OLDEST_FACT = "node.books_oldest_schema"


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit: transactions are begun and ended by whoever owns it."""
    return sqlite3.connect(
        path, isolation_level=None, timeout=_BUSY_SECONDS, cached_statements=256, check_same_thread=False
    )


def connect_for_writing(path: Path) -> sqlite3.Connection:
    """The writer's connection. It makes no checkpoints by itself: they would stall those who wait for their rows."""
    connection = connect(path)
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB_WRITING}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES_KEPT}")
    return connection


def connect_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that cannot change anything."""
    connection = connect(path)
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB_READING}")
    connection.execute("PRAGMA query_only = ON")
    return connection


def prepare(path: Path, *, read_only: bool) -> None:
    """Makes the file (mode 0600) or brings its schema up to date, after a backup beside it.

    Raises Misconfigured when it cannot be opened or belongs to a version too new, Damaged when it is no database.
    """
    if sqlite3.sqlite_version_info < SQLITE_VERSION_MIN:
        raise Misconfigured(f"SQLite {sqlite3.sqlite_version} is too old: 3.34 or newer is needed.")
    try:
        if not read_only:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        elif not path.is_file():
            raise Misconfigured(f"There are no books at {path}.", "no_home")
        with closing(connect(path) if read_only else connect_for_writing(path)) as connection:
            _settle(connection, path, read_only=read_only)
    except OSError as error:
        raise Misconfigured(f"The books at {path} cannot be opened: {error.strerror}.") from error
    except sqlite3.Error as error:
        raise failure(error) from error


def _settle(connection: sqlite3.Connection, path: Path, *, read_only: bool) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    known = len(MIGRATIONS)
    if version > known:
        row = connection.execute("SELECT value FROM facts WHERE name = ?", (OLDEST_FACT,)).fetchone()
        if row is None or int(row[0]) > known:
            raise _too_new(path, version)
    elif version < known:
        if read_only:
            raise Misconfigured(f"The books at {path} are of an older version: start `headwater serve` once.")
        if version:
            _back_up(connection, path.with_name(f"{path.name}.v{version}.bak"))
        for step in range(version, known):
            _migrate(connection, step)


def _too_new(path: Path, version: int) -> HeadwaterError:
    return Misconfigured(
        f"The books at {path} have schema version {version}, this program knows {len(MIGRATIONS)}: "
        "start the newer version of Headwater that wrote them."
    )


def _migrate(connection: sqlite3.Connection, step: int) -> None:
    migration = MIGRATIONS[step]
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {migration.script.read_text(encoding='utf-8')}")
        connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (OLDEST_FACT, str(migration.oldest)))
        connection.execute(f"PRAGMA user_version = {step + 1}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _back_up(connection: sqlite3.Connection, to: Path) -> None:
    to.unlink(missing_ok=True)
    descriptor = os.open(to, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        with closing(sqlite3.connect(to)) as copy:
            connection.backup(copy)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
