"""Inspection in the real process: beside landing, through kill -9, with hostile files, and in its worker processes."""

from __future__ import annotations

import gzip
import json
import random
import shutil
import sqlite3
import time
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater.testing.s3_double import S3Double
from tests.crash.served import CONFIG, Server, headwater, made_home

FILES = 120
KILLS = 4
OFF = CONFIG + "[inspect]\nenabled = false\n"
PATH = "/v1/feeds/first/{feed}/{name}"


def put(server: Server, feed: str, name: str, body: bytes) -> str:
    """Lands a file; its id."""
    answer = server.ask("PUT", PATH.format(feed=feed, name=name), body)
    assert answer.status == 201, answer.body
    return str(answer.json["receipt"]["id"])


def finding(server: Server, id: str) -> dict[str, Any]:
    """The newest finding of a delivery, once there is one."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := server.ask("GET", f"/v1/deliveries/{id}/findings").json["findings"]:
            newest: dict[str, Any] = found[0]["finding"]
            return newest
        time.sleep(0.05)
    raise AssertionError("it was not inspected")


def bodies(count: int) -> Iterator[tuple[str, str, bytes]]:
    """Files of several kinds in three feeds, some of them cut or changed against those before."""
    for n in range(count):
        rows = [f"{k},name {k * n},{k / 7:.2f}" for k in range(1, 3 + n % 40)]
        head = "id,name,amount" if n % 11 else "id,name,amount,note"
        text = "\n".join([head, *(row if n % 11 else f"{row},x" for row in rows)]) + "\n"
        match n % 4:
            case 0:
                yield "sales", f"sales_{n}.csv", text.encode()[: -5 if n % 12 == 0 else None]
            case 1:
                yield (
                    "packed",
                    f"sales_{n}.csv.gz",
                    gzip.compress(text.encode(), mtime=0)[: -9 if n % 13 == 0 else None],
                )
            case 2:
                lines = [json.dumps({"id": k, "name": f"n{k}"}) for k in range(n % 50)]
                yield "events", f"events_{n}.ndjson", "\n".join(lines).encode()
            case _:
                yield "events", f"blob_{n}.bin", bytes(range(256)) * (n % 5 + 1)


def kept(home: Path) -> list[tuple[int, str, int, dict[str, Any]]]:
    """Every finding in the books, in the ledger's order."""
    with closing(sqlite3.connect(home / "books.sqlite3")) as books:
        rows = books.execute("SELECT position, detector, run, finding FROM findings ORDER BY position, n").fetchall()
    return [(position, detector, run, json.loads(zlib.decompress(packed))) for position, detector, run, packed in rows]


def count_of(home: Path) -> int:
    """How many findings there are by now."""
    with closing(sqlite3.connect(home / "books.sqlite3", timeout=30)) as books:
        return int(books.execute("SELECT count(*) FROM findings").fetchone()[0])


def caught_up(home: Path, count: int, seconds: float = 300.0) -> None:
    """Waits until so many findings are there."""
    deadline = time.monotonic() + seconds
    while count_of(home) < count:
        assert time.monotonic() < deadline, f"{count_of(home)} of {count}"
        time.sleep(0.05)


