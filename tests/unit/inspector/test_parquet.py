from __future__ import annotations

import io

import pyarrow.parquet as pq

from headwater.formats.finding import Csv, Encoding, Layer, Recipe
from headwater.inspector.parquet import table
from tests.contract.books.test_findings import a_finding, inspected


def test_a_finding_is_a_row(worker):
    """With format, schema, wholeness, problems, recipes, and no value of the bytes; a worker makes the same file."""
    finding = a_finding(
        dialect=Csv(";"),
        encoding=Encoding("cp1252", 0.9),
        layers=(Layer("gzip"),),
        recipes=(Recipe("duckdb", "SELECT 1", proved=True), Recipe("spark", "", why="It has no reader.")),
    )
    findings = [inspected(1, finding=finding), inspected(2)]
    data = table(findings)
    first, second = pq.read_table(io.BytesIO(data)).to_pylist()
    assert first["position"] == 1
    assert (first["format"], first["delimiter"], first["encoding"], first["layers"]) == ("csv", ";", "cp1252", ["gzip"])
    assert [column["name"] for column in first["columns"]] == ["customer"]
    assert first["wholeness"] == "presumed"
    assert first["recipes"] == [{"engine": "duckdb", "code": "SELECT 1", "proved": True}]
    assert second["encoding"] is None
    assert b"Ann" not in data
    assert "Ann" not in str([first, second])
    assert worker.table(findings) == data
    assert worker.table([]) == table([])
