"""Logins that were saved: for each server its token, in one file that only its owner may read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from headwater.errors import Misconfigured


class Logins(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The tokens by server, and the server that commands without one go to."""

    current: str | None = None
    tokens: dict[str, str] = {}


def logins_path(environ: Mapping[str, str]) -> Path:
    """`headwater/logins.json` in the user's configuration folder (XDG Base Directory Specification)."""
    folder = environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME") or Path.home()) / ".config"
    return Path(folder) / "headwater" / "logins.json"


def load_logins(path: Path) -> Logins:
    """What was saved; nothing yet is no error. Raises Misconfigured for a file that cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Logins)
    except FileNotFoundError:
        return Logins()
    except (OSError, ValueError) as error:
        raise Misconfigured(f"The saved logins in {path} cannot be read: {error}. Remove the file.") from error


def save_logins(path: Path, logins: Logins) -> None:
    """Puts them in the place of what is there, whole or not at all, mode 0600."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(logins))
    temporary.rename(path)
