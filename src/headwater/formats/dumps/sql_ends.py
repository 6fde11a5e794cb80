"""Whether the text of a dump has come to its end: by the mark that its writer leaves, and by what was still open."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from headwater.formats.dumps.sql_lexer import Open
from headwater.formats.finding import Problem, Wholeness
from headwater.terms import Completeness


class Ending(msgspec.Struct, frozen=True):
    """How far a text came, and what was promised on the way. `tail` is its last bytes; `is_all`: it was read whole."""

    writer: str
    tail: bytes
    is_all: bool = True
    inside: Open = Open.NOTHING
    table: str = ""
    row: int | None = None  # the row that the text ends in
    restrict_key: bytes = b""  # pg_dump's \restrict, which \unrestrict answers
    is_cluster: bool = False  # pg_dumpall wrote it
    has_header: bool = False  # the comments by which the writer is known
    begun: int = 0  # BEGIN without COMMIT
    identity_on: str = ""  # SET IDENTITY_INSERT … ON without OFF
    has_saved: bool = False  # MySQL's settings are saved at the start, and not restored
    has_restored: bool = False
    batches: int = 0  # GO
    has_objects: bool = False  # SQL Server's own tool wrote comments for objects
    last_is_go: bool = False
    has_failed: bool = False
    is_in_comment: bool = False  # its last line is a comment, without a line end


class Judged(msgspec.Struct, frozen=True):
    """The verdict; `mark` is what the writer ends with, if it is there."""

    wholeness: Wholeness
    mark: str = ""
    problems: tuple[Problem, ...] = ()


_PG: Final = re.compile(
    rb"\n-- PostgreSQL database (?P<cluster>cluster )?dump complete"
    rb"(?P<rest>\r?\n--\r?\n\r?\n(?:\\unrestrict (?P<key>\w+)\r?\n\r?\n)?)\s*\Z"
)
_PG_TRIMMED: Final = re.compile(
    rb"\n-- PostgreSQL database (?P<cluster>cluster )?dump complete(?P<rest>)"
    rb"(?:\s*--\s*(?:\\unrestrict (?P<key>\w+)\s*)?)?\Z"
)
_MYSQL: Final = re.compile(rb"\n-- Dump completed(?:(?P<rest>(?: on \d{4}-\d\d-\d\d [ \d]\d:\d\d:\d\d)?\r?\n)\s*)?\Z")
_MYSQL_NO_LINE: Final = re.compile(rb"\n-- Dump completed on \d{4}-\d\d-\d\d [ \d]\d:\d\d:\d\d\Z")
_SQLITE: Final = re.compile(rb"(?:\n|\A)COMMIT;(?P<rest>\r?\n)?\s*\Z")
_IN_COMMENT: Final = "The file ends inside a comment, without the end of its line."
_NO_LINE_END: Final = "Only the line end behind it is missing; every row is here."


def judge(end: Ending) -> Judged:
    """Proven by the writer's own mark; suspect where something is open or a mark is missing; else presumed."""
    if end.is_all and end.inside is not Open.NOTHING:
        return _suspect(_inside(end), "copy_cut" if end.inside is Open.ROW else "bad_statement", end)
    if end.has_failed:
        return _suspect("The program that wrote the dump says in it that it failed.", "no_end_mark", end)
    if end.writer == "pg_dump":
        return _postgres(end)
    if end.writer in {"mysqldump", "mariadb-dump"}:
        return _mysql(end)
    if end.writer == "sqlite_dump":
        return _marked(end, _SQLITE, "COMMIT;", "SQLite's .dump")
    return _unmarked(end)


def _inside(end: Ending) -> str:
    where = f" of table {end.table}" if end.table else ""
    if end.row is not None and end.inside is not Open.STATEMENT:
        what = "" if end.inside is Open.ROW else f"{end.inside}, in "
        return f"The file ends inside {what or 'the data, in '}row {end.row:,}{where}."
    return f"The file ends inside {end.inside}{where}; the writer would have gone on."


