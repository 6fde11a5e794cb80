import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.formats.budget import Budget
from headwater.formats.dumps import sqlite
from headwater.formats.finding import Dump
from headwater.formats.format import Ends
from headwater.terms import Completeness
from headwater.testing.memory_ranges import MemoryRanges

DUMPS = Path(__file__).parents[2] / "data" / "dumps"


def much() -> Budget:
    """More than any sample wants, on a clock that stands still."""
    return Budget(1 << 40, 1e9, lambda: 0.0)


def database(*statements: str, rows: tuple[str, Sequence[tuple[object, ...]]] | None = None) -> bytes:
    """The bytes of a database that SQLite makes."""
    connection = sqlite3.connect(":memory:")
    for statement in statements:
        connection.execute(statement)
    if rows:
        connection.executemany(*rows)
    connection.commit()
    data = connection.serialize()
    connection.close()
    return data


def rows_of(data: bytes, table: str) -> list[list[str | None]]:
    """The rows of a table."""
    ranges = MemoryRanges(data)
    found = sqlite.describe(ranges, much())
    return [list(row.values()) for batch in sqlite.batches(ranges, found, table, much()) for row in batch.to_pylist()]


def test_the_samples_are_described():
    """Tables, counts, version and encoding of databases that SQLite's program made; its own tables are not shown."""
    found = sqlite.describe(MemoryRanges((DUMPS / "sqlite.db").read_bytes()), much())
    assert found.dialect == Dump("sqlite", "3.40.1")
    assert found.wholeness.verdict is Completeness.PROVEN
    assert {table.name: table.rows for table in found.tables} == {
        "orders": 44,
        "we ird": 3,
        "empty": 0,
        "wr": 3,
        "auto": 2,
    }
    wide = sqlite.describe(MemoryRanges((DUMPS / "sqlite_utf16.db").read_bytes()), much())
    assert wide.encoding is not None
    assert wide.encoding.name == "utf-16-le"
    assert rows_of((DUMPS / "sqlite_utf16.db").read_bytes(), "t")[6] == ["7", "Zoë 7", "00" * 49]


def test_values_come_out_by_storage_class():
    """Integers, floats, texts, bytes and nulls are read as SQLite stores them; the key of a row is its number."""
    data = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b REAL)",
        rows=(
            "INSERT INTO t VALUES (?, ?, ?)",
            [(-5, "x", 1), (2, b"\x00\xff", 2.5), (3, None, None), (4, -(2**63), 1e300), (5, 0, -7), (6, 1, 0.1)],
        ),
    )
    assert rows_of(data, "t") == [
        ["-5", "x", "1.0"],
        ["2", "00ff", "2.5"],
        ["3", None, None],
        ["4", "-9223372036854775808", "1e+300"],
        ["5", "0", "-7.0"],
        ["6", "1", "0.1"],
    ]


@pytest.mark.parametrize("page_bytes", [512, 4096, 65536])
def test_trees_of_many_pages_and_long_rows_are_walked(page_bytes):
    """Rows over many pages, and rows that overflow into others, are counted and read in order."""
    expected = [(number, "x" * (number * 37 % 3000)) for number in range(500)]
    data = database(
        f"PRAGMA page_size={page_bytes}",
        "CREATE TABLE t (a INT, b TEXT)",
        "CREATE TABLE w (k TEXT PRIMARY KEY, a INT, b TEXT) WITHOUT ROWID",
        rows=("INSERT INTO t VALUES (?, ?)", expected),
    )
    assert rows_of(data, "t") == [[str(a), b] for a, b in expected]
    found = sqlite.describe(MemoryRanges(data), much())
    assert found.wholeness.verdict is Completeness.PROVEN
    assert [(table.name, table.rows) for table in found.tables] == [("t", 500), ("w", 0)]


def test_tables_without_row_ids_are_read():
    """Their key lies first in the record and their rows in inner pages too; columns come in the order of the table."""
    data = database(
        "PRAGMA page_size=512",
        "CREATE TABLE w (a TEXT, k INT, b TEXT, PRIMARY KEY (b, k)) WITHOUT ROWID",
        rows=("INSERT INTO w VALUES (?, ?, ?)", [(f"a{n}", n, f"b{n % 7}") for n in range(300)]),
    )
    found = rows_of(data, "w")
    assert len(found) == 300
    assert sorted(found) == sorted([f"a{n}", str(n), f"b{n % 7}"] for n in range(300))


