from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from headwater.care.bundle import ProvedEntry, build_bundle
from headwater.care.checking import LIMITS, Check, Result, check_bundle, holds
from headwater.care.proving import tlog_proof
from headwater.errors import Damaged, Refused, Unavailable
from headwater.ledger.entries import Amended, Void, decode
from headwater.ledger.note import Checkpoint, NoteError, Signer, sign_note
from headwater.terms import Completeness

DATA = b"id,name\n1,Ada\n"


async def about(zone, receipt) -> list[ProvedEntry]:
    """Every entry about a delivery, as `History.entries_about` gives them."""
    return [
        (place, data)
        async for place, data in zone.reader.read(0, 10**6)
        if getattr(decode(data), "id", None) == receipt.id
    ]


async def bundle_of(zone, receipt, **more) -> bytes:
    """The whole bundle of a delivery."""
    entries = await about(zone, receipt)
    return b"".join([piece async for piece in build_bundle(entries, zone.reader, zone.files, **more)])


def repacked(bundle: bytes, **changes: bytes | None) -> bytes:
    """The bundle with some members replaced, added, or (None) left out."""
    members = members_of(bundle)
    members |= changes  # type: ignore[arg-type]
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in members.items():
            if data is not None:
                archive.writestr(name, data)
    return target.getvalue()


def members_of(bundle: bytes) -> dict[str, bytes]:
    """Its members by name."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def result(checks: list[Check], name: str) -> Check:
    """The check of this name."""
    return next(check for check in checks if check.name == name)


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """The file as the auditor has it."""
    path = tmp_path / "file.csv"
    path.write_bytes(DATA)
    return path


async def test_a_bundle_proves_its_file_to_who_has_the_key(zone, given):
    """With the file and the right key every check holds, and none is left out."""
    receipt = await zone.land(DATA)
    await zone.checkpoint()
    checks = check_bundle(await bundle_of(zone, receipt), given, zone.signer.vkey)
    assert [(check.name, check.result) for check in checks] == [
        ("receipt", Result.OK),
        ("key", Result.OK),
        ("file", Result.OK),
    ]


async def test_a_bundle_needs_no_home(zone, given, tmp_path):
    """The zone may be gone: bundle, file and key are enough."""
    receipt = await zone.land(DATA)
    await zone.checkpoint()
    path = tmp_path / "proof.zip"
    path.write_bytes(await bundle_of(zone, receipt))
    zone.folder.rename(tmp_path / "gone")
    assert holds(check_bundle(path, given, zone.signer.vkey))


async def test_without_a_key_to_trust_it_fails_and_says_the_fingerprint(zone, given):
    """The bundle's own key proves nothing: its fingerprint is shown for comparing, and the check fails."""
    receipt = await zone.land(DATA)
    await zone.checkpoint()
    checks = check_bundle(await bundle_of(zone, receipt), given, None)
    assert result(checks, "key").result is Result.FAILED
    assert zone.signer.verifier.fingerprint in result(checks, "key").sentence
    assert not holds(checks)


async def test_another_key_is_not_trusted(zone, given):
    """A key of the same name that is not the log's fails, and both fingerprints are said."""
    receipt = await zone.land(DATA)
    await zone.checkpoint()
    other = Signer.generate(zone.signer.name)
    check = result(check_bundle(await bundle_of(zone, receipt), given, other.vkey), "key")
    assert check.result is Result.FAILED
    assert other.verifier.fingerprint in check.sentence
    assert zone.signer.verifier.fingerprint in check.sentence


async def test_a_forged_log_needs_a_forged_key(zone, given):
    """Whoever makes a log of their own with the trusted key's name is found out by the key."""
    receipt = await zone.land(DATA)
    await zone.checkpoint()
    bundle = await bundle_of(zone, receipt)
    forger = Signer.generate(zone.signer.name)
    members = members_of(bundle)
    head, _, note = members["receipt.tlog-proof"].decode().partition("\n\n")
    text = note.rpartition("\n\n")[0] + "\n"
    forged = repacked(
        bundle,
        **{
            "receipt.tlog-proof": f"{head}\n\n{sign_note(text, forger)}".encode(),
            "keys.txt": f"{forger.vkey}\n".encode(),
        },
    )
    checks = check_bundle(forged, given, zone.signer.vkey)
    assert result(checks, "receipt").result is Result.OK
    assert result(checks, "key").result is Result.FAILED


@pytest.mark.parametrize(
    ("data", "said"), [(DATA + b"x", "more bytes"), (DATA[:-1], "fewer bytes"), (b"x" * len(DATA), "SHA-256")]
)
async def test_another_file_is_told_apart(zone, given, data, said):
    """A file with one byte more, less or other fails, and the sentence says how it differs."""
    receipt = await zone.land(DATA)
    await zone.checkpoint()
    given.write_bytes(data)
    check = result(check_bundle(await bundle_of(zone, receipt), given, zone.signer.vkey), "file")
    assert check.result is Result.FAILED
    assert said in check.sentence


