"""The recovery key: made once, kept off the machine. It opens the books' backups, and signs where a log's key is lost.

One secret of 32 bytes; an X25519 key (for backups) and an Ed25519 key (for signatures) are derived from it by HKDF
(RFC 5869) with SHA-256. `docs/format.md` has the formats.
"""

from __future__ import annotations

import base64
from hashlib import sha256

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from headwater.errors import Misconfigured
from headwater.ledger.note import Signer, decode_base64, encode_base64

KEY_BYTES = 32
_CHECK_BYTES = 3  # with the secret 35 bytes: 56 characters of base32, without padding
_SECRET_PREFIX = "HEADWATER-RECOVERY-KEY-"  # noqa: S105 - the format's marker
_PUBLIC_PREFIX = "headwater-recovery+"
_ABOUT = """\
# Headwater's recovery key. Whoever has it can read the backups of the books and close the zone's ledger.
# Keep it off the machine, on paper or in a safe; then run: headwater keys confirm-recovery
"""


class RecoveryPublic(msgspec.Struct, frozen=True):
    """What stays on the machine: `exchange` seals backups (X25519), `signing` checks signatures (Ed25519)."""

    exchange: bytes
    signing: bytes

    def __str__(self) -> str:
        return _PUBLIC_PREFIX + encode_base64(self.exchange + self.signing)

    @classmethod
    def parse(cls, text: str) -> RecoveryPublic:
        """Reads what `str` gives. Raises Misconfigured for anything else."""
        try:
            data = decode_base64(text.strip().removeprefix(_PUBLIC_PREFIX))
        except ValueError:
            data = b""
        if not text.startswith(_PUBLIC_PREFIX) or len(data) != 2 * KEY_BYTES:
            raise Misconfigured("This is not the public part of a recovery key. It stands in keys/recovery.pub.")
        return cls(data[:KEY_BYTES], data[KEY_BYTES:])

    @property
    def fingerprint(self) -> str:
        """What people and backups name the key by: `SHA256:…`."""
        return "SHA256:" + encode_base64(sha256(self.exchange + self.signing).digest()).rstrip("=")


class RecoveryKey:
    """The secret itself. Shows nothing of it in its `repr`."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    @classmethod
    def generate(cls) -> RecoveryKey:
        """A new key from the operating system's randomness."""
        return cls(Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> RecoveryKey:
        """Reads what `text` gives, without regard to case, spaces and comment lines: it may come from paper.

        Raises Misconfigured, without a word of it, for anything else and for a slip in it.
        """
        lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
        word = "".join("".join(lines).split()).upper()
        try:
            data = base64.b32decode(word.removeprefix(_SECRET_PREFIX))
        except ValueError:
            data = b""
        secret = data[:KEY_BYTES]
        if not word.startswith(_SECRET_PREFIX) or data != secret + _check(secret) or len(secret) != KEY_BYTES:
            raise Misconfigured("This is not a recovery key, or a character of it is wrong.")
        return cls(secret)

    def text(self) -> str:
        """The file to be kept: two lines that say what it is, and the key."""
        word = base64.b32encode(self._secret + _check(self._secret)).decode()
        return f"{_ABOUT}{_SECRET_PREFIX}{word}\n"

    @property
    def public(self) -> RecoveryPublic:
        """What may stay on the machine."""
        signing = Ed25519PrivateKey.from_private_bytes(self._derived(b"signing"))
        return RecoveryPublic(self.exchange.public_key().public_bytes_raw(), signing.public_key().public_bytes_raw())

    @property
    def exchange(self) -> X25519PrivateKey:
        """The key that opens backups."""
        return X25519PrivateKey.from_private_bytes(self._derived(b"exchange"))

    def signer(self, name: str) -> Signer:
        """The key as a signer of notes under this name."""
        return Signer(name, Ed25519PrivateKey.from_private_bytes(self._derived(b"signing")))

    def _derived(self, purpose: bytes) -> bytes:
        info = b"headwater recovery 1 " + purpose
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(self._secret)


def _check(secret: bytes) -> bytes:
    return sha256(secret).digest()[:_CHECK_BYTES]
