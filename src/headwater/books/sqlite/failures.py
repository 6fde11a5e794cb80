"""What SQLite's errors mean to whoever waits for a row."""

from __future__ import annotations

import sqlite3

from headwater.errors import Damaged, HeadwaterError, Misconfigured, Unavailable

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_OUTSIDE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
}


def failure(error: sqlite3.Error) -> HeadwaterError:
    """The failure that stands for an error of SQLite; the error's own text has no values in it.

    A constraint or a wrong statement is a fault of ours, and comes back as Damaged too: nobody may go on over it."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return Unavailable("full", "The disk that holds the books is full: make room on it.")
    if code in _OUTSIDE:
        return Unavailable("books_unavailable", f"The books cannot be used just now: {error}.")
    if code in _DAMAGED:
        return Damaged(f"The books are damaged: {error}. Keep the file, and restore them from the last backup.")
    return Damaged(f"The books refused a row: {error}.")


def is_outside(error: BaseException) -> bool:
    """Whether the same rows can be written later: the disk or the file is at fault, not a row."""
    return isinstance(error, sqlite3.Error) and isinstance(failure(error), Unavailable)
