from __future__ import annotations

import os

import pytest

from tests.homes import make_home, serving


@pytest.mark.parametrize("width", [80, 120])
def test_tables_fit_the_screen(run, landed, monkeypatch, width):
    """No table is wider than the screen, and what it is about is whole: ids, sizes, feeds are never cut."""
    monkeypatch.setenv("COLUMNS", str(width))
    for words in (["ls"], ["ls", "acme-crm"], ["changes"], ["feeds"], ["senders"], ["ls", "--attempts"]):
        done = run(*words)
        assert max(len(line) for line in done.out.splitlines()) <= width, done.out
    assert landed[-8:] in run("ls").out
    assert "acme-crm/daily_sales" in run("ls").out


def test_what_is_piped_is_not_cut(run, landed):
    """Where no terminal is, names stand in one line, and there is no colour."""
    done = run("ls")

    assert "sales_2026-11-22_the_final_version_of_acme.csv" in done.out
    assert "\x1b" not in done.out


def test_a_name_cannot_steer_the_terminal(run, landed):
    """Escape sequences in a name are shown, not sent."""
    for words in (
        ["ls"],
        ["changes"],
        ["ls", "--attempts"],
        ["show", run("ls", "first", "--json").lines[0]["receipt"]["id"]],
    ):
        assert "\\x1b[31mred" in run(*words).out


def test_lists_are_one_object_a_line(run, landed):
    """With --json a list is a delivery a line, as HTTP gives it; nothing else is on stdout."""
    done = run("ls", "--json")

    assert [one["now"]["state"] for one in done.lines] == ["effective", "repeat", "effective"]
    assert [one["position"] for one in run("changes", "--json").lines] == sorted(one["position"] for one in done.lines)


def test_an_empty_list_is_no_failure(run, landed):
    """Nothing found: 0, nothing on stdout, a word on stderr."""
    done = run("ls", "first", "--name", "nothing*")

    assert (done.code, done.out) == (0, "")
    assert "Nothing landed" in done.err


def test_one_delivery_is_shown_whole(run, landed):
    """Show tells the receipt, the evidence, where the bytes are, and the history of the name."""
    done = run("show", landed[-8:])

    for word in (landed, "SHA-256", "raw/lz_source=acme-crm", "content_length", "as declared", "Position", "repeat"):
        assert word in done.out
    assert run("show", landed, "--json").document["receipt"]["id"] == landed
    missing = run("show", "abcdef12", "--json")
    assert (missing.code, missing.problem["reason"]) == (1, "not_found")


def test_tries_are_listed_by_their_outcome(run, landed):
    """--attempts lists every try, --outcome those of a kind."""
    assert {one["outcome"] for one in run("ls", "--attempts", "--json").lines} == {"landed"}
    assert run("ls", "--outcome", "held,refused", "--json").lines == []
    assert run("ls", "--attempts", "--state", "void").code == 2


def test_bytes_are_got_and_checked(run, landed, place):
    """Get writes a file of the delivery's own name, or the one that is named, or stdout."""
    assert run("get", landed).code == 0
    assert (place / "sales_2026-11-22_the_final_version_of_acme.csv").read_bytes() == b"id\n1\n"
    assert run("get", landed).code == 1
    assert run("get", landed, "-o", "copy.csv", "--json").document["path"] == "copy.csv"
    assert run("get", landed, "-o", "-").out == "id\n1\n"


def test_a_proof_is_checked_without_a_home(run, bare, home, landed, place):
    """A bundle holds by itself, with the file and the key that was given; without, not."""
    (place / "file.csv").write_bytes(b"id\n1\n")
    (place / "other.csv").write_bytes(b"id\n2\n")
    key = next((home.path / "zone" / "ledger").glob("*/vkey"))
    (place / "key").write_bytes(key.read_bytes())
    assert run("proof", landed, "-o", "proof.zip").code == 0
    good = bare("check-proof", "proof.zip", "--file", "file.csv", "--trust", key.read_text())

    assert good.code == 0
    assert "does not prove" in good.out
    assert bare("check-proof", "proof.zip", "--file", "file.csv", "--trust", "key", "--json").document["ok"] is True
    assert bare("check-proof", "proof.zip", "--file", "other.csv", "--trust", "key").code == 1
    without = bare("check-proof", "proof.zip")
    assert (without.code, "SHA256:" in without.out) == (1, True)
    assert bare("check-proof", "proof.zip", "--trust", "nonsense").code == 2
    assert run("proof", landed, "--format", "tlog-proof", "-o", "bare.tlog-proof").code == 0
    assert bare("check-proof", "bare.tlog-proof", "--file", "file.csv", "--trust", "key").code == 0


def test_a_zone_is_verified_against_a_kept_checkpoint(run, landed, place):
    """Verify reads all again; the ledger extends the checkpoint that was kept, and not one of another log."""
    assert run("checkpoint", "-o", "kept").code == 0
    run("put", "kept", "--to", "first/kept")
    done = run("verify", "--against", "kept", "--json")

    assert (done.code, done.document["ok"]) == (0, True)
    (place / "wrong").write_text((place / "kept").read_text().replace("-1\n", "-9\n", 1))
    assert run("verify", "--against", "wrong").code == 1
    assert run("verify", "first/kept", "--quick").code == 0


def test_a_changed_object_is_bad_news(place, bare):
    """Verify ends with 1 and names the object whose bytes are not those of its receipt."""
    home = make_home(place / "home")
    (place / "n.csv").write_bytes(b"abc")
    words = ("--home", str(home.path))
    key = bare(*words, "put", "n.csv", "--to", "first/files", "--json").document["receipt"]["key"]
    path = home.path / "zone" / key
    path.chmod(0o600)
    path.write_bytes(b"abd")
    done = bare(*words, "verify")

    assert done.code == 1
    assert key in done.out


def test_what_nothing_explains_is_entered_as_found(place, bare):
    """A file that somebody put into raw/ is bad news once, is entered with or without a server, and is then named."""
    home = make_home(place / "home")
    words = ("--home", str(home.path), "verify")

    def stray(name: str) -> str:
        path = home.path / "zone" / "raw" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"whose is this")
        os.utime(path, (1_000_000_000, 1_000_000_000))
        return f"raw/{name}"

    first = stray("one")
    done = bare(*words, "--json")
    assert (done.code, done.document["entered"]) == (1, 1)
    assert [problem["subject"] for problem in done.document["problems"]] == [first]
    with serving(home):
        second = stray("two")
        told = bare(*words)
        assert (told.code, "Entered as found" in told.out) == (1, True)
        last = bare(*words)
    assert last.code == 0
    assert f"2, of which nothing else is known: {first}, {second}" in last.out
