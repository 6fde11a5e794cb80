"""`headwater users`: people and programs that do not deliver."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import quote

from cyclopts import App, Parameter

from headwater.cli.people import tell_all, tell_detail, tell_made, tell_revoked
from headwater.cli.session import open_zone
from headwater.cli.words import Flag
from headwater.gate.views import IdentityDetail
from headwater.web.shapes import IdentityMade, IdentityPage, Revoked

Name = Annotated[str, Parameter(name="NAME", help="The user.")]

app = App(name="users", help="People and programs that do not deliver.")


@app.default
def users() -> None:
    """Lists users with last use and next expiry."""
    with open_zone() as zone:
        found = zone.calls.get("/v1/users", IdentityPage).identities
    tell_all(found, "There is no user. `headwater users add NAME --role reader --allow '*'` makes one.")


@app.command
def add(
    name: Name,
    /,
    *,
    role: Annotated[Literal["reader", "operator", "admin", "auditor", "eraser"], Parameter(help="What it is for.")],
    allow: Annotated[list[str] | None, Parameter(help="Feeds it may see: 'acme-crm/*'. May be repeated.")] = None,
    token: Flag = False,
    password: Flag = False,
    address: Annotated[list[str] | None, Parameter(help="A network it may come from. May be repeated.")] = None,
    expires: Annotated[str | None, Parameter(help="How long its credentials live: 400d.")] = None,
) -> None:
    """Adds a user. Secrets are made here and shown once.

    Parameters
    ----------
    token
        Make a bearer token; also where no password is asked for.
    password
        Make a password.
    """
    body = {
        "name": name,
        "role": role,
        "allow": allow or [],
        "addresses": address or [],
        "token": token or not password,
        "password": password,
        "expires": expires,
    }
    with open_zone() as zone:
        tell_made(zone.calls.post("/v1/users", IdentityMade, body), "added")


@app.command
def show(name: Name, /) -> None:
    """Shows a user: credentials, first and last use, bans, and refused logins by reason and address."""
    with open_zone() as zone:
        tell_detail(zone.calls.get(_target(name), IdentityDetail))


@app.command
def rotate(
    name: Name,
    /,
    *,
    overlap: Annotated[str, Parameter(help="How long the old ones go on working.")] = "14d",
) -> None:
    """Makes a user's token and password anew, beside the old ones."""
    with open_zone() as zone:
        made = zone.calls.post(_target(name, "rotate"), IdentityMade, {"overlap": overlap})
        tell_made(made, "given new credentials")


@app.command
def revoke(
    name: Name,
    /,
    *,
    credential: Annotated[str | None, Parameter(help="Only this one: its fingerprint, or an ending of it.")] = None,
) -> None:
    """Ends a user, or one of its credentials."""
    with open_zone() as zone:
        tell_revoked(name, zone.calls.post(_target(name, "revoke"), Revoked, {"credential": credential}))


def _target(name: str, act: str = "") -> str:
    return f"/v1/users/{quote(name, safe='')}{f'/{act}' if act else ''}"
