"""Assembly: from a configuration to a running system. The only file that knows every class."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

from awscrt.checksums import crc64nvme

from headwater.books.sqlite import SqliteBooks
from headwater.care.backup import back_up
from headwater.care.keys import RecoveryPublic
from headwater.config_schema import Config
from headwater.config_schema import Limits as LimitSettings
from headwater.config_values import DirectoryZone, PostgresBooks
from headwater.doors.http import door as http
from headwater.errors import HeadwaterError, Misconfigured
from headwater.feeds import FeedRegister
from headwater.followers.admin import AdminActs
from headwater.followers.companions import Companions
from headwater.followers.follow import Follower
from headwater.followers.manifests import Manifests
from headwater.founding import ZoneFile, belonging, found_zone, open_logs, read_zone
from headwater.gate.admit import Admission
from headwater.gate.bans import BanRules, Bans
from headwater.gate.declared import declared_identity
from headwater.gate.identify import Identities
from headwater.gate.limits import Bounds, LimitRules, Limits
from headwater.gate.passwords import Passwords
from headwater.gate.senders import Senders
from headwater.gate.turned_away import TurnedAway
from headwater.gate.underway import UploadsUnderway
from headwater.gate.view import Names, show_landed
from headwater.guide import guide, http_address
from headwater.home import Home
from headwater.identities import HOME, ensure_first, ensure_home_key
from headwater.inspection import Inspection
from headwater.landing import Budget, Landing, Means, Rules
from headwater.ports.books import AttemptQuery
from headwater.ports.clock import Clock
from headwater.ports.zone import ZoneStore
from headwater.safety import check_bucket, check_folder
from headwater.sequencer import Sequencer
from headwater.system import SystemClock, SystemIds
from headwater.terms import Outcome, Position, Time
from headwater.verifier import Verifier
from headwater.web.answers import App
from headwater.web.app import Web
from headwater.web.metrics import Metrics
from headwater.web.services import Services, Settings

FLUSH_SECONDS = 5.0
GATHER_SECONDS = 0.02
"""How far the catalog stays behind the ledger, at least."""

BACKUP_CHECK_SECONDS = 600.0
BACKUP_SECONDS = 86_400
FORGET_SECONDS = MANIFEST_SECONDS = 3600.0
KEEP_ATTEMPTS_SECONDS = 90 * 86_400
COUNTER_ROWS_MAX = 200_000
PARKED_MAX = 100_000
"""How many parked uploads are found by their names again after a start; older ones expire."""


@dataclass(frozen=True)
class System:
    """Everything that runs on one home, under its lock; made by `open_system`, which ends it again.

    `asgi` is the whole HTTP interface, `home_token` the home's own key to it; `fresh` says that the home was made by
    this opening, `recovered` what an earlier process had left.
    """

    home: Home
    config: Config
    zone_id: str
    store: ZoneStore
    books: SqliteBooks
    sequencer: Sequencer
    landing: Landing
    services: Services
    asgi: App
    home_token: str
    fresh: bool
    recovered: dict[Outcome, int]
    feeds: FeedRegister
    problems: list[str]
    """What keeps this node from being ready beside ledger and landing: a configuration that could not be read again."""


@asynccontextmanager
async def open_system(
    home: Home, config: Config, *, may_found: bool = False, inspects: bool = False
) -> AsyncIterator[System]:
    """Opens the zone and the books of a home, recovers what an earlier process left, and keeps things moving.

    `inspects`: deliveries are inspected as they land; without it only those that somebody asks for.
    Raises Misconfigured (in_use, wrong_zone, unsafe_store …), Damaged, Unavailable; then nothing was changed but what
    every opening does. Leaving gives everything back, in order; drain before.
    """
    async with AsyncExitStack() as stack:
        ground = await _open_ground(stack, home, config, may_found=may_found)
        sequencer = await _open_ledger(stack, home, ground)
        names = Names(ground.books.names)
        landing = _landing(stack, config, ground, sequencer, names)
        await Follower(sequencer.reader, ground.books.catalog, ground.clock).catch_up()  # repeats are known by it
        recovered = await landing.recover(after_crash=True)
        problems: list[str] = []
        ready = partial(readiness, sequencer, landing, problems)
        services, feeds = await _services(stack, home, config, ground, sequencer, landing, names, ready)
        parked = AttemptQuery(outcomes=(Outcome.OPEN, Outcome.PARKED), limit=PARKED_MAX)
        services.underway.load(await ground.books.attempts.attempts(parked))
        home_token = await ensure_home_key(home, services.senders, services.identities)
        fresh = await ensure_first(home, services.senders, services.identities, ground.books.facts)
        await stack.enter_async_context(background(home, ground, services, feeds, inspects=inspects))
        yield System(
            home=home,
            config=config,
            zone_id=ground.zone.zone,
            store=ground.store,
            books=ground.books,
            sequencer=sequencer,
            landing=landing,
            services=services,
            asgi=Web(services, http.HttpDoor(services), http.ROUTES),
            home_token=home_token,
            fresh=fresh,
            recovered=recovered,
            feeds=feeds,
            problems=problems,
        )


@dataclass(frozen=True)
class Ground:
    """What everything else stands on."""

    clock: SystemClock
    ids: SystemIds
    books: SqliteBooks
    budget: Budget
    store: ZoneStore
    zone: ZoneFile
    node: str
    inspection: Inspection


async def _open_ground(stack: AsyncExitStack, home: Home, config: Config, *, may_found: bool) -> Ground:
    """Lock, books, store, and a zone that the books belong to."""
    clock, ids = SystemClock(), SystemIds()
    home.lock()
    stack.callback(home.unlock)
    books = open_books(config)
    stack.push_async_callback(books.close)
    budget = Budget(config.limits.memory_bytes, config.limits.spool_bytes)
    store = await open_store(config, budget, books)
    stack.push_async_callback(store.close)
    zone = await read_zone(store.reader)
    await belonging(zone, books.facts, may_found=may_found, name=store.name)
    zone = zone or await found_zone(store.creator, clock, ids, crc64nvme)
    await books.facts.set_fact("zone", zone.zone)
    node = await books.facts.fact("node") or ids.new(clock.now())
    await books.facts.set_fact("node", node)
    inspection = Inspection(config.inspect, store, folder_of(config), books, clock)
    stack.push_async_callback(inspection.close)
    return Ground(clock, ids, books, budget, store, zone, node, inspection)


async def _open_ledger(stack: AsyncExitStack, home: Home, ground: Ground) -> Sequencer:
    """The log, taken over by this process, and gone on with where an earlier rotation was cut off."""
    store, clock = ground.store, ground.clock
    reader, signer = await open_logs(store, ground.zone, clock, home.ledger_key, home.new_ledger_key)
    sequencer = await Sequencer.open(
        reader,
        store.heads(reader.heads[-1].log),
        store.files,
        ground.books.claims,
        signer,
        clock,
        writer=f"{ground.node} process {os.getpid()} on {socket.gethostname()}",
    )
    stack.push_async_callback(sequencer.close)
    if await sequencer.closed():
        await rotate(home, store, sequencer, "recovered")
    return sequencer


def _landing(stack: AsyncExitStack, config: Config, ground: Ground, sequencer: Sequencer, names: Names) -> Landing:
    threads = stack.enter_context(ThreadPoolExecutor(4, thread_name_prefix="headwater-hash"))
    return Landing(
        Means(
            intake=ground.store.intake,
            creator=ground.store.creator,
            reader=ground.store.reader,
            ledger=sequencer,
            attempts=ground.books.attempts,
            keys=ground.books.keys,
            catalog=ground.books.catalog,
            budget=ground.budget,
            clock=ground.clock,
            ids=ground.ids,
            crc64nvme=crc64nvme,
            threads=threads,
            rules=landing_rules(config.limits),
            landed=partial(show_landed, names, ground.clock),
            first=ground.inspection.held,
        )
    )


async def _services(
    stack: AsyncExitStack,
    home: Home,
    config: Config,
    ground: Ground,
    sequencer: Sequencer,
    landing: Landing,
    names: Names,
    ready: Callable[[], Awaitable[Sequence[str]]],
) -> tuple[Services, FeedRegister]:
    """The gate, and everything that web and doors work with."""
    clock, books = ground.clock, ground.books
    slow = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="headwater-passwords"))
    passwords = Passwords(slow, os.urandom, os.urandom(32), clock)
    declared = [declared_identity(name, sender) for name, sender in config.senders.items()]
    identities = Identities(books.identities, clock, passwords, declared)
    await identities.refresh()
    turned_away = TurnedAway(books.counters, clock)
    bans = Bans(clock, BanRules(threshold=float(config.limits.ban_after), seconds=config.limits.ban_for_seconds))
    feeds = FeedRegister(config, books.catalog)
    services = Services(
        settings=Settings(
            version=version("headwater"),
            public_url=http_address(config),
            answer_within_seconds=config.limits.answer_within_seconds,
            ledger_public=config.ledger.public,
            admin_apart=config.admin.listen is not None,
            home_user=HOME,
        ),
        clock=clock,
        landing=landing,
        admission=Admission(identities, bans, turned_away),
        identities=identities,
        senders=Senders(books.identities, sequencer, identities, passwords, os.urandom, clock),
        limits=Limits(clock, limit_rules(config.limits)),
        bans=bans,
        turned_away=turned_away,
        feeds=feeds,
        names=names,
        underway=UploadsUnderway(clock),
        catalog=books.catalog,
        history=books.catalog,
        follower=Follower(sequencer.reader, books.catalog, clock, gather_seconds=GATHER_SECONDS),
        attempts=books.attempts,
        ledger=sequencer,
        log=sequencer.reader,
        ledger_files=ground.store.files,
        objects=ground.store.reader,
        checkpoint=sequencer.checkpoint,
        verify=Verifier(ground.store, sequencer.reader, books.attempts, clock, folder_of(config), sequencer).verify,
        readiness=ready,
        guide=partial(guide, home, config, identities),
        findings=books.findings,
        inspect_again=ground.inspection.again,
        metrics=Metrics(),
    )
    return services, feeds


def folder_of(config: Config) -> Path | None:
    """The folder of a zone that is one."""
    return config.zone.path if isinstance(config.zone, DirectoryZone) else None


async def open_store(config: Config, budget: Budget, books: SqliteBooks) -> ZoneStore:
    """The store of the configured zone, if it is safe to land in. S3 brings its SDK, a directory need not load it."""
    if isinstance(config.zone, DirectoryZone):
        from headwater.stores.directory_zone import open_directory_zone  # noqa: PLC0415

        config.zone.path.mkdir(mode=0o750, parents=True, exist_ok=True)
        check_folder(config.zone.path, accept_volatile=config.accept_volatile)
        return open_directory_zone(config.zone.path)
    from headwater.stores.s3_zone import open_s3_zone  # noqa: PLC0415

    zone, settings = config.zone, config.s3
    bucket = await open_s3_zone(zone.bucket, zone.prefix, settings, buffers=budget, parts=books.parts)
    try:
        await check_bucket(bucket, settings.endpoint, books.facts, SystemClock())
    except BaseException:
        await bucket.close()
        raise
    return bucket


def open_books(config: Config) -> SqliteBooks:
    """The books."""
    if isinstance(config.books, PostgresBooks):
        raise Misconfigured("Books in PostgreSQL are not in this version; leave `books` out for SQLite in the home.")
    return SqliteBooks(config.books.path)


async def rotate(home: Home, store: ZoneStore, sequencer: Sequencer, reason: str) -> None:
    """Goes on in a new log under a new key. Repeatable: a key that was made for the next log is used."""
    log = sequencer.head.log
    zone_id, _, number = log.rpartition("-")
    following = f"{zone_id}-{int(number) + 1}"
    signer = home.ledger_key(following)
    if signer.name != following:
        signer = home.new_ledger_key(following)
    await sequencer.rotate(store.heads(following), store.files, signer, reason)


def landing_rules(limits: LimitSettings) -> Rules:
    """Landing's times and limits, as configured."""
    return Rules(
        resume_seconds=limits.resume_for_seconds,
        park_seconds=limits.park_for_seconds,
        size_bytes_max=limits.upload_bytes_max,
    )