@pytest.mark.timeout(300)
def test_a_follower_that_is_killed_ends_with_the_same_findings(tmp_path):
    """Killed with -9 again and again while it catches up, it ends with what an undisturbed run finds, each once."""
    home = made_home(tmp_path / "home", OFF)
    with Server(home.path, tmp_path / "log") as server:
        for feed, name, body in bodies(FILES):
            put(server, feed, name, body)
        server.stop()
    assert count_of(home.path) == 0
    home.config_path.write_text(CONFIG)
    shutil.copytree(home.path, tmp_path / "other")

    for kill in range(1, KILLS + 1):
        with Server(home.path, tmp_path / "log"):
            caught_up(home.path, FILES * kill // (KILLS + 2))
    with Server(home.path, tmp_path / "log") as server:
        caught_up(home.path, FILES)
        server.stop()
    with Server(tmp_path / "other", tmp_path / "log") as server:
        caught_up(tmp_path / "other", FILES)
        server.stop()

    found = kept(home.path)
    assert len({position for position, *_ in found}) == len(found) == FILES
    assert found == kept(tmp_path / "other")
    codes = {problem["code"] for *_, each in found for problem in each.get("problems", ())}
    assert {"column_added", "column_gone"} <= codes
    assert not {"inspection_failed", "inspection_incomplete"} & codes
    assert {each["wholeness"]["verdict"] for *_, each in found} >= {"presumed", "proven", "suspect"}


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    """A server that inspects, but no file for longer than some seconds."""
    folder = tmp_path_factory.mktemp("server")
    home = made_home(folder / "home", CONFIG + '[inspect]\ntime = "20s"\nmemory = "512MiB"\n')
    with Server(home.path, folder / "log") as running:
        yield running


def test_each_change_in_a_feed_is_told(server):
    """A feed gains a column, changes its delimiter, then is cut: one sentence each, from landing alone."""
    ids = [
        put(server, "daily", f"d{n}.csv", body)
        for n, body in enumerate(
            (
                b"id,amount\n1,2\n2,3\n",
                b"id,amount,colour\n1,2,red\n2,3,blue\n",
                b"id;amount;colour\n1;2;red\n2;3;blue\n",
                b"id;amount;colour\n1;2;red\n2;3",
            )
        )
    ]
    found = [finding(server, id) for id in ids]
    told = [[problem["sentence"] for problem in each.get("problems", ())] for each in found]
    assert told[0] == []
    assert told[1] == ["Column colour is new: number 3 of 3."]
    assert told[2] == ["The delimiter changed from , to ;."]
    assert found[3]["wholeness"]["verdict"] == "suspect"
    shown = headwater(server.home, "show", ids[3]).stdout
    assert "The last row has 2 of 3 fields" in shown
    assert b"headwater_inspection_lag_entries " in server.ask("GET", "/metrics").body


def test_hostile_files_cost_a_finding_each(server):
    """Bombs and nonsense are told for what they are, and the next file is inspected as ever; landing never waits."""
    hostile = {
        "bomb.csv.gz": gzip.compress(bytes(300 << 20), 9),
        "deep.json": b"[" * 2_000_000,
        "laughs.xml": b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><l>&b;</l>',
        "nul.csv": b"a,b\n1,\x00\n" * 1000,
        "line.csv": b"x" * (8 << 20),
        "lies.parquet": b"PAR1" + b"\xff" * 100 + b"\xff\xff\xff\x7fPAR1",
    }
    ids = {name: put(server, "hostile", name, body) for name, body in hostile.items()}
    ids["fine.csv"] = put(server, "hostile", "fine.csv", b"a,b\n1,2\n3,4\n")
    found = {name: finding(server, id) for name, id in ids.items()}
    assert found["fine.csv"]["rows"] == 2
    assert found["lies.parquet"]["wholeness"]["verdict"] == "suspect"
    for name, each in found.items():
        codes = {problem["code"] for problem in each.get("problems", ())}
        assert not {"inspection_failed", "inspection_incomplete"} & codes, name
    assert server.code is None


def test_nothing_is_left_when_the_server_ends(tmp_path):
    """No worker process outlives its server, be it stopped or killed."""
    home = made_home(tmp_path / "home")
    for end in ("stop", "kill"):
        with Server(home.path, tmp_path / "log") as server:
            finding(server, put(server, "files", "a.csv", b"a,b\n1,2\n"))
            workers = workers_of(server.pid)
            assert workers
            getattr(server, end)()
        deadline = time.monotonic() + 20
        while any(Path(f"/proc/{pid}/stat").exists() for pid in workers):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def workers_of(pid: int) -> list[int]:
    """Its child processes, and theirs."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            child = int(path.parent.name)
            found += [child, *workers_of(child)]
    return found


def test_objects_on_s3_are_inspected_by_ranges(tmp_path):
    """The workers have no credentials: the server gives them ranges of the one object, few where few are enough."""
    with S3Double(versioning=True) as double:
        double.create_bucket("landing")
        environ = {"AWS_ACCESS_KEY_ID": double.access_key, "AWS_SECRET_ACCESS_KEY": double.secret_key}
        config = f'zone = "s3://landing/zone"\n{CONFIG}[s3]\nregion = "us-east-1"\nendpoint = "{double.endpoint}"\n'
        home = made_home(tmp_path / "home", config)
        assert headwater(home.path, "init", environ=environ).returncode == 0
        with Server(home.path, tmp_path / "log", environ) as server:
            small = put(server, "small", "a.csv", b"a,b\n1,2\n3,4\n")
            rows = b"".join(b"%d,name %d,%d\n" % (n, n * n, n) for n in range(150_000))
            large = put(server, "large", "b.csv", b"id,name,amount\n" + rows)
            noise = random.Random(1)
            columns = {f"c{n}": [noise.random() for _ in range(100_000)] for n in range(8)}
            pq.write_table(pa.table(columns), tmp_path / "c.parquet", row_group_size=20_000, compression="none")
            parquet = put(server, "columns", "c.parquet", (tmp_path / "c.parquet").read_bytes())
            assert [finding(server, id)["rows"] for id in (small, large, parquet)] == [2, 150_000, 100_000]
            assert finding(server, small)["recipes"][0]["proved"] is True
        gets = [seen for seen in double.requests if seen.operation == "GetObject" and "c.parquet" in seen.key]
        assert 0 < len(gets) < 20


def test_inspection_can_be_off(tmp_path):
    """Then nothing is started, and `inspect` still looks at a delivery when it is asked to."""
    home = made_home(tmp_path / "home", OFF)
    with Server(home.path, tmp_path / "log") as server:
        id = put(server, "files", "a.csv", b"a,b\n1,2\n")
        assert server.ask("GET", f"/v1/deliveries/{id}/findings").json["findings"] == []
        assert workers_of(server.pid) == []
        done = headwater(home.path, "inspect", id, "--json")
        assert json.loads(done.stdout)["rows"] == 1
