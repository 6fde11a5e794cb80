"""Listening for SSH: who comes is counted, let in by the gate, and given channels; nobody gets anything else."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Final

import asyncssh
import msgspec

from headwater.doors.sftp.algorithms import algorithms, legacy_wanted
from headwater.doors.sftp.channel import Channel
from headwater.doors.sftp.desk import Desk
from headwater.doors.sftp.letting_in import Gatekeeper, Visit
from headwater.doors.sftp.transport import quiet
from headwater.gate.addresses import networks, within
from headwater.gate.identify import Caller
from headwater.gate.refusals import TryLater
from headwater.gate.view import View
from headwater.logs import note
from headwater.terms import Door
from headwater.web.accepting import Acceptor, past_preamble
from headwater.web.services import Services

log = logging.getLogger("headwater.sftp")

LOGIN_SECONDS_MAX: Final = 30
STRANGERS_MAX: Final = 512
"""How many connections may be on their way to a login at once."""

CHANNELS_MAX: Final = 16
"""How many channels one connection may have open."""

KEEPALIVE_SECONDS: Final = 60
IDLE_SECONDS_MAX: Final = 3600.0
SIGN_OF_LIFE_SECONDS: Final = 5.0
"""How often a client whose answer takes long is shown that somebody is there."""

WINDOW_BYTES: Final = (512 * 1024, 16 * 1024 * 1024)
WINDOWS_BYTES_MAX: Final = 256 * 1024 * 1024
"""The smallest and the largest receive window of a channel, and of all together: far partners need large ones."""

PACKET_BYTES: Final = 256 * 1024
_AT_ONCE: Final = 8


class SftpServer:
    """The SFTP door on one bound socket or more, from `start` to `stop`."""

    def __init__(self, services: Services, host_keys: Sequence[bytes], *, trusted_proxies: Sequence[str] = ()) -> None:
        self._services = services
        self._trusted = networks(trusted_proxies)
        self._host_keys = [asyncssh.import_private_key(key) for key in host_keys]
        self._acceptor = Acceptor(self._arrive)
        self._options: dict[bool, asyncssh.SSHServerConnectionOptions] = {}
        self._visits: set[Visit] = set()
        self._strangers = 0
        self._channels: set[Channel] = set()
        self._windows_bytes = 0
        self._digests: dict[tuple[str, str], str] = {}
        self._ticking: asyncio.Task[None] | None = None

    async def start(self, bound: socket.socket) -> None:
        """Begins to accept. The socket belongs to the door from now on."""
        self._acceptor.start(bound, None)
        if self._ticking is None:
            self._ticking = asyncio.create_task(self._tick_for_ever(), name="sftp ticks")

    def refuse_new(self) -> None:
        """Accepts no more; who is here can finish."""
        self._acceptor.stop()

    async def stop(self) -> None:
        """Ends every connection; what was not closed is parked."""
        self.refuse_new()
        for visit in list(self._visits):
            visit.close("The server is stopping.")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5.0):
                while self._visits or self._channels:  # noqa: ASYNC110 - two plain sets
                    await asyncio.sleep(0.02)
        if self._ticking is not None:
            self._ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticking

    # --- arriving ----------------------------------------------------------------------------------------------------

    async def _arrive(self, _: None, accepted: socket.socket, address: str) -> None:
        with ExitStack() as until_taken:
            until_taken.callback(accepted.close)
            try:
                if within(address, self._trusted):
                    async with asyncio.timeout(LOGIN_SECONDS_MAX):
                        address = await past_preamble(accepted) or address
                self._expect_room()
                place = until_taken.enter_context(ExitStack())
                place.enter_context(self._services.limits.connect(address))
                visit = Visit(self._services, address, place.close, self._let_in, self._left)
                loop = asyncio.get_running_loop()
                options = await self._offer()
                ssh = visit.connection(loop, options)
                self._visits.add(visit)
                self._strangers += 1
                until_taken.callback(visit.over)
                await loop.connect_accepted_socket(lambda: ssh, accepted)
                until_taken.pop_all()
            except TryLater as refusal:
                self._services.turned_away.count(Door.SFTP, refusal.reason, address=address)
            except (OSError, ValueError, TimeoutError) as error:
                note(log, "not_taken", level=logging.DEBUG, address=address, error=str(error))

    def _expect_room(self) -> None:
        if self._strangers >= STRANGERS_MAX:
            raise TryLater("too_many", "Too many logins at once.", retry_after_seconds=1)

    async def _offer(self) -> asyncssh.SSHServerConnectionOptions:
        """What is offered to a client before it has said who it is: old algorithms only while somebody needs them."""
        legacy = legacy_wanted(self._services.identities.all(), self._services.clock.now())
        if legacy not in self._options:
            self._options[legacy] = await asyncssh.SSHServerConnectionOptions.construct(
                server_factory=Gatekeeper,
                server_host_keys=self._host_keys,
                server_version="Headwater",
                config=None,
                login_timeout=LOGIN_SECONDS_MAX,
                keepalive_interval=KEEPALIVE_SECONDS,
                send_server_host_keys=True,
                allow_pty=False,
                line_editor=False,
                x11_forwarding=False,
                agent_forwarding=False,
                allow_scp=False,
                gss_host=None,
                encoding=None,
                max_pktsize=PACKET_BYTES,
                **msgspec.structs.asdict(algorithms(legacy=legacy)),
            )
        return self._options[legacy]

    def _left(self, visit: Visit, *, stranger: bool) -> None:
        self._visits.discard(visit)
        if stranger:
            self._strangers -= 1

    def _let_in(self, visit: Visit, caller: Caller) -> Callable[[], Any]:
        """Who was let in gets a desk; returns what opens a channel for it."""
        self._strangers -= 1
        services = self._services
        view = View(caller.identity, services.feeds, services.names, services.underway, services.clock)
        desk = Desk(services, caller, view, visit.client, visit.facts, self._digests)
        desk.note("login", credential=caller.credential, client=visit.client, **visit.facts)
        return lambda: self._channel(visit, desk)

    def _channel(self, visit: Visit, desk: Desk) -> Any:
        if len(visit.channels) >= CHANNELS_MAX:
            return False
        least, most = WINDOW_BYTES
        window = max(least, min(most, (WINDOWS_BYTES_MAX - self._windows_bytes) // _AT_ONCE))
        channel = Channel(desk, lambda ended: self._ended(visit, ended, window))
        self._channels.add(channel)
        self._windows_bytes += window
        visit.channels.add(channel)
        made = visit.ssh.create_server_channel(None, "strict", window, PACKET_BYTES)
        return quiet(made), channel

    def _ended(self, visit: Visit, channel: Channel, window: int) -> None:
        self._channels.discard(channel)
        self._windows_bytes -= window
        visit.channels.discard(channel)

    # --- every few seconds -------------------------------------------------------------------------------------------

    async def _tick_for_ever(self) -> None:
        while True:
            await asyncio.sleep(SIGN_OF_LIFE_SECONDS)
            now = asyncio.get_running_loop().time()
            for channel in list(self._channels):
                if channel.is_busy:
                    channel.show_life()
                elif now - channel.heard_at > IDLE_SECONDS_MAX:
                    channel.close()
