"""Is it safe to land here? Each probe says what was seen, and in one sentence what mends it.

The probes here judge facts; whoever calls them brings what takes a socket or a store to find out. `serve` refuses to
start while a probe that must hold is bad (`is_safe`).
"""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from headwater.errors import HeadwaterError
from headwater.ledger.head import Head
from headwater.ledger.note import Checkpoint
from headwater.ports.books import Credential, Identity
from headwater.terms import Time

PROBE_SECONDS_MAX: Final = 120.0
CLOCK_SECONDS_WARN, CLOCK_SECONDS_MAX = 5, 300
SPACE_BYTES_WARN, SPACE_BYTES_MIN = 10 << 30, 1 << 30
EXPIRY_DAYS_WARN: Final = 30
CHECKPOINT_SECONDS_MAX: Final = 60

UNSAFE_FILE_SYSTEMS: Final = {
    "tmpfs": "it lies in memory and is gone with the power",
    "ramfs": "it lies in memory and is gone with the power",
    "overlay": "it is a container's layer and goes with the container",
    "aufs": "it is a container's layer and goes with the container",
    "nfs": "its locks and syncs cannot be relied on",
    "nfs4": "its locks and syncs cannot be relied on",
    "cifs": "its locks and syncs cannot be relied on",
    "smb3": "its locks and syncs cannot be relied on",
    "9p": "its locks and syncs cannot be relied on",
}
"""Kinds of file systems that a zone is refused on unless told, and why."""

_IN_THE_FILE: Final = "Give it a new one in headwater.toml."
_SECOND: Final = 1_000_000
_DAY: Final = 86_400 * _SECOND
_GIB: Final = 1 << 30


class State(StrEnum):
    """What a probe came to."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


class Probe(msgspec.Struct, frozen=True):
    """One thing that was probed: what was seen and, where it is not fine, the fix. `must`: unsafe while it is bad."""

    name: str
    state: State
    seen: str
    fix: str = ""
    must: bool = False


class Belief(Protocol):
    """A numbered assumption about a store, as `stores.s3_beliefs` lists them."""

    @property
    def number(self) -> int:
        """Its place in the list."""
        ...

    @property
    def sentence(self) -> str:
        """What is believed."""
        ...

    @property
    def must(self) -> bool:
        """Whether a store where it does not hold is unsafe."""
        ...


Probing = Callable[[], Awaitable[Sequence[Probe]]]


async def examine(probings: Mapping[str, Probing]) -> list[Probe]:
    """Runs each, in order. One that fails or takes over two minutes is bad, and must hold: nothing is known then."""
    found: list[Probe] = []
    for name, probing in probings.items():
        try:
            async with asyncio.timeout(PROBE_SECONDS_MAX):
                found += await probing()
        except (HeadwaterError, OSError) as error:
            why = str(error) or "it took too long"
            found.append(Probe(name, State.BAD, f"It could not be probed: {why}.", "Mend that first.", must=True))
    return found


def is_safe(probes: Iterable[Probe]) -> bool:
    """Whether everything that must hold does."""
    return not reasons(probes)


def reasons(probes: Iterable[Probe]) -> list[str]:
    """Why it is not safe to land: a sentence for each thing that must hold and does not."""
    return [f"{each.name}: {each.seen} {each.fix}".rstrip() for each in probes if each.must and each.state is State.BAD]


# --- the machine ------------------------------------------------------------------------------------------------------


def clock(ours: Time, theirs: Time | None) -> Probe:
    """Our clock against the store's (None where it has no other clock)."""
    if theirs is None:
        return Probe("clock", State.OK, "The zone lies on this machine: there is one clock.")
    seconds = (ours - theirs) / _SECOND
    seen = f"This machine's clock is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} the store's."
    fix = "Set the clock by NTP (chrony, systemd-timesyncd)."
    if abs(seconds) > CLOCK_SECONDS_MAX:
        return Probe("clock", State.BAD, seen, fix, must=True)
    return Probe("clock", State.WARN if abs(seconds) > CLOCK_SECONDS_WARN else State.OK, seen, fix)


