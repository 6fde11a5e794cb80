"""Findings as Parquet: a row a finding, with what it says of format, schema and wholeness, and no value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from headwater.formats.finding import Csv, Problem, Table
from headwater.ports.findings import Inspected
from headwater.terms import time_text

if TYPE_CHECKING:
    import pyarrow as pa


def table(findings: Sequence[Inspected]) -> bytes:
    """The file. The same findings give the same bytes, from the same version of PyArrow."""
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.parquet as pq  # noqa: PLC0415

    sink = pa.BufferOutputStream()
    rows = pa.Table.from_pylist([_row(each) for each in findings], schema=_schema())
    pq.write_table(rows, sink, compression="zstd")
    return bytes(sink.getvalue())


def _schema() -> pa.Schema:
    import pyarrow as pa  # noqa: PLC0415

    text, number = pa.string(), pa.int64()
    column = pa.struct(
        {
            "table": text,
            "name": text,
            "type": text,
            "written": text,
            "format": text,
            "nulls": number,
            "distinct": number,
        }
    )
    problem = pa.struct({"code": text, "table": text, "column": text, "row": number, "count": number})
    recipe = pa.struct({"engine": text, "code": text, "proved": pa.bool_()})
    return pa.schema(
        {
            "id": text,
            "position": number,
            "name": text,
            "size_bytes": number,
            "detector": text,
            "run": number,
            "made_at": text,
            "format": text,
            "confidence": pa.float64(),
            "layers": pa.list_(text),
            "encoding": text,
            "delimiter": text,
            "rows": number,
            "columns": pa.list_(column),
            "wholeness": text,
            "problems": pa.list_(problem),
            "recipes": pa.list_(recipe),
        }
    )


def _row(inspected: Inspected) -> dict[str, Any]:
    finding = inspected.finding
    return {
        "id": inspected.id,
        "position": inspected.position,
        "name": finding.name,
        "size_bytes": finding.size_bytes,
        "detector": inspected.detector,
        "run": inspected.run,
        "made_at": time_text(inspected.made_at),
        "format": finding.format,
        "confidence": finding.confidence,
        "layers": [layer.format for layer in finding.layers],
        "encoding": finding.encoding and finding.encoding.name,
        "delimiter": finding.dialect.delimiter if isinstance(finding.dialect, Csv) else None,
        "rows": finding.rows,
        "columns": list(_columns(finding.schema)),
        "wholeness": finding.wholeness.verdict.value,
        "problems": [_problem(problem) for problem in finding.problems],
        "recipes": [
            {"engine": each.engine, "code": each.code, "proved": each.proved} for each in finding.recipes if each.code
        ],
    }


def _columns(schema: Iterable[Table]) -> Iterable[dict[str, Any]]:
    for one in schema:
        for column in one.columns:
            yield {
                "table": one.name,
                "name": column.name,
                "type": column.type.value,
                "written": column.written,
                "format": column.format,
                "nulls": column.nulls,
                "distinct": column.distinct,
            }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "table": problem.table,
        "column": problem.column,
        "row": problem.row,
        "count": problem.count,
    }
