"""Assembly: from a configuration to a running system. The only file that knows every class."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from awscrt.checksums import crc64nvme

from headwater.books.sqlite import SqliteBooks
from headwater.config_schema import Config
from headwater.config_values import DirectoryZone, PostgresBooks
from headwater.errors import Misconfigured
from headwater.followers.admin import AdminActs
from headwater.followers.follow import Follower
from headwater.founding import belonging, found_zone, open_logs, read_zone
from headwater.gate.admit import Admission
from headwater.gate.bans import BanRules, Bans
from headwater.gate.declared import declared_identity
from headwater.gate.identify import Identities
from headwater.gate.limits import Bounds, LimitRules, Limits
from headwater.gate.passwords import Passwords
from headwater.gate.senders import Senders
from headwater.gate.turned_away import TurnedAway
from headwater.home import Home
from headwater.landing import Budget, Landing, Means, Rules
from headwater.ports.zone import ZoneStore
from headwater.sequencer import LogReader, Sequencer
from headwater.system import SystemClock, SystemIds
from headwater.terms import Outcome

FLUSH_SECONDS = 5.0
FORGET_ATTEMPTS_SECONDS = 90 * 86_400.0


@dataclass
class System:
    """Everything that runs on one home, under its lock; made by `open_system`, which ends it again."""

    home: Home
    config: Config
    clock: SystemClock
    zone_id: str
    store: ZoneStore
    books: SqliteBooks
    reader: LogReader
    sequencer: Sequencer
    landing: Landing
    budget: Budget
    catalog_follower: Follower
    identities: Identities
    admission: Admission
    senders: Senders
    limits: Limits
    bans: Bans
    turned_away: TurnedAway
    recovered: dict[Outcome, int]


@asynccontextmanager
async def open_system(home: Home, config: Config, *, may_found: bool = False) -> AsyncIterator[System]:
    """Opens the zone and the books of a home, recovers what an earlier process left, and keeps things moving.

    Raises Misconfigured (in_use, wrong_zone, unsafe_store, …), Damaged, Unavailable; then nothing was changed but what
    an opening always does. Leaving gives everything back, in order; drain before."""
    clock, ids = SystemClock(), SystemIds()
    async with AsyncExitStack() as stack:
        home.lock()
        stack.callback(home.unlock)
        store = await open_store(config)
        stack.push_async_callback(store.close)
        books = open_books(config)
        stack.push_async_callback(books.close)

        zone = await read_zone(store.reader)
        await belonging(zone, books.facts, may_found=may_found, name=store.name)
        if zone is None:
            zone = await found_zone(store.creator, clock, ids, crc64nvme)
        await books.facts.set_fact("zone", zone.zone)
        node = await books.facts.fact("node") or ids.new(clock.now())
        await books.facts.set_fact("node", node)

        reader, signer = await open_logs(store, zone, clock, home.ledger_key, home.new_ledger_key)
        log = reader.heads[-1].log
        writer = f"{node} process {os.getpid()} on {socket.gethostname()}"
        sequencer = await Sequencer.open(
            reader, store.heads(log), store.files, books.claims, signer, clock, writer=writer
        )
        stack.push_async_callback(sequencer.close)

        catalog_follower = Follower(reader, books.catalog, clock)
        threads = stack.enter_context(ThreadPoolExecutor(4, thread_name_prefix="headwater-hash"))
        limits = config.limits
        budget = Budget(limits.memory_bytes, limits.spool_bytes)
        landing = Landing(
            Means(
                intake=store.intake,
                creator=store.creator,
                reader=store.reader,
                ledger=sequencer,
                attempts=books.attempts,
                keys=books.keys,
                catalog=books.catalog,
                budget=budget,
                clock=clock,
                ids=ids,
                crc64nvme=crc64nvme,
                threads=threads,
                rules=Rules(
                    resume_seconds=limits.resume_for_seconds,
                    park_seconds=limits.park_for_seconds,
                    size_bytes_max=limits.upload_bytes_max,
                ),
            )
        )
        recovered = await landing.recover(after_crash=True)

        slow = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="headwater-passwords"))
        passwords = Passwords(slow, os.urandom, os.urandom(32), clock)
        declared = [declared_identity(name, sender) for name, sender in config.senders.items()]
        identities = Identities(books.identities, clock, passwords, declared)
        await identities.refresh()
        turned_away = TurnedAway(books.counters, clock)
        bans = Bans(clock, BanRules(threshold=float(limits.ban_after), seconds=limits.ban_for_seconds))
        senders = Senders(books.identities, sequencer, identities, passwords, os.urandom, clock)
        system = System(
            home=home,
            config=config,
            clock=clock,
            zone_id=zone.zone,
            store=store,
            books=books,
            reader=reader,
            sequencer=sequencer,
            landing=landing,
            budget=budget,
            catalog_follower=catalog_follower,
            identities=identities,
            admission=Admission(identities, bans, turned_away),
            senders=senders,
            limits=Limits(clock, limit_rules(config)),
            bans=bans,
            turned_away=turned_away,
            recovered=recovered,
        )
        async with background(system):
            yield system


async def open_store(config: Config) -> ZoneStore:
    """The store of the configured zone. S3 brings its SDK, which a directory need not load."""
    if isinstance(config.zone, DirectoryZone):
        from headwater.stores.directory_zone import open_directory_zone

        return open_directory_zone(config.zone.path)
    from headwater.stores.s3_zone import open_s3_zone

    return await open_s3_zone(config.zone.bucket, config.zone.prefix, config.s3)


def open_books(config: Config) -> SqliteBooks:
    """The books."""
    if isinstance(config.books, PostgresBooks):
        raise Misconfigured("Books in PostgreSQL are not in this version; leave `books` out for SQLite in the home.")
    return SqliteBooks(config.books.path)


def limit_rules(config: Config) -> LimitRules:
    """The gate's limits, as configured."""
    limits = config.limits
    return LimitRules(
        each=Bounds(
            uploads=limits.uploads_per_sender_max,
            requests_per_second=limits.requests_per_sender_max,
            bytes_per_second=limits.rate_per_sender_bytes_max,
        ),
        overall=Bounds(uploads=limits.connections_max),
        connections=limits.connections_max,
        connections_per_address=limits.connections_max,
        size_bytes_max=limits.upload_bytes_max,
        slow_after_seconds=limits.slow_for_seconds,
        slow_bytes_per_second=float(limits.slowest_bytes),
    )


@asynccontextmanager
async def background(system: System) -> AsyncIterator[None]:
    """What goes on beside the doors: followers, recovery, counters on their way into the books."""

    async def flush() -> None:
        while True:
            await system.clock.sleep(FLUSH_SECONDS)
            await system.identities.flush()
            await system.turned_away.flush()

    acts = Follower(system.reader, AdminActs(system.senders, system.books.cursors), system.clock)
    works = (system.catalog_follower.follow(), acts.follow(), system.landing.keep(), flush())
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        await system.identities.flush()
        await system.turned_away.flush()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
