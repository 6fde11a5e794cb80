"""The SSH connection: asyncssh's, quicker where a gigabyte passes through, and with the gate's last word on who is in.

Three things cost asyncssh 2.24 most of a large transfer, and are replaced here for one connection at a time, once it is
let in: its input buffer (each packet copies all that waits behind it), its ChaCha20-Poly1305 (three cipher contexts a
packet) and the log lines that are made for every packet and thrown away.
"""

from __future__ import annotations

import asyncio
import hmac
from typing import Any, Protocol, Self

import asyncssh
from asyncssh.encryption import ChachaEncryption
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from cryptography.hazmat.primitives.poly1305 import Poly1305

from headwater.doors.sftp.algorithms import made_out_to, signed_with

UNREAD_BYTES_MAX = 1024 * 1024
"""How much may be on its way to a client that does not read."""

_IGNORE = 2
_NOTHING = (bytes(4),)
_BLOCK = bytes(64)
_KEY_BYTES, _COUNTER = 32, bytes(8)


class Welcome(Protocol):
    """Who says whether a right credential is enough."""

    async def is_let_in(self, name: str) -> bool | None:
        """True: let in; None: something is still missing; False: refused."""
        ...

    def offer(self) -> None:
        """A key is about to be shown."""
        ...

    def sign(self, signatures: tuple[str, ...]) -> None:
        """The key that was just shown has signed, rightly."""
        ...

    def failed(self) -> bool:
        """One more wrong try; True when they are too many."""
        ...

    def hold(self) -> None:
        """The client does not read what it is sent: nothing more is done for it."""
        ...

    def let_go(self) -> None:
        """It reads again."""
        ...


class Connection(asyncssh.SSHServerConnection):
    """One connection. `visit` is whoever it was made for."""

    def __init__(self, visit: Welcome, loop: asyncio.AbstractEventLoop, options: Any) -> None:
        super().__init__(loop, options)
        self.visit = visit
        self._line: Any = None

    def connection_made(self, transport: Any) -> None:
        """The line stands."""
        transport.set_write_buffer_limits(UNREAD_BYTES_MAX)
        self._line = transport
        super().connection_made(transport)

    def pause_writing(self) -> None:
        """The client does not read. asyncssh would go on and keep all for it, within a window that the client chose."""
        self._line.pause_reading()
        self.visit.hold()

    def resume_writing(self) -> None:
        """It reads again."""
        if not self._line.is_closing():
            self._line.resume_reading()
        self.visit.let_go()

    def send_packet(self, pkttype: int, *args: bytes, handler: Any = None) -> None:
        """Sends a packet. Of those that say nothing asyncssh puts one before each, against an attack on CBC alone; here
        they go out where a cipher is of that kind, and where somebody is to be shown that we live.
        """
        if pkttype == _IGNORE and args == _NOTHING and not self.get_extra_info("send_cipher", "").endswith("-cbc"):
            return
        super().send_packet(pkttype, *args, handler=handler)

    def show_life(self) -> None:
        """Shows a client that waits for an answer that somebody is there (RFC 4253 §11.2)."""
        self.send_packet(_IGNORE, b"\0\0\0\1.")

    def send_newkeys(self, k: bytes, h: bytes) -> None:
        """Notes by which key exchange, which asyncssh forgets, and puts in quicker ciphers."""
        if self._kex is not None:
            self.set_extra_info(kex_alg=self._kex.algorithm.decode("ascii"))
        super().send_newkeys(k, h)
        for encryption in (self._send_encryption, self._next_recv_encryption):
            if isinstance(encryption, ChachaEncryption):
                encryption._cipher = ChaCha(encryption._cipher)  # type: ignore[assignment]  # noqa: SLF001

    async def validate_public_key(self, username: str, key_data: bytes, msg: bytes, signature: bytes) -> bool:
        """Whether a key is one of this name's and, where it signed, signed rightly. See `algorithms` for what asyncssh
        lets pass: certificates made out to nobody, and signatures that nobody offered.
        """
        self.visit.offer()
        principals = made_out_to(key_data)
        if principals is not None and not principals:
            return False
        if not await super().validate_public_key(username, key_data, msg, signature):
            return False
        if msg:
            self.visit.sign(signed_with(key_data, signature))
        return True

    async def send_userauth_success(self) -> None:
        """Lets in, asks for what is still missing, or refuses."""
        let_in = await self.visit.is_let_in(self._username)
        if let_in:
            self._inpbuf = Buffer(self._inpbuf)  # type: ignore[assignment]
            await super().send_userauth_success()
        else:
            self.send_userauth_failure(let_in is None)

    def send_userauth_failure(self, partial_success: bool) -> None:  # noqa: FBT001 - asyncssh's own
        """Refuses, and at last ends it."""
        if not partial_success and self.visit.failed():
            self.disconnect(asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE, "Too many wrong credentials.")
        else:
            super().send_userauth_failure(partial_success)

    def log_received_packet(self, *_: Any, **__: Any) -> None:
        """Nobody reads them."""

    def log_sent_packet(self, *_: Any, **__: Any) -> None:
        """Nobody reads them."""


def quiet(channel: Any) -> Any:
    """The channel, without its log lines for each packet."""
    channel.log_received_packet = channel.log_sent_packet = _say_nothing
    return channel


def _say_nothing(*_: Any, **__: Any) -> None:
    return


class Buffer:
    """Bytes that wait, as asyncssh handles them: `buffer[n:]` takes the first n off, in place and without a copy."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = bytes(data)
        self._at = 0

    def __len__(self) -> int:
        return len(self._data) - self._at

    def __iadd__(self, more: bytes) -> Self:
        self._data = more if self._at == len(self._data) else self._data[self._at :] + more
        self._at = 0
        return self

    def __getitem__(self, part: slice) -> Any:
        start, stop = part.start or 0, part.stop
        if stop is None:
            self._at = min(self._at + start, len(self._data))
            return self
        return self._data[self._at + start : self._at + stop]


class ChaCha:
    """chacha20-poly1305@openssh.com (PROTOCOL.chacha20poly1305 of OpenSSH) with one context for each of its two keys.

    The first block of a packet's key stream gives the key of its tag, the following ones hide its payload: both come
    from one run of the cipher.
    """

    def __init__(self, asyncsshs: Any) -> None:
        self._payload = _context(asyncsshs._key)  # noqa: SLF001
        self._length = _context(asyncsshs._adkey)  # noqa: SLF001

    def encrypt_and_sign(self, header: bytes, data: bytes, nonce: bytes) -> tuple[bytes, bytes]:
        """The packet hidden, and its tag."""
        header = self.decrypt_header(header, nonce)
        key = self._tag_key(nonce)
        hidden = header + self._payload.update(data)
        return hidden, Poly1305.generate_tag(key, hidden)

    def decrypt_header(self, header: bytes, nonce: bytes) -> bytes:
        """The length, which has a key of its own."""
        self._length.reset_nonce(_COUNTER + nonce)
        return self._length.update(header)

    def verify_and_decrypt(self, header: bytes, data: bytes, nonce: bytes, tag: bytes) -> bytes | None:
        """The packet, if its tag is right."""
        right = Poly1305.generate_tag(self._tag_key(nonce), header + data)
        return self._payload.update(data) if hmac.compare_digest(right, tag) else None

    def _tag_key(self, nonce: bytes) -> bytes:
        self._payload.reset_nonce(_COUNTER + nonce)
        return self._payload.update(_BLOCK)[:_KEY_BYTES]


def _context(key: bytes) -> CipherContext:
    return Cipher(ChaCha20(key, bytes(16)), mode=None).encryptor()
