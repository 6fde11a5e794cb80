from __future__ import annotations

import threading
import time

from tests.homes import make_home, serving


def test_put_says_where_it_landed(run, home, place):
    """Each file's line names the feed, the name, how whole it is, and the home; a stream is presumed."""
    (place / "n.csv").write_bytes(b"abc")
    done = run("put", "n.csv", "--to", "first/put", "--name", "other.csv")

    assert done.code == 0
    assert all(word in done.out for word in ("landed", "first/put", "other.csv", "proven", str(home.path)))


def test_put_on_a_home_came_by_the_command_line(bare, place, monkeypatch):
    """On a home, with a server or without, the door is `cli`; on a server, with a sender's token, it is `http`."""
    home = make_home(place / "home")
    (place / "n.csv").write_bytes(b"abc")
    put = ("put", "n.csv", "--to", "first/files", "--json")
    doors = [bare("--home", str(home.path), *put).document["receipt"]["door"]]
    with serving(home) as address:
        doors.append(bare("--home", str(home.path), *put).document["receipt"]["door"])
        monkeypatch.setenv("HEADWATER_TOKEN", (home.keys / "first.token").read_text().strip())
        doors.append(bare("--server", address, *put).document["receipt"]["door"])

    assert doors == ["cli", "cli", "http"]
    assert len(bare("--home", str(home.path), "ls", "--door", "cli", "--json").lines) == 2


def test_put_lands_a_folder_with_names_relative_to_it(run, place):
    """-r lands all files below, --once skips those that stand there, --dry-run only tells."""
    (place / "tree" / "sub").mkdir(parents=True)
    (place / "tree" / "a.csv").write_text("1")
    (place / "tree" / "sub" / "b.csv").write_text("2")

    assert run("put", "tree", "--to", "first/tree").code == 2
    assert [one["name"] for one in run("put", "-r", "tree", "--to", "first/tree", "--dry-run", "--json").lines] == [
        "a.csv",
        "sub/b.csv",
    ]
    assert [one["receipt"]["name"] for one in run("put", "-r", "tree", "--to", "first/tree", "--json").lines] == [
        "a.csv",
        "sub/b.csv",
    ]
    assert run("put", "-r", "tree", "--to", "first/tree", "--once").out.count("is there already") == 2
    assert len(run("ls", "first/tree", "--json").lines) == 2


def test_put_goes_on_past_a_file_that_cannot_be_landed(run, place):
    """What is wrong with one file is told, and the others land; the end is bad news."""
    deep = place.joinpath("tree", *["d" * 200] * 6)
    deep.mkdir(parents=True)
    (deep / "too_long.csv").write_text("1")
    (place / "tree" / "good.csv").write_text("2")
    done = run("put", "-r", "tree", "--to", "first/some", "--json")

    assert done.code == 1
    assert done.problem["reason"] == "bad_name"
    assert done.problem["name"].endswith("too_long.csv")
    assert [one["receipt"]["name"] for one in done.lines] == ["good.csv"]


def test_put_repeats_nothing_under_one_key(run, place):
    """The same bytes under one key land once; other bytes under it are bad news; a key is for one file."""
    (place / "n.csv").write_text("1")
    words = ("put", "n.csv", "--to", "first/keyed", "--idempotency-key", "k")

    assert "landed" in run(*words).out
    assert "is there already" in run(*words).out
    (place / "n.csv").write_text("2")
    assert run(*words).code == 1
    assert run("put", "n.csv", "n.csv", *words[2:]).code == 2


def test_put_reads_stdin_under_a_name(run, place, monkeypatch):
    """`-` is stdin, and needs a name."""
    with (place / "in").open("w+b") as file:
        file.write(b"piped")
        file.seek(0)
        monkeypatch.setattr("sys.stdin", type("Stdin", (), {"buffer": file, "isatty": lambda _: False})())
        assert run("put", "-", "--to", "first/piped").code == 2
        done = run("put", "-", "--name", "n", "--to", "first/piped", "--json").document

    assert (done["receipt"]["size_bytes"], done["now"]["completeness"]) == (5, "presumed")


def test_put_keeps_to_its_rate(run, place):
    """--limit-rate holds all transfers together to so many bytes in a second."""
    (place / "n").write_bytes(b"x" * 40_000)
    began = time.monotonic()
    assert run("put", "n", "--to", "first/slow", "--limit-rate", "100KiB").code == 0

    assert time.monotonic() - began > 0.3


def test_put_tries_again_while_the_server_is_away(bare, place):
    """A server that comes back gets the file, once; that it started over is said. One that stays away ends with 3."""
    home = make_home(place / "home")
    (place / "n.csv").write_text("1")
    with serving(home) as url:
        port = url.rpartition(":")[2]
        token = (home.keys / "home.token").read_text().strip()
    (place / "token").write_text(token)
    words = ("--server", url, "--token-file", "token", "put", "n.csv", "--to", "first/files")
    away = bare(*words, "--give-up-after", "1s")
    home.config_path.write_text(home.config_path.read_text().replace(":0", f":{port}", 1))

    def come_back():
        with serving(home):
            stop.wait(20)

    stop = threading.Event()
    back = threading.Timer(0.5, come_back)
    back.start()
    try:
        done = bare(*words, "--json")
    finally:
        stop.set()
        back.join()

    assert away.code == 3
    assert "cannot be reached" in away.err
    assert done.code == 0
    assert "Starting over" in done.err
