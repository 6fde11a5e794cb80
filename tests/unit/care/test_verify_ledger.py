from __future__ import annotations

import pytest

from headwater.care.findings import Problem, Progress, Trouble
from headwater.care.verify import verify
from headwater.ledger.note import Checkpoint, Signer, sign_note
from headwater.sequencer import LogReader
from tests.unit.care.looking import fill, look, see, touch, troubles

ZONE = "0" * 31 + "1"


# --- the ledger -------------------------------------------------------------------------------------------------------


B, T, H, C = Trouble.BUNDLE, Trouble.TILE, Trouble.HEAD, Trouble.CHECKPOINT


@pytest.mark.parametrize(
    ("path", "flipped", "gone"),
    [
        ("tile/entries/000", {B}, {B}),
        ("tile/entries/001", {B}, {B}),
        ("tile/entries/002.p/89", {B, H, C}, {B, H, C}),
        ("tile/0/000", {B, T}, {T}),
        ("tile/0/002.p/89", {B, H, C}, {T, H, C}),
        ("tile/1/000.p/2", {T, H, C}, {T, H, C}),
    ],
)
@pytest.mark.parametrize("lost", [False, True])
async def test_each_file_of_the_ledger_is_checked(zone, path, flipped, gone, lost):
    """A flipped bit in any tile or bundle, or its loss, is told of that file; the rest of the ledger is still read."""
    await fill(zone, 600)
    await zone.checkpoint()
    await fill(zone, 1)  # with this commit the head learns of its tiles
    name = f"ledger/{zone.signer.name}/{path}"
    if lost:
        zone.file(name).unlink()
    else:
        zone.flip(name, 40)
    _, problems, _ = await look(zone)
    assert {problem.trouble for problem in problems} == (gone if lost else flipped)
    assert (path == "tile/1/000.p/2" and not lost) or name in {problem.subject for problem in problems} | {
        problem.subject.replace("entries", "0") for problem in problems
    }


async def test_a_changed_entry_is_named(zone):
    """The one entry that is not what was entered is told by its index; the others of its bundle count."""
    await fill(zone, 300)
    await zone.checkpoint()
    name = f"ledger/{zone.signer.name}/tile/entries/000"
    data = zone.file(name).read_bytes()
    zone.file(name).write_bytes(data.replace(b'"http"', b'"sftp"', 1))
    report, problems, _ = await look(zone)
    assert [problem.trouble for problem in problems if problem.trouble is Trouble.BUNDLE] == [Trouble.BUNDLE]
    assert "Entry 1 of" in problems[0].sentence
    assert report.entries == 300


async def test_an_entry_that_is_none_is_named(zone):
    """What is in the tree but is no entry is told, and do not stop the rest. A newer version's kind is fine."""
    await zone.land(b"data")
    head = zone.reader.heads[-1]
    see(zone, head.appended([b'{"kind":"poem"}', b'{"kind":"void"}', b"?"], head.time))
    _, problems, _ = await look(zone)
    assert [(problem.trouble, problem.sentence[:10]) for problem in problems] == [
        (Trouble.ENTRY, "Entry 3 of"),
        (Trouble.ENTRY, "Entry 4 of"),
    ]


async def test_a_head_of_another_tree_is_found(zone):
    """Tiles that are whole in themselves, but not those of the head, contradict it."""
    await fill(zone, 300)
    await zone.checkpoint()
    head = zone.reader.heads[-1]
    other = head.appended([b"x"], head.time)
    see(zone, type(head)(**{name: getattr(head, name) for name in head.__struct_fields__} | {"edge": other.edge}))
    assert Trouble.HEAD in await troubles(zone)


async def test_a_writer_may_go_on_meanwhile(zone):
    """A zone that grows while it is verified is whole: what landed since the reader looked is read, or in flight."""
    await fill(zone, 300)
    await zone.checkpoint()
    reader = LogReader(zone.store.heads, zone.files, ZONE)
    await reader.refresh()
    await fill(zone, 300)
    await zone.checkpoint()
    seen = []
    async for each in verify(zone.seen(logs=reader)):
        seen.append(each)
        if isinstance(each, Progress) and len(seen) < 10:
            receipts = await fill(zone, 1)
            touch(zone, receipts[0].key)
            await zone.checkpoint()
    assert [each for each in seen if isinstance(each, Problem)] == []


