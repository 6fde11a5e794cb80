"""The races still run: each with small sizes, in which its figures mean nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import processes

RUN = Path(__file__).parents[2] / "bench" / "run.py"
RACES = {  # and the programs that each needs
    "http_put": ["curl"],
    "small_files": [],
    "sftp": ["sftp", "sshd"],
    "s3_put": ["curl", "versitygw"],
    "s3_latency": [],
    "verify": [],
    "ledger_million": ["tessera-fsck"],
    "catalog": [],
    "memory": ["curl"],
    "startup": [],
    "dialects": [],
    "detection": [],
    "wholeness": [],
    "inspect_large": [],
    "inspect_small": [],
    "inspect_beside": [],
}


@pytest.mark.parametrize(("race", "programs"), RACES.items())
def test_a_race_runs_to_its_end(race, programs, tmp_path):
    """A quick run of each race ends well, and says at least one number under its own name."""
    for name in programs:
        processes.program(name)
    out = tmp_path / "figures"
    command = [sys.executable, str(RUN), race, "--quick", "--disk", str(tmp_path), "--out", str(out)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    conditions, *figures = map(json.loads, out.read_text().splitlines())
    assert conditions["date"]
    assert {figure["race"] for figure in figures} == {race}
    assert any(isinstance(figure["value"], int | float) for figure in figures)


def test_every_race_is_run_here():
    """`bench/run.py --help` names no race that is not smoked."""
    said = subprocess.run([sys.executable, str(RUN), "--help"], check=True, capture_output=True, text=True).stdout
    named = " ".join(said.split()).partition("RACE of ")[2].partition(";")[0]
    assert named.split(", ") == list(RACES)
