from pathlib import Path

import pytest

from headwater.formats.budget import Budget
from headwater.formats.detect import detect
from headwater.formats.dumps import sql_dump
from headwater.formats.examine import ends_of
from headwater.formats.finding import Description, Dump, Type
from headwater.formats.format import Ends
from headwater.terms import Completeness
from headwater.testing.memory_ranges import MemoryRanges

DUMPS = Path(__file__).parents[2] / "data" / "dumps"
PROVEN, PRESUMED, SUSPECT = Completeness.PROVEN, Completeness.PRESUMED, Completeness.SUSPECT
SAMPLES = {
    "pg_copy.sql": ("pg_dump", PROVEN, {"public.orders": 45, "public.we ird": 3, "sales.empty": 0, "sales.lines": 40}),
    "pg_inserts.sql": ("pg_dump", PROVEN, {"public.orders": 45, "public.we ird": 3, "sales.lines": 40}),
    "pg_column_inserts.sql": ("pg_dump", PROVEN, {"public.orders": 45, "public.we ird": 3}),
    "pg_latin1.sql": ("pg_dump", PROVEN, {"public.we ird": 3, "sales.lines": 40}),
    "pg_schema_clean.sql": ("pg_dump", PROVEN, {"public.orders": 0}),
    "pg_all.sql": ("pg_dump", PROVEN, {"shop.public.orders": 45, "shop.sales.lines": 40}),
    "pg_custom.dump": ("pg_dump_custom", PROVEN, {"public.orders": 45, "public.we ird": 3, "sales.lines": 40}),
    "pg_custom_z0.dump": ("pg_dump_custom", PROVEN, {"public.orders": 45, "sales.lines": 40}),
    "pg_custom_piped.dump": ("pg_dump_custom", PROVEN, {"public.orders": 45, "sales.lines": 40}),
    "pg_custom_inserts.dump": ("pg_dump_custom", PROVEN, {"public.orders": 45, "sales.lines": 40}),
    "pg_tar.tar": ("pg_dump_tar", PROVEN, {"public.orders": 45, "sales.lines": 40}),
    "pg_directory.tar": ("pg_dump_tar", PROVEN, {"public.orders": 45, "sales.lines": 40}),
    "mariadb.sql": ("mariadb-dump", PROVEN, {"empty": 0, "generated": 2, "orders": 45, "we ird": 3}),
    "mariadb_rows.sql": ("mariadb-dump", PROVEN, {"generated": 2, "orders": 45, "we ird": 3}),
    "mariadb_skip_comments.sql": ("mariadb-dump", PRESUMED, {"shop.generated": 2, "shop.orders": 45}),
    "mariadb_compact.sql": ("mariadb-dump", PRESUMED, {"generated": 2, "orders": 45, "we ird": 3}),
    "mariadb_no_date.sql": ("mariadb-dump", PROVEN, {"generated": 2, "orders": 45, "we ird": 3}),
    "mysqldump8.sql": ("mysqldump", PROVEN, {"orders": 3}),
    "sqlite_dump.sql": ("sqlite_dump", PROVEN, {"orders": 44, "we ird": 3, "empty": 0, "wr": 3, "auto": 2}),
    "tsql.sql": ("tsql", PRESUMED, {"dbo.Orders": 5, "dbo.we ird]": 2}),
    "tsql_utf16.sql": ("tsql", PRESUMED, {"dbo.Orders": 5, "dbo.we ird]": 2}),
    "oracle.sql": ("oracle", PRESUMED, {"SHOP.ORDERS": 5}),
    "hostile.sql": ("sql", PRESUMED, {"t": 2}),
}
NASTY = "O'Neil; DROP TABLE x; -- no"


def much() -> Budget:
    """More than any sample wants, on a clock that stands still."""
    return Budget(1 << 40, 1e9, lambda: 0.0)


def described(data: bytes, **how) -> Description:
    """The description of these bytes."""
    return sql_dump.describe(MemoryRanges(data, **how), much())


def sample(name: str) -> bytes:
    """The bytes of a sample."""
    return (DUMPS / name).read_bytes()


