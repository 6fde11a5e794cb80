"""What an HTTP server stands on, over real parts: a directory zone, SQLite books, a ledger, the gate."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from awscrt.checksums import crc64nvme

from headwater.books.sqlite import SqliteBooks
from headwater.followers.findings import Findings
from headwater.followers.follow import Follower
from headwater.gate.admit import Admission
from headwater.gate.bans import BanRules, Bans
from headwater.gate.identify import Identities
from headwater.gate.limits import LimitRules, Limits
from headwater.gate.new_identity import NewIdentity
from headwater.gate.passwords import Passwords
from headwater.gate.route import Manners
from headwater.gate.senders import Senders
from headwater.gate.turned_away import TurnedAway
from headwater.gate.underway import UploadsUnderway
from headwater.gate.view import Names, show_landed
from headwater.landing import Budget, Landing, Means, Rules
from headwater.layout import parse_feed
from headwater.ledger.entries import Entry, decode
from headwater.ledger.note import Signer
from headwater.sequencer import LogReader, Sequencer
from headwater.sequencer.founding import found_log
from headwater.stores.directory_zone import open_directory_zone
from headwater.system import SystemClock, SystemIds
from headwater.terms import FeedName, Role
from headwater.verifier import Verifier
from headwater.web.metrics import Metrics
from headwater.web.services import Services, Settings
from tests.unit.followers.looks import Looks

T = TypeVar("T")
ZONE = "0" * 31 + "1"
LOG = f"{ZONE}-1"


class Feeds:
    """Implements `web.services.KnownFeeds`."""

    def __init__(self, *names: str) -> None:
        self.names = {parse_feed(name) for name in names}

    def declared(self, feed: FeedName) -> bool:
        return feed in self.names

    def companions(self, _feed: FeedName) -> Sequence[str]:
        return ()

    def known(self) -> Sequence[FeedName]:
        return sorted(self.names)

    def manners(self, _feed: FeedName) -> Manners:
        return Manners()

    def all_declared(self) -> Sequence[FeedName]:
        return sorted(self.names)


class World:
    """The parts, made by `start` in the loop they live in; `tokens` holds one of each role, by name."""

    def __init__(
        self,
        folder: Path,
        *,
        limits: LimitRules = LimitRules(),  # noqa: B008  (a frozen value)
        ban_rules: BanRules = BanRules(),  # noqa: B008
        settings: Mapping[str, Any] = {},
        rules: Rules = Rules(),  # noqa: B008
        wrap: Mapping[str, Callable[[Any], Any]] = {},
    ) -> None:
        self.folder = folder
        self.limit_rules = limits
        self.ban_rules = ban_rules
        self.settings = Settings(version="0.test", **settings)
        self.rules = rules
        self.wrap = dict(wrap)
        self.tokens: dict[str, str] = {}
        self.problems: list[str] = []
        self.signer = Signer.generate(LOG)

    async def start(self) -> None:
        clock, ids = SystemClock(), SystemIds()
        self.store = store = open_directory_zone(self.folder / "zone")
        self.books = books = SqliteBooks(self.folder / "books.sqlite3")
        self.threads = ThreadPoolExecutor(4)
        await found_log(store.heads(LOG), store.files, self.signer, clock.now(), zone_id=ZONE)
        self.log = LogReader(store.heads, store.files, ZONE)
        await self.log.refresh()
        self.sequencer = await Sequencer.open(
            self.log, store.heads(LOG), store.files, books.claims, self.signer, clock, writer="node process 1"
        )
        self.follower = Follower(self.log, books.catalog, clock)
        self.following = asyncio.create_task(self.follower.follow())
        means: dict[str, Any] = {
            "intake": store.intake,
            "creator": store.creator,
            "reader": store.reader,
            "ledger": self.sequencer,
            "attempts": books.attempts,
        }
        self.names = Names(books.names)
        means |= {name: wrap(means[name]) for name, wrap in self.wrap.items()}
        self.landing = Landing(
            Means(
                **means,
                keys=books.keys,
                catalog=books.catalog,
                budget=Budget(64 << 20, 64 << 20, self.folder),
                clock=clock,
                ids=ids,
                crc64nvme=crc64nvme,
                threads=self.threads,
                rules=self.rules,
                landed=partial(show_landed, self.names, clock),
            )
        )
        self._open_gate(clock)
        await self.add("acme", Role.SENDER, "acme-crm/*")
        await self.add("shop", Role.SENDER, "shop/orders")
        for role in Role:
            if role is not Role.SENDER:
                await self.add(role.value, role, "acme-crm/*")

    def _open_gate(self, clock: SystemClock) -> None:
        books, store = self.books, self.store
        passwords = Passwords(self.threads, os.urandom, os.urandom(32), clock)
        identities = Identities(books.identities, clock, passwords)
        bans, turned_away = Bans(clock, self.ban_rules), TurnedAway(books.counters, clock)
        self.senders = Senders(books.identities, self.sequencer, identities, passwords, os.urandom, clock)
        self.services = Services(
            settings=self.settings,
            clock=clock,
            landing=self.landing,
            admission=Admission(identities, bans, turned_away),
            identities=identities,
            senders=self.senders,
            limits=Limits(clock, self.limit_rules),
            bans=bans,
            turned_away=turned_away,
            names=self.names,
            underway=UploadsUnderway(clock),
            feeds=Feeds("acme-crm/daily", "acme-crm/other", "shop/orders"),
            catalog=books.catalog,
            history=books.catalog,
            follower=self.follower,
            attempts=books.attempts,
            ledger=self.sequencer,
            log=self.log,
            ledger_files=store.files,
            objects=store.reader,
            checkpoint=self.sequencer.checkpoint,
            verify=Verifier(store, self.log, books.attempts, clock, None, self.sequencer).verify,
            readiness=self.readiness,
            guide=lambda name: f"How to deliver as {name}\n",
            findings=books.findings,
            inspect_again=Findings(Looks(store.reader), books.findings, books.cursors, clock).again,
            metrics=Metrics(),
        )

    async def add(self, name: str, role: Role, *allow: str, **more: Any) -> None:
        made = await self.senders.add(NewIdentity(name=name, role=role, allow=allow, token=True, **more), "test")
        assert made.token
        self.tokens[name] = made.token

    async def readiness(self) -> Sequence[str]:
        return self.problems

    async def stop(self) -> None:
        await self.landing.drain(1.0)
        self.following.cancel()
        await self.sequencer.close()
        await self.books.close()
        await self.store.close()
        self.threads.shutdown()

    async def entries(self) -> list[Entry]:
        return [decode(data) async for _, data in self.log.read(0, 10**6)]  # type: ignore[arg-type]

    def objects(self, root: str = "raw") -> list[Path]:
        return [path for path in (self.folder / "zone" / root).rglob("*") if path.is_file()]
