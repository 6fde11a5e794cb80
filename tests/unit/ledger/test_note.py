from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from headwater.ledger.note import (
    NOTE_SIZE_BYTES_MAX,
    NoteError,
    Signer,
    Verifier,
    decode_base64,
    decode_decimal,
    fingerprint,
    open_note,
    sign_note,
)

# The example of c2sp.org/signed-note.
SPEC_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_TEXT = "This is an example message.\n"
SPEC_LINE = (
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
# The keys and the note of the documentation of Go's golang.org/x/mod/sumdb/note.
GO_SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)

ALICE = Signer("alice.example/log", Ed25519PrivateKey.from_private_bytes(b"a" * 32))
BOB = Signer("bob.example", Ed25519PrivateKey.from_private_bytes(b"b" * 32))
TEXT = "some\n\ntext\n"


def foreign_line(name="carol.example", size_bytes=64):
    """A signature line of a key that nobody knows."""
    return f"— {name} {b64encode(bytes(4 + size_bytes)).decode()}\n"


def test_the_specification_s_example_opens():
    """The example's key is read, its note gives its text."""
    verifier = Verifier.parse(SPEC_VKEY)
    assert verifier.vkey == SPEC_VKEY
    assert verifier.key_id.hex() == "530d903a"
    assert open_note(f"{SPEC_TEXT}\n{SPEC_LINE}", [verifier]) == SPEC_TEXT


def test_notes_are_signed_as_go_signs_them():
    """From Go's example secret come its public key and, byte for byte, its note."""
    signer = Signer.from_secret(GO_SECRET)
    assert (signer.name, signer.vkey, signer.secret()) == ("PeterNeumann", GO_VKEY, GO_SECRET)
    assert sign_note(GO_TEXT, signer) == f"{GO_TEXT}\n{GO_LINE}"


def test_a_new_key_survives_its_text_form():
    """A generated key, written and read again, signs the same signature; its public half checks it."""
    signer = Signer.generate("alice.example/log")
    again = Signer.from_secret(signer.secret())
    assert again.sign(TEXT) == signer.sign(TEXT)
    assert open_note(sign_note(TEXT, again), [Verifier.parse(signer.vkey)]) == TEXT
    assert Signer.generate(signer.name).vkey != signer.vkey


@pytest.mark.parametrize("key", [SPEC_VKEY, GO_SECRET])
def test_a_mangled_key_is_refused_in_silence(key):
    """No key with a character cut, doubled or changed is read, and no error repeats what was given."""
    parse = Signer.from_secret if key == GO_SECRET else Verifier.parse
    for at in range(len(key)):
        for other in (key[:at], key[at + 1 :], key[:at] + key[at] + key[at:], key[:at] + "!" + key[at + 1 :]):
            with pytest.raises(NoteError) as refusal:
                parse(other)
            assert key[-20:] not in str(refusal.value)
            assert refusal.value.__context__ is None


@pytest.mark.parametrize("vkey", ["", "a", "a+b", "a+b+", "++", SPEC_VKEY + "\n", " " + SPEC_VKEY])
def test_what_is_no_key_is_refused(vkey):
    """Nothing, too few parts, or a good key with a newline or a space around it."""
    with pytest.raises(NoteError):
        Verifier.parse(vkey)


def test_a_key_of_another_type_is_refused():
    """A well-formed key of a witness cosignature (type 0x04) is not taken for one of ours."""
    key = b"\x04" + ALICE.verifier.public_key
    key_id = sha256(b"witness.example\n" + key).hexdigest()[:8]
    with pytest.raises(NoteError, match="not an Ed25519"):
        Verifier.parse(f"witness.example+{key_id}+{b64encode(key).decode()}")


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a\N{NO-BREAK SPACE}b", "a\u2003b", "a+b", "a\nb", "a\tb", "a\0b", "a\ud800"]
)
def test_a_key_has_a_name_that_can_stand_in_a_note(name):
    """Empty names and names with Unicode spaces, a plus, control characters or half a character are refused."""
    with pytest.raises(NoteError):
        Signer.generate(name)


