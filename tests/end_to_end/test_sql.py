"""`headwater sql` by the real process: raw files of many formats joined where they lie, also through a server."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import headwater
from tests.end_to_end.test_cli import Terminal, address, environ, serving
from tests.end_to_end.test_cli import headwater as command
from tests.homes import make_home

JOINED = """
SELECT c.name, p.city, x.colour, d.amount, q.qty, s.grade, z.note
FROM 'shop/customers' c JOIN 'shop/places' p USING (id) JOIN 'shop/colours' x USING (id)
JOIN 'shop/backup#orders' d ON d.customer = c.id JOIN 'shop/stock' q ON q.id = c.id
JOIN 'shop/grades#grades' s ON s.id = c.id JOIN 'shop/notes' z ON z.id = c.id
ORDER BY c.id
"""
COLOURS = b"""<?xml version='1.0'?>
<all><row><id>1</id><colour>red</colour></row><row><id>2</id><colour>blue</colour></row></all>
"""
ROWS = [["Ann", "Oslo", "red", "9.5", "3", "A", "first"], ["Bob", "Rome", "blue", "2000.25", "4", "B", "second"]]


def made(folder: Path) -> dict[str, Path]:
    """One file of each kind, by the feed that it goes to."""
    folder.mkdir()
    files = {
        "customers": ("customers.csv", b"id;name\r\n1;Ann\r\n2;Bob\r\n"),
        "places": ("places.ndjson.gz", gzip.compress(b'{"id":1,"city":"Oslo"}\n{"id":2,"city":"Rome"}\n')),
        "colours": ("colours.xml", COLOURS),
        "backup": ("backup.sql", _dump()),
        "stock": ("stock.parquet", _parquet()),
        "grades": ("grades.db", _database(folder / "scratch.db")),
        "notes": ("notes.zip", _zip()),
    }
    return {feed: _written(folder / name, data) for feed, (name, data) in files.items()}


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _dump() -> bytes:
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE orders (id INTEGER, customer INTEGER, amount REAL)")
        database.execute("CREATE TABLE other (a TEXT)")
        database.executemany("INSERT INTO orders VALUES (?, ?, ?)", [(1, 1, 9.5), (2, 2, 2000.25)])
        text = "\n".join(["PRAGMA foreign_keys=OFF;", *database.iterdump(), ""])
    database.close()
    return text.encode()


def _parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": [1, 2], "qty": [3, 4]}), sink)
    return sink.getvalue()


def _database(path: Path) -> bytes:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE grades (id INTEGER PRIMARY KEY, grade TEXT)")
        database.executemany("INSERT INTO grades VALUES (?, ?)", [(1, "A"), (2, "B")])
    database.close()
    return path.read_bytes()


def _zip() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("notes.csv", "id,note\n1,first\n2,second\n")
    return sink.getvalue()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with one feed of each format, and a feed that drifts."""
    folder = tmp_path_factory.mktemp("sql")
    home = make_home(folder / "home")
    with headwater.open(home.path) as zone:
        for feed, path in made(folder / "files").items():
            zone.land(f"shop/{feed}", path)
        zone.land("shop/daily", b"id,amount\n1,2\n2,3\n", name="monday.csv")
        zone.land("shop/daily", b"id,amount,note\n3,4.5,new\n", name="tuesday.csv")
        zone.land("shop/daily", b"id;amount;note\n4;5,5;semicolons\n", name="wednesday.csv")
        zone.land("shop/daily", b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n", name="thursday.csv")
    return home.path


def asked(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """One command on the home."""
    return command(home.parent, "--home", str(home), "sql", *words)


def test_files_of_seven_formats_are_joined_in_one_query(home):
    """A CSV, packed NDJSON, XML, an SQL dump, Parquet, a database and a zip, each read where it lies."""
    done = asked(home, JOINED, "--format", "csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert list(csv.reader(io.StringIO(done.stdout)))[1:] == ROWS


def test_the_same_comes_through_a_server(home):
    """With --server the bytes come through the API, and the answer is the same."""
    with serving(home.parent, home):
        token = (home / "keys" / "home.token").read_text().strip()
        done = command(home.parent, "--server", address(home), "sql", JOINED, "--format", "csv", HEADWATER_TOKEN=token)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(csv.reader(io.StringIO(done.stdout)))[1:] == ROWS


def test_a_feed_that_drifts_is_one_relation_and_what_is_unread_is_said(home):
    """A column more, another delimiter and decimal mark: all rows come; a file that is no table is named."""
    done = asked(home, "SELECT id, amount, note, lz_name, lz_row FROM 'shop/daily' ORDER BY id", "--format", "json")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"id": 1, "amount": 2.0, "note": None, "lz_name": "monday.csv", "lz_row": 1},
        {"id": 2, "amount": 3.0, "note": None, "lz_name": "monday.csv", "lz_row": 2},
        {"id": 3, "amount": 4.5, "note": "new", "lz_name": "tuesday.csv", "lz_row": 1},
        {"id": 4, "amount": 5.5, "note": "semicolons", "lz_name": "wednesday.csv", "lz_row": 1},
    ]
    assert done.returncode == 0
    assert "1 thing could not be read" in done.stderr
    assert "thursday.csv" in done.stderr
    strict = asked(home, "SELECT count(*) FROM 'shop/daily'", "--strict")
    assert strict.returncode == 1
    listed = asked(home, "SELECT count(*) FROM 'shop/daily'; SELECT lz_name FROM headwater_unread", "--format", "csv")
    assert listed.stdout == "lz_name\nthursday.csv\n"


def test_the_effective_set_is_asked_unless_all_is(home):
    """A repeat counts once; with --all it is there twice."""
    with headwater.open(home) as zone:
        for name in ("a.csv", "b.csv"):
            zone.land("shop/twice", b"id,name\n1,Ann\n", name=name)
    assert asked(home, "SELECT count(*) AS n FROM 'shop/twice'", "--format", "csv").stdout == "n\n1\n"
    assert asked(home, "SELECT count(*) AS n FROM 'shop/twice'", "--format", "csv", "--all").stdout == "n\n2\n"


def test_rows_are_written_whole_in_the_format_that_the_name_says(home, tmp_path):
    """-o writes Parquet, CSV or JSON lines; a query from a file; nothing stays of one that fails."""
    query = tmp_path / "q.sql"
    query.write_text("SELECT id, name FROM 'shop/customers' ORDER BY id")
    for name in ("o.parquet", "o.csv", "o.json"):
        assert asked(home, "-f", str(query), "-o", str(tmp_path / name)).returncode == 0
    assert pq.read_table(tmp_path / "o.parquet").to_pylist() == [{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bob"}]
    assert (tmp_path / "o.csv").read_text() == "id,name\n1,Ann\n2,Bob\n"
    assert (tmp_path / "o.json").read_text() == '{"id": 1, "name": "Ann"}\n{"id": 2, "name": "Bob"}\n'
    failed = asked(home, "SELECT CAST(name AS INTEGER) FROM 'shop/customers'", "-o", str(tmp_path / "no.csv"))
    assert failed.returncode == 2
    assert "Conversion Error" in failed.stderr
    assert sorted(each.name for each in tmp_path.iterdir()) == ["o.csv", "o.json", "o.parquet", "q.sql"]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["SELEC 1"], 2, "syntax error"),
        (["SELECT * FROM 'shop/nothing'"], 1, "There is no feed shop/nothing here"),
        (["SELECT * FROM 'shop/backup'"], 0, "It holds 2 tables. Name one after a '#'"),
        (["SELECT * FROM 'shop/backup#nothing'"], 0, "It has no table 'nothing', but"),
        (["SELECT 1", "-o", "x.xyz"], 2, "Add --format"),
        (["COPY (SELECT 1) TO '/tmp/x'"], 2, "Only queries are taken here"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(home, words, code, sentence):
    """Wrong SQL ends with 2, a feed that is not there with 1; a table that must be named is listed as unread."""
    done = asked(home, *words)
    assert sentence in done.stderr
    assert done.returncode == code


def test_a_prompt_takes_queries_to_their_semicolon(home):
    """On a terminal, without a query: several lines, a mistake in between, the end by Ctrl-D."""
    terminal = Terminal(home.parent, "--home", str(home), "sql")
    terminal.until("headwater> ")
    for line, answer in (
        (b"SELECT name\n", r"\.\.\.> "),
        (b"FROM 'shop/customers' ORDER BY 1;\n", "Ann"),
        (b"SELEC 1;\n", "syntax error"),
        (b"SELECT 40 + 2 AS answer;\n", "42"),
    ):
        os.write(terminal._fd, line)
        terminal.until(answer)
    os.write(terminal._fd, b"\x04")
    assert os.waitstatus_to_exitcode(os.waitpid(terminal.pid, 0)[1]) == 0


def test_python_reads_deliveries_and_feeds(home):
    """One delivery in four ways, its recipes, and a feed as one relation."""
    with headwater.open(home) as zone:
        delivery = zone.latest("shop/customers")
        assert delivery.arrow().to_pylist() == [{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bob"}]
        assert delivery.polars()["name"].to_list() == ["Ann", "Bob"]
        assert list(delivery.pandas()["name"]) == ["Ann", "Bob"]
        assert delivery.duckdb().filter("id = 2").fetchall() == [(2, "Bob")]
        assert delivery.recipe["polars"].startswith("import polars as pl\npl.read_csv(")
        assert zone.latest("shop/backup").arrow("orders").num_rows == 2
        feed = zone.feed("shop/daily")
        assert feed.duckdb().aggregate("sum(amount)").fetchall() == [(15.0,)]
        assert [each.lz_name for each in feed.unread] == ["thursday.csv"]
        assert feed.polars().height == 4
        assert zone.feed("shop/backup", table="orders").arrow().num_rows == 2


def test_any_file_is_read_without_a_zone(tmp_path):
    """headwater.read looks at a file of this machine, and reads it as what it is."""
    path = tmp_path / "x.dat"
    path.write_bytes(gzip.compress("id|day\n1|31.01.2024\n2|01.02.2024\n".encode("utf-16")))
    reading = headwater.read(path)
    assert [str(each) for each in reading.polars()["day"]] == ["2024-01-31", "2024-02-01"]
    assert reading.finding.format == "csv"
    assert [layer.format for layer in reading.finding.layers] == ["gzip"]


def test_the_guide_to_reading_works_as_it_stands(tmp_path):
    """Each shell line and the Python block of the page run in an empty folder with a home."""
    page = (Path(__file__).parents[2] / "docs/how-to/read-deliveries.md").read_text()
    make_home(tmp_path / "headwater-home")
    for language, runs in (("sh", ["sh", "-eu", "-c"]), ("python", [sys.executable, "-c"])):
        for block in re.findall(rf"^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
            done = subprocess.run(
                [*runs, block],
                check=False,
                capture_output=True,
                text=True,
                cwd=tmp_path,
                env=environ(tmp_path),
                timeout=100,
            )
            assert done.returncode == 0, done.stderr
            if language == "python":
                assert "2009.75" in done.stdout
                assert "pd.read_json(" in done.stdout
    assert pq.read_table(tmp_path / "orders.parquet").num_rows == 2
