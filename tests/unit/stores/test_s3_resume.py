"""Uploads into a bucket whose holder died, or did not die enough."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys

import pytest

from headwater.ports.books import Part
from tests.contract.stores.samples import MIB, body, cut, digests, key, upload_id, whole
from tests.unit.stores.s3_world import world

DATA = body(30 * MIB)
ID, KEY = upload_id(1), key(1)

HOLDER = """
import asyncio, sys
from pathlib import Path
from types import SimpleNamespace
from tests.contract.stores.samples import MIB, body, cut, key, upload_id
from tests.unit.stores.s3_world import World
async def main(endpoint, folder, declared, parked):
    s3 = World(SimpleNamespace(endpoint=endpoint), Path(folder))
    staging = await s3.zone.intake.begin(upload_id(1), key(1), int(declared) or None)
    for piece in cut(body(30 * MIB)[: 27 * MIB], MIB):
        await staging.write([piece])
    await (staging.park() if parked else staging._quiet())
    print("written", flush=True)
    await asyncio.sleep(60)
asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
async def s3(tmp_path):
    """A zone on the double."""
    async with world(tmp_path) as made:
        yield made


async def _killed(s3, *, declared=0, parked=""):
    """An upload of 27 MiB by another process, killed once all of it was taken and all that it sent was answered."""
    command = [sys.executable, "-c", HOLDER, s3.double.endpoint, str(s3.folder), str(declared), parked]
    holder = await asyncio.to_thread(subprocess.Popen, command, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        await asyncio.to_thread(holder.stdout.readline)
    finally:
        holder.send_signal(signal.SIGKILL)
        await asyncio.to_thread(holder.communicate)


async def _finish(s3, resumed, data=DATA):
    for piece in cut(data[resumed.size_bytes :], MIB):
        await resumed.write([piece])
    await resumed.commit(digests(data))
    assert s3.objects() == {KEY: data}
    assert s3.versions(KEY) == 1
    assert await s3.books.parts.parts(ID) == (None, [])


async def test_a_killed_upload_goes_on_at_its_last_part(s3):
    """What a killed process had sent in whole parts is offered, no more and no less, and the upload lands whole."""
    await _killed(s3)
    resumed = await s3.zone.intake.resume(ID, KEY)
    assert resumed.size_bytes == 24 * MIB
    assert await whole(s3.zone.intake.read_back(ID, KEY)) == b""
    await _finish(s3, resumed)


async def test_a_parked_upload_goes_on_at_its_last_byte(s3):
    """What a process parked before it was killed is offered to the byte."""
    await _killed(s3, parked="parked")
    resumed = await s3.zone.intake.resume(ID, KEY)
    assert resumed.size_bytes == 27 * MIB
    await _finish(s3, resumed)


async def test_the_size_of_parts_outlives_their_holder(s3):
    """An upload of a declared size goes on with the parts it was begun with, for smaller ones would be too many."""
    await _killed(s3, declared=9_500 * 12 * MIB, parked="parked")
    resumed = await s3.zone.intake.resume(ID, KEY)
    assert resumed._part_bytes == 12 * MIB
    await _finish(s3, resumed)


async def test_the_size_of_parts_outlives_a_holder_that_sent_none(s3):
    """That holds for an upload that was parked before its first part was full."""
    await _killed(s3, declared=9_500 * 40 * MIB, parked="parked")
    assert s3.uploads() == 0
    resumed = await s3.zone.intake.resume(ID, KEY)
    assert resumed._part_bytes == 40 * MIB
    assert await whole(s3.zone.intake.read_back(ID, KEY)) == DATA[: 27 * MIB]
    await _finish(s3, resumed)


async def test_a_part_whose_answer_was_lost_counts(s3):
    """A part that the store has, though the books only know its number, is not sent a second time."""
    await _killed(s3)
    store_upload, rows = await s3.books.parts.parts(ID)
    await s3.books.parts.begin(ID, store_upload)
    for row in rows:
        lost = row.number == 2
        await s3.books.parts.commit(ID, Part(row.number, row.offset, row.size_bytes) if lost else row)
    resumed = await s3.zone.intake.resume(ID, KEY)
    assert resumed.size_bytes == 24 * MIB
    await _finish(s3, resumed)


async def test_a_part_that_the_store_has_not_does_not_count(s3):
    """Rows that the store does not bear out (a number only taken, another size, another upload) are not offered."""
    await _killed(s3)
    _, (first, second, third) = await s3.books.parts.parts(ID)
    await s3.books.parts.commit(ID, Part(second.number, second.offset, second.size_bytes + 1, second.etag, "0" * 16))
    await s3.books.parts.commit(ID, Part(9, third.offset + third.size_bytes, MIB))
    resumed = await s3.zone.intake.resume(ID, KEY)
    assert resumed.size_bytes == first.size_bytes
    await _finish(s3, resumed)


async def test_a_forgotten_upload_begins_anew(s3):
    """Where the store has aborted the multipart upload, nothing is offered, and the upload can be sent again."""
    await _killed(s3)
    store_upload, _ = await s3.books.parts.parts(ID)
    s3.double.client().abort_multipart_upload(Bucket="zones", Key=f"zones/one/{KEY}", UploadId=store_upload)
    resumed = await s3.zone.intake.resume(ID, KEY)
    assert resumed.size_bytes == 0
    await _finish(s3, resumed)


async def test_many_parts_are_all_found(s3):
    """More parts than the store lists at once are all offered."""
    await _killed(s3)

    def short(params, **_):
        params["MaxParts"] = 1

    s3.client.meta.events.register("before-parameter-build.s3.ListParts", short)
    resumed = await s3.zone.intake.resume(ID, KEY)
    assert s3.double.calls["ListParts"] == 3
    assert resumed.size_bytes == 24 * MIB
    await _finish(s3, resumed)


async def test_two_holders_make_one_object(s3):
    """A holder that was only paused goes on beside the one that took over: both send, one object comes of it, whole."""
    slept = await s3.zone.intake.begin(ID, KEY, None)
    for piece in cut(DATA[: 17 * MIB], MIB):
        await slept.write([piece])
    resumed = await s3.reopen().intake.resume(ID, KEY)

    async def go_on(staging):
        for piece in cut(DATA[staging.size_bytes :], MIB):
            await staging.write([piece])
        await staging.commit(digests(DATA))

    answers = await asyncio.gather(go_on(slept), go_on(resumed), return_exceptions=True)
    assert None in answers, answers
    assert s3.objects("raw") == {KEY: DATA}
    assert s3.versions(KEY) == 1


async def test_two_holders_park_one_after_the_other(s3):
    """Tails of two holders do not collide, and the one that reaches farther is offered."""
    slept = await s3.zone.intake.begin(ID, KEY, None)
    await slept.write([DATA[:MIB]])
    await slept.park()
    await slept.write([DATA[MIB : 2 * MIB]])
    resumed = await s3.reopen().intake.resume(ID, KEY)
    await resumed.write([DATA[MIB : 3 * MIB]])
    await resumed.park()
    await slept.park()
    assert len(s3.objects("incoming")) == 2
    again = await s3.reopen().intake.resume(ID, KEY)
    assert again.size_bytes == 3 * MIB
    await _finish(s3, again)
