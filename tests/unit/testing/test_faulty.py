"""The wrapper that fails one call, around a directory zone."""

from __future__ import annotations

import asyncio

import pytest

from headwater.errors import Unavailable
from headwater.ledger.head import new_head
from headwater.ports.ledger import Unclear
from headwater.stores.directory_zone import open_directory_zone
from headwater.testing.faulty import Failure, Plan, faulty
from tests.contract.stores.samples import MIB, body, digests, key, upload_id, whole


class Killed(BaseException):
    """Stands for the end of the process."""


def _kill():
    raise Killed


@pytest.fixture
async def zone(tmp_path):
    """A zone without faults."""
    store = open_directory_zone(tmp_path / "zone")
    yield store
    await store.close()


async def _create(zone, plan, n=1):
    return await faulty(zone.creator, plan, "creator").create(key(n), [b"abc"], digests(b"abc"))


@pytest.mark.parametrize(
    ("failure", "raised", "done"),
    [
        (Failure.BEFORE, Unavailable, False),
        (Failure.ANSWER_LOST, Unavailable, True),
        (Failure.KILL_BEFORE, Killed, False),
        (Failure.KILL_AFTER, Killed, True),
    ],
)
async def test_a_call_fails_as_planned(zone, failure, raised, done):
    """The planned call fails before or after it is done; the calls around it do not, and all are noted."""
    plan = Plan("creator.create", failure, nth=2, kill=_kill)
    await _create(zone, plan, 1)
    assert not plan.reached.is_set()
    with pytest.raises(raised):
        await _create(zone, plan, 2)
    assert plan.reached.is_set()
    await _create(zone, plan, 3)
    assert (await zone.reader.head(key(2)) is not None) is done
    assert plan.calls == ["creator.create"] * 3


async def test_a_call_hangs(zone):
    """A call that is planned to hang is not done, and ends when it is cancelled."""
    plan = Plan("creator.create", Failure.HANG)
    task = asyncio.create_task(_create(zone, plan))
    await plan.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await zone.reader.head(key(1)) is None


async def test_the_error_can_be_chosen(zone):
    """The planned error is the one that the caller gets."""
    with pytest.raises(OSError, match="odd"):
        await _create(zone, Plan("creator.create", error=OSError("odd")))


@pytest.mark.parametrize("method", ["head.found", "head.commit"])
@pytest.mark.parametrize("failure", [Failure.BEFORE, Failure.ANSWER_LOST])
async def test_a_head_is_unclear(zone, method, failure):
    """A head whose write fails is Unclear, and was written if only the answer was lost."""
    head = faulty(zone.heads("log"), Plan(method, failure), "head")
    new = new_head("log", 0, "w")
    if method == "head.commit":
        tag = await head.found(new)
        write = head.commit(tag.head.appended([b"x"], 1), tag)
    else:
        write = head.found(new)
    with pytest.raises(Unclear):
        await write
    loaded = await head.load()
    stored = (loaded is not None) if method == "head.found" else (loaded is not None and loaded.head.size == 1)
    assert stored is (failure is Failure.ANSWER_LOST)
    assert head.lease_seconds is None


async def test_a_staging_is_faulty_too(zone):
    """The staging that a wrapped intake gives fails as its plan says, begun or resumed."""
    plan = Plan("staging.commit", Failure.ANSWER_LOST)
    intake = faulty(zone.intake, plan, "intake")
    assert intake.create_bytes_max == zone.intake.create_bytes_max
    staging = await intake.begin(upload_id(1), key(1), None)
    await staging.write([b"abc"])
    assert staging.size_bytes == 3
    with pytest.raises(Unavailable):
        await staging.commit(digests(b"abc"))
    resumed = await intake.resume(upload_id(1), key(1))
    await resumed.commit(digests(b"abc"))
    assert plan.calls == ["intake.begin", "staging.write", "staging.commit", "intake.resume", "staging.commit"]


@pytest.mark.parametrize(("failure", "got"), [(Failure.BEFORE, 0), (Failure.ANSWER_LOST, MIB)])
async def test_a_read_fails_at_once_or_in_the_middle(zone, failure, got):
    """A read fails before its first piece or after it; the next read is whole."""
    data = body(2 * MIB)
    staging = await zone.intake.begin(upload_id(1), key(1), None)
    await staging.write([data])
    await staging.commit(digests(data))
    reader = faulty(zone.reader, Plan("reader.read", failure), "reader")
    pieces: list[bytes] = []

    async def read():
        async for piece in reader.read(key(1)):
            pieces.append(piece)  # noqa: PERF401 - what came before the failure is the point

    with pytest.raises(Unavailable):
        await read()
    assert b"".join(pieces) == data[:got]
    assert await whole(reader.read(key(1))) == data
