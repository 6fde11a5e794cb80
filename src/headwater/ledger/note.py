"""Signed notes (c2sp.org/signed-note v1.0.0, Ed25519) and checkpoints (c2sp.org/tlog-checkpoint v1.0.0)."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from headwater.ledger.merkle import HASH_SIZE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

NOTE_SIZE_BYTES_MAX = 128 * 1024
"""Room for the 16 signatures that a verifier must accept, at the 5 kB that a post-quantum one may have."""

_ED25519 = b"\x01"
_KEY_SIZE_BYTES = 32
_KEY_ID_SIZE_BYTES = 4
_SECRET_PREFIX = "PRIVATE+KEY+"  # noqa: S105 - the format's marker
_SIGNATURE_PREFIX = "\N{EM DASH} "
_UNFIT = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")  # control characters but newline; what UTF-8 cannot hold
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


class NoteError(ValueError):
    """A note, key or checkpoint that is malformed or not to be trusted. Never quotes a secret."""


def encode_base64(data: bytes) -> str:
    """Return standard, padded base64 (RFC 4648 §4)."""
    return b64encode(data).decode("ascii")


def decode_base64(text: str) -> bytes:
    """Read the one standard, padded base64 spelling of some bytes (RFC 4648 §4). Raises NoteError for any other."""
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        data = b""
    if encode_base64(data) != text:
        raise NoteError("not in canonical base64")
    return data


def decode_decimal(text: str) -> int:
    """Read a decimal of at most 19 digits without sign or leading zeros. Raises NoteError for anything else."""
    if not _DECIMAL.fullmatch(text):
        raise NoteError(f"not a plain decimal number: {text[:40]!r}")
    return int(text)


@dataclass(frozen=True, slots=True)
class Verifier:
    """A named Ed25519 public key (32 bytes) that notes are checked with. Raises NoteError for a bad name or key."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        if self.name.split() != [self.name] or "+" in self.name or _UNFIT.search(self.name):
            raise NoteError("a key's name is not empty and has no spaces, plus or control characters")
        if len(self.public_key) != _KEY_SIZE_BYTES:
            raise NoteError(f"an Ed25519 public key has {_KEY_SIZE_BYTES} bytes")

    @classmethod
    def parse(cls, vkey: str) -> Verifier:
        """Read `name+id+key`. Raises NoteError if it is malformed, no Ed25519 key, or its id is not its key's."""
        name, key_id, key = _split_key(vkey)
        verifier = cls(name, key)
        if verifier.key_id.hex() != key_id:
            raise NoteError("the key's id does not belong to its name and key")
        return verifier

    @property
    def key_id(self) -> bytes:
        """The four bytes that name the key in a signature: no more than a hint."""
        return self._digest()[:_KEY_ID_SIZE_BYTES]

    @property
    def vkey(self) -> str:
        """The key as text: `name+id+key`."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(_ED25519 + self.public_key)}"

    @property
    def fingerprint(self) -> str:
        """What people compare: `SHA256:…` of name and key, written as SSH writes its own."""
        return "SHA256:" + encode_base64(self._digest()).rstrip("=")

    def verifies(self, text: str, signature: bytes) -> bool:
        """Return whether the signature is this key's over the text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True

    def _digest(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key).digest()


@dataclass(frozen=True, slots=True, eq=False)
class Signer:
    """A named Ed25519 private key that signs notes. Raises NoteError for a bad name."""

    name: str
    private_key: Ed25519PrivateKey = field(repr=False)
    verifier: Verifier = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "verifier", Verifier(self.name, self.private_key.public_key().public_bytes_raw()))

    @classmethod
    def generate(cls, name: str) -> Signer:
        """Make a new key from the operating system's randomness."""
        return cls(name, Ed25519PrivateKey.generate())

    @classmethod
    def from_secret(cls, text: str) -> Signer:
        """Read `PRIVATE+KEY+name+id+key`. Raises NoteError, without a word of it, if it is malformed."""
        prefix, rest = text[: len(_SECRET_PREFIX)], text[len(_SECRET_PREFIX) :]
        if prefix != _SECRET_PREFIX:
            raise NoteError("not a private note key")
        name, key_id, key = _split_key(rest)
        signer = cls(name, Ed25519PrivateKey.from_private_bytes(key))
        if signer.verifier.key_id.hex() != key_id:
            raise NoteError("the key's id does not belong to its name and key")
        return signer

    def secret(self) -> str:
        """Return the private key as text, to be kept: `PRIVATE+KEY+name+id+key`."""
        key = encode_base64(_ED25519 + self.private_key.private_bytes_raw())
        return f"{_SECRET_PREFIX}{self.name}+{self.verifier.key_id.hex()}+{key}"

    @property
    def vkey(self) -> str:
        """The public key as text, to be given away: `name+id+key`."""
        return self.verifier.vkey

    def sign(self, text: str) -> str:
        """Return the signature line, with its newline, for a note's text."""
        signature = self.verifier.key_id + self.private_key.sign(text.encode())
        return f"{_SIGNATURE_PREFIX}{self.name} {encode_base64(signature)}\n"


