"""Other programs as tests run them: found or skipped, on a free port, waited for, killed."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

REQUIRED = os.environ.get("HEADWATER_REQUIRE_SERVICES") == "1"

_FOLDERS = (Path(__file__).parent.parent / ".services" / "bin", Path(sys.executable).parent)
_READY_SECONDS_MAX = 30.0
_STARTS_MAX = 5


def program(name: str, *, required: bool = REQUIRED) -> str:
    """The path of a server's or client's program: from .services/bin, from .venv, else from PATH.

    Where there is none the test is skipped with the reason, or fails if servers are `required`.
    """
    found = next((str(folder / name) for folder in _FOLDERS if (folder / name).exists()), None) or shutil.which(name)
    if found:
        return found
    reason = f"{name} is not on this machine (.ci/services gets it)"
    if required:
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody holds, below those that the kernel gives to outgoing connections."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@dataclass(frozen=True)
class Running:
    """A process that answers on `port`. `pid` is for tests that stop, continue or kill it."""

    port: int
    pid: int


@contextlib.contextmanager
def running(
    command: Callable[[int], Sequence[str]],
    *,
    log: Path,
    is_ready: Callable[[int], bool],
    environ: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """Run `command(port)`, wait until `is_ready(port)`, and kill it at the end. Call it from a thread that outlives it.

    A process that ends before it is ready lost the race for its port: it is started again on another one.
    """
    # The kernel kills the server when the thread that started it dies, so a killed test run leaves none behind.
    tether = [setpriv, "--pdeathsig", "KILL"] if (setpriv := shutil.which("setpriv")) else []
    for _ in range(_STARTS_MAX):
        port = free_port()
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*tether, *command(port)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=os.environ | (environ or {}),
            )
        try:
            if _wait(process, port, is_ready):
                yield Running(port, process.pid)
                return
        finally:
            process.kill()
            process.wait()
    pytest.fail(f"{command(0)[0]} does not start; its log ends: {log.read_text(errors='replace')[-2000:]}")


def _wait(process: subprocess.Popen[bytes], port: int, is_ready: Callable[[int], bool]) -> bool:
    deadline = time.monotonic() + _READY_SECONDS_MAX
    while process.poll() is None and time.monotonic() < deadline:
        if is_ready(port):
            return True
        time.sleep(0.02)
    return False
