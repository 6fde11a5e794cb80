"""`headwater inspect`, and what `show` and `feeds show` tell of findings."""

from __future__ import annotations

import gzip
import json

import pytest

import headwater
from tests.homes import SAFE_HERE, make_home

GERMAN = """Umsatz 2026

nr;kunde;betrag;tag
1;Müller;1.234,50;01.02.2026
2;"Bob; jr";7,00;02.02.2026
3;Zoe;;03.02.2026
"""
HEADINGS = ("What it is", "Is it whole", "How it is written", "What is in it", "What looks wrong", "How to read it")
WORDS = ("utf-8, with a byte order mark", "semicolon", "betrag", "decimal", "%d.%m.%Y", "Müller", "reads as found")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home of this module's own."""
    return make_home(tmp_path_factory.mktemp("inspect") / "home")


@pytest.fixture
def german(place):
    """A file as a partner sends it."""
    path = place / "umsatz.csv"
    path.write_bytes(GERMAN.encode("utf-8-sig"))
    return path


def test_a_file_needs_no_home(bare, german):
    """The letter tells what it is, whether it is whole, what is in it and how to read it; 0 where nothing is wrong."""
    done = bare("inspect", german.name)
    assert done.code == 0, done.err
    for heading in HEADINGS:
        assert f"\n{heading}\n" in done.out
    for word in WORDS:
        assert word in done.out
    assert "umsatz.csv'" in done.out


def test_programs_get_one_document(bare, german):
    """--json has every part, also those that are empty."""
    document = bare("inspect", german.name, "--json").document
    assert {"format", "encoding", "dialect", "schema", "rows", "wholeness", "problems", "recipes"} <= set(document)
    assert (document["format"], document["rows"]) == ("csv", 3)
    assert document["wholeness"]["verdict"] == "presumed"
    assert document["problems"] == []
    assert {each["engine"] for each in document["recipes"]} >= {"duckdb", "polars", "pandas"}


def test_values_can_be_left_out(bare, german):
    """--no-samples: no value of the bytes is shown, to people or programs."""
    assert "Müller" in json.dumps(bare("inspect", german.name, "--json").document, ensure_ascii=False)
    for more in ([], ["--json"]):
        done = bare("inspect", german.name, "--no-samples", *more)
        assert "ller" not in done.out
        assert "betrag" in done.out


def test_a_cut_file_is_bad_news(bare, place):
    """1, and the letter says what is missing."""
    (place / "cut.csv").write_text("a;b;c\n1;2;3\n4;5;6\n7;8;9\n1;2")
    done = bare("inspect", "cut.csv")
    assert done.code == 1
    assert "suspect" in done.out
    assert "2 of 3 fields" in done.out
    (place / "cut.csv.gz").write_bytes(gzip.compress(GERMAN.encode() * 50)[:-20])
    assert bare("inspect", "cut.csv.gz").code == 1


def test_another_engine_is_shown_when_asked_for(bare, german):
    """--engine names it; the others are named in a line."""
    done = bare("inspect", german.name, "--engine", "polars")
    assert "pl.read_csv" in done.out
    assert "read_csv(\n    '" not in done.out
    assert "Also: duckdb" in done.out


def test_a_name_cannot_steer_the_terminal(bare, place):
    """Escape sequences in names, headers and values are shown, not sent."""
    name = "\x1b[31mred.csv"
    (place / name).write_text("a\x1b[31m,b\n\x1b]0;title\x07,2\n3,4\n")
    assert "\x1b" not in bare("inspect", name).out


@pytest.mark.parametrize("width", ["80", "120"])
def test_the_table_fits_the_screen(bare, place, monkeypatch, width):
    """However long names and values are, the table of columns is no wider than the screen."""
    monkeypatch.setenv("COLUMNS", width)
    names = ",".join(f"a_rather_long_name_of_a_column_{n}" for n in range(8))
    (place / "wide.csv").write_text(f"{names}\n" + f"{','.join(['a value that is long as well'] * 8)}\n" * 9)
    lines = bare("inspect", "wide.csv").out.splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("COLUMN"))
    assert all(len(line) <= int(width) for line in lines[first : first + 9])