async def test_without_a_file_nothing_is_said_of_one(zone):
    """The check of the file is neither passed nor failed; the bundle may hold otherwise."""
    receipt = await zone.land(DATA)
    await zone.checkpoint()
    checks = check_bundle(await bundle_of(zone, receipt), None, zone.signer.vkey)
    assert result(checks, "file").result is Result.UNCHECKED
    assert holds(checks)


async def test_the_bytes_can_come_along(zone):
    """A bundle with the bytes is checked against its own; they are under the end of the object's key."""
    data = bytes(range(256)) * 8192
    receipt = await zone.land(data)
    await zone.checkpoint()
    bundle = await bundle_of(zone, receipt, content=zone.store.reader)
    assert members_of(bundle)[f"bytes/{receipt.id}-x.csv"] == data
    assert result(check_bundle(bundle, None, zone.signer.vkey), "file").result is Result.OK


async def test_a_bundle_is_made_in_pieces(zone):
    """The bytes pass through without being gathered: no piece is much larger than the store's."""
    receipt = await zone.land(b"x" * (5 << 20))
    await zone.checkpoint()
    entries = await about(zone, receipt)
    bundle = build_bundle(entries, zone.reader, zone.files, content=zone.store.reader)
    assert max([len(piece) async for piece in bundle]) < 2 << 20


async def test_the_same_bundle_is_the_same_bytes(zone):
    """Nothing in it depends on when or where it was made."""
    receipt = await zone.land(DATA)
    await zone.checkpoint()
    assert await bundle_of(zone, receipt) == await bundle_of(zone, receipt)


async def test_the_receipt_is_the_exact_entry(zone):
    """receipt.json holds the ledger's bytes, and the proof's extra repeats them."""
    receipt = await zone.land(DATA)
    await zone.checkpoint()
    ((_, entry),) = await about(zone, receipt)
    assert members_of(await bundle_of(zone, receipt))["receipt.json"] == entry


async def test_a_changed_receipt_is_not_in_the_ledger(zone, given):
    """One character of the receipt changed, and it is not shown to be in the log."""
    receipt = await zone.land(DATA)
    await zone.checkpoint()
    bundle = await bundle_of(zone, receipt)
    entry = members_of(bundle)["receipt.json"].replace(b'"a.csv"', b'"b.csv"')
    proof = members_of(bundle)["receipt.tlog-proof"].decode().split("\n")
    without_extra = "\n".join([proof[0], *proof[2:]]).encode()
    for members in ({"receipt.json": entry}, {"receipt.json": entry, "receipt.tlog-proof": without_extra}):
        (check,) = check_bundle(repacked(bundle, **members), given, zone.signer.vkey)
        assert (check.name, check.result) == ("receipt", Result.FAILED)


async def test_later_entries_come_along_with_their_proofs(zone, given):
    """What was entered afterwards is proved and told; the README lists the delivery."""
    receipt = await zone.land(DATA)
    await zone.enter(Amended(v=1, id=receipt.id, completeness=Completeness.SUSPECT, reason="withdrawn"))
    await zone.enter(Void(v=1, id=receipt.id, by="ops", reason="wrong file"))
    await zone.checkpoint()
    bundle = await bundle_of(zone, receipt)
    checks = check_bundle(bundle, given, zone.signer.vkey)
    assert "withdrawn" in result(checks, "later/0001-amended").sentence
    assert "wrong file" in result(checks, "later/0002-void").sentence
    assert holds(checks)
    readme = members_of(bundle)["README.txt"].decode()
    assert receipt.sha256 in readme
    assert all(limit in readme for limit in LIMITS)


async def test_a_later_entry_about_something_else_fails(zone, given):
    """An entry of the log that is not about this delivery does not belong into its bundle."""
    receipt, other = await zone.land(DATA), await zone.land(b"other")
    await zone.enter(Void(v=1, id=other.id, by="ops", reason="wrong file"))
    await zone.checkpoint()
    entries = [*await about(zone, receipt), *(await about(zone, other))[1:]]
    bundle = b"".join([piece async for piece in build_bundle(entries, zone.reader, zone.files)])
    assert result(check_bundle(bundle, given, zone.signer.vkey), "later/0001-void").result is Result.FAILED


async def test_a_later_entry_that_was_never_entered_fails(zone, given):
    """An invented entry is not shown to be in the log."""
    receipt = await zone.land(DATA)
    await zone.checkpoint()
    bundle = await bundle_of(zone, receipt)
    proof = members_of(bundle)["receipt.tlog-proof"]
    void = f'{{"at":"","by":"x","id":"{receipt.id}","kind":"void","reason":"","v":1}}'.encode()
    forged = repacked(bundle, **{"later/0001-void.json": void, "later/0001-void.tlog-proof": proof})
    assert result(check_bundle(forged, given, zone.signer.vkey), "later/0001-void").result is Result.FAILED


