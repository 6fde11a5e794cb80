from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from headwater.errors import Refused, Unavailable
from headwater.formats.finding import Finding
from headwater.layout import parse_feed
from headwater.readers.engine import Engine
from headwater.readers.local import LocalFile
from headwater.readers.names_in_sql import Reference, quoted, reference
from headwater.readers.sql import Lent, Session
from headwater.terms import FeedName
from tests import findings
from tests.findings import csv, csv_text


class Shelf:
    """A library of files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.deliveries: dict[FeedName, list[tuple[Lent, str]]] = {}

    def add(self, feed: str, data: bytes, finding: Finding, day: str = "2026-11-22") -> str:
        number = sum(map(len, self.deliveries.values()))
        id_, path = f"{number:032x}", self.folder / f"file{number}"
        path.write_bytes(data)
        lent = Lent(id_, f"n{number}.csv", f"{day}T06:00:00.000000Z", day, lambda: LocalFile(path), lambda _: finding)
        self.deliveries.setdefault(parse_feed(feed), []).append((lent, day))
        return id_

    def feeds(self) -> set[FeedName]:
        return set(self.deliveries)

    def lend(self, asked: Reference) -> list[Lent]:
        found = self.deliveries[asked.feed]
        return [one for one, day in found if asked.day in {"", day} and one.id.endswith(asked.id)]


@pytest.fixture
def shelf(tmp_path):
    """A library."""
    return Shelf(tmp_path)


@pytest.fixture
def session(shelf, tmp_path):
    """A session over it."""
    with Engine(allowed=[tmp_path]) as engine:
        yield Session(shelf, engine)


def rows(session: Session, sql: str) -> list[tuple[object, ...]]:
    """What a query gives."""
    return session.run(sql, lambda result: result.fetchall()) or []


def test_a_feed_is_a_relation_with_five_columns_of_ours(shelf, session):
    """A feed's rows come with the id, name, row number, time and date of their delivery."""
    id_ = shelf.add(
        "acme-crm/sales", csv_text(["id", "day"], [["1", "2024-01-31"]]), csv(["id", "day"], [["1", "2024-01-31"]])
    )
    found = rows(session, "SELECT id + 1, CAST(day AS VARCHAR), lz_id, lz_name, lz_row, CAST(lz_landed_at AS VARCHAR), "
                          "CAST(lz_date AS VARCHAR) FROM 'acme-crm/sales'")  # fmt: skip
    assert found == [(2, "2024-01-31", id_, "n0.csv", 1, "2026-11-22 06:00:00+00", "2026-11-22")]


def test_columns_meet_by_name_and_widen(shelf, session):
    """Across drift a column that is missing is NULL, whole numbers meet fractions as DOUBLE, others meet as text."""
    drifted = (
        (["id", "a"], ["1", "2"], ","),
        (["a", "id", "New"], ["2.5", "2", "x"], ";"),
        (["ID", "new"], ["q", "2024-01-31"], "\t"),
    )
    for names, row, delimiter in drifted:
        shelf.add("acme/sales", csv_text(names, [row], delimiter), csv(names, [row], delimiter))
    assert rows(session, "SELECT id, a, new FROM 'acme/sales' ORDER BY lz_id") == [
        ("1", 2.0, None),
        ("2", 2.5, "x"),
        ("q", None, "2024-01-31"),
    ]
    assert [each[1] for each in rows(session, "DESCRIBE FROM 'acme/sales'")][:3] == ["VARCHAR", "DOUBLE", "VARCHAR"]


def test_files_of_one_shape_are_read_together_and_number_their_own_rows(shelf, session):
    """Many files of one shape are one scan, and lz_row counts within each of them."""
    for number in range(20):
        data = [[str(number), str(row)] for row in range(3)]
        shelf.add("acme/sales", csv_text(["file", "row"], data), csv(["file", "row"], data))
    found = rows(session, "SELECT file, row, lz_row, lz_name FROM 'acme/sales' ORDER BY file, row")
    assert found == [(number, row, row + 1, f"n{number}.csv") for number in range(20) for row in range(3)]
    plan = "".join(str(each) for each in rows(session, "EXPLAIN SELECT sum(row) FROM 'acme/sales'"))
    assert plan.count("READ_CSV") == 1


