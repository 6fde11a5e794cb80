"""Real input: a thousand files of this machine, of every kind that lies under /usr/share, by eight senders at once."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import pytest

import headwater
from tests.processes import free_port

SENDERS = 8
FILES = int(os.environ.get("REAL_FILES", "1000"))
SIZE_BYTES_MAX = 50 * 1024 * 1024
COMMAND = Path(sys.executable).with_name("headwater")


def real_files() -> Iterator[Path]:
    """Regular files under /usr/share, in an order that mixes the kinds."""
    found = [
        Path(folder, name)
        for folder, _, names in os.walk("/usr/share")
        for name in names
        if Path(folder, name).is_file() and not Path(folder, name).is_symlink()
    ]
    found.sort(key=lambda path: hashlib.sha256(os.fsencode(path)).digest())
    return (path for path in found if path.stat().st_size <= SIZE_BYTES_MAX)


@pytest.mark.timeout(600)
def test_a_thousand_real_files_come_back_as_they_went_in(tmp_path):
    """Eight senders at once land real files of all kinds; `verify` finds every one, and each is byte for byte the
    original.
    """
    files = list(islice(real_files(), FILES))
    assert len(files) == FILES
    listen = f"127.0.0.1:{free_port()}"
    environ = {**os.environ, "HEADWATER_HTTP_LISTEN": listen, "HEADWATER_SFTP_LISTEN": "off"}

    def run(*words: str) -> str:
        done = subprocess.run([COMMAND, *words], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen([COMMAND, "serve"], cwd=tmp_path, env=environ, stdout=log, stderr=log)
        try:
            while not (tmp_path / "headwater-home/run.json").exists():
                assert server.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.05)
            home = headwater.open(tmp_path / "headwater-home")

            def send(number: int) -> None:
                made = run("senders", "add", f"sender-{number}", "--allow", f"share/part-{number}", "--token", "--json")
                sender = headwater.open(f"http://{listen}", json.loads(made)["secrets"]["token"])
                for path in files[number::SENDERS]:
                    sender.land(f"share/part-{number}", path, name=str(path).lstrip("/"))

            with ThreadPoolExecutor(SENDERS) as senders:
                list(senders.map(send, range(SENDERS)))
            back = {change.delivery.name: change.delivery for change in home.changes(after=0)}
            assert set(back) == {str(path).lstrip("/") for path in files}
            for path in files:
                delivery = back[str(path).lstrip("/")]
                assert delivery.bytes() == path.read_bytes(), path
            assert "Everything holds." in run("verify")
        finally:
            server.terminate()
            server.wait(30)
