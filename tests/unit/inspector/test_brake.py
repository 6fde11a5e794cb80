from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

from headwater.inspector import brake as braking
from headwater.inspector.brake import Brake
from headwater.inspector.job import Limits
from headwater.inspector.pool import Pool, Settings
from tests.unit.inspector.conftest import BAD, until

LIMITS = Limits(memory_bytes=512 << 20, time_seconds=60.0)
ORPHAN = """
import os, pathlib, signal, sys, threading, time
from headwater.inspector.client import Worker
from headwater.inspector.open_file import OpenFile
from headwater.inspector.job import Job, Limits
worker = Worker(Limits(memory_bytes=512 << 20, time_seconds=60.0), ("headwater.testing.bad_parsers",))
job = Job(name="f", file_name="f", size_bytes=9, has_file=True)
threading.Thread(target=lambda: worker.inspect(job, OpenFile(pathlib.Path(sys.argv[1]))), daemon=True).start()
pid = worker._process.pid
children = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
while not children.read_text():
    time.sleep(0.01)
worker.halt()
print(worker._folder, pid, children.read_text(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def state(pid: int) -> str:
    """A process's state as the kernel says it: T where it is stopped, nothing where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return ""


class Told:
    """What a brake did."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.brake = Brake(lambda: self.did.append("halt"), lambda: self.did.append("go on"))


async def test_workers_stand_still_while_any_holds():
    """The first that holds halts them, and a moment after the last one let go they go on."""
    told = Told()
    with told.brake.held():
        with told.brake.held():
            assert told.did == ["halt"]
        assert told.did == ["halt"]
    assert told.did == ["halt"]
    await until(lambda: told.did == ["halt", "go on"])


async def test_what_follows_at_once_finds_them_still():
    """Between the beginning and the end of a small upload, both of which hold, they are not let go."""
    told = Told()
    for _ in range(3):
        with told.brake.held():
            await asyncio.sleep(0)
    assert told.did == ["halt"]
    await until(lambda: told.did == ["halt", "go on"])


async def test_quiet_comes_once_nobody_holds_them():
    """Who waits for quiet goes on at once where nobody holds, and else a moment after the last one let go."""
    told = Told()
    await asyncio.wait_for(told.brake.quiet(60), 10)
    with told.brake.held():
        waiting = asyncio.ensure_future(told.brake.quiet(60))
        await asyncio.sleep(0.05)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 10)
    assert told.did == ["halt", "go on"]


async def test_quiet_is_not_waited_for_without_end():
    """Beside a landing that never pauses, what gives way to it goes on after its time."""
    told = Told()
    with told.brake.held():
        await asyncio.wait_for(told.brake.quiet(0.001), 10)


async def test_nobody_holds_them_for_long(monkeypatch):
    """What takes longer goes on beside workers that work."""
    monkeypatch.setattr(braking, "HELD_SECONDS_MAX", 0.001)
    told = Told()
    with told.brake.held():
        await until(lambda: told.did == ["halt", "go on"])
    assert told.did == ["halt", "go on"]


async def test_they_work_as_long_as_they_stand_still(monkeypatch):
    """Who holds again at once does not: landing without a pause leaves inspection half of the time at least."""
    told = Told()
    moment = 0.0
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: moment)
    monkeypatch.setattr(braking, "LINGER_SECONDS", 0.0)

    async def held_until(then: float) -> None:
        nonlocal moment
        with told.brake.held():
            moment = then
        for _ in range(3):  # a timer that is due runs meanwhile
            await asyncio.sleep(0)

    await held_until(0.004)
    moment = 0.007
    await held_until(0.007)
    assert told.did == ["halt", "go on"]
    moment = 0.009
    await held_until(0.009)
    assert told.did == ["halt", "go on"] * 2


async def test_a_pool_halts_the_process_that_works(world):
    """It is stopped while it is held, and ends its job after."""
    pool = Pool(world.objects, world.folder, Settings(1, LIMITS, BAD))
    try:
        asked = asyncio.ensure_future(pool.inspect(world.land(b"BAD limits\n")))
        await until(lambda: pool._busy)
        (worker,) = pool._busy
        pool._halt()
        await until(lambda: state(worker._process.pid) == "T")
        pool._go_on()
        assert (await asked).format == "bad"
    finally:
        await pool.close()


async def test_a_pool_ends_though_it_is_held(world):
    """Closing while workers are halted ends them at once."""
    pool = Pool(world.objects, world.folder, Settings(1, LIMITS, BAD))
    asked = asyncio.ensure_future(pool.inspect(world.land(b"BAD hang\n")))
    await until(lambda: pool._busy)
    (worker,) = pool._busy
    pool._halt()
    async with asyncio.timeout(20):
        await pool.close()
        await asyncio.gather(asked, return_exceptions=True)
    assert worker._process.returncode == -signal.SIGKILL


async def test_a_halted_worker_dies_with_its_server(tmp_path):
    """A server that is killed while its worker is held leaves no process behind, however busy, and no folder."""
    path = tmp_path / "f"
    path.write_bytes(b"BAD hang\n")
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", ORPHAN, path, stdout=subprocess.PIPE)
    told, _ = await server.communicate()
    assert server.returncode == -signal.SIGKILL
    folder, worker, child = told.decode().split()
    await until(lambda: {state(int(worker)), state(int(child))} <= {"", "Z"})
    assert not await asyncio.to_thread(Path(folder).exists)