def test_a_day_a_delivery_and_a_table_can_be_named(shelf, session):
    """`@2026-11-22` takes a day, `@id` one delivery."""
    names = ["id"]
    shelf.add("acme/sales", csv_text(names, [["1"]]), csv(names, [["1"]]), "2026-11-22")
    last = shelf.add("acme/sales", csv_text(names, [["2"]]), csv(names, [["2"]]), "2026-11-23")
    assert rows(session, "SELECT id FROM 'acme/sales@2026-11-22'") == [(1,)]
    assert rows(session, f"SELECT id FROM 'acme/sales@{last[-8:]}'") == [(2,)]
    assert rows(session, "SELECT count(*) FROM \"acme/sales\" AS a JOIN 'acme/sales@2026-11-23' AS b USING (id)") == [
        (1,)
    ]


def test_what_cannot_be_read_is_listed(shelf, session):
    """A delivery without rows is in headwater_unread with the reason, and the others are read all the same."""
    shelf.add("acme/sales", csv_text(["id"], [["1"]]), csv(["id"], [["1"]]))
    shelf.add("acme/sales", b"%PDF-1.7", findings.finding("pdf", None))
    assert rows(session, "SELECT id FROM 'acme/sales'") == [(1,)]
    ((name, lz_name, why),) = rows(session, "SELECT name, lz_name, why FROM headwater_unread")
    assert (name, lz_name) == ("acme/sales", "n1.csv")
    assert why == "It has no rows that can be read: it is pdf."
    assert len(session.unread) == 1


def test_a_file_that_is_otherwise_than_found_is_read_as_text(shelf, session):
    """Where a value does not fit the type that was found, that delivery's values are text, and none is lost."""
    shelf.add("acme/sales", csv_text(["id"], [["1"]]), csv(["id"], [["1"]]))
    shelf.add("acme/sales", csv_text(["id"], [["2"], ["x"]]), csv(["id"], [["2"]]))
    assert rows(session, "SELECT id FROM 'acme/sales' ORDER BY 1") == [("1",), ("2",), ("x",)]
    assert session.unread == []


def test_a_senders_own_lz_column_is_kept_apart(shelf, session):
    """A column that a sender calls lz_id becomes lz_id_1; ours stays what it is."""
    id_ = shelf.add("acme/sales", csv_text(["lz_id"], [["9"]]), csv(["lz_id"], [["9"]]))
    assert rows(session, "SELECT lz_id, lz_id_1 FROM 'acme/sales'") == [(id_, 9)]


def test_a_wrong_name_and_wrong_sql_are_refused(shelf, session):
    """A feed that does not exist is not found; wrong SQL is a bad request; a text that looks like a feed is a text."""
    with pytest.raises(Refused, match="There is no feed acme/other") as caught:
        rows(session, "SELECT * FROM 'acme/other'")
    assert caught.value.reason == "not_found"
    with pytest.raises(Refused) as caught:
        rows(session, "SELEC 1")
    assert caught.value.reason == "bad_request"
    assert rows(session, "SELECT 'acme/other'") == [("acme/other",)]


@pytest.mark.parametrize(
    "sql",
    ["FROM read_csv('/etc/passwd')", "ATTACH '/tmp/x.db'", "COPY (SELECT 1) TO '/tmp/x.csv'", "INSTALL httpfs",
     "SET enable_external_access = true", "SET allowed_directories = ['/']", "FROM glob('/etc/*')",
     "FROM read_text('/etc/hostname')"],
)  # fmt: skip
def test_a_query_touches_nothing_but_what_was_handed_in(session, sql):
    """No file outside, no database, no extension and no setting can be reached by SQL."""
    with pytest.raises(Refused):
        rows(session, sql)


def test_quoted_names_are_found_where_they_are_names():
    """Comments, dollar texts and escapes hide what is in them; quotes in quotes are one."""
    sql = "-- 'a/b'\n/* \"a/b\" */ SELECT E'\\'a/b', $x$'a/b'$x$, 'it''s' FROM \"ac/me\" JOIN 's/f#pub.x'"
    assert quoted(sql) == ["it's", "ac/me", "s/f#pub.x"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("acme/sales", Reference("acme/sales", FeedName("acme", "sales"))),
        ("acme/sales@2026-11-22", Reference("acme/sales@2026-11-22", FeedName("acme", "sales"), day="2026-11-22")),
        ("acme/sales@0a1b2c", Reference("acme/sales@0a1b2c", FeedName("acme", "sales"), id="0a1b2c")),
        ("acme/sales#a b/c", Reference("acme/sales#a b/c", FeedName("acme", "sales"), table="a b/c")),
        ("a/b", None), ("acme/sales@x", None), ("acme/sales/more", None), ("/etc/passwd", None), ("Acme/sales", None),
    ],
)  # fmt: skip
def test_what_is_written_like_a_feed_is_one(text, found):
    """source/feed, with a day or an id behind @, and a table behind #."""
    assert reference(text) == found


