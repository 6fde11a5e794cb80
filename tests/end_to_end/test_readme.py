"""The README's blocks, run as they stand, by a shell that knows nothing but the package's own commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import free_port

README = (Path(__file__).parents[2] / "README.md").read_text()
BIN = Path(sys.executable).parent


def blocks(language: str) -> list[str]:
    """The README's blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str], dict[str, str]]]:
    """A server in a fresh folder, as `make serve` starts it, on ports of its own; and these for the usual ones."""
    folder = tmp_path_factory.mktemp("readme")
    port, sftp_port = free_port(), free_port()
    kept = {name: value for name, value in os.environ.items() if name in {"HOME", "LANG", "TMPDIR"}}
    environ = {
        **kept,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HEADWATER_HTTP_LISTEN": f"127.0.0.1:{port}",
        "HEADWATER_SFTP_LISTEN": f"127.0.0.1:{sftp_port}",
    }
    with (folder / "serve.log").open("w") as log:
        server = subprocess.Popen([BIN / "headwater", "serve"], cwd=folder, env=environ, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 30
            while not (folder / "headwater-home/run.json").exists():
                assert server.poll() is None, (folder / "serve.log").read_text()
                assert time.monotonic() < deadline, (folder / "serve.log").read_text()
                time.sleep(0.05)
            yield folder, environ, {"127.0.0.1:8020": f"127.0.0.1:{port}", "-P 2022": f"-P {sftp_port}"}
        finally:
            server.terminate()
            server.wait(30)


def test_the_shell_blocks_do_what_they_say(served):
    """Every line of the README's shell blocks, one after the other, ends with success on a fresh home."""
    folder, environ, ports = served
    script = "set -eu\n" + "\n".join(blocks("sh"))
    for usual, own in ports.items():
        script = script.replace(usual, own)

    done = subprocess.run(
        ["sh", "-c", script], cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{(folder / 'serve.log').read_text()}"


def test_the_python_block_does_what_it_says(served):
    """The README's Python runs as it stands, in the folder of the home."""
    folder, environ, _ = served
    (code,) = blocks("python")

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "from-python.csv" in done.stdout
