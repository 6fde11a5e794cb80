"""What a process that meets hostile bytes may still do: nearly nothing. Each part is used where the kernel has it.

Limits of memory, time, files; no new privileges, no network, no other program; of the file system its own Python, its
temp folder and the one file that it is to look at. None of it needs root.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from headwater.inspector import landlock, seccomp
from headwater.inspector.job import Limits

NICE: Final = 10
FILES_MAX: Final = 256
_RESERVED_BYTES: Final = 16 << 30  # address space beyond the memory limit: what libraries reserve and never touch
_CPU_FACTOR: Final = 2  # threads of one job use more than one core

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
_IOPRIO_WHO_PROCESS: Final = 1
_IOPRIO_IDLE: Final = 3 << 13
_SYS_IOPRIO_SET: Final = {"x86_64": 251, "aarch64": 30}

_libc: Final = ctypes.CDLL(None, use_errno=True)


def missing() -> list[str]:
    """Which walls this machine does not have, by the name that an administrator knows."""
    walls = {"Landlock": landlock.version(_libc) > 0, "seccomp": seccomp.is_known(_libc)}
    return [name for name, is_there in walls.items() if not is_there]


def settle(limits: Limits) -> None:
    """Once, for a worker and all its children: last in every queue, limited, with no privileges to gain.

    When who started it dies, a worker that is held still goes on: it sees that it is alone, clears up and ends.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGCONT, 0, 0, 0)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    if (number := _SYS_IOPRIO_SET.get(os.uname().machine)) is not None:
        _libc.syscall(number, _IOPRIO_WHO_PROCESS, 0, _IOPRIO_IDLE)
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, FILES_MAX),
        (resource.RLIMIT_FSIZE, limits.file_bytes_max),
        (resource.RLIMIT_DATA, limits.memory_bytes),
        (resource.RLIMIT_AS, limits.memory_bytes + _RESERVED_BYTES),
    ):
        _limit(kind, value)
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def wait_for_others(pid: int) -> None:
    """Makes a process, which leads a session of its own, one that gives way to others.

    Where the kernel shares the processor between sessions first (sched(7), autogroup), the nice value of a process only
    counts inside its session, and the session has one of its own.
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, NICE)
    with suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(f"{NICE}", encoding="ascii")


def shut(readable: Iterable[int], writable: Iterable[int]) -> None:
    """For a child, once and for good: reads what lies under `readable`, writes under `writable`, and nothing else.

    Both are descriptors of folders or files. It dies with its parent.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    landlock.restrict(_libc, readable, writable)
    seccomp.refuse(_libc)


def allow_seconds(seconds: float) -> None:
    """From here on this process may use so much of the processor, on two cores; then SIGXCPU ends it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    allowed = int(used.ru_utime + used.ru_stime + seconds * _CPU_FACTOR) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (allowed if hard == resource.RLIM_INFINITY else min(allowed, hard), hard))


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))
