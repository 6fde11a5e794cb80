"""Law 11 for the head of a log and its files, in a bucket."""

from __future__ import annotations

import pytest

from headwater.errors import Damaged, Unavailable
from headwater.ledger.head import encode_frame, new_head
from headwater.ports.ledger import Overtaken, Unclear
from headwater.stores import s3_zone
from tests.unit.stores.s3_world import BUCKET, PREFIX, SILENCE_SECONDS, world

LOG = "zone-1"
HEAD = f"ledger/{LOG}/head"
TILE = f"ledger/{LOG}/tile/0/000"
NEW = new_head(LOG, 0, "first")
HANG = {"status": 200, "hang_seconds": 3 * SILENCE_SECONDS}


@pytest.fixture
async def s3(tmp_path):
    """A zone on the double."""
    async with world(tmp_path) as made:
        yield made


UNCLEAR = [{"status": 500}, {"status": 503}, {"status": 409}, {"status": 429}, {"status": 404}, {"status": None}]


@pytest.mark.parametrize("how", [*UNCLEAR, HANG])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_an_unclear_commit_is_unclear(s3, how, when):
    """Every answer but a plain yes or a plain no is Unclear, after one request; load tells what became of it."""
    heads = s3.zone.heads(LOG)
    tag = await heads.found(NEW)
    asked = s3.double.calls["PutObject"]
    s3.fault("PutObject", when=when, **how)
    next_head = tag.head.appended([b"one"], 1)
    with pytest.raises(Unclear):
        await heads.commit(next_head, tag)
    assert s3.double.calls["PutObject"] == asked + 1
    loaded = await heads.load()
    stored = when == "after" or how is HANG
    assert loaded.head == (next_head if stored else tag.head)
    await heads.commit(loaded.head.appended([b"two"], 2), loaded)


@pytest.mark.parametrize("status", [400, 403])
async def test_a_refused_commit_is_not_stored(s3, status):
    """What the store refuses outright is Unavailable: the old head stands, and the same commit succeeds later."""
    heads = s3.zone.heads(LOG)
    tag = await heads.found(NEW)
    s3.fault("PutObject", status=status)
    with pytest.raises(Unavailable):
        await heads.commit(tag.head.beaten(), tag)
    assert await heads.load() == tag
    await heads.commit(tag.head.beaten(), tag)


async def test_a_head_that_is_gone_is_not_committed(s3):
    """A commit onto a head that vanished is Unclear, makes no new one, and load says that there is none."""
    heads = s3.zone.heads(LOG)
    tag = await heads.found(NEW)
    s3.double.client().delete_object(Bucket=BUCKET, Key=f"{PREFIX}/{HEAD}")
    with pytest.raises((Unclear, Overtaken)):
        await heads.commit(tag.head.beaten(), tag)
    assert await heads.load() is None


@pytest.mark.parametrize("how", [*UNCLEAR, HANG])
async def test_a_founding_whose_answer_was_lost_is_ours(s3, how):
    """A head that was stored although the answer says otherwise is looked for and found to be ours."""
    s3.fault("PutObject", when="after", **how)
    tag = await s3.zone.heads(LOG).found(NEW)
    assert tag == await s3.zone.heads(LOG).load()
    assert s3.versions(HEAD) == 1


@pytest.mark.parametrize("how", [*UNCLEAR, {"status": 403}])
async def test_a_founding_that_failed_is_no_log(s3, how):
    """A founding without effect is Unavailable, is not sent again, and can be called again."""
    heads = s3.zone.heads(LOG)
    s3.fault("PutObject", **how)
    with pytest.raises(Unavailable):
        await heads.found(NEW)
    assert s3.double.calls["PutObject"] == 1
    assert await heads.load() is None
    await heads.found(NEW)


@pytest.mark.parametrize("how", UNCLEAR)
async def test_an_unclear_founding_beside_another_is_overtaken(s3, how):
    """Where another head stands, no fault makes it ours."""
    heads = s3.zone.heads(LOG)
    await heads.found(new_head(LOG, 0, "other"))
    s3.fault("PutObject", **how)
    with pytest.raises(Overtaken):
        await heads.found(NEW)


async def test_a_head_that_cannot_be_read_is_unavailable(s3):
    """While the store fails nobody says that there is no log; afterwards it is there."""
    heads = s3.zone.heads(LOG)
    tag = await heads.found(NEW)
    for status in (403, 500, 503, None):
        s3.fault("GetObject", status=status, times=99)
        with pytest.raises(Unavailable):
            await heads.load()
        s3.double.faults.clear()
    assert await heads.load() == tag


@pytest.mark.parametrize("data", [b"", b"garbage", encode_frame(NEW, 0)[:-1], encode_frame(NEW, 0) + b"\0"])
async def test_a_head_that_contradicts_itself_is_damage(s3, data):
    """A head that is not one whole frame is Damaged: in a bucket nothing is ever torn."""
    s3.double.client().put_object(Bucket=BUCKET, Key=f"{PREFIX}/{HEAD}", Body=data)
    with pytest.raises(Damaged):
        await s3.zone.heads(LOG).load()


async def test_a_hung_writer_learns_of_it_within_its_lease(s3):
    """The lease is longer than the longest silence that the ledger's client waits through."""
    assert s3.zone.heads(LOG).lease_seconds > s3_zone._LEDGER_SILENCE_SECONDS_MAX + 3


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("how", UNCLEAR)
async def test_files_survive_unclear_answers(s3, how, when):
    """Files whose creation was answered unclearly are there afterwards, each once."""
    s3.fault("PutObject", when=when, times=2, **how)
    await s3.zone.files.create([(TILE, b"tile"), (f"{TILE}.p/3", b"part")])
    assert s3.objects() == {TILE: b"tile", f"{TILE}.p/3": b"part"}
    assert s3.versions(TILE) == 2  # one of each: the second key begins with the first


async def test_damage_counts_before_weather(s3):
    """Where one file stands with other bytes and another cannot be created, it is damage that is told."""
    await s3.zone.files.create([(TILE, b"tile")])
    s3.fault("PutObject", key_matches="p/3", status=403)
    with pytest.raises(Damaged):
        await s3.zone.files.create([(f"{TILE}.p/3", b"part"), (TILE, b"other")])


async def test_files_that_cannot_be_had_are_unavailable(s3):
    """A refusal by the store is Unavailable for each call on files."""
    for operation, call in (
        ("GetObject", lambda: s3.zone.files.read(TILE)),
        ("PutObject", lambda: s3.zone.files.create([(TILE, b"tile")])),
        ("PutObject", lambda: s3.zone.files.publish(f"ledger/{LOG}/checkpoint", b"text")),
        ("DeleteObject", lambda: s3.zone.files.prune([f"{TILE}.p/3"])),
    ):
        s3.fault(operation, status=403)
        with pytest.raises(Unavailable):
            await call()
        await call()


async def test_only_a_checkpoint_is_published(s3):
    """Nothing but a checkpoint can be replaced."""
    with pytest.raises(ValueError, match="checkpoint"):
        await s3.zone.files.publish(TILE, b"other")
    assert s3.objects() == {}