def dialect(found: Description) -> Dump:
    """The dialect, which is always a Dump."""
    assert isinstance(found.dialect, Dump)
    return found.dialect


def rows_of(name: str, table: str) -> list[list[str | None]]:
    """The rows of a table of a sample."""
    ranges = MemoryRanges(sample(name))
    found = sql_dump.describe(ranges, much())
    batches = list(sql_dump.batches(ranges, found, table, much()))
    return [list(row.values()) for batch in batches for row in batch.to_pylist()]


@pytest.mark.parametrize("name", SAMPLES)
def test_each_sample_is_recognised_before_everything_else(name):
    """Among all formats an SQL dump is the first guess for each sample, whatever its name."""
    assert detect(ends_of(MemoryRanges(sample(name))))[0].value == "sql_dump"


@pytest.mark.parametrize("name", SAMPLES)
def test_each_sample_is_described(name):
    """Writer, verdict and row counts of each sample are what its program wrote."""
    writer, verdict, counts = SAMPLES[name]
    found = described(sample(name))
    assert dialect(found).writer == writer
    assert found.wholeness.verdict is verdict
    assert found.is_all
    assert {table.name: table.rows for table in found.tables if table.name in counts} == counts


@pytest.mark.parametrize(
    "name", ["pg_copy.sql", "mariadb.sql", "sqlite_dump.sql", "tsql_utf16.sql", "oracle.sql", "pg_tar.tar"]
)
@pytest.mark.parametrize("piece_bytes", [1, 13])
def test_pieces_make_no_difference(name, piece_bytes):
    """The description is the same however the bytes are cut into pieces."""
    assert described(sample(name), piece_bytes=piece_bytes) == described(sample(name))


@pytest.mark.parametrize(
    ("name", "table"),
    [
        *[
            (name, "public.orders")
            for name in SAMPLES
            if name.startswith("pg_") and "public.orders" in SAMPLES[name][2]
        ],
        ("mariadb.sql", "orders"),
        ("mariadb_rows.sql", "orders"),
        ("mariadb_compact.sql", "orders"),
        ("sqlite_dump.sql", "orders"),
        ("tsql_utf16.sql", "dbo.Orders"),
        ("oracle.sql", "SHOP.ORDERS"),
    ],
)
def test_rows_come_out_as_they_went_in(name, table):
    """Quotes, semicolons and comment marks inside of texts are part of the value, in each dialect."""
    rows = rows_of(name, table)
    if "schema" in name:
        assert rows == []
        return
    found = {row[0]: row for row in rows}
    nasty = found["101" if "101" in found else "2"]
    assert nasty[1] == NASTY
    assert len(rows) == SAMPLES[name][2][table]


def test_values_of_postgresql():
    r"""COPY's escapes are undone; \N is null beside the text \N, the empty text and a line that looks like an end."""
    rows = {row[0]: row for row in rows_of("pg_copy.sql", "public.orders")}
    assert rows["101"][7] == "line one\nline two\ttab\\back"
    assert rows["102"][1] == ""
    assert rows["102"][3] is None
    assert rows["103"][1] == "Zoë 日本語 🎉"
    assert rows["103"][7] == "\\N"
    assert rows["104"][7] == "\\."
    assert rows["105"][7] == "\r\n"
    assert rows["1"][9:12] == ['{"a": [1, "x;y"]}', "\\x00ff27", '{a,"b,c","d\\"e"}']
    assert rows_of("pg_inserts.sql", "public.orders")[-1][7] == "\r\n"


def test_custom_archives_give_the_rows_of_the_plain_dump():
    """All forms of one database give the same rows."""
    plain = rows_of("pg_copy.sql", "public.orders")
    for name in ("pg_custom.dump", "pg_custom_z0.dump", "pg_custom_piped.dump", "pg_tar.tar", "pg_directory.tar"):
        assert rows_of(name, "public.orders") == plain


