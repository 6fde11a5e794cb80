from __future__ import annotations

import gzip
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from headwater.formats.budget import Budget
from headwater.formats.examine import Examined, examine
from headwater.formats.finding import Column, Csv, Finding, Json, Table, Type
from headwater.formats.values.types import uncounted
from headwater.readers.contents import Unreadable, choose, described_of, patient
from headwater.readers.engine import Engine
from headwater.readers.local import LocalFile
from headwater.readers.profile import LARGE_BYTES_MIN, profile
from headwater.readers.relation import Place, part_of
from headwater.testing.memory_ranges import MemoryRanges
from tests.findings import finding, table


@pytest.fixture
def engine(tmp_path):
    """One DuckDB that may read the test's folder."""
    with Engine(allowed=[tmp_path]) as opened:
        yield opened


def sampled(dialect: Csv | Json, *columns: Column, **more) -> Finding:
    """A finding of a file of which only a part was seen."""
    seen = Table("", tuple(uncounted(column) for column in columns))
    found = finding("csv" if isinstance(dialect, Csv) else "ndjson", dialect, seen, **more)
    return msgspec.structs.replace(found, rows=None, is_all=False, unread="Only a part.")


def profiled(engine: Engine, path: Path, found: Finding, budget: Budget | None = None) -> Finding:
    """The finding after a pass over all rows."""
    with LocalFile(path) as file:
        described = msgspec.structs.replace(described_of(found), unread=found.unread)
        return profile(Examined(found, file, described), file, engine, budget or patient())


def test_every_value_is_counted(engine, tmp_path):
    """Rows, nulls, distinct values, the least and the greatest in the order of the type, lengths, what is unique."""
    path = tmp_path / "f"
    lines = [f"{n};{n % 7},5;{n % 28 + 1:02}.01.2024;x" for n in range(1000)]
    path.write_text("\n".join(["id;amount;day;code", *lines, "1000;;;", ""]))
    columns = (
        Column("id", Type.INTEGER),
        Column("amount", Type.DECIMAL, decimal_mark=","),
        Column("day", Type.DATE, format="%d.%m.%Y"),
        Column("code"),
    )
    found = profiled(engine, path, sampled(Csv(";"), *columns))
    id_, amount, day, code = found.schema[0].columns
    assert (found.rows, found.schema[0].rows_by, found.is_all, found.unread) == (1001, "counted", True, "")
    assert (id_.nulls, id_.distinct, id_.min, id_.max, id_.misfits, id_.is_unique) == (0, 1001, "0", "1000", 0, True)
    assert (amount.nulls, amount.min, amount.max, amount.is_unique) == (1, "0.5", "6.5", False)
    assert (day.nulls, day.min, day.max, day.length_min, day.length_max) == (1, "2024-01-01", "2024-01-28", 10, 10)
    assert (code.nulls, code.distinct, code.min) == (1, 1, "x")


def test_a_value_that_does_not_fit_makes_the_type_unsure(engine, tmp_path):
    """One text among numbers, far behind, is counted, and the column is read as text from then on."""
    path = tmp_path / "f"
    path.write_text("a,b\n" + "1,2\n" * 500 + "x,2\n")
    found = profiled(engine, path, sampled(Csv(","), Column("a", Type.INTEGER), Column("b", Type.NULL)))
    first, second = found.schema[0].columns
    assert (first.type, first.misfits, first.confidence <= 0.9) == (Type.INTEGER, 1, True)
    assert second.type is Type.TEXT
    part = part_of(found, choose(found), Place(LocalFile(path)), engine)
    assert dict(engine.columns(part.text())) == {"a": "VARCHAR", "b": "VARCHAR"}
    assert engine.rows(f"SELECT count(*), max(a) FROM ({part.text()})") == [(501, "x")]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_ragged_rows_are_counted_and_read_all_the_same(engine, tmp_path, end):
    """Rows with too few or too many fields are told by number and line, and none of them is lost."""
    path = tmp_path / "f"
    lines = ["a,b,c", *["1,x,y"] * 300, "2,x", '3,"x\ny",z', "4,x,y,z", *["5,x,y"] * 300]
    path.write_bytes("".join(line + end for line in lines).encode())
    found = profiled(engine, path, sampled(Csv(",", line_end=end), Column("a", Type.INTEGER), Column("b"), Column("c")))
    assert isinstance(found.dialect, Csv)
    assert (found.rows, found.dialect.short_rows, found.dialect.long_rows) == (603, 1, 1)
    (problem,) = found.problems
    assert problem.code == "ragged_rows"
    assert problem.sentence == (
        "1 row has fewer fields than there are columns and 1 row has more fields than there are columns, "
        "the first in line 302."
    )
    assert problem.examples == ("2,x", "4,x,y,z")
    part = part_of(found, choose(found), Place(LocalFile(path)), engine)
    assert engine.rows(f"SELECT count(*), sum(a) FROM ({part.text()})") == [(603, 300 + 9 + 1500)]