def test_added_and_computed_columns_have_no_bytes():
    """A column added later is null in older rows; a virtual one is not stored."""
    data = database(
        "CREATE TABLE t (a INT, v INT AS (a * 2) VIRTUAL, s INT AS (a * 3) STORED)",
        "INSERT INTO t VALUES (1)",
        "ALTER TABLE t ADD COLUMN n TEXT",
    )
    assert rows_of(data, "t") == [["1", None, "3", None]]


@pytest.mark.parametrize("name", ["sqlite.db", "sqlite_utf16.db", "sqlite_wal.db"])
def test_every_cut_is_suspect(name):
    """Cut at 200 places a database is always suspect."""
    data = (DUMPS / name).read_bytes()
    places = {len(data) - number for number in range(1, 21)} | {
        1 + number * (len(data) - 2) // 180 for number in range(180)
    }
    for place in places:
        assert sqlite.describe(MemoryRanges(data[:place]), much()).wholeness.verdict is Completeness.SUSPECT, place


def test_a_file_longer_than_it_says_is_suspect():
    """Bytes behind the last page are told."""
    data = (DUMPS / "sqlite.db").read_bytes()
    found = sqlite.describe(MemoryRanges(data + bytes(1024)), much())
    assert [problem.code for problem in found.problems] == ["size_disagrees"]
    assert found.wholeness.verdict is Completeness.SUSPECT


def test_a_write_ahead_log_is_asked_for():
    """A database that is used with a -wal file may lack what is in it, and is presumed."""
    found = sqlite.describe(MemoryRanges((DUMPS / "sqlite_wal.db").read_bytes()), much())
    assert [problem.code for problem in found.problems] == ["wal_missing"]
    assert found.wholeness.verdict is Completeness.PRESUMED
    assert found.tables[0].rows == 40


def test_circles_end():
    """A page that points back to its own tree, and a long row that overflows into itself, are damage."""
    data = bytearray(
        database("PRAGMA page_size=512", "CREATE TABLE t (a)", rows=("INSERT INTO t VALUES (?)", [("x" * 90,)] * 60))
    )
    assert data[512] == 5
    data[512 + 8 : 512 + 12] = (2).to_bytes(4, "big")
    found = sqlite.describe(MemoryRanges(bytes(data)), much())
    assert [problem.code for problem in found.problems] == ["damaged_page"]
    assert "circle" in found.wholeness.reasons[0]
    long = bytearray(database("PRAGMA page_size=512", "CREATE TABLE t (a)", "INSERT INTO t VALUES (zeroblob(90000))"))
    long[1024:1028] = (3).to_bytes(4, "big")
    assert "circle" in sqlite.describe(MemoryRanges(bytes(long)), much()).wholeness.reasons[0]


def test_virtual_tables_are_left_out_and_told():
    """A table whose rows lie elsewhere is not counted as empty."""
    data = database("CREATE TABLE t (a)", "CREATE VIRTUAL TABLE f USING fts5(x)")
    found = sqlite.describe(MemoryRanges(data), much())
    assert "f is virtual" in found.unread
    assert "f" not in {table.name for table in found.tables}


def test_inside_a_compression_it_is_read_once():
    """Where ranges are not cheap the bytes are held, and read in one pass."""

    class Costly(MemoryRanges):
        is_cheap = False

    ranges = Costly((DUMPS / "sqlite.db").read_bytes(), piece_bytes=100)
    found = sqlite.describe(ranges, much())
    assert found.wholeness.verdict is Completeness.PROVEN
    assert ranges.reads == 2


def test_a_spent_budget_counts_nothing():
    """Rows that were not all seen are not counted, and it is said."""
    found = sqlite.describe(MemoryRanges((DUMPS / "sqlite.db").read_bytes()), Budget(10, 1e9, lambda: 0.0))
    assert not found.is_all
    assert all(table.rows is None for table in found.tables)


def test_it_is_known_by_its_magic():
    """Nothing else begins like it."""
    guess = sqlite.recognise(Ends(b"SQLite format 3\0rest", b"", None))
    assert guess is not None
    assert guess.confidence == 1.0
    assert sqlite.recognise(Ends(b"SQLite format 2", b"", None)) is None


@settings(max_examples=150)
@given(st.data())
def test_no_byte_breaks_it(data):
    """Whichever bytes are others, it ends without an exception, and rows can be asked for."""
    changed = bytearray((DUMPS / data.draw(st.sampled_from(["sqlite.db", "sqlite_utf16.db"]))).read_bytes())
    for _ in range(3):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    ranges = MemoryRanges(bytes(changed))
    found = sqlite.describe(ranges, much())
    for table in found.tables[:2]:
        list(sqlite.batches(ranges, found, table.name, much()))
