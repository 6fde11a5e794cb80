"""`headwater serve`: the doors, from an empty folder to a drained end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import shutil
import signal
import socket
import sys
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import uvloop
from cyclopts import Parameter
from rich.text import Text

from headwater import logs
from headwater.app import System, open_system
from headwater.cli.output import GOOD, MARK, coloured, facts, remark, say, shown, stdout
from headwater.cli.session import OK, options
from headwater.cli.words import Flag
from headwater.config_schema import Config
from headwater.config_values import DirectoryZone
from headwater.errors import HeadwaterError, Misconfigured
from headwater.guide import curl_line, sftp_line
from headwater.home import Home
from headwater.identities import FIRST
from headwater.ledger.entries import Held, decode
from headwater.logs import note
from headwater.reloading import reload
from headwater.serving import RUN_FILE, Served, served
from headwater.system import keep_memory
from headwater.terms import Position, Receipt, name_of
from headwater.zone.delivery import size_text
from headwater.zone.local import read_config
from headwater.zone.where import home_path

log = logging.getLogger("headwater.serve")

FOLLOW_SECONDS = 30.0
STOPPING_SECONDS = 20.0
FAILURE_SECONDS = 0.5
STOPPED = 1
"""The exit code of a process that could not trust its ledger or store any more."""


def serve(
    *,
    existing: Flag = False,
    log_format: Annotated[
        Literal["people", "json"] | None, Parameter(help="How logs are written. Default: for people on a terminal.")
    ] = None,
) -> int:
    """Runs the doors until it is stopped. Makes a home, with its keys and a zone in it, where there is none.

    Ctrl-C and SIGTERM let open uploads end; a second one stops now. SIGHUP reads the configuration again.

    Parameters
    ----------
    existing
        Make nothing: fail where there is no home, or no zone.
    """
    home = Home(home_path(options().home))
    if not home.exists():
        if existing:
            raise Misconfigured(f"There is no home in {home.path}, and --existing makes none.", "no_home")
        home.make()
    config = read_config(home).config
    _log(log_format)
    keep_memory()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(home, config, may_found=not existing and _is_own(home, config)))
    return OK


def _is_own(home: Home, config: Config) -> bool:
    """Whether the zone is a folder inside the home: only there is one founded without being asked to."""
    return isinstance(config.zone, DirectoryZone) and config.zone.path.resolve().is_relative_to(home.path)


def _log(log_format: str | None) -> None:
    as_json = log_format == "json" or (log_format is None and not sys.stderr.isatty())
    told_already = log_format is None and sys.stdout.isatty() and sys.stderr.isatty()
    logs.install(sys.stderr, as_json=as_json, level=logging.WARNING if told_already else logging.INFO)


async def _serve(home: Home, config: Config, *, may_found: bool) -> None:
    async with open_system(home, config, may_found=may_found, inspects=True) as system:
        gc.collect()
        gc.freeze()  # what was made so far stays: no collection goes through it while a sender waits
        stop = asyncio.Event()
        _watch_signals(system, stop)  # before anybody can see that it runs
        async with served(system, may_move=system.fresh) as doors:
            note(
                log,
                "serving",
                http=doors.http,
                sftp=doors.sftp and str(doors.sftp),
                admin=doors.admin,
                zone=system.store.name,
                pid=os.getpid(),
            )
            beside = [asyncio.create_task(_watch_failures(system))]
            if _greet(system, doors):
                beside.append(asyncio.create_task(_tell_landings(system)))
            tell_systemd("READY=1")
            await stop.wait()
            tell_systemd("STOPPING=1")
            for task in beside:
                task.cancel()
            note(log, "stopping")
            patience = asyncio.create_task(_tell_what_keeps_it(system), name="patience")
    patience.cancel()


# --- what is seen -----------------------------------------------------------------------------------------------------


def _greet(system: System, doors: Served) -> bool:
    """The banner, on a terminal; False where there is none."""
    if not sys.stdout.isatty():
        return False
    home = system.home
    say(f"Headwater {system.services.settings.version}", style="bold")
    facts(
        [
            ("zone", system.store.name),
            ("http", doors.http or "off"),
            ("sftp", doors.sftp or "off"),
            ("admin", doors.admin),
        ]
    )
    for sentence in doors.moved:
        say(sentence)
    if recovered := sum(system.recovered.values()):
        say(f"Finished {recovered} uploads that an earlier process had left.")
    if system.fresh:
        say()
        say(f"A sender `{FIRST}` was made, allowed everywhere but from this machine only. Its keys: {home.keys}")
        if home.recovery_key_path.exists():
            say(f"Keep {home.recovery_key_path} off this machine: it opens the backups.")
        say("To land a file, paste in another terminal:")
        say()
        if doors.http:
            say(f"  {curl_line(home, FIRST, doors.http, f'{FIRST}/files')}", style=MARK)
        if doors.sftp:
            say(f"  {sftp_line(home, FIRST, doors.sftp, f'/{FIRST}/files/')}", style=MARK)
        say(f"  {_command()} --home {home.path} ls {FIRST}/files", style=MARK)
        say()
        say(f"`{_command()} --home {home.path} senders guide {FIRST}` prints this again.")
    say()
    return True


def _command() -> str:
    """How this command is called in another terminal: by its path where it is on no search path."""
    return "headwater" if shutil.which("headwater") else str(Path(sys.argv[0]).resolve())


async def _tell_landings(system: System) -> None:
    """Each landing, as one line."""
    reader = system.services.log
    position = reader.position
    while True:
        await reader.wait(position, FOLLOW_SECONDS)
        async for place, data in reader.read(position):
            position = Position(place.position)
            with contextlib.suppress(ValueError):
                _tell(decode(data))


def _tell(entry: object) -> None:
    if isinstance(entry, Receipt):
        line = Text.assemble(
            f"{entry.landed_at[11:19]}  ",
            ("landed", GOOD),
            f"  {entry.feed_name}  {shown(name_of(entry))}  {size_text(entry.size_bytes)}  ",
            coloured(entry.completeness.value),
            f"  from {entry.sender.name} by {entry.door}  ",
            (entry.id[-8:], MARK),
        )
        stdout().print(line, soft_wrap=True)
    elif isinstance(entry, Held):
        line = Text.assemble(
            f"{entry.at[11:19]}  ",
            coloured("held"),
            f"    {entry.feed_name}  {shown(name_of(entry))}  {size_text(entry.size_bytes)}  {entry.reason}",
        )
        stdout().print(line, soft_wrap=True)


# --- what is heard ----------------------------------------------------------------------------------------------------


def _watch_signals(system: System, stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[None]] = set()

    def again() -> None:
        reloads.add(task := loop.create_task(_reload(system)))
        task.add_done_callback(reloads.discard)

    def end(number: signal.Signals) -> None:
        if stop.is_set():
            _leave(system, 128 + number)
        if sys.stdout.isatty():
            remark("Stopping: open uploads may end. Once more stops now.")
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end, number)
    loop.add_signal_handler(signal.SIGHUP, again)


async def _reload(system: System) -> None:
    """Reads the configuration again; a bad one changes nothing, and is told here and by /readyz."""
    try:
        waiting = await reload(system, lambda: read_config(system.home).config)
    except HeadwaterError as error:
        note(log, "config_not_reloaded", level=logging.ERROR, sentence=error.sentence)
        return
    note(log, "config_reloaded", at_the_next_start=", ".join(waiting) or None)


async def _watch_failures(system: System) -> None:
    """Stops the process, now, once its ledger or its store can no longer be trusted: a start recovers, a drain cannot.

    After a failed fsync nothing that this process believes to be on the disk need be there.
    """
    while (failure := system.sequencer.failure or system.landing.damage) is None:  # noqa: ASYNC110 - two plain values
        await asyncio.sleep(FAILURE_SECONDS)
    note(log, "stopped", level=logging.CRITICAL, reason=failure.reason, sentence=failure.sentence)
    _leave(system, STOPPED)


async def _tell_what_keeps_it(system: System) -> None:
    """Says, while a stop takes long, what it waits for."""
    while True:
        await asyncio.sleep(STOPPING_SECONDS)
        work = sorted({getattr(task.get_coro(), "__qualname__", "?") for task in asyncio.all_tasks()})
        note(log, "still_stopping", level=logging.WARNING, uploads=system.landing.open_uploads, work=", ".join(work))


def _leave(system: System, code: int) -> NoReturn:
    (system.home.path / RUN_FILE).unlink(missing_ok=True)
    os._exit(code)


def tell_systemd(state: str) -> None:
    """Tells whoever started us (sd_notify(3)), if that wants to know."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        out.sendto(state.encode(), f"\0{address[1:]}" if address.startswith("@") else address)