def test_values_of_mariadb():
    """Backslash escapes are undone, and bytes are hex digits whether the dump writes them as text or as hex."""
    for name in ("mariadb.sql", "mariadb_rows.sql"):
        rows = {row[0]: row for row in rows_of(name, "orders")}
        assert rows["1"][9] == "00ff275c"
        assert rows["1"][12] == "05"
        assert rows["104"][6] == ");\nINSERT INTO `orders` VALUES (1"
        assert rows["105"][6] == 'cr\r\n nul\0 sub\x1a "dq"'
    assert rows_of("mysqldump8.sql", "orders") == [
        ["1", "Ann", "6100622763"],
        ["2", "O'Neil; DROP TABLE x;", None],
        ["3", "back\\", ""],
    ]


def test_values_of_the_others():
    """SQLite's replace(), SQL Server's CAST and N'…', Oracle's ||, q'[…]' and TO_DATE give the text inside."""
    assert rows_of("sqlite_dump.sql", "orders")[-1][4] == "cr\r\nx"
    assert rows_of("sqlite_dump.sql", "orders")[0][5] == "00ff27"
    assert rows_of("tsql.sql", "dbo.Orders")[0] == ["1", "Ann", "1.25", "2024-01-01T10:00:00.0000000", "1", "00ff27"]
    assert rows_of("tsql.sql", "dbo.Orders")[2][1] == "line one\r\nGO\r\nline two\ttab\\back"
    oracle = rows_of("oracle.sql", "SHOP.ORDERS")
    assert oracle[0][3:5] == ["2024-01-01 10:00:00", "2024-01-01 10:00:00.000000000 +01:00"]
    assert oracle[2][1] == "line one\nline two"
    assert oracle[3][1] == "it's; (a),(b)"


def test_columns_have_their_declared_types():
    """Written types come from CREATE TABLE, with what they stand for, and nulls are counted."""
    found = described(sample("pg_copy.sql"))
    orders = next(table for table in found.tables if table.name == "public.orders")
    columns = {column.name: column for column in orders.columns}
    assert (columns["amount"].written, columns["amount"].type) == ("numeric(10,2)", Type.DECIMAL)
    assert (columns["paid"].type, columns["paid"].true_texts) == (Type.BOOLEAN, ("t",))
    assert columns["seen_at"].type is Type.TIMESTAMPTZ
    assert columns["note"].nulls == 40
    assert columns["note"].null_texts == ()
    weird = next(table for table in found.tables if table.name == "public.we ird")
    assert [column.name for column in weird.columns] == ["Key", 'a "quoted" name', "select"]


def test_version_database_and_encoding_are_told():
    """The head of a dump names its program's version, its database and its encoding."""
    assert dialect(described(sample("mariadb.sql"))).database == "shop"
    assert dialect(described(sample("pg_copy.sql"))).version == "15.18"
    assert dialect(described(sample("pg_custom.dump"))).database == "shop"
    latin = described(sample("pg_latin1.sql")).encoding
    assert latin is not None
    assert latin.name == "iso8859-1"
    wide = described(sample("tsql_utf16.sql")).encoding
    assert wide is not None
    assert (wide.name, wide.bom_bytes) == ("utf-16-le", 2)


CUT = [
    *("pg_copy.sql", "pg_inserts.sql", "mariadb.sql", "mysqldump8.sql", "sqlite_dump.sql", "tsql.sql", "oracle.sql"),
    *("pg_custom.dump", "pg_tar.tar", "pg_directory.tar"),
]


@pytest.mark.parametrize("name", CUT)
def test_no_cut_dump_is_proven(name):
    """Cut at 200 places, 20 of them at its very end, a dump is never proven; nearly always it is suspect."""
    data = sample(name)
    places = {len(data) - number for number in range(1, 21)} | {
        1 + number * (len(data) - 2) // 180 for number in range(180)
    }
    verdicts = [(place, described(data[:place]).wholeness.verdict) for place in sorted(places)]
    assert [place for place, verdict in verdicts if verdict is PROVEN] == []
    missed = [place for place, verdict in verdicts if verdict is not SUSPECT]
    assert len(missed) <= 5, [data[max(0, place - 20) : place] for place in missed]


