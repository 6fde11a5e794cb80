"""A filter of system calls (seccomp(2)): no sockets, no other program, no look into other processes.

What is refused gets EPERM. All else is allowed: limits and Landlock hold that.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from typing import Final

_PR_GET_SECCOMP: Final = 21
_PR_SET_SECCOMP: Final = 22
_MODE_FILTER: Final = 2
_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K
_NUMBER_AT: Final = 0
_ARCHITECTURE_AT: Final = 4
_OTHER_ABI: Final = 0x40000000  # x32 on x86_64

_ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_REFUSED: Final = {  # name: number on x86_64, on aarch64
    "socket": (41, 198),
    "connect": (42, 203),
    "bind": (49, 200),
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "io_uring_setup": (425, 425),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "mount": (165, 40),
    "unshare": (272, 97),
    "setns": (308, 268),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def is_known(libc: ctypes.CDLL) -> bool:
    """Whether this kernel and this machine have such filters."""
    return os.uname().machine in _ARCHITECTURES and int(libc.prctl(_PR_GET_SECCOMP, 0, 0, 0, 0)) >= 0


def refuse(libc: ctypes.CDLL) -> bool:
    """Sets the filter for this thread and those it starts; False where it cannot be. Wants no_new_privs."""
    machine = os.uname().machine
    if machine not in _ARCHITECTURES:
        return False
    column = list(_ARCHITECTURES).index(machine)
    program = _program(_ARCHITECTURES[machine], [numbers[column] for numbers in _REFUSED.values()])
    filled = _Program(len(program) // 8, program)
    return int(libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(filled), 0, 0)) == 0


def _program(architecture: int, numbers: list[int]) -> bytes:
    """Load the architecture; another one is refused everything. Then the number, one comparison after the other."""
    refusal = _ERRNO | errno.EPERM
    lines = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_JUMP_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, refusal),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_JUMP_AT_LEAST, len(numbers) + 1, 0, _OTHER_ABI),
        *((_JUMP_EQUAL, len(numbers) - place, 0, number) for place, number in enumerate(numbers)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, refusal),
    ]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)