async def test_a_checkpoint_by_another_key_is_found(zone):
    """A published checkpoint must be signed by the log's own key, for its own name."""
    await zone.land(b"data")
    await zone.checkpoint()
    path = zone.file(f"ledger/{zone.signer.name}/checkpoint")
    text = path.read_text().rpartition("\n\n")[0] + "\n"
    path.write_text(sign_note(text, Signer.generate(zone.signer.name)))
    assert await troubles(zone) == [Trouble.CHECKPOINT]
    path.write_bytes(b"\xff")
    assert await troubles(zone) == [Trouble.CHECKPOINT]


async def test_a_lost_key_is_found(zone):
    """Without the public key no checkpoint can be checked, and that is said."""
    await zone.land(b"data")
    await zone.checkpoint()
    zone.file(f"ledger/{zone.signer.name}/vkey").unlink()
    assert await troubles(zone) == [Trouble.CHECKPOINT]


# --- against a checkpoint kept outside --------------------------------------------------------------------------------


async def test_the_ledger_extends_every_checkpoint_it_gave(zone):
    """At whatever size a checkpoint was taken, later also from among the tiles, it still holds."""
    kept = []
    for count in (1, 254, 1, 300):
        await fill(zone, count)
        kept.append(await zone.checkpoint())
    await fill(zone, 2)
    for checkpoint in kept:
        assert await troubles(zone, against=checkpoint) == []


@pytest.mark.parametrize("size", [1, 2, 256, 300, 301, 302, 10_000])
async def test_a_checkpoint_that_the_ledger_does_not_extend_is_found(zone, size):
    """Another root at any size, or more entries than there are: the ledger was rewritten or cut."""
    await fill(zone, 300)
    await zone.checkpoint()
    await fill(zone, 1)
    forked = sign_note(Checkpoint(zone.signer.name, size, bytes(32)).text(), zone.signer)
    assert await troubles(zone, against=forked) == [Trouble.KEPT]


@pytest.mark.parametrize("note", ["", "nonsense", "a\nb\nc\n\n— x y\n"])
async def test_what_is_no_checkpoint_of_this_zone_is_found(zone, note):
    """Another zone's checkpoint, or nonsense, is no proof of anything here."""
    assert await troubles(zone, against=note) == [Trouble.KEPT]


# --- several logs -----------------------------------------------------------------------------------------------------


async def test_all_logs_of_a_zone_are_one_history(zone):
    """After two rotations all entries and objects are verified, and a checkpoint of the first log still holds."""
    await fill(zone, 3)
    kept = await zone.checkpoint()
    await zone.rotate()
    await fill(zone, 300)
    await zone.rotate()
    await fill(zone, 2)
    report, problems, _ = await look(zone, against=kept)
    assert problems == []
    assert (report.objects, len(report.logs)) == (305, 3)


async def test_a_log_that_does_not_follow_is_found(zone):
    """The next log's key, as the closed log names it, must be the one that stands beside it."""
    await zone.rotate()
    zone.file(f"ledger/{zone.reader.heads[-1].log}/vkey").write_text(Signer.generate(zone.reader.heads[-1].log).vkey)
    assert Trouble.CHAIN in await troubles(zone)


async def test_a_chain_that_cannot_be_read_is_found(zone):
    """Where the end of the closed log is gone the chain is broken, and that is said too."""
    await zone.rotate()
    first = zone.reader.heads[0].log
    for path in (zone.folder / "ledger" / first / "tile/entries").rglob("*"):
        if path.is_file():
            path.unlink()
    assert {Trouble.BUNDLE, Trouble.CHAIN} <= set(await troubles(zone))


async def test_a_log_that_quotes_another_checkpoint_is_found(zone):
    """`opened` must quote a checkpoint that the log before it really had."""
    await zone.rotate()
    path = zone.file(f"ledger/{zone.signer.name}/vkey")
    path.write_text(Signer.generate(zone.signer.name).vkey)
    assert await troubles(zone) == [Trouble.CHECKPOINT, Trouble.CHAIN]
