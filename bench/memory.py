"""Memory under many slow senders: 1,000 at 10 KB/s beside one at full speed, on the real server.

Does memory stay within bounds, and flat; and what is left of the fast sender's speed? Alone, it sends to another server
that nobody else uses, while the slow ones are stopped (SIGSTOP); they go on in turns, so that both are measured in the
same minutes. They send pieces of 1,400 bytes, as a network would bring them. The zones lie on a tmpfs, which is not in
the server's own memory.
"""

from __future__ import annotations

import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from http_put import BLOCK, make
from race import ROUNDS, Race, arguments, memory_folder, scratch, take_turns
from serve_zone import Serving, serving

SENDERS, QUICK_SENDERS = 1000, 20
BYTES_PER_SECOND, PIECE_BYTES = 10_000, 1400
FILE_BYTES = 512 << 20
SETTLE_SECONDS = 3.0
MIB = 2**20


@contextmanager
def slow_senders(server: Serving, senders: int) -> Iterator[subprocess.Popen[str]]:
    """So many of them, sending until the end of the block."""
    command = [sys.executable, str(Path(__file__).with_name("slow_senders.py")), server.url, str(server.header)]
    command += map(str, (senders, BYTES_PER_SECOND, PIECE_BYTES))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise RuntimeError("the slow senders did not start")
            yield process
        finally:
            process.kill()


@contextmanager
def watched(server: Serving) -> Iterator[list[float]]:
    """The server's memory in MiB, five times a second."""
    seen: list[float] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            seen.append(server.memory_bytes() / MIB)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def main() -> None:
    """The whole race."""
    options = arguments(__doc__)
    race = Race("memory")
    senders, size_bytes = (QUICK_SENDERS, 8 * BLOCK) if options.quick else (SENDERS, FILE_BYTES)
    settle_seconds = 0.3 if options.quick else SETTLE_SECONDS
    with ExitStack() as stack:
        memory = stack.enter_context(scratch(memory_folder()))
        server = stack.enter_context(serving(memory / "home", memory / "zone"))
        unused = stack.enter_context(serving(memory / "unused-home", memory / "unused-zone"))
        file = memory / "file"
        make(file, size_bytes)
        idle = server.memory_bytes() / MIB
        slow = stack.enter_context(slow_senders(server, senders))
        seen = stack.enter_context(watched(server))

        def fast(to: Serving, slow_ones: signal.Signals) -> float:
            slow.send_signal(slow_ones)
            time.sleep(settle_seconds)
            rate = size_bytes / to.curl(file, f"fast-{time.monotonic_ns()}") / 1e6
            for landed in memory.glob("*zone/raw/*/*/*/*fast*"):
                landed.unlink()
            return rate

        sides = {"alone": lambda: fast(unused, signal.SIGSTOP), "beside": lambda: fast(server, signal.SIGCONT)}
        rates = take_turns(1 if options.quick else ROUNDS, sides)
        if slow.poll() is not None:
            raise RuntimeError("a slow sender was cut off")
        came = sum(file.stat().st_size for file in memory.glob("zone/incoming/*/data"))
    third = len(seen) // 3 or 1
    race.say("memory, idle", idle, "MiB")
    race.say("memory, most", max(seen), "MiB", bar=512, peer=f"{senders} slow senders had brought {came / MIB:.0f} MiB")
    grown = statistics.median(seen[-third:]) - statistics.median(seen[third : 2 * third])
    race.say("memory, from the second third of the run to the last", grown, "MiB", bar=16)
    race.say("fast sender alone", statistics.median(rates["alone"]), "MB/s", peer="on a server of its own")
    race.say("fast sender beside", statistics.median(rates["beside"]), "MB/s")
    race.say_ratio("fast sender beside, of alone", rates["beside"], rates["alone"], 80, "alone")


if __name__ == "__main__":
    main()
