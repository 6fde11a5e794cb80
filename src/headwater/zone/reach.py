"""The transport to a place: a server, the server that runs on a home, a home without one, or a bare zone."""

from __future__ import annotations

import hashlib
import os
import ssl
import time
from pathlib import Path

import msgspec

from headwater.errors import Misconfigured
from headwater.zone.transport import HttpTransport, Transport
from headwater.zone.where import BareAt, HomeAt, ServerAt, Where

LOCK_SECONDS_MAX = 10.0
"""How long a home that another command has is waited for."""

_ASK_SECONDS = 0.05
RUN_FILE = "run.json"


class Running(msgspec.Struct, frozen=True):
    """`run.json`, as a serving process leaves it in its home."""

    pid: int
    http: str | None


def running(home: Path) -> Running | None:
    """The process that serves a home; None where none does, or where what it left is of one that ended."""
    try:
        run = msgspec.json.decode((home / RUN_FILE).read_bytes(), type=Running)
    except (OSError, ValueError):
        return None
    try:
        os.kill(run.pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:  # another user's process, but there
        pass
    return run


def transport_to(where: Where) -> Transport:
    """Reaches the place. Raises Misconfigured, Refused("insecure"); of a home without a server also Unavailable."""
    if isinstance(where, ServerAt):
        return HttpTransport(where.url, where.token)
    if isinstance(where, HomeAt):
        return _to_home(where.path)
    return _to_bare(where)


def folder_of(where: Where) -> Path | None:
    """The folder that a place's zone is, on this machine; None of a server, and of a zone on S3."""
    if isinstance(where, BareAt):
        return None if where.place.startswith("s3://") else Path(where.place)
    if not isinstance(where, HomeAt):
        return None
    from headwater.config_values import DirectoryZone  # noqa: PLC0415 - the configuration, where it is needed
    from headwater.home import Home  # noqa: PLC0415
    from headwater.zone.local import read_config  # noqa: PLC0415

    zone = read_config(Home(where.path)).config.zone
    return zone.path if isinstance(zone, DirectoryZone) else None


def _to_home(path: Path) -> Transport:
    """The server that runs on it or, where none does, the system itself, as soon as other commands are done."""
    deadline = time.monotonic() + LOCK_SECONDS_MAX
    while True:
        if run := running(path):
            return _to_loopback(path, run)
        from headwater.zone.local import local_transport  # noqa: PLC0415 - the whole system, where it is needed

        try:
            return local_transport(path)
        except Misconfigured as error:
            if error.reason != "in_use" or time.monotonic() > deadline:
                raise
        time.sleep(_ASK_SECONDS)


def _to_loopback(path: Path, run: Running) -> Transport:
    if run.http is None:
        raise Misconfigured(
            f"Process {run.pid} serves {path} without its HTTP door, which commands need. Set [http] listen."
        )
    fingerprint = _fingerprint(path) if run.http.startswith("https:") else None
    return HttpTransport(run.http, (path / "keys" / "home.token").read_text().strip(), fingerprint=fingerprint)


def _to_bare(where: BareAt) -> Transport:
    from headwater.zone.bare import bare_transport  # noqa: PLC0415 - stores and books, where they are needed

    return bare_transport(where.place)


def _fingerprint(path: Path) -> str:
    """The SHA-256 of the certificate that the home's own server shows: no name on it says loopback."""
    from headwater.config_schema import TlsFiles  # noqa: PLC0415 - with TLS alone
    from headwater.home import Home  # noqa: PLC0415
    from headwater.zone.local import read_config  # noqa: PLC0415

    config = read_config(Home(path)).config
    tls = config.admin.tls if config.admin.listen else config.http.tls
    if not isinstance(tls, TlsFiles):
        raise Misconfigured("The server speaks TLS, but the configuration names no certificate. Restart the server.")
    first = tls.certificate.read_text().partition("-----END CERTIFICATE-----")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first[0] + first[1])).hexdigest()
