"""Names that move: what lftp, rclone and MFT clients do on the wire, packet by packet."""

from __future__ import annotations

import asyncio
import hashlib
import shlex

import pytest

from tests.integration.sftp import raw as wire
from tests.integration.sftp.raw import F_CREAT, F_TRUNC, F_WRITE, OK, attrs, text
from tests.integration.sftp.world import body

TIME = 1_700_000_000
DATA = body(200_000)


@pytest.fixture
async def raw(world):
    """A raw session, and the test's feed."""
    async with world.raw() as session:
        assert (await session.ask(wire.MKDIR, text(world.folder), attrs())).code == OK
        yield session


async def _rename(raw, old, new):
    answer = await raw.ask(wire.RENAME, text(old), text(new))
    assert answer.code == OK, answer.sentence


TEMPORARY = {
    "lftp": ".in.a.csv.",
    "rclone": "a.csv.5edd705b.partial",
    "winscp": "a.csv.filepart",
    "mft_part": "a.csv.part",
    "mft_tmp": "a.csv.tmp",
    "mft_temp": "A.CSV.TEMP",
    "mft_writing": "a.csv.writing",
    "mft_uploading": "a.csv.uploading",
    "mft_dot": ".a.csv",
    "mft_underscore": "_a.csv",
    "mft_tilde": ".~a.csv",
    "mft_folder": "tmp/a.csv",
    "mft_hidden_folder": ".staging/a.csv",
}


@pytest.mark.parametrize("temporary", TEMPORARY.values(), ids=TEMPORARY)
async def test_upload_then_rename(world, raw, temporary):
    """What is written under a temporary name, or in a temporary folder, and then moved is one delivery, under its final
    name, at its RENAME; before it nothing has landed, and the size is what STAT says.
    """
    before, to = f"{world.folder}/{temporary}", f"{world.folder}/a.csv"
    await raw.put(before, DATA)
    assert await raw.size(before) == len(DATA)
    assert world.landed() == []
    await _rename(raw, before, to)
    delivery = world.only("a.csv", DATA, "presumed")
    assert [fact["kind"] for fact in delivery.receipt["evidence"]] == ["rename"]
    assert await raw.size(before) is None
    assert await raw.listed(world.folder) == {"a.csv": len(DATA)}
    assert world.kinds() == ["receipt"]


@pytest.mark.parametrize("folder", ["/first/tmp", "/first/.staging", "/tmp"])
async def test_move_from_a_folder_beside_the_feeds(world, raw, folder):
    """A temporary folder may lie above the feeds as well: what is moved from there lands in its feed alone."""
    await raw.put(f"{folder}/a.csv", DATA)
    assert world.landed() == []
    await _rename(raw, f"{folder}/a.csv", f"{world.folder}/a.csv")
    world.only("a.csv", DATA, "presumed")
    assert world.kinds() == ["receipt"]


async def test_lftp_sequence(world, raw):
    """With `xfer:use-temp-file` lftp says OPEN `.in.NAME.`, WRITEs, CLOSE, RENAME, then SETSTAT of the final name."""
    before, to = f"{world.folder}/.in.a.csv.", f"{world.folder}/a.csv"
    await raw.put(before, DATA)
    await _rename(raw, before, to)
    assert (await raw.ask(wire.SETSTAT, text(to), attrs(mode=0o644, time=TIME))).code == OK
    assert (await raw.ask(wire.STAT, text(to))).time == TIME
    world.only("a.csv", DATA, "presumed")


async def test_rclone_sequence(world, raw):
    """rclone: write `.partial`, set its time, look at it, compare its md5 (on another connection), rename: `proven`."""
    before, to = f"{world.folder}/a.csv.5edd705b.partial", f"{world.folder}/a.csv"
    await raw.put(before, DATA)
    assert (await raw.ask(wire.SETSTAT, text(before), attrs(time=TIME))).code == OK
    said = await raw.ask(wire.STAT, text(before))
    assert (said.size_bytes, said.time) == (len(DATA), TIME)
    async with world.raw() as other:
        md5 = hashlib.md5(DATA).hexdigest()
        assert (await other.run(f"md5sum {shlex.quote(before)}")).split()[0] == md5
    rest = text("posix-rename@openssh.com") + text(before) + text(to)
    assert (await raw.ask(wire.EXTENDED, rest)).code == OK
    delivery = world.only("a.csv", DATA, "proven")
    assert {"kind": "md5_checked", "declared": md5, "observed": md5} in delivery.receipt["evidence"]
    assert delivery.receipt["declared"]["modified_at"] == "2023-11-14T22:13:20.000000Z"


async def test_a_digest_asked_of_other_bytes_proves_nothing(world, raw):
    """A digest that was asked for before the temporary file was written anew says nothing of the new bytes."""
    before, to = f"{world.folder}/a.csv.part", f"{world.folder}/a.csv"
    await raw.put(before, DATA)
    await raw.run(f"sha256sum {before}")
    await raw.put(before, DATA[:1000])
    await _rename(raw, before, to)
    world.only("a.csv", DATA[:1000], "presumed")


async def test_move_to_another_feed(world, raw):
    """A file that is written in one feed under a temporary name lands in the feed to which it is moved."""
    elsewhere = f"{world.folder}_inbox"
    await raw.put(f"{elsewhere}/a.csv.tmp", DATA)
    await _rename(raw, f"{elsewhere}/a.csv.tmp", f"{world.folder}/a.csv")
    world.only("a.csv", DATA, "presumed")


async def test_two_steps(world, raw):
    """From one temporary name to another, and then to the final one: one delivery, at the last step."""
    await raw.put(f"{world.folder}/tmp/a.csv.part", DATA)
    await _rename(raw, f"{world.folder}/tmp/a.csv.part", f"{world.folder}/tmp/a.csv")
    assert world.landed() == []
    await _rename(raw, f"{world.folder}/tmp/a.csv", f"{world.folder}/a.csv")
    world.only("a.csv", DATA, "presumed")


async def test_rename_after_a_restart(world, raw):
    """What was closed under a temporary name survives the death of the server: a later RENAME lands it whole."""
    before, to = f"{world.folder}/a.csv.part", f"{world.folder}/a.csv"
    await raw.put(before, DATA)
    await asyncio.to_thread(world.restart)
    async with world.raw() as again:
        assert await again.size(before) == len(DATA)
        await _rename(again, before, to)
    world.only("a.csv", DATA, "presumed")


async def test_a_cut_upload_is_not_landed_by_a_rename(world, raw):
    """An upload that was never closed is no file, whatever it is renamed to, also after the server's death."""
    paths = [f"{world.folder}/a.csv.part", f"{world.folder}/b.csv"]
    for path in paths:
        handle = await raw.open(path, F_WRITE | F_CREAT | F_TRUNC)
        await raw.write(handle, DATA)
    raw.abort()
    for restarts in (False, True):
        if restarts:
            await asyncio.to_thread(world.restart)
        async with world.raw() as again:
            for path in paths:
                answer = await again.ask(wire.RENAME, text(path), text(f"{world.folder}/c.csv"))
                assert answer.code == wire.FAILURE
    assert world.landed() == []


async def test_a_name_with_a_mark_is_not_temporary(world, raw):
    """`_SUCCESS` begins with an underscore and waits for no rename: it is a mark, and lands as one."""
    await raw.put(f"{world.folder}/_SUCCESS", b"")
    (delivery,) = world.landed()
    assert delivery.name == "_SUCCESS"
