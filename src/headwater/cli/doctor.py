"""`headwater doctor`: is it safe to land here, and what mends it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from rich.text import Text

from headwater.books.sqlite import SqliteBooks
from headwater.care import doctor as probes
from headwater.care.doctor import Probe, State, examine, is_safe
from headwater.care.proving import log_key, opened_checkpoint, published_checkpoint
from headwater.cli.ground import Ground, opened
from headwater.cli.output import as_json, coloured, emit, say, shown, stdout
from headwater.cli.session import BAD_NEWS, OK, local_home
from headwater.cli.words import Flag
from headwater.config_schema import Config, TlsFiles
from headwater.config_values import DirectoryZone
from headwater.config_values import SqliteBooks as SqliteFile
from headwater.errors import Misconfigured, Unavailable
from headwater.gate.declared import declared_identity
from headwater.home import Home
from headwater.inspector import jail
from headwater.landing import Budget
from headwater.safety import proven_at
from headwater.serving import port_holder
from headwater.stores.zone_lock import filesystem
from headwater.system import SystemClock
from headwater.zone.local import read_config
from headwater.zone.reach import running

_Found = Callable[[], Awaitable[Sequence[Probe]]]


def doctor(*, deep: Flag = False) -> int:
    """Says whether it is safe to land here: each probe, what was seen, and what mends it. On the machine of the home.

    Parameters
    ----------
    deep
        Prove the store again, belief by belief, also under a race.
    """
    found = asyncio.run(_doctor(local_home(), deep=deep))
    safe = is_safe(found)
    if as_json():
        emit({"safe": safe, "probes": found})
        return OK if safe else BAD_NEWS
    for each in found:
        _tell(each)
    say()
    bad = sum(each.state is State.BAD for each in found)
    say("It is safe to land here." if safe else f"It is not safe to land here: {bad} things are bad.", style=None)
    return OK if safe else BAD_NEWS


def _tell(probe: Probe) -> None:
    line = Text.assemble(
        coloured(probe.state.value), " " * (6 - len(probe.state.value)), (probe.name.ljust(20), "bold")
    )
    stdout().print(line + Text(shown(probe.seen)), soft_wrap=True)
    if probe.fix and probe.state is not State.OK:
        stdout().print(Text(" " * 26 + shown(probe.fix)), soft_wrap=True)


async def _doctor(home: Home, *, deep: bool) -> list[Probe]:
    config = read_config(home).config
    found = await examine(
        {
            "permissions": lambda: _ready(probes.permissions(home.path)),
            "disks": lambda: _ready(_disks(home, config)),
            "ports": lambda: _ready(_ports(home, config)),
            "certificates": lambda: _ready(_certificates(config)),
            "inspection": lambda: _ready([probes.inspection(jail.missing(), enabled=config.inspect.enabled)]),
            "recovery key": lambda: _ready([_recovery(home)]),
            "store": lambda: _bucket(config, deep=deep),
        }
    )
    try:
        async with opened(home) as ground:
            found += await examine(_of_the_zone(ground))
    except (Misconfigured, Unavailable) as error:
        found.append(Probe("zone", State.BAD, error.sentence, must=True))
    return found


async def _ready(found: Sequence[Probe]) -> Sequence[Probe]:
    return found


# --- the machine ------------------------------------------------------------------------------------------------------


def _disks(home: Home, config: Config) -> list[Probe]:
    found = [_space("The home", home.path)]
    if isinstance(config.zone, DirectoryZone):
        root = config.zone.path if config.zone.path.exists() else config.zone.path.parent
        found.append(probes.file_system(filesystem(root), told=config.accept_volatile))
        if root.stat().st_dev != home.path.stat().st_dev:
            found.append(_space("The zone", root))
    return found


def _space(what: str, path: Path) -> Probe:
    facts = os.statvfs(path)
    return probes.disk_space(what, facts.f_bavail * facts.f_frsize, facts.f_blocks * facts.f_frsize)


def _ports(home: Home, config: Config) -> list[Probe]:
    """Whether each door can open; those of a server that runs on this home are its own."""
    run = running(home.path)
    if run is not None:
        return [
            Probe("server", State.OK, f"Process {run.pid} serves this home: {run.http or 'http is off'}.", must=True)
        ]
    found = []
    for door, listen in (("http", config.http.listen), ("admin", config.admin.listen)):
        if listen is not None:
            found.append(probes.port(door, str(listen), port_holder(listen.port)))
    return found


def _certificates(config: Config) -> list[Probe]:
    return [
        probes.certificate(door, tls.certificate.read_bytes(), tls.key.read_bytes(), SystemClock().now())
        for door, tls in (("http", config.http.tls), ("admin", config.admin.tls))
        if isinstance(tls, TlsFiles)
    ]


def _recovery(home: Home) -> Probe:
    confirmed = (home.keys / "recovery.confirmed").exists()
    here = home.recovery_key_path
    return probes.recovery_key(confirmed=confirmed, here=here if here.exists() else None)


# --- the zone ---------------------------------------------------------------------------------------------------------


def _of_the_zone(ground: Ground) -> dict[str, _Found]:
    return {
        "clock": lambda: _ready([probes.clock(SystemClock().now(), None)] if ground.root else []),
        "ledger key": lambda: _ledger_key(ground),
        "ledger": lambda: _ledger(ground),
        "senders": lambda: _senders(ground),
    }


async def _ledger_key(ground: Ground) -> list[Probe]:
    if not ground.logs.heads:
        return [probes.ledger_key(None, None)]
    log = ground.logs.heads[-1].log
    try:
        ours = ground.home.ledger_key(log).vkey
    except Misconfigured:
        ours = None
    return [probes.ledger_key(ours, (await log_key(ground.store.files, log)).vkey)]


async def _ledger(ground: Ground) -> list[Probe]:
    if not ground.logs.heads:
        return []
    head, files = ground.logs.heads[-1], ground.store.files
    try:
        published = opened_checkpoint(await published_checkpoint(files, head.log), await log_key(files, head.log))
    except Unavailable:
        published = None
    return [probes.ledger(head, published, SystemClock().now())]


async def _senders(ground: Ground) -> list[Probe]:
    declared = [declared_identity(name, sender) for name, sender in ground.config.senders.items()]
    known = {one.name: one for one in (await ground.books.identities.identities() if ground.books else [])}
    return probes.senders((known | {one.name: one for one in declared}).values(), SystemClock().now())


async def _bucket(config: Config, *, deep: bool) -> list[Probe]:
    """What is believed of an S3 store, also where no zone was founded yet; a directory's is the file system's."""
    if isinstance(config.zone, DirectoryZone) or not isinstance(config.books, SqliteFile):
        return []
    from headwater.stores.s3_beliefs import prove  # noqa: PLC0415 - brings the SDK
    from headwater.stores.s3_zone import open_s3_zone  # noqa: PLC0415 - likewise

    books = SqliteBooks(config.books.path)
    budget = Budget(config.limits.memory_bytes, config.limits.spool_bytes)
    store = await open_s3_zone(config.zone.bucket, config.zone.prefix, config.s3, buffers=budget, parts=books.parts)
    try:
        at = await proven_at(store, config.s3.endpoint, books.facts)
        if at and not deep:
            return [Probe("store", State.OK, f"It was proved at {at}; `doctor --deep` proves it again.")]
        return [probes.belief(each.belief, holds=each.holds, seen=each.seen) for each in await prove(store.calls)]
    finally:
        await store.close()
        await books.close()
