"""A client of SFTP version 3 that sends exactly the packets it is told to, and gives the answers as they come.

It was written from draft-ietf-secsh-filexfer-02 and knows nothing of Headwater's own packets.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

INIT, VERSION, OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT, SETSTAT, FSETSTAT, OPENDIR, READDIR, REMOVE, MKDIR = range(1, 15)
RMDIR, REALPATH, STAT, RENAME = range(15, 19)
STATUS, HANDLE, DATA, NAME, ATTRS = range(101, 106)
EXTENDED, EXTENDED_REPLY = 200, 201

F_READ, F_WRITE, F_APPEND, F_CREAT, F_TRUNC, F_EXCL = 1, 2, 4, 8, 16, 32
OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE = range(5)

BLOCK_BYTES = 32_000


def u32(value: int) -> bytes:
    """A number of 32 bits."""
    return struct.pack(">I", value)


def u64(value: int) -> bytes:
    """A number of 64 bits."""
    return struct.pack(">Q", value)


def text(value: str | bytes) -> bytes:
    """A string with its length before it."""
    data = value.encode() if isinstance(value, str) else value
    return u32(len(data)) + data


def attrs(*, size_bytes: int | None = None, mode: int | None = None, time: int | None = None) -> bytes:
    """Attributes; what is None is not said. The one time stands for both."""
    said = [
        (0x01, b"" if size_bytes is None else u64(size_bytes)),
        (0x04, b"" if mode is None else u32(mode)),
        (0x08, b"" if time is None else u32(time) * 2),
    ]
    return u32(sum(flag for flag, value in said if value)) + b"".join(value for _, value in said)


@dataclass(frozen=True)
class Answer:
    """A packet from the server: its kind, the id of the request it answers, and the rest."""

    kind: int
    id: int
    rest: bytes

    @property
    def code(self) -> int:
        """The code of a STATUS."""
        assert self.kind == STATUS, self
        return int(struct.unpack_from(">I", self.rest)[0])

    @property
    def sentence(self) -> str:
        """The sentence of a STATUS."""
        assert self.kind == STATUS, self
        return self._string(4)[0].decode()

    @property
    def string(self) -> bytes:
        """The string of a HANDLE or of DATA."""
        assert self.kind in {HANDLE, DATA}, self
        return self._string(0)[0]

    @property
    def size_bytes(self) -> int:
        """The size that ATTRS say."""
        return int(self._attrs(0)[0]["size"])

    @property
    def time(self) -> int:
        """The time of the last change that ATTRS say."""
        return int(self._attrs(0)[0]["time"])

    @property
    def names(self) -> dict[str, int]:
        """The names of a NAME with their sizes."""
        assert self.kind == NAME, self
        found: dict[str, int] = {}
        at = 4
        for _ in range(struct.unpack_from(">I", self.rest)[0]):
            name, at = self._string(at)
            _, at = self._string(at)
            known, at = self._attrs(at)
            found[name.decode()] = known.get("size", 0)
        return found

    def _string(self, at: int) -> tuple[bytes, int]:
        end = at + 4 + struct.unpack_from(">I", self.rest, at)[0]
        return self.rest[at + 4 : end], end

    def _attrs(self, at: int) -> tuple[dict[str, int], int]:
        assert self.kind in {ATTRS, NAME}, self
        flags = struct.unpack_from(">I", self.rest, at)[0]
        at += 4
        known: dict[str, int] = {}
        for flag, form, fields in ((1, ">Q", ["size"]), (2, ">II", ["uid", "gid"]), (4, ">I", ["mode"])):
            if flags & flag:
                known |= dict(zip(fields, struct.unpack_from(form, self.rest, at), strict=True))
                at += struct.calcsize(form)
        if flags & 8:
            known["time"] = struct.unpack_from(">II", self.rest, at)[1]
            at += 8
        return known, at


class Raw:
    """One SFTP channel. `send` does not wait; `answer` reads the next packet; `ask` is both."""

    def __init__(self, channel: Any, to_server: Any, from_server: Any) -> None:
        self._channel = channel
        self._to_server = to_server
        self._from_server = from_server
        self._number = 0
        self.version = 0

    async def begin(self, version: int = 3) -> None:
        """INIT with the version that the client would like."""
        self._to_server.write(text(bytes([INIT]) + u32(version)))
        packet = await self._packet()
        assert packet[0] == VERSION
        (self.version,) = struct.unpack_from(">I", packet, 1)

    async def _packet(self) -> bytes:
        (length,) = struct.unpack(">I", await self._from_server.readexactly(4))
        packet: bytes = await self._from_server.readexactly(length)
        return packet

    def send(self, kind: int, *fields: bytes) -> int:
        """One request; gives its id."""
        self._number += 1
        self._to_server.write(text(bytes([kind]) + u32(self._number) + b"".join(fields)))
        return self._number

    async def answer(self) -> Answer:
        """The next answer, to whichever request."""
        packet = await self._packet()
        return Answer(packet[0], struct.unpack_from(">I", packet, 1)[0], packet[5:])

    async def ask(self, kind: int, *fields: bytes) -> Answer:
        """One request and its answer; nothing else may be on its way."""
        number = self.send(kind, *fields)
        answer = await self.answer()
        assert answer.id == number
        return answer

    # --- what most sequences are made of ------------------------------------------------------------------------------

    async def open(self, path: str, flags: int, attributes: bytes = u32(0)) -> bytes:
        """The handle of an OPEN that must go well."""
        return (await self.ask(OPEN, text(path), u32(flags), attributes)).string

    async def write(self, handle: bytes, data: bytes, offset: int = 0) -> None:
        """WRITEs of 32,000 bytes, each sent before the one before is answered; all must go well."""
        sent = [
            self.send(WRITE, text(handle), u64(offset + at), text(data[at : at + BLOCK_BYTES]))
            for at in range(0, len(data), BLOCK_BYTES)
        ]
        for number in sent:
            answer = await self.answer()
            assert (answer.id, answer.code) == (number, OK), answer

    async def close(self, handle: bytes) -> None:
        """A CLOSE that must go well."""
        answer = await self.ask(CLOSE, text(handle))
        assert answer.code == OK, answer.sentence

    async def put(self, path: str, data: bytes, attributes: bytes = u32(0)) -> None:
        """OPEN with WRITE, CREAT and TRUNC, WRITEs and CLOSE."""
        handle = await self.open(path, F_WRITE | F_CREAT | F_TRUNC, attributes)
        await self.write(handle, data)
        await self.close(handle)

    async def size(self, path: str) -> int | None:
        """What STAT says; None for a path where nothing is."""
        answer = await self.ask(STAT, text(path))
        return None if answer.kind == STATUS and answer.code == NO_SUCH_FILE else answer.size_bytes

    async def listed(self, path: str) -> dict[str, int]:
        """What READDIR says, without `.` and `..`."""
        handle = (await self.ask(OPENDIR, text(path))).string
        found: dict[str, int] = {}
        while (answer := await self.ask(READDIR, text(handle))).kind == NAME:
            found |= answer.names
        assert answer.code == EOF
        await self.close(handle)
        return {name: size for name, size in found.items() if name not in {".", ".."}}

    async def run(self, command: str) -> str:
        """What a command says that is run beside it, over the same connection."""
        done = await self._channel.get_connection().run(command, check=True)
        return str(done.stdout)

    def abort(self) -> None:
        """Tears the connection down, with no word to the server."""
        self._channel.get_connection().get_extra_info("socket").shutdown(2)


@contextlib.asynccontextmanager
async def connected(port: int, key: Path, known_hosts: Path, *, version: int = 3) -> AsyncIterator[Raw]:
    """A connection of its own with one SFTP channel; ended in an orderly way."""
    async with asyncssh.connect(
        "127.0.0.1", port, username="first", client_keys=[str(key)], known_hosts=str(known_hosts), config=None
    ) as connection:
        to_server, from_server, _ = await connection.open_session(subsystem="sftp", encoding=None)
        raw = Raw(to_server.channel, to_server, from_server)
        await raw.begin(version)
        yield raw
        to_server.close()