def test_a_feed_and_a_day_of_it_are_read_beside_each_other(shelf, session):
    """The same files under two names in one query are each counted once."""
    for number in range(3):
        shelf.add("acme/sales", csv_text(["id"], [[str(number)]]), csv(["id"], [[str(number)]]))
    asked = "SELECT (SELECT count(*) FROM 'acme/sales'), (SELECT count(*) FROM 'acme/sales@2026-11-22')"
    assert rows(session, asked) == [(3, 3)]


def test_thousands_of_deliveries_are_one_scan(shelf, session):
    """A feed of 1,500 files is read with no more files open than a process may have, and planned as one scan."""
    names, row = ["id", "day"], ["1", "31.01.2024"]
    found = csv(names, [row])
    for _ in range(1500):
        shelf.add("acme/sales", csv_text(names, [row]), found)
    assert rows(session, "SELECT count(*), count(DISTINCT lz_id), max(lz_row) FROM 'acme/sales'") == [(1500, 1500, 1)]


def test_a_relation_of_a_feed_that_does_not_exist_is_refused(session):
    """Python gets the same answer as the command line."""
    with pytest.raises(Refused, match="There is no feed acme/other"):
        session.relation("acme/other")


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 9 AS a) TO '{}'",
        "EXPLAIN ANALYZE COPY (SELECT 9 AS a) TO '{}' (FORMAT csv)",
        "COPY (PIVOT (SELECT 1 AS a, 2 AS b) ON a USING sum(b)) TO '{}'",
        "EXPLAIN ANALYZE /* ' */ COPY (SELECT 9 AS a) TO '{}' /* ' */",
        "PREPARE p AS COPY (SELECT 9 AS a) TO '{}'",
        "SELECT 1; COPY (SELECT 9 AS a) TO '{}'",
        "EXPORT DATABASE '{}'",
        "ATTACH '{}' AS other",
        "CALL enable_logging(storage='file', storage_path='{}')",
    ],
)
def test_no_query_writes_where_it_may_read(shelf, session, sql):
    """What landed lies in a folder that queries may read: no statement writes there, however it is dressed up."""
    shelf.add("acme/sales", b"a,b\n1,2\n", csv(["a", "b"], [["1", "2"]]))
    path = shelf.folder / "file0"
    before = sorted(each.name for each in shelf.folder.iterdir())
    with pytest.raises(Refused) as caught:
        rows(session, sql.format(path))
    assert caught.value.reason == "bad_request"
    assert path.read_bytes() == b"a,b\n1,2\n"
    assert sorted(each.name for each in shelf.folder.iterdir()) == before


def test_tables_of_ones_own_may_be_made(shelf, session):
    """A session holds tables, macros and variables; PIVOT and EXPLAIN work."""
    shelf.add("acme/sales", b"a,b\n1,2\n", csv(["a", "b"], [["1", "2"]]))
    assert rows(session, "CREATE TABLE t AS FROM 'acme/sales'; SELECT a + b FROM t") == [(3,)]
    assert rows(session, "PIVOT (SELECT a, b FROM 'acme/sales') ON a USING sum(b)") == [(2,)]
    assert rows(session, "SET VARIABLE x = 7; SELECT getvariable('x')") == [(7,)]
    assert "SCAN" in str(rows(session, "EXPLAIN SELECT count(*) FROM t")).upper()


def test_what_cannot_be_reached_just_now_is_no_answer(shelf, session):
    """A store that does not answer ends the query: rows that are there must not seem to be missing."""
    shelf.add("acme/sales", b"a,b\n1,2\n", csv(["a", "b"], [["1", "2"]]))

    def gone() -> LocalFile:
        raise Unavailable("store_unavailable")

    feed = parse_feed("acme/sales")
    shelf.deliveries[feed].append((msgspec.structs.replace(shelf.deliveries[feed][0][0], open=gone), "2026-11-22"))
    with pytest.raises(Unavailable):
        rows(session, "SELECT * FROM 'acme/sales'")
    assert session.unread == []
