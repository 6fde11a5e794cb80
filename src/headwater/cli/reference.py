"""The page `docs/reference/cli.md`: every command with its options. Run this module to print it."""

from __future__ import annotations

import re
import sys
from typing import Final

from headwater.cli.commands import make_app

_TOP: Final = """\
# The command line

Made from the code. `headwater COMMAND --help` says the same.

The options under *Everywhere* may stand before the command or after it. With `--json`, commands that list print one
JSON object a line and all others one document; an error is one problem object (RFC 9457, with the `reason` of
[errors.md](errors.md)) on stderr. Exit codes:

| code | means |
|---|---|
| 0 | done, also for an empty list |
| 1 | bad news: refused, held, not found, missing or suspect, a failed check, a digest mismatch |
| 2 | wrong usage, configuration or permission |
| 3 | the outside is unavailable or timed out: the same command may be tried again |
| 130 | interrupted |

"""
_EVERYWHERE: Final = re.compile(r"\*\*Everywhere\*\*:\n\n(?:\* .*\n)+\n?")


def reference() -> str:
    """The page, from the commands' own words."""
    words, sys.argv = sys.argv, ["headwater"]  # or the usage lines would end with the words of this process
    try:
        page = make_app().generate_docs()
    finally:
        sys.argv = words
    page = page[page.index("**Start**:") :]
    first = _EVERYWHERE.search(page)
    end = first.end() if first else 0
    return (_TOP + page[:end] + _EVERYWHERE.sub("", page[end:])).rstrip() + "\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
