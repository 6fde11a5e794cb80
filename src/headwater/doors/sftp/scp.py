r"""The legacy protocol of scp (`scp -t`, `scp -f`): files pushed and fetched over one channel, byte for byte.

There is no specification; it is what rcp spoke: a message `C0644 1234 name\n`, then as many bytes, then a zero, each
answered by a zero, or by 1 or 2 and a sentence. A file's size is said before its bytes, and so proves it whole.
"""

from __future__ import annotations

import asyncio
import re
import shlex
from collections import deque
from typing import Any, Final, NamedTuple

from headwater.doors.sftp.desk import Desk
from headwater.doors.sftp.reading import opened
from headwater.doors.sftp.wire import DATA_BYTES_MAX, Attrs, Flags
from headwater.doors.sftp.writing import Writing
from headwater.errors import HeadwaterError, Misconfigured, Refused
from headwater.gate.view import Kind, split

LINE_BYTES_MAX: Final = 8192
DEPTH_MAX: Final = 64
_HELD_BYTES_MAX: Final = 1024 * 1024
_FILE: Final = re.compile(rb"C([0-7]{1,6}) ([0-9]{1,19}) (.+)", re.DOTALL)
_FOLDER: Final = re.compile(rb"D([0-7]{1,6}) [0-9]{1,19} (.+)", re.DOTALL)
_TIMES: Final = re.compile(rb"T([0-9]{1,11}) [0-9]{1,6} ([0-9]{1,11}) [0-9]{1,6}")
_OK: Final = b"\0"


class Asked(NamedTuple):
    """What a command line asks: to take (`-t`) or to send (`-f`) at a path."""

    takes: bool
    path: str
    recursive: bool
    keep_times: bool
    into_folder: bool


class _Gone(Exception):
    """The client is gone, or has sent all."""


def asked(command: str) -> Asked | None:
    """What a command asks if it is scp's own; None for any other."""
    try:
        name, *words = shlex.split(command)
    except ValueError:
        return None
    if name.rpartition("/")[2] != "scp":
        return None
    flags = "".join(word[1:] for word in words if word.startswith("-") and word != "--")
    paths = [word for word in words if not word.startswith("-")]
    if ("t" in flags) == ("f" in flags) or len(paths) > 1:
        return None
    return Asked("t" in flags, paths[0] if paths else ".", "r" in flags, "p" in flags, "d" in flags)


