"""One life of a Headwater process with its sender: what a child of the nursery does.

The sender is a real one: it remembers what was acknowledged, and sends again what was not, under the same idempotency
key where it has one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
from boto3.session import Session

from headwater import app
from headwater.app import System, open_system
from headwater.config import load
from headwater.errors import Refused, Unavailable
from headwater.home import Home
from headwater.landing import Rules
from headwater.ledger.entries import Admin
from headwater.stores import s3_zone
from headwater.terms import Declared, Door, FeedName, Id, Offer, SenderRef
from tests.crash.injector import Injector, Mode, Step

FEED = FeedName("acme-crm", "daily_sales")
SENDER = SenderRef("acme", "SHA256:abc")
STARTED, STOPPING = "started", "stopping"
SDK = Session()
SDK.client("s3", "us-east-1", aws_access_key_id="-", aws_secret_access_key="-").close()
"""Made before a child is forked: what it reads at first takes longer than a life."""

TRIES_MAX = 6
LEASE_SECONDS = 0.2
"""How long nobody else takes up an upload: short, for what would come after a minute must come within a test."""


def payload(name: str) -> bytes:
    """The bytes of a file: as many as its name says before the suffix, `keyed-100.csv`."""
    size = int(name.partition(".")[0].rpartition("-")[2])
    return random.Random(name).randbytes(size)


class Diary:
    """What the sender knows, one JSON object a line, kept outside of everything that can crash with Headwater."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, **line: Any) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def lines(self, kind: str) -> Iterator[dict[str, Any]]:
        """All of a kind: `try`, `upload` or `ack`, each with the file's `name`."""
        if self._path.exists():
            for line in map(json.loads, self._path.read_text().splitlines()):
                if line["kind"] == kind:
                    yield line

    def knows(self, kind: str, name: str) -> dict[str, Any] | None:
        """The last of a kind about a file."""
        return next((line for line in reversed(list(self.lines(kind))) if line["name"] == name), None)


