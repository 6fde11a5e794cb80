from __future__ import annotations

import base64
import hashlib
import re
import subprocess
from unittest.mock import Mock

import pytest

from headwater.errors import Refused
from headwater.gate.credentials import (
    NewSecrets,
    certificate_credential,
    dated,
    looks_like_token,
    new_password,
    new_token,
    password_credential,
    ssh_key_credential,
    token_credential,
    token_digest,
)
from headwater.terms import Time
from tests.unit.gate.world import Entropy

BLOB = b"\0\0\0\x0bssh-ed25519\0\0\0 " + bytes(32)
KEY = "ssh-ed25519 " + base64.b64encode(BLOB).decode()


def test_a_token_has_256_bits_and_a_form_of_its_own():
    """A token is `hw_` and 43 characters, made of 32 bytes of chance, and is known by its looks."""
    entropy = Mock(return_value=bytes(32))
    token = new_token(entropy)
    entropy.assert_called_once_with(32)
    assert re.fullmatch(r"hw_[A-Za-z0-9_-]{43}", token)
    assert looks_like_token(token)
    assert not looks_like_token(token[:-1])
    assert not looks_like_token("x" + token[1:])


def test_only_the_digest_of_a_token_is_kept():
    """The credential of a token holds its SHA-256, and shows the first 16 characters of that."""
    token = new_token(Entropy())
    credential = token_credential(token_digest(token))
    digest = hashlib.sha256(token.encode()).hexdigest()
    assert credential.secret == digest
    assert credential.fingerprint == f"token:{digest[:16]}"


def test_a_password_has_144_bits():
    """A password is 24 characters made of 18 bytes of chance."""
    entropy = Mock(return_value=bytes(18))
    assert len(new_password(entropy)) == 24
    entropy.assert_called_once_with(18)


def test_the_fingerprint_of_a_password_is_of_its_salted_hash():
    """Two hashes of one password have different fingerprints, so nobody can compare passwords by them."""
    assert password_credential("$argon2id$a").fingerprint != password_credential("$argon2id$b").fingerprint


def test_new_secrets_do_not_show():
    """The repr of new secrets names them and does not tell them."""
    assert repr(NewSecrets(token="hw_abc", password=None)) == "NewSecrets(token=…)"


def test_an_ssh_key_has_the_fingerprint_that_openssh_prints(tmp_path):
    """`ssh-keygen -l` and we agree on a fresh key's fingerprint, whatever its comment."""
    try:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "k", "-C", "a b c"], check=True)
    except FileNotFoundError:
        pytest.skip("ssh-keygen is not here")
    listed = subprocess.run(["ssh-keygen", "-lf", tmp_path / "k.pub"], check=True, capture_output=True, text=True)
    assert ssh_key_credential((tmp_path / "k.pub").read_text()).fingerprint == listed.stdout.split()[1]


def test_an_ssh_key_is_kept_without_its_comment():
    """Kind and body of the key are stored, its comment and white space are not."""
    assert ssh_key_credential(f" {KEY} me@here\n").secret == KEY


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ssh-ed25519",
        "ssh-ed25519 !!!!",
        "ssh-ed25519 é",
        "ssh-dss " + base64.b64encode(b"\0\0\0\x07ssh-dss").decode(),
        "ssh-rsa " + base64.b64encode(BLOB).decode(),
        "-----BEGIN OPENSSH PRIVATE KEY-----",
    ],
)
def test_what_is_no_public_key_is_refused(line):
    """Broken keys, keys of another kind than they say, and private keys are refused, and not repeated."""
    with pytest.raises(Refused, match="no public SSH key") as caught:
        ssh_key_credential(line)
    assert caught.value.reason == "bad_request"


def test_a_certificate_is_named_by_its_sha256():
    """64 hex characters, with colons or without, in any case, name one certificate."""
    plain = "ab" * 32
    assert certificate_credential(":".join(["AB"] * 32)) == certificate_credential(plain)
    with pytest.raises(Refused):
        certificate_credential(plain[:-2])


def test_a_credential_ends_with_its_lifetime():
    """A lifetime counts from the time of adding; without one a credential does not end."""
    credential = token_credential("0" * 64)
    assert dated(credential, Time(5), 2.0).expires_at == Time(2_000_005)
    assert dated(credential, Time(5)).expires_at is None
    assert dated(credential, Time(5)).added_at == Time(5)