async def test_checkpoints_kept_outside_vouch_for_the_receipt(zone, given):
    """Those that cover it come along; those from before it, or of another log, do not."""
    await zone.land(b"earlier")
    before = await zone.checkpoint()
    receipt = await zone.land(DATA)
    kept = await zone.checkpoint()
    await zone.land(b"later")
    await zone.checkpoint()
    stranger = sign_note(Checkpoint("else", 9, bytes(32)).text(), Signer.generate("else"))
    bundle = await bundle_of(zone, receipt, kept=[before, kept, stranger])
    assert [name for name in members_of(bundle) if name.startswith("checkpoints/")] == ["checkpoints/3.tlog-proof"]
    assert result(check_bundle(bundle, given, zone.signer.vkey), "checkpoints/3").result is Result.OK


async def test_a_kept_checkpoint_of_another_tree_is_found(zone, given):
    """A checkpoint that the key signed over another tree does not fit, and the bundle fails."""
    receipt = await zone.land(DATA)
    await zone.checkpoint()
    forked = sign_note(Checkpoint(zone.signer.name, 2, bytes(32)).text(), zone.signer)
    with pytest.raises(Damaged, match="cannot prove"):
        await bundle_of(zone, receipt, kept=[forked])
    bundle = await bundle_of(zone, receipt)
    head = members_of(bundle)["receipt.tlog-proof"].decode().partition("\n\n")[0]
    forged = repacked(bundle, **{"checkpoints/2.tlog-proof": f"{head}\n\n{forked}".encode()})
    assert result(check_bundle(forged, given, zone.signer.vkey), "checkpoints/2").result is Result.FAILED


async def test_trust_goes_on_to_the_next_log(zone, given):
    """Who trusts the key of an earlier log trusts a delivery of a later one, and the other way round."""
    first = await zone.land(DATA)
    await zone.rotate()
    signer = await zone.rotate()
    last = await zone.land(DATA)
    await zone.checkpoint()
    for receipt in (first, last):
        bundle = await bundle_of(zone, receipt)
        assert holds(check_bundle(bundle, given, signer.vkey))
    assert holds(check_bundle(await bundle_of(zone, first), given, zone.signer.vkey))
    checks = check_bundle(await bundle_of(zone, last), given, zone.signer.vkey)
    assert result(checks, "key").result is Result.FAILED, "a bundle's links lead from its own log on, not back"


async def test_links_do_not_lend_trust_to_a_stranger(zone, given):
    """Links that a stranger's logs prove hand on no trust in a key that nobody named."""
    receipt = await zone.land(DATA)
    await zone.rotate()
    await zone.checkpoint()
    stranger = Signer.generate("stranger")
    assert not holds(check_bundle(await bundle_of(zone, receipt), given, stranger.vkey))


async def test_what_did_not_land_has_no_bundle(zone):
    """No entries, or none that is a receipt: not found."""
    with pytest.raises(Refused):
        await anext(build_bundle([], zone.reader, zone.files))
    opened = [each async for each in zone.reader.read(0, 1)]
    with pytest.raises(Refused):
        await anext(build_bundle(opened, zone.reader, zone.files))


async def test_a_receipt_that_no_checkpoint_covers_yet_is_for_later(zone):
    """Before anything is given out it is said that the call may be made again."""
    receipt = await zone.land(DATA)
    entries = await about(zone, receipt)
    with pytest.raises(Unavailable):
        await anext(build_bundle(entries, zone.reader, zone.files))
    await zone.checkpoint()
    newer = await zone.land(DATA)
    with pytest.raises(Unavailable):
        await anext(build_bundle(await about(zone, newer), zone.reader, zone.files))


async def test_a_proof_that_would_not_hold_is_not_given_out(zone):
    """Every proof is checked before it leaves: a damaged tile shows here, not at the auditor's."""
    receipt = await zone.land(DATA)
    await zone.checkpoint()
    zone.flip(f"ledger/{zone.signer.name}/tile/0/000.p/2")
    with pytest.raises(Damaged):
        await bundle_of(zone, receipt)


async def test_a_key_file_of_another_log_is_damage(zone):
    """The public key beside a log must carry its name, and be there."""
    receipt = await zone.land(DATA)
    await zone.checkpoint()
    path = zone.file(f"ledger/{zone.signer.name}/vkey")
    for text in (Signer.generate("else").vkey, "nonsense"):
        path.write_text(text)
        with pytest.raises(Damaged):
            await bundle_of(zone, receipt)
    path.unlink()
    with pytest.raises(Damaged):
        await bundle_of(zone, receipt)