def permissions(home: Path) -> list[Probe]:
    """Who else can look into the home and at its keys: the folders must be 0700, what lies in `keys/` 0600."""
    keys = home / "keys"
    wanted = {home: 0o700, keys: 0o700} | dict.fromkeys(sorted(keys.glob("*")), 0o600)
    wanted |= dict.fromkeys(home.glob("recovery.key"), 0o600)
    found = []
    for path, mode in wanted.items():
        is_mode = stat.S_IMODE(path.stat().st_mode)
        if is_mode & ~mode & 0o777:
            seen = f"{path} has the mode {is_mode:04o}: others of this machine can get at it."
            found.append(Probe("permissions", State.BAD, seen, f"chmod {mode:04o} {path}", must=True))
    return found or [Probe("permissions", State.OK, f"Nobody else can look into {home}.", must=True)]


def disk_space(where: str, free_bytes: int, total_bytes: int) -> Probe:
    """How much room a disk has left."""
    seen = f"{where} has {free_bytes / _GIB:.1f} GiB free of {total_bytes / _GIB:.1f}."
    fix = "Make room, or move it to a larger disk: a full zone takes no more deliveries."
    if free_bytes < SPACE_BYTES_MIN:
        return Probe("disk space", State.BAD, seen, fix)
    return Probe("disk space", State.WARN if free_bytes < SPACE_BYTES_WARN else State.OK, seen, fix)


def file_system(kind: str, *, told: bool = False) -> Probe:
    """Whether a directory zone may lie on this kind of file system; `told`: whoever runs it wants it so."""
    why = UNSAFE_FILE_SYSTEMS.get(kind)
    if why is None:
        return Probe("file system", State.OK, f"The zone lies on {kind}.", must=True)
    seen = f"The zone lies on {kind}: {why}."
    fix = "Put it on a local disk (ext4, xfs, btrfs, zfs), or set `accept_volatile = true`."
    return Probe("file system", State.WARN if told else State.BAD, seen, fix, must=not told)


def inspection(missing: Sequence[str], *, enabled: bool) -> Probe:
    """Whether a parser that a hostile file takes over is shut in; `missing` names what the machine lacks for that."""
    if not enabled:
        return Probe("inspection", State.OK, "It is off: no file is looked into.")
    if not missing:
        return Probe("inspection", State.OK, "Parsers run shut in: Landlock, seccomp, limits.")
    seen = f"This machine has no {' and no '.join(missing)}: what takes over a parser may do what this user may."
    fix = "Serve on Linux 5.13 or newer with both turned on, or set [inspect] enabled = false."
    return Probe("inspection", State.WARN, seen, fix)


def lock(holder: str | None) -> Probe:
    """Who writes in the zone: None for nobody but us."""
    if holder is None:
        return Probe("lock", State.OK, "No other process writes here.", must=True)
    return Probe("lock", State.BAD, f"{holder} writes here.", "Stop it first, or choose another home.", must=True)


def port(door: str, address: str, holder: str | None) -> Probe:
    """Whether a door's port is free, or who has it."""
    if holder is None:
        return Probe(f"port of {door}", State.OK, f"{address} is free.", must=True)
    fix = f"Stop that, or set another [{door}] listen."
    return Probe(f"port of {door}", State.BAD, f"{address} is taken by {holder}.", fix, must=True)


def certificate(name: str, certificate_pem: bytes, key_pem: bytes, now: Time) -> Probe:
    """Whether a certificate is valid for a while, and the key its own."""
    probe = f"certificate of {name}"
    try:
        first = x509.load_pem_x509_certificates(certificate_pem)[0]
        key = load_pem_private_key(key_pem, None)
    except (ValueError, TypeError) as error:
        return Probe(
            probe, State.BAD, f"It cannot be read: {error}.", "Give PEM files without a passphrase.", must=True
        )
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if first.public_key().public_bytes(*form) != key.public_key().public_bytes(*form):
        return Probe(
            probe, State.BAD, "The key is not the certificate's.", "Give the pair that belongs together.", must=True
        )
    days = (first.not_valid_after_utc - datetime.fromtimestamp(now / _SECOND, UTC)).days
    seen = f"It is valid until {first.not_valid_after_utc:%Y-%m-%d}."
    fix = "Renew it and replace the files: they are watched."
    if days < 0:
        return Probe(probe, State.BAD, seen, fix)
    return Probe(probe, State.WARN if days < EXPIRY_DAYS_WARN else State.OK, seen, fix)


