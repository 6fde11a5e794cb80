from __future__ import annotations

import io
import socket
import threading

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater.formats.budget import Budget
from headwater.formats.examine import examine
from headwater.inspector import frames
from headwater.inspector.frames import Kind
from headwater.inspector.job import Range
from headwater.inspector.remote import KEPT_BYTES_MAX, Remote


class Parent:
    """Answers for ranges of some bytes until the other side is gone; counts what is asked for."""

    def __init__(self, data: bytes, answering: socket.socket) -> None:
        self._data = data
        self._socket = answering
        self.asked: list[tuple[int, int]] = []

    def answer(self) -> None:
        while True:
            try:
                _, body, _ = frames.receive(self._socket)
            except frames.Broken:
                return
            wanted = msgspec.msgpack.decode(body, type=Range)
            self.asked.append((wanted.offset, wanted.size_bytes))
            frames.send(self._socket, Kind.BYTES, self._data[wanted.offset : wanted.offset + wanted.size_bytes])
            frames.send(self._socket, Kind.BYTES)


@pytest.fixture
def linked():
    """Makes a Remote of some bytes, with the parent that it asks."""
    ours, theirs = socket.socketpair()
    threads = []

    def made(data: bytes) -> tuple[Remote, Parent]:
        parent = Parent(data, theirs)
        threads.append(threading.Thread(target=parent.answer))
        threads[-1].start()
        return Remote(ours, len(data)), parent

    yield made
    ours.close()
    for thread in threads:
        thread.join()
    theirs.close()


def test_what_was_just_read_is_not_asked_for_again(linked):
    """Both ends are kept, and any part of them is given from there; what lies across their edge is asked for."""
    data = bytes(range(256)) * (8 * KEPT_BYTES_MAX // 256) * 4
    remote, parent = linked(data)
    end = len(data) - KEPT_BYTES_MAX
    ends = [(0, KEPT_BYTES_MAX), (end, KEPT_BYTES_MAX)]
    across = (KEPT_BYTES_MAX - 3, 10)
    for offset, size_bytes in (*ends, (5, 7), (end + 9, KEPT_BYTES_MAX - 9), (len(data) - 8, 8), across):
        assert remote.read(offset, size_bytes) == data[offset : offset + size_bytes]
    assert parent.asked == [*ends, across]


def test_a_parquet_file_of_many_groups_costs_three_requests(linked):
    """Its beginning, its end, and the footer that is longer than that end; its values are left where they are."""
    out = io.BytesIO()
    columns = pa.table({name: pa.array(range(300_000)) for name in ("first", "second", "third")})
    pq.write_table(columns, out, row_group_size=1000, compression="none")
    remote, parent = linked(out.getvalue())
    finding = examine(remote, lambda: Budget(1 << 40, 60.0, lambda: 0.0)).finding
    assert (finding.format, finding.rows, finding.dialect.groups) == ("parquet", 300_000, 300)
    assert len(parent.asked) == 3
    assert sum(size_bytes for _, size_bytes in parent.asked) < len(out.getvalue()) / 10
