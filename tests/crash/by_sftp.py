"""A sender by SFTP for the kill loop: whole files, temporary names, sizes said at OPEN, and cut ones gone on with."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter

import asyncssh

from tests.crash.served import Server
from tests.raw_sftp import GO_ON, NEW, NO_ATTRS, PIECE, Answer, RawSftp, sized, ssh

FOLDER = "/first/files"
GONE = (OSError, asyncssh.Error, TimeoutError)
"""What a line that breaks looks like."""


class SftpSender:
    """One client, in a thread and a loop of its own. `wrong` takes what a sender must never see."""

    def __init__(self, server: Server, chance: random.Random, tally: Counter[str], wrong: list[str]) -> None:
        self._server = server
        self._chance = chance
        self._tally = tally
        self._wrong = wrong
        self._runner = asyncio.Runner()
        self._stack = contextlib.AsyncExitStack()
        self._client: RawSftp | None = None
        self._parked: set[str] = set()

    def try_to_land(self, name: str, data: bytes) -> tuple[bool, str | None]:
        """One try: whether anything was asked of the server, and the id of the delivery if there was a yes."""
        return self._runner.run(self._try(name, data))

    def close(self) -> None:
        """Hangs up."""
        self._runner.run(self._stack.aclose())
        self._runner.close()

    async def _try(self, name: str, data: bytes) -> tuple[bool, str | None]:
        try:
            client = await self._connected()
        except GONE:
            self._tally["refused connections"] += 1
            await self._stack.aclose()
            return False, None
        try:
            return True, await self._deliver(client, name, data)
        except GONE:
            self._tally["cut by SFTP"] += 1
            self._client = None
            await self._stack.aclose()
            return True, None

    async def _connected(self) -> RawSftp:
        if self._client is None:
            if (port := self._server.sftp_port) is None:
                raise ConnectionRefusedError
            line = await self._stack.enter_async_context(ssh(port, password=self._server.token, login_timeout=20))
            self._client = await RawSftp.over(line)
        return self._client

    # --- what a client does -------------------------------------------------------------------------------------------

    async def _deliver(self, client: RawSftp, name: str, data: bytes) -> str | None:
        """As the name says: its number decides for good whether it goes by a temporary one."""
        number = int(name.partition(".")[0].rpartition("-")[2])
        path = f"{FOLDER}/{name}"
        if number % 3:
            return self._yes(name, await self._put(client, path, data))
        temporary = f"{path}.filepart"
        if name not in self._parked:
            if not (await self._put(client, temporary, data)).is_ok:
                return None
            self._parked.add(name)
            self._tally["parked under a temporary name"] += 1
        answer = await client.rename(temporary, path)
        if not answer.is_ok:
            if await client.size(path) is None and await client.size(temporary) is None:
                self._wrong.append(f"{name} was parked under its temporary name, and is neither there nor landed")
            self._parked.discard(name)  # it was renamed, and the answer was lost: once more from the beginning
        return self._yes(name, answer)

    async def _put(self, client: RawSftp, path: str, data: bytes) -> Answer:
        """From the beginning, or from where an earlier try was cut; the answer to its CLOSE."""
        there = await client.size(path)
        if there and there < len(data) and self._chance.random() < 0.8:
            handle = await client.open(path, GO_ON)
            answers = await client.write_all(handle, data, there)
            self._tally["gone on with"] += all(answer.is_ok for answer in answers)
        else:
            attrs = sized(len(data)) if self._chance.random() < 0.3 else NO_ATTRS
            handle = await client.open(path, NEW, attrs)
            if len(data) > PIECE and self._chance.random() < 0.1:
                await client.write_all(handle, data[: self._chance.randrange(len(data))])
                self._tally["cut by its sender"] += 1
                raise ConnectionResetError
            await client.write_all(handle, data)
        return await client.close(handle)

    def _yes(self, name: str, answer: Answer) -> str | None:
        self._tally["answered OK by SFTP" if answer.is_ok else "answered no by SFTP"] += 1
        if not answer.is_ok:
            return None
        found = answer.sentence.removeprefix("Landed as ").partition(",")[0]
        if len(found) != 32:
            self._wrong.append(f"{name} was answered OK, and not by a receipt: {answer.sentence!r}")
        return found