def test_a_sample_that_saw_ragged_rows_where_none_are_is_corrected(engine, tmp_path):
    """A pass over all rows has the last word."""
    path = tmp_path / "f"
    path.write_text("a,b\n1,2\n3,4\n")
    found = profiled(
        engine, path, sampled(Csv(",", short_rows=3), Column("a", Type.INTEGER), Column("b", Type.INTEGER))
    )
    assert (found.dialect.short_rows, found.problems) == (0, ())


class SaysLarge(LocalFile):
    """A file that is taken for a large one."""

    @property
    def size_bytes(self) -> int:
        return LARGE_BYTES_MIN + 1


@pytest.mark.parametrize(
    "rows",
    [
        ["1,x,0.5"],
        ["1,x,0.5", "none,none,"],
        ["1,x,0.5", 'NA,"",7', ",,"],
        ["1,x,0.5", "two,x,0.5"],
        ["1,x,0.5", "none,x,none"],
        ["1,x", "1,x,0.5,9", '"1","a ""b""\nc",0'],
    ],
    ids=["sound", "null texts", "empty texts", "a misfit", "a foreign null text", "ragged"],
)
def test_a_large_file_is_told_as_a_small_one(engine, tmp_path, rows):
    """Values read as their types at once, or as texts first: the finding is the same, but for lengths of numbers."""
    path = tmp_path / "f"
    path.write_text("\n".join(["a,b,c", *["7,y,1.5"] * 50, *rows, ""]))
    columns = (
        Column("a", Type.INTEGER, null_texts=("none", "NA")),
        Column("b", null_texts=("", "none")),
        Column("c", Type.FLOAT),
    )
    given = sampled(Csv(",", short_rows=3), *columns)
    small = profiled(engine, path, given)
    with SaysLarge(path) as file:
        described = msgspec.structs.replace(described_of(given), unread=given.unread)
        large = profile(Examined(given, file, described), file, engine, patient())
    assert (large.rows, large.dialect, large.problems, large.is_all) == (
        50 + len(rows),
        small.dialect,
        small.problems,
        True,
    )
    for one, other in zip(large.schema[0].columns, small.schema[0].columns, strict=True):
        same = {"length_min": other.length_min, "length_max": other.length_max} if one.type is not Type.TEXT else {}
        assert msgspec.structs.replace(one, **same) == other


def test_blanks_before_a_text_that_stands_for_null_are_no_part_of_it(engine, tmp_path):
    """A null text is null behind blanks too, where blanks pad the fields."""
    path = tmp_path / "f"
    path.write_text("a,b\n1,   none\n2,    x\n3,none\n")
    given = sampled(Csv(",", pads=True), Column("a", Type.INTEGER), Column("b", null_texts=("none",)))
    assert profiled(engine, path, given).schema[0].columns[1].nulls == 2


def test_lines_of_json_are_counted(engine, tmp_path):
    """NDJSON is counted like delimited text; a date in it has its order."""
    path = tmp_path / "f"
    path.write_text('{"a": 1, "d": "2024-01-31"}\n{"a": null, "d": "2023-01-31", "x": {"y": 1}}\n')
    columns = (Column("a", Type.INTEGER), Column("d", Type.DATE, format="%Y-%m-%d"), Column("x", Type.STRUCT))
    first, day, struct = profiled(engine, path, sampled(Json("lines"), *columns)).schema[0].columns
    assert (first.nulls, first.min, first.max) == (1, "1", "1")
    assert (day.min, day.max, day.distinct) == ("2023-01-31", "2024-01-31", 2)
    assert (struct.nulls, struct.min) == (1, None)


def test_a_spent_budget_leaves_the_finding_as_it_was(engine, tmp_path):
    """What there was no time for stays uncounted, and is said to be."""
    path = tmp_path / "f"
    path.write_text("a\n1\n")
    given = sampled(Csv(","), Column("a", Type.INTEGER))
    assert profiled(engine, path, given, Budget(1, -1.0, time.monotonic)) == given


