"""What a directory promises of a log beyond the contract: torn frames, lost syncs, room, the lock."""

from __future__ import annotations

import errno
import os

import pytest

from headwater.errors import Damaged, Misconfigured, Unavailable
from headwater.ledger.head import Torn, decode_frames, encode_frame, new_head
from headwater.ports.ledger import Overtaken, Unclear
from headwater.stores.directory_log import DirectoryHead, DirectoryLedgerFiles
from headwater.stores.durable_fs import Disk
from headwater.stores.zone_lock import lock
from tests.contract.stores.samples import body
from tests.unit.stores.conftest import files, fill

NEW = new_head("log", 0, "writer")
PATH = "ledger/log/head"


class Log:
    """A head that can be opened as by the next process."""

    def __init__(self, root):
        self.root = root
        self.right = lock(root)
        self.opened = [DirectoryHead(Disk(root), "log", self.right)]

    @property
    def head(self):
        return self.opened[-1]

    def reopen(self):
        self.right.release()
        self.right = lock(self.root)
        self.opened.append(DirectoryHead(Disk(self.root), "log", self.right))
        return self.head

    def close(self):
        for head in self.opened:
            head.close()
        self.right.release()


@pytest.fixture
def log(root):
    """A log without a head."""
    log = Log(root)
    yield log
    log.close()


async def test_a_torn_end_is_cut_off(log, root):
    """A head that ends anywhere inside its last frame loads as the one before, and commits go on from there."""
    before = await log.head.found(NEW.appended([b"one"], 1))
    after = before.head.appended([b"two"], 2)
    await log.head.commit(after, before)
    first, frame = encode_frame(before.head, 0), encode_frame(after, 1)
    for whole_bytes in range(len(frame)):
        (root / PATH).write_bytes(first + frame[:whole_bytes] + bytes(5000))
        tag = await log.reopen().load()
        assert tag.head == before.head
        if whole_bytes % 40 == 0:
            tag = await log.head.commit(tag.head.appended([b"other"], 3), tag)
            assert (await log.reopen().load()).head == tag.head
        else:
            log.opened.pop(-2).close()


async def test_a_head_that_contradicts_itself_is_damage(log, root):
    """A broken frame with whole ones behind it, or no whole frame at all, is Damaged and left as it is."""
    tag = await log.head.found(NEW.appended([b"one"], 1))
    for n in range(3):
        tag = await log.head.commit(tag.head.appended([b"more"], n + 2), tag)
    good = (root / PATH).read_bytes()
    for broken in (good[:60] + b"!" + good[61:], b"", bytes(100), b"no frame"):
        (root / PATH).write_bytes(broken)
        with pytest.raises(Damaged):
            await log.reopen().load()
        assert (root / PATH).read_bytes() == broken


async def test_without_the_lock_a_head_is_only_read(log, root):
    """Who does not hold the lock reads the head, torn or not, changes nothing, and can neither found nor commit."""
    tag = await log.head.found(NEW.appended([b"one"], 1))
    data = (root / PATH).read_bytes()[:300] + b"torn"
    (root / PATH).write_bytes(data)
    reader = DirectoryHead(Disk(root), "log")
    loaded = await reader.load()
    assert loaded is not None
    assert loaded.head == tag.head
    for call in (reader.found(NEW), reader.commit(loaded.head.appended([b"x"], 2), loaded)):
        with pytest.raises(Misconfigured):
            await call
    assert (root / PATH).read_bytes() == data
    reader.close()


def _noted(call, name, steps):
    def noted(*args):
        steps.append(name)
        return call(*args)

    return noted


async def test_what_is_loaded_was_made_durable(log, root, monkeypatch):
    """The first load under the lock writes the head anew and syncs it, then the name: an earlier process may have
    left it in the page cache alone.
    """
    await log.head.found(NEW.appended([b"one"], 1))
    before = (root / PATH).stat().st_ino
    steps: list[str] = []
    for name in ("fsync", "replace"):
        call = getattr(os, name)
        monkeypatch.setattr(os, name, _noted(call, name, steps))
    head = log.reopen()
    tag = await head.load()
    assert steps[-3:] == ["fsync", "replace", "fsync"]
    assert (root / PATH).stat().st_ino != before
    steps.clear()
    assert await head.load() == tag
    assert steps == []


async def test_a_commit_whose_sync_failed_is_unclear_once(log, failing):
    """A failed data sync makes the commit Unclear, and every later call Damaged; the next process finds the truth."""
    tag = await log.head.found(NEW)
    with failing("fdatasync"), pytest.raises(Unclear):
        await log.head.commit(tag.head.appended([b"one"], 1), tag)
    for call in (log.head.load(), log.head.commit(tag.head.appended([b"one"], 1), tag)):
        with pytest.raises(Damaged):
            await call
    loaded = await log.reopen().load()
    assert loaded.head.pending in {(), (b"one",)}


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
async def test_a_commit_whose_write_failed_is_looked_into(log, failing, code):
    """A failed write makes the commit Unclear; a commit before a load stays so; load tells, and commits go on."""
    tag = await log.head.found(NEW)
    wanted = tag.head.appended([b"one"], 1)
    with failing("pwritev", code), pytest.raises(Unclear):
        await log.head.commit(wanted, tag)
    with pytest.raises(Unclear):
        await log.head.commit(wanted, tag)
    loaded = await log.head.load()
    assert loaded.head == tag.head
    assert (await log.head.commit(wanted, loaded)).head == wanted