# --- a bare .tlog-proof, and hostile bundles --------------------------------------------------------------------------


async def test_a_tlog_proof_alone_is_enough(zone, given):
    """Its extra is the receipt: file, proof and key are checked without a zip."""
    receipt = await zone.land(DATA)
    await zone.checkpoint()
    ((place, entry),) = await about(zone, receipt)
    proof = (await tlog_proof(zone.files, place, entry)).encode()
    assert holds(check_bundle(proof, given, zone.signer.vkey))
    assert not holds(check_bundle(proof, given, None))
    assert not holds(check_bundle(proof, given, Signer.generate(zone.signer.name).vkey))
    lines = proof.decode().split("\n")
    assert not holds(check_bundle("\n".join([lines[0], *lines[2:]]).encode(), given, zone.signer.vkey))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"hello", b"\xff" * 100, b"c2sp.org/tlog-proof@v1\n"])
def test_what_is_no_bundle_is_said_to_be_none(data):
    """Any other file ends with one failed check, never with an error of ours."""
    (check,) = check_bundle(data, None, None)
    assert (check.name, check.result) == ("bundle", Result.FAILED)


def test_a_key_to_trust_must_be_one():
    """What was given as key is told apart from what is wrong with the bundle."""
    with pytest.raises(NoteError):
        check_bundle(b"", None, "nonsense")


@pytest.mark.parametrize(
    "changes",
    [
        {"../../etc/passwd": b"x"},
        {"/etc/passwd": b"x"},
        {"later/0001-void.exe": b"x"},
        {"bytes/A B": b"x"},
        {"README.txt": b"x" * (1 << 20)},
        {"receipt.json": None},
        {"receipt.json": b"{}"},
        {"receipt.json": b'{"kind":"heartbeat","v":1}'},
        {"keys.txt": None},
        {"keys.txt": b"nonsense\n"},
        {"keys.txt": b"\xff\n"},
    ],
)
async def test_a_hostile_bundle_is_refused(zone, changes):
    """Strange names, oversized or missing parts: one failed check about the bundle, and nothing is unpacked."""
    receipt = await zone.land(DATA)
    await zone.checkpoint()
    (check,) = check_bundle(repacked(await bundle_of(zone, receipt), **changes), None, zone.signer.vkey)
    assert (check.name, check.result) == ("bundle", Result.FAILED)


async def test_a_part_that_is_there_twice_is_refused(zone):
    """Two members of one name could show one thing and prove another."""
    receipt = await zone.land(DATA)
    await zone.checkpoint()
    target = io.BytesIO(await bundle_of(zone, receipt))
    with zipfile.ZipFile(target, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("receipt.json", b"{}")
    assert [check.name for check in check_bundle(target.getvalue(), None, None)] == ["bundle"]


async def test_a_bomb_is_not_unpacked(zone):
    """Members that would unpack to gigabytes are read no further than a true one could be."""
    receipt = await zone.land(DATA)
    await zone.checkpoint()
    members = members_of(await bundle_of(zone, receipt, content=zone.store.reader))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, bytes(1 << 28) if name.startswith("bytes/") else data)
    check = result(check_bundle(target.getvalue(), None, zone.signer.vkey), "file")
    assert check.result is Result.FAILED
    assert "more bytes" in check.sentence


@pytest.mark.parametrize("at", range(0, 1200, 37))
async def test_no_changed_byte_passes(zone, given, at):
    """Wherever a byte of a bundle is changed, the answer is a list of checks, and never an error of ours."""
    receipt = await zone.land(DATA)
    await zone.checkpoint()
    bundle = bytearray(await bundle_of(zone, receipt))
    bundle[at % len(bundle)] ^= 0x55
    for check in check_bundle(bytes(bundle), given, zone.signer.vkey):
        assert check.result is not Result.OK or check.name in {"receipt", "key", "file"}


async def test_a_bundle_without_a_key_for_its_log_fails(zone, given):
    """Keys of other logs do not check it; an empty list of keys asks for one."""
    receipt = await zone.land(DATA)
    await zone.checkpoint()
    bundle = await bundle_of(zone, receipt)
    other = repacked(bundle, **{"keys.txt": f"{Signer.generate('else').vkey}\n".encode()})
    assert [check.name for check in check_bundle(other, given, zone.signer.vkey)] == ["receipt"]
    none = repacked(bundle, **{"keys.txt": b""})
    assert [check.name for check in check_bundle(none, given, zone.signer.vkey)] == ["key"]
    missing = repacked(bundle, **{"receipt.tlog-proof": None})
    assert [check.name for check in check_bundle(missing, given, zone.signer.vkey)] == ["receipt"]