def _suspect(sentence: str, code: str, end: Ending) -> Judged:
    problem = Problem(code, sentence, table=end.table, row=end.row)
    return Judged(Wholeness(Completeness.SUSPECT, (sentence,)), problems=(problem,))


def _presumed(sentence: str, mark: str = "") -> Judged:
    return Judged(Wholeness(Completeness.PRESUMED, (sentence,)), mark)


def _proven(writer: str, mark: str) -> Judged:
    return Judged(
        Wholeness(Completeness.PROVEN, (f"It ends with the mark that {writer} writes last: “{mark}”.",)), mark
    )


def _postgres(end: Ending) -> Judged:
    mark = f"PostgreSQL database {'cluster ' if end.is_cluster else ''}dump complete"
    found = _PG.search(end.tail) or _PG_TRIMMED.search(end.tail)
    if found is None or bool(found["cluster"]) != end.is_cluster:
        return _no_mark(end, mark, "pg_dump")
    if end.restrict_key and not end.is_cluster and found["key"] != end.restrict_key:
        return _no_mark(end, "\\unrestrict", "pg_dump")
    return _proven("pg_dump", mark) if found["rest"] else _presumed(f"It ends with “{mark}”. {_NO_LINE_END}", mark)


def _mysql(end: Ending) -> Judged:
    mark = "Dump completed"
    found = _MYSQL.search(end.tail)
    if found is not None and found["rest"]:
        return _proven(end.writer, mark)
    if found is not None or _MYSQL_NO_LINE.search(end.tail):
        return _presumed(f"It ends with “{mark}”. {_NO_LINE_END}", mark)
    if end.has_header or (end.has_saved and not end.has_restored):
        return _no_mark(end, mark if end.has_header else "SET SQL_NOTES=@OLD_SQL_NOTES", end.writer)
    if end.is_in_comment:
        return _suspect(_IN_COMMENT, "no_end_mark", end)
    return _presumed(
        f"It was written without comments, so {end.writer} left no mark at its end; the last statement is complete."
    )


def _marked(end: Ending, pattern: re.Pattern[bytes], mark: str, writer: str) -> Judged:
    found = pattern.search(end.tail)
    if found is None:
        return _no_mark(end, mark, writer)
    return _proven(writer, mark) if found["rest"] else _presumed(f"It ends with “{mark}”. {_NO_LINE_END}", mark)


def _no_mark(end: Ending, mark: str, writer: str) -> Judged:
    if not end.is_all and not end.tail:
        return _presumed("Its end was not looked at.")
    sentence = (
        f"{writer} writes “{mark}” at the end of a dump. It is missing here: the end was cut off, or never written."
    )
    return _suspect(sentence, "no_end_mark", end)


def _unmarked(end: Ending) -> Judged:  # noqa: PLR0911 - sign after sign
    """Writers that leave no mark: only what was opened and not closed tells."""
    if not end.is_all:
        return _presumed("Its end was not looked at, and such scripts have no end mark.")
    if end.is_in_comment:
        return _suspect(_IN_COMMENT, "no_end_mark", end)
    if end.begun > 0:
        return _suspect(
            "It begins a transaction and does not end it: the end of the file is missing.", "no_end_mark", end
        )
    if end.identity_on:
        sentence = (
            f"It switches IDENTITY_INSERT on for {end.identity_on} and never off: the end of the file is missing."
        )
        return _suspect(sentence, "no_end_mark", end)
    if end.has_objects and end.batches and not end.last_is_go:
        sentence = "Every batch of such a script ends with GO; the last one does not: the end of the file is missing."
        return _suspect(sentence, "no_end_mark", end)
    if not end.tail.endswith(b"\n"):
        return _presumed("The last statement is complete; nothing in such a script tells whether more should follow.")
    return _presumed("The last statement and its line are complete; such scripts have no end mark.")
