"""`headwater senders`: who may deliver."""

from __future__ import annotations

import hashlib
import ssl
import sys
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from cyclopts import App, Parameter

from headwater.cli.output import as_json, coloured, emit, say, shown
from headwater.cli.people import tell_all, tell_detail, tell_made, tell_one, tell_revoked
from headwater.cli.session import BAD_NEWS, OK, open_zone
from headwater.cli.words import Flag
from headwater.errors import Refused
from headwater.gate.explain import Explanation
from headwater.gate.views import IdentityDetail, IdentityView
from headwater.web.shapes import IdentityMade, IdentityPage, Revoked

Name = Annotated[str, Parameter(name="NAME", help="The sender.")]
Keys = Annotated[list[Path], Parameter(name="--key", help="A file with a public SSH key. May be repeated.")]
Authorities = Annotated[
    list[Path], Parameter(name="--ca", help="The public key of who signs its SSH certificates. May be repeated.")
]
Certificates = Annotated[list[Path], Parameter(name="--certificate", help="A client certificate. May be repeated.")]

app = App(name="senders", help="Who may deliver: list, add, guide, check, rotate, revoke.")


@app.default
def senders() -> None:
    """Lists senders with last use and next expiry."""
    with open_zone() as zone:
        found = zone.calls.get("/v1/senders", IdentityPage).identities
    tell_all(found, "There is no sender. `headwater senders add NAME --allow 'source/*'` makes one.")


@app.command
def add(  # noqa: PLR0913 - each is one fact about a sender
    name: Name,
    /,
    *,
    allow: Annotated[list[str], Parameter(help="Feeds it may deliver to: 'acme-crm/*'. May be repeated.")],
    key: Keys | None = None,
    ca: Authorities | None = None,
    certificate: Certificates | None = None,
    token: Flag = False,
    password: Flag = False,
    address: Annotated[list[str] | None, Parameter(help="A network it may come from. May be repeated.")] = None,
    root: Annotated[str | None, Parameter(help="The feed that it sees as its root: /source/feed.")] = None,
    may_create_feeds: Flag = False,
    factors: Annotated[
        str | None, Parameter(help="ssh_key,password: it must show both, and so comes by SFTP alone.")
    ] = None,
    legacy: Flag = False,
    expires: Annotated[str | None, Parameter(help="How long its credentials live: 400d.")] = None,
) -> None:
    """Adds a sender. Secrets are made here and shown once.

    Parameters
    ----------
    token
        Make a bearer token; also where no other credential is asked for.
    password
        Make a password.
    may_create_feeds
        Let it land in feeds that nobody declared, under their own names.
    legacy
        Let it use SSH algorithms that were given up as weak, for clients that know no others.
    """
    body = {
        "name": name,
        "allow": allow,
        "addresses": address or [],
        "root": root,
        "may_create_feeds": may_create_feeds,
        "factors": factors.split(",") if factors else [],
        "legacy": legacy,
        **_given(key, ca, certificate),
        "token": token or not (key or ca or certificate or password),
        "password": password,
        "expires": expires,
    }
    with open_zone() as zone:
        made = zone.calls.post("/v1/senders", IdentityMade, body)
    tell_made(made, "added")


@app.command
def show(name: Name, /) -> None:
    """Shows a sender: credentials, first and last use, bans, and refused logins by reason and address."""
    with open_zone() as zone:
        tell_detail(zone.calls.get(_target(name), IdentityDetail))


@app.command
def guide(name: Name, /) -> None:
    """Prints a page to send to a sender: address, folder, a pasteable line for each client."""
    with open_zone() as zone:
        page = zone.calls.text(_target(name, "guide"))
    if as_json():
        emit({"name": name, "guide": page})
    else:
        sys.stdout.write(page)


@app.command
def check(
    name: Name,
    /,
    *,
    from_: Annotated[str, Parameter(name="--from", help="The address that it would come from.")],
    path: Annotated[str | None, Parameter(help="Where it would put a file, as it sees it over SFTP.")] = None,
) -> int:
    """Says whether a sender would be let in, where its file would land, and which rule says no."""
    with open_zone() as zone:
        found = zone.calls.get(_target(name, "check"), Explanation, **{"from": from_, "path": path})
    fine = found.let_in and (path is None or found.routed is not None)
    if as_json():
        emit(found)
        return OK if fine else BAD_NEWS
    say(
        "It would be let in." if found.let_in else "It would be turned away.",
        style=coloured("ok" if fine else "bad").style,
    )
    for rule in found.rules:
        say(f"  {shown(rule)}")
    return OK if fine else BAD_NEWS


@app.command
def rotate(
    name: Name,
    /,
    *,
    key: Keys | None = None,
    ca: Authorities | None = None,
    certificate: Certificates | None = None,
    overlap: Annotated[str, Parameter(help="How long the old ones go on working.")] = "14d",
) -> None:
    """Gives a sender new credentials beside the old ones; without keys, its token and password are made anew."""
    body = {**_given(key, ca, certificate), "overlap": overlap}
    with open_zone() as zone:
        tell_made(zone.calls.post(_target(name, "rotate"), IdentityMade, body), "given new credentials")


@app.command
def revoke(
    name: Name,
    /,
    *,
    credential: Annotated[str | None, Parameter(help="Only this one: its fingerprint, or an ending of it.")] = None,
) -> None:
    """Ends a sender, or one of its credentials."""
    with open_zone() as zone:
        tell_revoked(name, zone.calls.post(_target(name, "revoke"), Revoked, {"credential": credential}))


@app.command
def root(name: Name, root: Annotated[str, Parameter(name="/SOURCE/FEED", help="The feed, or / for all.")], /) -> None:
    """Makes a feed what the sender sees as its root folder."""
    with open_zone() as zone:
        body = {"root": None if root == "/" else root}
        tell_one(zone.calls.post(_target(name, "root"), IdentityView, body))


@app.command
def legacy(
    name: Name, allowed: Annotated[Literal["on", "off"], Parameter(name="on|off", help="Whether it may.")], /
) -> None:
    """Lets a sender use SSH algorithms that were given up as weak, or no longer."""
    with open_zone() as zone:
        tell_one(zone.calls.post(_target(name, "legacy"), IdentityView, {"legacy": allowed == "on"}))


def _given(
    keys: list[Path] | None, authorities: list[Path] | None, certificates: list[Path] | None
) -> dict[str, list[str]]:
    """The credentials in these files, as they are sent."""
    return {
        "ssh_keys": [public_key(path) for path in keys or []],
        "ssh_ca": [public_key(path) for path in authorities or []],
        "certificates": [fingerprint(path) for path in certificates or []],
    }


def public_key(path: Path) -> str:
    """The public key in a file. Raises Refused("bad_request") for a private one."""
    text = path.read_text().strip()
    if "PRIVATE KEY" in text:
        raise Refused("bad_request", f"{shown(str(path))} holds a private key. Give the public one, FILE.pub.")
    return text


def fingerprint(path: Path) -> str:
    """The SHA-256 of the first certificate in a PEM file, in hex."""
    first = path.read_text().partition("-----END CERTIFICATE-----")
    try:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first[0] + first[1])).hexdigest()
    except ValueError:
        raise Refused("bad_request", f"{shown(str(path))} holds no certificate in PEM.") from None


def _target(name: str, act: str = "") -> str:
    return f"/v1/senders/{quote(name, safe='')}{f'/{act}' if act else ''}"