class Scp:
    """One command `scp -t` or `scp -f`."""

    def __init__(self, desk: Desk, asked: Asked, channel: Any, room: asyncio.Event) -> None:
        self._desk = desk
        self._asked = asked
        self._channel = channel
        self._room = room
        self._pieces: deque[bytes] = deque()
        self._held_bytes = 0
        self._news = asyncio.Event()
        self._over = False
        self._gone = False
        self._failed = 0

    # --- bytes in ----------------------------------------------------------------------------------------------------

    def data(self, data: bytes) -> None:
        """Bytes of the client; more than 1 MiB waits with it."""
        self._pieces.append(data)
        self._held_bytes += len(data)
        self._news.set()
        if self._held_bytes > _HELD_BYTES_MAX:
            self._channel.pause_reading()

    def eof(self) -> None:
        """It sends no more."""
        self._over = True
        self._news.set()

    def gone(self) -> None:
        """It is gone."""
        self._over = self._gone = True
        self._news.set()
        self._room.set()

    async def _some(self, size_bytes_max: int) -> bytes:
        while not self._pieces:
            if self._over:
                raise _Gone
            self._news.clear()
            await self._news.wait()
        piece = self._pieces.popleft()
        if len(piece) > size_bytes_max:
            self._pieces.appendleft(piece[size_bytes_max:])
            piece = piece[:size_bytes_max]
        self._held_bytes -= len(piece)
        if self._held_bytes <= _HELD_BYTES_MAX // 2 and not self._gone:
            self._channel.resume_reading()
        return piece

    async def _line(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            if len(line) > LINE_BYTES_MAX:
                raise Refused("bad_request", "A line of scp is too long.")
            line += await self._some(1)
        return line[:-1]

    # --- the command -------------------------------------------------------------------------------------------------

    async def run(self) -> int:
        """Serves it to its end; returns the exit status. Raises nothing."""
        try:
            if self._asked.takes:
                await self._take_all()
            else:
                await self._send()
        except _Gone:
            pass
        except HeadwaterError as error:
            self._refuse(error, fatal=True)
        return 1 if self._failed else 0

    def _refuse(self, error: HeadwaterError, *, fatal: bool = False) -> None:
        self._failed += 1
        if not self._gone:
            sentence = error.sentence.replace("\n", " ")
            self._channel.write((b"\2" if fatal else b"\1") + f"scp: {sentence}\n".encode(errors="backslashreplace"))

    async def _take_all(self) -> None:
        whole = self._desk.view.whole(self._asked.path)
        node = await self._desk.view.look(whole)
        is_folder = node is not None and node.kind is Kind.FOLDER
        if self._asked.into_folder and not is_folder:
            raise Refused("not_found", f"There is no folder {self._asked.path}.")
        folders, times = [whole], None
        self._channel.write(_OK)
        while True:
            line = await self._line()
            if found := _TIMES.fullmatch(line):
                times = int(found[2]), int(found[1])
                self._channel.write(_OK)
            elif found := _FOLDER.fullmatch(line):
                if not self._asked.recursive or len(folders) > DEPTH_MAX:
                    raise Refused("bad_request", "A folder is sent with -r alone, and not so deep.")
                folders.append(_within(folders[-1], found[2]) if is_folder or len(folders) > 1 else whole)
                self._channel.write(_OK)
            elif line == b"E" and len(folders) > 1:
                folders.pop()
                self._channel.write(_OK)
            elif found := _FILE.fullmatch(line):
                target = _within(folders[-1], found[3]) if is_folder or len(folders) > 1 else whole
                await self._take(target, int(found[1], 8), int(found[2]), times)
                times = None
            else:
                raise Refused("bad_request", "That is no line of scp.")

    async def _take(self, whole: str, mode: int, size_bytes: int, times: tuple[int, int] | None) -> None:
        """One file. Without its closing zero it is not whole, though all its bytes came."""
        attrs = Attrs(size_bytes=size_bytes, mode=mode, times=times)
        try:
            file = await Writing.opened(self._desk, whole, Flags.WRITE | Flags.CREAT | Flags.TRUNC, attrs)
            await file.prepare()
            if file.failure is not None:
                await file.cut()
                raise file.failure
        except HeadwaterError as error:
            self._refuse(error)  # an answer other than zero to its line: the client does not send it
            return
        try:
            self._channel.write(_OK)
            await self._take_bytes(file, size_bytes)
            end = await self._some(1)
            if end != _OK:
                file.fail(Refused("changed_while_read", "The client says that it could not read the file whole."))
        except BaseException:
            await file.cut()
            raise
        try:
            await file.close()
        except HeadwaterError as error:
            self._refuse(error)
        except Exception as error:
            self._refuse(Misconfigured("It is in the log of the server.", "internal"))
            raise error from None
        else:
            self._channel.write(_OK)

    async def _take_bytes(self, file: Writing, size_bytes: int) -> None:
        offset = 0
        while offset < size_bytes:
            piece = await self._some(size_bytes - offset)
            if file.failure is None:
                try:
                    if file.take(offset, piece):
                        await file.flush()
                except HeadwaterError as error:
                    file.fail(error)  # its bytes are taken in, and its end is refused
            offset += len(piece)

    async def _send(self) -> None:
        """One file of the sender's own."""
        whole = self._desk.view.whole(self._asked.path)
        node = await self._desk.view.look(whole)
        if node is not None and node.kind is Kind.FOLDER:
            raise Refused("unsupported", f"{self._asked.path} is a folder; fetch its files one by one, or use sftp.")
        file = await opened(self._desk, whole)
        try:
            await self._expect_ok()
            if self._asked.keep_times and node is not None:
                self._channel.write(f"T{node.changed_at} 0 {node.changed_at} 0\n".encode())
                await self._expect_ok()
            name = split(whole)[1].encode(errors="surrogateescape")
            self._channel.write(b"C0644 %d %s\n" % (file.size_bytes, name))
            await self._expect_ok()
            offset = 0
            while data := await file.read(offset, DATA_BYTES_MAX):
                offset += len(data)
                self._channel.write(data)
                await self._room.wait()
                if self._gone:
                    raise _Gone
            self._channel.write(_OK)
            await self._expect_ok()
        finally:
            await file.close()

    async def _expect_ok(self) -> None:
        if await self._some(1) != _OK:
            raise _Gone


def _within(folder: str, name: bytes) -> str:
    text = name.decode(errors="surrogateescape")
    if text in {"", ".", ".."} or "/" in text or "\0" in text:
        raise Refused("bad_name", "A name of scp is one name, and no path.")
    return f"{folder.rstrip('/')}/{text}"
