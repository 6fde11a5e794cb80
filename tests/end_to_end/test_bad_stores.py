"""Bad days of the zone: a full disk, an S3 that refuses, stalls, lies or is late: no yes, no loss, and it recovers."""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.testing.s3_double import Fault, S3Double
from tests import checker
from tests.crash.served import CONFIG, Answer, Server, headwater, made_home
from tests.end_to_end.conftest import PATH

MIB = 1 << 20
BACK_SECONDS_MAX = 45.0
"""An upload whose end is not certain is looked into every few seconds."""


def put(server: Server, name: str, data: bytes, seconds_max: float = 60.0) -> Answer | None:
    """An upload under its name as its key; None where the line broke."""
    try:
        return server.ask("PUT", PATH + name, data, {"Idempotency-Key": name}, seconds_max=seconds_max)
    except (OSError, http.client.HTTPException):
        return None


def put_until_yes(server: Server, name: str, data: bytes) -> Answer:
    """As a sender does who was told to come back."""
    deadline = time.monotonic() + BACK_SECONDS_MAX
    while True:
        answer = put(server, name, data)
        if answer is not None and answer.status in {200, 201}:
            return answer
        assert time.monotonic() < deadline, f"still no yes: {answer}"
        time.sleep(0.2)


def landed(files: checker.Files) -> dict[str, list[bytes]]:
    """Every delivery in the zone, by name."""
    checked = checker.check(files)
    assert checked.problems == []
    found: dict[str, list[bytes]] = {}
    for receipt in checked.deliveries.values():
        found.setdefault(receipt["name"], []).append(files.read(receipt["key"]) or b"")
    return found


# --- a full disk -----------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A file system with room for 24 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m,nr_inodes=400", "tmpfs", place], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("a small file system can only be mounted by root")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.parametrize("what", ["zone", "zone and books"])
@pytest.mark.parametrize("runs_out", ["bytes", "names"])
def test_a_full_disk_loses_nothing_and_goes_on_when_there_is_room(small_disk, tmp_path, what, runs_out):
    """What has no room gets no yes; what had one stands whole; and with room again the same uploads land."""
    home = small_disk / "home" if what == "zone and books" else tmp_path / "home"
    made_home(home, f'zone = "{small_disk}/zone"\n{CONFIG}')
    assert headwater(home, "init").returncode == 0
    with Server(home, tmp_path / "log") as server:
        first = {f"before-{number}.bin": os.urandom(50_000 * number) for number in range(5)}
        for name, data in first.items():
            assert put(server, name, data).status == 201
        fill(small_disk, runs_out)
        refused = {f"full-{number}.bin": os.urandom(size) for number, size in enumerate([10, 300_000, 3 * MIB])}
        for name, data in refused.items():
            answer = put(server, name, data)
            assert answer is None or answer.status in {503, 507}, answer
        (small_disk / "filler").unlink(missing_ok=True)
        for filler in small_disk.glob("filler-*"):
            filler.unlink()

        for name, data in refused.items():
            put_until_yes(server, name, data)
        assert server.stop() == 0
    assert landed(checker.DirectoryZone(small_disk / "zone")) == {
        name: [data] for name, data in (first | refused).items()
    }


def fill(disk: Path, what: str) -> None:
    """Takes all the room there is."""
    with contextlib.suppress(OSError):
        if what == "bytes":
            with (disk / "filler").open("wb", buffering=0) as file:
                while True:
                    file.write(b"x" * 4096)
        for number in range(1000):
            (disk / f"filler-{number}").touch()


# --- S3 --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def double() -> Iterator[S3Double]:
    """A strict S3."""
    with S3Double(versioning=True) as running:
        running.create_bucket("landing")
        yield running


@pytest.fixture(scope="module")
def on_s3(double, tmp_path_factory) -> Iterator[Server]:
    """A server whose zone is on the double."""
    folder = tmp_path_factory.mktemp("on_s3")
    environ = {"AWS_ACCESS_KEY_ID": double.access_key, "AWS_SECRET_ACCESS_KEY": double.secret_key}
    config = f'zone = "s3://landing/zone"\n{CONFIG}[s3]\nregion = "us-east-1"\nendpoint = "{double.endpoint}"\n'
    home = made_home(folder / "home", config)
    founded = headwater(home.path, "init", environ=environ)
    assert founded.returncode == 0, founded.stderr
    with Server(home.path, folder / "log", environ) as server:
        yield server


@pytest.fixture
def zone(double) -> Iterator[checker.BucketZone]:
    """The zone as a reader sees it."""
    client = double.client()
    yield checker.BucketZone(client, "landing", "zone")
    client.close()


FAULTS = {
    "403": [Fault("PutObject", status=403, times=10**6), Fault("CompleteMultipartUpload", status=403, times=10**6)],
    "503": [Fault("*", status=503, times=10**6)],
    "500 after it was done": [Fault("PutObject", when="after", status=500, times=10**6)],
    "cut after it was done": [Fault("PutObject", when="after", status=None, times=10**6)],
    "500 inside of a 200": [Fault("CompleteMultipartUpload", status=200, code="InternalError", times=10**6)],
    "wrong checksum": [Fault("PutObject", status=400, code="BadDigest", times=10**6)],
    "ledger only": [Fault("PutObject", "ledger/", status=503, times=10**6)],
    "conflict": [Fault("PutObject", status=409, times=10**6)],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_s3_refuses_gets_no_yes_and_lands_once_it_is_well(double, on_s3, zone, fault):
    """While S3 fails in its way nothing is acknowledged that does not stand; afterwards each upload lands once."""
    files = {f"{fault.split()[0]}-{len(fault)}-{size}.bin": os.urandom(size) for size in (10, 9 * MIB)}
    for each in FAULTS[fault]:
        double.faults.add(each)
    said_yes = {}
    for name, data in files.items():
        answer = put(on_s3, name, data, seconds_max=3.0)
        if answer is not None and answer.status == 201:
            said_yes[name] = answer.json["receipt"]["id"]
        else:
            assert answer is None or answer.status in {202, 409, 503}, answer
    double.faults.clear()
    for name, id_ in said_yes.items():
        assert id_ in checker.check(zone, is_on_its_way=lambda key: True).deliveries, name

    for name, data in files.items():
        put_until_yes(on_s3, name, data)

    found = landed(zone)
    assert {name: found[name] for name in files} == {name: [data] for name, data in files.items()}


def test_a_slow_s3_is_only_slow(double, on_s3, zone):
    """With half a second for every call uploads land, and the answer is the same."""
    double.latency_seconds = 0.5
    try:
        answers = [put(on_s3, f"slow-{size}.bin", bytes(size)) for size in (10, 9 * MIB)]
    finally:
        double.latency_seconds = 0.0

    assert [answer.status for answer in answers if answer] == [201, 201]
    assert landed(zone)["slow-10.bin"] == [bytes(10)]


def test_a_clock_that_is_wrong_refuses_and_comes_back(double, on_s3, zone):
    """S3 refuses calls whose time is too far from its own: no yes, and all is well when the clocks agree again."""
    double.clock_offset_seconds = 3600.0
    try:
        answer = put(on_s3, "skewed.bin", b"abc", seconds_max=3.0)
    finally:
        double.clock_offset_seconds = 0.0
    assert answer is None or answer.status in {202, 503}, answer

    put_until_yes(on_s3, "skewed.bin", b"abc")

    assert landed(zone)["skewed.bin"] == [b"abc"]


def test_the_server_says_that_it_can_land_again(on_s3):
    """After all of that it is ready."""
    answer = on_s3.ask("GET", "/readyz")

    assert answer.status == 200, answer.body
