from __future__ import annotations

import gzip
import os
import socket
import sys
import time
from pathlib import Path

import pytest

from headwater.errors import Refused, Unavailable
from headwater.inspector import landlock
from headwater.inspector.child import SMALL_BYTES_MAX
from headwater.inspector.client import Worker, inspect_file
from headwater.inspector.jail import NICE, _libc
from headwater.inspector.job import LOADS, Job, Limits
from headwater.inspector.remote import STREAM_BYTES_MAX
from tests.unit.inspector.conftest import BAD, LIMITS, failure, tried

SIZES = [0, 2 * SMALL_BYTES_MAX]
"""At least so many bytes: a child looks at one small file after the other, a large one gets a child of its own."""


def told(finding):
    """What the misbehaving parser says came of it."""
    (said,) = finding.wholeness.reasons
    return said


@pytest.mark.parametrize(
    ("deed", "how"),
    [
        ("crash", "crashed (signal 11)"),
        ("exit", "failed (exit code 3)"),
        ("fail", "failed (RuntimeError: no such column)"),
        ("abort", "more memory"),
        ("eat", "more memory than the 512 MiB"),
    ],
)
@pytest.mark.parametrize("size_bytes", SIZES)
def test_a_parser_that_dies_takes_its_child_alone(worker, tmp_path, deed, how, size_bytes):
    """The try is told with how it ended, and the same worker looks at the next file, be they small or large."""
    failed = failure(worker, f"BAD {deed}\n".ljust(size_bytes), tmp_path / "bad")

    assert how in failed.how
    assert failed.is_child
    assert tried(worker, "BAD limits\n", tmp_path / "next").format == "bad"


@pytest.mark.parametrize("deed", ["hang", "spin"])
def test_a_parser_that_does_not_end_is_ended(tmp_path, deed):
    """After its time the try is over; ending the worker ends whatever its child does."""
    limits = Limits(memory_bytes=512 << 20, time_seconds=0.5)
    with Worker(limits, BAD) as worker:
        failed = failure(worker, f"BAD {deed}\n", tmp_path / "bad")
        group = worker._process.pid
    assert "longer than 0.5 seconds" in failed.how
    deadline = time.monotonic() + 10
    while _lives(group) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _lives(group)


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_worker_gives_way(worker):
    """It waits for others in its own session, and its session for others, where the kernel shares among sessions."""
    pid = worker._process.pid
    assert os.getpriority(os.PRIO_PROCESS, pid) == NICE
    shared = Path(f"/proc/{pid}/autogroup")
    if shared.exists():
        assert shared.read_text(encoding="ascii").split()[-1] == str(NICE)


def test_a_child_has_little(inspected):
    """Nothing of our environment but what we set, no descriptors but its own, and every limit."""
    seen = told(inspected("BAD see\n"))
    assert "PATH" not in seen
    assert "HEADWATER" not in seen
    assert "sockets 2 " in seen
    limits = told(inspected("BAD limits\n"))
    for word in ("RLIMIT_CORE=0", f"RLIMIT_DATA={LIMITS.memory_bytes}", "RLIMIT_FSIZE=1048576", "RLIMIT_NOFILE=256"):
        assert word in limits
    assert int(limits.rpartition("=")[2]) >= 10


