"""Many slow senders in a process of their own: each holds one upload open and sends a piece of it at a steady pace.

`bench/slow_senders.py URL HEADER SENDERS BYTES_PER_SECOND PIECE_BYTES` says `ready` when all are sending, and goes on
until it is killed. An answer before that is an upload cut off, and ends it with what the answer says.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from pathlib import Path

import uvloop
from senders import head_of
from serve_zone import FEED

SIZE_BYTES = 1 << 30


async def send(host: str, port: int, head: bytes, name: int, piece: bytes, pause_seconds: float) -> None:
    """One sender, for ever."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"PUT {FEED}/slow-{name}".encode() + head)
    answer = asyncio.create_task(reader.read(2000))
    await asyncio.sleep(pause_seconds * (name % 100) / 100)  # the senders' pieces do not come at one moment
    while not answer.done():
        writer.write(piece)
        await asyncio.sleep(pause_seconds * random.uniform(0.9, 1.1))
    raise RuntimeError((await answer).decode() or "cut")


async def main(url: str, header: Path, senders: int, bytes_per_second: int, piece_bytes: int) -> None:
    """All of them."""
    host, port, head = head_of(url, header, SIZE_BYTES)
    piece, pause_seconds = os.urandom(piece_bytes), piece_bytes / bytes_per_second
    async with asyncio.TaskGroup() as group:
        for name in range(senders):
            group.create_task(send(host, port, head, name, piece, pause_seconds))
        await asyncio.sleep(2 * pause_seconds)
        print("ready", flush=True)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:6])))
