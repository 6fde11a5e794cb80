"""The command line: `headwater COMMAND`. One file a command, each imported when it is called.

`session.py` has what holds for every command, `output.py` how answers look; exit codes are told by `main`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from headwater.cli.run import run

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0 done, 1 bad news, 2 usage, 3 try again, 130 interrupted."""
    return run(sys.argv[1:] if arguments is None else list(arguments))
