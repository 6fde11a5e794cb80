"""What every test stands on: a clean environment, no network but loopback, and real servers."""

from __future__ import annotations

import os
import sys
from collections import Counter
from ipaddress import ip_address
from typing import Any

import hypothesis
import pytest

# Scrubbed once, before anything reads it: no test depends on, or touches, what the person who runs it has set up.
for _name in list(os.environ):
    if _name.startswith(("HEADWATER_", "AWS_")) and _name != "HEADWATER_REQUIRE_SERVICES":
        del os.environ[_name]
    if _name.lower().endswith("_proxy"):
        del os.environ[_name]
os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}

from tests import services  # noqa: E402  (reads the environment)

hypothesis.settings.register_profile(
    "house",
    deadline=None,  # two busy cores make any deadline a coin toss
    derandomize="HEADWATER_REQUIRE_SERVICES" in os.environ,  # what is judged by a run must not be chance
)
hypothesis.settings.load_profile("house")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


def _forbid_outside(event: str, args: tuple[Any, ...]) -> None:
    if event in {"socket.connect", "socket.sendto"}:
        address = args[1]
        if isinstance(address, tuple) and not _is_loopback(address[0]):
            pytest.fail(f"a test reached for {address[0]}: only loopback is allowed")
    elif event == "socket.getaddrinfo":
        host = args[0].decode() if isinstance(args[0], bytes) else args[0]
        if host and not _is_loopback(host) and host not in {"0.0.0.0", "::"}:  # these two are for listening
            pytest.fail(f"a test looked up {host}: only loopback is allowed")


sys.addaudithook(_forbid_outside)


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: many tests wait for a disk, a server or a clock."""
    return min(8, (os.cpu_count() or 1) + 1)


@pytest.fixture(scope="session")
def versitygw(tmp_path_factory):
    """A versitygw for the whole run of this worker."""
    with services.versitygw(tmp_path_factory.mktemp("versitygw")) as server:
        yield server


@pytest.fixture(scope="session")
def minio(tmp_path_factory):
    """A MinIO for the whole run of this worker."""
    with services.minio(tmp_path_factory.mktemp("minio")) as server:
        yield server


@pytest.fixture
def versitygw_bucket(versitygw):
    """An empty, versioned bucket on versitygw."""
    return services.Bucket(versitygw, versitygw.make_bucket())


@pytest.fixture
def minio_bucket(minio):
    """An empty, versioned bucket on MinIO."""
    return services.Bucket(minio, minio.make_bucket())


@pytest.fixture
def toxiproxy(tmp_path):
    """A toxiproxy of the test's own."""
    with services.toxiproxy(tmp_path) as proxy:
        yield proxy


def pytest_terminal_summary(terminalreporter):
    """Say at the end why tests were skipped, mostly for a server that is not there, and how many for each reason."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    if reasons:
        terminalreporter.section("skipped")
    for reason, count in sorted(reasons.items()):
        terminalreporter.line(f"{count} tests: {reason}" if count > 1 else f"1 test: {reason}")