def test_an_ed25519_public_key_has_32_bytes():
    """A verifier with a byte less or more cannot be made."""
    for size_bytes in (0, 31, 33):
        with pytest.raises(NoteError):
            Verifier("alice.example", bytes(size_bytes))


def test_a_signer_does_not_show_its_secret():
    """Neither repr nor str of a signer holds its private key."""
    assert repr(ALICE) == str(ALICE) == "Signer(name='alice.example/log')"


def test_a_fingerprint_is_the_whole_hash_of_name_and_key():
    """`SHA256:` and 43 characters, of which the key id is the beginning; another name gives another one."""
    assert fingerprint(SPEC_VKEY) == "SHA256:Uw2QOn6j34aYvw4cI5EHBfOhbJOUmgYQmXTOoLz/99c"
    assert decode_base64(fingerprint(SPEC_VKEY).removeprefix("SHA256:") + "=")[:4].hex() == "530d903a"
    assert fingerprint(ALICE.vkey) != Verifier("other", ALICE.verifier.public_key).fingerprint


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]) | st.just("\n")))
def test_every_text_comes_back(text):
    """Whatever its blank lines and characters, the text of a note signed by two is what either key opens."""
    note = sign_note(text + "\n", ALICE, BOB)
    for signer in (ALICE, BOB):
        assert open_note(note, [signer.verifier]) == text + "\n"


@pytest.mark.parametrize("text", ["", "no newline", "a\tb\n", "a\r\n", "\0\n", "\x1f\n", "\ud800\n"])
def test_text_that_a_note_cannot_hold_is_not_signed(text):
    """Without a last newline, with control characters or half a character: refused."""
    with pytest.raises(NoteError):
        sign_note(text, ALICE)


def test_a_note_is_signed_by_somebody():
    """Without a signer there is no note."""
    with pytest.raises(NoteError):
        sign_note(TEXT)


def test_signatures_by_unknown_keys_are_passed_over():
    """Other keys' lines, also one with a known name or a known id but not both, do not keep a note from opening."""
    name_twin = foreign_line(ALICE.name)
    id_twin = f"— dave.example {b64encode(ALICE.verifier.key_id + bytes(64)).decode()}\n"
    note = sign_note(TEXT, BOB, ALICE)
    assert open_note(note + foreign_line() + name_twin + id_twin, [ALICE.verifier]) == TEXT


@pytest.mark.parametrize("verifiers", [[], [BOB.verifier]])
def test_a_note_that_no_known_key_signed_is_refused(verifiers):
    """At least one signature by a known key is needed."""
    with pytest.raises(NoteError, match="no trusted key"):
        open_note(sign_note(TEXT, ALICE), verifiers)


def test_a_failing_signature_by_a_known_key_is_refused():
    """One known key's good signature does not make up for another known key's bad one, in either order."""
    bad = BOB.sign("another text\n")
    for lines in (ALICE.sign(TEXT) + bad, bad + ALICE.sign(TEXT), ALICE.sign(TEXT) + ALICE.sign("another text\n")):
        with pytest.raises(NoteError, match="is not on this note"):
            open_note(f"{TEXT}\n{lines}", [ALICE.verifier, BOB.verifier])


def test_no_changed_note_opens():
    """Any character of the text changed, left out or added, and the signature does not hold."""
    note = sign_note("ab\n\ncd\n", ALICE)
    for at in range(7):
        for changed in (note[:at] + note[at + 1 :], note[:at] + "x" + note[at:]):
            with pytest.raises(NoteError):
                open_note(changed, [ALICE.verifier])


def test_two_trusted_keys_of_one_name_and_id_are_refused():
    """Which of two keys to trust must never depend on their order; the same key twice is fine."""

    class Twin(Verifier):
        key_id = ALICE.verifier.key_id

    twin = Twin(ALICE.name, BOB.verifier.public_key)
    note = sign_note(TEXT, ALICE)
    with pytest.raises(NoteError, match="both called"):
        open_note(note, [ALICE.verifier, twin])
    assert open_note(note, [ALICE.verifier, ALICE.verifier]) == TEXT


