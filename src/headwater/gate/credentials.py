"""Credentials: how they are made, what is stored of them, and the fingerprint that receipts and people see."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Final

import msgspec

from headwater.errors import Refused
from headwater.ports.books import Credential
from headwater.terms import Time

TOKEN, PASSWORD, SSH_KEY, SSH_CA, CERTIFICATE = "token", "password", "ssh_key", "ssh_ca", "certificate"
"""The kinds of credentials, as `Credential.kind` has them."""

_TOKEN_BYTES: Final = 32
_TOKEN_LENGTH: Final = 46
_PASSWORD_BYTES: Final = 18
_SHOWN_HEX: Final = 16
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_SSH_KINDS: Final = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
)


class NewSecrets(msgspec.Struct, frozen=True):
    """Secrets just made: the only time that anybody sees them. They do not show in its `repr`."""

    token: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        made = [name for name in self.__struct_fields__ if getattr(self, name)]
        return f"NewSecrets({', '.join(f'{name}=…' for name in made)})"


def new_token(entropy: Callable[[int], bytes]) -> str:
    """A token of 256 bits: `hw_` and 43 characters of base64url."""
    return "hw_" + base64.urlsafe_b64encode(entropy(_TOKEN_BYTES)).rstrip(b"=").decode()


def new_password(entropy: Callable[[int], bytes]) -> str:
    """A password of 144 bits: 24 characters of base64url."""
    return base64.urlsafe_b64encode(entropy(_PASSWORD_BYTES)).decode()


def looks_like_token(secret: str) -> bool:
    """Whether a secret given with a name is one of our tokens."""
    return len(secret) == _TOKEN_LENGTH and secret.startswith("hw_")


def token_digest(token: str) -> str:
    """What is stored of a token: SHA-256 in hex. 256 bits of chance need no salt and no stretching."""
    return hashlib.sha256(token.encode(errors="surrogateescape")).hexdigest()


def token_credential(digest: str) -> Credential:
    """The credential of the token with this digest."""
    return _credential(TOKEN, f"token:{digest[:_SHOWN_HEX]}", digest)


def password_credential(argon2id: str) -> Credential:
    """The credential of the password with this hash. Its fingerprint is of the salted hash and tells nothing of it."""
    return _credential(PASSWORD, f"password:{hashlib.sha256(argon2id.encode()).hexdigest()[:_SHOWN_HEX]}", argon2id)


def certificate_credential(sha256: str) -> Credential:
    """The credential of a client certificate, named by the SHA-256 of its DER: hex, with colons or without.

    Raises Refused("bad_request") for anything else.
    """
    digest = sha256.replace(":", "").lower()
    if not _SHA256.fullmatch(digest):
        raise Refused(
            "bad_request", "A certificate is named by its SHA-256: 64 hex characters, with colons or without."
        )
    return _credential(CERTIFICATE, f"certificate:{digest}", digest)


def ssh_key_credential(line: str) -> Credential:
    """The credential of a public key as a `.pub` file has it; the fingerprint is OpenSSH's `SHA256:…`.

    Raises Refused("bad_request") for anything else, a private key above all.
    """
    public_key, fingerprint = _public_key(line)
    return _credential(SSH_KEY, fingerprint, public_key)


def ssh_ca_credential(line: str) -> Credential:
    """The credential of whoever holds an SSH certificate that this public key has signed, for the identity's name.

    Raises Refused("bad_request") for anything but a public key.
    """
    public_key, fingerprint = _public_key(line)
    return _credential(SSH_CA, f"{SSH_CA}:{fingerprint}", public_key)


def _public_key(line: str) -> tuple[str, str]:
    """Kind and body of a public key, and OpenSSH's fingerprint of it."""
    kind, _, rest = line.strip().partition(" ")
    body = rest.partition(" ")[0]
    try:
        blob = base64.b64decode(body, validate=True)
    except ValueError:
        blob = b""
    # RFC 4253 §6.6: the blob begins with the length and the name of its kind
    if kind not in _SSH_KINDS or not blob.startswith(len(kind).to_bytes(4, "big") + kind.encode()):
        raise Refused("bad_request", "That is no public SSH key. Give the .pub file: 'ssh-ed25519 AAAA… comment'.")
    digest = base64.b64encode(hashlib.sha256(blob).digest()).rstrip(b"=").decode()
    return f"{kind} {base64.b64encode(blob).decode()}", f"SHA256:{digest}"


def dated(credential: Credential, at: Time, lifetime_seconds: float | None = None) -> Credential:
    """The credential as added at this time, to expire after its lifetime if it has one."""
    ends = None if lifetime_seconds is None else Time(at + round(lifetime_seconds * 1_000_000))
    return msgspec.structs.replace(credential, added_at=at, expires_at=ends)


def _credential(kind: str, fingerprint: str, secret: str) -> Credential:
    return Credential(kind=kind, fingerprint=fingerprint, secret=secret, added_at=Time(0))
