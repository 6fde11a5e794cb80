"""`headwater login`, `logout`, `whoami`: who the commands are to a server."""

from __future__ import annotations

import os
import sys
from getpass import getpass
from typing import Annotated

from cyclopts import Parameter

from headwater.cli.output import as_json, emit, facts, say
from headwater.cli.session import given_token, open_zone
from headwater.errors import Refused
from headwater.web.shapes import Whoami
from headwater.zone.calls import Calls
from headwater.zone.logins import Logins, load_logins, logins_path, save_logins
from headwater.zone.transport import HttpTransport

_Url = Annotated[str, Parameter(name="URL", help="The server: https://landing.example.")]


def login(url: _Url, /) -> None:
    """Saves a server's token, mode 0600, and makes the server the one that commands go to.

    The token is that of --token-file or HEADWATER_TOKEN; else it is asked for, or read from stdin.
    """
    url = url.rstrip("/")
    token = given_token() or os.environ.get("HEADWATER_TOKEN") or _asked(url)
    transport = HttpTransport(url, token)
    try:
        who = Calls(transport).get("/v1/whoami", Whoami)
    finally:
        transport.close()
    path = logins_path(os.environ)
    saved = load_logins(path)
    save_logins(path, Logins(current=url, tokens={**saved.tokens, url: token}))
    if as_json():
        emit({"server": url, "name": who.name, "role": who.role})
    else:
        say(f"Logged in to {url} as {who.name} ({who.role}). Saved in {path}.")


def logout(url: _Url | None = None, /) -> None:
    """Forgets the token of a server; without a URL, of the one that commands go to."""
    path = logins_path(os.environ)
    saved = load_logins(path)
    url = url.rstrip("/") if url else saved.current
    if url is None or url not in saved.tokens:
        raise Refused("not_found", f"No login to {url} is saved." if url else "No login is saved.")
    tokens = {server: token for server, token in saved.tokens.items() if server != url}
    save_logins(path, Logins(current=None if saved.current == url else saved.current, tokens=tokens))
    if as_json():
        emit({"server": url})
    else:
        say(f"Forgot the token of {url}. The server still knows it: `headwater users revoke` ends it.")


def whoami() -> None:
    """Says who you are to the server or home, and what you may do there."""
    with open_zone() as zone:
        who = zone.calls.get("/v1/whoami", Whoami)
        if as_json():
            emit({"where": zone.name, **_fields(who)})
        else:
            facts([("where", zone.name), *_fields(who).items()])


def _fields(who: Whoami) -> dict[str, str]:
    return {
        "name": who.name,
        "role": who.role.value,
        "feeds": ", ".join(who.allow) or "all",
        "credential": who.credential,
        "address": who.address,
    }


def _asked(url: str) -> str:
    token = getpass(f"Token for {url}: ") if sys.stdin.isatty() else sys.stdin.readline()
    if not token.strip():
        raise Refused("bad_request", "No token was given.")
    return token.strip()