def test_what_is_not_there_says_where_it_was_looked_for(bare, place):
    """Neither a file nor, without a home, a delivery."""
    done = bare("inspect", "nothing.csv")
    assert done.code == 1
    assert "nothing.csv" in done.err
    (place / "folder").mkdir()
    assert bare("inspect", "folder").code == 2


# --- deliveries -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drifted(home):
    """A feed whose file gained a column, then changed its delimiter, then was cut."""
    bodies = (
        "id,amount\n1,2\n2,3\n",
        "id,amount,colour\n1,2,red\n2,3,blue\n",
        "id;amount;colour\n1;2;red\n2;3;blue\n",
        "id;amount;colour\n1;2;red\n2;3",
    )
    with headwater.open(home.path) as zone:
        deliveries = [zone.land("acme-crm/daily", body.encode(), name=f"d{n}.csv") for n, body in enumerate(bodies)]
        assert deliveries[0].findings == []
        for each in deliveries:
            each.inspect()
        assert len(deliveries[0].findings) == 1
    return [each.id for each in deliveries]


def test_each_change_is_told_in_a_sentence(run, drifted):
    """`show` says what changed since the file before, or that this one is cut."""
    shown = [run("show", id).out for id in drifted]
    assert "! " not in shown[0]
    assert "! Column colour is new: number 3 of 3." in shown[1]
    assert "! The delimiter changed from , to ;." in shown[2]
    assert "The last row has 2 of 3 fields" in shown[3]
    assert "suspect" in shown[3].partition("Finding")[2]
    assert run("show", drifted[1], "--json").document["findings"][0]["finding"]["rows"] == 2


def test_a_feed_tells_its_schemas_over_time(run, drifted):
    """Each schema once, the newest first, with what had changed."""
    done = run("feeds", "show", "acme-crm/daily")
    told = done.out.partition("Schemas over time")[2].partition("Latest")[0]
    assert told.index("delimiter changed") < told.index("colour is new") < told.index("2 columns")
    schemas = run("feeds", "show", "acme-crm/daily", "--json").document["schemas"]
    assert [len(each["columns"]) for each in schemas] == [3, 3, 2]
    assert sum(each["deliveries"] for each in schemas) == 4


def test_a_delivery_is_told_as_a_file_is(run, drifted):
    """Its newest finding, without looking again; 1 for the one that is cut."""
    assert run("inspect", drifted[0]).code == 0
    done = run("inspect", drifted[3][-8:])
    assert done.code == 1
    assert "2 of 3 fields" in done.out


def test_to_look_again_adds_a_finding(run, drifted):
    """--again on a delivery, or on all of a feed."""
    before = len(run("show", drifted[0], "--json").document["findings"])
    assert run("inspect", drifted[0], "--again").code == 0
    done = run("inspect", "acme-crm/daily", "--again", "--json")
    assert [each["id"] for each in done.lines] == drifted
    assert "4 deliveries" in done.err
    assert len(run("show", drifted[0], "--json").document["findings"]) == before + 2


def test_what_was_not_inspected_yet_is_looked_at_here(bare, tmp_path_factory):
    """A delivery without a finding, also in a bare zone where nobody inspects."""
    home = make_home(tmp_path_factory.mktemp("bare") / "home", SAFE_HERE)
    with headwater.open(home.path) as zone:
        id = zone.land("acme-crm/daily", b"a,b\n1,2\n3,4\n", name="x.csv").id
    assert "It was not inspected yet." in bare("--home", str(home.path), "show", id).out
    document = bare("--home", str(home.path), "inspect", id, "--json").document
    assert (document["name"], document["format"], document["rows"]) == ("x.csv", "csv", 2)
