"""Which algorithms of SSH are spoken, the best first, and which were given up as weak: for a sender who is marked so.

What is taken of these is the client's choice, in its order (RFC 4253 §7.1); the lists here decide what can be taken at
all. Who a client is turns out after the algorithms were agreed on: so the old ones are offered while some sender may
use them, and `is_legacy` tells a door whom to turn away for having taken one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec
from asyncssh import KeyImportError
from asyncssh.compression import get_compression_algs
from asyncssh.encryption import get_encryption_algs
from asyncssh.kex import get_kex_algs
from asyncssh.mac import get_mac_algs
from asyncssh.public_key import SSHOpenSSHCertificate, decode_ssh_certificate, get_public_key_algs

from headwater.ports.books import Identity
from headwater.terms import Time


class Algorithms(msgspec.Struct, frozen=True):
    """The lists by their names in asyncssh: `asyncssh.listen(**msgspec.structs.asdict(…))`."""

    kex_algs: Sequence[str]
    encryption_algs: Sequence[str]
    mac_algs: Sequence[str]
    signature_algs: Sequence[str]
    compression_algs: Sequence[str] = ("none",)


MODERN: Final = Algorithms(
    kex_algs=(
        "mlkem768x25519-sha256",
        "mlkem768nistp256-sha256",
        "mlkem1024nistp384-sha384",
        "curve25519-sha256",
        "curve25519-sha256@libssh.org",
        "ecdh-sha2-nistp256",
        "ecdh-sha2-nistp384",
        "ecdh-sha2-nistp521",
        "diffie-hellman-group16-sha512",
        "diffie-hellman-group18-sha512",
        "diffie-hellman-group-exchange-sha256",
        "diffie-hellman-group14-sha256",
    ),
    encryption_algs=(
        "aes128-gcm@openssh.com",
        "aes256-gcm@openssh.com",
        "chacha20-poly1305@openssh.com",
        "aes128-ctr",
        "aes192-ctr",
        "aes256-ctr",
    ),
    mac_algs=(
        "hmac-sha2-256-etm@openssh.com",
        "hmac-sha2-512-etm@openssh.com",
        "hmac-sha2-256",
        "hmac-sha2-512",
    ),
    signature_algs=(
        "ssh-ed25519",
        "sk-ssh-ed25519@openssh.com",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ecdsa-sha2-nistp256@openssh.com",
        "rsa-sha2-512",
        "rsa-sha2-256",
    ),
)
"""What is offered to everybody."""

LEGACY: Final = Algorithms(
    kex_algs=("diffie-hellman-group-exchange-sha1", "diffie-hellman-group14-sha1"),
    encryption_algs=("aes128-cbc", "aes192-cbc", "aes256-cbc"),
    mac_algs=("hmac-sha1-etm@openssh.com", "hmac-sha1"),
    signature_algs=("ssh-rsa",),
)
"""What clients of before about 2014 need: offered beside the others while a sender is marked so."""

# What of them there is, asyncssh says: an older OpenSSL beneath it has no ML-KEM
_KNOWN: Final[Mapping[str, Callable[[], Sequence[bytes]]]] = {
    "kex_algs": get_kex_algs,
    "encryption_algs": get_encryption_algs,
    "mac_algs": get_mac_algs,
    "signature_algs": get_public_key_algs,
    "compression_algs": get_compression_algs,
}
_AEAD: Final = ("-gcm@openssh.com", "-poly1305@openssh.com")


def algorithms(*, legacy: bool) -> Algorithms:
    """What to offer: all that asyncssh can do on this machine; the old ones, with `legacy`, after all others."""
    offered = {}
    for field, known in _KNOWN.items():
        names = dict.fromkeys((*getattr(MODERN, field), *(getattr(LEGACY, field) if legacy else ())))
        offered[field] = tuple(name for name in names if name.encode() in known())
    return Algorithms(**offered)


def legacy_wanted(identities: Iterable[Identity], now: Time) -> bool:
    """Whether some sender who can come may use old algorithms."""
    return any(
        one.legacy and one.revoked_at is None and (one.expires_at is None or now < one.expires_at) for one in identities
    )


def is_legacy(kex: str, cipher: str, mac: str, host_key: str, *signatures: str) -> bool:
    """Whether one of those that were agreed on is not among the modern.

    `host_key` is the algorithm that the server signed with, `signatures` are those of `signed_with`. A cipher that
    authenticates by itself needs no MAC: whatever is said of one then is not asked for.
    """
    return not (
        kex in MODERN.kex_algs
        and cipher in MODERN.encryption_algs
        and (cipher.endswith(_AEAD) or mac in MODERN.mac_algs)
        and {host_key, *signatures}.issubset(MODERN.signature_algs)
    )


def signed_with(key_data: bytes, signature: bytes) -> tuple[str, ...]:
    """The algorithm that a client signed its login with (none where it only asks), and the one of its certificate's CA.

    asyncssh takes either over SHA-1 from any RSA key, whatever was offered: so a door must look.
    """
    signatures = [signature] if signature else []
    if (certificate := _certificate(key_data)) is not None:
        ca = certificate.signing_key.public_data
        signatures.append(key_data.rpartition(len(ca).to_bytes(4, "big") + ca)[2][4:])
    return tuple(_first_string(one).decode("ascii", "replace") for one in signatures)


def made_out_to(key_data: bytes) -> Sequence[str] | None:
    """Whom an SSH certificate is made out to; None for a plain key.

    asyncssh takes one that is made out to nobody for one that is made out to everybody; OpenSSH, and we, do not.
    """
    certificate = _certificate(key_data)
    return None if certificate is None else certificate.principals


def _certificate(key_data: bytes) -> SSHOpenSSHCertificate | None:
    try:
        certificate = decode_ssh_certificate(key_data)
    except KeyImportError:
        return None
    return certificate if isinstance(certificate, SSHOpenSSHCertificate) else None


def _first_string(data: bytes) -> bytes:
    return data[4 : 4 + int.from_bytes(data[:4], "big")]