def test_sixteen_signatures_of_5_kb_are_accepted():
    """A note with as many and as big signatures as the specification tells to expect opens."""
    foreign = "".join(foreign_line(f"witness{number}.example", 5_000) for number in range(15))
    assert open_note(sign_note(TEXT, ALICE) + foreign, [ALICE.verifier]) == TEXT


@pytest.mark.parametrize("letter", ["a", "\N{EM DASH}"])
def test_a_note_has_a_greatest_size(letter):
    """A note of exactly that many bytes opens, one of a few more does not."""
    rest = len(sign_note("\n", ALICE).encode())
    fitting = "a" * ((NOTE_SIZE_BYTES_MAX - rest) % len(letter.encode()))
    fitting += letter * ((NOTE_SIZE_BYTES_MAX - rest) // len(letter.encode())) + "\n"
    assert open_note(sign_note(fitting, ALICE), [ALICE.verifier]) == fitting
    with pytest.raises(NoteError, match="at most"):
        open_note(sign_note(letter + fitting, ALICE), [ALICE.verifier])


LINE = ALICE.sign(TEXT)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        TEXT,
        f"{TEXT}\n",
        LINE,
        f"\n{LINE}",
        f"some text\n{LINE}",
        f"{TEXT}\n{LINE[:-1]}",
        f"{TEXT}\n{LINE}\n",
        f"{TEXT}\n{LINE}trailer\n",
        f"{TEXT}\n{LINE}\n{LINE}",
        f"{TEXT}\nheader\n{LINE}",
        f"{TEXT}\n{LINE.replace('—', '-')}",
        f"{TEXT}\n{LINE.replace('— ', '—')}",
        f"{TEXT}\n{LINE.replace('— ', '—  ')}",
        f"{TEXT}\n{LINE.replace('log ', 'log')}",
        f"{TEXT}\n{LINE[:-1]} \n",
        f"{TEXT}\n{LINE[:-1]}\r\n",
        f"{TEXT}\n{LINE}— \n",
        f"{TEXT}\n{LINE}— carol.example\n",
        f"{TEXT}\n{LINE}— carol.example \n",
        f"{TEXT}\n{LINE}— carol.example AAAAAA==\n",
        f"{TEXT}\n{LINE}— carol.example AAAAAAA\n",
        f"{TEXT}\n{LINE}— carol.example AAAAAAB=\n",
        f"{TEXT}\n{LINE}— carol.example AAAA AAA=\n",
        f"{TEXT}\n{LINE}— carol.example AAAA-_A=\n",
        f"{TEXT}\n{LINE}— car+ol.example AAAAAAA=\n",
        f"{TEXT}\n{LINE}— car\u2003ol.example AAAAAAA=\n",
        f"\t{TEXT}\n{LINE}",
        f"{TEXT}\n{LINE}— carol\0 AAAAAAA=\n",
        f"\ud800{TEXT}\n{LINE}",
    ],
)
def test_a_malformed_note_is_refused(note):
    """No text, no blank line, a line that is no signature, another base64, a control character: refused whole."""
    with pytest.raises(NoteError):
        open_note(note, [ALICE.verifier])


@given(st.binary())
def test_base64_comes_back(data):
    """Padded standard base64 of any bytes is read."""
    assert decode_base64(b64encode(data).decode()) == data


@pytest.mark.parametrize(
    "text", ["aGk", "aGl=", "aGk==", "aGk=\n", " aGk=", "aG k=", "aGk=aGk=", "-_8=", "=", "\u0661GV="]
)
def test_base64_has_one_spelling(text):
    """Without its padding or with more, with unused bits set, with spaces, in the URL alphabet: refused."""
    with pytest.raises(NoteError):
        decode_base64(text)


def test_decimals_have_one_spelling():
    """Plain decimals of up to 19 digits; no sign, space, leading zero or foreign digit."""
    assert [decode_decimal(text) for text in ("0", "7", "1234067", str(2**63 - 1))] == [0, 7, 1234067, 2**63 - 1]
    for wrong in ("", "00", "01", "-0", "1.0", "1e3", "\uff11", "1\n", "9" * 20):
        with pytest.raises(NoteError):
            decode_decimal(wrong)
