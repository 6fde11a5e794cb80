"""A home: the folder in which `headwater serve` works without any configuration."""

from __future__ import annotations

import fcntl
import ipaddress
import os
import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from headwater.care.keys import RecoveryKey
from headwater.config_pages import template
from headwater.config_schema import Config
from headwater.config_values import Address
from headwater.errors import Misconfigured
from headwater.ledger.note import Signer

HOME_DEFAULT = "headwater-home"
SECRET_MODE = 0o600
SSH_PORT: Final = 22

_HostKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_HOST_KEYS: Final[dict[str, Callable[[], _HostKey]]] = {
    "ssh_host_ed25519": ed25519.Ed25519PrivateKey.generate,
    "ssh_host_ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()),
}
_LEGACY_HOST_KEY: Final = "ssh_host_rsa"
_RSA_BITS: Final = 3072


class Home:
    """The folder `path`: `headwater.toml`, `keys/`, `books.sqlite3`, `lock`, and `zone/` where the zone is a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock: int | None = None

    @property
    def config_path(self) -> Path:
        """The configuration that is read by default."""
        return self.path / "headwater.toml"

    @property
    def books_path(self) -> Path:
        """The books, if they are SQLite."""
        return self.path / "books.sqlite3"

    @property
    def keys(self) -> Path:
        """The folder of keys."""
        return self.path / "keys"

    @property
    def recovery_key_path(self) -> Path:
        """Where `init` leaves the recovery key, until somebody takes it off the machine."""
        return self.path / "recovery.key"

    def exists(self) -> bool:
        """Whether a home was made here."""
        return self.config_path.is_file() and self.keys.is_dir()

    def make(self) -> None:
        """Makes the folders, the commented configuration and the keys that do not depend on the zone. Repeatable.

        A configuration that lies there already is taken. Raises Misconfigured if the folder holds anything else.
        """
        others = self.path.is_dir() and any(each != self.config_path for each in self.path.iterdir())
        if others and not self.keys.is_dir():
            raise Misconfigured(f"{self.path} is not empty and is no home. Choose another folder with --home.")
        self.keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)
        if not self.recovery_key_path.exists() and not (self.keys / "recovery.pub").exists():
            recovery = RecoveryKey.generate()
            write_secret(self.recovery_key_path, recovery.text())
            write_secret(self.keys / "recovery.pub", f"{recovery.public}\n")
        if not (self.keys / "zone.secret").exists():
            write_secret(self.keys / "zone.secret", f"{secrets.token_hex(32)}\n")
        if not self.config_path.exists():
            self.config_path.write_text(template())

    def lock(self) -> None:
        """Takes the home for this process. Raises Misconfigured("in_use") naming the process that has it."""
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, SECRET_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
            os.close(descriptor)
            raise Misconfigured(f"The home {self.path} is in use by {holder}. Stop it first.", "in_use") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        self._lock = descriptor

    def unlock(self) -> None:
        """Gives the home back."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def is_locked(self) -> bool:
        """Whether some process works here."""
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def secret(self, name: str) -> bytes:
        """The bytes of a key file. Raises Misconfigured if it is not there."""
        try:
            return (self.keys / name).read_bytes().strip()
        except FileNotFoundError:
            raise Misconfigured(f"The key {self.keys / name} is not there. Restore it, or see docs/how-to.") from None

    def host_keys(self, config: Config, *, legacy: bool = False) -> list[bytes]:
        """The private SSH host keys, in PEM: those of `[keys] ssh_host`, or the home's own, made when first asked for.

        The home's are Ed25519 and ECDSA; with `legacy` also RSA, for clients that know nothing else.
        """
        if config.keys.ssh_host:
            return [secret.reveal().encode() for secret in config.keys.ssh_host]
        makers = dict(_HOST_KEYS)
        if legacy:
            makers[_LEGACY_HOST_KEY] = lambda: rsa.generate_private_key(65537, _RSA_BITS)
        for name, make in makers.items():
            if not (self.keys / name).exists():
                pem = make().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
                write_secret(self.keys / name, pem.decode())
        return [(self.keys / name).read_bytes() for name in makers]

    def public_host_keys(self, config: Config) -> list[str]:
        """The public halves of the host keys, each as `kind base64`. Raises Misconfigured for one that is no key."""
        return [_public_half(pem) for pem in self.host_keys(config)]

    def write_known_hosts(self, config: Config, address: Address) -> Path:
        """Writes `keys/known_hosts`, by which OpenSSH knows the server at this address, seen from this machine."""
        path = self.keys / "known_hosts"
        host = reached(address.host)
        place = host if address.port == SSH_PORT else f"[{host}]:{address.port}"
        write_secret(path, "".join(f"{place} {key}\n" for key in self.public_host_keys(config)))
        return path

    def new_ledger_key(self, log: str) -> Signer:
        """Makes the key of a log; the one of an earlier log is kept beside it."""
        path = self.keys / "ledger"
        signer = Signer.generate(log)
        if path.exists():
            path.rename(self.keys / f"ledger.{Signer.from_secret(path.read_text().strip()).name}")
        write_secret(path, f"{signer.secret()}\n")
        return signer

    def ledger_key(self, log: str) -> Signer:
        """The key of a log, or the current one if there is none of that log. Raises Misconfigured if it is none."""
        name = f"ledger.{log}" if (self.keys / f"ledger.{log}").exists() else "ledger"
        try:
            return Signer.from_secret(self.secret(name).decode())
        except ValueError as error:
            raise Misconfigured(f"{self.keys / name} is not a ledger key: {error}.") from error


def _public_half(pem: bytes) -> str:
    try:
        load = load_ssh_private_key if b"OPENSSH" in pem.partition(b"\n")[0] else load_pem_private_key
        public = load(pem, None).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Misconfigured(
            f"An SSH host key cannot be read: {error}. Give it as PEM, without a passphrase."
        ) from error
    return public.decode()


def reached(host: str) -> str:
    """A host as it is reached from this machine, where it stands for all addresses."""
    try:
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}[str(ipaddress.ip_address(host))]  # noqa: S104 - compared, not bound
    except (ValueError, KeyError):
        return host


def write_secret(path: Path, text: str) -> None:
    """Writes a file that only its owner may read, durably and whole or not at all."""
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, SECRET_MODE)
    try:
        os.write(descriptor, text.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
