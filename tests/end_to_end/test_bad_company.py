"""Bad company: a second process, books and zones that do not belong together, and strangers with wrong tokens."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from headwater.testing.s3_double import S3Double
from tests import checker
from tests.crash.served import CONFIG, Server, headwater, made_home
from tests.end_to_end.conftest import PATH


def put(server: Server, name: str, data: bytes = b"abc", **more):
    """An upload."""
    return server.ask("PUT", PATH + name, data, **more)


# --- two of everything -----------------------------------------------------------------------------------------------


def test_a_second_process_on_a_home_is_refused(start, tmp_path):
    """It ends with 2 and names the first, which serves on as if nothing had been."""
    server = start()

    second = headwater(server.home, "serve")

    assert second.returncode == 2
    assert f"process {server.pid} " in second.stderr
    assert put(server, "a.csv").status == 201


def test_a_second_process_on_a_directory_zone_is_refused(start, tmp_path):
    """Also with a home of its own: it names the first, and writes nothing."""
    server = start()
    other = made_home(tmp_path / "other", f'zone = "{server.home}/zone"\n{CONFIG}')
    before = sorted((server.home / "zone").rglob("*"))

    second = headwater(other.path, "init")

    assert second.returncode == 2
    assert f"process {server.pid} " in second.stderr
    assert sorted((server.home / "zone").rglob("*")) == before


def test_a_second_node_on_an_s3_zone_is_refused(start, tmp_path):
    """While the first shows signs of life the second is refused, and the log has one writer."""
    with S3Double(versioning=True) as double:
        double.create_bucket("landing")
        environ = {"AWS_ACCESS_KEY_ID": double.access_key, "AWS_SECRET_ACCESS_KEY": double.secret_key}
        config = f'zone = "s3://landing/zone"\n{CONFIG}[s3]\nregion = "us-east-1"\nendpoint = "{double.endpoint}"\n'
        made_home(tmp_path / "first", config)
        assert headwater(tmp_path / "first", "init", environ=environ).returncode == 0
        server = start(config, "first", environ=environ)
        other = made_home(tmp_path / "other", config)
        shutil.copy(server.home / "keys" / "ledger", other.keys / "ledger")

        second = headwater(other.path, "serve", environ=environ)

        assert second.returncode == 2
        assert f"process {server.pid} " in second.stderr
        assert put(server, "a.csv").status == 201
        assert server.stop() == 0
        client = double.client()
        assert checker.check(checker.BucketZone(client, "landing", "zone")).problems == []
        client.close()


# --- what does not belong together -----------------------------------------------------------------------------------


def landed_home(start, name: str) -> Path:
    """A home in which something landed, and whose server was stopped."""
    server: Server = start(name=name)
    assert put(server, "a.csv").status == 201
    assert server.stop() == 0
    return server.home


def test_books_of_another_zone_are_refused(start):
    """Books that belong to another zone start nothing, and both zones are named."""
    one, other = landed_home(start, "one"), landed_home(start, "other")
    zone_of = {home: json.loads((home / "zone" / "zone.json").read_text())["zone"] for home in (one, other)}
    shutil.copy(other / "books.sqlite3", one / "books.sqlite3")

    refused = headwater(one, "serve")

    assert refused.returncode == 2
    assert all(zone in refused.stderr for zone in zone_of.values())


def test_an_empty_zone_under_known_books_is_refused(start):
    """A zone that vanished is not founded anew: the server does not start, and makes nothing."""
    home = landed_home(start, "home")
    shutil.move(home / "zone", home.parent / "elsewhere")

    refused = headwater(home, "serve")

    assert refused.returncode == 2
    assert "Was the zone moved or emptied?" in refused.stderr
    assert not (home / "zone" / "zone.json").exists()


def test_an_older_copy_of_the_zone_is_refused(start):
    """A zone put back from before the last deliveries is not written on: the books have seen more."""
    home = landed_home(start, "home")
    shutil.copytree(home / "zone", home.parent / "old", symlinks=True)
    server = Server(home, home.parent / "again.log")
    with server:
        for number in range(3):
            assert put(server, f"{number}.csv").status == 201
        server.stop()
    shutil.rmtree(home / "zone")
    shutil.move(home.parent / "old", home / "zone")

    refused = headwater(home, "serve")

    assert refused.returncode == 2
    assert "older copy" in refused.stderr


def test_another_key_than_the_logs_is_refused(start):
    """The log is signed by its own key or not at all."""
    one, other = landed_home(start, "one"), landed_home(start, "other")
    shutil.copy(other / "keys" / "ledger", one / "keys" / "ledger")

    refused = headwater(one, "serve")

    assert refused.returncode == 2
    assert "key" in refused.stderr


# --- strangers -------------------------------------------------------------------------------------------------------


def knock(port: int, token: str, address: str) -> int:
    """A delivery with this token from this address of the loopback; the status of the answer."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=20, source_address=(address, 0))
    line.request("PUT", f"{PATH}x.csv", b"abc", {"Authorization": f"Bearer {token}"})
    status = line.getresponse().status
    line.close()
    return status


def test_a_hundred_wrong_tokens_hurt_nobody_else(start):
    """They are answered 401 and then banned, counted and not written; a sender from elsewhere lands meanwhile."""
    server = start()
    assert put(server, "before.csv").status == 201
    assert server.port is not None

    statuses = [knock(server.port, f"wrong-{number}", "127.0.0.9") for number in range(100)]
    assert put(server, "after.csv").status == 201
    assert server.stop() == 0

    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert set(statuses) == {401, 429}
    with closing(sqlite3.connect(server.home / "books.sqlite3")) as rows:
        assert rows.execute("SELECT count(*) FROM attempts").fetchone() == (2,)
        rows_written, counted = rows.execute("SELECT count(*), sum(count) FROM counters").fetchone()
    assert counted == 100
    assert rows_written <= 6  # by reason and minute, not by knock
    kinds = checker.check(checker.DirectoryZone(server.home / "zone")).kinds
    assert kinds.count("receipt") == 2
    assert "held" not in kinds


@pytest.fixture
def canary(start, tmp_path):
    """A server, and the token of a sender that was made for it and is written nowhere."""
    server = start()
    made = headwater(server.home, "--json", "senders", "add", "acme", "--allow", "acme/*", "--token")
    assert made.returncode == 0, made.stderr
    return server, json.loads(made.stdout)["secrets"]["token"]


def test_a_secret_stands_nowhere(canary, tmp_path):
    """A token that was used, misused and put where it does not belong is in no file of ours, no answer, no process."""
    server, token = canary
    answers = [
        server.ask("PUT", "/v1/feeds/acme/files/a.csv", b"abc", token=token),
        server.ask("PUT", "/v1/feeds/other/files/a.csv", b"abc", token=token),
        server.ask(
            "PUT", "/v1/feeds/acme/files/b.csv", b"abc", {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, token=token
        ),
        server.ask("PUT", "/v1/feeds/acme/files/a.csv", b"abc", token=token + "x"),
        server.ask("GET", "/v1/whoami", headers={"Cookie": f"session={token}"}, token=token),
        server.ask("GET", f"/v1/deliveries?cursor={token}", token=token),
        server.ask("GET", "/v1/attempts", token=token),
    ]
    assert [answer.status for answer in answers][:4] == [201, 404, 400, 401]
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            assert token.encode() not in process.read_bytes()
    headwater(server.home, "senders", "show", "acme")
    assert server.stop() == 0

    assert not [answer for answer in answers if token.encode() in answer.body]
    assert [path for path in tmp_path.rglob("*") if path.is_file() and token.encode() in path.read_bytes()] == []
