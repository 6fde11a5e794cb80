"""Homes for tests: made, founded, and served within this process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from headwater.app import open_system
from headwater.home import Home
from headwater.serving import served
from headwater.zone.local import read_config

SAFE_HERE = 'accept_volatile = true\n[http]\nlisten = "127.0.0.1:0"\n[sftp]\nlisten = "127.0.0.1:0"\n'
"""What a home of a test says: its disk may be memory, its port is anybody's."""


def make_home(path: Path, config: str = SAFE_HERE) -> Home:
    """A home with a zone in it."""
    home = Home(path)
    home.make()
    home.config_path.write_text(config)

    async def found() -> None:
        async with open_system(home, read_config(home).config, may_found=True):
            pass

    asyncio.run(found())
    return home


@contextlib.contextmanager
def serving(home: Home) -> Iterator[str]:
    """Serves a home from a thread of this process; gives the address of its HTTP door."""
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    addresses: list[str] = []

    async def serve() -> None:
        async with (
            open_system(home, read_config(home).config) as system,
            served(system, may_move=False) as doors,
        ):
            addresses.append(doors.http or "")
            ready.set()
            await stop.wait()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            try:
                runner.run(serve())
            finally:
                ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait(30)
    try:
        yield addresses[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
