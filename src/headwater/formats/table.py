"""The one table of formats. A new format is one file, one row here, and the contract suite (tests/contract/formats)."""

from __future__ import annotations

from typing import Final

from headwater.formats.format import Format, Rows, Wrapping

FORMATS: Final[dict[str, Format]] = {}
"""What is described, by the name that `detect` gives it."""

ROWS: Final[dict[str, Rows]] = {}
"""Of these, those that query engines cannot read in place."""

WRAPPINGS: Final[dict[str, Wrapping]] = {}
"""What is taken off before: compressions and archives."""
