"""What this disk allows: the bare chain of system calls that a landing in a directory cannot do without, in a loop.

A landing creates a file of 10 KiB, syncs its data, links it, syncs its folder, and appends a frame of 600 bytes to the
ledger with a data sync. `Chain` does just that with nothing around it, one after the other and with 64 threads; beside
it, in the same minute, stand the directory store's own figures. Rounds alternate and the median counts, for other
users of the disk come and go; and nothing is removed before the end, for a disk that is told to discard what was freed
has no time for anybody. One JSON object a line. `bench/chain.py [FOLDER]`: by default a new one beside this file.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import uvloop

from headwater.ledger.head import new_head
from headwater.ports.ledger import HeadTag
from headwater.stores.directory import DirectoryStore
from headwater.stores.directory_log import DirectoryHead
from headwater.stores.durable_fs import checksum
from headwater.stores.zone_lock import filesystem, lock
from headwater.terms import Digests, Id, Key

BODY = os.urandom(10 * 1024)
FRAME = os.urandom(600)
DIGESTS = Digests(len(BODY), "", checksum([BODY]))
THREADS = 64
ROUNDS = 3
ALONE, TOGETHER = 300, 3000
STREAM_BYTES, PIECE = 1 << 30, os.urandom(1 << 20)


class Chain:
    """The bare chain in a new folder below `root`."""

    def __init__(self, root: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=root))
        self._folder_fd = os.open(self.folder, os.O_RDONLY)
        self._ledger_fd = os.open(self.folder / "ledger", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        self._names = count()

    def create(self) -> None:
        """Creates one file, durably."""
        fd = os.open(".", os.O_TMPFILE | os.O_WRONLY, 0o440, dir_fd=self._folder_fd)
        os.write(fd, BODY)
        os.fdatasync(fd)
        os.link(f"/proc/self/fd/{fd}", str(next(self._names)), dst_dir_fd=self._folder_fd, follow_symlinks=True)
        os.close(fd)
        os.fsync(self._folder_fd)

    def append(self) -> None:
        """Appends one frame to the ledger, durably."""
        os.write(self._ledger_fd, FRAME)
        os.fdatasync(self._ledger_fd)

    def land(self) -> None:
        """The whole of it."""
        self.create()
        self.append()

    def close(self) -> None:
        """Closes what is open; the files stay."""
        os.close(self._folder_fd)
        os.close(self._ledger_fd)


def alone(step: Callable[[], None], times: int = ALONE) -> float:
    """How many a second, one after the other."""
    start = time.perf_counter()
    for _ in range(times):
        step()
    return times / (time.perf_counter() - start)


def together(step: Callable[[], None], times: int = TOGETHER, threads: int = THREADS) -> float:
    """How many a second with so many threads."""
    with ThreadPoolExecutor(threads) as pool:
        ready = threading.Barrier(threads + 1)
        started = [pool.submit(ready.wait) for _ in range(threads)]
        ready.wait()
        for future in started:
            future.result()
        start = time.perf_counter()
        list(pool.map(lambda _: step(), range(times)))
        return times / (time.perf_counter() - start)


def chain(root: Path) -> dict[str, float]:
    """The bare rates of the disk below `root`, landings a second: `serial` and `threads_64`, and the parts of one.

    Leaves its files there.
    """
    bare = Chain(root)
    try:
        return {
            "serial": alone(bare.land),
            "threads_64": together(bare.land),
            "create_serial": alone(bare.create),
            "append_serial": alone(bare.append),
        }
    finally:
        bare.close()


async def _creates(store: DirectoryStore, at_once: int, times: int) -> float:
    names = iter(range(times))

    async def client() -> None:
        for name in names:
            await store.create(Key(f"raw/{at_once}/{name}"), [BODY], DIGESTS)

    start = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(at_once)))
    return times / (time.perf_counter() - start)


async def _commits(head: DirectoryHead, times: int = ALONE) -> float:
    tag: HeadTag = await head.found(new_head("bench", 0, "bench"))
    start = time.perf_counter()
    for n in range(times):
        bigger = tag.head.appended([FRAME], n)
        tag = await head.commit(bigger if n % 100 else bigger.tiled_to(bigger.size - 1), tag)
    return times / (time.perf_counter() - start)


async def _stream(store: DirectoryStore) -> float:
    start = time.perf_counter()
    staging = await store.begin(Id("stream"), Key("raw/stream"), STREAM_BYTES)
    for _ in range(STREAM_BYTES // len(PIECE)):
        await staging.write([PIECE])
    await staging.commit(None)
    return STREAM_BYTES / (time.perf_counter() - start) / 1e6


async def _store(root: Path) -> dict[str, float]:
    store = DirectoryStore(root)
    right = lock(root)
    head = DirectoryHead(store.disk, "bench", right)
    rates = {
        "store_create_serial": await _creates(store, 1, ALONE),
        "store_create_64": await _creates(store, THREADS, TOGETHER),
        "store_head_commit_serial": await _commits(head),
        "store_stream_1gib": await _stream(store),
    }
    head.close()
    store.close()
    right.release()
    return rates


def store(root: Path) -> dict[str, float]:
    """The same by the directory store, and MB/s of one upload of 1 GiB in pieces of 1 MiB."""
    return uvloop.run(_store(Path(tempfile.mkdtemp(dir=root))))


def dd(root: Path) -> dict[str, float]:
    """MB/s of `dd conv=fsync` over 1 GiB."""
    target = Path(tempfile.mkdtemp(dir=root)) / "dd"
    start = time.perf_counter()
    subprocess.run(
        ["dd", "if=/dev/zero", f"of={target}", "bs=1M", f"count={STREAM_BYTES >> 20}", "conv=fsync", "status=none"],
        check=True,
    )
    return {"dd_1gib": STREAM_BYTES / (time.perf_counter() - start) / 1e6}


def report(measured: list[dict[str, float]]) -> None:
    """Prints the median of each measure, with its bar where there is one."""
    middle = {name: statistics.median(each[name] for each in measured) for name in measured[0]}
    bars = {"store_create_64": 3500.0, "store_stream_1gib": 0.9 * middle["dd_1gib"]}
    for name, value in middle.items():
        unit = "MB/s" if name.endswith("gib") else "1/s"
        bar = round(bars[name], 1) if name in bars else None
        print(json.dumps({"race": "chain", "measure": name, "value": round(value, 1), "unit": unit, "bar": bar}))


def main(root: Path) -> None:
    """Measures in alternating rounds and prints."""
    print(json.dumps({"race": "chain", "measure": "filesystem", "value": filesystem(root), "unit": "", "bar": None}))
    report([chain(root) | dd(root) | store(root) for _ in range(ROUNDS)])


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    with tempfile.TemporaryDirectory(dir=where) as folder:
        main(Path(folder))
