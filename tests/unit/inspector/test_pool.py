from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from headwater.errors import Refused, Unavailable
from headwater.inspector import pool as pooling
from headwater.inspector.job import Limits
from headwater.inspector.pool import Pool, Settings, workers_for
from headwater.terms import Receipt
from tests.unit.inspector.conftest import BAD, until

LIMITS = Limits(memory_bytes=512 << 20, time_seconds=60.0)


@pytest.fixture(params=["directory", "objects"])
async def pool(request, world):
    """A pool of one worker over the zone, as files or as objects."""
    folder = world.folder if request.param == "directory" else None
    made = Pool(world.objects, folder, Settings(1, LIMITS, BAD))
    yield made
    await made.close()


async def test_deliveries_are_inspected(pool, world):
    """Each gets its own finding, with its name and size, however many are asked for at once; small and large alike."""
    receipts = [world.land(b"BAD limits\n" + b"x" * size) for size in (0, 10, 3000, 2_000_000)]
    found = await asyncio.gather(*(pool.inspect(receipt) for receipt in receipts))
    assert [(each.format, each.name, each.size_bytes) for each in found] == [
        ("bad", receipt.name, receipt.size_bytes) for receipt in receipts
    ]


async def test_what_fails_twice_is_a_finding(pool, world):
    """It says how, and deliveries after it are inspected as ever."""
    failed = await pool.inspect(world.land(b"BAD crash\n"))
    assert [problem.code for problem in failed.problems] == ["inspection_failed"]
    assert "signal 11" in failed.problems[0].sentence
    assert (failed.format, failed.size_bytes) == ("unknown", 10)
    assert (await pool.inspect(world.land(b"BAD limits\n"))).format == "bad"


async def test_bytes_that_are_gone_are_refused(pool, world):
    """There is nothing to find, and the worker goes on."""
    receipt = world.land(b"BAD limits\n")
    (world.folder / receipt.key).unlink()
    del world.objects.objects[receipt.key]
    with pytest.raises(Refused) as raised:
        await pool.inspect(receipt)
    assert raised.value.reason == "not_found"
    assert (await pool.inspect(world.land(b"BAD limits\n"))).format == "bad"


async def test_a_store_that_is_away_is_no_finding(world):
    """Unavailable comes out, to be tried again later."""
    made = Pool(world.objects, None, Settings(1, LIMITS, BAD))
    try:
        receipt = world.land(b"BAD limits\n")
        world.objects.fails = 1
        with pytest.raises(Unavailable):
            await made.inspect(receipt)
        assert (await made.inspect(receipt)).format == "bad"
    finally:
        await made.close()


async def test_a_name_that_is_no_text_is_shown(pool, world):
    """Bytes that are not UTF-8 in a name become U+FFFD in a finding."""
    receipt = world.land(b"BAD limits\n")
    odd = Receipt(
        **{f: getattr(receipt, f) for f in receipt.__struct_fields__} | {"name": None, "name_b64": "Y2Fm6Q=="}
    )
    assert (await pool.inspect(odd)).name == "caf\ufffd"


async def test_closing_ends_what_is_under_way(world):
    """A parser that hangs does not keep the server: what was asked for is told that it stops."""
    made = Pool(world.objects, world.folder, Settings(1, LIMITS, BAD))
    asked = asyncio.ensure_future(made.inspect(world.land(b"BAD hang\n")))
    waiting = asyncio.ensure_future(made.inspect(world.land(b"BAD limits\n")))
    await until(lambda: made._busy)
    async with asyncio.timeout(20):
        await made.close()
        for each in (asked, waiting):
            with pytest.raises((Unavailable, asyncio.CancelledError)):
                await each
    with pytest.raises(Unavailable):
        await made.inspect(world.land(b"BAD limits\n"))


async def test_an_idle_worker_ends(world, monkeypatch):
    """After a while without a job there is no process, and the next job starts one."""
    monkeypatch.setattr(pooling, "IDLE_SECONDS_MAX", 0.1)
    made = Pool(world.objects, world.folder, Settings(1, LIMITS, BAD))
    try:
        await made.inspect(world.land(b"BAD limits\n"))
        (kept,) = made._idle
        await until(lambda: not made._idle)
        assert not kept.worker.is_alive()
        assert (await made.inspect(world.land(b"BAD limits\n"))).format == "bad"
    finally:
        await made.close()


async def test_a_worker_that_was_killed_costs_no_try(world):
    """When the system ended it while it had nothing to do, the next delivery gets a new one, and its own finding."""
    made = Pool(world.objects, world.folder, Settings(1, LIMITS, BAD))
    try:
        await made.inspect(world.land(b"BAD limits\n"))
        made._idle[0].worker._process.kill()
        made._idle[0].worker._process.wait()
        assert (await made.inspect(world.land(b"BAD limits\n"))).problems == ()
    finally:
        await made.close()


def test_landing_keeps_its_cores():
    """On two cores one worker, on more at most half of them."""
    assert [workers_for(cores) for cores in (1, 2, 3, 4, 16)] == [1, 1, 1, 2, 8]


def test_a_server_loads_no_parser():
    """What inspects is loaded by the workers alone: the server starts as quickly as without, and stays as small."""
    code = (
        "import sys, headwater.app; loaded = set(sys.modules);"
        "assert not {'duckdb', 'pyarrow', 'pandas', 'polars', 'headwater.formats.examine'} & loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
