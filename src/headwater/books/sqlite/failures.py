"""What SQLite's errors mean to whoever waits for a row."""

from __future__ import annotations

import sqlite3

from headwater.errors import Damaged, Unavailable

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


def failure(error: Exception) -> Exception:
    """The failure that stands for an error of SQLite, whose text never holds values; any other error as it is.

    A row that breaks a constraint is a fault of ours and stays the error that it is.
    """
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return Unavailable("full", "The disk that holds the books is full: make room on it.")
    if code in _OUTSIDE:
        return Unavailable("books_unavailable", f"The books cannot be used just now: {error}.")
    if code in _DAMAGED:
        return Damaged(f"The books are damaged ({error}): keep the file, and restore the newest backup.")
    return error
