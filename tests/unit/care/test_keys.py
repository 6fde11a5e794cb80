from __future__ import annotations

import pytest

from headwater.care.keys import RecoveryKey, RecoveryPublic
from headwater.errors import Misconfigured
from headwater.ledger.note import open_note, sign_note


def test_a_key_is_what_its_file_says():
    """The file, read again, is the same key, and its first lines say what it is."""
    key = RecoveryKey.generate()
    assert RecoveryKey.parse(key.text()).public == key.public
    assert key.text().startswith("# Headwater's recovery key.")


def test_a_key_may_come_from_paper():
    """Case, spaces and line breaks do not matter; comment lines may be missing."""
    key = RecoveryKey.generate()
    word = key.text().splitlines()[-1].lower()
    grouped = " ".join(word[at : at + 4] for at in range(0, len(word), 4))
    assert RecoveryKey.parse(f"\n  {grouped[:40]}\n{grouped[40:]}\n").public == key.public


@pytest.mark.parametrize("at", [-2, -20, -40])
def test_a_slip_in_a_key_is_noticed(at):
    """One character copied wrongly, and it is refused, without being quoted."""
    text = RecoveryKey.generate().text()
    wrong = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
    with pytest.raises(Misconfigured) as refused:
        RecoveryKey.parse(wrong)
    assert text[-30:-1] not in str(refused.value)


@pytest.mark.parametrize(
    "text", ["", "# only a comment", "HEADWATER-RECOVERY-KEY-", "HEADWATER-RECOVERY-KEY-AAAA", "ß"]
)
def test_what_is_no_key_is_refused(text):
    """Nothing else passes for a key."""
    with pytest.raises(Misconfigured):
        RecoveryKey.parse(text)


def test_a_key_does_not_show_itself():
    """Neither repr nor the public part hold the secret."""
    key = RecoveryKey.generate()
    word = key.text().splitlines()[-1].removeprefix("HEADWATER-RECOVERY-KEY-")
    assert word not in repr(key)
    assert word not in str(key.public)


def test_the_public_part_is_what_it_says():
    """Text and back; two keys differ in it and in the fingerprint."""
    public = RecoveryKey.generate().public
    assert RecoveryPublic.parse(f"{public}\n") == public
    assert RecoveryKey.generate().public.fingerprint != public.fingerprint


@pytest.mark.parametrize(
    "text", ["", "headwater-recovery+", "headwater-recovery+AAAA", "other+AAAA", "headwater-recovery+?"]
)
def test_what_is_no_public_part_is_refused(text):
    """Nothing else passes for the public part."""
    with pytest.raises(Misconfigured):
        RecoveryPublic.parse(text)


def test_it_signs_notes():
    """A note that the recovery key signed opens with its public part under the same name."""
    key = RecoveryKey.generate()
    signer = key.signer("zone-recovery")
    assert signer.verifier.public_key == key.public.signing
    assert open_note(sign_note("closing\n", signer), [signer.verifier]) == "closing\n"
