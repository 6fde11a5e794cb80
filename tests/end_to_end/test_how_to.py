"""The blocks of the how-to guides, run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.crash.served import CONFIG, Server, made_home
from tests.processes import program

HOW_TO = Path(__file__).parents[2] / "docs/how-to"
CLIENTS = ("ssh-keygen", "sftp", "scp", "lftp", "rclone", "curl")


def test_every_line_for_partners_works(tmp_path):
    """Each shell line of the SFTP guide ends well beside a fresh server, with the clients that it names."""
    folders = {str(Path(program(client)).parent) for client in CLIENTS}
    page = (HOW_TO / "sftp.md").read_text()
    made_home(tmp_path / "headwater-home", CONFIG)
    with Server(tmp_path / "headwater-home", tmp_path / "log") as server:
        script = "set -eu\n" + "\n".join(re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE))
        done = subprocess.run(
            ["sh", "-c", script.replace("2022", str(server.sftp_port))],
            check=False,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=100,
            env={
                **os.environ,
                "HOME": str(tmp_path),
                "PATH": os.pathsep.join([str(Path(sys.executable).parent), *folders, os.environ["PATH"]]),
            },
        )
    assert done.returncode == 0, done.stderr
    assert "parked" in done.stdout
