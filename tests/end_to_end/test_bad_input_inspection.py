"""Input that means harm is inspected within little memory and time, and the finding says what it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from headwater.terms import Completeness
from tests.corpus.hostile import CASES, MEMORY_BYTES_MAX, Looked

ROOT = Path(__file__).parents[2]
SECONDS_MAX = 100


class Told(NamedTuple):
    """What the finding must say: the format, a problem, a verdict if it is clear; of what was not read, some words."""

    format: str
    code: str = ""
    verdict: str = ""
    unread: str = ""


TOLD = {
    "gzip_bomb": Told("zeros", "bomb", "presumed"),
    "zip_bomb": Told("csv", "bomb"),
    "zip_nested": Told("zip", unread="layers"),
    "zip_overlap": Told("zip", "overlapping_members", "suspect"),
    "zip_many": Told("zip", "too_many_members"),
    "zip_unsafe": Told("zip", "unsafe_names"),
    "tar_lies": Told("csv", verdict="suspect"),
    "xz_greedy": Told("empty", "unpack_limit", "suspect"),
    "zstd_greedy": Told("empty", "unpack_limit", "suspect"),
    "gzip_junk": Told("csv", "junk_after_end", "suspect"),
    "laughs": Told("xml", "entity_attack", unread="not looked at"),
    "blowup": Told("xml", "entity_attack", unread="not looked at"),
    "external": Told("xml", "entities"),
    "xml_deep": Told("xml", "deep_nesting", "suspect"),
    "xml_attribute": Told("xml", "row_too_long"),
    "json_deep": Told("json", "deep_nesting", "suspect"),
    "json_deep_objects": Told("json", "deep_nesting", "suspect"),
    "json_long_text": Told("json", unread="only the first"),
    "ndjson_long_line": Told("ndjson", "row_too_long"),
    "one_line": Told("text", unread="looked at"),
    "one_row": Told("csv", "too_many_columns"),
    "open_quote": Told("csv", unread="looked at", verdict="suspect"),
    "wide": Told("csv", "too_many_columns"),
    "nul_file": Told("zeros", "name_disagrees"),
    "nul_bytes": Told("csv", "nul_bytes"),
    "cut_characters": Told("csv"),
    "sql_open_text": Told("sql_dump", unread="only the first", verdict="suspect"),
    "sql_deep": Told("sql_dump", verdict="suspect"),
    "parquet_lies": Told("parquet", "damaged_footer", "suspect"),
    "parquet_long_footer": Told("parquet", "damaged_footer", "suspect"),
    "thrift_lies": Told("parquet", "damaged_footer", "suspect"),
    "avro_lies": Told("avro", verdict="suspect"),
    "arrow_lies": Told("arrow", "damaged_footer", "suspect"),
    "orc_lies": Told("orc", verdict="suspect"),
    "sqlite_lies": Told("sqlite", "damaged_page", "suspect"),
    "pgdump_lies": Told("sql_dump", verdict="suspect"),
    "sheet_bomb": Told("xlsx"),
    "name_csv_is_parquet": Told("parquet", "name_disagrees"),
    "name_csv_is_gzip": Told("csv", "name_disagrees_compression"),
    "name_gzip_is_csv": Told("csv", "name_disagrees_compression"),
    "name_json_is_xml": Told("xml", "name_disagrees"),
}


def _looked(case: str) -> Looked:
    command = [sys.executable, "-m", "tests.corpus.hostile", case]
    done = subprocess.run(command, check=False, capture_output=True, cwd=ROOT, timeout=SECONDS_MAX)
    assert done.returncode == 0, done.stderr.decode()
    return msgspec.json.decode(done.stdout, type=Looked)


@pytest.mark.parametrize("case", CASES)
def test_harmful_input_is_called_what_it_is(case):
    """Within 900 MiB and its budget of seconds, each is a finding of the right format that says what is wrong."""
    looked = _looked(case)
    finding, told = looked.finding, TOLD[case]
    members = [member.finding for member in finding.members if member.finding]
    assert told.format in {finding.format, *(found.format for found in members)}
    assert not told.code or told.code in {problem.code for problem in finding.problems}
    assert told.verdict in {"", finding.wholeness.verdict}
    assert told.unread in finding.unread.lower()
    assert bool(told.unread) <= (not finding.is_all)
    assert looked.peak_bytes < MEMORY_BYTES_MAX


def test_a_character_at_a_chunks_edge_is_no_error():
    """A file of characters of two to four bytes, which every piece cuts somewhere, is UTF-8 with all of its rows."""
    finding = _looked("cut_characters").finding
    assert finding.encoding is not None
    assert (finding.encoding.name, finding.rows, finding.problems) == ("utf-8", 3000, ())


def test_nothing_outside_of_a_file_is_fetched_for_it():
    """An external entity stands nowhere in the finding: neither its text nor that of a file that it names."""
    finding = _looked("external").finding
    assert b"root:" not in msgspec.json.encode(finding)
    assert finding.wholeness.verdict is not Completeness.PARTIAL