def test_a_cut_row_is_told_with_its_number_and_table():
    """The sentence for a cut says inside of what the file ends, of which table, in which row."""
    data = sample("pg_copy.sql")
    at = data.index(b"customer 7")
    assert described(data[:at]).wholeness.reasons == (
        "The file ends inside the data, in row 7 of table public.orders.",
    )
    data = sample("mysqldump8.sql")
    at = data.index(b"back")
    assert described(data[:at]).wholeness.reasons == ("The file ends inside a quoted text, in row 3 of table orders.",)


def test_a_mark_without_its_line_end_is_presumed():
    """Who trims blank lines loses the proof, and is not accused."""
    for name in ("pg_copy.sql", "mariadb.sql", "sqlite_dump.sql", "pg_all.sql"):
        assert described(sample(name).rstrip()).wholeness.verdict is PRESUMED


def test_the_lock_of_pg_dump_must_be_opened():
    r"""A dump that begins with \\restrict ends with \\unrestrict and the same key, or something is missing."""
    data = sample("pg_copy.sql")
    assert described(data[: data.index(b"\\unrestrict")]).wholeness.verdict is SUSPECT
    assert described(data.replace(b"\\unrestrict ", b"\\unrestrict x")).wholeness.verdict is SUSPECT


def test_the_end_of_one_database_is_not_the_end_of_all():
    """What pg_dumpall wrote is whole only with the mark of the whole cluster."""
    data = sample("pg_all.sql")
    found = described(data[: data.rindex(b"--\n-- PostgreSQL database cluster")])
    assert found.wholeness.verdict is SUSPECT


def test_dangerous_statements_are_told_and_texts_are_not_taken_for_them():
    r"""DROP DATABASE, LOAD DATA, COPY … PROGRAM, \\! and xp_cmdshell are flagged where they stand as statements."""
    found = described(sample("hostile.sql"))
    problems = {problem.code: problem for problem in found.problems}
    assert problems["dangerous_statement"].count == 6
    assert problems["contains_statements"].count == 2
    assert "DROP DATABASE production;" in problems["dangerous_statement"].sentence
    for name in SAMPLES:
        if name not in {"hostile.sql", "pg_schema_clean.sql"}:
            assert described(sample(name)).problems == (), name


def test_a_spent_budget_leaves_the_rest_unread():
    """Where the budget ends, it is said; the end mark at the end of the file still counts, and proves nothing."""
    data = sample("pg_copy.sql")
    found = sql_dump.describe(MemoryRanges(data, piece_bytes=1000), Budget(3000, 1e9, lambda: 0.0))
    assert not found.is_all
    assert "first 3,000 bytes" in found.unread
    assert found.wholeness.verdict is PRESUMED
    assert "PostgreSQL database dump complete" in found.wholeness.reasons[0]
    archive = sql_dump.describe(MemoryRanges(sample("pg_custom.dump"), piece_bytes=100), Budget(5000, 1e9, lambda: 0.0))
    assert not archive.is_all
    assert archive.wholeness.verdict is PRESUMED


@pytest.mark.parametrize("name", ["pg_copy.sql", "mariadb.sql", "pg_custom.dump", "pg_tar.tar"])
@pytest.mark.parametrize("breaks_at", [0, 3, 700, 5000])
def test_bytes_that_break_off_make_it_suspect(name, breaks_at):
    """Where what holds the bytes is broken, what came before is described and the verdict is suspect."""
    found = described(sample(name), breaks_at=breaks_at)
    assert found.wholeness.verdict is SUSPECT
    assert any("is cut at" in reason for reason in found.wholeness.reasons)


def test_rows_of_other_widths_are_told():
    """A line of COPY with a field too few is counted, left out of the batches, and told by its number."""
    data = sample("pg_latin1.sql").replace(b"7\t0\t0.7\n", b"7\t0\n")
    found = described(data)
    assert [(problem.code, problem.sentence) for problem in found.problems] == [
        ("wrong_field_count", "Row 7 of table sales.lines has 2 of 3 fields.")
    ]
    batches = list(sql_dump.batches(MemoryRanges(data), found, "sales.lines", much()))
    assert sum(batch.num_rows for batch in batches) == 39


