"""The door over real parts, without SSH: desks of senders that were let in, and clients at them, packet by packet."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from headwater.doors.sftp.desk import Desk
from headwater.doors.sftp.packets import Packets
from headwater.doors.sftp.session import Sftp
from headwater.gate.view import View
from headwater.ledger.entries import Amended, Held
from headwater.terms import Door as DoorName
from headwater.terms import Receipt, name_of
from tests.raw_sftp import RawSftp
from tests.unit.web.world import World

FOLDER = "/acme-crm/daily"


class Line:
    """Implements `packets.Line`: what is written goes to the client, and what is asked of it is counted."""

    def __init__(self) -> None:
        self.client: RawSftp | None = None
        self.is_paused = False
        self.is_closed = False
        self.written_bytes = 0

    def write(self, data: bytes) -> None:
        self.written_bytes += len(data)
        if self.client is not None:
            self.client.received(data)

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def close(self) -> None:
        self.is_closed = True


class Client(RawSftp):
    """A client at a desk. `room` is whether it reads what it is sent."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.line = Line()
        self.room = asyncio.Event()
        self.room.set()
        self.packets = Packets(Sftp(desk), self.line, self.room)
        super().__init__(self.packets.data)
        self.line.client = self

    async def go_away(self) -> None:
        """The line is gone; all that came is done."""
        self.line.client = None
        await self.packets.end()


class Door:
    """Makes desks and clients; knows what came of it all."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._clients: list[Client] = []

    async def desk(self, sender: str = "acme") -> Desk:
        """A connection of a sender that was let in."""
        services = self.world.services
        caller = await services.admission.admit(
            DoorName.SFTP, "127.0.0.1", secure=True, basic=(sender, self.world.tokens[sender])
        )
        view = View(caller.identity, services.feeds, services.names, services.underway, services.clock)
        return Desk(services, caller, view, "SSH-2.0-test", {}, {})

    async def client(self, desk: Desk | None = None) -> Client:
        """A session on a connection of its own, or on this one; greeted."""
        client = Client(desk or await self.desk())
        self._clients.append(client)
        await client.greet()
        return client

    async def close(self) -> None:
        """Everyone goes."""
        for client in self._clients:
            await client.go_away()

    async def entries(self, kind: type) -> list[Any]:
        """The entries of one kind."""
        return [entry for entry in await self.world.entries() if isinstance(entry, kind)]

    async def landed(self) -> list[tuple[str, bytes]]:
        """Every delivery by its name, with its bytes; nothing else stands in raw/."""
        receipts = await self.entries(Receipt)
        assert len(self.world.objects()) == len([each for each in receipts if each.key.startswith("raw/")])
        return [(name_of(each), self.bytes_of(each)) for each in receipts]

    def bytes_of(self, receipt: Receipt) -> bytes:
        """What stands under its key."""
        return Path(self.world.folder / "zone" / receipt.key).read_bytes()

    async def held(self) -> list[tuple[str, str]]:
        """What is evidence: the name and the reason."""
        return [(each.name or "", each.reason) for each in await self.entries(Held)]

    async def amended(self) -> list[tuple[str, str]]:
        """What was said later: the delivery and the reason."""
        return [(each.id, each.reason) for each in await self.entries(Amended)]
