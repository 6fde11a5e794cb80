"""SFTP over one channel: bytes into requests, requests into answers, and no more of either than fits."""

from __future__ import annotations

import asyncio
from collections import deque
from struct import Struct
from typing import Final, Protocol

from headwater.doors.sftp import wire
from headwater.doors.sftp.session import EXTENSIONS, Sftp
from headwater.doors.sftp.wire import BadPacket, Kind, Request
from headwater.errors import HeadwaterError

QUEUED_BYTES_MAX: Final = 1024 * 1024
QUEUED_REQUESTS_MAX: Final = 1024
"""How much may wait for its turn before the client is not read from any more."""

_LENGTH: Final = Struct(">I")
_WRITE: Final = Struct(">II4sQI")  # id, length and value of a handle of ours, offset, length of the data


class Line(Protocol):
    """The channel, as packets need it."""

    def write(self, data: bytes) -> None:
        """Sends bytes; never waits."""
        ...

    def pause_reading(self) -> None:
        """Takes no more for now."""
        ...

    def resume_reading(self) -> None:
        """Goes on."""
        ...

    def close(self) -> None:
        """Ends the channel."""
        ...


class Packets:
    """`data` takes what comes, in any pieces; answers go out by `line`, in the order of the requests. Nothing is done
    without `room`: then the client does not read.
    """

    def __init__(self, sftp: Sftp, line: Line, room: asyncio.Event) -> None:
        self._sftp = sftp
        self._line = line
        self._pieces: list[bytes] = []
        self._have_bytes = 0
        self._need_bytes = 4
        self._begun = False
        self._queue: deque[Request | bytes] = deque()
        self._queued_bytes = 0
        self._worker: asyncio.Task[None] | None = None
        self._paused = False
        self._room = room
        self._over = False

    @property
    def is_busy(self) -> bool:
        """Whether the client waits for an answer."""
        return self._worker is not None or self._sftp.is_landing

    # --- in ----------------------------------------------------------------------------------------------------------

    def data(self, data: bytes) -> None:
        """Takes bytes from the client. Ends the channel at what is no SFTP."""
        if self._over:
            return
        self._pieces.append(data)
        self._have_bytes += len(data)
        if self._have_bytes < self._need_bytes:
            return
        whole = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        try:
            at, answers = self._take_all(whole)
        except BadPacket:
            self._over = True
            self._line.close()
            return
        rest = whole[at:]
        self._pieces, self._have_bytes = [rest] if rest else [], len(rest)
        if answers:
            self._line.write(b"".join(answers))
        if self._queued_bytes > QUEUED_BYTES_MAX or len(self._queue) > QUEUED_REQUESTS_MAX:
            self._pause()

    def _take_all(self, whole: bytes) -> tuple[int, list[bytes]]:
        at, answers = 0, list[bytes]()
        while len(whole) - at >= 4:  # noqa: PLR2004 - the length itself
            (length,) = _LENGTH.unpack_from(whole, at)
            if not 0 < length <= wire.PACKET_BYTES_MAX:
                raise BadPacket("a packet of that length")
            if len(whole) - at < 4 + length:
                self._need_bytes = 4 + length
                return at, answers
            begin, at = at + 4, at + 4 + length
            if whole[begin] == Kind.WRITE and self._begun and self._worker is None and self._room.is_set():
                if (answer := self._take_write(whole, begin, at)) is not None:
                    answers.append(answer)
            else:
                self._queue_packet(whole[begin:at])
        self._need_bytes = 4
        return at, answers

    def _take_write(self, whole: bytes, begin: int, end: int) -> bytes | None:
        """A WRITE whose answer need not wait: what nearly all packets are."""
        data_at = begin + 1 + _WRITE.size
        if end < data_at:
            self._queue_packet(whole[begin:end])
            return None
        id_, handle_length, handle, offset, length = _WRITE.unpack_from(whole, begin + 1)
        if handle_length != len(handle) or data_at + length != end:
            self._queue_packet(whole[begin:end])
            return None
        data = whole[data_at:end]
        try:
            file = self._sftp.take(handle, offset, data)
        except HeadwaterError:
            file = None
            self._queue_packet(whole[begin:end])  # it is refused in its turn, with its sentence
            return None
        if file is None:
            return wire.ok(id_)
        if file.upload is None:
            self._queue_packet(whole[begin:end])
        else:
            self._start(self._flush(file, id_))
        return None

    async def _flush(self, file: object, id_: int) -> None:
        request = Request(Kind.WRITE, id_)
        try:
            await self._sftp.flush(file)  # type: ignore[arg-type]
        except Exception as error:  # noqa: BLE001 - whatever it is, its client gets an answer
            self._answer(self._sftp.refusal(request, error))
        else:
            self._answer(wire.ok(id_))
        await self._work()

    def _queue_packet(self, packet: bytes) -> None:
        self._queue.append(packet)
        self._queued_bytes += len(packet)
        if self._worker is None:
            self._start(self._work())

    def _start(self, work: object) -> None:
        self._worker = asyncio.create_task(work)  # type: ignore[arg-type]

    # --- in turn -----------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        try:
            while self._queue:
                await self._room.wait()
                packet = self._queue.popleft()
                self._queued_bytes -= len(packet)  # type: ignore[arg-type]
                await self._one(packet)  # type: ignore[arg-type]
                if self._paused and self._queued_bytes < QUEUED_BYTES_MAX // 2:
                    self._paused = False
                    self._line.resume_reading()
        finally:
            self._worker = None
            if self._paused and not self._over:
                self._paused = False
                self._line.resume_reading()

    async def _one(self, packet: bytes) -> None:
        if not self._begun:
            self._begin(packet)
            return
        try:
            request = wire.decode(packet)
        except BadPacket as error:
            id_ = int.from_bytes(packet[1:5], "big") if len(packet) >= 5 else 0  # noqa: PLR2004 - kind and id
            self._answer(wire.status(id_, wire.Code.BAD_MESSAGE, f"The packet cannot be read: {error}."))
            return
        answer = await self._sftp.answer(request, self._answer)
        if answer is not None:
            self._answer(answer)
        await self._sftp.go_on()

    def _begin(self, packet: bytes) -> None:
        try:
            wire.version_of(packet)
        except BadPacket:
            self._over = True
            self._line.close()
            return
        self._begun = True
        self._answer(wire.version(EXTENSIONS))

    # --- out ---------------------------------------------------------------------------------------------------------

    def _answer(self, data: bytes) -> None:
        if not self._over:
            self._line.write(data)

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self._line.pause_reading()

    async def settled(self) -> None:
        """Waits until everything that came is done and answered."""
        while self._worker is not None:
            await asyncio.wait([self._worker])
        await self._sftp.settled()

    async def end(self) -> None:
        """The channel is gone. What came whole before is done, in its order: a CLOSE that came is an end."""
        self._over = True
        self._room.set()
        self._sftp.gone()
        await self.settled()
        await self._sftp.end()
