"""Serving: a system behind its doors, from bound sockets to a drained end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from headwater.app import System
from headwater.config_schema import TlsFiles
from headwater.config_values import Address
from headwater.errors import Misconfigured
from headwater.home import write_secret
from headwater.web.server import Listener, Server
from headwater.web.tls import ServerTls

if TYPE_CHECKING:
    from headwater.doors.sftp.server import SftpServer

PORTS_TRIED = 20
RUN_FILE = "run.json"
CUT_SECONDS = 2.0


class Run(msgspec.Struct, frozen=True):
    """What a serving process leaves in its home for the commands: who it is, and where it listens on loopback."""

    pid: int
    http: str | None


@dataclass(frozen=True)
class Served:
    """The doors as they stand: addresses with the ports that were really taken."""

    http: str | None
    admin: str | None
    sftp: Address | None
    moved: tuple[str, ...]
    """One sentence for each port that was taken by somebody else."""


@asynccontextmanager
async def served(system: System, *, may_move: bool) -> AsyncIterator[Served]:
    """Opens the doors; leaving drains them within `[limits] drain`.

    A taken port: the next free one with `may_move`, else Misconfigured that says who has it.
    """
    config = system.config
    server = Server(system.asgi, system.services, trusted_proxies=config.http.trusted_proxies)
    moved: list[str] = []
    listeners = []
    addresses: dict[str, str | None] = {"http": None, "admin": None}
    apart = config.admin.listen is not None
    for name, door in (("http", config.http), ("admin", config.admin)):
        if door.listen is None:
            continue
        bound, port = _bound(door.listen, name, moved, may_move=may_move)
        tls = (
            ServerTls(door.tls.certificate, door.tls.key, door.tls.client_ca)
            if isinstance(door.tls, TlsFiles)
            else None
        )
        listeners.append(Listener(bound, tls, upstream=door.tls == "upstream", admin=name == "admin" or not apart))
        addresses[name] = f"{'https' if tls else 'http'}://{Address(door.listen.host, port)}"
    await server.start(listeners)
    sftp = await _open_sftp(system, moved, may_move=may_move)
    run = Run(os.getpid(), addresses["admin"] or addresses["http"])
    write_secret(system.home.path / RUN_FILE, msgspec.json.encode(run).decode())
    try:
        yield Served(addresses["http"], addresses["admin"], sftp and sftp[1], tuple(moved))
    finally:
        await _drained(system, server, sftp and sftp[0])


async def _open_sftp(system: System, moved: list[str], *, may_move: bool) -> tuple[SftpServer, Address] | None:
    """The SFTP door, where it is open. SSH is loaded only then."""
    config = system.config
    if config.sftp.listen is None:
        return None
    from headwater.doors.sftp.server import SftpServer  # noqa: PLC0415

    legacy = any(one.legacy and one.revoked_at is None for one in system.services.identities.all())
    bound, port = _bound(config.sftp.listen, "sftp", moved, may_move=may_move)
    keys = system.home.host_keys(config, legacy=legacy)
    door = SftpServer(system.services, keys, trusted_proxies=config.http.trusted_proxies)
    await door.start(bound)
    address = Address(config.sftp.listen.host, port)
    system.home.write_known_hosts(config, address)
    return door, address


async def _drained(system: System, server: Server, sftp: SftpServer | None) -> None:
    with contextlib.suppress(FileNotFoundError):
        (system.home.path / RUN_FILE).unlink()
    if sftp is not None:
        sftp.refuse_new()
    stopping = asyncio.create_task(server.stop(system.config.limits.drain_seconds))
    await system.landing.drain(system.config.limits.drain_seconds)
    if sftp is not None:
        await sftp.stop()
    await stopping


def _bound(listen: Address, name: str, moved: list[str], *, may_move: bool) -> tuple[socket.socket, int]:
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    for port in range(listen.port, listen.port + (PORTS_TRIED if may_move and listen.port else 1)):
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((listen.host, port))
            bound.listen()  # or two that start at once could both bind
        except OSError as error:
            bound.close()
            if error.errno == errno.EADDRINUSE:
                continue
            raise Misconfigured(f"[{name}] listen = {listen}: {error.strerror}.") from error
        taken = bound.getsockname()[1]
        if listen.port and taken != listen.port:
            moved.append(f"Port {listen.port} is taken; {name} listens on {taken} instead.")
        return bound, taken
    holder = port_holder(listen.port) or "another process"
    raise Misconfigured(f"[{name}] listen = {listen}: the port is taken by {holder}. Set another one.", "in_use")


def port_holder(port: int) -> str | None:
    """`process N (name)` that listens there, as far as /proc lets us see it; None where nobody listens."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError), open(table) as lines:  # noqa: PTH123 - a file of /proc
            rows = [line.split() for line in lines][1:]
            inodes |= {
                f"socket:[{row[9]}]" for row in rows if int(row[1].rpartition(":")[2], 16) == port and row[3] == "0A"
            }
    for process in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208
        with contextlib.suppress(OSError), os.scandir(f"/proc/{process}/fd") as descriptors:
            for descriptor in descriptors:
                if os.readlink(descriptor.path) in inodes:  # noqa: PTH115
                    with open(f"/proc/{process}/comm") as name:  # noqa: PTH123
                        return f"process {process} ({name.read().strip()})"
    return "another process" if inodes else None
