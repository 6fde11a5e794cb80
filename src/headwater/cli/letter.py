"""A finding as a letter: what it is, whether it is whole, what is in it, what looks wrong, how to read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from rich.text import Text

from headwater.cli.dialects import written
from headwater.cli.output import BAD, DOUBTFUL, MARK, coloured, facts, say, shown, stdout, table
from headwater.formats.codes import CODES
from headwater.formats.counted import counted
from headwater.formats.finding import Column, Finding, Problem, Recipe, Table, Type
from headwater.formats.names import spoken
from headwater.zone.delivery import size_text

COLUMNS_SHOWN: Final = 60
TABLES_SHOWN: Final = 6
PROBLEMS_SHOWN: Final = 20
MEMBERS_SHOWN: Final = 20
_VALUE_CHARS: Final = 18
_NARROW: Final = 110  # below so many characters to a line, values are cut sooner
_NARROW_CHARS: Final = 10
_SURE: Final = ((0.95, "Certain"), (0.8, "Sure"), (0.6, "Fairly sure"))
_LIKELY: Final = 0.3
_INDENT: Final = "   "


def tell(finding: Finding, *, engines: Sequence[str] = ("duckdb",), place: str = "") -> None:
    """The whole letter. `place` is what stands for the file in recipes."""
    say(f"{shown(finding.name)}   {size_text(finding.size_bytes)}".strip(), style="bold")
    _heading("What it is")
    for sentence in _what(finding):
        say(f"{_INDENT}{shown(sentence)}")
    _heading("Is it whole")
    _tell_wholeness(finding)
    ways = [(name, value) for name, value in written(finding) if value]
    if ways:
        _heading("How it is written")
        facts((f"{_INDENT}{name}", value) for name, value in ways)
    _tell_contents(finding)
    _tell_members(finding)
    _tell_problems(finding.problems)
    _tell_recipes(finding.recipes, engines, place)


def summary(finding: Finding) -> list[str]:
    """The same in a sentence each: format, rows, wholeness; what looks wrong comes after."""
    columns = sum(len(each.columns) for each in finding.schema)
    many = f" in {counted(columns, 'column')}" if len(finding.schema) == 1 else f" in {len(finding.schema):,} tables"
    rows = "" if finding.rows is None else f"{counted(finding.rows, 'row')}{many}."
    verdict = {
        "proven": "The bytes themselves prove that all of it is here.",
        "presumed": "Nothing speaks against all of it being here.",
    }.get(finding.wholeness.verdict.value, "")
    whole = " ".join(finding.wholeness.reasons) or verdict
    return [sentence for sentence in (next(iter(_what(finding))), rows, whole) if sentence]


def _heading(text: str) -> None:
    say()
    say(text, style="bold")


# --- what it is -------------------------------------------------------------------------------------------------------


def _what(finding: Finding) -> Iterator[str]:
    layers = [layer.format for layer in reversed(finding.layers) if layer.format != finding.format]
    around = "".join(f", in {spoken(layer)}" for layer in layers)
    kind = _capital(spoken(finding.format))
    if finding.format in {"unknown", "empty"}:
        yield f"{'Empty' if finding.format == 'empty' else 'Nothing that is known here'}{around}."
    else:
        sure = next((word for least, word in _SURE if finding.confidence >= least), "A guess")
        yield f"{kind}{around}. {sure}."
    yield from finding.evidence
    others = [spoken(each.value) for each in finding.alternatives if each.confidence >= _LIKELY]
    if others:
        yield f"It could also be {' or '.join(others)}."
    if not finding.is_all:
        yield f"Not all of it was looked at. {finding.unread}".strip()


def _tell_wholeness(finding: Finding) -> None:
    verdict = finding.wholeness.verdict.value
    words = {
        "proven": "yes, the bytes prove it",
        "presumed": "nothing speaks against it",
        "suspect": "probably not",
        "partial": "no",
    }
    stdout().print(Text.assemble(_INDENT, coloured(verdict), f": {words[verdict]}"), soft_wrap=True)
    for reason in finding.wholeness.reasons:
        say(f"{_INDENT}{shown(reason)}")


# --- what is in it ----------------------------------------------------------------------------------------------------


def _tell_contents(finding: Finding) -> None:
    if not finding.schema:
        return
    _heading("What is in it")
    if len(finding.schema) > 1:
        rows = [(each.name, _count(each), f"{len(each.columns):,}") for each in finding.schema]
        table(("table", "rows", "columns"), rows, right=("rows", "columns"), fold="table")
    for each in finding.schema[:TABLES_SHOWN]:
        say()
        name = f"{shown(each.name)}: " if each.name else ""
        many = f"{_count(each)} {'row' if each.rows == 1 else 'rows'}"
        say(f"{_INDENT}{name}{many} in {counted(len(each.columns), 'column')}")
        tell_columns(each)
    if len(finding.schema) > TABLES_SHOWN:
        say(f"{_INDENT}and {len(finding.schema) - TABLES_SHOWN} tables more: --json has all of them")


def _count(one: Table) -> str:
    by = {"counted": "", "stated": " (as it states)", "estimated": " (estimated)"}.get(one.rows_by, "")
    return "uncounted" if one.rows is None else f"{one.rows:,}{by}"


def tell_columns(one: Table) -> None:
    """The columns of a table: what they hold, and an example."""
    head = ["column", "type", "nulls", "distinct", "from", "to", "example"]
    rows = [_row(column) for column in one.columns[:COLUMNS_SHOWN]]
    for place in reversed(range(2, len(head))):  # what is known of no column takes no room
        if not any(row[place] for row in rows):
            del head[place]
            for row in rows:
                del row[place]
    table(head, rows, right=("nulls", "distinct"), fold="column type")
    if len(one.columns) > COLUMNS_SHOWN:
        say(f"{_INDENT}and {len(one.columns) - COLUMNS_SHOWN} columns more: --json has all of them")


def _row(column: Column) -> list[Any]:
    kind = f"{column.type.value} {column.format}".strip()
    if column.type in {Type.DECIMAL, Type.FLOAT} and column.decimal_mark != ".":
        kind += f" 0{column.decimal_mark}0"
    if column.misfits:
        kind += f" but {column.misfits:,}"
    distinct = "" if column.distinct is None else f"{column.distinct:,}"
    return [
        column.name,
        kind,
        "" if column.nulls is None else f"{column.nulls:,}",
        f"{distinct} all" if column.is_unique and distinct else distinct,
        _short(column.min),
        _short(column.max),
        _short(next(iter(column.samples), None)),
    ]


def _short(value: str | None) -> str:
    if value is None:
        return ""
    chars = _NARROW_CHARS if stdout().width < _NARROW else _VALUE_CHARS
    return value if len(value) <= chars else f"{value[: chars - 1]}…"


def _tell_members(finding: Finding) -> None:
    if not finding.members:
        return
    _heading("What it holds")
    rows = [
        (
            each.name,
            "" if each.size_bytes is None else size_text(each.size_bytes),
            each.why if each.finding is None else _capital(spoken(each.finding.format)),
            "" if each.finding is None or each.finding.rows is None else f"{each.finding.rows:,}",
            "" if each.finding is None else coloured(each.finding.wholeness.verdict.value),
        )
        for each in finding.members[:MEMBERS_SHOWN]
    ]
    table(("file", "size", "what", "rows", "whole"), rows, right=("size", "rows"), fold="file what")
    if len(finding.members) > MEMBERS_SHOWN:
        say(f"{_INDENT}and {len(finding.members) - MEMBERS_SHOWN} more: --json has all of them")


# --- what looks wrong, and how to read it -----------------------------------------------------------------------------


def _tell_problems(problems: Sequence[Problem]) -> None:
    _heading("What looks wrong")
    if not problems:
        say(f"{_INDENT}Nothing.")
    for number, each in enumerate(problems[:PROBLEMS_SHOWN], 1):
        stdout().print(Text.assemble(f"{number:>2} ", (shown(problem_text(each)), DOUBTFUL)), soft_wrap=True)
        if each.examples:
            say(f"{_INDENT}Such as: {', '.join(shown(_short(example)) for example in each.examples)}")
        if (code := CODES.get(each.code)) is not None and code.advice:
            say(f"{_INDENT}Tell the sender: {code.advice}")
    if len(problems) > PROBLEMS_SHOWN:
        say(f"{_INDENT}and {len(problems) - PROBLEMS_SHOWN} more: --json has all of them")


def problem_text(problem: Problem) -> str:
    """A problem in a sentence, with how often and where."""
    where = [] if problem.count <= 1 else [f"{problem.count:,} times"]
    if problem.row is not None and f"{problem.row:,}" not in problem.sentence:
        where.append(f"first in row {problem.row:,}" if problem.count > 1 else f"row {problem.row:,}")
    return f"{problem.sentence} ({', '.join(where)})" if where else problem.sentence


def _tell_recipes(recipes: Sequence[Recipe], engines: Sequence[str], place: str) -> None:
    if not recipes:
        return
    _heading("How to read it")
    wanted = [each for each in recipes if each.engine in engines and each.code]
    for each in wanted:
        tried = {True: ("tried, reads as found", ""), False: ("tried, reads otherwise", BAD), None: ("not tried", "")}
        words, style = tried[each.proved]
        stdout().print(Text.assemble(_INDENT, each.engine, " (", (words, style), ")"), soft_wrap=True)
        if each.why:
            say(f"{_INDENT}{shown(each.why)}")
        for line in each.code.replace("{path}", place or "{path}").splitlines():
            say(f"{_INDENT}{_INDENT}{shown(line)}", style=MARK)
    others = dict.fromkeys(each.engine for each in recipes if each.engine not in engines and each.code)
    if others:
        say(f"{_INDENT}Also: {', '.join(others)}. `--engine {next(iter(others))}` shows it.")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
