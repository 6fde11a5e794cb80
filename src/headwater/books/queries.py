"""Named queries: SQL in files of its own, each statement under a line `-- name: <name>`."""

from __future__ import annotations

import re
from pathlib import Path

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def named_queries(file: Path) -> dict[str, str]:
    """Every statement of a file by its name; what stands above the first name is left out."""
    parts = _NAME.split(file.read_text(encoding="utf-8"))[1:]
    return {name: text.strip() for name, text in zip(parts[::2], parts[1::2], strict=True)}
