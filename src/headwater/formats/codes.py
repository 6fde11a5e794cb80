"""Every problem that a finding can name, by its code: what it means, and what to tell the sender."""

from __future__ import annotations

from typing import Final

from headwater.formats import codes_files, codes_text
from headwater.formats.code import Code

CODES: Final[dict[str, Code]] = {**codes_text.CODES, **codes_files.CODES}

DRIFT: Final = frozenset(
    {
        "column_added",
        "column_gone",
        "column_moved",
        "column_renamed",
        "compression_changed",
        "delimiter_changed",
        "encoding_changed",
        "format_changed",
        "header_added",
        "header_gone",
        "line_end_changed",
        "preamble_changed",
        "quote_changed",
        "smaller_than_usual",
        "table_added",
        "table_gone",
        "type_changed",
    }
)
"""The codes that tell of a change since earlier files of the feed."""
