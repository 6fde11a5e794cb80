"""`headwater sql`: SQL over raw deliveries, in place."""

# ruff: noqa: PLC0415 - what a command does not need is not imported

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import Parameter

from headwater.cli.output import Bar, as_json, remark, shown
from headwater.cli.session import BAD_NEWS, OK, open_zone
from headwater.cli.words import DASH, Flag
from headwater.errors import HeadwaterError, Refused

if TYPE_CHECKING:
    from headwater.cli.sql_results import Results
    from headwater.readers.sql import Session

_BY_SUFFIX: Final = {".csv": "csv", ".json": "json", ".ndjson": "json", ".jsonl": "json", ".parquet": "parquet"}
_UNREAD_SHOWN: Final = 5
_PROMPT, _MORE = "headwater> ", "      ...> "


def sql(
    query: Annotated[
        str | None, Parameter(name="QUERY", help="DuckDB SQL. - is read from stdin; none: a prompt.")
    ] = None,
    /,
    *,
    file: Annotated[Path | None, Parameter(name=["--file", "-f"], help="Read the query from this file.")] = None,
    format: Annotated[  # noqa: A002 - the option's name
        Literal["table", "csv", "json", "parquet"] | None,
        Parameter(help="How rows are written. Default: as the output's name says, else a table."),
    ] = None,
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="Write rows to this file, whole or not.")
    ] = None,
    all: Flag = False,  # noqa: A002 - the option's name
    strict: Flag = False,
) -> int:
    """Asks raw deliveries in place, whatever their format: `SELECT * FROM 'acme-crm/daily_sales'`.

    'source/feed' is the effective set, 'source/feed@ID' one delivery, 'source/feed@2026-11-22' a day,
    'source/feed#TABLE' a table of a dump, a sheet or a member of an archive. Each row has lz_id, lz_name, lz_row,
    lz_landed_at and lz_date. What could not be read is counted, and listed in the table headwater_unread.

    Parameters
    ----------
    all
        Also repeats, and what is void, withdrawn or superseded.
    strict
        End with 1 if anything could not be read.
    """
    from headwater.cli.sql_results import Results
    from headwater.readers.engine import Engine
    from headwater.readers.sql import Session
    from headwater.zone.reading import ZoneLibrary

    text = _query(query, file)
    with open_zone() as zone, Engine.for_queries([] if zone.folder is None else [zone.folder / "raw"]) as engine:
        with Bar("reading", None, unit="files") as bar:
            looked = 0

            def seen(name: str) -> None:
                nonlocal looked
                looked += 1
                bar.show(looked, None, shown(name))

            session = Session(ZoneLibrary(zone, engine, all=all, seen=seen), engine)
            results = Results(engine.folder, _format(format, output), output)
            if text is not None:
                session.run(text, results.take)
        if text is None:
            _prompt(session, results)
        else:
            results.tell()
        _tell_unread(session)
        return BAD_NEWS if strict and session.unread else OK


def _query(query: str | None, file: Path | None) -> str | None:
    if query is not None and file is not None:
        raise Refused("bad_request", "Give a query or a file with one, not both.")
    if file is not None:
        return file.read_text(encoding="utf-8")
    if query == DASH or (query is None and not sys.stdin.isatty()):
        return sys.stdin.read()
    return query


def _format(chosen: str | None, output: Path | None) -> str:
    if chosen is not None:
        return chosen
    if output is not None:
        found = _BY_SUFFIX.get(output.suffix.lower())
        if found is None:
            raise Refused("bad_request", f"What format {shown(str(output))} is to have is not clear. Add --format.")
        return found
    return "json" if as_json() else "table"


def _prompt(session: Session, results: Results) -> None:
    """Reads queries, each to its semicolon, until the end of the input."""
    remark("DuckDB SQL, each query to its semicolon. Feeds stand in quotes: 'source/feed'. Ctrl-D ends.")
    lines: list[str] = []
    while True:
        try:
            line = input(_MORE if lines else _PROMPT)
        except EOFError:
            sys.stdout.write("\n")
            return
        except KeyboardInterrupt:
            sys.stdout.write("\n")
            lines = []
            continue
        lines.append(line)
        if line.strip() in {"exit", "quit", "\\q", ".quit"} and len(lines) == 1:
            return
        if not line.rstrip().endswith(";"):
            continue
        try:
            session.run("\n".join(lines), results.take)
            results.tell()
        except HeadwaterError as error:
            remark(error.sentence)
        except KeyboardInterrupt:
            remark("Interrupted.")
        lines = []


def _tell_unread(session: Session) -> None:
    if not session.unread:
        return
    count = len(session.unread)
    told = "1 thing could not be read; it stands" if count == 1 else f"{count:,} things could not be read; they stand"
    remark(f"{told} in headwater_unread:")
    for each in session.unread[:_UNREAD_SHOWN]:
        rows = f"{each.lost_rows:,} rows: " if each.lost_rows else ""
        remark(f"  {shown(each.name)}  {shown(each.lz_name)}  {rows}{shown(each.why)}")
    if count > _UNREAD_SHOWN:
        remark("  …")
