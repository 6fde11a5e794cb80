"""Formats whose parsers misbehave, for tests of who must bear it: importing this adds them to the table of formats.

Bytes that begin with `BAD ` and the name of a misdeed are recognised. An inspection worker that loads this module meets
them as it would meet a real parser's fault.
"""

from __future__ import annotations

import ctypes
import os
import resource
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from headwater.formats.budget import Budget
from headwater.formats.finding import Description, Guess, Wholeness
from headwater.formats.format import Ends
from headwater.formats.table import FORMATS
from headwater.ports.ranges import Ranges
from headwater.terms import Completeness

MAGIC: Final = b"BAD "


class BadFormat:
    """A `formats.format.Format`."""

    @staticmethod
    def recognise(ends: Ends) -> Guess | None:
        """By its beginning."""
        return Guess("bad", 1.0) if ends.head.startswith(MAGIC) else None

    @staticmethod
    def describe(ranges: Ranges, budget: Budget) -> Description:
        """Does what the first line says, and tells in the reason what came of it."""
        _ = budget
        words = ranges.read(0, 1000).decode().split("\n")[0].split(" ", 2)
        try:
            told = _DEEDS[words[1]](*words[2:])
        except OSError as error:
            told = f"refused: {error.strerror}"
        return Description(Wholeness(Completeness.PRESUMED, (told,)))


def _hang() -> str:
    while True:
        time.sleep(1)


def _spin() -> str:
    while True:
        pass


def _crash() -> str:
    ctypes.string_at(0)
    return "nothing happened"


def _abort() -> str:
    os.abort()


def _exit() -> str:
    os._exit(3)


def _fail() -> str:
    raise RuntimeError("no such column")


def _eat() -> str:
    eaten = [bytearray(64 << 20) for _ in range(64)]
    return f"{len(eaten)} eaten"


def _open(path: str) -> str:
    return f"{len(Path(path).read_bytes())} bytes"


def _write(path: str) -> str:
    Path(path).write_bytes(b"x")
    return "written"


def _connect(port: str) -> str:
    socket.create_connection(("127.0.0.1", int(port)), timeout=2).close()
    return "connected"


def _run() -> str:
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return "run"


def _limits() -> str:
    names = ("RLIMIT_CORE", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_NOFILE")
    values = [f"{name}={resource.getrlimit(getattr(resource, name))[1]}" for name in names]
    return " ".join([*values, f"nice={os.getpriority(os.PRIO_PROCESS, 0)}"])


def _see() -> str:
    kinds = [stat.S_IFMT(os.fstat(number).st_mode) for number in range(256) if _is_open(number)]
    return f"environment {sorted(os.environ)} sockets {kinds.count(stat.S_IFSOCK)} files {kinds.count(stat.S_IFREG)}"


def _pid() -> str:
    return str(os.getpid())


def _grow() -> str:
    _ = b"x" * (200 << 20)
    return _pid()


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


_DEEDS: Final[dict[str, Callable[..., str]]] = {
    "hang": _hang,
    "spin": _spin,
    "crash": _crash,
    "abort": _abort,
    "exit": _exit,
    "fail": _fail,
    "eat": _eat,
    "open": _open,
    "write": _write,
    "connect": _connect,
    "run": _run,
    "limits": _limits,
    "see": _see,
    "pid": _pid,
    "grow": _grow,
}

FORMATS["bad"] = BadFormat
