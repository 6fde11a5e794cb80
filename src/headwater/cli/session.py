"""What holds for every command: where it works, how it answers, and what its exit code says."""

# ruff: noqa: PLC0415 - what a command does not need is not imported

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headwater.errors import HeadwaterError, Misconfigured, Unavailable

if TYPE_CHECKING:
    from headwater.home import Home
    from headwater.zone import Zone
    from headwater.zone.where import Where

OK, BAD_NEWS, USAGE, TRY_AGAIN, INTERRUPTED = 0, 1, 2, 3, 130

_USAGE = frozenset(
    {
        "unauthenticated",
        "banned",
        "not_allowed",
        "address_not_allowed",
        "insecure",
        "factors_missing",
        "bad_request",
        "bad_feed",
    }
)
_AGAIN = frozenset({"too_many", "too_slow", "in_progress", "internal"})
"""Refusals and faults after which the same command may be tried again."""


@dataclass(frozen=True)
class Options:
    """What was said for every command."""

    server: str | None = None
    home: str | None = None
    token_file: Path | None = None
    config: Path | None = None
    json: bool = False
    debug: bool = False


_options = Options()


def begin(options: Options) -> None:
    """Notes what was said. `--config` holds wherever HEADWATER_CONFIG does."""
    global _options  # noqa: PLW0603 - one process runs one command
    _options = options
    if options.config is not None:
        os.environ["HEADWATER_CONFIG"] = str(options.config)


def options() -> Options:
    """What was said for every command."""
    return _options


def given_token() -> str | None:
    """The token of `--token-file`. Raises Misconfigured if the file cannot be read."""
    if _options.token_file is None:
        return None
    try:
        return _options.token_file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"The token file {_options.token_file} cannot be read: {error}.") from error


def where() -> Where:
    """The server or home to work on. Raises Misconfigured("no_home") that says where it looked."""
    from headwater.zone.where import looked_for

    return looked_for(_options.server, _options.home, given_token())


def open_zone() -> Zone:
    """The zone to work on."""
    from headwater.zone.reach import transport_to
    from headwater.zone.zone import Zone

    found = where()
    return Zone(transport_to(found), found)


def local_home() -> Home:
    """The home to work on, for what is done on a home alone. Raises Misconfigured where it is something else."""
    from headwater.home import Home
    from headwater.zone.where import HomeAt

    found = where()
    if not isinstance(found, HomeAt):
        raise Misconfigured("This is done on a home, on the machine where it lies. Name one with --home.")
    return Home(found.path)


def exit_code(error: BaseException) -> int:
    """What an error tells by the exit code."""
    if isinstance(error, HeadwaterError):
        if isinstance(error, Unavailable) or error.reason in _AGAIN:
            return TRY_AGAIN
        if isinstance(error, Misconfigured) or error.reason in _USAGE:
            return USAGE
    return BAD_NEWS


def told(error: Exception) -> tuple[str, str]:
    """The reason and the sentences of an error."""
    if isinstance(error, HeadwaterError):
        return error.reason, error.sentence
    if isinstance(error, OSError):
        what = f"{error.filename}: " if error.filename else ""
        return "bad_request", f"{what}{error.strerror or error}."
    return "internal", f"This is a fault of ours ({type(error).__name__}: {error}). Run it again with --debug."
