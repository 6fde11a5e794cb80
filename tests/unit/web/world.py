"""A whole HTTP server on loopback, over real parts: a directory zone, SQLite books, a ledger, the gate. It runs in a
thread with uvloop, as in production, so that a test can be a plain client.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec
import uvloop
from awscrt.checksums import crc64nvme

from headwater.books.sqlite import SqliteBooks
from headwater.doors.http.door import ROUTES, HttpDoor
from headwater.followers.follow import Follower
from headwater.gate.admit import Admission
from headwater.gate.bans import BanRules, Bans
from headwater.gate.identify import Identities
from headwater.gate.limits import LimitRules, Limits
from headwater.gate.new_identity import NewIdentity
from headwater.gate.passwords import Passwords
from headwater.gate.senders import Senders
from headwater.gate.turned_away import TurnedAway
from headwater.landing import Budget, Landing, Means, Rules
from headwater.layout import parse_feed
from headwater.ledger.entries import Entry, decode
from headwater.ledger.note import Signer
from headwater.sequencer import LogReader, Sequencer
from headwater.sequencer.founding import found_log
from headwater.stores.directory_zone import open_directory_zone
from headwater.system import SystemClock, SystemIds
from headwater.terms import FeedName, Role
from headwater.web.app import Web
from headwater.web.metrics import Metrics
from headwater.web.server import Listener, Server
from headwater.web.services import Services, Settings
from headwater.web.tls import ServerTls

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

    def all_declared(self) -> Sequence[FeedName]:
        return sorted(self.names)


class Answered(msgspec.Struct):
    """An answer as a client saw it."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


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
            )
        )
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
            readiness=self.readiness,
            guide=lambda name: f"How to deliver as {name}\n",
            metrics=Metrics(),
        )
        await self.add("acme", Role.SENDER, "acme-crm/*")
        await self.add("shop", Role.SENDER, "shop/orders")
        for role in Role:
            if role is not Role.SENDER:
                await self.add(role.value, role, "acme-crm/*")

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


class Live:
    """A world behind a server. Calls are blocking; `run` does something in the server's loop."""

    def __init__(
        self,
        folder: Path,
        *,
        tls: ServerTls | None = None,
        trusted_proxies: Sequence[str] = (),
        admin_apart: bool = False,
        loop_factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop,
        **world: Any,
    ) -> None:
        settings = {**world.pop("settings", {}), "admin_apart": admin_apart}
        self.world = World(folder, settings=settings, **world)
        self._tls = tls
        self._trusted_proxies = trusted_proxies
        self._listeners = [_bound()] + ([_bound()] if admin_apart else [])
        self._factory = loop_factory
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._main)
        self._stop: asyncio.Event
        self._failed: BaseException | None = None
        self.port, *rest = [bound.getsockname()[1] for bound in self._listeners]
        self.admin_port: int = rest[0] if rest else self.port
        self.cut = -1

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        if self._failed:
            raise self._failed
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        if self._failed:
            raise self._failed

    def _main(self) -> None:
        try:
            with asyncio.Runner(loop_factory=self._factory) as runner:
                runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001  (raised again in the test's thread)
            self._failed = error
        self._started.set()

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        await self.world.start()
        web = Web(self.world.services, HttpDoor(self.world.services), ROUTES)
        self.server = Server(web, self.world.services, trusted_proxies=self._trusted_proxies)
        apart = len(self._listeners) > 1
        await self.server.start(
            [Listener(bound, self._tls, admin=not apart or number == 1) for number, bound in enumerate(self._listeners)]
        )
        self._started.set()
        await self._stop.wait()
        self.cut = await self.server.stop(2.0)
        await self.world.stop()

    def run(self, work: Callable[[], Awaitable[T]]) -> T:
        async def awaited() -> T:
            return await work()

        return asyncio.run_coroutine_threadsafe(awaited(), self.loop).result(30)

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def auth(self, name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.world.tokens[name]}"}

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        who: str | None = "acme",
        headers: Mapping[str, str] = {},
        port: int | None = None,
        context: ssl.SSLContext | None = None,
    ) -> Answered:
        """One request on a connection of its own."""
        connection: http.client.HTTPConnection
        if context is None:
            connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=30)
        else:
            connection = http.client.HTTPSConnection("127.0.0.1", port or self.port, timeout=30, context=context)
        every = {**(self.auth(who) if who else {}), **headers}
        if isinstance(body, dict):
            body = json.dumps(body)
            every = {"Content-Type": "application/json", **every}
        connection.request(method, path, body, every)
        answer = connection.getresponse()
        found = Answered(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        connection.close()
        return found

    def raw(self, *pieces: bytes, seconds: float = 10.0) -> bytes:
        """What comes back for these bytes, sent piece by piece, until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            with contextlib.suppress(ConnectionError):  # it may have answered, and closed, already
                for piece in pieces:
                    connection.sendall(piece)
            return until_closed(connection)

    def head(self, method: str, path: str, *fields: str, who: str | None = "acme") -> bytes:
        """A request's head."""
        lines = [f"{method} {path} HTTP/1.1", "Host: x", *fields]
        if who:
            lines.append(f"Authorization: Bearer {self.world.tokens[who]}")
        return "\r\n".join([*lines, "", ""]).encode()


def until_closed(connection: socket.socket) -> bytes:
    """All that comes until the other end closes."""
    came = b""
    while True:
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            return came
        if not piece:
            return came
        came += piece


def _bound() -> socket.socket:
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    return bound