def test_a_child_reaches_no_network_and_starts_no_program(inspected):
    """Sockets and other programs are refused, however they are asked for."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert told(inspected(f"BAD connect {server.getsockname()[1]}\n")) == "refused: Operation not permitted"
    assert told(inspected("BAD run\n")).startswith("refused")


@pytest.mark.skipif(not landlock.version(_libc), reason="this kernel has no Landlock")
@pytest.mark.parametrize("size_bytes", SIZES)
def test_a_child_reads_its_own_file_alone(inspected, tmp_path, size_bytes):
    """What lies beside the file that it looks at is refused, and so is writing anywhere but in its own folder."""
    (tmp_path / "other").write_text("secret")
    for deed, path in (("open", tmp_path / "other"), ("write", tmp_path / "new"), ("open", Path.home())):
        assert told(inspected(f"BAD {deed} {path}\n".ljust(size_bytes))) == "refused: Permission denied"
    assert told(inspected(f"BAD open {Path(os.__file__)}\n".ljust(size_bytes))).endswith("bytes")
    if size_bytes:
        assert told(inspected(f"BAD open {tmp_path}/data\n".ljust(size_bytes))) == f"{size_bytes} bytes"


def test_a_child_for_small_files_is_replaced_when_it_has_grown(inspected):
    """It ends by itself, and the next one takes over without a try lost."""
    first = told(inspected("BAD pid\n"))
    assert told(inspected("BAD grow\n")) == first
    assert told(inspected("BAD pid\n")) != first


def test_small_files_share_a_child(inspected):
    """Warm, it is many times faster than a new one."""
    assert len({told(inspected("BAD pid\n")) for _ in range(5)}) == 1


def test_a_child_for_small_files_keeps_nothing_open(tmp_path):
    """However many files it looks at, it has no more descriptors than after the first, also of packed and odd ones."""
    packed = gzip.compress(b"id,name\n1,a\n2,b\n")
    seen = []
    with Worker(LIMITS, (*LOADS, *BAD)) as worker:  # a child that loads engines itself grows until it is replaced
        for _ in range(3):
            seen.append(told(tried(worker, "BAD see\n", tmp_path / "f")))
            for data in (packed, packed[:-9], b"{}\n{}\n", b"\x00\x01\x02", b"", b"a,b\n1,2\n"):
                tried(worker, data, tmp_path / "f", "x.csv.gz")
    assert seen[1] == seen[2]


def test_a_child_leaves_nothing(worker, inspected):
    """What a job wrote into its folder is gone before the next one begins."""
    assert told(inspected(f"BAD write {worker._folder}/job/left\n")) == "written"
    assert list(Path(worker._folder).rglob("left")) == []


def test_a_worker_takes_its_folder_with_it():
    """After its end nothing of it is left on the disk."""
    with Worker(LIMITS) as worker:
        folder = Path(worker._folder)
        assert folder.is_dir()
    assert not folder.exists()


def test_a_worker_whose_parent_is_gone_ends(tmp_path):
    """Without anybody who could take its answers it ends, with its folder: also after kill -9 of the server."""
    worker = Worker(LIMITS)
    try:
        worker._control.shutdown(socket.SHUT_RDWR)
        assert worker._process.wait(20) == 0
        assert not Path(worker._folder).exists()
    finally:
        worker.close()


def test_what_cannot_be_looked_at_is_a_finding(tmp_path):
    """A local file whose parser fails twice gets a finding that says how it ended."""
    path = tmp_path / "bad"
    path.write_text("BAD fail\n")
    finding = inspect_file(path, "bad", LIMITS, loads=BAD)
    assert (finding.format, finding.confidence) == ("unknown", 0.0)
    (problem,) = finding.problems
    assert problem.code == "inspection_failed"
    assert "no such column" in problem.sentence


def test_a_finding_tells_nothing_of_where_it_was_made(inspected):
    """What engines say of a cut file names folders of this process; the finding names none of them."""
    data = gzip.compress(b"id,name\n" + b"".join(b"%d,name %d\n" % (n, n * n) for n in range(500)), mtime=0)[:-20]
    finding = inspected(data, "cut.csv.gz")
    assert finding.format == "csv"
    assert "headwater-" not in str(finding)
    assert inspected(data, "cut.csv.gz") == finding


# --- ranges of an object ----------------------------------------------------------------------------------------------


class Objects:
    """Bytes of a job that lie elsewhere; counts what is asked for."""

    fd = None

    def __init__(self, data: bytes, *, piece_bytes: int = 1 << 20, fails: Exception | None = None) -> None:
        self.data = data
        self.asked: list[tuple[int, int]] = []
        self._piece_bytes = piece_bytes
        self._fails = fails

    def read(self, offset, size_bytes):
        self.asked.append((offset, size_bytes))
        if self._fails:
            raise self._fails
        for start in range(offset, offset + size_bytes, self._piece_bytes):
            yield self.data[start : min(start + self._piece_bytes, offset + size_bytes)]


def remote(worker, objects, size_bytes=None):
    """What the worker says of an object."""
    size_bytes = len(objects.data) if size_bytes is None else size_bytes
    return worker.inspect(Job(name="o", file_name="o", size_bytes=size_bytes, has_file=False), objects)


def test_an_object_is_read_through_its_parent(worker):
    """A small object is asked for once, whatever the parser reads of it."""
    objects = Objects(b"BAD limits\n" + b"x" * 5000, piece_bytes=1000)
    finding = remote(worker, objects)
    assert finding.format == "bad"
    assert finding.size_bytes == len(objects.data)
    assert objects.asked == [(0, len(objects.data))]


def test_of_a_large_object_only_what_is_needed_is_read(worker):
    """Recognising one costs its first and last bytes, not the whole."""
    objects = Objects(b"BAD limits\n" + bytes(50 << 20))
    assert remote(worker, objects).format == "bad"
    assert sum(size for _, size in objects.asked) < 1 << 20
    assert all(size <= STREAM_BYTES_MAX for _, size in objects.asked)


@pytest.mark.parametrize("error", [Unavailable("store_unavailable", "It is away."), Refused("not_found")])
def test_an_object_that_cannot_be_had_is_no_finding(worker, error):
    """The store's own error comes out, and the worker goes on."""
    with pytest.raises(type(error)) as raised:
        remote(worker, Objects(b"BAD limits\n", fails=error))
    assert raised.value.reason == error.reason
    assert remote(worker, Objects(b"BAD limits\n")).format == "bad"


def test_an_object_that_ends_early_is_unavailable(worker):
    """Fewer bytes than the receipt says are never taken for the whole."""
    with pytest.raises(Unavailable):
        remote(worker, Objects(b"BAD limits\n"), 10_000)


def test_a_worker_that_does_not_start_says_why(monkeypatch):
    """A Python that cannot load what it needs is an outside that must recover."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(Unavailable) as raised:
        Worker(LIMITS)
    assert raised.value.reason == "busy"