class Sender:
    """A system with somebody who delivers to it, until he has his yes or is told for good why not."""

    def __init__(self, system: System, diary: Diary) -> None:
        self.system = system
        self.landing = system.landing
        self.diary = diary

    async def deliver(self, name: str, *, is_keyed: bool = False) -> None:
        """Sends a file by a door that cannot resume, under an idempotency key of its own or without."""
        await self._until_yes(name, lambda: self._send(name, f"key of {name}" if is_keyed else None))

    async def deliver_parked(self, name: str) -> None:
        """Sends a file in two parts with a park between them, by a door that can resume, to be renamed at the end."""
        await self._until_yes(name, lambda: self._send_parked(name))

    async def send_again(self) -> None:
        """Sends once more what was acknowledged under an idempotency key: it must get the same answer."""
        for ack in self.diary.lines("ack"):
            if ack["key"] is not None:
                receipt = await self._send(ack["name"], ack["key"])
                assert receipt.id == ack["id"], f"{ack['name']} got two receipts under one key"

    async def give_up(self, name: str, *, lie: bool) -> None:
        """Sends a file whose line is cut before its end, or with a digest that is not its own."""
        declared = Declared(digests={"sha256": "0" * 64}) if lie else Declared()
        try:
            async with await self.landing.open(_offer(name, declared=declared)) as upload:
                await upload.write(0, payload(name))
                if lie:
                    await upload.seal()
        except (Refused, Unavailable):
            return

    async def _until_yes(self, name: str, send: Callable[[], Awaitable[Any]]) -> None:
        for _ in range(TRIES_MAX):
            if self.diary.knows("ack", name):
                return
            self.diary.write(kind="try", name=name)
            try:
                receipt = await send()
            except Unavailable:
                continue
            except Refused as refused:
                if refused.reason not in {"in_progress", "overtaken", "not_found"}:
                    raise
                await asyncio.sleep(LEASE_SECONDS)
                await self.landing.recover()  # what the server does by itself, every few seconds
                continue
            self.diary.write(kind="ack", name=name, id=receipt.id, sha256=receipt.sha256, key=receipt.idempotency_key)
        if not self.diary.knows("ack", name):
            raise AssertionError(f"{name} got no yes in {TRIES_MAX} tries")

    async def _send(self, name: str, key: str | None) -> Any:
        async with await self.landing.open(_offer(name, idempotency_key=key)) as upload:
            await upload.write(0, payload(name))
            return (await upload.seal()).entry

    async def _send_parked(self, name: str) -> Any:
        data = payload(name)
        known = self.diary.knows("upload", name)
        if known is None:
            async with await self.landing.open(_offer(f"{name}.part", resumable=True)) as upload:
                await upload.write(0, data[: len(data) * 15 // 16])
                await upload.park(temporary=True)
                self.diary.write(kind="upload", name=name, id=upload.id)
                known = {"id": upload.id}
        try:
            upload = await self.landing.resume(Id(known["id"]))
        except Refused:
            self.diary.write(kind="upload", name=name, id=None)
            upload = await self.landing.open(_offer(name, resumable=True))
        async with upload:
            await upload.write(upload.size_bytes, data[upload.size_bytes :])
            return (await upload.seal(name=name)).entry


def _offer(name: str, **more: Any) -> Offer:
    return Offer(feed=FEED, door=Door.HTTP, sender=SENDER, name=name, **more)


# --- what the sender does in one life: each may be begun again after any crash ----------------------------------------


async def _nothing(sender: Sender) -> None:
    """Start and stop."""


async def _small(sender: Sender) -> None:
    """The path of a small file: one create."""
    await sender.deliver("keyed-100.csv", is_keyed=True)
    await sender.deliver("plain-0.csv")


async def _large(sender: Sender) -> None:
    """The path of a large file: staged, then committed."""
    await sender.deliver("keyed-3000000.csv", is_keyed=True)
    await sender.deliver("plain-2500000.csv")


async def _multipart(sender: Sender) -> None:
    """The paths of files in parts, for a store that has some: landed in one go, and parked between two parts."""
    await sender.deliver("keyed-9000000.csv", is_keyed=True)
    await sender.deliver_parked("parked-9000000.csv")


async def _parked(sender: Sender) -> None:
    """Parked under a temporary name, resumed, sealed under its final one; small enough for a create, and staged."""
    await sender.deliver_parked("parked-3000000.csv")
    await sender.deliver_parked("parked-5000.csv")


async def _held(sender: Sender) -> None:
    """What must not land: cut, and not what its digest says."""
    for size in (300, 2_500_000):
        await sender.give_up(f"cut-{size}.csv", lie=False)
        await sender.give_up(f"lie-{size}.csv", lie=True)


async def _tiles(sender: Sender) -> None:
    """Tiles fill, partial ones are pruned, checkpoints are published, and a delivery comes in between."""
    acts = [Admin(v=1, by="test", act="counted", subject=str(number)) for number in range(200)]
    for name in ("first-100.csv", "second-100.csv", "third-100.csv"):
        try:
            await sender.system.sequencer.append(*acts)
            await sender.system.sequencer.checkpoint()
        except Unavailable:
            pass
        await sender.deliver(name, is_keyed=True)


async def _rotated(sender: Sender) -> None:
    """The log is closed and another one goes on."""
    await sender.deliver("before-100.csv", is_keyed=True)
    system = sender.system
    if system.sequencer.head.log.endswith("-1"):
        with contextlib.suppress(Unavailable):
            await app.rotate(system.home, system.store, system.sequencer, "test")
    await sender.deliver("after-100.csv", is_keyed=True)


async def _crowd(sender: Sender) -> None:
    """Uploads in every state at once, for a crash to leave behind."""
    landing = sender.landing
    waiting = await landing.open(_offer("open-100.csv"))
    await waiting.write(0, payload("open-100.csv"))
    staged = await landing.open(_offer("open-2500000.csv"))
    await staged.write(0, payload("open-2500000.csv"))
    await staged.sync()
    resumable = await landing.open(_offer("resumable-2500000.csv", resumable=True))
    await resumable.write(0, payload("resumable-2500000.csv"))
    await resumable.sync()
    parked = await landing.open(_offer("waits-400.csv", resumable=True))
    await parked.write(0, payload("waits-400.csv"))
    await parked.park()
    await _again(sender)


async def _again(sender: Sender) -> None:
    """The deliveries of a crowd."""
    await asyncio.gather(
        sender.deliver("keyed-100.csv", is_keyed=True),
        sender.deliver("plain-200.csv"),
        sender.deliver("keyed-2500000.csv", is_keyed=True),
        sender.deliver("plain-2600000.csv"),
    )


SCENARIOS: dict[str, Callable[[Sender], Awaitable[None]]] = {
    scenario.__name__.removeprefix("_"): scenario
    for scenario in (_nothing, _small, _large, _multipart, _parked, _held, _tiles, _rotated, _crowd, _again)
}


# --- a life ----------------------------------------------------------------------------------------------------------


class Life(msgspec.Struct, frozen=True):
    """What one child process does: on the home in `folder`, with its zone there or where `config` says."""

    folder: Path
    scenario: str
    planned: Step | None = None
    mode: Mode | None = None
    config: str = "accept_volatile = true\n"
    environ: dict[str, str] = {}

    @property
    def steps(self) -> Path:
        """Where the steps are noted."""
        return self.folder / "steps"

    @property
    def diary(self) -> Diary:
        """The sender's."""
        return Diary(self.folder / "diary")


async def _believe(*args: Any) -> None:
    """The double is safe to land in; that is proved elsewhere, and takes as long as ten lives."""


async def live(life: Life) -> None:
    """Starts, recovers, serves the sender, compares the catalog with the ledger, stops."""
    os.environ.update(life.environ)
    home = Home(life.folder / "home")
    home.make()
    config = load({home.config_path: life.config}, {}, home.path).config
    injector = Injector(life.steps, life.planned, life.mode)
    open_store, open_books = app.open_store, app.open_books

    async def store(*args: Any) -> Any:
        return injector.store(await open_store(*args))

    with (
        patch.object(app, "open_store", store),
        patch.object(app, "open_books", lambda *args: injector.books(open_books(*args))),
        patch.object(s3_zone, "Session", lambda: SDK),
        patch.object(app, "check_bucket", _believe),
        patch.object(app, "Web", lambda *args: None),  # nobody calls, and its description is a third of a start
        patch.object(app, "landing_rules", lambda limits: Rules(lease_seconds=LEASE_SECONDS)),
    ):
        async with open_system(home, config, may_found=True) as system:
            injector.note(STARTED)
            sender = Sender(system, life.diary)
            if life.planned is None:
                await sender.send_again()
            await SCENARIOS[life.scenario](sender)
            left = system.landing.open_uploads
            assert life.scenario == "crowd" or not left, f"{left} uploads were ended, and are held open"
            await system.landing.recover()
            await system.services.follower.reached(system.sequencer.reader.position)
            injector.note(STOPPING)
            await system.landing.drain(0.1)