def test_bytes_that_are_no_such_table_leave_the_finding_as_it_was(engine, tmp_path):
    """What DuckDB cannot count is not counted, and nothing is raised."""
    path = tmp_path / "f"
    path.write_bytes(b"\x00\xff" * 500)
    given = sampled(Json("lines"), Column("a", Type.INTEGER))
    assert profiled(engine, path, given) == given


def test_what_is_packed_is_counted_and_what_is_cut_too(engine, tmp_path):
    """Through gzip as it lies there; of a cut one all that can be had."""
    data = "".join(f"{n},{n % 3}\n" for n in range(20000)).encode()
    whole, cut = tmp_path / "whole.csv.gz", tmp_path / "cut.csv.gz"
    packed = gzip.compress(b"id,b\n" + data)
    whole.write_bytes(packed)
    cut.write_bytes(packed[: len(packed) // 2])
    for path, least in ((whole, 20000), (cut, 5000)):
        with LocalFile(path) as file:
            examined = examine(file, patient, name=path.name)
            found = profile(examined, file, engine, patient())
            assert (found.rows or 0) >= least
            part = part_of(found, choose(found), Place(file), engine)
            assert engine.rows(f"SELECT count(*), min(id) FROM ({part.text()})") == [(found.rows, 0)]


def test_a_table_of_a_database_file_is_a_relation(engine, tmp_path):
    """A table is named by its name; without one, of several, all names are told; a wrong one too."""
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE orders (id INTEGER, day TEXT)")
        database.execute("CREATE TABLE people (name TEXT)")
        database.executemany("INSERT INTO orders VALUES (?, ?)", [(1, "2024-01-31"), (2, None)])
    database.close()
    with LocalFile(path) as file:
        found = profile(examine(file, patient, name=path.name), file, engine, patient())
        part = part_of(found, choose(found, "ORDERS"), Place(file), engine)
        assert engine.rows(f"SELECT id, CAST(day AS VARCHAR) FROM ({part.text()})") == [(1, "2024-01-31"), (2, None)]
    with pytest.raises(Unreadable, match=r"It holds 2 tables\. Name one after a '#': 'orders', 'people'"):
        choose(found)
    with pytest.raises(Unreadable, match="It has no table 'x', but 'orders', 'people'"):
        choose(found, "x")


def test_a_footer_is_no_row(engine, tmp_path):
    """What stands behind the last row is left out of the relation, and types hold."""
    path = tmp_path / "f"
    path.write_text("a,b\n1,x\n2,y\nTOTAL,2\n")
    found = finding("csv", Csv(",", footer_rows=1), table(["a", "b"], [["1", "x"], ["2", "y"]]))
    part = part_of(found, choose(found), Place(LocalFile(path)), engine)
    assert engine.rows(f"SELECT sum(a), max(b) FROM ({part.text()})") == [(3, "y")]


class FarAway(MemoryRanges):
    """Bytes without a file, whose reading costs all the time there is."""

    def __init__(self, data: bytes, budget: Budget) -> None:
        super().__init__(data, piece_bytes=100)
        self._budget = budget

    def stream(self, offset: int = 0) -> Iterator[bytes]:
        for piece in super().stream(offset):
            yield piece
            self._budget.is_spent = True


def test_what_there_is_no_time_to_bring_near_stays_uncounted(engine):
    """Bytes of an object are brought near only as far as the budget goes; half of them are never counted as all."""
    budget = Budget(1 << 40, 60.0, time.monotonic)
    given = sampled(Csv(","), Column("a", Type.INTEGER), Column("b", Type.INTEGER))
    far = FarAway(b"a,b\n" + b"1,2\n" * 500, budget)
    described = msgspec.structs.replace(described_of(given), unread=given.unread)
    assert profile(Examined(given, far, described), far, engine, budget) == given


def test_one_job_leaves_nothing_to_the_next(engine, tmp_path):
    """Rows that were refused in one file are not counted in the next."""
    ragged, sound = tmp_path / "r", tmp_path / "s"
    ragged.write_bytes(b"a,b\n1\n2,3\n")
    sound.write_bytes(b"a,b\n1,2\n")
    columns = (Column("a", Type.INTEGER), Column("b", Type.INTEGER))
    assert profiled(engine, ragged, sampled(Csv(","), *columns)).dialect.short_rows == 1
    engine.rows("CREATE TABLE reject_errors (line BIGINT, error_type VARCHAR, csv_line VARCHAR)")
    engine.rows("INSERT INTO reject_errors VALUES (1, 'MISSING COLUMNS', 'x')")
    assert profiled(engine, sound, sampled(Csv(","), *columns)).dialect.short_rows == 0
