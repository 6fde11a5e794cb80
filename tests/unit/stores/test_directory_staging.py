"""What a directory promises of an upload beyond the contract: kills, crashes of the machine, two holders."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.errors import Damaged, Refused, Unavailable
from headwater.stores import directory_staging
from headwater.stores.directory import DirectoryStore
from headwater.stores.zone_lock import lock
from headwater.terms import Id
from tests.contract.stores.samples import HELD, MIB, body, digests, key, upload_id, whole
from tests.unit.stores.conftest import file_size_limit, files, fill

DATA = body(3 * MIB)
ID, KEY = upload_id(1), key(1)

KILLED_BEFORE_UNLINK = """
import asyncio, os, signal, sys
from headwater.stores.directory import DirectoryStore
from headwater.stores.directory_staging import UploadFolder
from tests.contract.stores.samples import HELD, body, digests, key, upload_id
UploadFolder.remove = lambda self: os.kill(os.getpid(), signal.SIGKILL)
async def main():
    data = body(3 << 20)
    staging = await DirectoryStore(sys.argv[1]).begin(upload_id(1), key(1), None)
    await staging.write([data])
    await (staging.commit(digests(data)) if sys.argv[2] == "commit" else staging.abandon(key(1, HELD)))
asyncio.run(main())
"""


def _killed(root, what):
    ran = subprocess.run([sys.executable, "-c", KILLED_BEFORE_UNLINK, root, what], check=False)
    assert ran.returncode == -signal.SIGKILL
    assert (root / f"incoming/{ID}/data").stat().st_nlink == 2


async def test_a_commit_killed_before_its_end_is_one(store, root):
    """A process killed between link and unlink has committed: commit again succeeds, and the upload leaves nothing."""
    _killed(root, "commit")
    staging = await store.resume(ID, KEY)
    assert staging.size_bytes == len(DATA)
    assert (await staging.commit(digests(DATA))).size_bytes == len(DATA)
    assert await whole(store.read(KEY)) == DATA
    assert files(root) == [KEY]
    assert (root / KEY).stat().st_mode & 0o777 == 0o440


async def test_a_sealed_upload_takes_no_more_bytes(store, root):
    """An upload that has its name already cannot be written to, also where its old name was left by a kill."""
    _killed(root, "commit")
    staging = await store.resume(ID, KEY)
    with pytest.raises(Refused):
        await staging.write([b"more"])
    assert await whole(store.read(KEY)) == DATA


async def test_the_next_writer_takes_second_names_away(store, root):
    """Taking the lock removes the second name of what stands in the zone; a commit of it still succeeds."""
    _killed(root, "commit")
    right = lock(root)
    assert files(root) == ["lock", KEY]
    staging = await store.resume(ID, KEY)
    assert (await staging.commit(digests(DATA))).size_bytes == len(DATA)
    right.release()


async def test_an_abandon_killed_before_its_end_is_repeatable(store, root):
    """An upload whose process was killed when its evidence had its name is abandoned again with the same answer."""
    _killed(root, "abandon")
    staging = await store.resume(ID, KEY)
    assert await staging.abandon(key(1, HELD)) == len(DATA)
    assert files(root) == [key(1, HELD)]


async def test_a_crash_of_the_machine_leaves_what_was_parked(store, root, monkeypatch):
    """After another boot only parked bytes are offered: longer files may have holes. After a kill alone, all are."""
    staging = await store.begin(ID, KEY, None)
    await staging.write([DATA[:1000]])
    await staging.park()
    await staging.write([DATA[1000:2000]])
    again = DirectoryStore(root, 1)
    assert (await again.resume(ID, KEY)).size_bytes == 2000
    staging = await again.resume(ID, KEY)
    await staging.write([DATA[2000:3000]])
    monkeypatch.setattr(directory_staging, "_boot", lambda: "boot-another")
    third = DirectoryStore(root, 1)
    staging = await third.resume(ID, KEY)
    assert staging.size_bytes == 2000
    assert await whole(third.read_back(ID, KEY)) == DATA[:2000]
    await staging.write([DATA[2000:]])
    await staging.commit(digests(DATA))
    assert await whole(store.read(KEY)) == DATA
    again.close()
    third.close()


async def test_parked_bytes_that_are_gone_are_damage(store, root):
    """A file shorter than what was parked is Damaged, not an offset to go on at."""
    staging = await store.begin(ID, KEY, None)
    await staging.write([DATA])
    await staging.park()
    os.truncate(root / f"incoming/{ID}/data", 5)
    with pytest.raises(Damaged):
        await store.resume(ID, KEY)


async def test_a_slow_holder_is_overtaken(store):
    """Once an upload was resumed its earlier holder can neither write, park, commit nor abandon."""
    slow = await store.begin(ID, KEY, None)
    await slow.write([DATA])
    quick = await store.resume(ID, KEY)
    for call in (slow.write([b"late"]), slow.park(), slow.commit(digests(DATA)), slow.abandon(None)):
        with pytest.raises(Refused) as refused:
            await call
        assert refused.value.reason == "overtaken"
    await quick.commit(digests(DATA))
    with pytest.raises(Refused):
        await slow.write([b"late"])
    assert await whole(store.read(KEY)) == DATA


async def test_an_upload_is_begun_once(store, root):
    """Beginning an upload whose bytes an earlier process left here is refused, and they stay."""
    first = await store.begin(ID, KEY, None)
    await first.write([DATA])
    await first.park()
    again = DirectoryStore(root, 1)
    second = await again.begin(ID, KEY, None)
    with pytest.raises(Refused) as refused:
        await second.write([b"other"])
    assert refused.value.reason == "exists"
    assert (await again.resume(ID, KEY)).size_bytes == len(DATA)
    again.close()


async def test_no_bytes_are_an_object_too(store):
    """An upload without a byte commits as an object of no bytes."""
    staging = await store.begin(ID, KEY, None)
    await staging.commit(digests(b""))
    assert await whole(store.read(KEY)) == b""


async def test_a_declared_size_without_room_is_full(store):
    """A declared size that the disk has no room for is refused at begin."""
    with pytest.raises(Unavailable) as failure:
        await store.begin(ID, KEY, 1 << 60)
    assert failure.value.reason == "full"


async def test_a_write_cut_short_loses_nothing(store, root):
    """A write that finds no room leaves what was taken; with room again the upload goes on and is whole."""
    staging = await store.begin(ID, KEY, None)
    await staging.write([DATA[:MIB]])
    with file_size_limit(MIB + 100), pytest.raises(Unavailable) as failure:
        await staging.write([DATA[MIB : 2 * MIB]])
    assert failure.value.reason == "full"
    assert staging.size_bytes == (root / f"incoming/{ID}/data").stat().st_size == MIB
    await staging.write([DATA[MIB:]])
    await staging.commit(digests(DATA))
    assert await whole(store.read(KEY)) == DATA


async def test_a_rest_of_a_failed_write_is_cut_off(store, failing):
    """What a failed write left behind the bytes that were taken is neither parked nor committed."""
    staging = await store.begin(ID, KEY, None)
    await staging.write([DATA[:MIB]])
    with failing("ftruncate"), file_size_limit(MIB + 100), pytest.raises(Unavailable):
        await staging.write([DATA[MIB:]])
    await staging.commit(digests(DATA[:MIB]))
    assert await whole(store.read(KEY)) == DATA[:MIB]


async def test_a_full_disk_keeps_what_it_took(small_disk):
    """On a disk that fills up, an upload says full, can be parked, and is resumed with every byte it had."""
    store = DirectoryStore(small_disk, 1)
    staging = await store.begin(ID, KEY, None)
    await staging.write([DATA[:MIB]])
    fill(small_disk)
    with pytest.raises(Unavailable) as failure:
        await staging.write([DATA[MIB:]])
    assert failure.value.reason == "full"
    (small_disk / "rest").unlink()
    await staging.park()
    assert (await store.resume(ID, KEY)).size_bytes == MIB
    store.close()


def _open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_parked_upload_holds_no_descriptor(store):
    """Thousands of parked uploads cost no open file."""
    before = _open_files()
    stagings = []
    for n in range(20):
        staging = await store.begin(upload_id(n), key(n), None)
        await staging.write([b"abc"])
        await staging.park()
        stagings.append(staging)
    assert _open_files() <= before
    await stagings[3].write([b"def"])
    await stagings[3].commit(digests(b"abcdef"))
    assert await whole(store.read(key(3))) == b"abcdef"


async def test_a_failed_sync_at_park_is_damage(store, failing):
    """Bytes that could not be synced are not parked, and nothing is believed any more."""
    staging = await store.begin(ID, KEY, None)
    await staging.write([DATA])
    with failing("fdatasync"), pytest.raises(Damaged):
        await staging.park()
    with pytest.raises(Damaged):
        await staging.commit(digests(DATA))


@pytest.mark.parametrize("unfit", ["", "..", "a/b", "a" * 65, "-a", "a.b"])
async def test_an_upload_has_an_id(store, unfit):
    """What is no id cannot name an upload's folder."""
    with pytest.raises(Refused):
        await store.begin(Id(unfit), KEY, None)
    with pytest.raises(Refused):
        await whole(store.read_back(Id(unfit), KEY))
