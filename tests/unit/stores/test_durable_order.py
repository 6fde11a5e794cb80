"""In which order a directory syncs and names, call by call: a crash between any two of them loses nothing promised."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from headwater.ledger.head import new_head
from headwater.stores.directory import DirectoryEraser
from headwater.stores.directory_log import DirectoryHead, DirectoryLedgerFiles
from headwater.stores.zone_lock import lock
from tests.contract.stores.samples import DAY, HELD, body, digests, key, upload_id

DATA = f"incoming/{upload_id(1)}/data"


def _opened(fd):
    return Path(f"/proc/self/fd/{fd}").readlink()


@pytest.fixture
def steps(root, monkeypatch):
    """Every sync, link, rename and removal from now on, with its file: `new` for one without a lasting name."""
    noted: list[str] = []

    def name(file, folder_fd=None):
        path = str(_opened(file) if isinstance(file, int) else file)
        if folder_fd is not None:
            path = f"{_opened(folder_fd)}/{path}"
        return re.sub(r".*(/#\d+ \(deleted\)|\.tmp|/proc/self/fd/\d+)$", "new", path).removeprefix(f"{root}/")

    def note(call, describe):
        original = getattr(os, call)

        def noting(*args, **more):
            noted.append(describe(*args, **more))
            return original(*args, **more)

        monkeypatch.setattr(os, call, noting)

    note("fsync", lambda fd: f"sync {name(fd)}")
    note("fdatasync", lambda fd: f"sync {name(fd)}")
    note("unlink", lambda path: f"unlink {name(path)}")
    note("replace", lambda source, target: f"rename {name(source)} {name(target)}")
    note("link", lambda source, to, dst_dir_fd=None, **_: f"link {name(source)} {name(to, dst_dir_fd)}")
    return noted


async def test_an_upload_is_synced_before_and_after_it_is_named(store, steps):
    """Commit syncs the data, links them, syncs the day, and only then lets go of what it came from."""
    staging = await store.begin(upload_id(1), key(1), None)
    await staging.write([body(1000)])
    await store.create(key(0), [b"abc"], digests(b"abc"))
    steps.clear()
    await staging.commit(digests(body(1000)))
    assert steps[:4] == [f"sync {DATA}", f"link {DATA} {key(1)}", f"sync {DAY}", f"unlink {DATA}"]


async def test_evidence_is_synced_before_and_after_it_is_named(store, steps):
    """Abandon syncs what it keeps, links it, and syncs the folder before anything is removed."""
    await store.create(key(0, HELD), [b"abc"], digests(b"abc"))
    staging = await store.begin(upload_id(1), key(1), None)
    await staging.write([body(1000)])
    steps.clear()
    await staging.abandon(key(1, HELD))
    assert steps[:4] == [f"sync {DATA}", f"link {DATA} {key(1, HELD)}", f"sync {HELD}", f"unlink {DATA}"]


async def test_a_parked_upload_is_durable_with_its_folders(store, steps):
    """Park syncs the data, then the folder that says how many there are, then the name of that folder."""
    staging = await store.begin(upload_id(1), key(1), None)
    await staging.write([body(1000)])
    steps.clear()
    await staging.park()
    assert steps == [f"sync {DATA}", f"sync incoming/{upload_id(1)}", "sync incoming"]


async def test_ledger_files_share_a_folder_sync(store, steps):
    """Files of the ledger are all synced, all linked, and then their folder once."""
    files = DirectoryLedgerFiles(store.disk, store.threads)
    await files.create([("ledger/log/tile/0/000", b"a")])
    steps.clear()
    await files.create([(f"ledger/log/tile/0/{n:03d}", b"a") for n in (1, 2)])
    links = [f"link new ledger/log/tile/0/{n:03d}" for n in (1, 2)]
    assert steps == ["sync new", "sync new", *links, "sync ledger/log/tile/0"]


async def test_a_checkpoint_is_synced_before_and_after_it_is_renamed(store, steps):
    """Publish syncs the new bytes, renames them over the old, and syncs the folder."""
    files = DirectoryLedgerFiles(store.disk, store.threads)
    await files.publish("ledger/log/checkpoint", b"1")
    steps.clear()
    await files.publish("ledger/log/checkpoint", b"2")
    assert steps[:3] == ["sync new", "rename new ledger/log/checkpoint", "sync ledger/log"]


async def test_a_head_is_synced_before_and_after_it_is_named(store, root, steps):
    """Founding syncs the head, links it and syncs its folder; a commit is one data sync."""
    right = lock(root)
    head = DirectoryHead(store.disk, "log", right)
    tag = await head.found(new_head("log", 0, "w"))
    assert steps[-4:-1] == ["sync new", "link new ledger/log/head", "sync ledger/log"]
    steps.clear()
    await head.commit(tag.head.appended([b"x"], 1), tag)
    assert len(steps) == 1
    head.close()
    right.release()


async def test_forgetting_is_durable(store, steps):
    """Erase removes the name and syncs its folder, and syncs it also where the name is gone already."""
    eraser = DirectoryEraser(store.disk, store.threads)
    await store.create(key(1), [b"abc"], digests(b"abc"))
    steps.clear()
    await eraser.erase(key(1))
    await eraser.erase(key(1))
    assert [step.replace(f"{store.disk.root}/", "") for step in steps] == [
        f"unlink {key(1)}",
        f"sync {DAY}",
        f"sync {DAY}",
    ]