@pytest.mark.parametrize(
    "text",
    [
        b"Select the best option from the list.\nSet the table and begin; use it.\n",
        b"# Title\n\nCREATE TABLE is a statement. INSERT INTO t VALUES (1) too;\n",
        b"id,name,text\n1,select,insert into t values (1);\n",
        b'{"a": "CREATE TABLE x (a int);"}\n',
        b"/* a */\nbody { color: red; }\n",
        b"-- a script of another language\nlocal x = 1\n",
        b"Update on the project\nDrop table talk; begin.\n",
        b"",
        b"\x00\x01\x02",
    ],
)
def test_what_is_no_sql_is_not_taken_for_it(text):
    """Prose, tables and other languages with words of SQL in them are no dump."""
    assert sql_dump.recognise(Ends(text * 50, text, 50 * len(text))) is None


def test_sql_is_recognised_behind_long_comments_and_marks():
    """A licence before the first statement, a byte order mark and UTF-16 are no hindrance."""
    sql = (
        b"/* Copyright, and so on.\n"
        + b" * more\n" * 1000
        + b" */\nCREATE TABLE a (b int);\nINSERT INTO a VALUES (1);\n"
    )
    for data in (sql, b"\xef\xbb\xbf" + sql, sql.decode().encode("utf-16"), sql.decode().encode("utf-16-be")):
        guess = sql_dump.recognise(Ends(data[:65536], b"", None))
        assert guess is not None
        assert guess.confidence > 0.9
        assert described(data).tables[0].rows == 1


def test_text_without_declared_encoding_is_guessed():
    """A script in an old encoding that names none is read in what its bytes look like."""
    data = b"CREATE TABLE t (a varchar(9));\n" + "INSERT INTO t VALUES ('Müller'), ('Größe'), ('Café');\n".encode(
        "cp1252"
    )
    ranges = MemoryRanges(data)
    found = sql_dump.describe(ranges, much())
    assert found.encoding is not None
    assert found.encoding.name == "cp1252"
    [batch] = sql_dump.batches(ranges, found, "t", much())
    assert batch.to_pydict() == {"a": ["Müller", "Größe", "Café"]}


def test_an_unknown_table_has_no_rows():
    """A name that the description does not have gives nothing."""
    ranges = MemoryRanges(sample("pg_copy.sql"))
    assert list(sql_dump.batches(ranges, sql_dump.describe(ranges, much()), "nobody", much())) == []


@pytest.mark.parametrize(
    ("head", "writer"),
    [
        (
            b"# " + b"*" * 60 + b"\n# Sequel Ace SQL dump\n# Version 20062\n\n",
            "sql",
        ),
        (b"-- phpMyAdmin SQL Dump\n-- version 5.2.1\n\nSTART TRANSACTION;\n", "sql"),
        (b"-- Host: localhost\n-- HeidiSQL Version: 12.6\n/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES */;\n", "sql"),
        (b"/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;\n", "mysqldump"),
    ],
)
def test_other_tools_for_mysql_are_not_taken_for_mysqldump(head, writer):
    """Their scripts are read in MySQL's dialect; only what is promised at the start is asked for at the end."""
    found = described(head + b"CREATE TABLE `t` (`a` int, `b` text);\nINSERT INTO `t` VALUES (1,'it\\'s');\n")
    assert dialect(found).writer == writer
    assert found.tables[0].rows == 1
    promised = writer == "mysqldump" or b"START TRANSACTION" in head
    assert (found.wholeness.verdict is SUSPECT) is promised


def test_line_ends_of_windows_make_no_difference():
    """A dump whose lines were ended anew by a transfer in text mode gives the same rows, and its mark is found."""
    data = sample("pg_latin1.sql").replace(b"\n", b"\r\n")
    found = described(data)
    assert found.wholeness.verdict is PROVEN
    assert found.problems == ()
    ranges = MemoryRanges(data)
    [batch] = sql_dump.batches(ranges, found, "sales.lines", much())
    assert batch.to_pylist()[-1] == {"order_id": "40", "n": "5", "price": "4.0"}