def limit_rules(limits: LimitSettings) -> LimitRules:
    """The gate's limits, as configured."""
    return LimitRules(
        each=Bounds(
            uploads=limits.uploads_per_sender_max,
            requests_per_second=limits.requests_per_sender_max,
            bytes_per_second=limits.rate_per_sender_bytes_max,
        ),
        overall=Bounds(uploads=limits.connections_max),
        connections=limits.connections_max,
        connections_per_address=limits.connections_per_address_max,
        size_bytes_max=limits.upload_bytes_max,
        slow_after_seconds=limits.slow_for_seconds,
        slow_bytes_per_second=float(limits.slowest_bytes),
    )


async def readiness(sequencer: Sequencer, landing: Landing, noted: Sequence[str]) -> list[str]:
    """What keeps this node from landing just now, one sentence each."""
    problems = [*noted]
    problems += [failure.sentence for failure in (sequencer.failure, landing.damage) if failure]
    if landing.draining:
        problems.append("The server is stopping.")
    return problems


async def back_up_if_due(home: Home, ground: Ground, position: Position) -> bool:
    """Seals the books' truth into the zone, once a day; True if it was done now. Wants the public recovery key."""
    facts, now = ground.books.facts, ground.clock.now()
    last = int(await facts.fact("node.backed_up_at") or 0)
    if now - last < BACKUP_SECONDS * 1_000_000:
        return False
    await back_up(
        ground.books,
        ground.store.creator,
        position,
        now,
        zone_id=ground.zone.zone,
        public=RecoveryPublic.parse(home.secret("recovery.pub").decode()),
        crc64nvme=crc64nvme,
    )
    await facts.set_fact("node.backed_up_at", str(now))
    return True


