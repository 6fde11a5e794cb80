"""A zone without a home: a folder, a bucket, a mirror. Read-only, as it is when it is opened.

Its catalog is made from the ledger at each opening, in a folder that is thrown away.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from awscrt.checksums import crc64nvme

from headwater import config
from headwater.app import folder_of, landing_rules, limit_rules
from headwater.books.sqlite import SqliteBooks
from headwater.config_schema import Config
from headwater.config_values import DirectoryZone
from headwater.errors import Misconfigured, Refused
from headwater.feeds import FeedRegister
from headwater.followers.follow import Follower
from headwater.founding import read_zone
from headwater.gate.admit import Admission
from headwater.gate.bans import Bans
from headwater.gate.credentials import new_token, token_credential, token_digest
from headwater.gate.identify import Identities
from headwater.gate.limits import Limits
from headwater.gate.passwords import Passwords
from headwater.gate.senders import Senders
from headwater.gate.turned_away import TurnedAway
from headwater.gate.underway import UploadsUnderway
from headwater.gate.view import Names
from headwater.landing import Budget, Landing, Means
from headwater.ledger.entries import Entry
from headwater.ports.books import Identity
from headwater.ports.ledger import Entered
from headwater.ports.zone import ZoneStore
from headwater.sequencer import LogReader
from headwater.stores.directory_zone import open_directory_zone
from headwater.system import SystemClock, SystemIds
from headwater.terms import Role
from headwater.verifier import Verifier
from headwater.web.answers import App, Receive, Scope, Send, problem
from headwater.web.app import Web
from headwater.web.metrics import Metrics
from headwater.web.services import Services, Settings
from headwater.zone.in_process import InProcessTransport

_READ_ONLY = "This is a bare zone, without a home: it can be read, and nothing lands in it."


def bare_transport(place: str) -> InProcessTransport:
    """A transport to the zone at `place`, a folder or an `s3://` URL (region and endpoint as the AWS chain has them).

    Raises Misconfigured where there is no zone, Unavailable.
    """
    home = Path(os.path.devnull)
    loaded = config.load({}, {**os.environ, "HEADWATER_ZONE": place}, home).config
    return InProcessTransport(place, partial(_opening, loaded))


@asynccontextmanager
async def _opening(loaded: Config) -> AsyncIterator[tuple[App, str]]:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="headwater-"))
        books = SqliteBooks(Path(folder) / "books.sqlite3")
        stack.push_async_callback(books.close)
        store = await _store(loaded, books)
        stack.push_async_callback(store.close)
        zone = await read_zone(store.reader)
        if zone is None:
            raise Misconfigured(f"There is no zone in {store.name}.")
        logs = LogReader(store.heads, store.files, zone.zone)
        await logs.refresh()
        token = new_token(os.urandom)
        reader = Identity(
            name="reader", role=Role.READER, allow=("*",), credentials=(token_credential(token_digest(token)),)
        )
        threads = stack.enter_context(ThreadPoolExecutor(1))
        services = _services(loaded, books, store, logs, reader, threads)
        await services.identities.refresh()
        await services.follower.catch_up()
        yield Web(services, _nothing_lands, ()), token


async def _store(loaded: Config, books: SqliteBooks) -> ZoneStore:
    if isinstance(loaded.zone, DirectoryZone):
        return open_directory_zone(loaded.zone.path, read_only=True)
    from headwater.stores.s3_zone import open_s3_zone  # noqa: PLC0415 - brings the SDK

    budget = Budget(loaded.limits.memory_bytes, loaded.limits.spool_bytes)
    return await open_s3_zone(loaded.zone.bucket, loaded.zone.prefix, loaded.s3, buffers=budget, parts=books.parts)


def _services(
    loaded: Config, books: SqliteBooks, store: ZoneStore, logs: LogReader, reader: Identity, threads: ThreadPoolExecutor
) -> Services:
    clock = SystemClock()
    passwords = Passwords(threads, os.urandom, os.urandom(32), clock)
    identities = Identities(books.identities, clock, passwords, [reader])
    ledger = _ReadOnlyLedger()
    means = Means(
        intake=store.intake,
        creator=store.creator,
        reader=store.reader,
        ledger=ledger,
        attempts=books.attempts,
        keys=books.keys,
        catalog=books.catalog,
        budget=Budget(loaded.limits.memory_bytes, loaded.limits.spool_bytes),
        clock=clock,
        ids=SystemIds(),
        crc64nvme=crc64nvme,
        threads=threads,
        rules=landing_rules(loaded.limits),
    )
    turned_away, bans = TurnedAway(books.counters, clock), Bans(clock)
    return Services(
        settings=Settings(version=version("headwater")),
        clock=clock,
        landing=Landing(means),
        admission=Admission(identities, bans, turned_away),
        identities=identities,
        senders=Senders(books.identities, ledger, identities, passwords, os.urandom, clock),
        limits=Limits(clock, limit_rules(loaded.limits)),
        bans=bans,
        turned_away=turned_away,
        feeds=FeedRegister(loaded, books.catalog),
        names=Names(books.names),
        underway=UploadsUnderway(clock),
        catalog=books.catalog,
        history=books.catalog,
        follower=Follower(logs, books.catalog, clock),
        attempts=books.attempts,
        ledger=ledger,
        log=logs,
        ledger_files=store.files,
        objects=store.reader,
        checkpoint=_published,
        verify=Verifier(store, logs, books.attempts, clock, folder_of(loaded)).verify,
        readiness=_not_ready,
        guide=lambda _: "",
        findings=books.findings,
        metrics=Metrics(),
    )


class _ReadOnlyLedger:
    """Implements `ports.ledger.Ledger` for who may only read."""

    async def append(self, *_entries: Entry) -> list[Entered]:
        raise Refused("method_not_allowed", _READ_ONLY)

    async def holder(self, _claim: str) -> Entered | None:
        return None


async def _nothing_lands(scope: Scope, receive: Receive, send: Send) -> Any:
    await problem(Refused("method_not_allowed", _READ_ONLY))(scope, receive, send)


async def _published() -> None:
    """The checkpoint that stands there is the one there is."""


async def _not_ready() -> Sequence[str]:
    return [_READ_ONLY]
