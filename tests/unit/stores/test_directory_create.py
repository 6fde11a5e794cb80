"""What a directory promises of a create beyond the contract: order, modes, names, and failures of the disk."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import subprocess
import sys

import pytest

from headwater.errors import Damaged, Refused, Unavailable
from headwater.ports.store import KeyTaken
from headwater.stores.directory import DirectoryEraser, DirectoryStore
from headwater.stores.directory_log import DirectoryHead, DirectoryLedgerFiles
from headwater.terms import Id, Key
from tests.contract.stores.samples import DAY, MIB, body, digests, key, whole
from tests.processes import program
from tests.unit.stores.conftest import file_size_limit, files

UNFIT = ["/etc/x", "../x", "raw/../../x", "raw//x", "raw/./x", "raw/", "", ".", "raw/\0"]

CHILD = """
import asyncio, sys
from headwater.stores.directory import DirectoryStore
from tests.contract.stores.samples import digests, key
async def main():
    store = DirectoryStore(sys.argv[1])
    await store.create(key(1), [b"abc"], digests(b"abc"))
    print("answered", flush=True)
asyncio.run(main())
"""


def test_an_answer_comes_after_every_sync(root, tmp_path):
    """The system calls of a create stand in the order: write, sync data, link, sync folder, answer."""
    log = tmp_path / "calls"
    command = [program("strace"), "-f", "-y", "-o", log, "-e", "trace=pwritev,pwritev2,write,fsync,fdatasync,linkat"]
    ran = subprocess.run([*command, sys.executable, "-c", CHILD, root], check=False, capture_output=True, text=True)
    if "ptrace" in ran.stderr:
        pytest.skip(f"strace may not trace here: {ran.stderr.splitlines()[0]}")
    assert ran.returncode == 0, ran.stderr
    day = re.escape(f"<{root}/{DAY}>")
    steps = {
        "write": rf"pwritev2?\(\d+<{root}/{DAY}/#",
        "sync data": rf"fdatasync\(\d+<{root}/{DAY}/#",
        "link": rf"linkat\(.*{day}, \"{key(1).rpartition('/')[2]}\"",
        "sync folder": rf"fsync\(\d+{day}",
        "answer": r"write\(1.*answered",
    }
    lines = log.read_text().splitlines()
    seen = [name for line in lines for name, pattern in steps.items() if re.search(pattern, line)]
    assert seen == list(steps)
    parents = [f"{root}/{folder}" for folder in ("", *("/".join(DAY.split("/")[:n]) for n in range(1, 4)))]
    synced = [line for line in lines if re.search(r"fsync\(", line)]
    assert all(any(f"<{parent.rstrip('/')}>" in line for line in synced) for parent in parents)


@pytest.mark.parametrize("unfit", UNFIT)
async def test_no_key_leads_out_of_the_zone(store, root, unfit):
    """A key that is absolute, or has empty or dotted parts, is refused by every method, and nothing is made."""
    for call in (
        store.create(Key(unfit), [b"abc"], digests(b"abc")),
        store.head(Key(unfit)),
        whole(store.read(Key(unfit))),
        store.begin(Id("1"), Key(unfit), None),
        DirectoryEraser(store.disk, store.threads).erase(Key(unfit)),
        DirectoryLedgerFiles(store.disk, store.threads).create([(unfit, b"abc")]),
    ):
        with pytest.raises(Refused):
            await call
    assert files(root.parent) == []


async def test_objects_are_read_only(store, root):
    """An object may be read by owner and group and written by nobody; folders are closed to others."""
    old = os.umask(0o022)
    try:
        await store.create(key(1), [b"abc"], digests(b"abc"))
    finally:
        os.umask(old)
    assert (root / key(1)).stat().st_mode & 0o777 == 0o440
    assert {folder.stat().st_mode & 0o777 for folder in root.rglob("*") if folder.is_dir()} == {0o750}


async def test_many_creates_share_a_folder_sync(store, monkeypatch):
    """Creates that run at the same time in one folder take far fewer folder syncs than there are of them."""
    await store.create(key(0), [b"abc"], digests(b"abc"))
    synced, sync = [], os.fsync

    def counted(fd):
        synced.append(fd)
        sync(fd)

    monkeypatch.setattr(os, "fsync", counted)
    await asyncio.gather(*(store.create(key(n), [b"abc"], digests(b"abc")) for n in range(1, 101)))
    assert 1 <= len(synced) <= 20


@pytest.mark.parametrize("call", ["fsync", "fdatasync"])
async def test_after_a_failed_sync_nothing_is_believed(store, root, failing, call):
    """Once a sync has failed, its create and every later call raise Damaged, though the disk be well again."""
    await store.create(key(0), [b"abc"], digests(b"abc"))
    with failing(call), pytest.raises(Damaged):
        await store.create(key(1), [b"abc"], digests(b"abc"))
    head = DirectoryHead(store.disk, "log")
    for later in (
        store.create(key(2), [b"abc"], digests(b"abc")),
        store.head(key(0)),
        whole(store.read(key(0))),
        anext(store.list("raw/")),
        store.resume(Id("1"), key(1)),
        head.load(),
        DirectoryLedgerFiles(store.disk, store.threads).read("ledger/keys"),
    ):
        with pytest.raises(Damaged):
            await later
    head.close()
    assert files(root / "incoming") == []


async def test_a_failed_sync_fails_all_that_wait_for_it(store, failing):
    """When syncs fail while many creates run, none of them is answered with a yes."""
    with failing("fdatasync"):
        answers = await asyncio.gather(
            *(store.create(key(n), [b"abc"], digests(b"abc")) for n in range(30)), return_exceptions=True
        )
    assert [type(answer) for answer in answers] == [Damaged] * 30


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (errno.ENOSPC, "full"),
        (errno.EDQUOT, "full"),
        (errno.EIO, "store_unavailable"),
        (errno.EROFS, "store_unavailable"),
    ],
)
async def test_a_failed_write_may_be_tried_again(store, root, failing, code, reason):
    """A write that fails leaves nothing, says whether there is no room, and the same create later succeeds."""
    with failing("pwritev", code), pytest.raises(Unavailable) as failure:
        await store.create(key(1), [b"abc"], digests(b"abc"))
    assert failure.value.reason == reason
    assert files(root) == []
    await store.create(key(1), [b"abc"], digests(b"abc"))
    assert await whole(store.read(key(1))) == b"abc"


async def test_a_full_disk_is_full(small_disk):
    """On a disk without room a create says full and leaves nothing; one that fits still succeeds."""
    store = DirectoryStore(small_disk, 2)
    data = body(900_000)
    answers = [await _answer(store, n, data) for n in range(10)]
    assert "full" in answers
    landed = answers.count("yes")
    assert answers == ["yes"] * landed + ["full"] * (10 - landed)
    assert len(files(small_disk)) == landed
    assert await _answer(store, 99, b"abc") == "yes"
    store.close()


async def _answer(store, n, data):
    try:
        await store.create(key(n), [data], digests(data))
    except Unavailable as failure:
        return failure.reason
    return "yes"


async def test_a_write_cut_short_is_no_object(store, root):
    """When the file may not grow as large as the body, the part that was written is no object and goes away."""
    data = body(MIB)
    with file_size_limit(MIB // 2):
        assert await _answer(store, 1, data) == "full"
    assert files(root) == []
    assert await _answer(store, 1, data) == "yes"


@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.EISDIR])
async def test_file_systems_without_unnamed_files_do(store, root, monkeypatch, code):
    """Where O_TMPFILE is not there, creates go through temporary names, of which none stays, whatever happens."""
    opens = os.open

    def without(path, flags, *rest, **more):
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(code, os.strerror(code))
        return opens(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", without)
    assert [await _answer(store, n, b"abc") for n in (1, 2, 1)] == ["yes"] * 3
    with file_size_limit(2):
        assert await _answer(store, 3, b"abc") == "full"
    with pytest.raises(KeyTaken):
        await store.create(key(1), [b"other"], digests(b"other"))
    assert files(root) == [key(1), key(2)]
    assert (root / key(1)).stat().st_mode & 0o777 == 0o440


async def test_a_removed_folder_is_made_again(store, root):
    """A folder that somebody removed since it was made does not stop creates."""
    await store.create(key(1), [b"abc"], digests(b"abc"))
    (root / key(1)).unlink()
    for folder in sorted((root / "raw").rglob("*"), reverse=True):
        folder.rmdir()
    (root / "raw").rmdir()
    assert await _answer(store, 2, b"abc") == "yes"


async def test_a_root_that_is_gone_is_not_made(store, root):
    """Without its root (a disk that is not mounted) nothing is created, and the failure may pass."""
    root.rmdir()
    assert await _answer(store, 1, b"abc") == "store_unavailable"
    assert not root.exists()


async def test_links_and_pipes_are_no_objects(store, root, tmp_path):
    """What is under a key but is no regular file is not found, not followed, not waited for, and not replaced."""
    await store.create(key(0), [b"abc"], digests(b"abc"))
    (tmp_path / "outside").write_bytes(b"abc")
    (root / key(1)).symlink_to(tmp_path / "outside")
    os.mkfifo(root / key(2))
    for n in (1, 2):
        assert await store.head(key(n)) is None
        with pytest.raises(Refused):
            await whole(store.read(key(n)))
        with pytest.raises(KeyTaken):
            await store.create(key(n), [b"abc"], digests(b"abc"))
    assert [stored.key async for stored in store.list("")] == [key(0)]


async def test_a_file_that_shrinks_is_no_short_answer(store, root):
    """An object that ends before its size is Unavailable to its reader, never a short end."""
    data = body(3 * MIB)
    staging = await store.begin(Id("1"), key(1), None)
    await staging.write([data])
    await staging.commit(digests(data))
    reading = store.read(key(1))
    assert await anext(reading) == data[:MIB]
    (root / key(1)).chmod(0o640)
    os.truncate(root / key(1), MIB + 5)
    with pytest.raises(Unavailable):
        assert [piece async for piece in reading] == []


async def test_there_are_no_versions(store):
    """Asking for a version of an object is refused as not found."""
    await store.create(key(1), [b"abc"], digests(b"abc"))
    with pytest.raises(Refused):
        await whole(store.read(key(1), version="1"))
