"""A server over a fresh home, in a process of its own, for the races that knock at its door.

The same assembly that `headwater serve` uses, but without what refuses a zone on a tmpfs; with --sink the same server
answers with an app that only counts bytes, the peer of the HTTP races. `bench/serve_zone.py HOME ZONE [--sink]`.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from headwater.app import open_system
from headwater.config import Config, load
from headwater.config_schema import S3
from headwater.home import Home
from headwater.serving import served
from headwater.system import keep_memory

FEED = "/v1/feeds/first/files"


@dataclasses.dataclass(frozen=True)
class Serving:
    """A running server: its URL, the file with the header of a sender, the process, and its SFTP port."""

    url: str
    header: Path
    pid: int
    sftp_port: int = 0

    def curl(self, file: Path, name: str, *headers: str) -> float:
        """PUTs a file with curl and returns the seconds from its first to the last byte of the answer."""
        command = ["curl", "-sS", "-m", "120", "--noproxy", "*", "-T", str(file)]
        for header in (f"@{self.header}", *headers):
            command += ["-H", header]
        command += ["-o", os.devnull, "-w", "%{http_code} %{time_total}", f"{self.url}{FEED}/{name}"]
        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        if answer[0] != "201":
            raise RuntimeError(f"curl got {answer[0]}")
        return float(answer[1])

    def memory_bytes(self, field: str = "VmRSS") -> int:
        """What the process holds of memory; `VmHWM` is the most it ever held."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) * 1024


def fresh(folder: Path, zone: str, endpoint: str | None = None) -> tuple[Home, Config]:
    """A home in a new folder over a zone, and its configuration."""
    home = Home(folder)
    home.make()
    config = load(
        {},
        {"HEADWATER_ZONE": zone, "HEADWATER_HTTP_LISTEN": "127.0.0.1:0", "HEADWATER_SFTP_LISTEN": "127.0.0.1:0"},
        home.path,
    ).config
    s3 = S3(region="us-east-1", endpoint=endpoint)
    return home, msgspec.structs.replace(config, s3=s3, accept_volatile=True)


@contextmanager
def serving(folder: Path, zone: Path | str, *, sink: bool = False, endpoint: str | None = None) -> Iterator[Serving]:
    """Runs this file until the end of the block."""
    command = [sys.executable, __file__, str(folder), str(zone)]
    command += ["--sink"] if sink else []
    command += ["--endpoint", endpoint] if endpoint else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = process.stdout.readline().split() if process.stdout else []
            if not said:
                raise RuntimeError("the server did not start")
            yield Serving(said[0], folder / "keys" / "first.header", process.pid, int(said[1]))
        finally:
            process.terminate()


async def count_bytes(
    scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[dict[str, Any]], Awaitable[None]]
) -> None:
    """The bare ASGI app: takes a body, keeps nothing of it, and tells how long it was."""
    size_bytes, more = 0, scope["type"] == "http"
    while more:
        message = await receive()
        size_bytes += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"%d" % size_bytes
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": 201, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


async def serve(options: argparse.Namespace) -> None:
    """Serves until SIGTERM; the first line on standard output is the URL."""
    home, config = fresh(options.home, options.zone, options.endpoint)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with open_system(home, config, may_found=True) as system:
        shown = dataclasses.replace(system, asgi=count_bytes) if options.sink else system
        async with served(shown, may_move=False) as doors:
            print(doors.http, doors.sftp.port if doors.sftp else 0, flush=True)
            await ended.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("zone")
    parser.add_argument("--sink", action="store_true", help="only count bytes")
    parser.add_argument("--endpoint", help="of an S3 zone")
    keep_memory()
    uvloop.run(serve(parser.parse_args()))
