"""Findings without the values that stand in the bytes: for those who may not read them, and for what was erased."""

from __future__ import annotations

import msgspec

from headwater.formats.finding import Column, Finding, Problem, Table, Wholeness


def without_samples(finding: Finding) -> Finding:
    """Without samples, extremes and examples: names and types of columns, counts and sentences stay."""
    return msgspec.structs.replace(
        finding,
        schema=tuple(_table(table) for table in finding.schema),
        problems=tuple(msgspec.structs.replace(problem, examples=()) for problem in finding.problems),
        members=tuple(
            msgspec.structs.replace(each, finding=each.finding and without_samples(each.finding))
            for each in finding.members
        ),
    )


def of_erased(finding: Finding) -> Finding:
    """What may be kept once the bytes were erased: formats, types and counts, and no word that was made from them."""
    bare = without_samples(finding)
    return msgspec.structs.replace(
        bare,
        evidence=(),
        alternatives=(),
        encoding=bare.encoding and msgspec.structs.replace(bare.encoding, evidence=(), alternatives=()),
        schema=tuple(_nameless(table) for table in bare.schema),
        wholeness=Wholeness(bare.wholeness.verdict),
        problems=tuple(Problem(each.code, "The bytes were erased.", each.count) for each in bare.problems),
        recipes=(),
        members=(),
        unread="",
    )


def _table(table: Table) -> Table:
    return msgspec.structs.replace(table, columns=tuple(_column(column) for column in table.columns))


def _column(column: Column) -> Column:
    return msgspec.structs.replace(column, min=None, max=None, samples=())


def _nameless(table: Table) -> Table:
    columns = tuple(msgspec.structs.replace(each, null_texts=(), path=()) for each in table.columns)
    return msgspec.structs.replace(table, columns=columns)
