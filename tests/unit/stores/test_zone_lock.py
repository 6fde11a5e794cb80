"""The right to write in a directory zone."""

from __future__ import annotations

import subprocess
import sys

import pytest

from headwater.errors import Misconfigured
from headwater.stores.zone_lock import filesystem, lock

HOLDER = """
import sys
from headwater.stores.zone_lock import lock
right = lock(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(root):
    """Another process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_zone_has_one_writer(root, holder):
    """A second process is told at once that the zone is in use, and by which process."""
    with pytest.raises(Misconfigured, match=f"process {holder.pid} on ") as failure:
        lock(root)
    assert failure.value.reason == "in_use"


def test_a_killed_writer_leaves_the_zone_free(root, holder):
    """The lock ends with its process, however that ended."""
    holder.kill()
    holder.wait()
    lock(root).release()


def test_a_released_lock_is_free(root):
    """Who releases lets the next one in, and no longer holds; releasing again does no harm."""
    first = lock(root)
    held = [first.held]
    first.release()
    first.release()
    second = lock(root)
    assert [*held, first.held, second.held] == [True, False, True]
    second.release()


def test_the_lock_tidies_what_a_kill_left(root):
    """Temporary names and second names in `incoming/` go with the next lock; unfinished uploads stay."""
    for upload in ("sealed", "unfinished"):
        (root / "incoming" / upload).mkdir(parents=True)
        (root / "incoming" / upload / "data").write_bytes(b"abc")
    (root / "object").hardlink_to(root / "incoming/sealed/data")
    (root / "incoming/0123.tmp").write_bytes(b"abc")
    lock(root).release()
    assert [path.name for path in (root / "incoming").iterdir()] == ["unfinished"]
    assert (root / "object").read_bytes() == b"abc"


def test_a_zone_that_cannot_be_locked_is_misconfigured(root):
    """A root that is not there is said to be so, in a sentence."""
    with pytest.raises(Misconfigured, match="cannot be opened"):
        lock(root / "missing")


def test_the_kind_of_file_system_is_told(tmp_path):
    """The file system is that of the mount nearest above the path, links followed."""
    assert filesystem("/proc/self") == "proc"
    (tmp_path / "link").symlink_to("/proc")
    assert filesystem(tmp_path / "link" / "self") == "proc"
    assert filesystem(tmp_path) not in {"proc", "unknown"}


def test_a_mount_with_a_space_is_found(small_disk):
    """The kind of a mounted file system is told inside it, also for what is not there yet."""
    assert filesystem(small_disk) == filesystem(small_disk / "not there yet") == "tmpfs"
