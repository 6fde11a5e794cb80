from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from headwater.care import doctor
from headwater.care.doctor import Probe, State
from headwater.errors import Unavailable
from headwater.ledger.head import new_head
from headwater.ledger.note import Checkpoint
from headwater.ports.books import Credential, Identity
from headwater.terms import Role, Time

NOW = Time(1_795_000_000_000_000)
DAY = 86_400_000_000
OK = Probe("a", State.OK, "fine", must=True)
BAD = Probe("b", State.BAD, "It is not.", "Mend it.", must=True)


async def test_probes_are_run_in_order():
    """Each gives its probes, and all are gathered in the order they were asked for."""

    async def some():
        return [OK, BAD]

    async def other():
        return [OK]

    assert await doctor.examine({"one": some, "two": other}) == [OK, BAD, OK]


@pytest.mark.parametrize("failure", [Unavailable("store_unavailable"), OSError("no disk"), TimeoutError()])
async def test_a_probe_that_fails_is_bad(failure):
    """What cannot be probed is not known to be safe; the others are still run."""

    async def failing():
        raise failure

    async def fine():
        return [OK]

    found = await doctor.examine({"store": failing, "clock": fine})
    assert [(probe.name, probe.state, probe.must) for probe in found] == [
        ("store", State.BAD, True),
        ("a", State.OK, True),
    ]


async def test_a_probe_that_hangs_is_bad(monkeypatch):
    """Nobody waits for ever for an answer."""
    monkeypatch.setattr(doctor, "PROBE_SECONDS_MAX", 0.01)

    async def hanging():
        await asyncio.Event().wait()

    (probe,) = await doctor.examine({"store": hanging})
    assert probe.state is State.BAD
    assert "too long" in probe.seen


def test_it_is_safe_while_nothing_that_must_hold_is_bad():
    """Warnings, and bad things that need not hold, do not stop `serve`; the reasons say what does."""
    fine = [OK, Probe("c", State.BAD, "x"), Probe("d", State.WARN, "y", must=True)]
    assert doctor.is_safe(fine)
    assert not doctor.is_safe([*fine, BAD])
    assert doctor.reasons([*fine, BAD]) == ["b: It is not. Mend it."]


@pytest.mark.parametrize(
    ("seconds", "state", "must"),
    [
        (0, State.OK, False),
        (5, State.OK, False),
        (-60, State.WARN, False),
        (301, State.BAD, True),
        (-3000, State.BAD, True),
    ],
)
def test_clocks_may_differ_a_little(seconds, state, must):
    """Five seconds are fine, five minutes are not."""
    probe = doctor.clock(Time(NOW + seconds * 1_000_000), NOW)
    assert (probe.state, probe.must) == (state, must)


def test_one_clock_agrees_with_itself():
    """A zone on this machine has no other clock."""
    assert doctor.clock(NOW, None).state is State.OK


def test_others_must_not_reach_the_keys(tmp_path):
    """Each folder and file with too wide a mode is named with its chmod; narrower ones are fine."""
    home = tmp_path / "home"
    (home / "keys").mkdir(parents=True, mode=0o700)
    for path in (home / "keys" / "ledger", home / "keys" / "first.token", home / "recovery.key"):
        path.write_text("secret")
        path.chmod(0o600)
    home.chmod(0o700)
    (home / "keys" / "first.token").chmod(0o400)
    assert [probe.state for probe in doctor.permissions(home)] == [State.OK]
    (home / "keys" / "ledger").chmod(0o640)
    (home / "recovery.key").chmod(0o604)
    home.chmod(0o755)
    found = doctor.permissions(home)
    assert [probe.fix for probe in found] == [
        f"chmod 0700 {home}",
        f"chmod 0600 {home}/keys/ledger",
        f"chmod 0600 {home}/recovery.key",
    ]
    assert not doctor.is_safe(found)


@pytest.mark.parametrize(("free", "state"), [(20 << 30, State.OK), (5 << 30, State.WARN), (1 << 20, State.BAD)])
def test_a_disk_needs_room(free, state):
    """Ten GiB are plenty, less than one is bad; landing itself refuses when it is full."""
    probe = doctor.disk_space("/zone", free, 100 << 30)
    assert (probe.state, probe.must) == (state, False)


@pytest.mark.parametrize("kind", ["tmpfs", "overlay", "nfs4"])
def test_a_zone_does_not_lie_just_anywhere(kind):
    """What forgets, or lies about syncs, is refused unless whoever runs it wants it so."""
    assert doctor.reasons([doctor.file_system(kind)])
    assert doctor.file_system(kind, told=True).state is State.WARN
    assert doctor.file_system("ext4").state is State.OK


def test_parsers_that_are_not_shut_in_are_told():
    """A missing wall is a warning that says what could happen; where nothing is looked into, none is needed."""
    shut = doctor.inspection([], enabled=True)
    open_ = doctor.inspection(["Landlock"], enabled=True)
    assert (shut.state, open_.state) == (State.OK, State.WARN)
    assert "no Landlock:" in open_.seen
    assert open_.fix
    assert doctor.inspection(["Landlock"], enabled=False).state is State.OK


def test_a_lock_and_a_port_say_who_has_them():
    """Free is fine; taken is unsafe and names the holder."""
    assert doctor.lock(None).state is State.OK
    assert "process 7" in doctor.reasons([doctor.lock("process 7 on here")])[0]
    assert doctor.port("http", "127.0.0.1:8020", None).state is State.OK
    assert "process 8" in doctor.reasons([doctor.port("http", "127.0.0.1:8020", "process 8")])[0]


