"""One channel of a connection: a session of SFTP, of scp, or one command; never a shell."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

import asyncssh

from headwater.doors.sftp import scp
from headwater.doors.sftp.commands import run
from headwater.doors.sftp.desk import Desk
from headwater.doors.sftp.packets import Packets
from headwater.doors.sftp.session import Sftp

log = logging.getLogger("headwater.sftp")

_NO_SHELL: Final = b"This is a landing zone: use sftp or scp. There is no shell here.\n"
_STDERR: Final = asyncssh.EXTENDED_DATA_STDERR


class Channel(asyncssh.SSHServerSession[bytes]):
    """Made when a client opens a channel. `ended` is told when it is over, with everything that came done."""

    def __init__(self, desk: Desk, ended: Callable[[Channel], None]) -> None:
        self._desk = desk
        self._ended = ended
        self._channel: Any = None
        self._packets: Packets | None = None
        self._scp: scp.Scp | None = None
        self._task: asyncio.Task[None] | None = None
        self._holders: set[object] = set()
        self._room = asyncio.Event()
        self._room.set()
        self.heard_at = asyncio.get_running_loop().time()

    @property
    def is_busy(self) -> bool:
        """Whether the client waits for an answer."""
        if self._packets is not None:
            return self._packets.is_busy
        return self._task is not None and not self._task.done()

    def show_life(self) -> None:
        """Shows a client that waits that somebody is there."""
        if not self._channel.is_closing():
            self._channel.get_connection().show_life()

    def close(self) -> None:
        """Ends it."""
        self._channel.close()

    def connection_made(self, chan: Any) -> None:
        """The channel is open."""
        self._channel = chan

    def shell_requested(self) -> bool:
        """Nobody gets a shell, but a sentence."""
        self._start(self._say_no)
        return True

    def subsystem_requested(self, subsystem: str) -> bool:
        """SFTP is the only one."""
        if subsystem != "sftp":
            return False
        self._packets = Packets(Sftp(self._desk), _Line(self._channel), self._room)
        return True

    def exec_requested(self, command: str) -> bool:
        """scp, or one of the few commands that there are."""
        asked = scp.asked(command)
        if asked is not None:
            self._scp = scp.Scp(self._desk, asked, self._channel, self._room)
            self._start(self._run_scp)
        else:
            self._start(lambda: self._run(command))
        return True

    def data_received(self, data: bytes, datatype: int | None) -> None:  # noqa: ARG002 - asyncssh's own
        """Bytes of the client."""
        self.heard_at = asyncio.get_running_loop().time()
        if self._packets is not None:
            self._packets.data(data)
        elif self._scp is not None:
            self._scp.data(data)

    def eof_received(self) -> bool:
        """The client sends no more; its answers are still on their way, and then it waits for our end."""
        if self._scp is not None:
            self._scp.eof()
        if self._packets is not None:
            self._start(self._take_leave)
        return True

    async def _take_leave(self) -> None:
        if self._packets is not None:
            await self._packets.settled()
        self._finish(0, b"", b"")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncssh's own
        """The channel is gone."""
        if self._scp is not None:
            self._scp.gone()
        asyncio.ensure_future(self._end()).add_done_callback(lambda _: self._ended(self))

    def pause_writing(self) -> None:
        """The client does not read this channel."""
        self.hold(self._channel)

    def resume_writing(self) -> None:
        """It reads again."""
        self.let_go(self._channel)

    def hold(self, holder: object) -> None:
        """Does nothing more for a client that does not read, until every holder has let go."""
        self._holders.add(holder)
        self._room.clear()

    def let_go(self, holder: object) -> None:
        """The client reads again, as far as this holder sees."""
        self._holders.discard(holder)
        if not self._holders:
            self._room.set()

    async def _end(self) -> None:
        if self._packets is not None:
            await self._packets.end()
        if self._task is not None:
            await asyncio.wait([self._task])

    # --- commands ----------------------------------------------------------------------------------------------------

    def _start(self, work: Callable[[], Any]) -> None:
        self._task = asyncio.ensure_future(self._guarded(work))

    async def _guarded(self, work: Callable[[], Any]) -> None:
        try:
            await work()
        except Exception:  # whatever it is, its client is not left waiting
            log.exception("fault", extra={"facts": {"door": "sftp"}})
            self._finish(1, b"", b"A fault of ours; it is in the log of the server.\n")

    async def _say_no(self) -> None:
        self._finish(1, b"", _NO_SHELL)

    async def _run(self, command: str) -> None:
        said = await run(self._desk, command)
        self._finish(said.code, said.out, said.err)

    async def _run_scp(self) -> None:
        if self._scp is not None:
            self._finish(await self._scp.run(), b"", b"")

    def _finish(self, code: int, out: bytes, err: bytes) -> None:
        if self._channel.is_closing():
            return
        if err:
            self._channel.write(err, _STDERR)
        if out:
            self._channel.write(out)
        self._channel.exit(code)


class _Line:
    """The channel as `packets.Line`: what is written to a channel that is gone goes nowhere."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel

    def write(self, data: bytes) -> None:
        if not self._channel.is_closing():
            self._channel.write(data)

    def pause_reading(self) -> None:
        self._channel.pause_reading()

    def resume_reading(self) -> None:
        if not self._channel.is_closing():
            self._channel.resume_reading()

    def close(self) -> None:
        self._channel.close()
