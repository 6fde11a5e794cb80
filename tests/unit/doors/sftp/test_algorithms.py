from __future__ import annotations

import asyncssh
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.doors.sftp.algorithms import (
    LEGACY,
    MODERN,
    algorithms,
    is_legacy,
    legacy_wanted,
    made_out_to,
    signed_with,
)
from headwater.ports.books import Identity
from headwater.terms import Role, Time

NOW = Time(1_795_000_000_000_000)
AGREED = ("curve25519-sha256", "aes128-ctr", "hmac-sha2-256", "rsa-sha2-512")


def sender(**more):
    """A sender."""
    return Identity(name="acme", role=Role.SENDER, **more)


@pytest.mark.parametrize("legacy", [False, True])
def test_all_that_is_named_is_known(legacy):
    """Every algorithm of the lists is one of asyncssh's, under this name, and a server takes it."""
    offered = algorithms(legacy=legacy)
    for field in MODERN.__struct_fields__:
        old = getattr(LEGACY, field) if legacy and field != "compression_algs" else ()
        assert getattr(offered, field) == (*getattr(MODERN, field), *old)
    key = asyncssh.generate_private_key("ssh-ed25519")
    asyncssh.SSHServerConnectionOptions(server_host_keys=[key], **msgspec.structs.asdict(offered))


def test_what_the_machine_lacks_is_not_offered(monkeypatch):
    """An algorithm whose library is not there is left out, and the others still are offered."""
    monkeypatch.setitem(algorithms.__globals__["_KNOWN"], "mac_algs", lambda: [b"hmac-sha2-256"])
    assert algorithms(legacy=True).mac_algs == ("hmac-sha2-256",)


def test_nothing_weak_is_offered_to_all():
    """No SHA-1, no CBC, no compression, and no host key or signature of a kind that was given up."""
    weak = ("sha1", "cbc", "md5", "arcfour", "3des", "zlib", "-96", "umac-64")
    names = [name for field in MODERN.__struct_fields__ for name in getattr(MODERN, field)]
    assert [name for name in names if any(part in name for part in weak)] == []
    assert not {"ssh-rsa", "ssh-dss"} & set(MODERN.signature_algs)


@pytest.mark.parametrize(
    "agreed",
    [
        ("diffie-hellman-group14-sha1", *AGREED[1:]),
        (AGREED[0], "aes128-cbc", *AGREED[2:]),
        (*AGREED[:2], "hmac-sha1", AGREED[3]),
        (*AGREED[:3], "ssh-rsa"),
        (*AGREED, "ssh-rsa"),
    ],
)
def test_one_old_algorithm_is_enough(agreed):
    """A connection is an old one when key exchange, cipher, MAC, host key or the client's signature is."""
    assert not is_legacy(*AGREED)
    assert not is_legacy(*AGREED, "ssh-ed25519")
    assert is_legacy(*agreed)


def test_a_cipher_with_its_own_authentication_needs_no_mac():
    """Whatever is said of a MAC beside GCM or ChaCha20-Poly1305 does not count."""
    for cipher in ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"):
        assert not is_legacy(AGREED[0], cipher, "", AGREED[3])
        assert not is_legacy(AGREED[0], cipher, cipher, AGREED[3])


def test_old_algorithms_are_wanted_while_somebody_may_use_them():
    """Who was revoked or has expired wants nothing any more."""
    assert not legacy_wanted([sender()], NOW)
    assert legacy_wanted([sender(), sender(legacy=True)], NOW)
    assert not legacy_wanted([sender(legacy=True, revoked_at=Time(1)), sender(legacy=True, expires_at=NOW)], NOW)


RSA, ED25519 = asyncssh.generate_private_key("ssh-rsa", key_size=2048), asyncssh.generate_private_key("ssh-ed25519")


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(RSA, "ssh-rsa"), (RSA, "rsa-sha2-256"), (ED25519, "ssh-ed25519")],
    ids=["ssh-rsa", "rsa-sha2-256", "ssh-ed25519"],
)
def test_a_signature_says_what_it_was_made_with(key, algorithm):
    """Of a plain key there is one, and none while a client only asks whether the key would do."""
    signature = key.sign(b"data", algorithm.encode())
    assert signed_with(key.public_data, signature) == (algorithm,)
    assert signed_with(key.public_data, b"") == ()
    assert is_legacy(*AGREED, *signed_with(key.public_data, signature)) is (algorithm == "ssh-rsa")
    assert made_out_to(key.public_data) is None


@pytest.mark.parametrize("algorithm", ["ssh-rsa", "rsa-sha2-512"])
def test_a_certificate_says_what_its_ca_signed_it_with(algorithm):
    """Beside the client's own signature: a certificate over SHA-1 makes a login an old one."""
    certificate = RSA.generate_user_certificate(ED25519, "id", principals=["acme", "beta"], sig_alg=algorithm)
    signature = ED25519.sign(b"data", b"ssh-ed25519")
    found = signed_with(certificate.public_data, signature)
    assert found == ("ssh-ed25519", algorithm)
    assert signed_with(certificate.public_data, b"") == (algorithm,)
    assert is_legacy(*AGREED, *found) is (algorithm == "ssh-rsa")
    assert made_out_to(certificate.public_data) == ["acme", "beta"]


def test_a_certificate_may_be_made_out_to_nobody():
    """It is told from a plain key: nobody may log in with it."""
    certificate = RSA.generate_user_certificate(ED25519, "id", sig_alg="rsa-sha2-512")
    assert made_out_to(certificate.public_data) == []


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_nonsense_is_a_plain_key(key_data, signature):
    """Whatever a stranger sends in the place of key and signature is read without a fault."""
    assert made_out_to(key_data) is None
    assert len(signed_with(key_data, signature)) == bool(signature)
