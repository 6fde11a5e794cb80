from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.cli import commands
from headwater.cli.reference import reference
from headwater.cli.session import exit_code
from headwater.errors import REASONS, Damaged, Misconfigured, Refused, Unavailable

PAGE = Path(__file__).parents[3] / "docs/reference/cli.md"


def test_the_page_is_what_the_code_says():
    """docs/reference/cli.md is made from the code: `python -m headwater.cli.reference` writes it."""
    assert PAGE.read_text() == reference()


@pytest.mark.parametrize("command", [name for _, name, *_ in commands.COMMANDS])
def test_every_command_helps(bare, command):
    """Each command of the table is there, and --help tells of it."""
    if command.startswith("--"):
        return
    done = bare(command, "--help")

    assert done.code == 0
    assert f"headwater {command}" in done.out


def test_help_loads_no_command():
    """The list of commands is told without importing any of them, nor what they need."""
    code = (
        "import sys; from headwater.cli import main; main(['--help']);"
        "assert not {'urllib3', 'msgspec', 'uvicorn', 'asyncio', 'headwater.cli.ls'} & set(sys.modules), sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "Lands files." in done.stdout


def test_no_option_takes_a_secret():
    """No option's value is a secret: tokens and keys come from files, the environment or a question."""
    options = set(re.findall(r"`(--[a-z-]+) [A-Z]", PAGE.read_text()))

    assert options & {"--token", "--password", "--secret", "--passphrase"} == set()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nothing"], "There is no command"),
        (["pt"], 'Did you mean "put"?'),
        (["senders", "ad"], 'Did you mean "add"?'),
        (["ls", "--bogus"], "Unknown option"),
        (["put", "x"], "--to"),
        (["ls", "--limit", "many"], "--limit"),
    ],
)
def test_wrong_usage_is_told_in_a_line(bare, words, told):
    """A word that is not understood ends with 2 and one line that says where to look."""
    done = bare(*words)

    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert "Traceback" not in done.err


def test_wrong_usage_is_a_problem_with_json(bare):
    """With --json wrong usage is one problem object, too."""
    done = bare("--json", "ls", "--bogus")

    assert (done.code, done.problem["reason"]) == (2, "bad_request")


@pytest.mark.parametrize("order", ["before", "after"])
def test_options_for_everything_stand_anywhere(bare, home, order):
    """--home and --json may stand before the command or after it."""
    everywhere = ["--home", str(home.path), "--json"]
    done = bare(*everywhere, "whoami") if order == "before" else bare("whoami", *everywhere)

    assert (done.code, done.document["role"]) == (0, "admin")


def test_without_a_home_it_says_where_it_looked(bare):
    """No home and no server: exit 2, and every place that was looked at."""
    done = bare("ls")

    assert done.code == 2
    assert "./headwater-home" in done.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("digest_mismatch"), 1),
        (Refused("not_found"), 1),
        (Refused("unauthenticated"), 2),
        (Refused("not_allowed"), 2),
        (Refused("bad_feed"), 2),
        (Refused("too_many"), 3),
        (Unavailable("busy"), 3),
        (Misconfigured("x"), 2),
        (Misconfigured("x", "internal"), 3),
        (Damaged("x"), 1),
        (OSError(5, "x"), 1),
    ],
)
def test_an_exit_code_says_who_must_act(error, code):
    """1 is bad news, 2 for whoever calls or runs it, 3 for another try."""
    assert exit_code(error) == code


def test_every_reason_has_an_exit_code():
    """No reason of the table ends with 0."""
    assert {exit_code(Refused(reason)) for reason in REASONS} <= {1, 2, 3}


def test_a_fault_of_ours_is_no_traceback_unless_asked_for(bare, home, monkeypatch):
    """What nobody expected is one sentence; --debug shows where it came from."""
    monkeypatch.setattr("headwater.zone.zone.Zone.feeds", lambda _: 1 / 0)
    words = ("--home", str(home.path), "feeds")

    assert "Traceback" not in bare(*words).err
    assert "ZeroDivisionError" in bare(*words, "--debug").err
