"""Where a zone is: a server, a home, or a bare zone; and in which order these are looked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from headwater.errors import Misconfigured, Refused
from headwater.zone.logins import load_logins, logins_path

HOME_DEFAULT = "headwater-home"


class ServerAt(msgspec.Struct, frozen=True):
    """A server, and the token that it is shown."""

    url: str
    token: str

    def __repr__(self) -> str:
        return f"ServerAt({self.url!r})"


class HomeAt(msgspec.Struct, frozen=True):
    """A home on this machine."""

    path: Path


class BareAt(msgspec.Struct, frozen=True):
    """A zone without a home: a folder, or an `s3://` URL. Read-only."""

    place: str


Where = ServerAt | HomeAt | BareAt


def is_home(path: Path) -> bool:
    """Whether a home was made here."""
    return (path / "headwater.toml").is_file() and (path / "keys").is_dir()


def named(where: str | Path, token: str | None, environ: Mapping[str, str] = os.environ) -> Where:
    """What somebody named: a server's URL, a home, or a bare zone. Raises Misconfigured("no_home") if it is none."""
    text = str(where)
    if text.startswith(("http://", "https://")):
        return _server(text, token, environ)
    if text.startswith("s3://"):
        return BareAt(text)
    path = Path(where).expanduser()
    if is_home(path):
        return HomeAt(path.resolve())
    if (path / "zone.json").is_file():
        return BareAt(str(path.resolve()))
    raise Misconfigured(f"There is no home and no zone in {path}. `headwater init --home {path}` makes one.", "no_home")


def looked_for(
    server: str | None = None,
    home: str | Path | None = None,
    token: str | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
) -> Where:
    """The first of `server`, `home`, HEADWATER_SERVER, HEADWATER_HOME, the saved login, ./headwater-home.

    Raises Misconfigured("no_home") that says where it looked.
    """
    saved = logins_path(environ)
    if url := server or (None if home else environ.get("HEADWATER_SERVER")):
        if not url.startswith(("http://", "https://")):
            raise Refused("bad_request", f"{url!r} is no server: write https://landing.example.")
        return _server(url, token, environ)
    if path := home or environ.get("HEADWATER_HOME"):
        return named(path, token, environ)
    if current := load_logins(saved).current:
        return _server(current, token, environ)
    if is_home(Path(HOME_DEFAULT)):
        return HomeAt(Path(HOME_DEFAULT).resolve())
    raise Misconfigured(
        "No home and no server was found. Looked at --server, --home, HEADWATER_SERVER, HEADWATER_HOME (none is set), "
        f"the saved login ({saved}) and ./{HOME_DEFAULT}. `headwater serve` makes a home here.",
        "no_home",
    )


def home_path(home: str | Path | None, environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of a home, there or to be made: `home`, HEADWATER_HOME, or ./headwater-home."""
    chosen = str(home or environ.get("HEADWATER_HOME") or HOME_DEFAULT)
    if "://" in chosen:
        raise Misconfigured(f"{chosen} is no folder: a home lies on this machine, its zone may lie elsewhere.")
    return Path(chosen).expanduser().resolve()


def _server(url: str, token: str | None, environ: Mapping[str, str]) -> ServerAt:
    url = url.rstrip("/")
    token = token or environ.get("HEADWATER_TOKEN") or load_logins(logins_path(environ)).tokens.get(url)
    if not token:
        raise Refused(
            "unauthenticated", f"There is no token for {url}. Run `headwater login {url}`, or set HEADWATER_TOKEN."
        )
    return ServerAt(url, token.strip())
