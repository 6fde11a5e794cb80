"""Names that move: temporary ones, under which clients write what they rename when it is whole."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase, translate
from typing import Final

from headwater.gate.route import is_companion

PATTERNS: Final = (
    "*.filepart",
    "*.part",
    "*.partial",
    "*.tmp",
    "*.temp",
    "*.writing",
    "*.uploading",
    "*.incomplete",
    "*.crdownload",
    ".*",
    "_*",
)
"""As WinSCP, rclone, browsers and MFT clients write them; `.in.*` (lftp) and `.~*` begin with a dot, as all such do."""

FOLDERS: Final = ("tmp", "temp", "_tmp", ".*")
"""Folders from which files are moved when they are whole."""

_TEMPORARY: Final = re.compile("|".join(map(translate, PATTERNS)))
_FOLDER: Final = re.compile("|".join(map(translate, FOLDERS)))
_SUFFIX: Final = re.compile(
    r"(\.[0-9a-f]{8})?\.(filepart|part|partial|te?mp|writing|uploading|incomplete|crdownload)\Z", re.IGNORECASE
)
_PREFIX: Final = re.compile(r"\.in\.|\.~|[._]+")


def is_temporary(name: str, patterns: Sequence[str] = ()) -> bool:
    """Whether a file of this name (in a feed, `/` between its folders) waits for a rename.

    `patterns` are the feed's own, on the last component or on the whole. `_SUCCESS` and its kind are marks, not names.
    """
    *folders, last = name.split("/")
    if any(_FOLDER.fullmatch(folder.lower()) for folder in folders):
        return True
    if any(fnmatchcase(last, pattern) or fnmatchcase(name, pattern) for pattern in patterns):
        return True
    return _TEMPORARY.fullmatch(last.lower()) is not None and not is_companion(last)


def expected_name(name: str) -> str:
    """What a temporary name will probably become: a guess, for the ending of the key alone."""
    last = _SUFFIX.sub("", name.rpartition("/")[2])
    return _PREFIX.sub("", last, count=1) if _PREFIX.match(last) and len(last) > 1 else last or name