def pem(key: Ed25519PrivateKey, days: int) -> tuple[bytes, bytes]:
    """A certificate that ends in so many days, and its key."""
    now = dt.datetime.fromtimestamp(NOW / 1_000_000, dt.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "landing.example")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=400))
        .not_valid_after(now + dt.timedelta(days=days, hours=1))
        .sign(key, None)
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return made.public_bytes(Encoding.PEM), secret


@pytest.mark.parametrize(("days", "state"), [(60, State.OK), (10, State.WARN), (-2, State.BAD)])
def test_a_certificate_is_valid_for_a_while(days, state):
    """Thirty days before its end it is said; an expired one is bad, but does not keep the other doors shut."""
    probe = doctor.certificate("http", *pem(Ed25519PrivateKey.generate(), days), NOW)
    assert (probe.state, probe.must) == (state, False)


def test_a_certificate_has_its_own_key():
    """The wrong key, or a file that is none, is unsafe."""
    certificate, _ = pem(Ed25519PrivateKey.generate(), 60)
    _, other = pem(Ed25519PrivateKey.generate(), 60)
    assert not doctor.is_safe([doctor.certificate("http", certificate, other, NOW)])
    assert not doctor.is_safe([doctor.certificate("http", b"", other, NOW)])
    assert not doctor.is_safe([doctor.certificate("http", certificate, b"", NOW)])


@pytest.mark.parametrize(
    ("ours", "logs", "safe"),
    [("a", "a", True), ("a", None, True), ("a", "b", False), (None, "b", False), (None, None, False)],
)
def test_the_ledger_key_is_the_logs(ours, logs, safe):
    """It must be there, and be the one whose public part stands beside the log."""
    assert doctor.is_safe([doctor.ledger_key(ours, logs)]) is safe


def test_the_recovery_key_is_kept_elsewhere(tmp_path):
    """It is asked for until it was confirmed and the file is gone."""
    assert doctor.recovery_key(confirmed=False, here=tmp_path / "recovery.key").state is State.WARN
    assert doctor.recovery_key(confirmed=True, here=tmp_path / "recovery.key").state is State.WARN
    assert doctor.recovery_key(confirmed=False, here=None).state is State.WARN
    assert doctor.recovery_key(confirmed=True, here=None).state is State.OK


def test_checkpoints_keep_up():
    """An entry that no checkpoint covers after a minute is said."""
    head = new_head("log-1", 0, "").appended([b"one"], NOW)
    covered = Checkpoint("log-1", 1, head.root)
    assert doctor.ledger(head, None, NOW).state is State.OK
    assert doctor.ledger(head, None, Time(NOW + DAY)).state is State.WARN
    assert doctor.ledger(head, covered, Time(NOW + DAY)).state is State.OK


def sender(**more) -> Identity:
    """A sender with one credential."""
    facts: dict[str, Any] = {"kind": "token", "fingerprint": "token:a", "secret": "x", "added_at": Time(1)}
    one = Credential(**(facts | more))
    return Identity(name="acme", role=Role.SENDER, credentials=(one,))


@pytest.mark.parametrize(
    ("credential", "said"),
    [
        ({}, None),
        ({"expires_at": Time(NOW + 40 * DAY)}, None),
        ({"expires_at": Time(NOW + 3 * DAY)}, "ends in 3 days"),
        ({"expires_at": Time(NOW - DAY)}, "expired"),
        ({"expires_at": Time(NOW - DAY), "revoked_at": Time(5)}, None),
        ({"kind": "ssh_key", "secret": "ssh-rsa AAAA"}, "RSA"),
        ({"kind": "ssh_key", "secret": "ssh-ed25519 AAAA"}, None),
    ],
)
def test_credentials_that_end_or_are_old_are_named(credential, said):
    """Each with its sender, and with how to renew it."""
    (probe,) = doctor.senders([sender(**credential)], NOW)
    assert probe.state is (State.WARN if said else State.OK)
    assert said is None or (said in probe.seen and "rotate acme" in probe.fix)


@pytest.mark.parametrize(("declared", "fix"), [(False, "senders legacy acme off"), (True, "[senders.acme]")])
def test_who_may_use_weak_algorithms_is_named(declared, fix):
    """A warning, with what ends it: a command, or the line of the file."""
    (probe,) = doctor.senders([Identity(name="acme", role=Role.SENDER, legacy=True, declared=declared)], NOW)
    assert (probe.state, "acme" in probe.seen, fix in probe.fix) == (State.WARN, True, True)


def test_a_revoked_identity_needs_nothing():
    """Nobody is asked to renew what was taken away."""
    gone = Identity(
        name="acme", role=Role.SENDER, revoked_at=Time(1), credentials=sender(expires_at=Time(2)).credentials
    )
    assert [probe.state for probe in doctor.senders([gone], NOW)] == [State.OK]


class Belief(NamedTuple):
    number: int
    sentence: str
    must: bool


def test_a_belief_that_must_hold_makes_a_store_unsafe():
    """The others are warnings."""
    must, may = Belief(1, "It refuses what is there.", True), Belief(2, "It is quick.", False)  # noqa: FBT003
    assert doctor.is_safe([doctor.belief(must, holds=True, seen="412")])
    assert "It refuses what is there. 200" in doctor.reasons([doctor.belief(must, holds=False, seen="200")])[0]
    assert doctor.belief(may, holds=False, seen="9 s").state is State.WARN
