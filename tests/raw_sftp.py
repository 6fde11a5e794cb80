"""An SFTP client that sends what it is told to, packet by packet, and believes nothing: version 3, written by itself.

`ssh` logs in; `RawSftp.over` opens a session on that. Without SSH, whoever gives `send` moves the bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple, Self

import asyncssh

INIT, VERSION, OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT, SETSTAT, FSETSTAT, OPENDIR, READDIR = range(1, 13)
REMOVE, MKDIR, RMDIR, REALPATH, STAT, RENAME, READLINK, SYMLINK = range(13, 21)
STATUS, HANDLE, DATA, NAME, ATTRS, EXTENDED, EXTENDED_REPLY = 101, 102, 103, 104, 105, 200, 201
OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE, BAD_MESSAGE, OP_UNSUPPORTED = 0, 1, 2, 3, 4, 5, 8

F_READ, F_WRITE, F_APPEND, F_CREAT, F_TRUNC, F_EXCL = 1, 2, 4, 8, 16, 32
NEW = F_WRITE | F_CREAT | F_TRUNC
GO_ON = F_WRITE | F_CREAT

PIECE = 32 * 1024
NO_ATTRS = bytes(4)


def u32(value: int) -> bytes:
    """A number of 32 bits."""
    return struct.pack(">I", value)


def u64(value: int) -> bytes:
    """A number of 64 bits."""
    return struct.pack(">Q", value)


def string(value: str | bytes) -> bytes:
    """A string with its length."""
    data = value if isinstance(value, bytes) else value.encode(errors="surrogateescape")
    return u32(len(data)) + data


def sized(size_bytes: int) -> bytes:
    """Attributes that say a size, as WinSCP sends them with OPEN."""
    return u32(1) + u64(size_bytes)


def packet(kind: int, *fields: bytes) -> bytes:
    """A packet with its length."""
    body = bytes([kind]) + b"".join(fields)
    return u32(len(body)) + body


class Answer(NamedTuple):
    """What came back: its kind, and what follows the id."""

    kind: int
    body: bytes

    @property
    def code(self) -> int:
        """The code of a STATUS."""
        assert self.kind == STATUS, self
        return int(struct.unpack_from(">I", self.body)[0])

    @property
    def sentence(self) -> str:
        """The sentence of a STATUS."""
        return self.string(4).decode() if len(self.body) > 4 else ""

    @property
    def is_ok(self) -> bool:
        """Whether it is a STATUS of OK."""
        return self.kind == STATUS and self.code == OK

    @property
    def size_bytes(self) -> int:
        """The size that ATTRS say."""
        assert self.kind == ATTRS, self
        flags, size = struct.unpack_from(">IQ", self.body)
        assert flags & 1
        return int(size)

    def string(self, at: int = 0) -> bytes:
        """The string that stands at a place of the body."""
        (length,) = struct.unpack_from(">I", self.body, at)
        return self.body[at + 4 : at + 4 + length]


class RawSftp:
    """One session. Every request has its own id; answers are kept until they are asked for."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.raw = send
        self.order: list[int] = []
        self._ids = 0
        self._rest = b""
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._version: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def over(cls, line: asyncssh.SSHClientConnection, **more: Any) -> Self:
        """A session on an SSH connection, greeted."""
        process = await line.create_process(subsystem="sftp", encoding=None, **more)
        client = cls(process.stdin.write)

        async def read() -> None:
            try:
                while data := await process.stdout.read(1 << 18):
                    client.received(data)
            except (OSError, asyncssh.Error):
                pass
            client.lost()

        client._tasks.append(asyncio.create_task(read()))
        await client.greet()
        return client

    def received(self, data: bytes) -> None:
        """Takes what the server sends."""
        self._rest += data
        while len(self._rest) >= 4 and len(self._rest) >= 4 + (length := int.from_bytes(self._rest[:4])):
            body, self._rest = self._rest[4 : 4 + length], self._rest[4 + length :]
            if body[0] == VERSION:
                self._version.set_result(body)
            else:
                number = int.from_bytes(body[1:5])
                self.order.append(number)
                waiting = self._future(number)
                assert not waiting.done(), f"two answers to request {number}"
                waiting.set_result(Answer(body[0], body[5:]))

    def lost(self) -> None:
        """The line is gone: nobody waits any more."""
        if not self._version.done():
            self._version.set_exception(ConnectionResetError())
            self._version.exception()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionResetError())
                waiting.exception()  # nobody may have asked

    def _future(self, number: int) -> asyncio.Future[Answer]:
        if number not in self._waiting:
            self._waiting[number] = asyncio.get_running_loop().create_future()
        return self._waiting[number]

    async def greet(self) -> bytes:
        """INIT; the body of the answer."""
        self.raw(packet(INIT, u32(3)))
        return await asyncio.wait_for(asyncio.shield(self._version), 20)

    def send(self, kind: int, *fields: bytes) -> int:
        """Sends a request and does not wait; its number is asked for by `answer`."""
        self._ids += 1
        self._future(self._ids)
        self.raw(packet(kind, u32(self._ids), *fields))
        return self._ids

    async def answer(self, number: int, seconds_max: float = 30.0) -> Answer:
        """The answer to a request. Raises ConnectionResetError where the line went away before it."""
        try:
            return await asyncio.wait_for(asyncio.shield(self._future(number)), seconds_max)
        finally:
            if self._future(number).done():
                del self._waiting[number]

    async def ask(self, kind: int, *fields: bytes) -> Answer:
        """A request and its answer."""
        return await self.answer(self.send(kind, *fields))

    # --- what clients do ----------------------------------------------------------------------------------------------

    async def open(self, path: str | bytes, flags: int = NEW, attrs: bytes = NO_ATTRS) -> bytes:
        """OPEN; the handle. AssertionError with the sentence where it is refused."""
        answer = await self.ask(OPEN, string(path), u32(flags), attrs)
        assert answer.kind == HANDLE, answer.sentence
        return answer.string()

    async def write(self, handle: bytes, offset: int, data: bytes) -> Answer:
        """WRITE."""
        return await self.ask(WRITE, string(handle), u64(offset), string(data))

    async def write_all(self, handle: bytes, data: bytes, offset: int = 0) -> list[Answer]:
        """All bytes from an offset of theirs on, as OpenSSH does: 64 requests of 32 KiB at once."""
        numbers: list[int] = []
        answers = []
        for at in range(offset, len(data), PIECE):
            numbers.append(self.send(WRITE, string(handle), u64(at), string(data[at : at + PIECE])))
            if len(numbers) == 64:
                answers.append(await self.answer(numbers.pop(0)))
        return answers + [await self.answer(number) for number in numbers]

    async def close(self, handle: bytes) -> Answer:
        """CLOSE."""
        return await self.ask(CLOSE, string(handle))

    async def put(self, path: str | bytes, data: bytes, flags: int = NEW, attrs: bytes = NO_ATTRS) -> Answer:
        """A whole file; the answer to its CLOSE."""
        handle = await self.open(path, flags, attrs)
        await self.write_all(handle, data)
        return await self.close(handle)

    async def put_refused(self, path: str | bytes, data: bytes, flags: int = NEW, attrs: bytes = NO_ATTRS) -> Answer:
        """The answer that says no to a whole file: to its OPEN, its WRITE or its CLOSE."""
        answer = await self.ask(OPEN, string(path), u32(flags), attrs)
        if answer.kind == HANDLE:
            handle = answer.string()
            answer, closed = await self.write(handle, 0, data), await self.close(handle)
            answer = closed if answer.is_ok else answer
        assert not answer.is_ok
        return answer

    async def size(self, path: str | bytes) -> int | None:
        """What STAT says of a path; None where there is nothing."""
        answer = await self.ask(STAT, string(path))
        return None if answer.kind == STATUS else answer.size_bytes

    async def read_all(self, path: str | bytes) -> bytes:
        """The bytes of a file."""
        handle, data = await self.open(path, F_READ), b""
        while (answer := await self.ask(READ, string(handle), u64(len(data)), u32(PIECE))).kind == DATA:
            data += answer.string()
        assert answer.code == EOF, answer
        await self.close(handle)
        return data

    async def rename(self, old: str, new: str) -> Answer:
        """RENAME."""
        return await self.ask(RENAME, string(old), string(new))


@contextlib.asynccontextmanager
async def ssh(
    port: int, name: str = "first", *, password: str = "", keys: Any = (), **more: Any
) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """An SSH connection to 127.0.0.1, logged in; aborted at the end, as lines are that nobody closes."""
    options = {"known_hosts": None, "config": None, "agent_path": None, "client_keys": keys or None, **more}
    line = await asyncssh.connect("127.0.0.1", port, username=name, password=password or None, **options)
    try:
        yield line
    finally:
        line.abort()
        await line.wait_closed()