async def every(seconds: float, work: Callable[[], Awaitable[object]], clock: Clock, *, at_once: bool = False) -> None:
    """Does something again and again; a failure waits for the next time."""
    if not at_once:
        await clock.sleep(seconds)
    while True:
        with contextlib.suppress(HeadwaterError):
            await work()
        await clock.sleep(seconds)


@asynccontextmanager
async def background(
    home: Home, ground: Ground, services: Services, feeds: FeedRegister, *, inspects: bool
) -> AsyncIterator[None]:
    """What goes on beside the doors: followers, recovery, counters on their way into the books, the nightly backup."""
    books = ground.books

    async def flush() -> None:
        await feeds.refresh()
        await services.identities.flush()
        await services.turned_away.flush()

    async def forget() -> None:
        before = Time(services.clock.now() - KEEP_ATTEMPTS_SECONDS * 1_000_000)
        await books.attempts.forget(before)
        await books.counters.prune(before, COUNTER_ROWS_MAX)
        await books.names.prune(before)

    async def back_up() -> None:
        await back_up_if_due(home, ground, services.log.position)

    clock = services.clock
    url = f"file://{ground.store.name}" if ground.store.name.startswith("/") else ground.store.name
    manifests = Manifests(books.catalog, ground.store.creator, books.cursors, crc64nvme, url)
    acts = Follower(services.log, AdminActs(services.senders, books.cursors), services.clock)
    weighs = Companions(books.catalog, services.objects, services.ledger, books.cursors, services.follower.reached)
    companions = Follower(services.log, weighs, services.clock, gather_seconds=GATHER_SECONDS)
    works: list[Awaitable[None]] = [
        services.follower.follow(),
        acts.follow(),
        companions.follow(),
        services.landing.keep(),
        every(FLUSH_SECONDS, flush, clock),
        every(FORGET_SECONDS, forget, clock, at_once=True),
        every(BACKUP_CHECK_SECONDS, back_up, clock),
        every(MANIFEST_SECONDS, manifests.write_what_changed, clock),
        *(ground.inspection.works(services.log, services.metrics) if inspects else ()),
    ]
    await feeds.refresh()
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        yield
    finally:
        with contextlib.suppress(HeadwaterError):
            await flush()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
