"""How much of the server's own receive loop is left when what it receives is landed: 1 GiB by PUT, with real curl.

Sides that take turns: the server with an app that only counts bytes (the limit: receive loop, parser, loopback); the
same server landing in a zone on a tmpfs, receipt and digests on; the same with `Content-Digest` checked; landing on the
disk; and `dd conv=fsync` of the same bytes to the same disk. Landed objects are removed between rounds on the tmpfs.
"""

from __future__ import annotations

import base64
import hashlib
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from race import ROUNDS, Race, arguments, memory_folder, scratch, take_turns
from serve_zone import Serving, serving

SIZE_BYTES, QUICK_BYTES = 1 << 30, 16 << 20
BLOCK = 1 << 20


def make(path: Path, size_bytes: int) -> str:
    """A file of random bytes; returns the `Content-Digest` of it (RFC 9530)."""
    sha256 = hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(size_bytes // BLOCK):
            block = os.urandom(BLOCK)
            sha256.update(block)
            file.write(block)
    return f"Content-Digest: sha-256=:{base64.b64encode(sha256.digest()).decode()}:"


def putting(server: Serving, file: Path, *headers: str, clear: Path | None = None) -> Callable[[], float]:
    """A side: MB/s of one PUT; what landed below `clear` is removed after it."""
    names = count()

    def put() -> float:
        os.sync()
        seconds = server.curl(file, f"big-{next(names)}.bin", *headers)
        for landed in clear.glob("raw/*/*/*/*") if clear else ():
            landed.unlink()
        return file.stat().st_size / seconds / 1e6

    return put


def dd(file: Path, folder: Path) -> float:
    """MB/s of `dd conv=fsync`; the copy stays, for a disk that discards what was freed has no time for the next."""
    descriptor, target = tempfile.mkstemp(dir=folder)
    os.close(descriptor)
    os.sync()
    began = time.perf_counter()
    command = ["dd", f"if={file}", f"of={target}", "bs=1M", "conv=fsync", "status=none"]
    subprocess.run(command, check=True)
    return file.stat().st_size / (time.perf_counter() - began) / 1e6


def main() -> None:
    """The whole race."""
    options = arguments(__doc__)
    race = Race("http_put")
    with scratch(memory_folder()) as memory, scratch(options.disk) as disk, ExitStack() as stack:
        file, zone = memory / "file", memory / "zone"
        digest = make(file, QUICK_BYTES if options.quick else SIZE_BYTES)
        sink = stack.enter_context(serving(memory / "sink", memory / "sink-zone", sink=True))
        on_memory = stack.enter_context(serving(memory / "home", zone))
        on_disk = stack.enter_context(serving(disk / "home", disk / "zone"))
        rounds = 1 if options.quick else ROUNDS
        # In two groups: the disk's sides fill the page cache, and a tmpfs that must touch new memory is a slower one
        rates = take_turns(
            rounds,
            {
                "sink": putting(sink, file),
                "tmpfs": putting(on_memory, file, clear=zone),
                "tmpfs, digest checked": putting(on_memory, file, digest, clear=zone),
            },
        )
        rates |= take_turns(rounds, {"disk": putting(on_disk, file), "dd": lambda: dd(file, disk)})
        for side, peer in (("sink", "the limit"), ("dd", "dd conv=fsync, the limit of the disk")):
            race.say(side, statistics.median(rates[side]), "MB/s", peer=peer)
        for side, peer, bar in (("tmpfs", "sink", 60), ("tmpfs, digest checked", "sink", 60), ("disk", "dd", 90)):
            race.say(f"PUT to {side}", statistics.median(rates[side]), "MB/s")
            race.say_ratio(f"PUT to {side}, of {peer}", rates[side], rates[peer], bar, peer)
        race.say("memory of the server, most", on_memory.memory_bytes("VmHWM") / 2**20, "MiB")


if __name__ == "__main__":
    main()
