"""Forks one child a life from a process with a single thread, so that a child can be killed like any real process.

`python -m tests.crash.nursery` reads lives from its standard input; of each it writes the child's process id, and then
how it ended.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from threading import Event
from types import TracebackType
from typing import Self

import msgspec

from headwater.errors import Unavailable
from tests.crash.world import Life, live

WELL, BROKEN, UNAVAILABLE = 0, 1, 3
LIFE_SECONDS_MAX = 30


class Nursery:
    """One process that forks; called from one thread at a time."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.nursery"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def run(self, life: Life, killed_at: Event | None = None) -> int:
        """Lives one life, at most until `killed_at`; returns its exit code, negative for the signal that ended it."""
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(life, enc_hook=str).decode() + "\n")
        self._process.stdin.flush()
        pid = self._line()
        if killed_at is not None:
            killed_at.wait(LIFE_SECONDS_MAX)
            os.kill(pid, signal.SIGKILL)
        return self._line()

    def _line(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


def _child(life: Life) -> None:
    """Never returns."""
    log = os.open(life.folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    signal.alarm(LIFE_SECONDS_MAX)
    code = BROKEN
    try:
        asyncio.run(live(life))
        code = WELL
    except BaseException as error:  # noqa: BLE001 - its last words go into the log
        sys.excepthook(type(error), error, error.__traceback__)
        if isinstance(error, Unavailable):
            code = UNAVAILABLE
    finally:
        sys.stderr.flush()
        os._exit(code)


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def main() -> None:
    """Until the input ends."""
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _child(msgspec.json.decode(line, type=Life, dec_hook=lambda kind, value: kind(value)))
        _say(pid)
        _, status = os.waitpid(pid, 0)
        _say(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