async def test_half_a_frame_written_is_no_commit(log, monkeypatch):
    """A write that stops in the middle of a frame makes the commit Unclear, and load gives the head before it."""
    tag = await log.head.found(NEW)
    write = os.pwritev

    def half(fd, pieces, offset):
        write(fd, [pieces[0][: len(pieces[0]) // 2]], offset)
        raise OSError(errno.EIO, "half")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwritev", half)
        with pytest.raises(Unclear):
            await log.head.commit(tag.head.appended([body(5000)], 1), tag)
    loaded = await log.head.load()
    assert loaded.head == tag.head
    tag = await log.head.commit(loaded.head.appended([b"x"], 1), loaded)
    assert (await log.reopen().load()).head == tag.head


async def test_frames_become_one(log, root):
    """Past 4 MiB the frames are replaced by one of what is pending: the file does not grow."""
    tag = await log.head.found(NEW)
    inodes = set()
    for n in range(400):
        head = tag.head.appended([body(32_000, n)], n)
        tag = await log.head.commit(head.tiled_to(head.size - 1), tag)
        inodes.add((root / PATH).stat().st_ino)
        assert (root / PATH).stat().st_size == 4 << 20
    assert len(inodes) > 1
    assert files(root) == [PATH, "lock"]
    assert (await log.reopen().load()).head == tag.head


async def test_more_pending_than_the_room_is_no_limit(log):
    """A head with more than 4 MiB pending is stored, and the commits after it append again."""
    tag = await log.head.found(NEW)
    tag = await log.head.commit(tag.head.appended([body(60_000, n) for n in range(100)], 1), tag)
    file = log.head._file
    for n in range(20):
        tag = await log.head.commit(tag.head.appended([body(60_000, n)], n), tag)
    assert log.head._file == file
    assert (await log.reopen().load()).head == tag.head


async def test_a_replacement_that_fails_changes_nothing(log, root, failing):
    """When the frames cannot be replaced the commit is Unclear, the old head is loaded, and no temporary file stays."""
    tag = await log.head.found(NEW)
    tag = await log.head.commit(tag.head.appended([body(60_000, n) for n in range(60)], 1), tag)
    wanted = tag.head.appended([body(60_000, n) for n in range(60)], 2)
    with failing("replace"), pytest.raises(Unclear):
        await log.head.commit(wanted, tag)
    loaded = await log.head.load()
    assert loaded.head == tag.head
    assert files(root) == [PATH, "lock"]
    assert (await log.head.commit(wanted, loaded)).head == wanted


async def test_commits_go_on_when_the_disk_is_full(small_disk):
    """Room for commits was taken beforehand: they succeed on a disk without any left; founding then says full."""
    right = lock(small_disk)
    disk = Disk(small_disk)
    head = DirectoryHead(disk, "log", right)
    tag = await head.found(NEW)
    fill(small_disk)
    for n in range(100):
        tag = await head.commit(tag.head.appended([body(10_000)], n), tag)
    other = DirectoryHead(disk, "other", right)
    with pytest.raises(Unavailable) as failure:
        await other.found(new_head("other", 0, "w"))
    assert failure.value.reason == "full"
    assert await other.load() is None
    with pytest.raises(Torn) as torn:
        decode_frames((small_disk / PATH).read_bytes())
    assert torn.value.head == tag.head
    head.close()
    other.close()
    right.release()


async def test_two_writers_of_one_process_do_not_mix(log):
    """Of two objects under one lock, the last to load writes; the other is overtaken at once."""
    first = await log.head.found(NEW)
    other = DirectoryHead(log.head._disk, "log", log.right)
    second = await other.load()
    assert second is not None
    with pytest.raises(Overtaken):
        await log.head.commit(first.head.appended([b"x"], 1), first)
    await other.commit(second.head.appended([b"y"], 1), second)
    other.close()


async def test_only_a_checkpoint_is_published(store, root):
    """Publishing under another name than checkpoint is a mistake of the caller, and changes nothing."""
    ledger_files = DirectoryLedgerFiles(store.disk, store.threads)
    with pytest.raises(ValueError, match="checkpoint"):
        await ledger_files.publish("ledger/log/tile/0/000", b"x")
    assert files(root) == []


async def test_a_failed_publish_leaves_the_old_checkpoint(store, root, failing):
    """A checkpoint that could not be written or renamed is the old one, and no temporary file stays."""
    ledger_files = DirectoryLedgerFiles(store.disk, store.threads)
    await ledger_files.publish("ledger/log/checkpoint", b"old")
    for call in ("pwritev", "replace"):
        with failing(call), pytest.raises(Unavailable):
            await ledger_files.publish("ledger/log/checkpoint", b"new")
    assert await ledger_files.read("ledger/log/checkpoint") == b"old"
    assert files(root) == ["ledger/log/checkpoint"]