# --- the keys and the ledger ------------------------------------------------------------------------------------------


def ledger_key(ours: str | None, logs: str | None) -> Probe:
    """Our key against the log's, both as vkeys; None for one that is not there."""
    name = "ledger key"
    if ours is None:
        return Probe(name, State.BAD, "There is none.", "Put keys/ledger back from your safe copy.", must=True)
    if logs is None:
        return Probe(name, State.OK, "It is there; the zone has no log yet.", must=True)
    if ours != logs:
        fix = "Set [keys] ledger to the log's key, or rotate the log."
        return Probe(name, State.BAD, f"It is {ours}, but the log's is {logs}.", fix, must=True)
    return Probe(name, State.OK, "It is the log's.", must=True)


def recovery_key(*, confirmed: bool, here: Path | None) -> Probe:
    """Whether the recovery key was confirmed to be kept elsewhere, and is no longer `here`."""
    name = "recovery key"
    if here is not None:
        fix = "Keep it off this machine, run `headwater keys confirm-recovery` with it, and remove the file."
        return Probe(name, State.WARN, f"{here} still lies on this machine.", fix)
    if not confirmed:
        fix = "Run `headwater keys confirm-recovery FILE`: without the key no backup can be opened."
        return Probe(name, State.WARN, "Nobody has confirmed yet that it is kept.", fix)
    return Probe(name, State.OK, "It is kept elsewhere, as was confirmed.")


def ledger(head: Head, published: Checkpoint | None, now: Time) -> Probe:
    """Whether the signed checkpoints keep up with the log; that its head can be read was seen on the way here."""
    size = published.size if published else 0
    age_seconds = (now - head.time) // _SECOND
    seen = f"{head.log} has {head.size} entries, the last one {age_seconds} s ago, {size} of them under a checkpoint."
    if size < head.size and age_seconds > CHECKPOINT_SECONDS_MAX:
        return Probe("ledger", State.WARN, seen, "Start `headwater serve`, or see in its log why none is published.")
    return Probe("ledger", State.OK, seen)


def senders(identities: Iterable[Identity], now: Time) -> list[Probe]:
    """Whose credentials end soon, or are of an old kind, and who may use weak algorithms."""
    found = []
    for identity in identities:
        if identity.revoked_at is not None:
            continue
        if identity.legacy:
            seen = f"{identity.name} may use SSH algorithms that were given up as weak (SHA-1, CBC)."
            found.append(Probe("senders", State.WARN, seen, f"Have its client renewed; then {_no_longer(identity)}"))
        for one in identity.credentials:
            if one.revoked_at is None and (flaw := _flaw(one, now)):
                fix = f"headwater senders rotate {identity.name}" if not identity.declared else _IN_THE_FILE
                found.append(Probe("senders", State.WARN, f"{identity.name}: {one.fingerprint} {flaw}.", fix))
    return found or [Probe("senders", State.OK, "No credential ends within 30 days or is of an old kind.")]


def _no_longer(identity: Identity) -> str:
    if identity.declared:
        return f"take `legacy` out of [senders.{identity.name}]."
    return f"`headwater senders legacy {identity.name} off`."


def _flaw(one: Credential, now: Time) -> str | None:
    if one.expires_at is not None and one.expires_at <= now:
        return "has expired"
    if one.expires_at is not None and one.expires_at <= now + EXPIRY_DAYS_WARN * _DAY:
        return f"ends in {(one.expires_at - now) // _DAY} days"
    if one.kind == "ssh_key" and one.secret.startswith("ssh-rsa "):
        return "is an RSA key, an old kind"
    return None


# --- the store --------------------------------------------------------------------------------------------------------


def belief(believed: Belief, *, holds: bool, seen: str) -> Probe:
    """What became of one belief about the store."""
    name = f"store {believed.number}"
    if holds:
        return Probe(name, State.OK, f"{believed.sentence} {seen}".rstrip(), must=believed.must)
    fix = "Land in a store where it does: AWS S3, versitygw, MinIO." if believed.must else ""
    state = State.BAD if believed.must else State.WARN
    return Probe(name, state, f"Not so: {believed.sentence} {seen}".rstrip(), fix, must=believed.must)
