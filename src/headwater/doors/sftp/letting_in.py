"""From a connection to a caller: what a client shows over SSH is judged by the gate, factor by factor."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any, Final, Protocol

import asyncssh

from headwater.doors.sftp.algorithms import is_legacy
from headwater.doors.sftp.channel import Channel
from headwater.doors.sftp.transport import Connection
from headwater.errors import HeadwaterError
from headwater.gate.credentials import PASSWORD, SSH_KEY
from headwater.gate.identify import Caller
from headwater.gate.refusals import Why
from headwater.terms import Door
from headwater.web.services import Services

TRIES_MAX: Final = 12
"""How often a connection may show something wrong: clients offer every key that they have."""

_AGREED: Final = ("kex_alg", "recv_cipher", "recv_mac")


class Left(Protocol):
    """What the server wants to know of a visit that is over."""

    def __call__(self, visit: Visit, *, stranger: bool) -> None:
        """`stranger`: it never was let in."""
        ...


class Visit:
    """One connection, from its first byte to its last."""

    def __init__(
        self,
        services: Services,
        peer: str,
        give_place_back: Callable[[], None],
        let_in: Callable[[Visit, Caller], Callable[[], Any]],
        left: Left,
    ) -> None:
        self._services = services
        self._give_place_back = give_place_back
        self._let_in = let_in
        self._left = left
        self._over = False
        self._tried_password = False
        self._offered: dict[str, str] = {}
        self._signed: dict[str, str] = {}
        self._signatures: tuple[str, ...] = ()
        self._shown: dict[str, Caller] = {}
        self._tries = 0
        self._open_channel: Callable[[], Any] | None = None
        self.peer = peer
        self.ssh: Connection
        self.channels: set[Channel] = set()

    def connection(self, loop: asyncio.AbstractEventLoop, options: Any) -> Connection:
        """The SSH connection of this visit."""
        self.ssh = Connection(self, loop, options)
        return self.ssh

    def close(self, sentence: str) -> None:
        """Ends the connection, and says why."""
        self.ssh.disconnect(asyncssh.DISC_BY_APPLICATION, sentence)

    @property
    def client(self) -> str:
        """The client's own words about itself."""
        return str(self.ssh.get_extra_info("client_version") or "")

    @property
    def facts(self) -> dict[str, Any]:
        """What was agreed with the client."""
        return {name: self.ssh.get_extra_info(name) for name in _AGREED if self.ssh.get_extra_info(name)}

    # --- what is shown -----------------------------------------------------------------------------------------------

    def knows_key(self, name: str, key: Any, *, ca: bool) -> bool:
        """Whether a key (or the CA that signed one) is one of this name's; nobody is let in by that yet."""
        line = f"{key.algorithm.decode()} {base64.b64encode(key.public_data).decode()}"
        known = self._services.admission.knows_ssh_key(Door.SFTP, self.peer, name, line, ca=ca, detail=self.client)
        if known:
            self._offered = {"ssh_ca" if ca else "ssh_key": line}
        return known

    def begin(self) -> None:
        """A name is given, or another one: what was shown for the last one counts no more."""
        self._offered, self._signed, self._shown, self._signatures = {}, {}, {}, ()

    def offer(self) -> None:
        """A key is about to be shown."""
        self._offered, self._signed = {}, {}

    def sign(self, signatures: tuple[str, ...]) -> None:
        """The key that was just shown has signed, rightly: `signatures` are the algorithms."""
        self._signed, self._offered, self._signatures = self._offered, {}, signatures

    def has_shown(self, factor: str) -> bool:
        """Whether a factor was shown already, and another one is wanted."""
        return factor in self._shown

    async def knows_password(self, name: str, password: str) -> bool:
        """Whether a password, or a token in its place, is this name's."""
        self._tried_password = True
        self.offer()
        return await self._admit(PASSWORD, basic=(name, password))

    async def is_let_in(self, name: str) -> bool | None:
        """Whether all is shown that this identity must show; None while something is still missing."""
        if self._signed:
            signed, self._signed = self._signed, {}
            if not await self._admit(SSH_KEY, name=name, **signed):
                return False
        caller = self._shown.get(SSH_KEY) or self._shown[PASSWORD]
        if set(caller.identity.factors) - self._shown.keys():
            return None
        if self._is_legacy() and not caller.identity.legacy:
            self._count(Why.LEGACY, caller.name)
            return False
        self._open_channel = self._let_in(self, caller)
        return True

    async def _admit(self, factor: str, **shown: Any) -> bool:
        try:
            caller = await self._services.admission.admit(
                Door.SFTP, self.peer, secure=True, factor=True, detail=self.client, **shown
            )
        except HeadwaterError:
            return False
        self._shown[factor] = caller
        return True

    def _is_legacy(self) -> bool:
        agreed = self.ssh.get_extra_info
        host_key = self.ssh.get_server_host_key()
        return is_legacy(
            str(agreed("kex_alg") or ""),
            str(agreed("recv_cipher") or ""),
            str(agreed("recv_mac") or ""),
            host_key.sig_algorithm.decode() if host_key is not None else "",
            *self._signatures,
        )

    def failed(self) -> bool:
        """One more wrong try; True when they are too many."""
        self._tries += 1
        return self._tries > TRIES_MAX

    def _count(self, why: Why, sender: str = "") -> None:
        self._services.turned_away.count(Door.SFTP, why, sender=sender, address=self.peer, detail=self.client)

    def open_channel(self) -> Any:
        """A channel for who was let in."""
        return False if self._open_channel is None else self._open_channel()

    def hold(self) -> None:
        """The client does not read what it is sent."""
        for channel in self.channels:
            channel.hold(self)

    def let_go(self) -> None:
        """It reads again."""
        for channel in self.channels:
            channel.let_go(self)

    def over(self) -> None:
        """The connection is gone."""
        if self._over:
            return
        self._over = True
        self._give_place_back()
        stranger = self._open_channel is None
        if stranger and self._tries and not self._tried_password:
            self._services.bans.wrong(self.peer)
        elif stranger and not self._tries:
            self._count(Why.NONE_SHOWN)
        self._left(self, stranger=stranger)


class Gatekeeper(asyncssh.SSHServer):
    """What asyncssh asks. Every name is taken to be somebody's: who there is, is not told."""

    _visit: Visit

    def connection_made(self, conn: Any) -> None:
        """Notes whose visit it is."""
        self._visit = conn.visit

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncssh's own
        """It is over."""
        self._visit.over()

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - asyncssh's own
        """Everybody must show something."""
        self._visit.begin()
        return True

    def public_key_auth_supported(self) -> bool:
        """Keys are, until one was shown: a client that is asked for more would offer the others."""
        return not self._visit.has_shown(SSH_KEY)

    def password_auth_supported(self) -> bool:
        """Passwords are, and keyboard-interactive as another way to ask for one."""
        return not self._visit.has_shown(PASSWORD)

    def validate_public_key(self, username: str, key: Any) -> bool:
        """Whether this key would do."""
        return self._visit.knows_key(username, key, ca=False)

    def validate_ca_key(self, username: str, key: Any) -> bool:
        """Whether a certificate signed by this key would do; asyncssh checks that it is made out to the name."""
        return self._visit.knows_key(username, key, ca=True)

    async def validate_password(self, username: str, password: str) -> bool:
        """Whether this password would do."""
        return await self._visit.knows_password(username, password)

    def session_requested(self) -> Any:
        """A channel."""
        return self._visit.open_channel()
