"""Commands as they are called, within this process."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

import headwater
from headwater.cli import main, output
from tests.homes import make_home


class Done(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """The JSON objects on stdout, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def problem(self) -> Any:
        """The problem object on stderr."""
        return json.loads(self.err)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home of this module's tests."""
    return make_home(tmp_path_factory.mktemp("cli") / "home")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder; nothing of the person who runs the tests is seen."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("HEADWATER_HOME", "HEADWATER_SERVER", "HEADWATER_TOKEN", "HEADWATER_CONFIG", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def bare(place, capfd):
    """Calls a command where nothing is set."""

    def call(*words: str) -> Done:
        output.stdout.cache_clear()
        output.stderr.cache_clear()
        capfd.readouterr()
        code = main(words)
        return Done(code, *capfd.readouterr())

    return call


@pytest.fixture
def run(bare, home):
    """Calls a command on the home."""
    return lambda *words: bare("--home", str(home.path), *words)


@pytest.fixture(scope="module")
def landed(home):
    """Something to look at in the home: three deliveries, one of them a repeat, and a sender."""
    with headwater.open(home.path) as zone:
        one = zone.land("acme-crm/daily_sales", b"id\n1\n", name="sales_2026-11-22_the_final_version_of_acme.csv")
        zone.land("acme-crm/daily_sales", b"id\n1\n", name="sales_2026-11-22_the_final_version_of_acme.csv")
        zone.land("first/files", b"x" * 70_000, name="\x1b[31mred\x1b[0m/ümlaut.bin")
    return one.id