def fingerprint(vkey: str) -> str:
    """Return the fingerprint of a key given as text. Raises NoteError if it is none."""
    return Verifier.parse(vkey).fingerprint


def sign_note(text: str, *signers: Signer) -> str:
    """Return the note: text, blank line, one signature line a signer.

    Raises NoteError if the text does not end in a newline or has other control characters, or nobody signs.
    """
    if not signers or not text.endswith("\n") or _UNFIT.search(text):
        raise NoteError("a note has lines of text without control characters, and a signer")
    return text + "\n" + "".join(signer.sign(text) for signer in signers)


def open_note(note: str, verifiers: Iterable[Verifier]) -> str:
    """Return a note's text once a known key's signature on it was verified.

    Signatures by unknown keys are passed over, at least one by a known key is asked for, and none by a known key may
    fail. Raises NoteError otherwise, or if the note is malformed or has over `NOTE_SIZE_BYTES_MAX`.
    """
    text, signatures = _parse_note(note)
    known: dict[tuple[str, bytes], Verifier] = {}
    for verifier in verifiers:
        if known.setdefault((verifier.name, verifier.key_id), verifier) != verifier:
            raise NoteError(f"two trusted keys are both called {verifier.name}+{verifier.key_id.hex()}")
    trusted = [(known[each.name, each.key_id], each) for each in signatures if (each.name, each.key_id) in known]
    if not trusted:
        raise NoteError("no trusted key signed the note")
    for verifier, each in trusted:
        if not verifier.verifies(text, each.signature):
            raise NoteError(f"the signature of {verifier.name} is not on this note")
    return text


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's head as its note says it: whose log, how many entries, their Merkle root (32 bytes).

    Raises NoteError where c2sp.org/tlog-checkpoint would.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if any(not line or "\n" in line for line in (self.origin, *self.extensions)):
            raise NoteError("the origin and each extension of a checkpoint is one line")
        if len(self.root) != HASH_SIZE_BYTES:
            raise NoteError(f"a checkpoint's root has {HASH_SIZE_BYTES} bytes")
        decode_decimal(str(self.size))

    def text(self) -> str:
        """Return the note text, to be signed."""
        return "".join(f"{line}\n" for line in (self.origin, self.size, encode_base64(self.root), *self.extensions))

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read the text of an opened note. Raises NoteError for anything but the one spelling."""
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop():  # noqa: PLR2004 - three lines, and nothing behind the last newline
            raise NoteError("a checkpoint has three lines or more")
        origin, size, root, *extensions = lines
        return cls(origin, decode_decimal(size), decode_base64(root), tuple(extensions))


class _Signature(NamedTuple):
    name: str
    key_id: bytes
    signature: bytes


def _parse_note(note: str) -> tuple[str, list[_Signature]]:
    if _UNFIT.search(note):
        raise NoteError("a note is UTF-8 text without control characters")
    if len(note.encode()) > NOTE_SIZE_BYTES_MAX:
        raise NoteError(f"a note has at most {NOTE_SIZE_BYTES_MAX} bytes")
    text, blank, lines = note.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise NoteError("a note is text, a blank line, and signature lines")
    return text + "\n", [_parse_signature(line) for line in lines[:-1].split("\n")]


def _parse_signature(line: str) -> _Signature:
    name, space, signature = line.removeprefix(_SIGNATURE_PREFIX).partition(" ")
    if not line.startswith(_SIGNATURE_PREFIX) or not space or name.split() != [name] or "+" in name:
        raise NoteError("a note has a malformed signature line")
    data = decode_base64(signature)
    if len(data) <= _KEY_ID_SIZE_BYTES:
        raise NoteError("a note has an empty signature")
    return _Signature(name, data[:_KEY_ID_SIZE_BYTES], data[_KEY_ID_SIZE_BYTES:])


def _split_key(text: str) -> tuple[str, str, bytes]:
    """Part `name+id+base64(type, key)`, in which only the base64 may have a plus of its own."""
    name, _, rest = text.partition("+")
    key_id, _, key = rest.partition("+")
    data = decode_base64(key)
    if data[:1] != _ED25519 or len(data) != 1 + _KEY_SIZE_BYTES:
        raise NoteError("not an Ed25519 note key")
    return name, key_id, data[1:]
